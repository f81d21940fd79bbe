"""What the collector needs to know of the configuration. Bootstrap fills it from the section `collector`."""

from typing import Literal

import msgspec

from watchbell.collector.sources import AnySource, default_sources


class CollectorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How events are accepted."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8290
    """Port to listen on; 0 chooses a free one."""
    workers: int = 1
    """Processes that accept events. One more maps what they accepted."""
    sources: dict[str, AnySource] = msgspec.field(default_factory=default_sources)
    """What takes events: name → where and how."""
    origins: tuple[str, ...] = ()
    """Origins (`https://www.example.com`) whose pages may read the answers of every source; `*` for all."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (`10.0.0.0/8`) of proxies that tell the client's address."""
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The header that these proxies write. The other one is the client's own, and not believed."""
    kept_headers: tuple[str, ...] = ()
    """Further request headers to keep with the raw event."""
    tls_cert: str = ""
    """File with the certificate chain (PEM); empty serves plain HTTP."""
    tls_key: str = ""
    """File with the certificate's key (PEM)."""
    http2: bool = True
    """Whether HTTP/2 is offered besides HTTP/1.1."""
    body_timeout_s: float = 30.0
    """How long a client may take to send a body."""
    reading_max_bytes: int = 64 * 1024 * 1024
    """Most bytes of bodies that a worker holds while they are not complete; beyond that 503."""
    fsync: bool = False
    """Answer only when the event is on the disk itself, not only with the operating system."""
    journal_max_bytes: int = 4 * 1024 * 1024 * 1024
    """Size at which a worker's journal refuses events (503) until they are mapped."""
    shutdown_delay_s: float = 0.0
    """How long `/ping` answers 503 before the collector stops listening."""
    commit_every_s: float = 1.0
    """How often files are made durable and the journal is released."""
