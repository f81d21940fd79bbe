"""A site where people see to their own accounts: its API, its keeper, and the mails that it sends."""

from datetime import timedelta
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from api_client import PASSWORD, World
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.domain.roles import RoleRules
from watchbell.ports.store import Lease
from watchbell.usecases.mailing import Mailing, Post
from watchbell.usecases.signing_up import SignUpTerms

Client = TestClient[Litestar]
ON = SignUpTerms(sign_up=True, reset=True)
VERIFIED = SignUpTerms(sign_up=True, reset=True, verify_email=True)
ANN = {"name": "Ann", "email": "ann@example.org", "password": PASSWORD}
NEW = "another fine password"


class Box:
    """A channel that keeps what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.errors: list[Exception] = []

    async def send(self, message: Message) -> Receipt:
        if self.errors:
            raise self.errors.pop(0)
        self.messages.append(message)
        return Receipt()

    async def close(self) -> None:
        pass

    def secrets(self) -> list[str]:
        """Of the links, in order."""
        return [message.link.partition("#token=")[2] for message in self.messages]


class Site:
    """A world, and a keeper that sends its letters."""

    def __init__(self, terms: SignUpTerms = ON, rules: RoleRules | None = None) -> None:
        self.world = World(terms=terms, rules=rules or RoleRules())
        self.box = Box()
        post = Post(channel=self.box, base_url="https://watch.example", give_up_after=3600)
        self.mailing = Mailing(self.world.store, self.world.clock, post)

    async def leases(self) -> list[Lease]:
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            found = [await tx.leases.acquire(f"shard/{n}", "k", now, now + timedelta(days=2)) for n in range(16)]
        return [lease for lease in found if lease is not None]

    async def send(self) -> list[Message]:
        """Send what waits; what came of it."""
        before = len(self.box.messages)
        await self.mailing.run(await self.leases())
        return self.box.messages[before:]

    async def waiting(self) -> int:
        async with self.world.store.reading() as tx:
            backlog = await tx.outbox.backlog(self.world.clock.now() + timedelta(days=9))
        return backlog.get("letter", (0, 0.0))[0]

    async def letters(self) -> int:
        return len(self.world.kept().get("letters", {}))

    async def actions(self) -> list[str]:
        async with self.world.store.reading() as tx:
            return [entry.action for entry in await tx.audit.newest()]


async def site(terms: SignUpTerms = ON, rules: RoleRules | None = None) -> Site:
    made = Site(terms, rules)
    await made.world.add_user("root", "admin")
    return made


async def with_ann(terms: SignUpTerms = ON) -> Site:
    made = await site(terms)
    await made.world.add_user("ann")
    await made.world.change_user("ann", email="Ann@example.org")
    return made


def sign_up(client: Client, **fields: Any) -> Any:
    return client.post("/api/auth/signup", json=ANN | fields)


def forgot(client: Client, email: str = "ann@example.org") -> Any:
    return client.post("/api/auth/forgot", json={"email": email})


def reset(client: Client, secret: str, password: Any = NEW) -> Any:
    return client.post(f"/api/auth/reset/{secret}", json={"password": password})


def confirm(client: Client, secret: str) -> Any:
    return client.post(f"/api/auth/confirm/{secret}")
