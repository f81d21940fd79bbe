"""What an inhibition means: who inhibits whom, what they must have in common, and what is wrong with one."""

from typing import Any

import pytest

from oncall_bench import START, alert, changed, later
from watchbell.domain.alerts.flapping import Flaps
from watchbell.domain.alerts.inhibition import (
    Inhibition,
    Selection,
    circles,
    cleared,
    holds,
    inhibited,
    inhibition_problems,
    over,
    source_of,
    sources_for,
    stands,
    tells,
    values_of,
)
from watchbell.domain.ids import AlertId
from watchbell.domain.kinds import problems

RULE = Inhibition(name="switch", source=Selection(event="SwitchDown"), target=Selection(event="Unreachable"))
SOURCE = alert("SwitchDown", resource="sw1")
TARGET = alert("Unreachable", resource="web01")


@pytest.mark.parametrize(
    ("status", "standing", "telling"),
    [
        ("open", True, True),
        ("ack", True, True),
        ("assign", True, True),
        ("shelved", True, False),
        ("blackout", True, False),
        ("closed", False, False),
        ("expired", False, False),
        ("NORM", False, False),
        ("RTNUN", False, False),
        ("OOSRV", True, False),
    ],
)
def test_what_stands_and_what_tells(status: str, standing: bool, telling: bool):
    assert (stands(alert(status=status)), tells(alert(status=status))) == (standing, telling)


def test_a_source_that_flaps_stands_while_it_is_well_unless_it_expired():
    flaps = Flaps(since=START)
    assert stands(alert(status="closed", flaps=flaps))
    assert not stands(alert(status="expired", flaps=flaps))


@pytest.mark.parametrize(
    ("equal", "source", "target", "held"),
    [
        ((), {}, {}, True),
        (("environment",), {}, {"environment": "Development"}, False),
        ((), {}, {"environment": "Development"}, True),
        (("resource",), {}, {}, False),
        (("resource",), {}, {"resource": "sw1"}, True),
        (("attributes.site",), {"attributes": {"site": "berlin"}}, {"attributes": {"site": "berlin"}}, True),
        (("attributes.site",), {"attributes": {"site": "berlin"}}, {"attributes": {"site": "hamburg"}}, False),
        (("attributes.site",), {}, {}, False),
        (("attributes.site",), {"attributes": {"site": ""}}, {"attributes": {"site": ""}}, False),
        (("attributes.rack",), {"attributes": {"rack": 7}}, {"attributes": {"rack": 7}}, True),
        (("tags.site",), {"tags": ("site=a", "b")}, {"tags": ("c", "site=a")}, True),
        (("tags.site",), {"tags": ("site=a",)}, {"tags": ("site=b",)}, False),
        (("tags.site",), {"tags": ("site=",)}, {"tags": ("site=",)}, False),
        (("service",), {"service": ("a", "b")}, {"service": ("b", "c")}, True),
        (("service",), {"service": ("a",)}, {"service": ("c",)}, False),
        (("origin",), {}, {}, False),
        ((), {"customer": "acme"}, {"customer": "acme"}, True),
        ((), {"customer": "acme"}, {"customer": "umbrella"}, False),
        ((), {"customer": "acme"}, {}, False),
        ((), {}, {"customer": "acme"}, False),
        (("customer",), {}, {}, True),
    ],
)
def test_what_both_must_have_in_common(
    equal: tuple[str, ...], source: dict[str, Any], target: dict[str, Any], held: bool
):
    rule = Inhibition(name="x", source=RULE.source, target=RULE.target, equal=equal)
    assert holds(rule, changed(SOURCE, **source), changed(TARGET, **target)) is held
    # What is looked for in the store is never less.
    assert not held or sources_for(rule, changed(TARGET, **target)) is not None


def test_it_looks_for_nothing_when_the_target_lacks_what_they_have_in_common():
    rule = Inhibition(name="x", source=RULE.source, target=RULE.target, equal=("attributes.site",))
    assert sources_for(rule, TARGET) is None


