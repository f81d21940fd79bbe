"""The sources of a collector: what each one is called, where it listens, and how strict it is.

`read_sources` makes them of the setting `collector.sources` and checks them together. It fails with every problem at
once, each with its key and its reason; nothing here looks at a request.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings, read

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCRIPT = re.compile(r"[A-Za-z0-9_-]+\.js")
_COOKIE_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DOMAIN = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_ORIGIN = re.compile(r"https?://[^/\s]+")
_NAMES = {
    **dict.fromkeys(("javascript_name", "watchbell_name"), (_SCRIPT, "must be letters, digits, _ and -, then .js.")),
    **dict.fromkeys(
        ("party_cookie", "session_cookie"),
        (_COOKIE_NAME, "is no name of a cookie. Use letters, digits, _ and -."),
    ),
}

OWN_PATHS = frozenset({"/ping", "/healthz", "/metrics"})
"""Paths that the collector answers itself."""

MAX_BODY = 32 * 1024 * 1024
"""The largest body that any source may be set to take, bytes."""


class Source(Settings, frozen=True):
    """What every source has: `kind` is the word that stands for it in the settings."""

    kind: ClassVar[str] = ""

    def paths(self) -> list[tuple[str, str]]:
        """The paths that belong to it, each with the setting that names it."""
        return []

    def faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with its settings, though each has the right type: setting and reason."""
        yield from ()


def _is_path(text: str) -> bool:
    return text.startswith("/") and not any(part in text for part in ("?", "#", "//", "/.", " "))


class HttpSource(Source, frozen=True):
    """What every source has that answers requests itself."""

    origins: list[str] = []
    """Origins (`https://www.example.org`) whose pages may read the answers, besides `collector.origins`; `*` for all.

    Pages of an origin that is listed by name may also send cookies.
    """

    def faults(self) -> Iterator[tuple[str, str]]:
        for origin in self.origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                yield "origins", f"{origin!r} is no origin. Write scheme and host only, as https://www.example.org."
        for key, path in self.paths():
            if not _is_path(path):
                yield key, f"gives {path!r}, which is no path. Begin it with /, without // and /. and ?."


