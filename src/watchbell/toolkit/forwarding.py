"""Settings of the installations that alerts are forwarded to: the tables of `plugins.forward`."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from watchbell.domain.forwarding import Destination, place
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings, read

_NAME = re.compile(r"[\w.:-]{1,60}")
_WORD = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
LONGEST = 60
_KEY = "plugins.forward"


class ForwardTo(Settings, frozen=True, kw_only=True):
    """Another installation, of Watchbell or of Alerta, that is told of alerts."""

    url: str
    """Address of its API, such as `https://watchbell.example.org/api`."""
    name: str = ""
    """What it is called in logs and metrics; empty is the address's host and port."""
    actions: list[str] = msgspec.field(default_factory=lambda: ["*"])
    """What it is told: `alerts` (all that comes in), `actions` (all that people do), words such as `ack`, `close`,
    `shelve` or one of your own for some of these, `delete`; `*` is everything."""
    key: Secret = Secret("")
    """API key of the other installation; with `secret` the id of a Hawk key."""
    secret: Secret = Secret("")
    """Secret that requests are signed with (Hawk, HMAC-SHA256), instead of sending a key."""
    username: str = ""
    """Login there, where neither a key nor a token is used."""
    password: Secret = Secret("")
    """Password of `username`."""
    token: Secret = Secret("")
    """Bearer token, where none of the others is used."""
    timeout: float = 15
    """Seconds that one message may take."""
    verify_tls: bool = True
    """Whether its certificate must be valid."""

    @property
    def called(self) -> str:
        """Its name."""
        return self.name or urlsplit(self.url).netloc.rpartition("@")[2].lower()

    def destination(self) -> Destination:
        """What is decided by."""
        return Destination(name=self.called, url=self.url.rstrip("/"), wants=frozenset(self.actions))

    def faults(self, at: str) -> Iterator[Problem]:
        """What is wrong; `at` is the table's place."""
        try:
            parts = urlsplit(self.url)
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or not self.url.isprintable() or " " in self.url:
            yield Problem(field=f"{at}url", reason="must be an address that begins with http:// or https://")
            return
        parts = urlsplit(self.url)
        if parts.username is not None or parts.query or parts.fragment:
            yield Problem(field=f"{at}url", reason="must have no user, query or fragment", fix="set key, or username")
        if not _NAME.fullmatch(self.called):
            yield Problem(field=f"{at}name", reason="must be letters, digits and _ . : - in up to 60 characters")
        if not self.actions or not all(_WORD.fullmatch(word) for word in self.actions):
            yield Problem(field=f"{at}actions", reason="must name at least one; * is everything")
        if not 0 < self.timeout <= LONGEST:
            yield Problem(field=f"{at}timeout", reason=f"must be more than 0 and at most {LONGEST} seconds")
        yield from self._auth_faults(at)

    def _auth_faults(self, at: str) -> Iterator[Problem]:
        if self.secret and not self.key:
            yield Problem(field=f"{at}secret", reason="needs key, the id that it belongs to")
        if bool(self.username) != bool(self.password):
            yield Problem(field=f"{at}password", reason="goes with username, and the other way round")
        ways = [name for name in ("key", "username", "token") if getattr(self, name)]
        if len(ways) > 1:
            yield Problem(field=f"{at}{ways[1]}", reason=f"goes not with {ways[0]}", fix="keep one of them")
        given = (self.key, self.secret, self.password, self.token)
        if any(not text.reveal().isprintable() for text in given):
            yield Problem(field=at.rstrip("."), reason="has a secret with characters that cannot be sent")


def read_destinations(tables: Sequence[dict[str, Any]]) -> list[ForwardTo]:
    """The destinations.

    Raises:
        InvalidSettings: a table is wrong, or two have one name.
    """
    problems: list[Problem] = []
    found: list[ForwardTo] = []
    for number, table in enumerate(tables):
        at = f"{_KEY}[{number}]."
        try:
            one = read(ForwardTo, table, prefix=at)
        except InvalidSettings as error:
            problems += error.problems
            continue
        problems += one.faults(at)
        if one.called in {other.called for other in found}:
            problems.append(Problem(field=f"{at}name", reason=f"there are two called {one.called!r}"))
        found.append(one)
    if problems:
        raise InvalidSettings(problems)
    return found


def own_place_fault(tables: Sequence[ForwardTo], own: str) -> str:
    """Why nothing may be forwarded from this address; empty when it may."""
    if not own:
        return "needs server.base_url: other installations know by it what has been here."
    if place(own) in {place(one.url) for one in tables}:
        return "names this installation itself."
    return ""
