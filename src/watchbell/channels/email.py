"""E-mail: sends the message by SMTP, as plain text and as HTML.

Replies of the server decide: 4xx and a refused log-in may pass (`Retryable`), 5xx will not (`Permanent`), no connection
may pass, and silence after the content was sent is `Ambiguous`. The Message-ID follows from the message's id, so that a
second sending of the same message can be recognised; all mails of an incident share a thread. A server on this machine
may be used; other addresses that the egress policy refuses may not.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from ipaddress import ip_address
from typing import ClassVar, Literal, cast

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watchbell.domain.errors import Ambiguous, Invalid, Permanent, Retryable
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import Secret, Settings

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_LINK = re.compile(r"https?://[^\s<>\"']+\Z")
_COLOURS = {"critical": "#b3261e", "major": "#c4560b", "minor": "#8a6d00", "warning": "#1b5faa"}

_HTML = ImmutableSandboxedEnvironment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head>
<body style="font-family:sans-serif;color:#1a1a1a;background:#ffffff;margin:0;padding:16px">
<h1 style="font-size:18px;border-left:6px solid {{ colour }};padding-left:10px;margin:0 0 12px">{{ title }}</h1>
<pre style="font-family:inherit;font-size:14px;white-space:pre-wrap;margin:0 0 12px">{{ text }}</pre>
{% if link %}
<p><a href="{{ link }}" style="font-size:14px">Open in Watchbell</a></p>
{% endif %}
</body></html>
"""
)


class EmailConfig(Settings, frozen=True, kw_only=True):
    """Settings of an e-mail channel."""

    host: str
    """Name or address of the mail server."""
    port: int = 0
    """Port of the mail server; 0 means 587 with STARTTLS, 465 with TLS, 25 without."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is protected: `starttls`, `tls` from the first byte, or `none`."""
    verify_tls: bool = True
    """Whether the server's certificate must be valid."""
    ca_file: str = ""
    """File with the certificate authorities to trust (PEM) instead of the system's; empty means the system's."""
    username: str = ""
    """User name at the mail server; empty sends without logging in."""
    password: Secret = Secret("")
    """Password at the mail server; only sent under TLS."""
    sender: str
    """Address that mails come from, such as `watchbell@example.org` or `Watchbell <watchbell@example.org>`."""
    to: list[str] = []
    """Addresses that get messages which name nobody."""