class BrowserSource(HttpSource, frozen=True, tag_field="type", tag="browser"):
    """Takes what the tag sends from pages, and serves the tag."""

    kind: ClassVar[str] = "browser"

    prefix: str = "/"
    """Path below which the tag is served and its requests arrive; a slash is added at its end."""
    event_suffix: str = "csc-event"
    """Name of the tag's requests below the prefix."""
    batches: bool = True
    """Whether many of the tag's requests are taken in one POST (`navigator.sendBeacon`).

    The path is that of the events and an `s`, `/csc-events`; the body has the query string of a request on each line.
    """
    party_cookie: str = "_dvp"
    """Name of the cookie that holds the party's identifier."""
    party_timeout: float = 63_072_000
    """Seconds that a browser keeps the party's identifier after the last event (730 days)."""
    session_cookie: str = "_dvs"
    """Name of the cookie that holds the session's identifier."""
    session_timeout: float = 1800
    """Seconds without an event after which the next one begins a session."""
    cookie_domain: str = ""
    """Domain of the cookies; empty is the page's own host."""
    server_cookie: bool = False
    """Whether a request of `watchbell.js` may ask (`ck=1`) that the answer sets the party's cookie.

    Browsers keep it longer than one that a script sets, for at most 400 days.
    """
    cookie_same_site: Literal["lax", "strict", "none"] = "lax"
    """`SameSite` of the cookie that the server sets; `none` when pages of other sites send events here."""
    javascript_name: str = "divolte.js"
    """Name of the tag's script below the prefix: letters, digits, `_` and `-`, then `.js`."""
    javascript_logging: bool = False
    """Whether the tag writes to the browser's console."""
    auto_page_view_event: bool = True
    """Whether the tag sends a `pageView` event when a page is shown."""
    event_timeout: float = 0.75
    """Seconds that the tag waits for an event's answer before it sends the next one."""
    watchbell_name: str = "watchbell.js"
    """Name of the script that does more than `divolte.js`; what follows is for that one."""
    consent: Literal["granted", "pending", "cookieless", "denied"] = "granted"
    """What visitors have agreed to until the page says otherwise.

    `pending` waits for the page's word, `cookieless` sends and keeps nothing in the browser, `denied` sends nothing.
    """
    global_privacy_control: Literal["", "pending", "cookieless", "denied"] = ""
    """The same when the browser sends Global Privacy Control; empty takes no notice of it."""
    do_not_track: Literal["", "pending", "cookieless", "denied"] = ""
    """The same when the browser sends Do Not Track; empty takes no notice of it."""
    route_page_views: Literal["", "history", "hash"] = ""
    """What counts as a page view of a single-page application.

    `history` is another address, `hash` also another fragment; empty counts only what is loaded.
    """
    report_errors: bool = False
    """Whether JavaScript errors are sent, as events of the type `error`."""
    report_vitals: bool = False
    """Whether web vitals are sent, as one event of the type `vitals` for each page that was loaded."""

    @property
    def base(self) -> str:
        """The prefix with a slash at its end."""
        return self.prefix if self.prefix.endswith("/") else f"{self.prefix}/"

    @property
    def event_path(self) -> str:
        """Where the tag's requests arrive."""
        return self.base + self.event_suffix

    @property
    def batch_path(self) -> str:
        """Where batches of the tag's requests arrive; empty for nowhere."""
        return f"{self.event_path}s" if self.batches else ""

    def paths(self) -> list[tuple[str, str]]:
        """The tag, its requests, its batches."""
        named = [
            ("event_suffix", self.event_path),
            ("javascript_name", self.base + self.javascript_name),
            ("watchbell_name", self.base + self.watchbell_name),
        ]
        return [*named, ("event_suffix", self.batch_path)] if self.batches else named

    def faults(self) -> Iterator[tuple[str, str]]:
        if not _is_path(self.prefix):
            yield "prefix", f"is {self.prefix!r}, which is no path. Begin it with /, without // and /. and ?."
            return
        yield from super().faults()
        if not self.event_suffix:
            yield "event_suffix", "must not be empty."
        for key, (pattern, reason) in _NAMES.items():
            if not pattern.fullmatch(getattr(self, key)):
                yield key, reason
        if self.party_cookie == self.session_cookie:
            yield "session_cookie", "is also the party's. Choose another."
        for key in ("party_timeout", "session_timeout", "event_timeout"):
            if not getattr(self, key) > 0:
                yield key, "must be more than 0 seconds."
        if self.cookie_domain and not _DOMAIN.fullmatch(self.cookie_domain):
            yield "cookie_domain", "is no domain. Write it as example.org."


class KeyedSource(HttpSource, frozen=True):
    """What the sources have that programs send to: a body, and perhaps a secret that both sides know."""

    maximum_body_size: int = 4096
    """Largest body of a request, in bytes."""
    shared_key: Secret = Secret("")
    """When set, requests must carry it: `Authorization: Bearer <key>`. At least 16 characters."""
    signing_key: Secret = Secret("")
    """When set, requests must be signed with it; at least 16 characters.

    `X-Watchbell-Signature: sha256=<hex>` is the HMAC-SHA-256 of the query string, a line feed and the body.
    """

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if not 0 < self.maximum_body_size <= MAX_BODY:
            yield "maximum_body_size", f"must be 1 to {MAX_BODY}."
        for key in ("shared_key", "signing_key"):
            secret: Secret = getattr(self, key)
            if secret and len(secret.reveal()) < 16:
                yield key, "is too short. Use 16 characters or more, as from `openssl rand -hex 32`."


class JsonSource(KeyedSource, frozen=True, tag_field="type", tag="json"):
    """Takes one event as JSON in each request, from applications and servers."""

    kind: ClassVar[str] = "json"

    event_path: str = "/"
    """Path of the requests."""
    party_id_parameter: str = "p"
    """Query parameter that carries the party's identifier."""
    maximum_body_size: int = 4096
    """Largest body of a request, in bytes; a strict source rounds it up to whole 4,096."""
    lenient: bool = False
    """Take what a strict source, as Divolte's, refuses.

    A charset in the content type, unknown properties, a party in the body, and many events in an array. What is wrong
    with an event is then said in the answer (400) instead of being kept with the rejected events.
    """

    def paths(self) -> list[tuple[str, str]]:
        """One path."""
        return [("event_path", self.event_path)]

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if not self.party_id_parameter:
            yield "party_id_parameter", "must not be empty."


