"""Alerta's plug-ins in an `alertad.conf`: which become plug-ins here, which settings, and which are named."""

import pytest

from watchbell.config import shown
from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, InvalidConfiguration, load
from watchbell.plugins import alert_plugins
from watchbell.toolkit.forwarding import read_destinations

SECRET = "a-secret-of-thirty-two-characters-or-more"


@pytest.fixture
def read(tmp_path):
    def reading(text, **environment):
        file = tmp_path / "alertad.conf"
        file.write_text(text)
        return Alerta().read(file, environment)

    return reading


def said(imported, what):
    """The reasons that are given for a setting."""
    return [remark.reason for remark in imported.remarks if remark.what == what]


def test_plug_ins_are_told_apart(read):
    imported = read("PLUGINS = ['reject', 'acked_by', 'pagerduty', 'timeout', 'blackout', 'timeout']\nX = 1")
    assert [remark.lost for remark in imported.remarks if remark.what == "PLUGINS"] == [True]
    assert imported.settings["plugins"] == {"alerts": ["acked_by", "timeout"]}
    assert "is no setting" in said(imported, "X")[0], "no plug-in of others could want it"


def test_alertas_own_plug_ins_are_loaded_by_their_names(read):
    imported = read("PLUGINS = ['remote_ip', 'normalise', 'acked_by', 'escalate', 'timeout']")
    assert list(alert_plugins(imported.settings["plugins"]["alerts"])) == [
        "remote_ip",
        "normalise",
        "acked_by",
        "escalate",
        "timeout",
    ]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("", ["Heartbeat"]),
        ("HEARTBEAT_EVENTS = ['Alive', 'Beat']", ["Alive", "Beat"]),
        ("PLUGINS = ['heartbeat']", ["Heartbeat"]),
        ("PLUGINS = ['reject']", []),
        ("PLUGINS = ['reject']\nHEARTBEAT_EVENTS = ['Alive']", []),
        ("HEARTBEAT_EVENTS = 7", None),
    ],
)
def test_events_that_are_heartbeats_are_taken_over_where_the_plug_in_is_on(read, text, events):
    imported = read(text)
    assert imported.settings.get("alerts", {}).get("heartbeat_events") == events
    used = bool(events) or "HEARTBEAT_EVENTS" not in text
    assert bool(said(imported, "HEARTBEAT_EVENTS")) != used


def test_destinations_are_taken_over_with_their_credentials(read):
    imported = read(f"""
BASE_URL = 'https://here.example/api'
FWD_DESTINATIONS = [
    ('http://one.example/api', {{'username': 'ann', 'password': '{SECRET}', 'timeout': 10}}, ['alerts', 'actions']),
    ('https://two.example/api/', dict(key='id', secret='{SECRET}', ssl_verify=False), ['*', 'delete']),
    ('https://three.example/api', {{'token': '{SECRET}', 'ssl_cert': 'x.pem'}}, ['ack']),
    'http://four.example',
]""")
    settings = load(environment={}, beneath=Beneath(imported.settings, "x"))
    one, two, three = read_destinations(settings.plugins.forward)
    assert (one.called, one.username, one.password.reveal(), one.timeout) == ("one.example", "ann", SECRET, 10)
    assert (two.key.reveal(), two.secret.reveal(), two.verify_tls) == ("id", SECRET, False)
    assert (three.token.reveal(), three.actions) == (SECRET, ["ack"])
    assert len(said(imported, "FWD_DESTINATIONS")) == 2
    assert imported.secret
    assert SECRET not in shown(settings)
    assert SECRET not in repr(imported.remarks)


def test_destinations_are_not_used_where_the_plug_in_is_off(read):
    imported = read("PLUGINS = ['reject']\nFWD_DESTINATIONS = [('http://one.example', {}, ['*'])]")
    assert "plugins" not in imported.settings
    assert said(imported, "FWD_DESTINATIONS")


def test_whoever_forwards_says_by_which_address_they_are_known(read):
    imported = read("FWD_DESTINATIONS = [('http://one.example/api', {}, ['*'])]")
    with pytest.raises(InvalidConfiguration, match=r"plugins\.forward: needs server\.base_url"):
        load(environment={}, beneath=Beneath(imported.settings, "x"))
    own = {"server.base_url": "http://one.example"}
    with pytest.raises(InvalidConfiguration, match=r"names this installation itself"):
        load(environment={}, overrides=own, beneath=Beneath(imported.settings, "x"))
