"""The settings of a process, by section.

Every setting has a section, a name, a type, a default and a docstring; the docstring is its line in the reference.
`loading` reads them from the file and the environment.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from watchbell.collector.sources import default_tables
from watchbell.toolkit.alert_settings import Alerts, Flapping, Plugins
from watchbell.toolkit.alerta_pages import AlertaPages
from watchbell.toolkit.login_settings import Auth, Login, Mail
from watchbell.toolkit.settings import Secret, Settings, masked


class Server(Settings, frozen=True):
    """Where the API and the pages are served."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` is every address of the machine."""
    port: int = 8080
    """Port to listen on."""
    base_url: str = ""
    """Address under which people reach the pages, for links in messages, and for passkeys.

    Empty takes it from the request, or from host and port; there are no passkeys then.
    """
    tls_cert: str = ""
    """File with the certificate chain (PEM); empty serves plain HTTP."""
    tls_key: str = ""
    """File with the certificate's key (PEM)."""
    trusted_proxies: list[str] = []
    """Networks (CIDR) of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    cors_origins: list[str] = []
    """Origins whose pages may use the API with a key or a token: `https://host`, `http://localhost:*` for any port."""


class StoreSection(Settings, frozen=True):
    """The database."""

    url: Secret = Secret("")
    """`sqlite:///<file>` or `postgresql://user:password@host/database`.

    Empty is `sqlite:///<data_dir>/watchbell.db`.
    """


class BusSection(Settings, frozen=True):
    """The message broker."""

    url: Secret = Secret("memory:")
    """`memory:` within one process, or `amqp://user:password@host/vhost` for RabbitMQ."""


class Collector(Settings, frozen=True):
    """The endpoint for users' events: how they come in, and where their records go."""

    enabled: bool = True
    """Whether `watchbell up` starts collectors."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8290
    """Port to listen on."""
    base_url: str = ""
    """Address under which browsers reach the collectors; empty is host and port."""
    workers: int = 1
    """Processes that accept events; each has a journal of its own."""
    journal: str = ""
    """Folder of the journal; empty is `<data_dir>/journal`."""
    durability: Literal["written", "fsynced"] = "written"
    """When an event counts as accepted:

    `written` survives the end of the process, `fsynced` also the end of the machine.
    """
    journal_limit: int = 4096
    """Largest size of a worker's journal in MiB; beyond it events are refused with 503."""
    sources: dict[str, dict[str, Any]] = msgspec.field(default_factory=default_tables)
    """What takes events: for each source a name and a table whose `type` is `browser`, `json`, `batch` or `nginx-log`.

    The page on sources has their settings. What is set replaces the default, which has `/csc-event` for the tag,
    `/json-event` and `/events`.
    """
    sinks: dict[str, dict[str, Any]] = msgspec.field(default_factory=lambda: {"avro_files": {}})
    """Where records go: for each sink a name and a table, whose `type` is the name when it is not given.

    The page on sinks has their settings. The default writes Avro files under `<data_dir>/events`.
    """
    paths: dict[str, Any] = {}
    """A Kafka topic over which several collectors count funnels together: a table with `servers` and `topic`.

    It takes the settings of the `kafka` sink that concern the connection, too. Empty: each collector counts funnels of
    its own events alone.
    """
    trusted_proxies: list[str] = []
    """Networks (CIDR) of proxies that are believed about the client's address."""
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The header in which these proxies tell it. The right-most address that is no trusted proxy counts.

    The other header is the client's own and not believed.
    """
    origins: list[str] = []
    """Origins (`https://www.example.org`) whose pages may read the answers of every source; `*` for all."""
    tls_cert: str = ""
    """File with the certificate chain (PEM); empty serves plain HTTP."""
    tls_key: str = ""
    """File with the certificate's key (PEM)."""
    http2: bool = True
    """Whether HTTP/2 is offered besides HTTP/1.1: to browsers with TLS, to proxies also without."""
    kept_headers: list[str] = []
    """Request headers that are kept with the raw event, besides those that the mapping needs."""
    shutdown_delay: float = 0
    """Seconds that `/ping` answers 503 before the collector stops, so that a load balancer looks elsewhere."""
    api_url: str = ""
    """Address of the API to read rules and mappings from and report counts to; empty uses the database."""
    api_key: Secret = Secret("")
    """API key for `api_url`, with the scopes `read:objects` and `write:tallies`."""


