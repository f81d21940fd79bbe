"""SAML 2: requests by redirect, and answers whose assertion is signed, for us, of now, and to what was asked.

`pysaml2` checks signatures with the program xmlsec1 and reads XML without entities and document types. What it takes
for granted where an answer says nothing of it, is asked for here: conditions, an audience, an end. It waits for a
program, so it works in threads. Without the package, whoever wants to log in so is told that it is missing.
"""

import asyncio
import base64
import binascii
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

import structlog

from watchbell.domain.admission import Identity
from watchbell.domain.errors import Overloaded, Retryable, Unauthenticated, WatchbellError
from watchbell.ports.clock import Clock
from watchbell.ports.login import Challenge
from watchbell.toolkit.http import HttpClient, HttpRequest
from watchbell.toolkit.login_saml import Saml

_log = structlog.get_logger("saml")
logging.getLogger("saml2").setLevel(logging.CRITICAL)  # it quotes what strangers send; what matters is said here

KEPT = timedelta(hours=1)
DEADLINE = 15.0  # seconds for one answer, and for the metadata
METADATA_MAX = 4 << 20
ANSWER_MAX = 256 << 10
AT_ONCE, WAITING = 2, 32
SKEW = 120  # seconds that clocks may differ
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
HASHES = frozenset({"sha256", "sha384", "sha512"})
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


class _Known(NamedTuple):
    """The identity provider as its metadata has it."""

    metadata: str
    at: datetime


class SamlProvider:
    """One identity provider."""

    def __init__(self, settings: Saml, http: HttpClient, clock: Clock) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._known: _Known | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"saml-{settings.name}")
        self._under_way = 0

    async def authorization_endpoint(self) -> str:
        """Where people log in there: an address that means nothing without a request."""
        return ""

    async def address(self, challenge: Challenge) -> str:
        metadata = await self._metadata()
        return await self._aside(self._request, metadata, challenge)

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        metadata = await self._metadata()
        try:
            raw = base64.b64decode(code, validate=True) if len(code) <= ANSWER_MAX else b""
        except (binascii.Error, ValueError):
            raw = b""
        # A document type declares entities, which no answer needs.
        if not raw or b"<!DOCTYPE" in raw or not challenge.nonce:
            raise Unauthenticated(f"{self._settings.heading} sends no answer.")
        return await self._aside(self._identity, metadata, code, challenge)

    def description(self, redirect: str) -> bytes:
        """Our metadata, for the identity provider: an XML document. Answers come to `redirect`."""
        return str(_library("metadata").entity_descriptor(self._config("", redirect))).encode()

    async def _aside(self, work: Any, *arguments: Any) -> Any:
        if self._under_way >= AT_ONCE + WAITING:
            raise Overloaded("Too many people log in at this moment.", retry_after=2)
        self._under_way += 1
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except TimeoutError:
            raise Retryable(f"{self._settings.heading}'s answers take too long to check.") from None
        finally:
            self._under_way -= 1

    async def _metadata(self) -> str:
        now = self._clock.now()
        if self._known is None or now - self._known.at >= KEPT:
            self._known = _Known(await self._read_metadata(), now)
        return self._known.metadata

    async def _read_metadata(self) -> str:
        settings = self._settings
        if settings.metadata_file:
            try:
                return await asyncio.to_thread(Path(settings.metadata_file).read_text)
            except (OSError, ValueError):
                raise Retryable(f"{settings.heading}'s metadata cannot be read from its file.") from None
        try:
            async with asyncio.timeout(DEADLINE):
                reply = await self._http.exchange(HttpRequest(url=settings.metadata_url, body_limit=METADATA_MAX))
        except TimeoutError:
            raise Retryable(f"{settings.heading} does not answer.") from None
        if reply.status != 200:
            raise Retryable(f"{settings.heading} answers {reply.status} to {settings.metadata_url}.")
        return reply.body.decode("utf-8", "replace")

    def _config(self, metadata: str, redirect: str) -> Any:
        """The library's settings. `redirect` is where answers come to."""
        told: dict[str, Any] = {
            "entityid": self._settings.entity_id or f"{redirect}/metadata.xml",
            "allow_unknown_attributes": True,
            "accepted_time_diff": SKEW,
            "service": {
                "sp": {
                    "name": "Watchbell",
                    "endpoints": {"assertion_consumer_service": [(redirect, POST)]},
                    "allow_unsolicited": False,
                    "authn_requests_signed": False,
                    "want_assertions_signed": True,
                    "want_response_signed": False,
                }
            },
        }
        if metadata:
            told["metadata"] = {"inline": [metadata]}
        config = _library("config").SPConfig()
        config.load(told)
        return config

    def _client(self, metadata: str, redirect: str) -> Any:
        """The library's client: one for each log-in, for it remembers people."""
        try:
            return _library("client").Saml2Client(config=self._config(metadata, redirect))
        except WatchbellError:
            raise
        except Exception as error:  # task edge: the library says in many ways that it cannot begin
            _log.warning("saml_not_ready", provider=self._settings.name, error=_words(error))
            text = f"{self._settings.heading}'s metadata cannot be read, or the program xmlsec1 is not there."
            raise Retryable(text) from None

    def _idp(self, client: Any) -> str:
        """The identity provider's entity id."""
        there = sorted(cast("dict[str, Any]", client.metadata.with_descriptor("idpsso")))
        wanted = self._settings.idp
        if (wanted and wanted not in there) or (not wanted and len(there) != 1):
            raise Retryable(f"{self._settings.heading}'s metadata has not the identity provider that idp names.")
        return wanted or there[0]

    def _request(self, metadata: str, challenge: Challenge) -> str:
        client = self._client(metadata, challenge.redirect)
        idp = self._idp(client)
        try:
            _, told = client.prepare_for_authenticate(
                entityid=idp,
                relay_state=challenge.state,
                binding=REDIRECT,
                response_binding=POST,
                message_id=_request_id(challenge),
                nameid_format="",
            )
        except Exception as error:  # task edge: metadata without the endpoint that is needed, for example
            _log.warning(
                "saml_no_request", provider=self._settings.name, error=f"{type(error).__name__}: {error}"[:500]
            )
            raise Retryable(f"{self._settings.heading}'s metadata has no address to log in at.") from None
        return dict(told["headers"])["Location"]

    def _identity(self, metadata: str, code: str, challenge: Challenge) -> Identity:
        found = self._read(metadata, code, challenge)
        if isinstance(found, str):
            raise Unauthenticated(f"{self._settings.heading}'s answer is not good: {found}")
        return found

    def _read(self, metadata: str, code: str, challenge: Challenge) -> Identity | str:
        """Who the answer is about, or why it proves nothing: not raised, so that the library's files close at once."""
        client = self._client(metadata, challenge.redirect)
        idp = self._idp(client)
        asked = _request_id(challenge)
        try:
            answer = client.parse_authn_request_response(code, POST, outstanding={asked: "/"})
        except Exception as error:  # task edge: whatever the library does not like about what a stranger sent
            _log.info("saml_refused", provider=self._settings.name, error=_words(error))
            traceback.clear_frames(error.__traceback__)  # they hold on to certificates in files
            return type(error).__name__
        return _doubt(answer, idp, asked, client.config.entityid, self._clock.now()) or self._told(answer)

    def _told(self, answer: Any) -> Identity | str:
        settings = self._settings
        told = _attributes(answer)

        def first(names: list[str]) -> str:
            return next((told[name][0] for name in names if told.get(name)), "")

        name_id = str(answer.name_id.text or "").strip()
        subject = first([settings.id_attribute]) if settings.id_attribute else name_id
        if not settings.id_attribute and answer.name_id.format == TRANSIENT:
            return "people have another name each time: say id_attribute"
        groups = [group for name in settings.group_attributes for group in told.get(name, [])]
        return Identity(
            issuer=settings.issuer,
            subject=subject,
            login=first(settings.login_attributes) or name_id,
            name=first(settings.name_attributes),
            email=first(settings.email_attributes),
            groups=tuple(dict.fromkeys(groups)),
        )


