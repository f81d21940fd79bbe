"""timeout: acknowledgements and shelvings last as long as the installation says, whatever people ask for.

Puts `alerts.ack_timeout` and `alerts.shelve_timeout` in the place of what a caller of `ack` or `shelve` gives.

The history says so, and only when it made a difference: Alerta says it also of those who asked for nothing.
"""

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.ports.alert_plugin import Action, Answer, Given

_SAYS = " (using server timeout value)"


class Timeout:
    """Acknowledgements and shelvings last as long as the installation says, whatever people ask for."""

    def take_action(self, alert: Alert, action: Action, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        del alert
        usual = {"ack": given.timeouts.ack, "shelve": given.timeouts.shelve}.get(action.word)
        if usual is None or action.timeout in {None, usual}:
            return None
        return Answer(action=msgspec.structs.replace(action, text=action.text + _SAYS, timeout=usual))
