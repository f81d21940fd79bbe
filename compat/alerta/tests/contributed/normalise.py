"""Gives alerts what they lack, and one way to write severities. Knows of no keyword arguments but by `**kwargs`."""

import logging

from alerta.plugins import PluginBase

LOG = logging.getLogger("alerta.plugins.normalise")


class NormaliseAlert(PluginBase):
    """Normalise."""

    def pre_receive(self, alert, **kwargs):
        LOG.info("Normalising alert...")
        if not alert.environment:
            alert.environment = self.get_config("NORMALISE_ENVIRONMENT", default="Production", **kwargs)
        if not alert.service:
            alert.service = ["Unassigned"]
        alert.severity = alert.severity.lower()
        alert.attributes["region"] = alert.attributes.get("region", "EU")
        alert.text = f"{alert.resource}: {alert.text or alert.event}"
        return alert

    def post_receive(self, alert, **kwargs):
        return

    def status_change(self, alert, status, text, **kwargs):
        return
