from datetime import timedelta
from typing import Any

import msgspec
import pytest

from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.checks.pulse import Beat, Ping, due_at, overdue, pinged, retired
from watchbell.testing import START

HEART = Heartbeat(id="h1", name="backup", every=3600, grace=300, services=["storage"])


def at(seconds: float):
    return START + timedelta(seconds=seconds)


def pulse(**changes) -> Pulse:
    fields: dict[str, Any] = {"heartbeat_id": "h1", "version": 1, **changes}
    return Pulse(**fields)


def ping(beat: Beat = Beat.SUCCESS, exit_code: int = 0) -> Ping:
    return Ping(heartbeat_id="h1", beat=beat, exit_code=exit_code, note="out")


def test_a_ping_moves_the_due_time():
    beaten = pinged(HEART, pulse(), ping(), at(10))
    assert beaten.pulse.last_ping == at(10)
    assert beaten.due == at(10 + 3900)
    assert beaten.signal is None


def test_never_pinged_is_overdue_from_when_watching_began():
    beaten = overdue(HEART, pulse(), START, at(3900))
    assert beaten.pulse.failing
    assert beaten.signal is not None
    assert beaten.signal.text == "backup has never pinged"
    assert (beaten.signal.resource, beaten.signal.severity, beaten.signal.service) == ("backup", "major", ("storage",))


def test_not_due_yet_says_when():
    beaten = overdue(HEART, pulse(last_ping=at(100)), START, at(3900))
    assert (beaten.due, beaten.signal) == (at(4000), None)


def test_silence_is_said_once():
    silent = overdue(HEART, pulse(last_ping=START), START, at(5000))
    again = overdue(HEART, silent.pulse, START, at(9000))
    assert (again.signal, again.due, again.pulse) == (None, None, silent.pulse)


def test_the_next_success_ends_the_alert():
    silent = overdue(HEART, pulse(), START, at(5000)).pulse
    beaten = pinged(HEART, silent, ping(), at(6000))
    assert beaten.signal is not None
    assert beaten.signal.severity == "normal"
    assert not beaten.pulse.failing
    assert beaten.due == at(6000 + 3900)


@pytest.mark.parametrize(
    ("beat", "code", "text"),
    [(Beat.FAIL, 0, "backup failed: the job said that it failed"), (Beat.SUCCESS, 3, "backup failed: exit code 3")],
)
def test_a_failure_is_an_alert_at_once(beat, code, text):
    beaten = pinged(HEART, pulse(), ping(beat, code), at(10))
    assert beaten.signal is not None
    assert (beaten.signal.text, beaten.signal.raw_data) == (text, "out")
    assert beaten.pulse.failing


def test_a_job_that_started_must_end_within_grace():
    begun = pinged(HEART, pulse(last_ping=START), ping(Beat.START), at(100))
    assert begun.due == at(400)
    hung = overdue(HEART, begun.pulse, START, at(400))
    assert hung.signal is not None
    assert "has not finished" in hung.signal.text


def test_a_start_does_not_end_an_alert():
    failing = pulse(failing=True, last_ping=START)
    beaten = pinged(HEART, failing, ping(Beat.START), at(9000))
    assert (beaten.signal, beaten.due, beaten.pulse.failing) == (None, None, True)


def test_disabled_closes_what_stands():
    quiet = msgspec.structs.replace(HEART, enabled=False)
    beaten = overdue(quiet, pulse(failing=True), START, at(5000))
    assert beaten.signal is not None
    assert beaten.signal.severity == "normal"
    assert overdue(quiet, pulse(), START, at(5000)).signal is None
    assert retired(pulse(), at(1), "gone").signal is None
    assert pinged(quiet, pulse(), ping(Beat.FAIL), at(10)).signal is None


def test_the_same_decision_is_the_same_signal():
    one, two = (overdue(HEART, pulse(), START, at(5000)).signal for _ in range(2))
    assert one == two
    assert due_at(HEART, pulse(), START) == at(3900)
