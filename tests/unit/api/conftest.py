"""An administrator's key and a user's, for tests that need no other people."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key

Client = TestClient[Litestar]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    await world.add_key("admin", "admin", "read", "write", user="root")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client
