"""What the collector needs to know of the configuration. Bootstrap fills it from the section `collector`."""

import msgspec


class CollectorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How events are accepted."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8290
    """Port to listen on; 0 chooses a free one."""
    workers: int = 1
    """Processes that accept events. One more maps what they accepted."""
    browser_prefix: str = "/"
    """Path below which the tag's requests arrive."""
    event_suffix: str = "csc-event"
    """Name of the tag's requests below the prefix."""
    json_path: str = "/json-event"
    """Path of the JSON source."""
    json_party_parameter: str = "p"
    """Query parameter of the JSON source that carries the party."""
    json_max_body: int = 4096
    """Largest body of a request to the JSON source, in bytes; rounded up to whole 4,096."""
    batch_path: str = "/events"
    """Path that takes batches of events."""
    batch_max_body: int = 1_048_576
    """Largest body of a batch, in bytes."""
    batch_max_events: int = 1000
    """Most events in a batch."""
    origins: tuple[str, ...] = ()
    """Origins (`https://www.example.com`) whose pages may read the answer to a batch; `*` for all."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (`10.0.0.0/8`) of proxies whose `Forwarded` or `X-Forwarded-For` tells the client's address."""
    kept_headers: tuple[str, ...] = ()
    """Further request headers to keep with the raw event."""
    fsync: bool = False
    """Answer only when the event is on the disk itself, not only with the operating system."""
    journal_max_bytes: int = 4 * 1024 * 1024 * 1024
    """Size at which a worker's journal refuses events (503) until they are mapped."""
    shutdown_delay_s: float = 0.0
    """How long `/ping` answers 503 before the collector stops listening."""
    commit_every_s: float = 1.0
    """How often files are made durable and the journal is released."""
