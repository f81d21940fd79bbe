"""normalise: what alerts of many senders should all have.

Puts the severity, in capitals, before the text, and fills in `group` and `value` where the sender said nothing.

`plugins.settings.NORMALISE_DEFAULTS` is a table of what is filled in for `group`, `value`, `text` and `origin`;
without it that is `Unknown` and `--`. A text that begins with its severity already stays, also one that came through
another installation; Alerta's example adds it each time.
"""

import msgspec

from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import Given

DEFAULTS = "NORMALISE_DEFAULTS"
"""The setting: what stands in the place of what a sender left out, by field."""
_USUAL = {"group": "Unknown", "value": "--"}
_UNSAID = {"group": ("", "Misc"), "value": (None, "", "n/a"), "text": ("",), "origin": ("",)}


class Normalise:
    """What alerts of many senders should all have."""

    def pre_receive(self, signal: Signal, given: Given) -> Signal:
        """See `AlertPlugin`."""
        wanted = given.config.get(DEFAULTS, _USUAL)
        fields = {
            name: wanted[name] for name, unsaid in _UNSAID.items() if name in wanted and getattr(signal, name) in unsaid
        }
        text = fields.get("text", signal.text)
        prefix = f"{signal.severity.upper()}: "
        fields["text"] = text if text.startswith(prefix) else f"{prefix}{text}"
        return msgspec.structs.replace(signal, **fields)
