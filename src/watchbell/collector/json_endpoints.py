"""The sources that take JSON: one event for each request (strict, as Divolte has it, or lenient), and batches.

A request is answered when the journal has its events. What a strict source takes is read behind the journal; what a
lenient one or a batch source takes is checked here, and the answer says what is wrong and where (400).
"""

import secrets
from abc import ABC, abstractmethod
from math import ceil
from urllib.parse import quote_plus

from watchbell.collector.answers import EMPTY_HEADERS, TEXT_HEADERS, Headers
from watchbell.collector.cors import Cors
from watchbell.collector.protocol import Answering, Scope
from watchbell.collector.receiving import Receiving
from watchbell.collector.routing import not_allowed
from watchbell.collector.signing import Proof
from watchbell.collector.sources import BatchSource, JsonSource, KeyedSource
from watchbell.domain.errors import Invalid
from watchbell.domain.events.batch import MAX_EVENTS, split_batch
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.json_source import check_utf8
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, RawKind

# `text/plain` is what sendBeacon says, the form type is what curl says unless told otherwise. It must be JSON anyway.
_BATCH_TYPES = frozenset({"application/json", "text/plain", "application/x-www-form-urlencoded", ""})
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_CHUNK = 4096


def random_text() -> str:
    """32 characters without a colon, for an identifier that the sender left out."""
    return secrets.token_urlsafe(24)


class _Endpoint(ABC):
    """What the two have in common: who may send, by which method, and how much."""

    def __init__(self, name: str, source: KeyedSource, receiving: Receiving) -> None:
        self._name = name
        self._receiving = receiving
        self.cors = Cors([*receiving.settings.origins, *source.origins], "POST")
        self._proof = Proof(source)
        self._limit = source.maximum_body_size

    async def __call__(self, scope: Scope, proto: Answering) -> None:
        """Answers one request."""
        if self.cors.preflight(scope, proto):
            return
        more = self.cors.headers(scope)
        if scope.method != "POST":
            not_allowed(scope, proto, "POST", more)
        elif fault := self._media_fault(scope):
            proto.response_str(415, [*TEXT_HEADERS, *more], f"{fault}\n")
        elif not self._proof.has_key(scope):
            self._refuse(proto, more, "The shared key is missing or wrong.")
        elif (body := await self._receiving.body(scope, proto, self._limit, more)) is not None:
            await self._take(scope, proto, body, more)

    async def _take(self, scope: Scope, proto: Answering, body: bytes, more: Headers) -> None:
        if not self._proof.is_signed(scope, body):
            self._refuse(proto, more, "The signature is missing or wrong.")
            return
        try:
            raws = self._read(scope, body)
        except Invalid as error:
            self._receiving.telemetry.count("event_batches_refused")
            proto.response_str(400, [*TEXT_HEADERS, *more], f"{error.message}\n")
            return
        await self._receiving.accept_all(raws)
        proto.response_empty(204, [*EMPTY_HEADERS, *more])

    @abstractmethod
    def _media_fault(self, scope: Scope) -> str:
        """What is wrong with the content type; nothing when it is empty."""

    @abstractmethod
    def _read(self, scope: Scope, body: bytes) -> list[RawEvent]:
        """The events of a body, or `Invalid`."""

    def _refuse(self, proto: Answering, more: Headers, reason: str) -> None:
        self._receiving.telemetry.count("event_senders_refused")
        proto.response_str(401, [*TEXT_HEADERS, ("www-authenticate", "Bearer"), *more], f"{reason}\n")


class JsonEndpoint(_Endpoint):
    """A JSON source that is as strict as Divolte's; the checks are made in the same order."""

    def __init__(self, name: str, source: JsonSource, receiving: Receiving) -> None:
        super().__init__(name, source, receiving)
        self._limit = ceil(source.maximum_body_size / _CHUNK) * _CHUNK
        self._parameter = source.party_id_parameter

    def _media_fault(self, scope: Scope) -> str:
        types = [value for name, value in scope.headers.items() if name == "content-type"]
        right = len(types) == 1 and types[0].lower() == "application/json"
        return "" if right else "The content type must be application/json, without parameters."

    def _read(self, scope: Scope, body: bytes) -> list[RawEvent]:
        if not body:
            raise Invalid("the body is empty", "body")
        party = parse_query(scope.query_string)[0].get(self._parameter)
        if party is None or parse_identifier(party) is None:
            raise Invalid("missing or not an identifier", self._parameter)
        check_utf8(body)
        query = f"p={quote_plus(party, errors='surrogatepass')}"
        return self._receiving.raws(scope, RawKind.JSON, self._name, [(query, body)])


class BatchEndpoint(_Endpoint):
    """A batch source, or a lenient JSON source: one event, an array of events, or an object with `events`."""

    def __init__(self, name: str, source: BatchSource | JsonSource, receiving: Receiving) -> None:
        super().__init__(name, source, receiving)
        self._lenient = isinstance(source, JsonSource)
        self._parameter = source.party_id_parameter if isinstance(source, JsonSource) else ""
        self._events = source.maximum_events if isinstance(source, BatchSource) else MAX_EVENTS

    def _media_fault(self, scope: Scope) -> str:
        media, _, parameters = (scope.headers.get("content-type") or "").partition(";")
        if media.strip().lower() not in _BATCH_TYPES:
            return "The content type must be application/json or text/plain."
        charset = _charset(parameters)
        return "" if charset in _UTF8 else f"The charset must be UTF-8, not {charset[:40]}."

    def _read(self, scope: Scope, body: bytes) -> list[RawEvent]:
        party = parse_query(scope.query_string)[0].get(self._parameter) if self._parameter else None
        if party is not None and parse_identifier(party) is None:
            raise Invalid("is not an identifier (0:<time in base 36>:<text>)", self._parameter)
        now_ms = self._receiving.now_ms()
        elements = split_batch(body, random_text, now_ms, self._events, single=self._lenient, party_id=party or "")
        return self._receiving.raws(scope, RawKind.BATCH, self._name, [("", element) for element in elements])


def json_endpoint(name: str, source: JsonSource | BatchSource, receiving: Receiving) -> JsonEndpoint | BatchEndpoint:
    """The endpoint that a source asks for."""
    if isinstance(source, JsonSource) and not source.lenient:
        return JsonEndpoint(name, source, receiving)
    return BatchEndpoint(name, source, receiving)


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""
