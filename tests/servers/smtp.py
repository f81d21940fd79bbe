"""An SMTP server that keeps what it is given, speaks STARTTLS or TLS, and can be told to refuse or to be away."""

import asyncio
import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from servers.certificates import TestAuthority
from servers.process import PATIENCE, free_port, wait_until


@dataclass(frozen=True)
class ReceivedMail:
    """One accepted message: its envelope, its content, and whether the connection was encrypted."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool
    user: str | None

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain text part; empty when there is none."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part; empty when there is none."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else cast("EmailMessage", part).get_content()


class SmtpServer:
    """Receives on ``host``:``port``; ``messages`` is what has come, in order.

    With ``authority`` it offers STARTTLS, or with ``implicit_tls`` expects TLS from the first byte. With ``login`` it
    takes mail only after that user name and password. ``refuse`` answers each message with a reply of your choice.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        authority: TestAuthority | None = None,
        *,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.authority = authority
        self.messages: list[ReceivedMail] = []
        self._implicit_tls = implicit_tls
        self._login = login
        self._refusal = ""
        self._refusals_left = 0
        self._controller: _Controller | None = None

    def up(self) -> Self:
        """Begin (again) to take connections, on the same port."""
        if self._controller is None:
            self._controller = self._make_controller()
            self._controller.start()
        return self

    def down(self) -> None:
        """Refuse connections until ``up``."""
        controller, self._controller = self._controller, None
        if controller is not None:
            asyncio.run_coroutine_threadsafe(_hang_up(controller.sessions), controller.loop).result(10 * PATIENCE)
            controller.stop()

    def refuse(self, reply: str, times: int = 1_000_000) -> None:
        """Answer the next ``times`` messages with ``reply``, such as ``451 try later`` or ``550 no such user``."""
        self._refusal, self._refusals_left = reply, times

    def accept(self) -> None:
        """Take messages again after ``refuse``."""
        self._refusals_left = 0

    def wait_for(self, count: int = 1, timeout: float = 30.0) -> list[ReceivedMail]:
        """Wait until at least ``count`` messages have come and return all; TimeoutError otherwise."""
        wait_until(lambda: len(self.messages) >= count, timeout, f"{count} mails ({len(self.messages)} came)")
        return list(self.messages)

    def clear(self) -> None:
        """Forget what has come."""
        self.messages.clear()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's name
        """Answer one message: refuse it if told so, else keep it."""
        del server
        if self._refusals_left:
            self._refusals_left -= 1
            return self._refusal
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        user = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else None
        if self._login is not None and user is None:
            return "530 5.7.0 Authentication required"
        encrypted = self._implicit_tls or session.ssl is not None
        received = ReceivedMail(envelope.mail_from or "", list(envelope.rcpt_tos), message, encrypted, user)
        self.messages.append(received)
        return "250 OK"

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _make_controller(self) -> "_Controller":
        context = None if self.authority is None else self.authority.server_context()
        options: dict[str, Any] = {"ssl_context": context} if self._implicit_tls else {"tls_context": context}
        if self._login is not None:
            options |= {"authenticator": self._authenticate, "auth_require_tls": False}
        return _Controller(self, hostname=self.host, port=self.port, **options)

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        del server, session, envelope, mechanism
        right = isinstance(data, LoginPassword) and self._login == (data.login.decode(), data.password.decode())
        return AuthResult(success=right, handled=False, auth_data=data)


class _Controller(Controller):
    """Remembers the sessions, because stopping it does not close them."""

    def __init__(self, handler: SmtpServer, **options: Any) -> None:
        super().__init__(handler, ready_timeout=10.0 * PATIENCE, **options)
        self.sessions: list[SMTP] = []

    def factory(self) -> SMTP:
        self.sessions.append(super().factory())
        return self.sessions[-1]


async def _hang_up(sessions: list[SMTP]) -> None:
    for session in sessions:
        if session.transport is not None:
            cast("asyncio.Transport", session.transport).abort()
    # An aborted transport closes its socket in a callback, and one under TLS in a callback of that.
    for _ in range(5):
        await asyncio.sleep(0)
