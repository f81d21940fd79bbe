"""An application over the memory store for tests of the HTTP API, and who may call it."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send

from api_answers import Compared
from api_clock import START, SetClock
from api_plugins import Call, Probe
from watchbell import plugins
from watchbell.adapters.archive.asking import ArchiveSettings, DuckArchive
from watchbell.adapters.books import LocalBooks
from watchbell.adapters.bus.memory import MemoryBus
from watchbell.adapters.login.passkeys import WebAuthn
from watchbell.adapters.passwords import Argon2Passwords
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.telemetry import PrometheusTelemetry
from watchbell.api import alerts, app, auth, client_config, operations, pages, tries, webhooks
from watchbell.api.alerta_wire import Defaults
from watchbell.api.timing import timing
from watchbell.bootstrap.routes import ROUTES
from watchbell.domain.accounts import ApiKey, User
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.passkeys import relying_party
from watchbell.domain.roles import USUAL, RoleRules
from watchbell.domain.second_factor import Required
from watchbell.ports.store import Store
from watchbell.ports.telemetry import NullTelemetry
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.origins import Origins
from watchbell.toolkit.settings import Secret
from watchbell.usecases.administering import Administering
from watchbell.usecases.admitting import Admitting, Gate
from watchbell.usecases.attesting import Attesting, PasswordGate
from watchbell.usecases.auditing import Auditing
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.configuration import Configured
from watchbell.usecases.demanding import Demands
from watchbell.usecases.directory import Directory
from watchbell.usecases.entering import Entrance
from watchbell.usecases.escalating import Escalating, acting
from watchbell.usecases.explaining import Explaining
from watchbell.usecases.exploring import Exploring
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.foreseeing import Foreseeing
from watchbell.usecases.forwarding import Forwarding
from watchbell.usecases.guarding import GuardedStore
from watchbell.usecases.heartbeating import Heartbeating
from watchbell.usecases.housekeeping import Housekeeping
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.interpreting import Interpreting
from watchbell.usecases.lasting import Lasting
from watchbell.usecases.looking_back import LookingBack
from watchbell.usecases.managing import Managing
from watchbell.usecases.metering import Metering
from watchbell.usecases.noting import Noting
from watchbell.usecases.obeying import Obeying
from watchbell.usecases.operating import Operating
from watchbell.usecases.passkeys import Passkeys
from watchbell.usecases.permitting import Permitting
from watchbell.usecases.pinging import Pinging
from watchbell.usecases.presenting import Presenting
from watchbell.usecases.pulsing import Pulsing
from watchbell.usecases.receiving import Receiving, apply_signals
from watchbell.usecases.recording import Rulebook
from watchbell.usecases.sessions import digest
from watchbell.usecases.shaping import Shaping
from watchbell.usecases.signing_up import SigningUp, SignUpTerms
from watchbell.usecases.switching import Switching
from watchbell.usecases.trying import Trying
from watchbell.usecases.two_step import TwoStep
from watchbell.usecases.viewing import Viewing
from watchbell.usecases.vouching import Vouching

PASSWORD = "correct horse battery"
NO_ARCHIVE = ArchiveSettings(url="/nowhere", scratch=Path("/nowhere"), missing="no archive in this test")
OUR_ORIGIN = {"Origin": "http://testserver.local"}
BASE_URL = "https://watchbell.example"
"""Where people reach the pages, which passkeys are bound to."""


def light_passwords() -> Argon2Passwords:
    """Hashes that cost next to nothing."""
    return Argon2Passwords(time_cost=1, memory_cost=8, parallelism=1)


class TurnedVault:
    """Seals by turning the text round."""

    def seal(self, plain: str) -> str:
        return plain if plain.startswith("sealed:") else f"sealed:{plain[::-1]}"

    def unseal(self, sealed: str) -> str:
        return sealed.removeprefix("sealed:")[::-1] if sealed.startswith("sealed:") else sealed


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

    def __init__(
        self,
        *,
        required: bool = True,
        admin_key: str = "",
        rules: RoleRules = USUAL,
        readonly_scopes: tuple[str, ...] = (),
        store: Callable[[Callable[[], datetime]], Store] = MemoryStore,
        severities: Severities = DEFAULT,
        model: Callable[[Severities], AlarmModel] = AlertaModel,
        actions: tuple[str, ...] = (),
        terms: SignUpTerms = SignUpTerms(),  # noqa: B008 - a value
        base_url: str = BASE_URL,
        second_step: Required = Required.OFF,
        limits: Limits = Limits(),  # noqa: B008 - a value
    ) -> None:
        self.severities = severities
        self.limits = limits
        self.model = model(severities)
        self.clock = SetClock()
        self.webhook_secrets: dict[str, Secret] = {}
        self.store = store(self.clock.now)
        self.bus = HeardBus()
        self.passwords = light_passwords()
        self.gates: list[Gate] = []
        self.directories: list[PasswordGate] = []
        self.cors_origins: list[str] = []
        self.forwarding = Forwarding()
        self.metering = Metering()
        self.interpreting = Interpreting(severities, limits)
        self.admitting = Admitting(self.store, self.clock, TurnedVault(), self.gates, rules)
        attesting = Attesting(self.store, self.clock, self.admitting, self.directories)
        self.authenticating = Authenticating(
            self.store,
            self.clock,
            self.passwords,
            required=required,
            admin_key=admin_key,
            rules=rules,
            readonly_scopes=readonly_scopes,
            demands=Demands(
                verify_email=terms.verify_email, second_step=second_step, vault=TurnedVault(), attesting=attesting
            ),
        )
        self.client_config = client_config.ClientConfig(
            environments=("Production",),
            customer_views=rules.customer_views,
            readonly_scopes=readonly_scopes,
            actions=actions,
            sign_up=terms.sign_up,
            verify_email=terms.verify_email,
        )
        self.vouching = Vouching(self.store, self.clock, rules)
        self.administering = Administering(self.store, self.clock, self.passwords, self.authenticating)
        self.signing_up = SigningUp(self.store, self.clock, self.passwords, self.authenticating, terms)
        self.two_step = TwoStep(self.store, self.clock, TurnedVault(), self.authenticating)
        reader = WebAuthn(relying_party(base_url))
        self.passkeys = Passkeys(self.store, self.clock, TurnedVault(), reader, self.authenticating)
        self.presenting = Presenting(self.store, self.clock, TurnedVault(), reader, self.authenticating)

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

    async def change_user(self, login: str, **fields: Any) -> User:
        """Change what is stored of a user, whatever follows from it."""
        async with self.store.transaction() as tx:
            user = await tx.users.get(login)
            assert user is not None
            changed = msgspec.structs.replace(user, **fields)
            await tx.users.save(changed)
        return changed

    def kept(self) -> dict[str, dict[Any, Any]]:
        """Everything in the memory store, by table."""
        store: Any = self.store
        return store._state

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
        store = GuardedStore(self.store)
        model = self.model
        configured = Configured(self.store, self.clock, NullTelemetry())
        rules = Rulebook(model.severities.known, "http://watchbell.example")
        timeouts = self.client_config.timeouts
        receiving = Receiving(model, self.limits, timeouts=timeouts)

        async def take(tx: Any, signals: Any, now: datetime) -> Any:
            return (await apply_signals(tx, signals, now, receiving)).shards

        switching = Switching(self.store, self.clock)
        heartbeating = Heartbeating(store, take, self.clock, model, limits=self.limits, timeouts=timeouts)
        common = (self.store, self.clock, receiving, NullTelemetry())
        intake = Entrance(
            *common, switching=switching, take=heartbeating.take, heartbeats={"Alive"}, metering=self.metering
        )

        operating = Operating(store, self.clock, model, timeouts=timeouts)
        hooks = plugins.table("webhook")
        shapes = ObjectShapes(
            {"check": {"probe": Probe}, "channel": {"call": Call}},
            ("Production", "Development"),
            taken={"webhook": frozenset(hooks)},
            severities=self.severities,
        )
        managing = Managing(store, self.clock, TurnedVault(), shapes, configured.expire, self.authenticating.rules)
        return {
            "administering": self.administering,
            "admitting": Admitting(self.store, self.clock, TurnedVault(), self.gates, self.authenticating.rules),
            "auditing": Auditing(self.store, self.clock),
            "authenticating": self.authenticating,
            "bus": self.bus,
            "client_config": self.client_config,
            "clock": self.clock,
            "configured": configured,
            "escalating": Escalating(store, configured, rules, self.clock, acting(model, timeouts)),
            "books": LocalBooks(Path("/nowhere"), RejectedFiles(Path("/nowhere")), node="n", missing="no collector"),
            "exploring": Exploring(DuckArchive(NO_ARCHIVE), NullTelemetry()),
            "exposition": PrometheusTelemetry(),
            "directory": Directory(self.store, self.clock, self.authenticating.rules),
            "lasting": Lasting(self.store, self.clock),
            "permitting": Permitting(self.store, self.clock, self.authenticating.rules),
            "feed": ChangeFeed(self.store, self.clock),
            "files": pages.load_files(),
            "forwarding": self.forwarding,
            "foreseeing": Foreseeing(store, configured, self.clock, shapes),
            "heartbeating": heartbeating,
            "housekeeping": Housekeeping(store, self.clock, model),
            "inspecting": Inspecting(store, configured, self.clock, model),
            "explaining": Explaining(store, configured, rules, self.clock),
            "intake": intake,
            "interpreting": self.interpreting,
            "managing": managing,
            "hooks": webhooks.Hooks(
                table={name: cls() for name, cls in hooks.items()},
                secrets=self.webhook_secrets,
                obeying=Obeying(store, self.clock, intake, operating, managing),
                shaping=Shaping(store, configured, self.clock, self.severities),
                auditing=Auditing(self.store, self.clock),
                clock=self.clock,
                interpreting=self.interpreting,
            ),
            "metering": self.metering,
            "model": model,
            "noting": Noting(store, self.clock),
            "looking_back": LookingBack(store, self.clock, model),
            "viewing": Viewing(store, self.clock),
            "operating": operating,
            "pinging": Pinging(self.authenticating, configured, self.clock),
            "pulsing": Pulsing(self.store, configured, take, self.clock),
            "readiness": operations.Readiness(self.store, self.bus),
            "reception": alerts.Reception(intake, self.clock, Defaults()),
            "cors_origins": Origins(self.cors_origins),
            "secure_cookie": False,
            "signing_up": self.signing_up,
            "two_step": self.two_step,
            "passkeys": self.passkeys,
            "presenting": self.presenting,
            "settings_shown": "server.port = 8080\n",
            "shapes": shapes,
            "tries": tries.Tries(),
            "trying": Trying(),
            "vouching": self.vouching,
            "started": START,
            "store": store,
            "switching": switching,
        }

    def app(self) -> Litestar:
        """The whole API."""
        return _app(self.needs(), self.authenticating, self.vouching, self.metering)

    def client(self) -> "TestClient[Litestar]":
        """A client of the API; without credentials."""
        shared: Any = InWorld(self)
        return TestClient(shared, raise_server_exceptions=False)


_NEEDS: ContextVar[dict[str, Any]] = ContextVar("needs")


class InWorld:
    """The whole API over one world. To register its routes takes half a second, so all worlds share them."""

    def __init__(self, world: World) -> None:
        self._needs = world.needs()
        self._app = _shared(tuple(self._needs))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with what handlers need from this world."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        token = _NEEDS.set(self._needs)
        try:
            await self._app(scope, receive, send)
        finally:
            _NEEDS.reset(token)


class OfThisWorld:
    """Stands for one thing that is needed, whichever world asks."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> Any:
        """It."""
        return _NEEDS.get()[self._name]

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self(), attribute)


async def _live(receive: Receive, send: Any) -> None:
    """The shared application has nothing to start or to stop."""
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})


def _app(needs: dict[str, Any], authenticating: Any, vouching: Any, metering: Any) -> Litestar:
    return app.create_app(ROUTES, needs, [auth.authentication(authenticating, vouching), timing(metering), Compared])


@cache
def _shared(names: tuple[str, ...]) -> Litestar:
    authenticating: Any = OfThisWorld("authenticating")
    vouching: Any = OfThisWorld("vouching")
    made = _app(dict.fromkeys(names), authenticating, vouching, OfThisWorld("metering"))
    provided: Any = made.dependencies
    for name, provide in provided.items():
        provide.dependency = OfThisWorld(name)
    return made


def key(plain: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Key {plain}"}


def log_in(client: "TestClient[Litestar]", login: str, password: str = PASSWORD) -> dict[str, str]:
    """Log in by session; returns the headers that unsafe requests need."""
    answer = client.post("/api/session", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf"]}
