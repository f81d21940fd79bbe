"""Inbound formats of one's own: every operator, every problem with its place, and what a message becomes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.errors import Faulty
from watchbell.domain.kinds import problems as all_problems
from watchbell.domain.signal import UNSAID, Signal
from watchbell.domain.webhooks.expressions import OPERATORS, Message, Reader, text_of
from watchbell.domain.webhooks.model import DEPTH_MAX, EXPRESSIONS_MAX, ITEMS_MAX, PATTERN_MAX, TEXT_MAX, Format
from watchbell.domain.webhooks.reading import Compiled

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALERT: dict[str, Any] = {"resource": {"path": "$.host"}, "event": {"path": "$.check"}}
ITEM: dict[str, Any] = {
    "host": "web01",
    "check": "disk",
    "level": "FATAL",
    "n": 5,
    "text": " Full ",
    "labels": ["a", "b"],
    "empty": "",
    "deep": {"x": [1, {"y": True}]},
    "none": None,
}


def value(expression: Any, item: Any = ITEM, body: Any = None, **query: str) -> Any:
    """What an expression without problems gives."""
    reader = Reader()
    get = reader.expression(expression, "e")
    assert reader.problems == []
    return get(Message(item, body, query))


def problems(expression: Any) -> list[tuple[str, str]]:
    reader = Reader()
    reader.expression(expression, "e")
    return reader.problems


def read(body: Any, query: dict[str, str] | None = None, /, **fields: Any) -> list[Signal]:
    compiled = Compiled(msgspec.convert({"name": "shop", "alert": ALERT, **fields}, Format))
    assert compiled.problems == []
    return compiled.read(body, query or {}, NOW)


def one(**alert: Any) -> Signal:
    (signal,) = read(ITEM, alert={**ALERT, **alert})
    return signal


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("plain", "plain"),
        (5, 5),
        (True, True),
        (None, None),
        ({"path": "$.host"}, "web01"),
        ({"path": "$.nothing"}, None),
        ({"path": "$.labels[*]"}, ["a", "b"]),
        ({"path": "$.nothing[*]"}, None),
        ({"path": "$.title", "in": "body"}, "T"),
        ({"path": "$.env", "in": "query"}, "Test"),
        ({"template": "{$.check} on {$.host}: {$.nothing}{{x}} {$.labels}"}, "disk on web01: {x} a, b"),
        ({"match": "web(?P<n>[0-9]+)", "of": {"path": "$.host"}}, True),
        ({"match": "web", "of": {"path": "$.host"}}, False),
        ({"match": "web(?P<n>[0-9]+)", "of": {"path": "$.host"}, "group": "n"}, "01"),
        ({"match": "web([0-9]+)", "of": {"path": "$.host"}, "group": 1}, "01"),
        ({"match": "db([0-9]+)", "of": {"path": "$.host"}, "group": 1}, None),
        ({"map": {"path": "$.level"}, "to": {"FATAL": "critical"}}, "critical"),
        ({"map": {"path": "$.n"}, "to": {"5": "minor"}}, "minor"),
        ({"map": {"path": "$.host"}, "to": {"x": "y"}}, None),
        ({"map": {"path": "$.host"}, "to": {"x": "y"}, "default": {"path": "$.check"}}, "disk"),
        ({"split": "a, b,,c"}, ["a", "b", "c"]),
        ({"split": "a b", "by": " "}, ["a", "b"]),
        ({"split": {"path": "$.nothing"}}, None),
        ({"first_of": [{"path": "$.nothing"}, {"path": "$.empty"}, "x"]}, "x"),
        ({"first_of": [{"path": "$.nothing"}]}, None),
        ({"join": [{"path": "$.host"}, {"path": "$.nothing"}, {"path": "$.n"}], "with": "/"}, "web01/5"),
        ({"join": [{"path": "$.nothing"}]}, None),
        ({"lower": {"path": "$.level"}}, "fatal"),
        ({"upper": {"path": "$.host"}}, "WEB01"),
        ({"trim": {"path": "$.text"}}, "Full"),
        ({"trim": {"path": "$.nothing"}}, None),
        ({"present": {"path": "$.host"}}, True),
        ({"present": {"path": "$.none"}}, False),
        ({"absent": {"path": "$.host"}}, False),
        ({"absent": {"path": "$.nothing"}}, True),
        ({"equal": [{"path": "$.n"}, "5"]}, True),
        ({"equal": [{"path": "$.n"}, 6]}, False),
        ({"equal": [{"path": "$.nothing"}, {"path": "$.none"}]}, False),
        ({"less": [{"path": "$.n"}, 6]}, True),
        ({"greater": [{"path": "$.n"}, "4.5"]}, True),
        ({"greater": [{"path": "$.n"}, 5]}, False),
        ({"greater": [{"path": "$.host"}, 4]}, False),
        ({"less": [True, 4]}, False),
        ({"less": ["nan", 4]}, False),
        ({"in": ["web01", 3], "of": {"path": "$.host"}}, True),
        ({"in": [5], "of": {"path": "$.n"}}, True),
        ({"in": ["x"], "of": {"path": "$.nothing"}}, False),
        ({"and": [True, {"present": {"path": "$.host"}}]}, True),
        ({"and": [True, "true"]}, False),
        ({"or": [False, True]}, True),
        ({"or": []}, False),
        ({"not": False}, True),
        ({"not": True}, False),
    ],
)
def test_an_expression_gives_its_value(expression: Any, expected: Any):
    found = value(expression, ITEM, {"title": "T"}, env="Test")
    assert found == expected
    assert type(found) is type(expected)


def test_every_operator_has_a_case_above():
    marks = test_an_expression_gives_its_value.pytestmark  # type: ignore[attr-defined]
    used = {name for expression, _ in marks[0].args[1] if isinstance(expression, dict) for name in expression}
    assert set(OPERATORS) <= used


@pytest.mark.parametrize(
    ("value_", "text"),
    [
        (None, ""),
        (True, "true"),
        (2.0, "2"),
        (2.5, "2.5"),
        ([1, None, "a"], "1, , a"),
        ({"a": {"b": False}}, "a=b=false"),
    ],
)
def test_values_as_text(value_: Any, text: str):
    assert text_of(value_) == text


def test_a_text_of_many_is_cut_off():
    assert len(text_of([["ab"] * 10, {"a": "b" * 100_000}])) == TEXT_MAX
    assert text_of([1] * 10**6).startswith("1, 1, 1")
    assert text_of([["a" * TEXT_MAX, "b"], "c"]) == "a" * TEXT_MAX


def deep(depth: int, leaves: int) -> str:
    return "[" * depth + ",".join(["0"] * leaves) + "]" * depth


@pytest.mark.parametrize(
    ("alert", "for_each", "message"),
    [
        ({f"a{number}": {"path": "$..[*]..zz"} for number in range(490)}, "", deep(100, 20_000)),
        ({"a": {"path": "$..zz"}}, "$[*]", "[" + ",".join([deep(3, 1000)] * 900) + "]"),
        ({"a": {"template": "{$..[*]..zz}"}}, "", deep(100, 20_000)),
        ({"a": {"path": "$..[*]..zz", "in": "body"}}, "", deep(100, 20_000)),
        ({f"a{number}": {"path": "$", "in": "body"} for number in range(490)}, "$[*]", deep(1, 900)),
        ({f"a{number}": {"join": [{"path": "$"}]} for number in range(240)}, "", deep(500, 20_000)),
        ({f"a{number}": {"match": ".*x", "of": {"path": "$[0]"}} for number in range(240)}, "$[*]",
         "[" + ",".join(['["' + "y" * 5000 + '"]'] * 900) + "]"),
        ({f"a{number}": {"equal": [{"path": "$"}, "x"]} for number in range(100)}, "", deep(500, 20_000)),
        ({}, "$..[*]", "[" * 900 + '"' + "y" * 1_000_000 + '"' + "]" * 900),
    ],
)  # fmt: skip
def test_a_message_that_is_too_much_work_is_refused(alert: dict[str, Any], for_each: str, message: str):
    compiled = Compiled(Format(name="f", for_each=for_each, alert={"resource": "r", "event": "e", "attributes": alert}))
    assert compiled.problems == []
    with pytest.raises(Faulty, match="body: takes more than 500000 steps"):
        compiled.read(msgspec.json.decode(message), {}, NOW)


def test_a_message_of_many_alerts_is_no_such():
    attributes = {f"a{number}": {"path": f"$.labels.l{number}"} for number in range(20)}
    items = [{"labels": {f"l{number}": "some words" for number in range(20)}, "text": "x" * 1000}] * ITEMS_MAX
    alert = ALERT | {"resource": {"path": "$.labels.l1"}, "event": "e", "text": {"template": "{$.text}"}}
    compiled = Compiled(Format(name="f", for_each="$.alerts[*]", alert=alert | {"attributes": attributes}))
    assert len(compiled.read({"alerts": items}, {}, NOW)) == ITEMS_MAX


@pytest.mark.parametrize(
    ("expression", "place", "why"),
    [
        ([1], "e", "must be a text"),
        ({}, "e", "needs exactly one operator"),
        ({"path": "$.a", "lower": "x"}, "e", "needs exactly one operator"),
        ({"path": "$.a", "of": 1}, "e.of", "unknown; path takes in"),
        ({"lower": "a", "x": 1}, "e.x", "takes no other keys"),
        ({"path": "a"}, "e.path", "not a JSONPath"),
        ({"path": 1}, "e.path", "must be a JSONPath"),
        ({"path": "$" + "x" * PATTERN_MAX}, "e.path", "must be a JSONPath of at most"),
        ({"path": "$.a", "in": "headers"}, "e.in", "must be one of item, body, query"),
        ({"template": 1}, "e.template", "must be a text"),
        ({"template": "{a}"}, "e.template", "a brace at character 0"),
        ({"template": "x }"}, "e.template", "a brace at character 2"),
        ({"template": "{$..}"}, "e.template", "name expected"),
        ({"match": "a"}, "e.of", "is required"),
        ({"match": 1, "of": "a"}, "e.match", "must be a text"),
        ({"match": "(", "of": "a"}, "e.match", "not a regular expression"),
        ({"match": "a", "of": "a", "group": 2}, "e.group", "no such group"),
        ({"match": "a", "of": "a", "group": True}, "e.group", "no such group"),
        ({"map": "a"}, "e.to", "must be an object"),
        ({"map": "a", "to": {"x": []}}, "e.to.x", "must be a text"),
        ({"split": "a", "by": ""}, "e.by", "must be a text"),
        ({"first_of": "a"}, "e.first_of", "must be a list of expressions"),
        ({"join": [[]]}, "e.join[0]", "must be a text"),
        ({"join": ["a"], "with": 1}, "e.with", "must be a text"),
        ({"equal": ["a"]}, "e.equal", "must be a list of 2 expressions"),
        ({"less": 1}, "e.less", "must be a list of 2 expressions"),
        ({"in": ["a"]}, "e.of", "is required"),
        ({"in": [], "of": "a"}, "e.in", "must be a list of texts"),
        ({"in": [[]], "of": "a"}, "e.in", "must be a list of texts"),
    ],
)
def test_a_problem_has_its_place(expression: Any, place: str, why: str):
    ((field, reason),) = problems(expression)
    assert field == place
    assert why in reason


def test_all_problems_are_told_at_once():
    found = problems({"join": [{"path": "a"}, {"lower": {"map": "x"}}, {"odd": 1}]})
    assert [field for field, _ in found] == ["e.join[0].path", "e.join[1].lower.to", "e.join[2]"]


def test_a_format_has_bounds():
    deep: Any = "x"
    for _ in range(DEPTH_MAX + 1):
        deep = {"lower": deep}
    assert "nested more than" in problems(deep)[0][1]
    assert "more than 500 expressions" in problems({"join": ["x"] * EXPRESSIONS_MAX})[0][1]


_KEYS = st.sampled_from([*OPERATORS, "of", "to", "group"])
_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(
    st.recursive(
        _LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
        max_leaves=10,
    )
)
def test_whatever_is_written_is_read_or_refused(data: Any):
    reader = Reader()
    get = reader.expression(data, "e")
    if not reader.problems:
        get(Message(ITEM, ITEM, {}))


def test_a_message_becomes_a_signal():
    (signal,) = read({**ITEM, "extra": 1})
    assert (signal.resource, signal.event, signal.severity, signal.service) == ("web01", "disk", "warning", ("shop",))
    assert (signal.environment, signal.group, signal.origin, signal.type) == (
        "Production",
        "Misc",
        "shop",
        "webhookAlert",
    )
    assert (signal.value, signal.text, signal.tags, signal.attributes) == (None, "", (), {})
    assert (signal.timeout, signal.customer, signal.create_time) == (UNSAID, None, NOW)
    assert '"extra":1' in signal.raw_data


def test_every_field_can_be_said():
    signal = one(
        environment="Development", severity={"upper": "major"}, service={"split": "a,b"}, group="g", value=3, text="t",
        tags={"path": "$.labels[*]"}, correlate="up", origin="o", type="y", customer="c", timeout=60,
        create_time="2026-01-01T00:00:00",
        attributes={"runbook": "r", "gone": {"path": "$.nothing"}, "deep": {"path": "$.deep"}},
    )  # fmt: skip
    assert (signal.environment, signal.severity, signal.service, signal.group) == (
        "Development",
        "major",
        ("a", "b"),
        "g",
    )
    assert (signal.value, signal.text, signal.tags, signal.correlate) == ("3", "t", ("a", "b"), ("up",))
    assert (signal.origin, signal.type, signal.customer, signal.timeout) == ("o", "y", "c", 60)
    assert signal.attributes == {"runbook": "r", "deep": "x=1, y=true"}
    assert signal.create_time == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        (1767225600, datetime(2026, 1, 1, tzinfo=UTC)),
        ("1767225600000", datetime(2026, 1, 1, tzinfo=UTC)),
        ("soon", NOW),
        (1e300, NOW),
        ([], NOW),
    ],
)
def test_times(said: Any, expected: datetime):
    (signal,) = read({**ITEM, "when": said}, alert={**ALERT, "create_time": {"path": "$.when"}})
    assert signal.create_time == expected


def test_several_problems_in_one_message():
    body = {"alerts": [{"host": "a", "check": "x"}, {"host": "b", "check": "x", "state": "ok"},
                       {"host": "c", "check": "x", "state": "pending"}]}  # fmt: skip
    signals = read(
        body,
        {"environment": "Development"},
        for_each="$.alerts[*]",
        skip_when={"equal": [{"path": "$.state"}, "pending"]},
        close_when={"in": ["ok"], "of": {"path": "$.state"}},
    )
    assert [(signal.resource, signal.severity) for signal in signals] == [("a", "warning"), ("b", "normal")]
    assert {signal.environment for signal in signals} == {"Development"}


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [
        ("$.alerts", {"alerts": [ITEM, ITEM]}, 2),
        ("$.alert", {"alert": ITEM}, 1),
        ("$.alerts", {}, 0),
        ("$[*]", [ITEM], 1),
        ("$[*]", "text", 0),
    ],
)
def test_what_for_each_finds(path: str, body: Any, count: int):
    assert len(read(body, for_each=path)) == count


def test_what_stands_besides_the_problems_is_the_same_for_each():
    body = {"title": "T", "a": [{"host": "x"}, {"host": "y"}]}
    title = {"path": "$.title", "in": "body"}
    alert = {"resource": {"path": "$.host"}, "event": title, "group": {"path": "$.g", "in": "query"}}
    signals = read(body, {"g": "G"}, for_each="$.a[*]", alert=alert)
    assert [(one.resource, one.event, one.group) for one in signals] == [("x", "T", "G"), ("y", "T", "G")]


def test_a_message_that_is_nested_too_deeply_is_refused():
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Faulty, match="body: is nested too deeply"):
        read({"host": deep, "check": "c"})


def test_a_message_that_makes_no_alert_says_what_is_missing():
    with pytest.raises(Faulty) as refused:
        read({"a": [{"host": "x"}, ITEM, {"check": "y"}]}, for_each="$.a[*]")
    assert [(fault.field, fault.reason) for fault in refused.value.faults] == [
        ("items[0].event", "is absent in this message"),
        ("items[2].resource", "is absent in this message"),
    ]
    with pytest.raises(Faulty, match="severity: is 'fatal', none of"):
        read(ITEM, alert={**ALERT, "severity": {"path": "$.level"}})
    with pytest.raises(Faulty, match="timeout: is 'x'"):
        read(ITEM, alert={**ALERT, "timeout": "x"})
    with pytest.raises(Faulty, match="for_each: finds more than"):
        read([ITEM] * (ITEMS_MAX + 1), for_each="$[*]")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"alert": {"resource": "r"}}, "alert.event"),
        ({"alert": {"event": "e"}}, "alert.resource"),
        ({"alert": {**ALERT, "odd": 1}}, "alert.odd"),
        ({"alert": {**ALERT, "severity": "loud"}}, "alert.severity"),
        ({"alert": {**ALERT, "attributes": 1}}, "alert.attributes"),
        ({"alert": {**ALERT, "attributes": {"a.b": 1}}}, "alert.attributes.a.b"),
        ({"alert": {**ALERT, "attributes": {"a": []}}}, "alert.attributes.a"),
        ({"alert": ALERT, "for_each": "x"}, "for_each"),
        ({"alert": ALERT, "skip_when": []}, "skip_when"),
        ({"alert": ALERT, "close_when": {"x": 1}}, "close_when"),
        ({"alert": ALERT, "name": "a/b"}, "name"),
        ({"alert": ALERT, "name": ".."}, "name"),
    ],
)
def test_what_is_wrong_with_a_format(fields: dict[str, Any], place: str):
    assert [field for field, _ in all_problems(msgspec.convert({"name": "shop", **fields}, Format))] == [place]
