"""When an origin is silent, slow or well, and what is told of it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from watchbell.domain.alerts.severity import Severities
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat, Wording, looked, received

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def heartbeat(latency: float = 0.1, **more: object) -> OriginHeartbeat:
    plain = OriginHeartbeat(
        id="h1", origin="cron/db1", create_time=after(-latency), receive_time=NOON, timeout=60, tags=("a",)
    )
    return msgspec.structs.replace(plain, **more)


@pytest.mark.parametrize(
    ("seconds", "latency", "timeout", "status"),
    [
        (0, 0.1, 60, "ok"),
        (60, 0.1, 60, "ok"),
        (60.5, 0.1, 60, "expired"),
        (0, 2.0, 60, "ok"),
        (0, 2.1, 60, "slow"),
        (61, 2.1, 60, "expired"),
        (10**8, 0.1, 0, "ok"),
        (0, -5, 60, "ok"),
    ],
)
def test_status(seconds: float, latency: float, timeout: int, status: str):
    assert heartbeat(latency, timeout=timeout).status(after(seconds)) == status


def test_silence_is_told_once_and_the_return_once():
    silent = looked(heartbeat(), after(61))
    assert silent.signal is not None
    assert (silent.signal.event, silent.signal.value, silent.signal.severity) == ("HeartbeatFail", "61", "major")
    assert silent.due is None
    assert looked(silent.heartbeat, after(100)).signal is None
    back = received(
        silent.heartbeat, heartbeat(id="other", receive_time=after(200), create_time=after(200)), after(200)
    )
    assert back.heartbeat.id == "h1"
    assert back.signal is not None
    assert (back.signal.event, back.signal.severity, back.signal.text) == ("HeartbeatOK", "normal", "Heartbeat OK")
    assert looked(back.heartbeat, after(210)).signal is None


def test_it_is_looked_at_again_when_silence_would_be_an_alert():
    first = received(None, heartbeat(), NOON)
    assert first.signal is None
    assert first.due is not None
    assert heartbeat().status(first.due) == "expired"
    assert received(None, heartbeat(timeout=0), NOON).due is None


def test_a_slow_heartbeat_is_told_and_still_watched():
    slow = received(None, heartbeat(3), NOON)
    assert slow.signal is not None
    assert (slow.signal.event, slow.signal.value) == ("HeartbeatSlow", "3000ms")
    assert slow.due is not None
    silent = looked(slow.heartbeat, after(61))
    assert silent.signal is not None
    assert silent.signal.event == "HeartbeatFail"
    assert silent.signal.id != slow.signal.id


def test_what_is_decided_again_is_the_same_signal():
    one, two = looked(heartbeat(), after(61)).signal, looked(heartbeat(), after(61)).signal
    assert one is not None
    assert two is not None
    assert one.id == two.id


def test_attributes_choose_how_the_alert_looks_and_the_rest_goes_along():
    given = {"environment": "Development", "severity": "minor", "service": ["a", "b"], "group": "Jobs", "owner": "ann"}
    signal = looked(heartbeat(attributes=given, customer="acme"), after(61)).signal
    assert signal is not None
    assert (signal.environment, signal.severity, signal.service) == ("Development", "minor", ("a", "b"))
    assert (signal.group, signal.attributes, signal.tags, signal.customer) == ("Jobs", {"owner": "ann"}, ("a",), "acme")
    assert signal.correlate == ("HeartbeatFail", "HeartbeatSlow", "HeartbeatOK")


@pytest.mark.parametrize(
    ("said", "severity"),
    [("normal", "major"), ("ok", "major"), ("debug", "major"), ("", "major"), ("informational", "informational")],
)
def test_a_failure_is_never_well(said: str, severity: str):
    silent = looked(heartbeat(attributes={"severity": said}), after(61)).signal
    slow = looked(heartbeat(3, attributes={"severity": said}), NOON).signal
    assert silent is not None
    assert slow is not None
    assert (silent.severity, slow.severity) == (severity, severity)


@pytest.mark.parametrize(("said", "severity"), [("Fine", "major"), ("Bad", "Bad"), ("nonsense", "nonsense")])
def test_a_failure_is_never_well_with_severities_of_ones_own(said: str, severity: str):
    wording = Wording(Severities({"Bad": 1, "Fine": 2}, normal="Fine", informational="", previous="Fine"))
    signal = looked(heartbeat(attributes={"severity": said}), after(61), wording).signal
    assert signal is not None
    assert signal.severity == severity


@pytest.mark.parametrize("service", [None, [], "", 7, [""]])
def test_without_services_it_is_alertas(service: object):
    signal = looked(heartbeat(attributes={"service": service}), after(61)).signal
    assert signal is not None
    assert signal.service == ("Alerta",)
