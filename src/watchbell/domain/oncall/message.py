"""What a channel is given to send. It holds everything, so that the sender needs no database."""

from datetime import datetime
from typing import Any

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One notification, ready to be sent.

    `id` is the idempotency key. `to` is an address that the channel understands, or empty for the channel's own.
    `title` is one line; `text` is plain text of several lines. All of it may be hostile: a channel escapes for its own
    format.
    """

    id: str
    to: str
    purpose: str
    title: str
    text: str
    severity: str
    link: str = ""
    incident_id: str = ""
    service: str = ""
    created_at: datetime
    data: dict[str, Any] = {}


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What travels to a notifier: the message, the channel that sends it, and the lease under which it may.

    Secrets in `config` are sealed with the key of the installation. `attempt` counts from 1. After `deadline` the lease
    has run out: a notifier that receives it later drops it.
    """

    outbox_id: str
    shard: int
    attempt: int
    channel: str
    type: str
    config: dict[str, Any]
    message: Message
    deadline: datetime


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider said. `reference` is the provider's own id of the message."""

    reference: str = ""
    detail: str = ""