class Email:
    """Sends messages by SMTP, one connection for each."""

    name: ClassVar[str] = "email"
    title: ClassVar[str] = "E-mail"
    Config: ClassVar[type[Settings]] = EmailConfig

    def __init__(self, config: EmailConfig, tools: SendingTools) -> None:
        if config.security == "none" and config.password:
            raise Invalid("is only sent under TLS: choose starttls or tls", "password")
        self._config = config
        self._tools = tools
        self._sender = _address(config.sender, "sender")
        for number, address in enumerate(config.to):
            _address(address, f"to[{number}]")
        self._port = config.port or _PORTS[config.security]

    async def send(self, message: Message) -> Receipt:
        recipients = self._recipients(message)
        mail = self.compose(message, recipients)
        sent = _Progress()
        try:
            async with asyncio.timeout(self._tools.timeout):
                return await self._deliver(mail, recipients, sent)
        except TimeoutError:
            raise sent.silence(f"the mail server did not answer within {self._tools.timeout:g} s") from None
        except SMTPAuthenticationError as error:
            # Someone may mend the password before the message is too old.
            raise Retryable(f"the mail server refused the log-in: {error.code} {_words(error)}") from None
        except SMTPResponseException as error:
            raise _judged(error.code, error.message) from None
        except (SMTPServerDisconnected, SMTPTimeoutError) as error:
            raise sent.silence(f"the mail server broke off: {_words(error)}") from None
        except (SMTPException, OSError) as error:
            raise Retryable(f"cannot reach the mail server: {_words(error)}") from None

    async def close(self) -> None:
        """Nothing is held."""

    def compose(self, message: Message, recipients: list[Address]) -> EmailMessage:
        """The mail. Text from outside can neither add headers nor markup."""
        mail = EmailMessage(policy=SMTP_POLICY)
        domain = self._sender.domain or "localhost"
        title = _CONTROL.sub(" ", message.title)
        link = message.link if _LINK.match(message.link) else ""
        mail["From"] = self._sender
        mail["To"] = recipients
        mail["Subject"] = title
        mail["Date"] = format_datetime(message.created_at)
        mail["Message-ID"] = f"<{_token(message.id)}.notification@{domain}>"
        if message.incident_id:
            thread = f"<{_token(message.incident_id)}.incident@{domain}>"
            mail["In-Reply-To"] = thread
            mail["References"] = thread
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail["X-Watchbell-Severity"] = _token(message.severity)
        mail.set_content(message.text)
        colour = "#1e7a34" if message.purpose == "recovery" else _COLOURS.get(message.severity, "#555555")
        mail.add_alternative(_HTML.render(title=title, text=message.text, link=link, colour=colour), subtype="html")
        return mail

    def _recipients(self, message: Message) -> list[Address]:
        try:
            named = [message.to] if message.to else self._config.to
            recipients = [_address(text, "to") for text in named]
        except Invalid as error:
            raise Permanent(error.message) from None
        if not recipients:
            raise Permanent("there is no address to send to: neither the policy nor the channel names one")
        return recipients

    async def _deliver(self, mail: EmailMessage, recipients: list[Address], sent: "_Progress") -> Receipt:
        client = aiosmtplib.SMTP(
            hostname=self._config.host,
            sock=await self._connected(),
            timeout=self._tools.timeout,
            use_tls=self._config.security == "tls",
            start_tls=self._config.security == "starttls",
            tls_context=self._context(),
            username=self._config.username or None,
            password=self._config.password.reveal() or None,
        )
        try:
            await client.connect()
            await client.mail(self._sender.addr_spec)
            refused = await _offer(client, recipients)
            sent.begun = True
            answer = await client.data(mail.as_bytes())
            sent.begun = False
        finally:
            link = client.transport
            client.close()
            if link is not None:
                # Under TLS closing waits for the other side to agree; whoever has answered, or has not, need not.
                cast("asyncio.Transport", link).abort()
        detail = f"{answer.code} {answer.message}"[:300]
        if refused:
            detail = f"refused: {'; '.join(refused)}; otherwise {detail}"[:1000]
        return Receipt(reference=str(mail["Message-ID"]), detail=detail)

    async def _connected(self) -> socket.socket:
        """A connection to the first address that answers. The addresses judged are those connected to."""
        loop = asyncio.get_running_loop()
        problem: OSError | None = None
        for family, kind, protocol, _, address in await loop.getaddrinfo(
            self._config.host, self._port, type=socket.SOCK_STREAM
        ):
            refusal = self._tools.egress.refusal(str(address[0]))
            if refusal and not ip_address(str(address[0]).partition("%")[0]).is_loopback:
                raise Permanent(refusal)
            link = socket.socket(family, kind, protocol)
            link.setblocking(False)  # noqa: FBT003 - the standard library's signature
            try:
                await loop.sock_connect(link, address)
            except OSError as error:
                link.close()
                problem = error
            except BaseException:
                link.close()
                raise
            else:
                return link
        raise problem or OSError(f"{self._config.host} has no address")

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._config.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise Permanent(f"the file of certificate authorities cannot be read: {_words(error)}") from None
        if not self._config.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Progress:
    """Whether the content is under way: silence means different things before and after."""

    begun = False

    def silence(self, text: str) -> Retryable:
        return Ambiguous(text) if self.begun else Retryable(text)


async def _offer(client: aiosmtplib.SMTP, recipients: list[Address]) -> list[str]:
    """Name the recipients; returns why some were refused. All refused raises."""
    refused: list[SMTPRecipientRefused] = []
    for recipient in recipients:
        try:
            await client.rcpt(recipient.addr_spec)
        except SMTPRecipientRefused as error:
            refused.append(error)
    if len(refused) == len(recipients):
        with contextlib.suppress(SMTPException):
            await client.quit()
        passing = [error for error in refused if error.code < 500]
        raise (passing or refused)[0]
    return [f"{error.recipient}: {error.code} {error.message}" for error in refused]


def _judged(code: int, text: str) -> Retryable | Permanent:
    said = f"the mail server said {code} {_CONTROL.sub(' ', text)}"[:500]
    return Permanent(said) if 500 <= code < 600 else Retryable(said)


def _address(text: str, field: str) -> Address:
    """`name@host` or `Name <name@host>`, ASCII only."""
    shown, bracket, rest = text.strip().rpartition("<")
    spec = rest.removesuffix(">").strip() if bracket else text.strip()
    usable = spec.isascii() and not _CONTROL.search(text) and (not bracket or rest.endswith(">"))
    try:
        address = Address(display_name=shown.strip().strip('"'), addr_spec=spec) if usable else None
    except (ValueError, IndexError, MessageError):  # the standard library's parser raises any of them
        address = None
    if address is None or not address.domain or not address.username:
        raise Invalid(f"{_CONTROL.sub(' ', text)[:200]!r} is not an e-mail address", field)
    return address


def _token(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:100]


def _words(error: BaseException) -> str:
    return " ".join(_CONTROL.sub(" ", str(error) or type(error).__name__).split())[:300]
