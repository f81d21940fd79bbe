"""The state machine of a check's health."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.judge import REPEAT_EVERY, TEXT_EVERY, Judged, judge, moved, retire
from watchbell.domain.checks.result import Outcome, Reading, Result, Status

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STATUS = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "u": Status.UNKNOWN}


def check(**changes):
    return Check(id="c-1", name="web", type="http", host="shop-1", services=["checkout"], site="north", **changes)


def result(number: int, status: Status, text: str = "", **changes) -> Result:
    outcome = changes.pop("outcome", Outcome(status=status, summary=text or f"it is {status}"))
    due = START + timedelta(seconds=60 * number)
    return Result(
        run_id=f"r-{number}",
        check_id="c-1",
        due=due,
        started=due,
        duration=0.25,
        worker="w-1",
        outcome=outcome,
        **changes,
    )


def play(subject: Check, letters: str) -> list[Judged]:
    """Judge one result a minute; each letter is a status."""
    health = Health(check_id="c-1")
    judged = []
    for number, letter in enumerate(letters, start=1):
        one = result(number, STATUS[letter])
        judged.append(judge(subject, health, one, one.due + timedelta(seconds=1)))
        health = judged[-1].health
    return judged


def severities(judged: list[Judged]) -> list[str]:
    return [j.signal.severity if j.signal else "-" for j in judged]


@pytest.mark.parametrize(
    ("fail_after", "recover_after", "letters", "expected"),
    [
        (1, 1, "o", "-"),
        (1, 1, "c", "critical"),
        (1, 1, "oco", "- critical normal"),
        (3, 1, "occc", "- - - critical"),
        (3, 1, "ccc", "- - critical"),
        (3, 1, "occoccc", "- - - - - - critical"),
        (2, 3, "ccooo", "- critical - - normal"),
        (2, 3, "ccoocooo", "- critical - - - - - normal"),
        (3, 3, "oco", "- - -"),
        (3, 3, "ocoo", "- - - -"),
        (3, 1, "owcu", "- - - major"),
        (1, 1, "wcwuo", "warning critical warning major normal"),
        (3, 1, "ccccwo", "- - critical - warning normal"),
        (2, 2, "cwo", "- warning -"),
        (1, 3, "coc", "critical - -"),
        (1, 3, "cow", "critical - warning"),
    ],
)
def test_sequences(fail_after, recover_after, letters, expected):
    judged = play(check(fail_after=fail_after, recover_after=recover_after), letters)
    assert severities(judged) == expected.split()


def test_a_soft_problem_that_passes_recovers_at_once_and_silently():
    last = play(check(fail_after=3, recover_after=5), "oco")[-1]
    assert last.health.hard
    assert last.health.hard_status is Status.OK
    assert last.signal is None
    assert "passed before it was confirmed" in last.reason


def test_soft_states_are_marked_and_the_first_result_is_attempt_one():
    first, second, third = play(check(fail_after=3), "ccc")
    assert (first.health.hard, first.health.attempt, first.health.hard_status) == (False, 1, Status.OK)
    assert (second.health.hard, second.health.attempt) == (False, 2)
    assert (third.health.hard, third.health.attempt, third.health.hard_status) == (True, 3, Status.CRITICAL)
    assert first.reason == "Critical, 1 of 3 to be sure"


def test_since_moves_only_with_the_confirmed_status():
    judged = play(check(fail_after=2, recover_after=2), "occcoo")
    since = [(j.health.since - START).total_seconds() for j in judged if j.health.since]
    assert since == [61, 61, 181, 181, 181, 361]


@pytest.mark.parametrize(("number", "word"), [(2, "this run"), (1, "newer")])
def test_late_and_repeated_results_are_refused(number, word):
    health = play(check(), "oc")[-1].health
    judged = judge(check(), health, result(number, Status.OK), START)
    assert judged.refused
    assert judged.health == health
    assert judged.signal is None
    assert word in judged.reason


def test_the_signal_speaks_of_the_host_and_the_check():
    outcome = Outcome(
        status=Status.CRITICAL,
        summary="500 from shop",
        details="body",
        readings=(Reading(name="time", value=0.25, unit="s"),),
    )
    signal = judge(check(), Health(check_id="c-1"), result(1, Status.CRITICAL, outcome=outcome), START).signal
    assert signal is not None
    assert (signal.environment, signal.resource, signal.event) == ("Production", "shop-1", "web")
    assert (signal.severity, signal.service, signal.group, signal.type) == (
        "critical",
        ("checkout",),
        "Checks",
        "checkAlert",
    )
    assert (signal.value, signal.text, signal.timeout, signal.raw_data) == ("0.25s", "500 from shop", 0, "body")
    assert signal.attributes["site"] == "north"
    assert signal.create_time == START + timedelta(seconds=60.25)


def test_without_a_host_the_resource_is_the_check():
    signal = judge(
        msgspec.structs.replace(check(), host=""), Health(check_id="c-1"), result(1, Status.UNKNOWN), START
    ).signal
    assert signal is not None
    assert (signal.resource, signal.severity, signal.value) == ("web", "major", "unknown")


def test_judging_again_makes_the_same_signal():
    first = judge(check(), Health(check_id="c-1"), result(1, Status.CRITICAL), START)
    assert first == judge(check(), Health(check_id="c-1"), result(1, Status.CRITICAL), START)


def test_a_standing_problem_speaks_again_after_a_while_and_when_its_text_changes():
    health = judge(check(), Health(check_id="c-1"), result(1, Status.CRITICAL, "a"), START).health

    def again(text: str, silence: timedelta) -> bool:
        return judge(check(), health, result(2, Status.CRITICAL, text), START + silence).signal is not None

    assert not again("a", REPEAT_EVERY - timedelta(seconds=1))
    assert again("a", REPEAT_EVERY)
    assert not again("b", TEXT_EVERY - timedelta(seconds=1))
    assert again("b", TEXT_EVERY)


def test_retiring_closes_what_stands():
    assert retire(play(check(), "o")[-1].health, START, "Check removed") is None
    signal = retire(play(check(), "c")[-1].health, START, "Check removed")
    assert signal is not None
    assert (signal.severity, signal.text, signal.resource, signal.event) == ("normal", "Check removed", "shop-1", "web")
    assert signal.service == ("checkout",)


@pytest.mark.parametrize(
    ("letters", "change", "expected"),
    [
        ("c", {"name": "site"}, True),
        ("c", {"host": "shop-2"}, True),
        ("c", {"environment": "Development"}, True),
        ("c", {"enabled": False}, True),
        ("c", {"services": ["other"], "severity": "minor"}, False),
        ("o", {"name": "site"}, False),
        ("co", {"name": "site"}, False),
    ],
)
def test_an_alert_that_stands_under_another_name(letters, change, expected):
    health = play(check(), letters)[-1].health
    assert not moved(check(), health)
    assert moved(msgspec.structs.replace(check(), **change), health) is expected


def test_what_the_former_release_did_not_note_is_taken_from_the_check():
    health = msgspec.structs.replace(play(check(), "c")[-1].health, said=None)
    assert retire(health, START, "gone") is None
    signal = retire(health, START, "gone", check())
    assert signal is not None
    assert signal.event == "web"


@given(
    letters=st.text(alphabet="owcu", min_size=1, max_size=60),
    fail_after=st.integers(1, 5),
    recover_after=st.integers(1, 5),
)
def test_alerts_open_and_close_in_turn(letters, fail_after, recover_after):
    """A recovery is only ever told after a problem was, and what was told last is what stands."""
    told = "normal"
    for letter, judged in zip(
        letters, play(check(fail_after=fail_after, recover_after=recover_after), letters), strict=True
    ):
        if judged.signal is not None:
            assert (judged.signal.severity == "normal") == (letter == "o")
            assert not (judged.signal.severity == "normal" and told == "normal")
            told = judged.signal.severity
        assert (told == "normal") == (judged.health.hard_status is Status.OK)
        assert judged.health.attempt >= 1


@given(
    letters=st.text(alphabet="ow", min_size=1, max_size=60),
    fail_after=st.integers(1, 4),
    recover_after=st.integers(1, 4),
)
def test_a_problem_is_confirmed_exactly_after_its_threshold(letters, fail_after, recover_after):
    """Beside a plain count over the whole sequence."""
    standing, run, last = False, 0, ""
    for letter, judged in zip(
        letters, play(check(fail_after=fail_after, recover_after=recover_after), letters), strict=True
    ):
        run, last = (run + 1 if letter == last else 1), letter
        if letter == "w" and not standing and run >= fail_after:
            standing = True
        elif letter == "o" and standing and run >= recover_after:
            standing = False
        assert (judged.health.hard_status is not Status.OK) == standing
