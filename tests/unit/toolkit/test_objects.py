"""Reading managed objects: every fault at once, and what the plug-in itself says of its settings."""

from typing import Any

import pytest

from watchbell.domain.errors import Faulty, Invalid
from watchbell.domain.plan import MASK
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings


class Config(Settings, frozen=True, kw_only=True):
    """Settings of the plug-in."""

    url: Secret
    """An address."""
    limit: int = 1
    """A number."""


class Picky:
    """A plug-in that looks at its settings when it is made."""

    Config = Config

    def __init__(self, config: Config, tools: Any) -> None:
        assert tools == "tools"
        if not config.url.reveal().startswith("http"):
            raise InvalidSettings([Problem(field="url", reason="is no address")])
        if config.limit < 0:
            raise Invalid("must not be negative", "limit")


SHAPES = ObjectShapes({"check": {"picky": Picky}, "channel": {"picky": Picky}}, (), {"check": "tools"})


def faults(kind: str, **body: Any) -> dict[str, str]:
    """What is wrong, by field."""
    with pytest.raises(Faulty) as caught:
        SHAPES.read(kind, body)
    return {fault.field: fault.reason for fault in caught.value.faults}


def test_a_plugin_says_what_is_wrong_with_its_settings():
    assert faults("check", name="c", type="picky", config={"url": "file:///etc"}) == {"config.url": "is no address"}
    wrong = {"url": "http://x/", "limit": -1}
    assert faults("check", name="c", type="picky", config=wrong) == {"config.limit": "must not be negative"}


def test_dots_stand_for_a_secret_that_was_judged_when_it_came():
    assert SHAPES.read("check", {"name": "c", "type": "picky", "config": {"url": MASK}}).name == "c"


def test_without_tools_the_types_are_all_that_is_judged():
    assert SHAPES.read("channel", {"name": "c", "type": "picky", "config": {"url": "file:///etc"}}).name == "c"


def test_a_field_that_cannot_be_read_hides_no_other_fault():
    found = faults("check", name="c", type="picky", config={}, interval=0, severity="awful", colour=1, timeout="long")
    assert {"config.url", "interval", "severity", "colour", "timeout"} <= found.keys()


def test_defaults_are_those_of_the_type_but_no_secrets():
    assert SHAPES.defaults("check", {"type": "picky"}) == {"limit": 1}
    assert SHAPES.defaults("check", {"type": "gone"}) == {}
