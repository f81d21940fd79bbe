"""The tag: `divolte.js` and `watchbell.js` as the settings of a browser source make them, ready to be sent.

The scripts are built from `web/tag/` without their settings, which are added here as JSON: a script is a function that
is called with them, the module begins with a constant. Without a build, requests for them say how to make one (404);
events are taken all the same.
"""

import base64
import gzip
import hashlib
import json
import logging
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import msgspec

from watchbell.collector.answers import SERVER, TEXT_HEADERS, Headers, names_etag
from watchbell.collector.protocol import Answering, Scope
from watchbell.collector.routing import Handler, not_allowed
from watchbell.collector.sources import BrowserSource

ROOT = Path(__file__).parent / "static"
NOT_BUILT = "The tag is not built. Run `make setup`.\n"

_SCRIPT = "application/javascript"
_TYPES = "text/plain; charset=utf-8"
_HOUR = "public, max-age=3600"
_FOREVER = "public, max-age=31536000, immutable"
_MAX_SECONDS = (1 << 31) - 1
# Other hosts' pages may load these with `integrity`, as a module, or isolated (COEP). `divolte.js` goes without.
_SHARED: Headers = [("access-control-allow-origin", "*"), ("cross-origin-resource-policy", "cross-origin")]

_log = logging.getLogger(__name__)


class Script(msgspec.Struct, frozen=True):
    """One file, plain and compressed (empty when that is no smaller)."""

    body: bytes
    compressed: bytes
    digest: str
    """SHA-256 of the body in Base64."""
    headers: Headers
    """What every answer carries besides the ETag."""
    methods: tuple[str, ...]

    @property
    def integrity(self) -> str:
        """What a page writes as `integrity`."""
        return f"sha384-{base64.b64encode(hashlib.sha384(self.body).digest()).decode()}"


class Tag:
    """The scripts of one browser source. `root` is the folder of the build."""

    def __init__(self, source: BrowserSource, root: Path = ROOT) -> None:
        self.source = source
        self.scripts: dict[str, Script] = {}
        """Path → script. Without a build it is empty."""
        self.versioned = ""
        """The path of `watchbell.js` that never changes what it serves."""
        try:
            self.scripts = dict(self._load(root))
        except FileNotFoundError:
            _log.warning("The tag is not built, so it is not served. Run `make setup`.")

    def routes(self) -> list[tuple[str, Handler]]:
        """The paths of the source's scripts, each with what answers there."""
        if not self.scripts:
            names = (self.source.javascript_name, self.source.watchbell_name)
            return [(self.source.base + name, _say_not_built) for name in names]
        return [(path, _answers_with(script)) for path, script in self.scripts.items()]

    def _load(self, root: Path) -> Iterator[tuple[str, Script]]:
        source = self.source
        base, stem = source.base, source.watchbell_name.removesuffix(".js")
        plain = _call(root / "divolte.js", tag_settings(source))
        yield base + source.javascript_name, _script(plain, _SCRIPT, _HOUR)
        settings = watchbell_settings(source)
        script = _call(root / "watchbell.js", settings)
        module = f"const __TAG__={_json(settings)};".encode() + (root / "watchbell.mjs").read_bytes()
        self.versioned = f"{base}{stem}-{hashlib.sha256(script).hexdigest()[:16]}.js"
        yield base + source.watchbell_name, _script(script, _SCRIPT, _HOUR, shared=True)
        yield self.versioned, _script(script, _SCRIPT, _FOREVER, shared=True)
        yield f"{base}{stem}.mjs", _script(module, _SCRIPT, _HOUR, shared=True)
        yield f"{base}{stem}.d.mts", _script((root / "watchbell.d.mts").read_bytes(), _TYPES, _HOUR, shared=True)


def tag_settings(source: BrowserSource) -> dict[str, object]:
    """What `divolte.js` has to know: `DivolteSettings` in `web/tag/settings.ts`."""
    return {
        "name": source.javascript_name,
        "suffix": source.event_suffix,
        "partyCookie": source.party_cookie,
        "partySeconds": _seconds(source.party_timeout),
        "sessionCookie": source.session_cookie,
        "sessionSeconds": _seconds(source.session_timeout),
        "domain": source.cookie_domain,
        "eventTimeout": ceil(source.event_timeout * 1000),
        "autoPageView": source.auto_page_view_event,
        "logging": source.javascript_logging,
    }


def watchbell_settings(source: BrowserSource) -> dict[str, object]:
    """What `watchbell.js` has to know: `WatchbellSettings` in `web/tag/settings.ts`."""
    return tag_settings(source) | {
        "name": source.watchbell_name,
        "batch": f"{source.event_suffix}s" if source.batches else "",
        "consent": source.consent,
        "gpc": source.global_privacy_control,
        "dnt": source.do_not_track,
        "routes": source.route_page_views,
        "errors": source.report_errors,
        "vitals": source.report_vitals,
        "serverCookie": source.server_cookie,
        "sameSite": source.cookie_same_site,
    }


def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether an `Accept-Encoding` header names gzip, and not with `q=0`."""
    for token in (accept_encoding or "").lower().split(","):
        name, *parameters = (part.strip() for part in token.split(";"))
        if name == "gzip":
            weights = [part[2:].strip() for part in parameters if part.startswith("q=")]
            return not (weights and weights[0].rstrip("0") in {"", "0."})
    return False


def _seconds(duration: float) -> int:
    return max(1, min(round(duration), _MAX_SECONDS))


def _json(settings: dict[str, object]) -> str:
    # ASCII alone, without what could end a script element: the text is the same in every place it may be put into.
    return json.dumps(settings, separators=(",", ":")).replace("<", "\\u003c")


def _call(file: Path, settings: dict[str, object]) -> bytes:
    return file.read_bytes() + f"({_json(settings)});".encode()


def _script(body: bytes, media_type: str, cache: str, *, shared: bool = False) -> Script:
    compressed = gzip.compress(body, 9, mtime=0)
    return Script(
        body=body,
        compressed=compressed if len(compressed) < len(body) else b"",
        digest=base64.b64encode(hashlib.sha256(body).digest()).decode(),
        headers=[
            ("content-type", media_type),
            ("cache-control", cache),
            ("vary", "Accept-Encoding"),
            *(_SHARED if shared else []),
            SERVER,
        ],
        methods=("GET", "HEAD") if shared else ("GET",),
    )


def _answers_with(script: Script) -> Handler:
    plain_etag, compressed_etag = f'"{script.digest}"', f'"gz+{script.digest}"'
    plain = [*script.headers, ("etag", plain_etag)]
    compressed = [*script.headers, ("etag", compressed_etag)]

    async def answer(scope: Scope, proto: Answering) -> None:
        if scope.method not in script.methods:
            not_allowed(scope, proto, ", ".join(script.methods))
            return
        small = bool(script.compressed) and takes_gzip(scope.headers.get("accept-encoding"))
        headers = compressed if small else plain
        known = scope.headers.get("if-none-match")
        if known is not None and names_etag(known, compressed_etag if small else plain_etag):
            proto.response_empty(304, headers[1:])
            return
        body = script.compressed if small else script.body
        if small:
            headers = [*headers, ("content-encoding", "gzip")]
        if scope.method == "HEAD":
            proto.response_empty(200, [*headers, ("content-length", str(len(body)))])
        else:
            proto.response_bytes(200, headers, body)

    return answer


async def _say_not_built(scope: Scope, proto: Answering) -> None:
    if scope.method == "GET":
        proto.response_str(404, TEXT_HEADERS, NOT_BUILT)
    else:
        not_allowed(scope, proto, "GET")
