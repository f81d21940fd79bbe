"""What every channel promises: taken means taken, an error says whether to try again, and hostile text stays text."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from waiting import turns
from watchbell.channels.email import Email, EmailConfig
from watchbell.channels.webhook import Webhook, WebhookConfig
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.oncall.message import Message
from watchbell.ports.channel import Channel
from watchbell.testing import RecordingChannel
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import Secret

HOSTILE = "<script>alert(1)</script>\r\nBcc: everyone@example.org\x00\u202e & 'quotes' \"more\""


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": "6f1c2d9e-0000-4000-8000-000000000001",
        "to": "",
        "purpose": "alert",
        "title": "[CRITICAL] checkout: Down on web01",
        "text": "checkout is unwell\n\nService: checkout",
        "severity": "critical",
        "link": "https://watchbell.example/incidents/1",
        "incident_id": "1b2c",
        "service": "checkout",
        "created_at": datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
        "data": {"alerts": []},
    }
    return Message(**{**fields, **changes})


class Peer:
    """One channel with the other side of it."""

    def __init__(self, channel: Channel, arrived: Callable[[], int], fail: Callable[[str], None]) -> None:
        self.channel = channel
        self.arrived = arrived
        self.fail = fail


def _email(request: pytest.FixtureRequest, tools: SendingTools) -> Peer:
    server = request.getfixturevalue("smtp_server")
    config = EmailConfig(
        host="127.0.0.1", port=server.port, security="none", sender="watchbell@example.org", to=["anna@example.org"]
    )
    answers = {"later": "451 try later", "never": "554 no"}
    return Peer(Email(config, tools), lambda: len(server.messages), lambda how: server.refuse(answers[how], 1))


def _webhook(request: pytest.FixtureRequest, tools: SendingTools) -> Peer:
    target = request.getfixturevalue("http_target")
    codes = {"later": 503, "never": 410}
    failed = 0

    def fail(how: str) -> None:
        nonlocal failed
        failed += 1
        target.answer_once(codes[how])

    channel = Webhook(WebhookConfig(url=Secret(target.url + "/hook")), tools)
    return Peer(channel, lambda: len(target.requests) - failed, fail)


def _recording(request: pytest.FixtureRequest, tools: SendingTools) -> Peer:
    channel = RecordingChannel()
    errors = {"later": Retryable("later"), "never": Permanent("never")}
    return Peer(channel, lambda: len(channel.sent), lambda how: channel.failures.append(errors[how]))


MAKERS = {"email": _email, "webhook": _webhook, "recording": _recording}


@pytest.fixture(params=sorted(MAKERS))
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    policy = EgressPolicy(Egress(allow_loopback=True))
    http = HttpClient(policy)
    made = MAKERS[request.param](request, SendingTools(http=http, egress=policy, timeout=30))
    yield made
    await made.channel.close()
    await http.close()
    await turns()  # what is left closing closes before the loop does


async def test_accepted_means_that_the_other_side_has_it(peer):
    await peer.channel.send(message())
    assert peer.arrived() == 1


async def test_a_passing_refusal_is_retryable_and_the_next_try_arrives(peer):
    peer.fail("later")
    with pytest.raises(Retryable):
        await peer.channel.send(message())
    await peer.channel.send(message())
    assert peer.arrived() == 1


async def test_a_final_refusal_is_permanent(peer):
    peer.fail("never")
    with pytest.raises(Permanent):
        await peer.channel.send(message())
    assert peer.arrived() == 0


async def test_hostile_text_is_sent_as_text(peer):
    await peer.channel.send(message(title=HOSTILE, text=HOSTILE, severity=HOSTILE, link="javascript:alert(1)"))
    assert peer.arrived() == 1


async def test_many_at_once(peer):
    import asyncio

    await asyncio.gather(*(peer.channel.send(message(id=str(n))) for n in range(5)))
    assert peer.arrived() == 5


async def test_close_twice(peer):
    await peer.channel.close()
