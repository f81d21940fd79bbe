"""What keepers do by the clock, over every store: mails about alerts, and the end of correlations and blackouts."""

from datetime import timedelta

import msgspec

from contract.store.samples import T0, new_alert
from watchbell.domain.accounts import Profile, User
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.correlated import Correlated, Member
from watchbell.domain.managed import Stored
from watchbell.domain.nudges import QUIET
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.domain.roles import USUAL
from watchbell.ports.store import Lease, Store
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock
from watchbell.usecases.configuration import Configured
from watchbell.usecases.mailing import Post
from watchbell.usecases.mailing_nudges import MailingNudges
from watchbell.usecases.muting import Muting
from watchbell.usecases.nudging import nudge_noted
from watchbell.usecases.retiring import Retiring
from watchbell.usecases.sweeping import AGAIN

MADE = Correlated(
    rule="cluster",
    key="eu",
    members=(
        Member(resource="web1", event="Down", severity="minor"),
        Member(resource="web2", event="Down", severity="critical", muted=True, muted_by=("night",)),
    ),
)


class Box:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> Receipt:
        self.messages.append(message)
        return Receipt()

    async def close(self) -> None:
        """Nothing is held."""


async def leases(store: Store) -> list[Lease]:
    async with store.transaction() as tx:
        found = [await tx.leases.acquire(f"shard/{n}", "k", T0, T0 + timedelta(days=2)) for n in range(16)]
    return [lease for lease in found if lease is not None]


async def test_mails_about_an_alert_come_once_and_then_together(store: Store):
    clock, box, held = HandClock(T0), Box(), await leases(store)
    mailing = MailingNudges(store, clock, Post(channel=box, base_url="https://watch.example"), USUAL)
    alert = new_alert("a1", tags=("watch:bob",))
    async with store.transaction() as tx:
        await tx.users.save(User(id="u1", login="bob", email="bob@example.org", created_at=T0))
        await tx.people.save_profile(Profile(user_id="u1", email_verified=True, updated_at=T0))
        await tx.alerts.save([alert])
        await nudge_noted(tx, alert, "@bob ü", ["bob"], T0, user="ann")
    assert [await mailing.run(held) for _ in range(2)] == [1, 0]
    for text in ("two", "three"):
        async with store.transaction() as tx:
            await nudge_noted(tx, alert, text, [], clock.now(), user="ann")
        await mailing.run(held)
        clock.advance(60)
    assert len(box.messages) == 1
    clock.advance(QUIET.total_seconds())
    assert await mailing.run(held) == 2
    assert ["> @bob ü" in box.messages[0].text, "> two\n" in box.messages[1].text] == [True, True]
    assert "> three\n" in box.messages[1].text
    async with store.reading() as tx:
        assert await tx.outbox.backlog(clock.now() + timedelta(days=9)) == {}


async def test_a_member_counts_again_and_an_alert_without_its_rule_is_closed(store: Store):
    clock, held = HandClock(T0), (await leases(store))[:1]
    muting = Muting(store, Configured(store, clock, NullTelemetry()), AlertaModel(), clock)
    retiring = Retiring(store, AlertaModel(), clock)
    made = new_alert("a1", resource="web1", severity="minor", status="open", correlation=MADE)
    body = {"key": "tag(tags, 'cluster')"}
    rule = Stored(kind="correlation", id="c", name="cluster", body=body, version=0, updated_at=T0, updated_by="ann")
    async with store.transaction() as tx:
        await tx.alerts.save([made, new_alert("a2", status="open", resource="other")])
        await tx.catalogue.put([rule])
    assert len(await muting.run(held)) == 1
    assert await retiring.run(held) == set()
    async with store.transaction() as tx:
        (after,) = await tx.alerts.many(["a1"])
        await tx.catalogue.remove("correlation", ["c"])
    assert (after.resource, after.severity, after.status) == ("web2", "critical", "open")
    assert after.correlation is not None
    assert after.correlation.members[1] == msgspec.structs.replace(MADE.members[1], muted=False, muted_by=())
    clock.advance(AGAIN.total_seconds())
    assert len(await retiring.run(held)) == 1
    async with store.reading() as tx:
        found = {alert.id: alert.status for alert in await tx.alerts.many(["a1", "a2"])}
        lines = [line.reason for line in await tx.history.of("a1")]
    assert found == {"a1": "closed", "a2": "open"}
    assert lines == [
        "a blackout of one of the correlated problems is over",
        "the correlation 'cluster' that made it was deleted or renamed",
    ]
