"""acked_by: who acknowledged an alert, as an attribute, for as long as it is acknowledged.

Says on an alert who acknowledged it: attribute `acked-by`, and the tag `watch:<login>`, by which they watch it.

The attribute goes when the alert is open again, however that came: `unack`, `open`, a worse severity, an
acknowledgement that ran out. Alerta's stays when it runs out.
"""

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.note import WATCH
from watchbell.domain.alerts.phase import TAKEN, WAITING
from watchbell.ports.alert_plugin import Action, Answer, Given

ATTRIBUTE = "acked-by"


class AckedBy:
    """Who acknowledged an alert, as an attribute, for as long as it is acknowledged."""

    def take_action(self, alert: Alert, action: Action, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        if action.word == "ack" and given.user:
            return Answer(alert=_taken(alert, given.user))
        return Answer(alert=_free(alert)) if action.word == "unack" else None

    def status_change(self, alert: Alert, status: str, text: str, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        del text, given
        return Answer(alert=_free(alert)) if status in WAITING and ATTRIBUTE in alert.attributes else None

    def post_action(self, alert: Alert, action: Action, given: Given) -> Alert | None:
        """See `AlertPlugin`. What time and incidents do is told only afterwards."""
        present = given.alerts.alert(alert.id) or alert
        if action.word == "ack" and given.user and ATTRIBUTE not in present.attributes:
            return _taken(alert, given.user) if present.status in TAKEN else None
        return _free(alert) if alert.status in WAITING and ATTRIBUTE in alert.attributes else None


def _taken(alert: Alert, login: str) -> Alert:
    tag = f"{WATCH}{login}"
    tags = alert.tags if tag in alert.tags else (*alert.tags, tag)
    return msgspec.structs.replace(alert, tags=tags, attributes={**alert.attributes, ATTRIBUTE: login})


def _free(alert: Alert) -> Alert:
    attributes = {name: value for name, value in alert.attributes.items() if name != ATTRIBUTE}
    return msgspec.structs.replace(alert, attributes=attributes)
