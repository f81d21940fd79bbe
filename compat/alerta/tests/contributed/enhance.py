"""Adds links and the team to alerts, and counts how often each flaps; from before plug-ins got keyword arguments."""

try:
    from alerta.plugins import app  # since 5.0
except ImportError:
    from alerta.app import app

from alerta.models.alert import Alert
from alerta.plugins import PluginBase

RUNBOOKS = app.config["RUNBOOK_URL"]


class EnhanceAlert(PluginBase):
    """Enhance."""

    def pre_receive(self, alert):
        alert.attributes["runBookUrl"] = f"{RUNBOOKS}/{alert.event.replace(' ', '-')}"
        alert.attributes["team"] = self.get_config("ENHANCE_TEAM", default="nobody")
        if "parent" in alert.attributes:
            parent = Alert.find_by_id(alert.attributes["parent"])
            alert.attributes["parentStatus"] = parent.status if parent else "unknown"
        return alert

    def post_receive(self, alert):
        alert.tags = [*alert.tags, "flapping" if alert.is_flapping(window=3600, count=2) else "steady"]
        alert.attributes["changes"] = len([entry for entry in alert.history if entry.change_type == "severity"])
        return alert

    def status_change(self, alert, status, text):
        return None
