"""Passkeys: adding one, logging in by it, what is refused, and removing it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from api_client import OUR_ORIGIN, PASSWORD, World, key, log_in
from passkey_device import PRESENT, Device, bytes_of, text_of
from passkey_site import DOOR, MINE, add, asked, asked_to_make, enter, keep, show, told, with_passkey
from unit.api.test_two_step import code_now, with_two_steps
from watchbell.domain.access import FAILURE_WINDOW, FAILURES_HERE
from watchbell.domain.passkeys import PASSKEYS_MAX


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("root", "admin")
    await world.add_user("ann")
    return world


async def test_a_passkey_is_added_with_the_password_and_logs_in_without(world: World):
    device = Device()
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        assert client.get(MINE).json() == {"status": "ok", "passkeys": [], "most": PASSKEYS_MAX, "missing": ""}
        wrong = asked_to_make(client, headers, currentPassword="wrong password")
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "currentPassword")
        begun = asked_to_make(client, headers).json()
        options = begun["publicKey"]
        assert options["rp"] == {"id": "watchbell.example", "name": "Watchbell"}
        assert bytes_of(options["user"]["id"]) == b"id-ann"
        chosen = options["authenticatorSelection"]
        assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
        made = device.make(options)
        for name in ("", " ", "x" * 101, "a\nb"):
            refused = keep(client, headers, begun, made, name)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "name")
        row = keep(client, headers, begun, made, " my phone ").json()["passkey"]
        assert (row["name"], row["lastUsedTime"]) == ("my phone", None)
        assert client.get(MINE).json()["passkeys"] == [row]
        excluded = asked_to_make(client, headers).json()["publicKey"]["excludeCredentials"]
        assert excluded == [{"type": "public-key", "id": text_of(device.credential), "transports": ["internal"]}]
    world.clock.time += timedelta(hours=1)
    with world.client() as client:
        assert client.get("/api/session/providers").json()["passkeys"] is True
        options = asked(client)
        assert "allowCredentials" not in options or not options["allowCredentials"]
        answer = show(client, device.use(options))
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"]["login"] == "ann"
        assert client.get("/api/session").json()["scopes"] == ["read", "write"]
        assert client.get(MINE).json()["passkeys"][0]["lastUsedTime"] == "2026-01-01T13:00:00.000Z"
    user = await world.change_user("ann")
    assert user.last_login == world.clock.now()
    assert await told(world, "passkey-added") == ["my phone, from testclient"]
    assert (await told(world, "login"))[0] == "by passkey 'my phone' from testclient"


async def test_a_code_is_needed_to_add_one_and_none_to_log_in_by_it(world: World):
    secret, _ = await with_two_steps(world)
    device = Device()
    with world.client() as client:
        credentials = {"login": "ann", "password": PASSWORD, "code": code_now(world, secret)}
        csrf = client.post("/api/session", json=credentials, headers=OUR_ORIGIN).json()["csrf"]
        headers = {"X-CSRF-Token": csrf} | OUR_ORIGIN
        for code in ("", code_now(world, secret)):
            refused = asked_to_make(client, headers, code=code)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "code")
        world.clock.time += timedelta(minutes=1)
        begun = asked_to_make(client, headers, code=code_now(world, secret)).json()
        assert keep(client, headers, begun, device.make(begun["publicKey"])).status_code == 200
    with world.client() as client:
        assert enter(client, device).status_code == 200


async def test_an_answer_is_good_once(world: World):
    device = with_passkey(world, counter=None)
    with world.client() as client:
        shown = device.use(asked(client))
        ticket = dict(client.cookies)
        assert show(client, shown).status_code == 200
        client.cookies.update(ticket)
        replayed = show(client, shown)
        assert (replayed.status_code, "too long" in replayed.json()["message"]) == (401, True)
    assert any("answered before" in text for text in await told(world, "login-failed"))


async def test_an_answer_belongs_to_the_browser_that_asked_and_to_its_time(world: World):
    device = with_passkey(world)
    with world.client() as one, world.client() as other:
        shown = device.use(asked(one))
        assert show(other, shown).status_code == 401, "no ticket"
        asked(other)
        assert show(other, shown).status_code == 401, "another's ticket"
        world.clock.time += timedelta(minutes=5)
        assert show(one, shown).status_code == 401, "too late"
        assert enter(one, device).status_code == 200


async def test_a_ticket_of_one_kind_is_none_of_another(world: World):
    device = with_passkey(world)
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        client.cookies.set("watchbell_passkey", begun["ticket"])
        options = {"challenge": begun["publicKey"]["challenge"], "rpId": "watchbell.example"}
        assert show(client, device.use(options)).status_code == 401
        offer = client.post("/api/user/me/second-factor", headers=headers).json()
        assert keep(client, headers, {"ticket": offer["ticket"]}, {}).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"origin": "https://evil.example"}, "origin"),
        ({"origin": "https://sub.watchbell.example"}, "origin"),
        ({"origin": "http://watchbell.example"}, "origin"),
        ({"origin": "https://watchbell.example:8443"}, "origin"),
        ({"crossOrigin": True}, "another site"),
        ({"type": "webauthn.create"}, "type"),
        ({"challenge": "AAAA"}, "challenge"),
    ],
)
async def test_what_a_browser_says_must_be_ours(world: World, wrong: dict[str, Any], why: str):
    device = with_passkey(world)
    with world.client() as client:
        answer = show(client, device.use(asked(client), **wrong))
        assert answer.status_code == 401
        assert "evil" not in answer.text
        (text,) = await told(world, "login-failed")
        assert why in text
        made_wrong = wrong | ({"type": "webauthn.get"} if "type" in wrong else {})
        headers = log_in(client, "root") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        refused = keep(client, headers, begun, Device().make(begun["publicKey"], **made_wrong))
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "credential")


async def test_somebody_must_be_verified_and_for_this_host(world: World):
    device = with_passkey(world)
    with world.client() as client:
        device.flags = PRESENT
        assert enter(client, device).status_code == 401
        device.flags |= 0x04
        elsewhere = asked(client) | {"rpId": "example"}
        assert show(client, device.use(elsewhere)).status_code == 401
        headers = log_in(client, "root") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        careless = Device(flags=PRESENT)
        assert keep(client, headers, begun, careless.make(begun["publicKey"])).status_code == 400
        begun = asked_to_make(client, headers).json()
        unheard_of = Device(algorithm=-9999)
        assert keep(client, headers, begun, unheard_of.make(begun["publicKey"])).status_code == 400
        assert client.get(MINE).json()["passkeys"] == []


async def test_a_passkey_is_its_owners(world: World):
    of_ann, of_root = with_passkey(world), with_passkey(world, "root")
    with world.client() as client:
        of_ann.user = b"id-root"
        assert enter(client, of_ann).status_code == 401, "it names root as its user"
        shown = of_ann.use(asked(client))
        forged = shown | {"id": text_of(of_root.credential), "rawId": text_of(of_root.credential)}
        assert show(client, forged).status_code == 401, "ann's key signed what claims to be root's"
        of_ann.user = b""
        assert enter(client, of_ann).status_code == 401, "it names nobody"
        headers = log_in(client, "root") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        taken = keep(client, headers, begun, of_ann.make(begun["publicKey"]))
        assert (taken.status_code, "known already" in taken.json()["message"]) == (409, True)
        row = client.get(MINE).json()["passkeys"][0]
        headers = log_in(client, "ann") | OUR_ORIGIN
        gone = client.post(f"{MINE}/{row['id']}/remove", json={"currentPassword": PASSWORD}, headers=headers)
        assert gone.status_code == 404
        assert enter(client, of_root).status_code == 200


async def test_a_ticket_to_add_one_is_its_sessions_and_good_once(world: World):
    with world.client() as client, world.client() as other:
        headers = log_in(client, "ann") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        for login in ("ann", "root"):
            theirs = log_in(other, login) | OUR_ORIGIN
            refused = keep(other, theirs, begun, Device().make(begun["publicKey"]))
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "ticket")
        assert keep(client, headers, begun, Device().make(begun["publicKey"])).status_code == 200
        assert keep(client, headers, begun, Device().make(begun["publicKey"])).status_code == 400
        late = asked_to_make(client, headers).json()
        world.clock.time += timedelta(minutes=5)
        assert keep(client, headers, late, Device().make(late["publicKey"])).status_code == 400


async def test_a_counter_that_goes_back_is_refused_and_told(world: World):
    device = with_passkey(world)
    with world.client() as client:
        assert enter(client, device).status_code == 200
        assert enter(client, device).status_code == 200
        device.counter = 1
        client.cookies.clear()
        copied = enter(client, device)
        assert (copied.status_code, "counter went back" in copied.json()["message"]) == (401, True)
        assert "set-cookie" not in copied.headers
        assert client.get("/api/session").status_code == 401
        device.counter = None
        assert enter(client, device).status_code == 401, "it counted before"
        device.counter = 2
        assert enter(client, device).status_code == 200
    told_of = await told(world, "login-failed")
    assert told_of[-1] == "by passkey, from testclient: the counter of 'my phone' went from 2 to 2"


async def test_devices_that_do_not_count_log_in_again_and_again(world: World):
    device = with_passkey(world, counter=None)
    with world.client() as client:
        assert [enter(client, device).status_code for _ in range(3)] == [200, 200, 200]


async def test_who_is_not_active_stays_out_and_an_unknown_passkey_too(world: World):
    device = with_passkey(world)
    with world.client() as client:
        stranger = Device(user=b"id-ann")
        unknown = enter(client, stranger)
        assert unknown.status_code == 401
        await world.change_user("ann", active=False)
        inactive = enter(client, device)
        assert (inactive.status_code, inactive.json()["message"]) == (401, unknown.json()["message"])
        assert client.get("/api/session").status_code == 401
    told_of = await told(world, "login-failed")
    assert ["not active" in told_of[0], "nobody has it" in told_of[1]] == [True, True]


async def test_failures_count_as_wrong_passwords_do(world: World):
    device = with_passkey(world)
    with world.client() as client:
        device.flags = PRESENT
        assert [enter(client, device).status_code for _ in range(FAILURES_HERE)] == [401] * FAILURES_HERE
        device.flags |= 0x04
        assert enter(client, device).status_code == 429
        credentials = {"login": "ann", "password": PASSWORD}
        assert client.post("/api/session", json=credentials, headers=OUR_ORIGIN).status_code == 429
        world.clock.time += FAILURE_WINDOW + timedelta(seconds=1)
        assert enter(client, device).status_code == 200


async def test_its_owner_renames_it(world: World):
    device, _ = with_passkey(world), with_passkey(world, "root")
    with world.client() as client:
        headers = log_in(client, "root") | OUR_ORIGIN
        theirs = f"{MINE}/{client.get(MINE).json()['passkeys'][0]['id']}"
        headers = log_in(client, "ann") | OUR_ORIGIN
        path = f"{MINE}/{client.get(MINE).json()['passkeys'][0]['id']}"
        for name in ("", " ", "x" * 101, "a\nb"):
            refused = client.put(path, json={"name": name}, headers=headers)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "name")
        assert client.put(path, json={"name": "laptop"}).status_code == 403, "no token against forged requests"
        assert client.put(theirs, json={"name": "laptop"}, headers=headers).status_code == 404
        for _ in range(2):
            row = client.put(path, json={"name": " laptop "}, headers=headers).json()["passkey"]
            assert (row["name"], client.get(MINE).json()["passkeys"]) == ("laptop", [row])
        assert enter(client, device).status_code == 200
    await world.add_key("a-key-of-ann", "write", user="ann")
    with world.client() as client:
        assert client.put(path, json={"name": "mine"}, headers=key("a-key-of-ann")).status_code == 403
    assert await told(world, "passkey-renamed") == ["my phone: laptop, from testclient"]


async def test_it_is_removed_with_the_password(world: World):
    device = with_passkey(world)
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        path = f"{MINE}/{client.get(MINE).json()['passkeys'][0]['id']}/remove"
        wrong = client.post(path, json={"currentPassword": "wrong password"}, headers=headers)
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "currentPassword")
        assert client.post(path, json={"currentPassword": PASSWORD}, headers=headers).status_code == 200
        assert client.post(path, json={"currentPassword": PASSWORD}, headers=headers).status_code == 404
        assert client.get(MINE).json()["passkeys"] == []
        assert enter(client, device).status_code == 401
    assert await told(world, "passkey-removed") == ["my phone, from testclient"]


async def test_there_are_only_so_many(world: World):
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        for number in range(PASSKEYS_MAX):
            add(client, headers, Device(), f"key {number}")
        assert keep(client, headers, begun, Device().make(begun["publicKey"])).status_code == 409
        assert asked_to_make(client, headers).status_code == 409
        assert len(client.get(MINE).json()["passkeys"]) == PASSKEYS_MAX


async def test_an_administrator_takes_them_away_from_who_lost_them(world: World):
    device = with_passkey(world)
    await world.add_key("boss", "admin", "read", "write")
    with world.client() as client:
        assert client.get("/api/user/ann", headers=key("boss")).json()["user"]["second_factor"] is True
        assert client.delete("/api/user/ann/second-factor", headers=key("boss")).status_code == 200
        assert client.delete("/api/user/ann/second-factor", headers=key("boss")).status_code == 404
        assert enter(client, device).status_code == 401
    assert await told(world, "passkeys-removed") == [""]
    assert await told(world, "two-step-off") == []


async def test_they_go_with_their_user(world: World):
    device = with_passkey(world)
    await world.add_key("boss", "admin", "read", "write")
    with world.client() as client:
        assert client.delete("/api/user/id-ann", headers=key("boss")).is_success
        assert enter(client, device).status_code == 401
    assert world.kept()["passkeys"] == {}


@pytest.mark.parametrize("base_url", ["", "http://watchbell.example", "https://192.0.2.1", "ftp://localhost"])
async def test_without_a_fitting_address_there_are_none_and_the_answer_says_why(base_url: str):
    world = World(base_url=base_url)
    await world.add_user("ann")
    with world.client() as client:
        assert client.get("/api/session/providers").json()["passkeys"] is False
        refused = client.post(f"{DOOR}/begin", headers=OUR_ORIGIN)
        assert (refused.status_code, "server.base_url" in refused.json()["message"]) == (409, True)
        headers = log_in(client, "ann") | OUR_ORIGIN
        assert "server.base_url" in client.get(MINE).json()["missing"]
        assert asked_to_make(client, headers).status_code == 409


async def test_on_the_machine_itself_http_is_enough():
    world = World(base_url="http://localhost:8080/")
    await world.add_user("ann")
    device = with_passkey(world, origin="http://localhost:8080")
    with world.client() as client:
        assert enter(client, device).status_code == 200


async def test_who_logs_in_by_a_provider_alone_has_none(world: World):
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        await world.change_user("ann", password_hash="")
        assert asked_to_make(client, headers).status_code == 409


async def test_pages_of_other_sites_cannot_make_a_browser_log_in(world: World):
    device = with_passkey(world)
    with world.client() as client:
        shown, foreign = device.use(asked(client)), {"Origin": "https://evil.example"}
        assert client.post(f"{DOOR}/begin", headers=foreign).status_code == 403
        assert client.post(DOOR, json={"credential": shown}, headers=foreign).status_code == 403


HOSTILE: list[Any] = [
    {},
    {"rawId": 5},
    {"rawId": "", "type": "public-key", "response": {}},
    {"rawId": "é", "type": "public-key", "response": {"clientDataJSON": "AAAA"}},
    {"rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30", "authenticatorData": "AAAA"}},
    {"rawId": "AAAA", "type": "x" * 9000, "response": {"clientDataJSON": "A" * 20_000, "attestationObject": "AA"}},
    {
        "rawId": "AAAA",
        "type": "public-key",
        "response": {"clientDataJSON": "e30", "attestationObject": text_of(b"\x81" * 9000)},
    },
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
async def test_what_is_no_answer_is_refused_in_words(world: World, number: int):
    with_passkey(world)
    with world.client() as client:
        asked(client)
        assert show(client, HOSTILE[number]).status_code == 401
        headers = log_in(client, "ann") | OUR_ORIGIN
        begun = asked_to_make(client, headers).json()
        assert keep(client, headers, begun, HOSTILE[number]).status_code == 400
        for wrong in (None, 5, [], "text"):
            assert client.post(DOOR, json={"credential": wrong}, headers=OUR_ORIGIN).status_code == 400
            assert keep(client, headers, begun, wrong).status_code == 400


async def test_nothing_is_stored_that_could_be_shown_again(world: World):
    device = with_passkey(world)
    with world.client() as client:
        shown = device.use(asked(client))
        assert show(client, shown).status_code == 200
        stored = repr(world.kept())
        assert shown["response"]["signature"] not in stored
        assert client.cookies.get("watchbell_passkey") is None
    (row,) = world.kept()["passkeys"].values()
    assert msgspec.structs.asdict(row)["transports"] == ("internal",)