def _request_id(challenge: Challenge) -> str:
    """The request's id, which the answer must repeat: nobody else knows it before."""
    return f"_{challenge.nonce}"


def _library(part: str) -> Any:
    """A module of pysaml2, which has no types and need not be there."""
    try:
        return import_module(f"saml2.{part}")
    except ImportError:
        raise Retryable("Logging in by SAML needs the package pysaml2, which is not installed.") from None


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _doubt(answer: Any, idp: str, asked: str, myself: str, now: datetime) -> str:
    """What an answer that the library takes leaves out, or says of somebody else; empty when nothing."""
    assertion = getattr(answer, "assertion", None)
    if assertion is None or answer.name_id is None:
        return "it has no assertion about a person"
    if len(answer.response.assertion) + len(answer.response.encrypted_assertion) != 1 or not assertion.signature:
        return "it has not one signed assertion"
    if not _signed_well(assertion.signature.signed_info):
        return "it is signed in a way that is not safe any more"
    if str(assertion.issuer.text or "").strip() != idp or answer.in_response_to != asked:
        return "it is another's, or to another request"
    return _not_for_us_now(assertion, asked, myself, now)


def _signed_well(signed: Any) -> bool:
    used = [signed.signature_method.algorithm, *(each.digest_method.algorithm for each in signed.reference)]
    return all(method.rpartition("#")[2].rpartition("-")[2] in HASHES for method in used)


def _not_for_us_now(assertion: Any, asked: str, myself: str, now: datetime) -> str:
    conditions = assertion.conditions
    if conditions is None:
        return "it has no conditions"
    restrictions: Any = conditions.audience_restriction
    audiences = [{str(each.text or "").strip() for each in one.audience} for one in restrictions]
    if not audiences or not all(myself in audience for audience in audiences):
        return "it is not for us"
    confirmed = [each.subject_confirmation_data for each in assertion.subject.subject_confirmation]
    told = [data for data in confirmed if data is not None and data.in_response_to == asked and data.not_on_or_after]
    if not told:
        return "it does not say to what it answers, and until when"
    ends = [conditions.not_on_or_after, *(data.not_on_or_after for data in told)]
    if any(_past(end, now) for end in ends if end):
        return "it is too old"
    return ""


def _attributes(answer: Any) -> dict[str, list[str]]:
    """The values of each attribute, by the names that it has on the wire and those that are usual for it."""
    told: dict[str, list[str]] = {}
    for statement in answer.assertion.attribute_statement:
        for attribute in statement.attribute:
            values = [str(each.text).strip() for each in attribute.attribute_value if each.text]
            for name in filter(None, (attribute.name, attribute.friendly_name)):
                told.setdefault(str(name), values)
    for name, found in cast("dict[str, list[Any]]", answer.get_identity() or {}).items():
        told.setdefault(name, [each for each in found if isinstance(each, str)])
    return told


def _past(text: str, now: datetime) -> bool:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return True
    return found.tzinfo is None or found + timedelta(seconds=SKEW) <= now
