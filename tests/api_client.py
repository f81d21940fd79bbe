"""An application over the memory store for tests of the HTTP API, and who may call it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from watchbell.adapters.bus.memory import MemoryBus
from watchbell.adapters.passwords import Argon2Passwords
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.telemetry import PrometheusTelemetry
from watchbell.api import alerts, app, auth, client_config, operations, pages
from watchbell.api.alerta_wire import Defaults
from watchbell.bootstrap.web import ROUTES
from watchbell.domain.accounts import ApiKey, User
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.ports.telemetry import NullTelemetry
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.settings import Secret, Settings
from watchbell.usecases.administering import Administering
from watchbell.usecases.authenticating import Authenticating, digest
from watchbell.usecases.configuration import Configured
from watchbell.usecases.escalating import Escalating, acting
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.intake import Intake, Receiving, apply_signals
from watchbell.usecases.managing import Managing
from watchbell.usecases.operating import Operating
from watchbell.usecases.pulsing import Pulsing
from watchbell.usecases.recording import Rulebook

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
OUR_ORIGIN = {"Origin": "http://testserver.local"}


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.time = now

    def now(self) -> datetime:
        """The time that was set."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.time += timedelta(seconds=seconds)


def light_passwords() -> Argon2Passwords:
    """Hashes that cost next to nothing."""
    return Argon2Passwords(time_cost=1, memory_cost=8, parallelism=1)


class TurnedVault:
    """Seals by turning the text round."""

    def seal(self, plain: str) -> str:
        """Seal."""
        return plain if plain.startswith("sealed:") else f"sealed:{plain[::-1]}"

    def unseal(self, sealed: str) -> str:
        """Open."""
        return sealed.removeprefix("sealed:")[::-1] if sealed.startswith("sealed:") else sealed


class ProbeConfig(Settings, frozen=True):
    """Settings of a check for tests."""

    url: str
    """Where to look."""
    retries: int = 0
    """How often again."""
    password: Secret = Secret("")
    """Shown to nobody."""
    headers: dict[str, Secret] = {}
    """Sent along."""


class Probe:
    """A check for tests."""

    name = "probe"
    title = "Probe"
    Config = ProbeConfig


class CallConfig(Settings, frozen=True):
    """Settings of a channel for tests."""

    url: str
    """Whom to call."""
    token: Secret
    """Shown to nobody."""


class Call:
    """A channel for tests."""

    name = "call"
    title = "Call"
    Config = CallConfig


class HeardBus(MemoryBus):
    """A bus that remembers broadcasts."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, bytes]] = []

    async def broadcast(self, topic: str, body: bytes) -> None:
        """Remember."""
        self.heard.append((topic, body))


class World:
    """Store, clock and the use cases of accounts."""

    def __init__(self, *, required: bool = True, admin_key: str = "") -> None:
        self.clock = SetClock()
        self.store = MemoryStore(self.clock.now)
        self.bus = HeardBus()
        self.passwords = light_passwords()
        self.authenticating = Authenticating(
            self.store, self.clock, self.passwords, required=required, admin_key=admin_key
        )
        self.administering = Administering(self.store, self.clock, self.passwords, self.authenticating)

    async def add_user(self, login: str, *roles: str, password: str = PASSWORD) -> User:
        """A user with the usual password."""
        user = User(
            id=f"id-{login}",
            login=login,
            password_hash=await self.passwords.hash(password),
            roles=roles or ("user",),
            created_at=self.clock.now(),
        )
        async with self.store.transaction() as tx:
            await tx.users.save(user)
        return user

    async def add_key(self, plain: str, *scopes: str, user: str = "robot") -> ApiKey:
        """A key with these scopes."""
        key = ApiKey(
            id=f"id-{plain}",
            hash=digest(plain),
            prefix=plain[:6],
            user=user,
            scopes=scopes,
            created_at=self.clock.now(),
        )
        async with self.store.transaction() as tx:
            await tx.keys.save(key)
        return key

    def needs(self) -> dict[str, Any]:
        """What handlers name."""
        model = AlertaModel()
        configured = Configured(self.store, self.clock, NullTelemetry())
        rules = Rulebook(model.severities, "http://watchbell.example")
        receiving = Receiving(model, Limits())
        intake = Intake(self.store, self.clock, receiving, NullTelemetry())

        async def take(tx: Any, signals: Any, now: datetime) -> Any:
            return (await apply_signals(tx, signals, now, receiving, 0)).shards

        shapes = ObjectShapes({"check": {"probe": Probe}, "channel": {"call": Call}}, ("Production", "Development"))
        return {
            "administering": self.administering,
            "authenticating": self.authenticating,
            "bus": self.bus,
            "client_config": client_config.ClientConfig(environments=("Production",)),
            "clock": self.clock,
            "configured": configured,
            "escalating": Escalating(self.store, configured, rules, self.clock, acting(model)),
            "exposition": PrometheusTelemetry(),
            "feed": ChangeFeed(self.store, self.clock),
            "files": pages.load_files(),
            "inspecting": Inspecting(self.store, configured, self.clock, model),
            "intake": intake,
            "managing": Managing(
                self.store, self.clock, TurnedVault(), shapes, configured.expire, self.authenticating.forget
            ),
            "model": model,
            "operating": Operating(self.store, self.clock, model),
            "pulsing": Pulsing(self.store, configured, take, self.clock),
            "readiness": operations.Readiness(self.store, self.bus),
            "reception": alerts.Reception(intake, self.clock, Defaults()),
            "secure_cookie": False,
            "shapes": shapes,
            "started": START,
            "store": self.store,
            "webhooks": {},
        }

    def app(self) -> Litestar:
        """The whole API."""
        return app.create_app(ROUTES, self.needs(), [auth.authentication(self.authenticating)])

    def client(self) -> "TestClient[Litestar]":
        """A client of the API; without credentials."""
        return TestClient(self.app(), raise_server_exceptions=False)


def key(plain: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Key {plain}"}


def log_in(client: "TestClient[Litestar]", login: str, password: str = PASSWORD) -> dict[str, str]:
    """Log in by session; returns the headers that unsafe requests need."""
    answer = client.post("/api/session", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf"]}
