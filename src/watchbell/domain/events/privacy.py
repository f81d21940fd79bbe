"""What of a raw event is not stored: applied before the journal, so that it is on no disk.

Addresses are cut to their first bits or left out; values are emptied by name; party and session become hashes with a
salt that changes every day. A request whose checksum fitted has one that fits afterwards, too. Nothing fails: what
cannot be read, and so not be cleaned, is emptied.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any, Literal, cast
from urllib.parse import quote, unquote_plus

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.checksum import canonical_string, checksum_of, is_intact, render_checksum
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.mincode import decode_mincode
from watchbell.domain.events.mincode_text import encode_mincode
from watchbell.domain.events.numbers import to_base36
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, RawKind, peer_address

DAY_MS = 86_400_000
SaltOf = Callable[[int], bytes]
"""The salt of a day (days since 1970, UTC)."""

_ADDRESS_HEADERS = frozenset({"forwarded", "x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip"})
_SEPARATORS = re.compile(r"([?&;#])")
_PAGES = {"location", "referer"}


class Privacy(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    addresses: Literal["full", "truncated", "none"] = "full"
    ipv4_bits: int = 24
    ipv6_bits: int = 48
    redact: frozenset[str] = frozenset()
    """Names in lower case."""
    rotate_ids: bool = False

    @property
    def wanted(self) -> bool:
        """Whether anything is asked for."""
        return self.addresses != "full" or bool(self.redact) or self.rotate_ids


class Protector:
    """Cleans raw events."""

    def __init__(self, privacy: Privacy, salt_of: SaltOf) -> None:
        self._privacy = privacy
        self._salt_of = salt_of
        self._rewrites = bool(privacy.redact) or privacy.rotate_ids
        dropped = set(privacy.redact)
        if privacy.addresses != "full":
            dropped |= _ADDRESS_HEADERS
        if privacy.rotate_ids:
            # The cookies of the tag are the very identifiers.
            dropped |= {"cookie"}
        self._dropped = frozenset(dropped)

    def protect(self, raw: RawEvent) -> RawEvent:
        """The event as it may be stored; of one that nobody foresaw nothing is left but when it came, and where.

        Raises:
            OSError: a salt cannot be had.
        """
        try:
            return self._protected(raw)
        except OSError:
            raise
        except Exception:  # task edge: one event must not keep those that came with it from being stored
            return RawEvent(raw.kind, raw.source, raw.received_ms, ":0", None, "", b"null" if raw.body else b"")

    def _protected(self, raw: RawEvent) -> RawEvent:
        changed: dict[str, Any] = {"headers": tuple([pair for pair in raw.headers if pair[0] not in self._dropped])}
        if self._privacy.addresses != "full":
            changed["remote"] = self._address(raw.remote)
        if self._rewrites:
            if raw.query:
                changed["query"] = self._query(raw)
            if raw.body:
                changed["body"] = self._body(raw)
        return msgspec.structs.replace(raw, **changed)

    def identifier(self, kind: str, text: str | None, received_ms: int) -> str | None:
        """The hash that stands for an identifier on that day; what is no identifier stays as it is."""
        known = parse_identifier(text)
        if known is None:
            return text
        day = received_ms // DAY_MS
        digest = hmac.new(self._salt_of(day), f"{kind}\x00{known}".encode(), hashlib.sha256).digest()
        return f"0:{to_base36(day * DAY_MS)}:{base64.urlsafe_b64encode(digest[:24]).decode()}"

    def _address(self, remote: str) -> str:
        if self._privacy.addresses == "none":
            return ":0"
        try:
            address = ip_address(peer_address(remote).partition("%")[0])
        except ValueError:
            return ":0"
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        bits = self._privacy.ipv4_bits if address.version == 4 else self._privacy.ipv6_bits
        kept = ip_network(f"{address}/{bits}", strict=False).network_address
        return f"[{kept}]:0" if kept.version == 6 else f"{kept}:0"

    def _query(self, raw: RawEvent) -> str:
        query, repeated = parse_query(raw.query)
        intact = raw.kind == RawKind.BROWSER and is_intact(query, repeated)
        given = repeated or {name: [value] for name, value in query.items()}
        cleaned = {name: [self._value(raw, name, each) for each in values] for name, values in given.items()}
        if intact:
            first = {name: values[0] for name, values in cleaned.items()}
            several = cleaned if repeated else None
            cleaned["x"] = [render_checksum(checksum_of(canonical_string(first, several)))]
        pairs = [(name, each) for name, values in cleaned.items() for each in values]
        return "&".join(f"{quote(name, safe='')}={quote(each, safe='')}" for name, each in pairs)

    def _value(self, raw: RawEvent, name: str, value: str) -> str:
        if name in {"p", "s"}:
            rotates = self._privacy.rotate_ids
            kind = "party" if name == "p" else "session"
            return (self.identifier(kind, value, raw.received_ms) or "") if rotates else value
        if name.lower() in self._privacy.redact:
            return ""
        if raw.kind == RawKind.BROWSER and name in {"l", "r"}:
            return self._page(value)
        return self._custom(value) if raw.kind == RawKind.BROWSER and name == "u" else value

    def _custom(self, text: str) -> str:
        """Custom parameters as Mincode."""
        if not self._privacy.redact:
            return text
        try:
            return encode_mincode(self._cleaned(decode_mincode(text)))
        except (Invalid, RecursionError):
            return ""

    def _page(self, url: str) -> str:
        """The address of a page; the values of redacted parameters of its query and its fragment are empty."""
        if not self._privacy.redact:
            return url
        parts = _SEPARATORS.split(url)
        for index in range(2, len(parts), 2):
            name, equals, _ = parts[index].partition("=")
            if equals and unquote_plus(name).lower() in self._privacy.redact:
                parts[index] = f"{name}="
        return "".join(parts)

    def _body(self, raw: RawEvent) -> bytes:
        try:
            found = msgspec.json.decode(raw.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return b"null"
        if not isinstance(found, dict):
            return b"null"
        body = cast("dict[str, Any]", found)
        for name, value in body.items():
            if name in {"party_id", "session_id"} and isinstance(value, str):
                if self._privacy.rotate_ids:
                    body[name] = self.identifier(name.removesuffix("_id"), value, raw.received_ms)
            elif name in _PAGES and isinstance(value, str):
                body[name] = self._page(value)
            elif name == "parameters":
                body[name] = self._parameters(value)
        return msgspec.json.encode(body)

    def _parameters(self, value: Any) -> Any:
        try:
            return self._cleaned(value)
        except RecursionError:
            return None

    def _cleaned(self, value: Any) -> Any:
        """Parameters; the values of redacted names are null, at any depth."""
        if isinstance(value, dict):
            return {
                name: None if name.lower() in self._privacy.redact else self._cleaned(each)
                for name, each in cast("dict[str, Any]", value).items()
            }
        if isinstance(value, list):
            return [self._cleaned(each) for each in cast("list[Any]", value)]
        return value
