from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from watchbell.domain.alerts.act import act
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.expire import expires_at, next_due
from watchbell.domain.alerts.receive import receive
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SENT = NOW - timedelta(minutes=3)
LATER = NOW + timedelta(minutes=1)
MODEL = AlertaModel()


def signal(number=1, **more):
    fields: dict[str, Any] = {
        "environment": "Production",
        "resource": "web",
        "event": "Down",
        "severity": "major",
        "service": ("Shop",),
        "create_time": SENT,
    }
    return Signal(id=f"m{number}", **(fields | more))


def alert(**more):
    return receive(signal(**more), [], MODEL, NOW).alert


def test_the_first_message_makes_an_alert():
    received = receive(signal(tags=("a", "b", "a"), timeout=60, text="t", value="1"), [], MODEL, NOW, config_version=7)
    made = received.alert
    assert received.change == "created"
    assert (made.id, made.last_receive_id, made.status, made.duplicate_count) == ("m1", "m1", "open", 0)
    assert (made.repeat, made.previous_severity, made.trend_indication) == (False, "indeterminate", "moreSevere")
    assert (made.create_time, made.receive_time, made.last_receive_time, made.update_time) == (SENT, NOW, NOW, NOW)
    assert made.tags == ("a", "b")
    (entry,) = received.entries
    assert (entry.type, entry.id, entry.alert_id, entry.status) == ("new", "m1", "m1", "open")
    assert (entry.at, entry.sent_at, entry.timeout, entry.config_version) == (NOW, SENT, 60, 7)


def test_a_normal_first_message_makes_a_closed_alert():
    made = alert(severity="ok")
    assert (made.status, made.severity, made.trend_indication) == ("closed", "ok", "lessSevere")


@pytest.mark.parametrize(("correlate", "kept"), [((), ()), (("Up",), ("Up", "Down")), (("Down", "Up"), ("Down", "Up"))])
def test_correlate_holds_the_event_itself_when_it_holds_any(correlate, kept):
    assert alert(correlate=correlate).correlate == kept


def test_a_duplicate_overwrites_exactly_this():
    first = alert(tags=("a",), attributes={"k": 1, "old": 2}, text="t1", value="1", correlate=("Down", "Up"))
    again = signal(
        2,
        service=("Cart",),
        value="1",
        text="t2",
        timeout=9,
        raw_data="raw",
        tags=("b", "a"),
        attributes={"k": None},
        group="Other",
        origin="elsewhere",
        type="otherAlert",
        correlate=("X",),
        create_time=LATER,
    )
    received = receive(again, [first], MODEL, LATER)
    after = received.alert
    assert received.change == "duplicate"
    assert (received.status_changed, received.severity_changed, received.entries) == (False, False, ())
    assert (after.service, after.text, after.timeout, after.raw_data) == (("Cart",), "t2", 9, "raw")
    assert (after.tags, after.attributes) == (("a", "b"), {"k": None, "old": 2})
    assert (after.repeat, after.duplicate_count, after.last_receive_id) == (True, 1, "m2")
    assert (after.last_receive_time, after.version) == (LATER, first.version + 1)
    kept = (
        "id create_time receive_time update_time event severity group origin type correlate environment "
        "previous_severity trend_indication status"
    )
    assert [getattr(after, name) for name in kept.split()] == [getattr(first, name) for name in kept.split()]


def test_a_change_of_severity_overwrites_exactly_this():
    first = receive(signal(2), [alert(tags=("a",))], MODEL, NOW).alert
    worse = signal(
        3, severity="critical", text="t", group="Other", origin="x", tags=("b",), create_time=LATER, timeout=5
    )
    received = receive(worse, [first], MODEL, LATER)
    after = received.alert
    assert received.change == "correlated"
    assert received.severity_changed
    assert (after.id, after.group, after.origin) == (first.id, first.group, first.origin)
    assert (after.severity, after.previous_severity, after.trend_indication) == ("critical", "major", "moreSevere")
    assert (after.duplicate_count, after.repeat, after.tags) == (0, False, ("a", "b"))
    assert (after.create_time, after.receive_time, after.last_receive_time) == (LATER, LATER, LATER)
    assert (after.update_time, after.timeout) == (first.update_time, 5)
    assert [entry.type for entry in received.entries] == ["severity"]


def test_the_update_time_is_that_of_the_last_change_of_status():
    after = receive(signal(2, severity="normal"), [alert()], MODEL, LATER).alert
    assert (after.status, after.update_time, after.previous_status) == ("closed", LATER, "open")


def test_the_severity_is_what_the_sender_said_although_the_model_says_normal():
    after = receive(signal(2, severity="cleared"), [alert()], MODEL, LATER).alert
    assert (after.severity, after.status) == ("cleared", "closed")


