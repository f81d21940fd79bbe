from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from watchbell.domain.alerts import act
from watchbell.domain.alerts.act import Timeouts
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.expire import lapse
from watchbell.domain.errors import Conflict, Invalid
from watchbell.domain.ids import AlertId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
MODEL = AlertaModel()


def alert(**more):
    fields: dict[str, Any] = {
        "environment": "Production",
        "resource": "web",
        "event": "Down",
        "severity": "major",
        "status": "open",
        "create_time": NOW,
        "receive_time": NOW,
        "last_receive_id": "a1",
        "last_receive_time": NOW,
        "update_time": NOW,
    }
    return Alert(id=AlertId("a1"), **(fields | more))


def do(before, *actions, **more):
    for action in actions:
        before = act.act(before, action, MODEL, LATER, **more).alert
    return before


def test_an_action_is_told_in_the_history():
    acted = act.act(alert(), "ack", MODEL, LATER, user="ann", text="mine", timeout=60, config_version=3)
    (entry,) = acted.entries
    assert (entry.type, entry.user, entry.text, entry.timeout) == ("ack", "ann", "mine", 60)
    assert (entry.status, entry.at, entry.config_version) == ("ack", LATER, 3)
    assert "ann" in entry.reason
    assert "ACK" in entry.reason
    assert (acted.alert.update_time, acted.alert.last_receive_time) == (LATER, NOW)
    assert acted.alert.version == 2


def test_the_text_has_a_default():
    assert act.act(alert(), "close", MODEL, LATER).entries[0].text == "close operator action"


def test_a_word_of_ones_own_changes_nothing_and_is_told():
    acted = act.act(alert(), "lunch", MODEL, LATER)
    assert (acted.alert.status, acted.status_changed) == ("open", False)
    assert acted.entries[0].type == "action"


def test_closing_makes_it_normal_and_opening_brings_the_severity_back():
    closed = do(alert(), "close")
    assert (closed.status, closed.severity, closed.previous_severity) == ("closed", "normal", "major")
    opened = do(closed, "open")
    assert (opened.status, opened.severity, opened.previous_severity) == ("open", "major", "normal")


@pytest.mark.parametrize(
    ("status", "actions", "end"),
    [
        ("open", ("ack", "unack"), "open"),
        ("open", ("shelve", "unshelve"), "open"),
        ("open", ("ack", "shelve", "unshelve"), "ack"),
        ("open", ("ack", "shelve", "unshelve", "unack"), "open"),
        ("open", ("ack", "shelve", "timeout"), "ack"),
        ("open", ("shelve", "timeout"), "open"),
        ("open", ("ack", "timeout"), "open"),
        ("open", ("expired", "open"), "open"),
        ("open", ("ack", "open", "ack", "unack"), "open"),
    ],
)
def test_what_is_taken_back_returns_to_where_it_was(status, actions, end):
    assert do(alert(status=status), *actions).status == end


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("open", "open"),
        ("open", "unack"),
        ("open", "unshelve"),
        ("ack", "ack"),
        ("shelved", "ack"),
        ("shelved", "shelve"),
        ("closed", "close"),
        ("closed", "ack"),
        ("closed", "shelve"),
        ("expired", "ack"),
        ("expired", "close"),
    ],
)
def test_what_makes_no_sense_is_a_conflict(status, action):
    with pytest.raises(Conflict, match=f"{status} status|is not in"):
        act.act(alert(status=status), action, MODEL, LATER)


@pytest.mark.parametrize(
    ("action", "given", "noted", "end"),
    [
        ("ack", None, 0, None),
        ("ack", 60, 60, 60),
        ("ack", 0, 0, None),
        ("shelve", None, 7200, 7200),
        ("shelve", 60, 60, 60),
        ("shelve", 0, 0, None),
        ("close", None, 86400, None),
        ("close", 5, 5, None),
    ],
)
def test_time_outs(action, given, noted, end):
    acted = act.act(alert(), action, MODEL, LATER, timeout=given)
    assert acted.entries[0].timeout == noted
    assert acted.alert.reverts_at == (None if end is None else LATER + timedelta(seconds=end))
    assert acted.alert.timeout == 86400


