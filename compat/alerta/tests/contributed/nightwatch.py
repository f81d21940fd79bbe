"""A webhook of a system that posts lists of problems."""

from alerta.exceptions import ApiError
from alerta.models.alert import Alert
from alerta.webhooks import WebhookBase


class NightwatchWebhook(WebhookBase):
    """Nightwatch."""

    def incoming(self, path, query_string, payload):
        if path == "ping":
            return {"status": "ok", "message": "pong"}, 203
        if path == "status":
            found = Alert.find_by_id(query_string.get("id"))
            return {"status": found.status if found else "missing", "text": found.text if found else ""}
        if "problems" not in payload:
            raise ApiError("no problems", 400)
        alerts = [
            Alert(
                resource=problem["host"],
                event=problem["what"],
                environment=query_string.get("environment", "Production"),
                severity=problem.get("severity", "major"),
                service=["Nightwatch"],
                tags=[f"rack={problem['rack']}"] if "rack" in problem else [],
                value=problem.get("value"),
                raw_data=str(problem),
                event_type="nightwatchAlert",
            )
            for problem in payload["problems"]
        ]
        return alerts[0] if len(alerts) == 1 else alerts


class OldWebhook(WebhookBase):
    """From before there were paths."""

    def incoming(self, query_string, payload):
        return Alert.parse({**payload, "origin": query_string.get("origin")})
