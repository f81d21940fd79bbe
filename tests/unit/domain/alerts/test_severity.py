"""Severities of one's own, and what words of others stand for among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.model import Standing
from watchbell.domain.alerts.severity import COLORS, DEFAULT, SEVERITIES, Severities
from watchbell.domain.errors import Invalid

OWN = Severities(
    {"OK": 9, "P2": 2, "P1": 1, "P3": 3, "Note": 5},
    colors={"P1": "#b00020"},
    words={"fatal": "P1", "minor": "P3"},
    normal="OK",
    informational="Note",
    previous="OK",
)


def test_words_of_alertas_stand_for_what_is_as_bad():
    found = {word: OWN.named(word) for word in SEVERITIES}
    assert found == {
        "security": "P1",
        "critical": "P1",
        "major": "P1",
        "minor": "P3",
        "warning": "P3",
        "indeterminate": "OK",
        "informational": "Note",
        "normal": "OK",
        "ok": "OK",
        "cleared": "OK",
        "debug": "Note",
        "trace": "Note",
        "unknown": "OK",
    }
    assert (OWN.named("fatal"), OWN.named("P2"), OWN.known["critical"]) == ("P1", "P2", 1)


def test_a_word_that_stands_for_nothing_is_refused_with_those_that_there_are():
    with pytest.raises(Invalid, match=r"^Severity \(p1\) is not one of P1, P2, P3, Note, OK$"):
        OWN.named("p1")
    assert OWN.meaning("p1") == "p1"


def test_looks_and_colours_follow_the_rank():
    assert list(OWN.looks.items()) == [
        ("P1", "critical"), ("P2", "major"), ("P3", "minor"), ("Note", "informational"), ("OK", "ok")
    ]  # fmt: skip
    assert OWN.colors == {"P1": "#b00020", "P2": "orange", "P3": "yellow", "Note": "#00CC00", "OK": "#00CC00"}
    assert DEFAULT.colors == COLORS


def test_alertas_own_need_no_translation():
    assert {word: DEFAULT.named(word) for word in SEVERITIES} == {word: word for word in SEVERITIES}
    assert DEFAULT.known == SEVERITIES


@given(st.dictionaries(st.sampled_from([*SEVERITIES, "P1", "P2", "P3", "P4", "P5"]), st.integers(0, 9), min_size=1))
def test_what_is_worse_never_stands_for_what_is_better(ranks: dict[str, int]):
    found = Severities({**ranks, "fine": 10}, normal="fine", informational="", previous="fine")
    assert set(found.known) >= set(SEVERITIES)
    words = [word for word in ("critical", "major", "minor", "warning", "normal") if word not in ranks]
    assert [found.known[word] for word in words] == sorted(found.known[word] for word in words)


def test_the_alarm_model_lives_by_them():
    model = AlertaModel(OWN)

    def signalled(severity: str, status: str = "open", previous: str = "OK") -> tuple[str, str, str]:
        return model.signalled(Standing(severity, previous, status, status, "open", "open"), "open")

    assert signalled("P1") == ("P1", "open", "ALL-*")
    assert signalled("P1", "ack", "P2")[1:] == ("open", "ACK-4")
    assert signalled("P1", "ack")[1:] == ("ack", "ALL-*")
    assert signalled("OK", "ack", "P1") == ("OK", "closed", "CLS-*")
    standing = Standing("P2", "OK", "open", "open", "open", "open")
    assert model.acted(standing, "close") == ("OK", "closed", "OPEN-CLOSE")


def test_an_alert_of_a_severity_that_is_no_more_can_still_be_ended():
    standing = Standing("loud", "normal", "open", "open", "open", "open")
    assert AlertaModel().acted(standing, "close").status == "closed"
    assert AlertaModel().acted(standing, "expired").status == "expired"
    with pytest.raises(Invalid, match="loud"):
        AlertaModel().signalled(standing, "open")