def test_the_installation_has_time_outs_of_its_own():
    acted = act.act(alert(), "ack", MODEL, LATER, timeouts=Timeouts(ack=30))
    assert acted.alert.reverts_at == LATER + timedelta(seconds=30)


@pytest.mark.parametrize("change", [act.act, act.set_status])
def test_a_negative_time_out_is_refused(change):
    with pytest.raises(Invalid, match=r"Invalid negative 'timeout' value \(-1\)"):
        change(alert(), "ack", MODEL, LATER, timeout=-1)


def test_an_acknowledgement_that_is_taken_back_has_no_end_any_more():
    assert do(do(alert(), "ack", timeout=60), "unack").reverts_at is None


@pytest.mark.parametrize("way_back", ["unshelve", "timeout"])
def test_an_acknowledgement_keeps_its_end_under_a_shelving(way_back: str):
    taken = do(alert(), "ack", timeout=600)
    shelved = do(taken, "shelve", timeout=60)
    assert shelved.reverts_at == LATER + timedelta(seconds=60)
    back = do(shelved, way_back)
    assert (back.status, back.reverts_at, back.ack_reverts_at) == ("ack", taken.reverts_at, None)
    assert lapse(back, LATER + timedelta(seconds=601)) == "timeout"
    assert do(back, "timeout").status == "open"


def test_an_acknowledgement_keeps_its_end_under_a_shelving_that_was_blacked_out():
    taken = do(alert(), "ack", timeout=600)
    shelved = do(taken, "shelve")
    dark = act.set_status(shelved, "blackout", MODEL, LATER).alert
    light = act.set_status(dark, "shelved", MODEL, LATER).alert
    assert do(light, "unshelve").reverts_at == taken.reverts_at


def test_an_end_of_former_times_is_not_taken_up_again():
    shelved = do(do(alert(), "ack", timeout=600), "shelve")
    opened = do(shelved, "open")
    assert (opened.reverts_at, opened.ack_reverts_at) == (None, None)
    assert do(do(opened, "shelve"), "unshelve").reverts_at is None
    assert do(do(do(opened, "ack"), "shelve"), "unshelve").reverts_at is None


def test_a_status_set_by_hand_passes_the_model_and_keeps_the_time_out():
    acted = act.set_status(alert(timeout=300), "closed", MODEL, LATER, user="ann", text="over")
    assert (acted.alert.status, acted.alert.severity, acted.alert.timeout) == ("closed", "major", 300)
    assert [(entry.type, entry.user, entry.text) for entry in acted.entries] == [("status", "ann", "over")]
    assert act.set_status(alert(), "open", MODEL, LATER, timeout=7).alert.timeout == 7


def test_a_status_that_nobody_knows_is_refused_with_the_list():
    with pytest.raises(Invalid, match="status: must be one of open, assign, ack, shelved"):
        act.set_status(alert(), "gone", MODEL, LATER)


def test_tags_and_attributes():
    before = alert(tags=("a",), attributes={"x": 1, "y": 2})
    assert act.tag(before, ["b", "a"]).alert.tags == ("a", "b")
    assert act.untag(before, ["a", "z"]).alert.tags == ()
    after = act.set_attributes(before, {"x": None, "z": 3})
    assert (after.alert.attributes, after.entries) == ({"y": 2, "z": 3}, ())
    assert (after.alert.update_time, after.alert.version) == (NOW, 2)


def test_a_note_is_in_the_history_only():
    before = alert()
    noted = act.noted(before, "saw it", LATER, user="ann")
    assert noted.alert == before
    assert [(entry.type, entry.text, entry.user) for entry in noted.entries] == [("note", "saw it", "ann")]
