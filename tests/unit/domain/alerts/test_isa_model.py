"""Every rule of the alarm model of ANSI/ISA 18.2."""

from datetime import UTC, datetime

import pytest

from watchbell.domain.alerts.act import settled
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.deed import Deed, change_of
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.model import ACTIONS, Standing, named_status
from watchbell.domain.alerts.phase import PHASES, Phase
from watchbell.domain.alerts.receive import receive
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal

MODEL = IsaModel()
STATES = ("NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV")


def standing(state, severity="High", previous_severity="OK", previous="NORM"):
    return Standing(severity, previous_severity, state, previous, "UNACK", "UNACK")


SIGNALS = [
    # state, severity, previous severity, previous state → state, number of the rule
    ("NORM", "High", "OK", "NORM", "UNACK", "4"),
    ("NORM", "OK", "High", "NORM", "NORM", "13"),
    ("UNACK", "High", "", "NORM", "UNACK", "13"),
    ("UNACK", "Critical", "High", "NORM", "UNACK", "13"),
    ("UNACK", "OK", "High", "NORM", "RTNUN", "9"),
    ("ACKED", "High", "", "UNACK", "ACKED", "13"),
    ("ACKED", "Critical", "High", "UNACK", "UNACK", "7"),
    ("ACKED", "Critical", "OK", "UNACK", "ACKED", "13"),
    ("ACKED", "Low", "High", "UNACK", "ACKED", "13"),
    ("ACKED", "OK", "High", "UNACK", "NORM", "8"),
    ("RTNUN", "High", "OK", "UNACK", "UNACK", "11"),
    ("RTNUN", "OK", "", "UNACK", "RTNUN", "13"),
    ("SHLVD", "Critical", "High", "UNACK", "SHLVD", "13"),
    ("SHLVD", "OK", "High", "UNACK", "SHLVD", "13"),
    ("DSUPR", "OK", "High", "UNACK", "NORM", "12"),
    ("DSUPR", "High", "", "UNACK", "UNACK", "12"),
    ("OOSRV", "OK", "High", "UNACK", "NORM", "12"),
    ("OOSRV", "High", "", "NORM", "UNACK", "12"),
    ("OOSRV", "High", "", "RTNUN", "UNACK", "12"),
    ("OOSRV", "High", "", "ACKED", "ACKED", "12"),
    ("OOSRV", "Low", "High", "ACKED", "ACKED", "12"),
    ("OOSRV", "Critical", "High", "ACKED", "UNACK", "12"),
    ("OOSRV", "High", "", "SHLVD", "SHLVD", "12"),
]


@pytest.mark.parametrize(("state", "severity", "previous_severity", "previous", "after", "rule"), SIGNALS)
def test_signals(state, severity, previous_severity, previous, after, rule):
    decided = MODEL.signalled(standing(state, severity, previous_severity, previous), "NORM")
    assert (decided.severity, decided.status, decided.rule.partition(" ")[0]) == (severity, after, rule)


@pytest.mark.parametrize("severity", ["Critical", "OK"])
@pytest.mark.parametrize("state", STATES)
def test_what_the_sender_says_counts(state, severity):
    for said in ("UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV"):
        assert MODEL.signalled(standing(state, severity), said).status == said


def test_senders_may_use_alertas_words():
    assert MODEL.signalled(standing("NORM"), "open").status == "UNACK"
    assert MODEL.signalled(standing("ACKED"), "open").status == "ACKED"
    assert MODEL.signalled(standing("UNACK"), "closed").status == "UNACK", "the severity says that it is over"
    assert MODEL.signalled(standing("UNACK"), "ack").status == "ACKED"
    assert MODEL.signalled(standing("UNACK"), "blackout").status == "OOSRV"


OPERATORS = [
    # state, action, severity → state
    *((state, "shelve", severity, "SHLVD") for state in STATES for severity in ("High", "OK")),
    *((state, "unshelve", "High", "UNACK") for state in STATES),
    *((state, "unshelve", "OK", "NORM") for state in STATES),
    ("UNACK", "ack", "High", "ACKED"),
    ("ACKED", "ack", "High", "ACKED"),
    ("RTNUN", "ack", "OK", "NORM"),
    ("NORM", "ack", "OK", "NORM"),
    ("NORM", "ack", "High", "NORM"),
    ("SHLVD", "ack", "High", "SHLVD"),
    ("ACKED", "unack", "High", "UNACK"),
    ("UNACK", "unack", "High", "UNACK"),
    ("NORM", "open", "High", "UNACK"),
    ("NORM", "open", "OK", "NORM"),
    ("ACKED", "open", "High", "ACKED"),
    *((state, "close", "High", state) for state in ("NORM", "UNACK", "ACKED", "SHLVD")),
    *((state, action, "OK", state) for state in ("UNACK", "ACKED", "RTNUN") for action in ("close", "assign")),
    *((state, "assign", "High", state) for state in ("NORM", "UNACK", "ACKED", "SHLVD")),
    *((state, "expired", severity, "NORM") for state in STATES for severity in ("High", "OK")),
    ("SHLVD", "timeout", "High", "UNACK"),
    ("SHLVD", "timeout", "OK", "NORM"),
    ("ACKED", "timeout", "High", "UNACK"),
    ("UNACK", "timeout", "High", "UNACK"),
    *((state, "lunch", "High", state) for state in STATES),
    ("UNACK", "lunch", "OK", "UNACK"),
]


