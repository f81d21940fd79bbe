from datetime import UTC, datetime
from typing import Any

import pytest

from watchbell.domain.alerts.policy import Limits, admit
from watchbell.domain.errors import Invalid, Refused
from watchbell.domain.signal import Signal

LIMITS = Limits(environments=("Production", "Dev.*"), name=20, text=30, raw=50, items=3, depth=2)


def admitted(**more):
    fields: dict[str, Any] = {
        "environment": "Production",
        "resource": "web",
        "event": "Down",
        "severity": "major",
        "service": ("S",),
    }
    signal = Signal(id="m1", create_time=datetime(2026, 1, 1, tzinfo=UTC), **(fields | more))
    admit(signal, LIMITS)
    return signal


@pytest.mark.parametrize("environment", ["Production", "Dev", "Development"])
def test_an_environment_matches_as_a_whole(environment):
    assert admitted(environment=environment).environment == environment


@pytest.mark.parametrize("environment", ["", "production", "Production2", "xProduction", "Production\u00a0"])
def test_another_environment_is_refused_with_the_list(environment):
    words = r"\[POLICY\] Alert environment does not match one of Production, Dev\.\*"
    with pytest.raises(Refused, match=words):
        admitted(environment=environment)


def test_an_alert_of_no_service_is_refused():
    with pytest.raises(Refused, match=r"\[POLICY\] Alert must define a service"):
        admitted(service=())


@pytest.mark.parametrize("field", ["environment", "resource", "event", "severity", "status", "group", "origin", "type"])
@pytest.mark.parametrize("bad", ["\x00", "\n", "\x1b", "\x7f"])
def test_names_hold_no_control_characters(field, bad):
    with pytest.raises(Invalid, match=f"^{field}: holds a control character"):
        admitted(**{field: f"a{bad}"})


@pytest.mark.parametrize("field", ["service", "correlate", "tags"])
def test_lists_are_short_and_so_are_their_items(field):
    admitted(**{field: ("a", "b", "c")})
    with pytest.raises(Invalid, match=f"^{field}: has 4 items, more than 3"):
        admitted(**{field: ("a", "b", "c", "d")})
    with pytest.raises(Invalid, match=f"^{field}: is longer than 20"):
        admitted(**{field: ("a" * 21,)})
    with pytest.raises(Invalid, match=f"^{field}: holds a control"):
        admitted(**{field: ("a\tb",)})


@pytest.mark.parametrize("field", ["text", "value"])
def test_text_has_lines_and_an_end(field):
    assert getattr(admitted(**{field: "one\n\ttwo\r\n"}), field) == "one\n\ttwo\r\n"
    with pytest.raises(Invalid, match=f"^{field}: is longer than 30"):
        admitted(**{field: "x" * 31})
    with pytest.raises(Invalid, match=f"^{field}: holds a control"):
        admitted(**{field: "\x08"})


def test_markup_is_text_like_any_other():
    script = "<script>alert(1)</script>"
    assert admitted(text=script, value=script, attributes={"x": script}).text == script


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"a.b": 1}, r'Attribute keys must not contain "\." or "\$"'),
        ({"a$b": 1}, r'Attribute keys must not contain "\." or "\$"'),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, "attributes: has 4 items"),
        ({"a" * 21: 1}, "attributes: is longer than 20"),
        ({"a": [[["deep"]]]}, "attributes.a: is nested deeper than 2"),
        ({"a": {"b": "\x00"}}, "attributes.a: holds a NUL"),
        ({"a": {"\x00": 1}}, "attributes.a: holds a NUL"),
        ({"a": "x" * 60}, "attributes.a: is longer than 50"),
    ],
)
def test_attributes_are_bounded(attributes, words):
    with pytest.raises(Invalid, match=words):
        admitted(attributes=attributes)


@pytest.mark.parametrize(
    "raw", ["x" * 51, "\x00", ["x"] * 60, {"a": {"b": {"c": 1}}}], ids=["long", "nul", "many", "deep"]
)
def test_raw_data_is_bounded(raw):
    with pytest.raises(Invalid, match=r"^rawData: "):
        admitted(raw_data=raw)


def test_absurd_depth_is_refused_and_exhausts_nothing():
    deep: object = 1
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(Invalid, match="value: is nested deeper"):
        admitted(value=deep)
