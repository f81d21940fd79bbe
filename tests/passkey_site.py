"""What a browser does about passkeys, over the HTTP API of a world."""

from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from api_client import OUR_ORIGIN, PASSWORD, World, log_in
from passkey_device import Device

Client = TestClient[Litestar]
MINE = "/api/user/me/passkeys"
DOOR = "/api/session/passkey"


def asked_to_make(client: Client, headers: dict[str, str], **more: Any) -> Any:
    return client.post(MINE, json={"currentPassword": PASSWORD} | more, headers=headers)


def keep(client: Client, headers: dict[str, str], begun: Any, made: Any, name: str = "my phone") -> Any:
    body = {"ticket": begun["ticket"], "name": name, "credential": made}
    return client.put(MINE, json=body, headers=headers)


def add(client: Client, headers: dict[str, str], device: Device, name: str = "my phone") -> dict[str, Any]:
    begun = asked_to_make(client, headers).json()
    answer = keep(client, headers, begun, device.make(begun["publicKey"]), name)
    assert answer.status_code == 200, answer.text
    return answer.json()["passkey"]


def with_passkey(world: World, login: str = "ann", **more: Any) -> Device:
    device = Device(**more)
    with world.client() as client:
        add(client, log_in(client, login) | OUR_ORIGIN, device)
    return device


def asked(client: Client) -> dict[str, Any]:
    answer = client.post(f"{DOOR}/begin", headers=OUR_ORIGIN)
    assert answer.status_code == 200, answer.text
    return answer.json()["publicKey"]


def show(client: Client, shown: dict[str, Any]) -> Any:
    return client.post(DOOR, json={"credential": shown}, headers=OUR_ORIGIN)


def enter(client: Client, device: Device) -> Any:
    return show(client, device.use(asked(client)))


async def told(world: World, action: str) -> list[str]:
    async with world.store.reading() as tx:
        return [entry.text for entry in await tx.audit.newest() if entry.action == action]
