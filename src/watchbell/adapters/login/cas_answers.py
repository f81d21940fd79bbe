"""What a CAS answers when it is asked about a ticket, in XML or in JSON: one person, or why there is none.

Whatever is not exactly such an answer is refused: two verdicts, two persons, elements in a text, a ticket that came
through another service. XML is read without document types, so without entities.
"""

from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_NAMESPACE = "{http://www.yale.edu/tp/cas}"
_ROOT = "serviceResponse"
_SUCCESS, _FAILURE = "authenticationSuccess", "authenticationFailure"
_CODE_MAX = 60


class Malformed(Exception):
    """It is no answer of a CAS; the message says in what."""


class Success(msgspec.Struct, frozen=True):
    """The ticket is good: who came with it, and what is known of them."""

    user: str
    attributes: dict[str, list[str]] = {}


class Failure(msgspec.Struct, frozen=True):
    """The ticket is not good. `code` is the protocol's word for why, such as `INVALID_TICKET`."""

    code: str


class _Passed(msgspec.Struct, frozen=True):
    user: str
    attributes: dict[str, Any] | None = None
    proxies: list[Any] | None = None


class _Refused(msgspec.Struct, frozen=True):
    code: str


class _Verdict(msgspec.Struct, frozen=True, rename="camel"):
    authentication_success: _Passed | None = None
    authentication_failure: _Refused | None = None


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    service_response: _Verdict


def read_xml(body: bytes) -> Success | Failure:
    """Read an answer in XML. Raises `Malformed`."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise Malformed("it is no XML, or XML with a document type") from None
    verdicts = list(root)
    if root.tag != _NAMESPACE + _ROOT or len(verdicts) != 1:
        raise Malformed("it has not one verdict")
    verdict = verdicts[0]
    if verdict.tag == _NAMESPACE + _FAILURE:
        return Failure(_code(verdict.get("code", "")))
    if verdict.tag != _NAMESPACE + _SUCCESS:
        raise Malformed("it has no verdict")
    users = verdict.findall(f"{_NAMESPACE}user")
    blocks = verdict.findall(f"{_NAMESPACE}attributes")
    if len(users) != 1 or len(blocks) > 1:
        raise Malformed("it has not one user")
    if verdict.find(f"{_NAMESPACE}proxies") is not None:
        raise Malformed("the ticket went through another service")
    attributes: dict[str, list[str]] = {}
    for block in blocks:
        for each in block:
            attributes.setdefault(_local(each), []).append(_text(each))
    return Success(_named(_text(users[0])), attributes)


def read_json(body: bytes) -> Success | Failure:
    """Read an answer in JSON. Raises `Malformed`."""
    try:
        verdict = msgspec.json.decode(body, type=_Response).service_response
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Malformed("it is no JSON of a CAS") from None
    passed, refused = verdict.authentication_success, verdict.authentication_failure
    if refused is not None and passed is None:
        return Failure(_code(refused.code))
    if passed is None or refused is not None:
        raise Malformed("it has not one verdict")
    if passed.proxies:
        raise Malformed("the ticket went through another service")
    told = {name: _values(value) for name, value in (passed.attributes or {}).items()}
    return Success(_named(passed.user.strip()), told)


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Element) -> str:
    if len(element):
        raise Malformed(f"{_local(element)[:_CODE_MAX]} is no text")
    return (element.text or "").strip()


def _named(user: str) -> str:
    if not user:
        raise Malformed("it names nobody")
    return user


def _values(given: Any) -> list[str]:
    """Texts, numbers and truths as texts; nothing of anything else."""
    several = cast("list[Any]", given) if isinstance(given, list) else [given]
    return [str(each) for each in several if isinstance(each, str | int | float)]


def _code(text: str) -> str:
    return "".join(sign for sign in text if sign.isascii() and (sign.isalnum() or sign == "_"))[:_CODE_MAX]