def test_the_values_of_a_field():
    found = alert(tags=("site=a", "site=b", "sites=c"), attributes={"list": [1, 2]})
    assert values_of(found, "tags.site") == {"site=a", "site=b"}
    assert values_of(found, "attributes.list") == {"[1,2]"}


def test_no_alert_inhibits_itself():
    every = Inhibition(name="x", source=Selection(event="*"), target=Selection(event="*"), equal=())
    assert holds(every, SOURCE, TARGET)
    assert not holds(every, SOURCE, SOURCE)


def test_the_severity_is_one_of_those_that_are_meant():
    rule = Inhibition(
        name="x", source=Selection(event="*Down", severity=["critical", "major"]), target=Selection(event="*")
    )
    assert source_of([rule], SOURCE) == "x"
    assert source_of([rule], changed(SOURCE, severity="minor")) is None


def by(target: str, source: str, seconds: float = 0):
    return alert(target, inhibited_by=AlertId(f"alert-{source}"), receive_time=later(seconds))


@pytest.mark.parametrize(
    ("alerts", "found"),
    [
        ([alert("a"), by("b", "a")], set()),
        ([by("a", "b"), by("b", "c"), alert("c")], set()),
        ([by("a", "unknown")], set()),
        ([by("a", "b", 2), by("b", "a", 1)], {"alert-b"}),
        ([by("a", "b", 1), by("b", "a", 1)], {"alert-a"}),
        ([by("out", "a", 0), by("a", "b", 3), by("b", "c", 2), by("c", "a", 1)], {"alert-c"}),
        ([by("a", "b", 1), by("b", "a", 2), by("c", "d", 2), by("d", "c", 1)], {"alert-a", "alert-d"}),
    ],
)
def test_the_first_of_each_circle_must_tell(alerts: list[Any], found: set[str]):
    assert circles(alerts) == found


def test_the_grace_begins_once_and_ends():
    done = inhibited(TARGET, RULE, SOURCE, START, 4)
    assert done is not None
    marked = done.alert
    assert inhibited(marked, RULE, SOURCE, START, 4) is None
    begun = over(marked, RULE, later(10), 4)
    assert begun is not None
    assert begun.alert.inhibited_until == later(70)
    assert (begun.to_route, begun.entries) == (False, ())
    assert over(begun.alert, RULE, later(69), 4) is None
    ended = over(begun.alert, RULE, later(70), 4)
    assert ended is not None
    assert (ended.alert.inhibited, ended.alert.inhibited_until, ended.to_route) == (False, None, True)
    back = inhibited(begun.alert, RULE, SOURCE, later(20), 4)
    assert back is not None
    assert (back.alert.inhibited_until, back.entries) == (None, ())
    assert not cleared(marked).alert.inhibited


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"source": Selection()}, "source", "must say which alerts"),
        ({"source": Selection(environment="*")}, "source", "must say which alerts"),
        ({"target": Selection(tags=[""])}, "target.tags", "must not hold an empty text"),
        ({"equal": ("site",)}, "equal[0]", "'site' is nothing that alerts have in common"),
        ({"equal": ("attributes.",)}, "equal[0]", "'attributes.' is nothing"),
        ({"equal": ("event", "event")}, "equal[1]", "names 'event' twice"),
        ({"grace": -1}, "grace", "must be between 0 and 86400 seconds"),
        ({"grace": float("nan")}, "grace", "must be between 0 and 86400 seconds"),
        ({"source": Selection(severity=["bad"])}, "source.severity[0]", "there is no severity 'bad'"),
        ({"target": Selection(environment="Mars")}, "target.environment", "'Mars' is not allowed"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(fields: dict[str, Any], field: str, reason: str):
    chosen: dict[str, Any] = {"name": "x", "source": RULE.source, "target": RULE.target, **fields}
    found = problems(Inhibition(**chosen), ("Production",))
    assert [(where, reason in why) for where, why in found if where == field] == [(field, True)], found


def test_what_is_right_has_no_problems():
    assert problems(RULE, ("Production",)) == []
    assert inhibition_problems(Inhibition(name="x", source=RULE.source, target=RULE.target, equal=("tags.a",))) == []