class BatchSource(KeyedSource, frozen=True, tag_field="type", tag="batch"):
    """Takes batches of events as JSON, from anything; also as `text/plain`, which `navigator.sendBeacon` sends."""

    kind: ClassVar[str] = "batch"

    event_path: str = "/events"
    """Path of the requests."""
    maximum_body_size: int = 1_048_576
    """Largest body of a batch, in bytes."""
    maximum_events: int = 1000
    """Most events in a batch."""

    def paths(self) -> list[tuple[str, str]]:
        """One path."""
        return [("event_path", self.event_path)]

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if not 0 < self.maximum_events <= 50_000:
            yield "maximum_events", "must be 1 to 50000."


class NginxLogSource(Source, frozen=True, tag_field="type", tag="nginx-log"):
    """Reads the log of an nginx that answers the tag's requests itself; `deploy/nginx/events-log.conf` is one."""

    kind: ClassVar[str] = "nginx-log"

    log: str = ""
    """The file that nginx writes. Rotated ones are read to their end: those whose name begins with this one's.

    They must lie in the same folder and not be compressed before they are read (`delaycompress` of logrotate).
    """

    def faults(self) -> Iterator[tuple[str, str]]:
        if not self.log.startswith("/"):
            yield "log", "must be the whole path of the file that nginx writes, such as /var/log/nginx/events.log."


AnySource = BrowserSource | JsonSource | BatchSource | NginxLogSource
Sources = Mapping[str, AnySource]
"""Name → source."""

KINDS: dict[str, type[AnySource]] = {cls.kind: cls for cls in (BrowserSource, JsonSource, BatchSource, NginxLogSource)}
"""The word for `type` in the settings → its settings."""


def default_tables() -> dict[str, dict[str, Any]]:
    """The sources when none are configured, as they stand in the settings."""
    return {
        "browser": {"type": "browser"},
        "json": {"type": "json", "event_path": "/json-event"},
        "events": {"type": "batch"},
    }


def default_sources() -> dict[str, AnySource]:
    """The sources when none are configured."""
    return read_sources(default_tables())


def read_sources(tables: Mapping[str, Any], *, prefix: str = "collector.sources.") -> dict[str, AnySource]:
    """The sources that `tables` (name → settings) describe.

    Raises:
        InvalidSettings: with every problem; `prefix` is put before its key.
    """
    problems: list[Problem] = []
    found: dict[str, AnySource] = {}
    for name, table in tables.items():
        try:
            found[name] = _read_source(name, table, prefix)
        except InvalidSettings as error:
            problems.extend(error.problems)
    problems.extend(_taken_twice(found, prefix))
    if problems:
        raise InvalidSettings(problems)
    return found


def _read_source(name: str, table: Any, prefix: str) -> AnySource:
    if not _NAME.fullmatch(name):
        reason = "is no name for a source. Use letters, digits, _ and -."
        raise InvalidSettings([Problem(field=f"{prefix}{name}", reason=reason)])
    if not isinstance(table, dict):
        reason = f"is a table. Write [{prefix}{name}] and its settings below it."
        raise InvalidSettings([Problem(field=f"{prefix}{name}", reason=reason)])
    settings: dict[str, Any] = dict(table)  # pyright: ignore[reportUnknownArgumentType] - checked by `read`
    cls = KINDS.get(settings.pop("type", ""))
    if cls is None:
        reason = f"must be one of {', '.join(KINDS)}."
        raise InvalidSettings([Problem(field=f"{prefix}{name}.type", reason=reason)])
    source = read(cls, settings, prefix=f"{prefix}{name}.")
    reasons: dict[str, str] = {}
    for key, reason in source.faults():
        reasons.setdefault(key, reason)
    problems = [Problem(field=f"{prefix}{name}.{key}", reason=reason) for key, reason in reasons.items()]
    if problems:
        raise InvalidSettings(problems)
    return source


def _taken_twice(sources: Sources, prefix: str) -> Iterator[Problem]:
    owners = dict.fromkeys(OWN_PATHS, "the collector itself")
    logs: dict[str, str] = {}
    for name, source in sources.items():
        for key, path in source.paths():
            if path in owners:
                reason = f"{path} belongs to {owners[path]} already. Choose another."
                yield Problem(field=f"{prefix}{name}.{key}", reason=reason)
            owners[path] = f"the source {name}"
        if isinstance(source, NginxLogSource):
            if source.log in logs:
                yield Problem(field=f"{prefix}{name}.log", reason=f"is read by the source {logs[source.log]} already.")
            logs[source.log] = name
