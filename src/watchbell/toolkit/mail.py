"""Mail as an alert needs it: who sent it, the subject, the text without its markup, the headers.

Two shapes come in: the message itself (RFC 5322), as a mail server's pipe posts it, and the form that services such as
Mailgun and SendGrid make of one.
"""

from email.utils import parseaddr, parsedate_to_datetime

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call
from watchbell.toolkit.form import form, is_form
from watchbell.toolkit.markup import without_markup
from watchbell.toolkit.mime import Part, decoded, leaves, part_of, words_of

TEXT_MAX = 60_000
_CONTENT_MAX = 1_000_000  # bytes of a text, encoded, that are read
_ADDRESSES_MAX = 500  # characters
_DATE_MAX = 100


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `sender` is the bare address; headers are by name in small letters, the first of each."""

    sender: str = ""
    to: str = ""
    subject: str = ""
    text: str = ""
    headers: dict[str, str] = {}

    @property
    def sent(self) -> str:
        """When it says that it was sent, in ISO 8601; '' when that cannot be read."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")[:_DATE_MAX]).isoformat()
        except (ValueError, OverflowError):
            return ""


def mail_of(call: Call) -> Mail:
    """The message of a call.

    Raises:
        Invalid: there is none in it.
    """
    if not is_form(call):
        return _from_message(call.body)
    given = form(call)
    for name in ("email", "body-mime"):
        if given.get(name):
            return _from_message(given[name].encode("utf-8", "surrogateescape"))
    return _from_form(given)


def _from_message(raw: bytes) -> Mail:
    message = part_of(raw)
    headers = _headers(message)
    if not {"from", "subject"} & headers.keys():
        raise Invalid("is no mail: it has neither From nor Subject", "body")
    return Mail(
        sender=_address(headers.get("from", "")),
        to=_address(headers.get("to", "")),
        subject=headers.get("subject", ""),
        text=_text(message)[:TEXT_MAX],
        headers=headers,
    )


def _headers(message: Part) -> dict[str, str]:
    return {name: _line(words_of(value)) for name, value in message.headers.items()}


def _text(message: Part) -> str:
    """Plain text when there is some, else HTML without its markup; attachments are no text."""
    html: Part | None = None
    for part in leaves(message):
        if part.parameters("content-disposition")[0] == "attachment":
            continue
        if part.media_type == "text/plain":
            return _content(part).strip()
        if part.media_type == "text/html" and html is None:
            html = part
    return "" if html is None else without_markup(_content(html))


def _content(part: Part) -> str:
    return decoded(part.content(_CONTENT_MAX), part.parameters("content-type")[1].get("charset", ""))


def _address(text: str) -> str:
    """The first address of a header, bare."""
    if len(text) > _ADDRESSES_MAX:
        text = text[:_ADDRESSES_MAX]
        text = text.rpartition(",")[0] or text
    try:
        return parseaddr(text)[1]
    except RecursionError:  # of comments in comments
        return ""


def _from_form(given: dict[str, str]) -> Mail:
    headers = _form_headers(given)
    sender = given.get("sender") or given.get("from") or headers.get("from", "")
    subject = given.get("subject") or headers.get("subject", "")
    if not sender and not subject:
        raise Invalid("has neither a sender nor a subject", "body")
    plain = given.get("stripped-text") or given.get("body-plain") or given.get("text", "")
    return Mail(
        sender=_address(sender),
        to=_address(given.get("recipient") or given.get("to", "")),
        subject=_line(subject),
        text=(plain.strip() or without_markup(given.get("body-html") or given.get("html", "")))[:TEXT_MAX],
        headers=headers,
    )


def _form_headers(given: dict[str, str]) -> dict[str, str]:
    """Mailgun sends pairs as JSON, SendGrid the lines themselves."""
    found: dict[str, str] = {}
    if given.get("message-headers"):
        try:
            pairs = msgspec.json.decode(given["message-headers"], type=list[tuple[str, str]])
        except msgspec.DecodeError as error:
            raise Invalid(str(error), "message-headers") from None
        for name, value in pairs:
            found.setdefault(name.lower(), _line(value))
    elif given.get("headers"):
        found = _headers(part_of(given["headers"].encode("utf-8", "replace")))
    return found


def _line(value: object) -> str:
    return " ".join(str(value).split())