def test_another_event_in_correlate_takes_over_the_alert():
    up = receive(signal(2, event="Up", severity="normal"), [alert(correlate=("Up",))], MODEL, LATER).alert
    assert (up.id, up.event, up.status, up.correlate) == ("m1", "Up", "closed", ("Up", "Down"))


def test_the_alert_of_the_same_event_goes_before_one_that_only_correlates():
    related, same = alert(correlate=("Up",)), alert(number=2, event="Up", severity="minor")
    for stored in ([related, same], [same, related]):
        assert receive(signal(3, event="Up"), stored, MODEL, LATER).alert.id == "m2"


def test_of_several_that_correlate_the_last_one_heard_of_takes_the_message():
    older = alert(correlate=("X",))
    newer = receive(signal(2, event="Slow", correlate=("X",)), [], MODEL, LATER).alert
    for stored in ([older, newer], [newer, older]):
        assert receive(signal(3, event="X"), stored, MODEL, LATER).alert.id == "m2"


@pytest.mark.parametrize(
    "different", [{"environment": "Development"}, {"resource": "db"}, {"event": "Slow"}, {"customer": "Acme"}]
)
def test_another_identity_is_another_alert(different):
    assert receive(signal(2, **different), [alert()], MODEL, LATER).change == "created"


def test_a_severity_that_nobody_knows_is_refused_with_the_list():
    with pytest.raises(Invalid, match=r"Severity \(bad\) is not one of security, critical, major, minor, warning, "):
        receive(signal(severity="bad"), [], MODEL, NOW)


def test_a_repetition_of_what_was_acknowledged_does_not_open_it_again():
    """That the severity once rose before the acknowledgement does not count a second time."""
    risen = receive(signal(2, severity="critical"), [alert()], MODEL, NOW).alert
    taken = receive(signal(3, severity="critical", status="ack"), [risen], MODEL, NOW).alert
    assert taken.status == "ack"
    assert receive(signal(4, severity="critical"), [taken], MODEL, LATER).alert.status == "ack"


def test_getting_worse_opens_what_was_acknowledged_and_says_so():
    taken = receive(signal(2, status="ack"), [alert()], MODEL, NOW).alert
    received = receive(signal(3, severity="critical"), [taken], MODEL, LATER)
    assert (received.alert.status, received.status_changed) == ("open", True)
    assert "ACK-4" in received.reason
    assert "ACK-4" in received.entries[0].reason


def test_a_status_that_a_duplicate_brings_is_in_the_history():
    received = receive(signal(2, status="blackout"), [alert()], MODEL, LATER)
    assert [entry.type for entry in received.entries] == ["status"]
    assert received.alert.status == "blackout"
    over = receive(signal(3), [received.alert], MODEL, LATER)
    assert over.alert.status == "open"


def test_a_value_that_changes_is_in_the_history():
    received = receive(signal(2, value="2"), [alert(value="1")], MODEL, LATER)
    assert [(entry.type, entry.value) for entry in received.entries] == [("value", "2")]


def test_the_history_says_who_sent_it():
    assert receive(signal(user="ann"), [], MODEL, NOW).entries[0].user == "ann"


def test_an_alert_does_not_grow_for_ever():
    grown = alert()
    for number in range(600):
        more = signal(number, tags=(f"t{number}",), attributes={f"k{number}": number})
        grown = receive(more, [grown], MODEL, NOW).alert
    assert (len(grown.tags), len(grown.attributes)) == (256, 256)
    assert (grown.tags[-1], grown.attributes["k599"]) == ("t599", 599)


@pytest.mark.parametrize("silence", ["closed", "blackout"])
@pytest.mark.parametrize(("action", "status"), [("ack", "ack"), ("shelve", "shelved")])
def test_what_comes_back_to_an_acknowledgement_or_shelving_still_ends(silence, action, status):
    """A problem that returns is not silenced for ever, and taking the silence back opens it."""
    before = act(alert(), action, MODEL, NOW, timeout=60).alert
    if silence == "closed":
        gone = receive(signal(2, severity="normal"), [before], MODEL, LATER).alert
    else:
        gone = receive(signal(2, status="blackout"), [before], MODEL, LATER).alert
    assert (gone.status, next_due(gone)) == (silence, expires_at(gone))
    back = receive(signal(3), [gone], MODEL, LATER).alert
    if silence == "closed" and action == "ack":
        assert back.status == "open"
        return
    assert (back.status, back.reverts_at) == (status, NOW + timedelta(seconds=60))
    assert act(back, f"un{action}", MODEL, LATER).alert.status == "open"
