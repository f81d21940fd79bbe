"""Every rule of Alerta's default alarm model."""

import pytest

from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.model import Standing
from watchbell.domain.errors import Conflict, Invalid

MODEL = AlertaModel()


def standing(status, severity="major", previous_severity="indeterminate", previous="open", **more):
    before = {"status_before_ack": "open", "status_before_shelve": "open"} | more
    return Standing(severity, previous_severity, status, previous, **before)


SIGNALS = [
    # status, severity, previous severity, previous status, incoming status → severity, status, rule
    ("open", "major", "indeterminate", "open", "open", "major", "open", "ALL-*"),
    ("open", "normal", "major", "open", "open", "normal", "closed", "CLS-*"),
    ("open", "ok", "major", "open", "open", "normal", "closed", "CLS-*"),
    ("open", "cleared", "major", "open", "open", "normal", "closed", "CLS-*"),
    ("open", "major", "indeterminate", "open", "ack", "major", "ack", "SET-*"),
    ("open", "major", "indeterminate", "open", "closed", "major", "closed", "SET-*"),
    ("open", "normal", "major", "open", "blackout", "normal", "closed", "SET-1"),
    ("ack", "major", "", "open", "open", "major", "ack", "ALL-*"),
    ("ack", "critical", "major", "open", "open", "critical", "open", "ACK-4"),
    ("ack", "minor", "major", "open", "open", "minor", "ack", "ALL-*"),
    ("ack", "critical", "indeterminate", "open", "open", "critical", "ack", "ALL-*"),
    ("ack", "normal", "major", "open", "open", "normal", "closed", "CLS-*"),
    ("shelved", "critical", "major", "open", "open", "critical", "shelved", "ALL-*"),
    ("shelved", "normal", "major", "open", "open", "normal", "closed", "CLS-*"),
    ("blackout", "major", "", "open", "open", "major", "open", "BLK-2"),
    ("blackout", "major", "", "blackout", "open", "major", "blackout", "BLK-*"),
    ("closed", "major", "normal", "open", "open", "major", "open", "CLS-3"),
    ("closed", "major", "normal", "shelved", "open", "major", "shelved", "CLS-2"),
    ("closed", "normal", "normal", "open", "open", "normal", "closed", "CLS-*"),
    ("expired", "major", "", "open", "open", "major", "open", "EXP-1"),
    ("expired", "normal", "major", "open", "open", "normal", "closed", "CLS-*"),
    ("assign", "major", "", "open", "open", "major", "assign", "ALL-*"),
]


@pytest.mark.parametrize(
    ("status", "severity", "previous_severity", "previous", "incoming", "new_severity", "new_status", "rule"), SIGNALS
)
def test_signals(status, severity, previous_severity, previous, incoming, new_severity, new_status, rule):
    decided = MODEL.signalled(standing(status, severity, previous_severity, previous), incoming)
    assert decided == (new_severity, new_status, rule)


ACTIONS = [
    ("open", "ack", "major", "ack"),
    ("open", "shelve", "major", "shelved"),
    ("open", "close", "normal", "closed"),
    ("open", "assign", "major", "open"),
    ("open", "expired", "major", "expired"),
    ("open", "lunch", "major", "open"),
    ("ack", "open", "major", "open"),
    ("ack", "unack", "major", "open"),
    ("ack", "shelve", "major", "shelved"),
    ("ack", "close", "normal", "closed"),
    ("ack", "assign", "major", "ack"),
    ("shelved", "open", "major", "open"),
    ("shelved", "unshelve", "major", "open"),
    ("shelved", "close", "normal", "closed"),
    ("shelved", "timeout", "major", "open"),
    ("ack", "timeout", "major", "open"),
    ("blackout", "close", "normal", "closed"),
    ("blackout", "ack", "major", "open"),
    ("blackout", "shelve", "major", "open"),
    ("closed", "open", "indeterminate", "open"),
    ("expired", "open", "major", "open"),
    ("expired", "expired", "major", "expired"),
]


@pytest.mark.parametrize(("status", "action", "severity", "new_status"), ACTIONS)
def test_actions(status, action, severity, new_status):
    decided = MODEL.acted(standing(status), action)
    assert (decided.severity, decided.status) == (severity, new_status)


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("open", "open"),
        ("open", "unack"),
        ("open", "unshelve"),
        ("ack", "ack"),
        ("ack", "unshelve"),
        ("shelved", "ack"),
        ("shelved", "shelve"),
        ("shelved", "unack"),
        ("closed", "ack"),
        ("closed", "shelve"),
        ("closed", "close"),
        ("expired", "ack"),
        ("expired", "close"),
        ("expired", "shelve"),
        ("expired", "assign"),
    ],
)
def test_actions_that_make_no_sense_conflict(status, action):
    with pytest.raises(Conflict):
        MODEL.acted(standing(status), action)


def test_opening_an_open_alert_says_so_in_alertas_words():
    with pytest.raises(Conflict, match="alert is already in open status"):
        MODEL.acted(standing("open"), "open")


def test_unack_and_unshelve_return_to_what_was_before():
    assert MODEL.acted(standing("ack", status_before_ack="assign"), "unack").status == "assign"
    assert MODEL.acted(standing("shelved", status_before_shelve="ack"), "unshelve").status == "ack"


def test_a_shelving_that_runs_out_returns_to_ack_if_it_was_acknowledged():
    assert MODEL.acted(standing("shelved", previous="ack"), "timeout").status == "ack"


def test_opening_a_closed_alert_restores_its_severity():
    assert MODEL.acted(standing("closed", "normal", "critical"), "open").severity == "critical"


def test_an_unknown_severity_is_refused_with_the_valid_ones():
    with pytest.raises(Invalid, match="Severity \\(bad\\) is not one of security, critical, major, minor, warning"):
        MODEL.signalled(standing("open", "bad"), "open")


def test_what_stands():
    assert MODEL.stands("open", "major")
    assert MODEL.stands("ack", "major")
    assert not MODEL.stands("open", "normal")
    assert not any(MODEL.stands(status, "major") for status in ("shelved", "blackout", "closed", "expired"))