class Explore(Settings, frozen=True):
    """The archive of events of the past, which the page Events and `watchbell events query` ask."""

    keep: float = 30
    """Days that events are kept for questions; 0 keeps none."""
    url: str = ""
    """Folder or object store (`s3://bucket/events`) that collectors write to and the API reads from.

    Empty is `<data_dir>/explore/archive`; in a cluster set a place that all of them reach.
    """
    every: float = 5
    """Seconds after which an event that came can be asked about."""
    memory: int = 512
    """MiB that one question may take."""
    timeout: float = 60
    """Seconds that the answer to a question may take."""


class Events(Settings, frozen=True):
    """What is made of each event on its way, whatever its source: places, duplicates, privacy, how long it is kept."""

    places: str = ""
    """MaxMind City file (`.mmdb`, or packed as `.gz`) for the places of addresses; read again when it changes.

    Empty: no places.
    """
    duplicate_memory: int = 1_000_000
    """How many events are remembered, to flag those that come again; eight bytes each."""
    addresses: Literal["full", "truncated", "none"] = "full"
    """How much of a client's address is stored: all, its first bits (`ipv4_bits`, `ipv6_bits`), or nothing."""
    ipv4_bits: int = 24
    """Bits that a truncated IPv4 address keeps."""
    ipv6_bits: int = 48
    """Bits that a truncated IPv6 address keeps."""
    redact: list[str] = []
    """Names whose values are not stored: of query parameters in addresses of pages, of custom parameters, of headers.

    Letter case does not matter.
    """
    rotate_ids: bool = False
    """Store party and session as a hash that changes every day at midnight UTC, so that nobody is known tomorrow."""
    keep_files: float = 0
    """Days after which published event files are deleted, in `<data_dir>/events` and the folders of sinks; 0 keeps
    them."""
    keep_rejected: float = 30
    """Days that rejected events are kept; 0 keeps them until there are too many."""


class Webhooks(Settings, frozen=True):
    """Messages of other systems."""

    secrets: dict[str, Secret] = {}
    """Secrets shared with those who call a webhook, by its name: what is not signed with it is refused.

    GitHub, Grafana, PagerDuty, Sentry, Slack, StatusCake, Telegram and Mailgun sign in their own way; all others as
    Standard Webhooks says. The caller needs a key besides.
    """


class Worker(Settings, frozen=True):
    """What runs checks."""

    site: str = "default"
    """Where this worker stands; it runs the checks of this site."""
    pool: str = "default"
    """Group of workers that share work."""
    concurrency: int = 200
    """Checks that run at the same time."""
    commands: list[str] = msgspec.field(
        default_factory=lambda: [
            "/usr/lib/nagios/plugins",
            "/usr/lib64/nagios/plugins",
            "/usr/local/lib/nagios/plugins",
        ]
    )
    """Folders that the `command` check may start programs from; `*` allows any."""
    command_user: str = ""
    """User that plugins run as when the worker runs as root; empty keeps the worker's own."""


class EgressSection(Settings, frozen=True):
    """Where checks and webhooks may connect to."""

    allow_loopback: bool = False
    """Whether the machine itself may be reached."""
    allow: list[str] = []
    """Networks (CIDR) that may be reached although a rule forbids them."""
    deny: list[str] = []
    """Networks (CIDR) that may not be reached, besides link-local, metadata, multicast and unspecified addresses."""


class Monitor(Settings, frozen=True):
    """Where keepers, workers and notifiers answer `/healthz`, `/readyz` and `/metrics`.

    The other roles do so where they serve.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """Port to listen on; 0 listens nowhere."""


class Log(Settings, frozen=True):
    """What the process says about itself."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important message that is written."""
    format: Literal["text", "json"] = "text"
    """`text` for people, `json` for machines."""


class Retention(Settings, frozen=True):
    """How long things are kept."""

    closed_alerts: float = 7200
    """Seconds after its last message that a closed or expired alert is deleted; 0 keeps it."""
    informational_alerts: float = 43200
    """Seconds after its last message that an informational alert is deleted; 0 keeps it."""
    archive: float = 400
    """Days that alerts stay in the archive once they were deleted among the present ones; 0 archives none."""
    results: float = 604800
    """Seconds that results of checks are kept."""
    audit: float = 0
    """Seconds that entries of the audit log are kept; 0 keeps them for ever."""


