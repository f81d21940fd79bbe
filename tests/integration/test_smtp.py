"""E-mail against a real SMTP server: protection of the connection, log-in, what the mail looks like, and refusals."""

from collections.abc import Iterator
from typing import Any

import pytest

from servers.certificates import TestAuthority
from servers.smtp import SmtpServer
from waiting import turns
from watchbell.channels.email import Email, EmailConfig
from watchbell.domain.errors import Ambiguous, Invalid, Permanent, Retryable
from watchbell.domain.oncall.message import Message
from watchbell.testing import START
from watchbell.toolkit.egress import EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import Secret

POLICY = EgressPolicy()
TOOLS = SendingTools(http=HttpClient(POLICY), egress=POLICY, timeout=30)


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": "11111111-0000-4000-8000-000000000001",
        "to": "",
        "purpose": "alert",
        "title": "[CRITICAL] checkout: Down on web01",
        "text": "checkout is unwell\n\n- critical: Down on web01",
        "severity": "critical",
        "link": "https://watchbell.example/incidents/1",
        "incident_id": "22222222-0000-4000-8000-000000000002",
        "created_at": START,
    }
    return Message(**{**fields, **changes})


def email(server: SmtpServer, **changes: Any) -> Email:
    fields: dict[str, Any] = {
        "host": "localhost",
        "port": server.port,
        "security": "none",
        "sender": "Watchbell <watchbell@example.org>",
        "to": ["anna@example.org"],
    }
    return Email(EmailConfig(**{**fields, **changes}), TOOLS)


@pytest.fixture(autouse=True)
async def settled():
    """Let the loop close what a test left closing, before it is closed itself."""
    yield
    await turns()


@pytest.fixture
def login_server(test_authority: TestAuthority) -> Iterator[SmtpServer]:
    with SmtpServer(test_authority, login=("relay", "pass word")) as server:
        yield server


async def test_text_and_html_with_the_headers_that_threads_and_robots_need(smtp_server):
    receipt = await email(smtp_server).send(message())
    (mail,) = smtp_server.wait_for(1)
    assert mail.recipients == ["anna@example.org"]
    assert mail.sender == "watchbell@example.org"
    assert mail.subject == "[CRITICAL] checkout: Down on web01"
    assert "- critical: Down on web01" in mail.text
    assert "https://watchbell.example/incidents/1" in mail.html
    assert mail.message["Message-ID"] == "<11111111-0000-4000-8000-000000000001.notification@example.org>"
    assert mail.message["References"] == "<22222222-0000-4000-8000-000000000002.incident@example.org>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert receipt.reference == mail.message["Message-ID"]
    assert receipt.detail.startswith("250")


async def test_markup_from_outside_is_shown_and_not_obeyed(smtp_server):
    evil = "<img src=x onerror=alert(1)>"
    await email(smtp_server).send(message(title=evil, text=evil, link="javascript:alert(1)"))
    (mail,) = smtp_server.wait_for(1)
    assert evil in mail.text
    assert "<img" not in mail.html
    assert "javascript:" not in mail.html


async def test_line_breaks_cannot_add_headers(smtp_server):
    await email(smtp_server).send(message(title="a\r\nBcc: evil@example.org", severity="x\r\nX-Evil: 1"))
    (mail,) = smtp_server.wait_for(1)
    assert mail.message["Bcc"] is None
    assert mail.message["X-Evil"] is None
    assert mail.recipients == ["anna@example.org"]


@pytest.mark.parametrize("to", ["a@b\r\nBcc: evil@example.org", "no address", "bücher@example.org", "<a@b", "@", "a@"])
async def test_an_address_that_is_none_is_refused(smtp_server, to):
    with pytest.raises(Permanent, match="is not an e-mail address"):
        await email(smtp_server).send(message(to=to))
    assert smtp_server.messages == []


async def test_the_named_address_takes_the_place_of_the_channel_s(smtp_server):
    await email(smtp_server).send(message(to="boss@example.org"))
    assert smtp_server.wait_for(1)[0].recipients == ["boss@example.org"]


async def test_starttls(smtp_server, test_authority):
    await email(smtp_server, security="starttls", ca_file=str(test_authority.ca_file)).send(message())
    assert smtp_server.wait_for(1)[0].encrypted


async def test_tls_from_the_first_byte(smtp_tls_server, test_authority):
    await email(smtp_tls_server, security="tls", ca_file=str(test_authority.ca_file)).send(message())
    assert smtp_tls_server.wait_for(1)[0].encrypted


async def test_an_unknown_authority_is_not_trusted(smtp_server):
    with pytest.raises(Retryable, match=r"(?i)certificate"):
        await email(smtp_server, security="starttls").send(message())
    assert smtp_server.messages == []


async def test_an_unknown_authority_is_taken_when_told_so(smtp_server):
    await email(smtp_server, security="starttls", verify_tls=False).send(message())
    assert smtp_server.wait_for(1)[0].encrypted


async def test_log_in(login_server, test_authority):
    protected: dict[str, Any] = {"security": "starttls", "ca_file": str(test_authority.ca_file), "username": "relay"}
    await email(login_server, **protected, password=Secret("pass word")).send(message())
    assert login_server.wait_for(1)[0].user == "relay"
    with pytest.raises(Retryable, match="log-in: 535") as refused:
        await email(login_server, **protected, password=Secret("wrong")).send(message())
    assert "wrong" not in str(refused.value)


def test_a_password_is_never_sent_in_the_clear():
    with pytest.raises(Invalid, match="under TLS"):
        Email(EmailConfig(host="h", security="none", username="u", password=Secret("p"), sender="a@example.org"), TOOLS)


async def test_refusals_say_whether_to_try_again(smtp_server):
    channel = email(smtp_server)
    smtp_server.refuse("451 4.7.1 greylisted", 1)
    with pytest.raises(Retryable, match="451"):
        await channel.send(message())
    smtp_server.refuse("550 5.1.1 no such user", 1)
    with pytest.raises(Permanent, match="550"):
        await channel.send(message())


async def test_a_server_that_is_away_may_come_back(smtp_server):
    channel = email(smtp_server)
    smtp_server.down()
    with pytest.raises(Retryable) as away:
        await channel.send(message())
    assert not isinstance(away.value, Ambiguous)
    smtp_server.up()
    await channel.send(message())
    assert len(smtp_server.wait_for(1)) == 1


async def test_nobody_to_send_to(smtp_server):
    with pytest.raises(Permanent, match="no address"):
        await email(smtp_server, to=[]).send(message())


async def test_an_address_that_the_policy_refuses():
    channel = Email(EmailConfig(host="169.254.169.254", security="none", sender="a@example.org", to=["b@c.d"]), TOOLS)
    with pytest.raises(Permanent, match="metadata"):
        await channel.send(message())
