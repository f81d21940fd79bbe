"""The stream ends with what let its caller in, and as long as it goes on it costs nothing for each change of alerts."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from api_client import PASSWORD, START, InWorld, World
from waiting import until
from watchbell.api import stream
from watchbell.domain.access import SESSION_IDLE
from watchbell.domain.accounts import CustomerLookup, Principal
from watchbell.domain.errors import Retryable
from watchbell.domain.roles import RoleRules
from watchbell.usecases.administering import OPERATOR, UserChange
from watchbell.usecases.directory import Directory
from watchbell.usecases.following import ChangeFeed


class Restless:
    """A clock whose sleeps are over at once."""

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        await asyncio.sleep(0)


class Live(World):
    """A world whose changes are told at once."""

    def needs(self) -> dict[str, Any]:
        """With a feed that does not wait."""
        clock: Any = Restless()
        return super().needs() | {"feed": ChangeFeed(self.store, clock)}

    async def change(self, **items: str) -> None:
        """Note that something changed."""
        async with self.store.transaction() as tx:
            for topic, identifier in items.items():
                tx.changed(topic, identifier)


class Open:
    """A stream that is open."""

    def __init__(self) -> None:
        self.told = b""
        self.over = False

    async def take(self, message: Any) -> None:
        """What the server sends."""
        self.told += message.get("body", b"")
        self.over = message["type"] == "http.response.body" and not message.get("more_body")

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for something."""
        try:
            await until(done)
        except TimeoutError:
            raise AssertionError(f"waited in vain; told was {self.told[-200:]!r}") from None

    async def hears(self, text: bytes) -> None:
        """Wait until this was told."""
        await self.until(lambda: text in self.told)


@asynccontextmanager
async def opened(world: World, *headers: tuple[bytes, bytes]) -> AsyncGenerator[Open]:
    """The stream, as whoever sends these headers."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/stream",
        "raw_path": b"/api/stream",
        "query_string": b"",
        "headers": [(b"host", b"testserver.local"), *headers],
        "client": ("192.0.2.1", 1),
        "server": ("testserver.local", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "state": {},
    }
    opened = Open()

    async def nothing() -> Any:
        await asyncio.sleep(3600)

    app: Any = InWorld(world)
    task = asyncio.create_task(app(scope, nothing, opened.take))
    try:
        await opened.hears(b"event: hello")
        yield opened
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def with_cookie(world: World, login: str) -> tuple[tuple[bytes, bytes], Principal]:
    """The header of somebody who logs in, and who they are."""
    session = await world.authenticating.log_in(login, PASSWORD, "192.0.2.1")
    return (b"cookie", f"watchbell_session={session.cookie}".encode()), session.principal


@pytest.fixture
async def world() -> Live:
    world = Live(rules=RoleRules(customer_views=True))
    await world.add_user("root", "admin")
    await world.add_user("bob", "admin")
    await world.add_user("ann")
    async with world.store.transaction() as tx:
        for customer in ("A", "B"):
            await tx.customer_lookups.save(CustomerLookup(id=customer, match="ann", customer=customer))
    # A stream says hello before it follows. What changes in between is told if there is a change that it goes on from.
    await world.change(config="at the beginning")
    return world


async def log_out(world: World, by: Principal) -> None:
    await world.authenticating.log_out(by)


async def deactivate(world: World, by: Principal) -> None:
    await world.administering.change_user(OPERATOR, by.login, UserChange(status="inactive"))


async def take_the_role(world: World, by: Principal) -> None:
    """They see another's alerts no more."""
    await world.administering.change_user(OPERATOR, by.login, UserChange(roles=["user"]))


@pytest.mark.parametrize("end", [log_out, deactivate, take_the_role])
async def test_the_stream_ends_with_the_session(world: Live, end: Callable[[World, Principal], Awaitable[None]]):
    cookie, bob = await with_cookie(world, "bob")
    async with opened(world, cookie) as page:
        await world.change(alert="before")
        await page.hears(b"before")
        await end(world, bob)
        await world.change(alert="secret")
        await page.until(lambda: page.over)
    assert b"secret" not in page.told


async def test_the_stream_ends_with_the_key(world: Live):
    kept = await world.add_key("robots", "read")
    async with opened(world, (b"authorization", b"Key robots")) as page:
        await world.administering.delete_key(OPERATOR, kept.id)
        await page.until(lambda: page.over)


async def test_the_stream_ends_with_a_password_that_came_with_the_request(world: Live):
    basic = b"Basic " + b64encode(f"bob:{PASSWORD}".encode())
    async with opened(world, (b"authorization", basic)) as page:
        await world.administering.change_user(OPERATOR, "bob", UserChange(password="quite another one"))
        await page.until(lambda: page.over)


async def test_who_comes_to_see_other_customers_begins_again(world: Live):
    cookie, _ = await with_cookie(world, "ann")
    async with opened(world, cookie) as page:
        await Directory(world.store, world.clock, world.authenticating.rules).delete_customer(OPERATOR, "B")
        await page.until(lambda: page.over)
    async with opened(world, cookie) as page:
        await world.administering.create_user(OPERATOR, UserChange(login="una", email="una@example.org"))
        await world.administering.change_user(OPERATOR, "una", UserChange(status="inactive"))
        await world.change(config="later", people="again")
        await page.hears(b"people")
        assert not page.over, "that was somebody else"


async def test_a_session_runs_out_while_nothing_happens(world: Live, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "KEEP_ALIVE", 0.01)
    monkeypatch.setattr(stream, "ASKED_EVERY", 0.02)
    cookie, bob = await with_cookie(world, "bob")
    async with opened(world, cookie) as page:
        await page.hears(b"still here")
        world.clock.time += SESSION_IDLE - timedelta(minutes=1)
        seen = len(page.told)
        await page.until(lambda: len(page.told) > seen + 50)
        async with world.store.reading() as tx:
            session = await tx.sessions.get(bob.session_id)
        assert session is not None
        assert session.seen_at == START, "whoever only listens does not use the session"
        world.clock.time += timedelta(minutes=1)
        await page.until(lambda: page.over)


async def test_a_database_that_is_away_ends_no_quiet_stream(world: Live, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "KEEP_ALIVE", 0.01)
    cookie, _ = await with_cookie(world, "bob")

    async def away() -> str:
        raise Retryable("away")

    async with opened(world, cookie) as page:
        await page.hears(b"still here")
        monkeypatch.setattr(world.authenticating, "version", away)
        seen = len(page.told)
        await page.until(lambda: len(page.told) > seen + 50)
        await world.change(people="*")
        await page.until(lambda: page.over)


async def test_changes_of_alerts_ask_nobody(world: Live, monkeypatch: pytest.MonkeyPatch):
    cookie, _ = await with_cookie(world, "bob")
    asked: list[str] = []
    version = world.authenticating.version

    async def counted() -> str:
        asked.append("")
        return await version()

    async with opened(world, cookie) as page:
        monkeypatch.setattr(world.authenticating, "version", counted)
        for number in range(20):
            await world.change(alert=f"alert-{number}")
        await page.hears(b"alert-19")
        assert asked == []
        await world.change(people="*")
        await page.hears(b"people")
        assert asked
