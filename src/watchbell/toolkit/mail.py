"""Mail as an alert needs it: who sent it, the subject, the text without its markup, the headers.

Two shapes come in: the message itself (RFC 5322), as a mail server's pipe posts it, and the form that services such as
Mailgun and SendGrid make of one.
"""

from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call
from watchbell.toolkit.form import form, is_form

TEXT_MAX = 60_000


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
            return parsedate_to_datetime(self.headers.get("date", "")).isoformat()
        except ValueError:
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
    message = message_from_bytes(raw, policy=default)
    headers: dict[str, str] = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), _line(value))
    if not {"from", "subject"} & headers.keys():
        raise Invalid("is no mail: it has neither From nor Subject", "body")
    body = message.get_body(("plain", "html"))
    return Mail(
        sender=parseaddr(headers.get("from", ""))[1],
        to=parseaddr(headers.get("to", ""))[1],
        subject=headers.get("subject", ""),
        text=_content(body)[:TEXT_MAX] if body is not None else "",
        headers=headers,
    )


def _content(part: Any) -> str:
    raw: bytes = part.get_payload(decode=True) or b""
    try:
        found = raw.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:  # a charset that nobody knows
        found = raw.decode("utf-8", "replace")
    return without_markup(found) if part.get_content_type() == "text/html" else found.strip()


def _from_form(given: dict[str, str]) -> Mail:
    headers = _form_headers(given)
    sender = given.get("sender") or given.get("from") or headers.get("from", "")
    subject = given.get("subject") or headers.get("subject", "")
    if not sender and not subject:
        raise Invalid("has neither a sender nor a subject", "body")
    plain = given.get("stripped-text") or given.get("body-plain") or given.get("text", "")
    return Mail(
        sender=parseaddr(sender)[1],
        to=parseaddr(given.get("recipient") or given.get("to", ""))[1],
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
        message = message_from_bytes(given["headers"].encode(), policy=default)
        for name, value in message.items():
            found.setdefault(name.lower(), _line(value))
    return found


def _line(value: object) -> str:
    return " ".join(str(value).split())


class _Text(HTMLParser):
    """What a reader sees, roughly: no tags, no scripts, no styles."""

    HIDDEN = frozenset({"script", "style", "head", "title"})
    BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "table", "ul", "ol", "pre", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base class says so
        if tag in self.HIDDEN:
            self._hidden += 1
        elif tag in self.BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in self.BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def without_markup(html: str) -> str:
    """The text of HTML, its lines without blanks around them, and no two empty ones in a row."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    lines: list[str] = []
    for line in "".join(reader.parts).splitlines():
        words = " ".join(line.split())
        if words or (lines and lines[-1]):
            lines.append(words)
    return "\n".join(lines).strip()