class Delivery(Settings, frozen=True):
    """How hard messages to people are tried."""

    attempt_timeout: float = 20
    """Seconds that one attempt may take; then its lease runs out and the attempt counts as ambiguous."""
    give_up_after: float = 86400
    """Seconds after which a message that no provider took is given up, and its incident says so."""


class Configuration(Settings, frozen=True):
    """All settings."""

    data_dir: str = "./watchbell-data"
    """Folder for the database, the journal, event files and the secret key."""
    secret_key: Secret = Secret("")
    """Key that seals secrets, at least 32 characters.

    Empty makes one in `<data_dir>/secret.key`. Required with PostgreSQL: all nodes share it.
    """
    allowed_environments: list[str] = msgspec.field(default_factory=lambda: ["Production", "Development"])
    """Regular expressions; an alert's environment must match one of them as a whole."""
    server: Server = Server()
    store: StoreSection = StoreSection()
    bus: BusSection = BusSection()
    auth: Auth = Auth()
    login: Login = Login()
    mail: Mail = Mail()
    collector: Collector = Collector()
    events: Events = Events()
    explore: Explore = Explore()
    webhooks: Webhooks = Webhooks()
    worker: Worker = Worker()
    egress: EgressSection = EgressSection()
    log: Log = Log()
    monitor: Monitor = Monitor()
    retention: Retention = Retention()
    delivery: Delivery = Delivery()
    alerts: Alerts = Alerts()
    flapping: Flapping = Flapping()
    plugins: Plugins = Plugins()
    alerta_pages: AlertaPages = AlertaPages()

    @property
    def data(self) -> Path:
        """The data folder."""
        return Path(self.data_dir)

    @property
    def store_url(self) -> str:
        """The database's address, default filled in."""
        return self.store.url.reveal() or f"sqlite:///{self.data / 'watchbell.db'}"

    @property
    def single_node(self) -> bool:
        """Whether the database is SQLite, which one machine uses alone."""
        return self.store_url.startswith("sqlite")

    @property
    def base_url(self) -> str:
        """Where people reach the pages; no slash at the end."""
        scheme = "https" if self.server.tls_cert else "http"
        everywhere = self.server.host in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        host = "localhost" if everywhere else self.server.host
        return (self.server.base_url or f"{scheme}://{host}:{self.server.port}").rstrip("/")

    @property
    def collector_url(self) -> str:
        """Where browsers reach the collectors; no slash at the end."""
        everywhere = self.collector.host in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        host = "localhost" if everywhere else self.collector.host
        scheme = "https" if self.collector.tls_cert else "http"
        return (self.collector.base_url or f"{scheme}://{host}:{self.collector.port}").rstrip("/")

    @property
    def journal_dir(self) -> Path:
        """The journal's folder, default filled in."""
        return Path(self.collector.journal) if self.collector.journal else self.data / "journal"


SECTIONS: dict[str, type[Settings]] = {
    field.name: field.type
    for field in msgspec.structs.fields(Configuration)
    if isinstance(field.type, type) and issubclass(field.type, Settings)
}


def setting_names() -> list[str]:
    """Every setting as `section.name`, the top-level ones without a section."""
    top = [f.name for f in msgspec.structs.fields(Configuration) if f.name not in SECTIONS]
    return top + [f"{section}.{f.name}" for section, cls in SECTIONS.items() for f in msgspec.structs.fields(cls)]


def shown(configuration: Configuration) -> str:
    """Every setting in force as a line `name = value`, secrets as dots."""
    values = {f.name: getattr(configuration, f.name) for f in msgspec.structs.fields(Configuration)}
    lines = [f"{name} = {value!r}" for name, value in values.items() if name not in SECTIONS]
    for section in SECTIONS:
        inner = msgspec.structs.asdict(values[section])
        if section == "plugins":  # nobody knows which of them are secret
            inner["settings"] = dict.fromkeys(inner["settings"], Secret(""))
        lines += [f"{section}.{name} = {masked(value)!r}" for name, value in inner.items()]
    return "\n".join(lines) + "\n"
