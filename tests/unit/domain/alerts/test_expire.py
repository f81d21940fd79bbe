from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.expire import expires_at, lapse, next_due
from watchbell.domain.ids import AlertId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALERT = Alert(
    id=AlertId("a1"),
    environment="Production",
    resource="web",
    event="Down",
    severity="major",
    status="open",
    timeout=60,
    create_time=NOW,
    receive_time=NOW,
    last_receive_id="a1",
    last_receive_time=NOW,
    update_time=NOW,
)


def alert(**more):
    return msgspec.structs.replace(ALERT, **more)


def test_an_alert_expires_after_its_time_out_since_it_was_last_heard_of():
    assert expires_at(alert(last_receive_time=NOW + MINUTE)) == NOW + 2 * MINUTE


@pytest.mark.parametrize("more", [{"timeout": 0}, {"status": "expired"}])
def test_some_never_expire(more):
    assert next_due(alert(**more)) is None
    assert lapse(alert(**more), NOW + timedelta(days=9000)) == ""


@pytest.mark.parametrize("status", ["open", "ack", "closed", "shelved", "blackout"])
def test_every_other_status_expires(status):
    assert lapse(alert(status=status), NOW + MINUTE) == "expired"


def test_what_is_due_first():
    taken = alert(status="ack", reverts_at=NOW + timedelta(seconds=30))
    assert next_due(taken) == NOW + timedelta(seconds=30)
    assert next_due(alert(status="ack", reverts_at=NOW + 2 * MINUTE)) == NOW + MINUTE


@pytest.mark.parametrize(("seconds", "action"), [(29, ""), (30, "timeout"), (59, "timeout"), (60, "expired")])
def test_an_acknowledgement_runs_out_and_then_the_alert_expires(seconds, action):
    taken = alert(status="ack", reverts_at=NOW + timedelta(seconds=30))
    assert lapse(taken, NOW + timedelta(seconds=seconds)) == action