@pytest.mark.parametrize(("state", "action", "severity", "after"), OPERATORS)
def test_actions(state, action, severity, after):
    decided = MODEL.acted(standing(state, severity), action)
    assert (decided.severity, decided.status) == (severity, after)


def test_acknowledging_twice_does_not_alarm_anew():
    worse = standing("ACKED", "Critical", "Low", "UNACK")
    assert MODEL.signalled(worse, "NORM").status == "UNACK"
    for action in ACTIONS - {"unack", "shelve", "unshelve", "expired", "timeout"}:
        assert MODEL.acted(worse, action).status == "ACKED", action


def test_whatever_happens_ends_in_a_state_that_there_is():
    for state in [*STATES, "open", "ack", "shelved", "blackout", "closed", "expired"]:
        for severity in MODEL.severities.ranks:
            here = standing(state, severity, previous=state)
            assert {MODEL.acted(here, action).status for action in ACTIONS} <= MODEL.statuses.keys()
            assert MODEL.signalled(here, "open").status in MODEL.statuses


def test_an_unknown_severity_is_refused():
    with pytest.raises(Invalid, match=r"Severity \(dreadful\) is not one of Critical, High, Medium, Low, Advisory, OK"):
        MODEL.signalled(standing("NORM", "dreadful"), "NORM")


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("security", "Critical"),
        ("critical", "Critical"),
        ("major", "High"),
        ("minor", "Medium"),
        ("warning", "Low"),
        ("unknown", "Advisory"),
        ("informational", "Advisory"),
        ("normal", "OK"),
        ("cleared", "OK"),
    ],
)
def test_what_senders_of_alertas_words_mean(word, severity):
    assert MODEL.severities.meaning(word) == severity


def test_severities_are_told_as_alerta_tells_them():
    severities = MODEL.severities
    assert severities.codes == {"Critical": 5, "High": 4, "Medium": 3, "Low": 2, "Advisory": 1, "OK": 0}
    assert list(severities.ordered) == ["Critical", "High", "Medium", "Low", "Advisory", "OK"]
    assert severities.colors["Critical"] == "red"
    assert severities.colors["Unknown"] == "silver"
    assert severities.looks["High"] == "major"


def test_alerts_stand_while_somebody_should_know():
    assert {state for state in STATES if MODEL.stands(state, "High")} == {"UNACK", "ACKED"}
    assert not MODEL.stands("UNACK", "OK")


def test_the_models_understand_each_others_alerts():
    isa, alerta = MODEL, AlertaModel()
    assert isa.acted(standing("open"), "ack").status == "ACKED"
    assert isa.signalled(standing("closed"), "open").status == "UNACK"
    assert isa.signalled(standing("ack", "OK"), "open").status == "NORM"
    here = Standing("major", "normal", "UNACK", "NORM", "open", "open")
    assert alerta.acted(here, "ack").status == "ack"
    assert alerta.signalled(here._replace(status="NORM"), "open").status == "open"
    for one, other in ((isa, alerta), (alerta, isa)):
        for word in other.statuses:
            assert named_status(one, word) in one.statuses
        with pytest.raises(Invalid):
            named_status(one, "nowhere")


def test_every_status_has_a_meaning():
    for model in (MODEL, AlertaModel()):
        assert model.statuses.keys() <= PHASES.keys()
        assert PHASES[model.opened] is Phase.OPEN
        assert PHASES[model.closed] is Phase.CLOSED
        assert PHASES[model.muted] is Phase.MUTED
        assert set(model.shown) <= model.statuses.keys()
        assert model.colors.keys() <= model.statuses.keys()


def test_what_somebody_calls_over_is_normal():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    sent = Signal(
        id="m1", environment="Production", resource="boiler", event="Heat", severity="High", create_time=now, timeout=60
    )
    alert = receive(sent, [], MODEL, now).alert
    for deed in (Deed(alert="m1", verb="action", word="close"), Deed(alert="m1", verb="status", word="closed")):
        done = change_of(deed, MODEL, now, "ann", Timeouts())(alert)
        assert (done.alert.status, done.alert.severity, done.status_changed) == ("NORM", "High", True)
        assert done.entries[0].type == "status"
    done = change_of(Deed(alert="m1", verb="action", word="ack"), MODEL, now, "ann", Timeouts())(alert)
    assert (done.alert.status, done.entries[0].type) == ("ACKED", "ack")
    over = settled(alert, AlertaModel(), now, user="ann", text="")
    assert (over.alert.status, over.entries[0].type) == ("closed", "close")
