"""Plug-ins of `alertad.conf` that are installed here, and what they are set to."""

from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, load

PLUGGED = """
PLUGINS = ['reject', 'slack', 'geoip', 'blackout', 'normalise']
PLUGINS_RAISE_ON_ERROR = False
SLACK_WEBHOOK_URL = 'https://hooks.example/T0/secret'
SLACK_SEND_ON_ACK = True
SLACK_CHANNEL_MAP = {'Production': ['#ops', '#web']}
"""


def test_plug_ins_that_are_installed_become_ours_with_their_settings(tmp_path):
    there = {"watchbell.finders": {"alerta"}, "alerta.plugins": {"slack", "normalise"}, "alerta.routing": {"rules"}}
    file = tmp_path / "alertad.conf"
    file.write_text(PLUGGED)
    imported = Alerta(lambda group: frozenset(there.get(group, ()))).read(file, {})
    assert imported.settings["plugins"] == {
        "alerts": ["slack", "normalise"],
        "routing": "rules",
        "raise_on_error": False,
        "settings": {
            "SLACK_WEBHOOK_URL": "https://hooks.example/T0/secret",
            "SLACK_SEND_ON_ACK": True,
            "SLACK_CHANNEL_MAP": {"Production": ["#ops", "#web"]},
        },
    }
    assert imported.secret
    (lost,) = [remark for remark in imported.remarks if remark.lost]
    assert "'geoip'" in lost.reason
    configuration = load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))
    assert configuration.plugins.settings["SLACK_SEND_ON_ACK"] is True


def test_plug_ins_do_not_run_without_what_they_run_in(tmp_path):
    file = tmp_path / "alertad.conf"
    file.write_text(PLUGGED)
    imported = Alerta(lambda group: frozenset({"slack"} if group == "alerta.plugins" else ())).read(file, {})
    assert imported.settings["plugins"] == {"alerts": ["normalise"], "raise_on_error": False}, "which is one of ours"
    assert {remark.what for remark in imported.remarks if remark.lost} >= {"PLUGINS", "SLACK_WEBHOOK_URL"}
