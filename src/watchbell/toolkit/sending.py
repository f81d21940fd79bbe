"""What every channel is given when it is made."""

import msgspec

from watchbell.toolkit.egress import EgressPolicy
from watchbell.toolkit.http import HttpClient


class SendingTools(msgspec.Struct, frozen=True, kw_only=True):
    """Shared by all channels of a process. A channel takes what it needs and closes nothing of it.

    `timeout` is how long one attempt may take, in seconds.
    """

    http: HttpClient
    egress: EgressPolicy
    timeout: float = 20.0
