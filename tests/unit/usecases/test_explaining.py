"""The path of an alert: every step of it is said, and why nobody was told when nobody was."""

from typing import Any

import msgspec
import pytest

from oncall_bench import CHANNEL, POLICY, RULES, SERVICE, Bench, alert, changed
from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.errors import Missing
from watchbell.domain.oncall.incident import Attempt, AttemptOutcome, NotificationStatus
from watchbell.domain.oncall.service import Policy, Service
from watchbell.usecases.explaining import Explaining


class Explained(Bench):
    """The bench, and who explains."""

    def __init__(self):
        super().__init__()
        self.explaining = Explaining(self.store, self.configured, RULES, self.clock)


async def begin(*objects):
    bench = Explained()
    await bench.start(*objects)
    return bench


async def steps(bench, *stages, name="alert-Down"):
    _, path = await bench.explaining.explain(name)
    return [(step.stage, step.text, step.reason) for step in path.steps if step.stage in stages]


async def nobody(bench, name="alert-Down"):
    _, path = await bench.explaining.explain(name)
    return list(path.nobody)


async def entries(bench, *more):
    fields: dict[str, Any] = {"alert_id": "alert-Down", "event": "Down", "severity": "critical", "status": "open"}
    at = {"at": bench.clock.now(), "sent_at": bench.clock.now()}
    async with bench.store.transaction() as tx:
        await tx.history.add([HistoryEntry(**{**fields, **at, **each}) for each in more])


async def test_who_was_told_by_which_channel_and_with_what_result():
    bench = await begin()
    await bench.send(alert())
    told = await steps(bench, "attached", "told")
    assert told[0][:2] == ("attached", "Opened by Down on web01 (critical)")
    assert told[1][:2] == ("told", "anna@example.org (by mail): alert, waits to be sent")
    assert await nobody(bench) == []
    (sent,) = await bench.notifications()
    tries = ((AttemptOutcome.RETRY, "503"), (AttemptOutcome.ACCEPTED, "queued"))
    await settle(bench, sent, NotificationStatus.DELIVERED, *tries)
    assert (await steps(bench, "told"))[0][1:] == (
        "anna@example.org (by mail): alert, was taken",
        "attempt 1, retry: 503; attempt 2, accepted: queued",
    )
    await settle(bench, sent, NotificationStatus.FAILED, (AttemptOutcome.RETRY, "503"))
    assert [text for _, text, _ in await steps(bench, "untold")] == ["anna@example.org (by mail): alert, was not taken"]


async def settle(bench, sent, status, *came):
    now = bench.clock.now()
    tries = [
        Attempt(
            notification_id=sent.id,
            number=number,
            provider="mail",
            started_at=now,
            finished_at=now,
            outcome=outcome,
            detail=detail,
        )
        for number, (outcome, detail) in enumerate(came, 1)
    ]
    async with bench.store.transaction() as tx:
        await tx.notifications.save([msgspec.structs.replace(sent, status=status)])
        await tx.notifications.add_attempts(tries)


async def test_the_ways_that_messages_came_and_what_they_met():
    bench = await begin()
    await bench.send(alert())
    await entries(
        bench,
        {"id": "m1", "type": "new", "source": "webhook/grafana", "user": "robot", "reason": "first of its identity"},
        {"id": "m2", "type": "severity", "source": "api", "severity": "major", "reason": "Down critical became"},
        {
            "id": "m3",
            "type": "status",
            "source": "check/Shop",
            "status": "blackout",
            "reason": "under the blackout 'x'",
        },
        {"id": "m4", "type": "shelve", "status": "shelved", "user": "ann", "text": "lunch", "reason": "shelve by ann"},
        {"id": "m5", "type": "ack", "status": "ack", "user": "bob", "reason": "ack by bob"},
    )
    assert [text for _, text, _ in await steps(bench, "received")] == [
        "Down critical, from the webhook 'grafana'",
        "Down major, from the API",
        "Down critical, from the check 'Shop'",
    ]
    assert [text for _, text, _ in await steps(bench, "matched")] == [
        "a new alert: nothing of the same identity was there",
        "the same problem, with another severity or event",
        "the same problem again",
    ]
    assert await steps(bench, "suppressed") == [
        ("suppressed", "its status is blackout", "under the blackout 'x'"),
        ("suppressed", "shelve: lunch", "shelve by ann"),
    ]
    assert ("changed", "ack", "ack by bob") in await steps(bench, "changed")


async def test_what_came_before_it_joined_and_after_it_left_is_not_about_it():
    bench = await begin()
    await bench.send(alert("Slow"))
    bench.clock.advance(60)
    joined = alert(severity="warning")
    await bench.send(joined)
    assert [text for _, text, _ in await steps(bench, "attached", "told")] == ["Joined by Down on web01 (warning)"]
    bench.clock.advance(60)
    await bench.send(changed(joined, status="closed"))
    assert [text for _, text, _ in await steps(bench, "detached")] == ["Down on web01 (warning) no longer stands"]
    bench.clock.advance(600)
    await bench.escalate()
    assert await steps(bench, "told") == []
    assert len(await steps(bench, "told", name="alert-Slow")) == 2


@pytest.mark.parametrize(
    ("objects", "changes", "reason"),
    [
        ((POLICY, CHANNEL), {}, "There is no service 'checkout': only services open incidents and tell people."),
        ((SERVICE, POLICY, CHANNEL), {"service": ()}, "The alert names no service."),
        (
            (SERVICE, POLICY, CHANNEL),
            {"severity": "informational"},
            "checkout: informational is less severe than warning.",
        ),
        ((SERVICE, POLICY, CHANNEL), {"status": "shelved"}, "checkout: the alert is silenced (shelved)."),
        (
            (SERVICE, POLICY, CHANNEL),
            {"environment": "Lab"},
            "checkout: the service does not watch the environment Lab.",
        ),
        ((Service(name="checkout", id="s1"),), {}, "Nobody was told: the service checkout has no policy"),
        (
            (SERVICE, Policy(name="office", id="p1", steps=POLICY.steps[1:]), CHANNEL),
            {},
            "checkout: the first step of the policy is not due yet.",
        ),
        (
            (SERVICE, POLICY),
            {},
            "anna@example.org (by mail) was not told: there is no channel 'mail'",
        ),
    ],
)
async def test_why_nobody_was_told(objects, changes, reason):
    bench = await begin(*objects)
    await bench.send(alert(**changes))
    assert reason in await nobody(bench)
    assert await steps(bench, "told") == []


async def test_an_alert_that_there_is_not_is_missing():
    bench = await begin()
    with pytest.raises(Missing):
        await bench.explaining.explain("nothing")
