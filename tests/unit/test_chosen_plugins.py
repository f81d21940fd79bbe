"""Plug-ins for alerts are loaded by the names that the settings give, and their settings are sound."""

import sys

import pytest

from watchbell import plugins
from watchbell.config import Configuration, shown
from watchbell.domain.errors import Permanent
from watchbell.loading import InvalidConfiguration, load
from watchbell.toolkit.alert_settings import Plugins

MODULE = """
class Good:
    def pre_receive(self, signal, given):
        return signal


class Empty:
    pass


class Hasty:
    def __init__(self):
        raise KeyError("hasty")


def choose(subject, plugins, given):
    return list(plugins)


nothing = 7
"""
POINTS = """[watchbell.alert_plugins]
good = chosen_company:Good
empty = chosen_company:Empty
hasty = chosen_company:Hasty
absent = chosen_company_is_not_here:Good
nothing = chosen_company:nothing

[watchbell.alert_routing]
ours = chosen_company:choose
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    (tmp_path / "chosen_company.py").write_text(MODULE)
    about = tmp_path / "chosen_company-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: chosen-company\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("chosen_company", None)


def test_those_are_made_that_are_named(installed):
    assert list(plugins.alert_plugins(["good"])) == ["good"]
    assert plugins.alert_routing("ours")(None, {"a": 1}, None) == ["a"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "'missing' is not installed here; there are: .*good"),
        ("absent", "'absent' .*chosen-company.* does not load: ModuleNotFoundError"),
        ("hasty", "'hasty' cannot be used: KeyError"),
        ("empty", "'empty' has none of pre_receive"),
        ("nothing", "'nothing' .* is no class"),
    ],
)
def test_one_that_cannot_be_used_keeps_the_process_from_starting(installed, name, why):
    with pytest.raises(Permanent, match=f"plugins.alerts: {why}"):
        plugins.alert_plugins(["good", name])


def test_rules_that_are_not_there_do_too():
    with pytest.raises(Permanent, match=r"plugins.routing: 'x' is not installed here"):
        plugins.alert_routing("x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEOUT", "0"),
        ("TIMEOUT", "61"),
        ("CONCURRENCY", "0"),
        ("ALERTS", "a,a"),
        ("ROUTING", "rules"),
        ("SETTINGS", "[]"),
    ],
)
def test_settings_that_make_no_sense_are_named(name, value):
    with pytest.raises(InvalidConfiguration, match=f"plugins.{name.lower()}"):
        load(environment={f"WATCHBELL_PLUGINS__{name}": value})


def test_values_for_plug_ins_are_not_shown():
    text = shown(Configuration(plugins=Plugins(alerts=["a"], settings={"URL": "https://x/secret", "N": 7})))
    assert "URL" in text
    assert "secret" not in text.replace("secret_key", "").partition("plugins.settings")[2].partition("\n")[0]
