"""remote_ip: the address that an alert came from.

Sets the attribute `ip` to the address of whoever sent the alert.

What a header tells of another address counts only behind the proxies of `server.trusted_proxies`; Alerta believes
everybody's `X-Forwarded-For`.
"""

import msgspec

from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import Given

ATTRIBUTE = "ip"


class RemoteIp:
    """The address that an alert came from."""

    def pre_receive(self, signal: Signal, given: Given) -> Signal:
        """See `AlertPlugin`."""
        if not given.address:
            return signal
        return msgspec.structs.replace(signal, attributes={**signal.attributes, ATTRIBUTE: given.address})
