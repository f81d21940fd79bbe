import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from watchbell.domain.checks.check import CheckRun
from watchbell.domain.checks.result import Outcome, Status
from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.probing import Prober

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class StillClock:
    def __init__(self, now=NOW):
        self.time = now

    def now(self):
        return self.time

    async def sleep(self, seconds):
        raise AssertionError


class Counting(NullTelemetry):
    def __init__(self):
        self.counts = {}

    def count(self, name, amount=1, **labels):
        self.counts[name] = self.counts.get(name, 0) + amount


class OpenVault:
    def seal(self, plain):
        return f"sealed:{plain}"

    def unseal(self, sealed):
        if sealed == "sealed:lost":
            raise Permanent("the key does not fit")
        return sealed.removeprefix("sealed:")


class Scripted:
    """A check type that does what the test says."""

    name: ClassVar[str] = "scripted"
    title: ClassVar[str] = "Scripted"
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, behaviour):
        self.behaviour = behaviour

    async def run(self, target):
        return await self.behaviour(target)


def run(**changes):
    values: dict[str, Any] = {
        "run_id": "r-1",
        "check_id": "c-1",
        "name": "web",
        "type": "scripted",
        "config": {},
        "address": "192.0.2.1",
        "timeout": 5.0,
        "shard": 0,
        "due": NOW,
        "deadline": NOW + timedelta(seconds=15),
        **changes,
    }
    return CheckRun(**values)


def prober(behaviour=None, *, make=None, telemetry=None, clock=None, **more):
    return Prober(
        {"scripted": make or (lambda config: Scripted(behaviour))},
        clock=clock or StillClock(),
        vault=OpenVault(),
        telemetry=telemetry or NullTelemetry(),
        worker="w-1",
        **more,
    )


async def fine(target):
    return Outcome(status=Status.OK, summary=f"{target.address} {target.check} {target.timeout:g}")


async def test_the_outcome_travels_with_its_circumstances():
    result = await prober(fine).probe(run(manual=True))
    assert result is not None
    assert (result.run_id, result.check_id, result.due, result.started, result.worker) == (
        "r-1",
        "c-1",
        NOW,
        NOW,
        "w-1",
    )
    assert result.manual
    assert result.duration >= 0
    assert result.outcome.summary == "192.0.2.1 web 5"


async def test_a_run_that_nobody_waits_for_is_dropped_and_counted():
    telemetry = Counting()
    late = StillClock(NOW + timedelta(seconds=15))
    assert await prober(fine, telemetry=telemetry, clock=late).probe(run()) is None
    assert telemetry.counts == {"check_runs_expired": 1}


async def test_a_type_that_the_worker_does_not_have_names_those_that_it_has():
    result = await prober(fine).probe(run(type="telepathy"))
    assert result is not None
    assert result.outcome.status is Status.UNKNOWN
    assert "no check type 'telepathy' on worker w-1; it has scripted" in result.outcome.summary


async def test_settings_that_cannot_work_are_told():
    def make(config):
        raise Invalid("is required", "url")

    result = await prober(make=make).probe(run())
    assert result is not None
    assert result.outcome.summary == "The settings of the check are not usable: url: is required"


async def test_a_crash_becomes_unknown_and_the_worker_goes_on():
    async def crash(target):
        raise ZeroDivisionError("by zero")

    telemetry = Counting()
    subject = prober(crash, telemetry=telemetry)
    result = await subject.probe(run())
    assert result is not None
    assert result.outcome.status is Status.UNKNOWN
    assert "ZeroDivisionError: by zero" in result.outcome.summary
    assert telemetry.counts["check_runs_crashed"] == 1
    assert await subject.probe(run()) is not None


async def test_a_type_that_hangs_is_stopped_from_outside():
    async def hang(target):
        await asyncio.Event().wait()

    result = await prober(hang, grace=0.0).probe(run(timeout=0.01))
    assert result is not None
    assert result.outcome.status is Status.UNKNOWN
    assert "did not keep its timeout" in result.outcome.summary


async def test_secrets_are_opened_wherever_they_are():
    seen = []

    def make(config):
        seen.append(config)
        return Scripted(fine)

    await prober(make=make).probe(run(config={"a": "sealed:x", "b": {"c": ["sealed:y", 1]}, "d": "plain"}))
    assert seen == [{"a": "x", "b": {"c": ["y", 1]}, "d": "plain"}]


async def test_a_secret_of_another_installation_says_so():
    result = await prober(fine).probe(run(config={"a": "sealed:lost"}))
    assert result is not None
    assert result.outcome.status is Status.UNKNOWN
    assert "secret_key" in result.outcome.summary


async def test_a_check_is_made_anew_only_when_its_settings_change():
    made = []

    def make(config):
        made.append(config)
        return Scripted(fine)

    subject = prober(make=make)
    for config in ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}):
        await subject.probe(run(config=config))
    assert made == [{"a": 1}, {"a": 2}]


async def test_no_more_at_once_than_allowed():
    now = most = 0

    async def busy(target):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return Outcome(status=Status.OK, summary="")

    subject = prober(busy, concurrency=3)
    await asyncio.gather(*(subject.probe(run(check_id=f"c-{n}")) for n in range(20)))
    assert most == 3


async def test_draining_gives_back_what_was_not_begun():
    release = asyncio.Event()

    async def wait(target):
        await release.wait()
        return Outcome(status=Status.OK, summary="")

    subject = prober(wait, concurrency=1)
    begun = asyncio.create_task(subject.probe(run()))
    waiting = asyncio.create_task(subject.probe(run(check_id="c-2")))
    await asyncio.sleep(0)
    subject.drain()
    release.set()
    assert await begun is not None
    with pytest.raises(Retryable):
        await waiting


async def test_hostile_text_is_made_harmless_before_it_travels():
    async def hostile(target):
        return Outcome(status=Status.CRITICAL, summary="a\x00\ud800\nb")

    result = await prober(hostile).probe(run())
    assert result is not None
    assert result.outcome.summary == "a\ufffd\ufffd b"
