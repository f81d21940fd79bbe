"""Silences an alert in an Alertmanager while somebody has acknowledged it."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta

from alerta.plugins import PluginBase
from alerta.utils.format import DateTime


class AlertmanagerSilence(PluginBase):
    """Silence on ack."""

    def pre_receive(self, alert, **kwargs):
        return alert

    def post_receive(self, alert, **kwargs):
        return

    def status_change(self, alert, status, text, **kwargs):
        return

    def take_action(self, alert, action, text, **kwargs):
        if alert.event_type != "prometheusAlert":
            return alert
        base = self.get_config("ALERTMANAGER_API_URL", default="http://127.0.0.1:9093", type=str, **kwargs)
        if action == "ack":
            ends = datetime.now(UTC) + timedelta(seconds=kwargs.get("timeout") or 86400)
            silence = {
                "matchers": [{"name": "alertname", "value": alert.event, "isRegex": False}],
                "endsAt": DateTime.iso8601(ends),
                "createdBy": "alerta",
                "comment": text,
            }
            answer = _call(f"{base}/api/v2/silences", "POST", silence)
            alert.attributes["silenceId"] = json.loads(answer)["silenceID"]
        elif action == "unack" and "silenceId" in alert.attributes:
            _call(f"{base}/api/v2/silence/{alert.attributes['silenceId']}", "DELETE")
            alert.attributes["silenceId"] = None
        return alert, action, f"{text}-silence" if action == "ack" else text


def _call(url, method, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()
