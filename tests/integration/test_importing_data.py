"""A real Alerta, filled through its API, moved by its API and by dumps, into SQLite and PostgreSQL."""

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from alerta_filled import MANY, PASSWORD, PATS, READER, SHORT_KEY, fill
from servers.alerta import AlertaMissing
from servers.alertad import ADMIN, AlertaServer
from servers.process import ServerProcess, free_port, is_listening
from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.cli import app
from watchbell.domain.alerts.query import AlertQuery
from watchbell.importers.alerta import server as reading

pytestmark = pytest.mark.slow

SETTINGS = {"WATCHBELL_AUTH__ADMIN_USERS": f'["{ADMIN}"]', "WATCHBELL_SECRET_KEY": "0123456789abcdef0123456789abcdef"}


@pytest.fixture(scope="module")
def alerta(postgres_server) -> Iterator[AlertaServer]:
    """An Alerta with everything in it. Where the package cannot be had, the tests skip, also under CI."""
    try:
        server = AlertaServer(postgres_server)
    except AlertaMissing as error:
        pytest.skip(str(error))
    try:
        fill(server)
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module", autouse=True)
def small_pages() -> Iterator[None]:
    """So that there are several of alerts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PAGE_SIZE", 20)
        yield


def imported(*arguments: str, code: int = 1, env: dict[str, str] | None = None) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["import-data", "alerta", *arguments, "--json"], env=env)
    assert result.exit_code == code, f"{result.stdout}\n{result.stderr}\n{result.exception}"
    return json.loads(result.stdout)["kinds"]


def counts(kinds: dict[str, Any], *outcomes: str) -> dict[str, Any]:
    return {kind: tuple(tally[name] for name in outcomes) for kind, tally in kinds.items()}


EXPECTED = {
    "role": 1,
    "customer": 1,
    "user": 3,
    "group": 1,
    "key": 3,
    "blackout": 2,
    "heartbeat": 3,
    "alert": MANY + 6,
    "note": 3,
}


async def _content(url: str) -> dict[str, Any]:
    """Everything that an import brings, comparable."""
    store = open_store(url)
    try:
        async with store.reading() as tx:
            alerts = await tx.alerts.find(AlertQuery(page_size=1000))
            ids = [alert.id for alert in alerts]
            users = await tx.users.all()
            profiles = await tx.people.profiles([user.id for user in users])
            return {
                "alerts": {
                    alert.id: msgspec.structs.replace(alert, tags=tuple(sorted(alert.tags))) for alert in alerts
                },
                "history": await tx.history.of_many(ids),
                "notes": {alert_id: notes for alert_id in ids if (notes := await tx.notes.of(alert_id))},
                "users": {user.login: user for user in users},
                "profiles": {name: (one.text, one.attributes) for name, one in profiles.items()},
                "groups": [(one.id, one.name, one.text, set(one.members)) for one in await tx.people.groups()],
                "roles": await tx.permissions.all(),
                "customers": await tx.customer_lookups.all(),
                "keys": {key.id: key for key in await tx.keys.all()},
                "heartbeats": await tx.origin_heartbeats.all(),
                "blackouts": {row.id: (row.name, row.body) for row in await tx.catalogue.all("blackout")},
            }
    finally:
        await store.close()


def content(url: str) -> dict[str, Any]:
    return asyncio.run(_content(url))


@pytest.fixture(scope="module")
def moved(alerta, tmp_path_factory, postgres_server) -> dict[str, dict[str, Any]]:
    """What is in four stores after an import each: by the API and by a dump, in SQLite and in PostgreSQL."""
    folder = tmp_path_factory.mktemp("moved")
    dump = str(alerta.dump(folder / "alerta.sql"))
    ways = {"api": ["--from", alerta.url, "--key", alerta.key], "dump": ["--dump", dump]}
    found: dict[str, dict[str, Any]] = {}
    for way, options in ways.items():
        for kind in ("sqlite", "postgresql"):
            data = folder / f"{way}-{kind}"
            url = f"sqlite:///{data}/watchbell.db"
            env = dict(SETTINGS)
            if kind == "postgresql":
                name = postgres_server.create_database()
                url = postgres_server.url(name)
                asyncio.run(migrate(url))
                env["WATCHBELL_STORE__URL"] = url
            report = imported(*options, "--data", str(data), env=env)
            found[f"{way} {kind}"] = {"url": url, "data": data, "report": report, **content(url)}
    return found


WAYS = ["api sqlite", "api postgresql", "dump sqlite", "dump postgresql"]


@pytest.mark.parametrize("way", WAYS)
def test_everything_comes_and_what_cannot_is_named(moved, way):
    report = moved[way]["report"]
    assert {kind: report[kind]["imported"] for kind in EXPECTED} == EXPECTED
    told = {kind: [(line["outcome"], line["reason"]) for line in tally["lines"]] for kind, tally in report.items()}
    assert [reason for _, reason in told["alert"]] == [
        "environment: 'Staging' is not allowed here: add it to allowed_environments"
    ]
    assert sorted(reason.split(":")[0] for _, reason in told["key"]) == ["its owner 'gone' is inactive", "key"]
    assert ("left", "was over at") in [(outcome, reason[:11]) for outcome, reason in told["blackout"]]
    assert ("refused", "resource: has a *, which would stand for any characters here") in told["blackout"]
    assert ("refused", "login") in [(outcome, reason.split(":")[0]) for outcome, reason in told["user"]]
    assert ("imported", "without 1 members who are not here") in told["group"]
    assert SHORT_KEY not in json.dumps(report)


@pytest.mark.parametrize("part", ["alerts", "history", "notes", "profiles", "groups", "roles", "customers"])
def test_both_ways_and_both_databases_give_the_same(moved, part):
    first, *others = (moved[way][part] for way in WAYS)
    assert first
    for other in others:
        assert other == first


def test_what_only_the_dump_has_are_passwords_and_fractions_of_milliseconds(moved):
    def people(way: str) -> Any:
        return {login: (u.id, u.name, u.email, u.active, u.created_at) for login, u in moved[way]["users"].items()}

    def keys(way: str) -> Any:
        return {
            i: (k.hash, k.prefix, k.user, k.scopes, k.text, k.expires_at, k.customer)
            for i, k in moved[way]["keys"].items()
        }

    def beats(way: str) -> Any:
        return [(beat.id, beat.origin, beat.customer, beat.timeout, beat.alerted) for beat in moved[way]["heartbeats"]]

    for way in WAYS[1:]:
        assert people(way) == people(WAYS[0])
        assert keys(way) == keys(WAYS[0])
        assert beats(way) == beats(WAYS[0])
        assert moved[way]["blackouts"].keys() == moved[WAYS[0]]["blackouts"].keys()
    assert all(user.password_hash.startswith("$2") for user in moved["dump sqlite"]["users"].values())
    assert not any(user.password_hash for user in moved["api sqlite"]["users"].values())
    reasons = {
        line["reason"] for line in moved["api sqlite"]["report"]["user"]["lines"] if line["outcome"] == "imported"
    }
    assert reasons == {"comes without a password"}


def test_alerts_are_what_they_were(moved, alerta):
    theirs = alerta.call("GET", "/alerts?show-history=true&show-raw-data=true&page-size=1000")["alerts"]
    ours = moved["dump sqlite"]["alerts"]
    history = moved["dump sqlite"]["history"]
    assert len(theirs) == len(ours) + 1
    for their in theirs:
        if their["environment"] == "Staging":
            continue
        our = ours[their["id"]]
        for field in (
            "resource",
            "event",
            "severity",
            "status",
            "group",
            "value",
            "text",
            "attributes",
            "origin",
            "type",
        ):
            assert getattr(our, field) == their[field], field
        assert (our.service, our.correlate, our.tags) == (
            tuple(their["service"]),
            tuple(their["correlate"]),
            tuple(sorted(their["tags"])),
        )
        assert (our.timeout, our.raw_data, our.customer) == (their["timeout"], their["rawData"], their["customer"])
        assert (our.duplicate_count, our.repeat) == (their["duplicateCount"], their["repeat"])
        assert (our.previous_severity, our.trend_indication) == (their["previousSeverity"], their["trendIndication"])
        assert our.last_receive_id == their["lastReceiveId"]
        for ours_, theirs_ in (
            (our.create_time, "createTime"),
            (our.receive_time, "receiveTime"),
            (our.last_receive_time, "lastReceiveTime"),
            (our.update_time, "updateTime"),
        ):
            assert ours_ == datetime.fromisoformat(their[theirs_])
        lines = [(e.type, e.status, e.severity, e.value, e.text, e.user) for e in history[our.id]]
        known = ("type", "status", "severity", "value", "text", "user")
        assert sorted(lines, key=str) == sorted((tuple(e[name] for name in known) for e in their["history"]), key=str)


def test_what_must_run_out_is_known(moved):
    alerts = {alert.resource: alert for alert in moved["dump sqlite"]["alerts"].values()}
    history = moved["dump sqlite"]["history"]
    acked, shelved = alerts["acked"], alerts["shelved"]
    (ack,) = [entry for entry in history[acked.id] if entry.type == "ack"]
    assert acked.status == "ack"
    assert acked.status_before_ack == "open"
    assert acked.reverts_at == ack.at + timedelta(seconds=3600)
    (ack,) = [entry for entry in history[shelved.id] if entry.type == "ack"]
    (shelve,) = [entry for entry in history[shelved.id] if entry.type == "shelve"]
    assert (shelved.status, shelved.status_before_shelve, shelved.previous_status) == ("shelved", "ack", "ack")
    assert shelved.reverts_at == shelve.at + timedelta(seconds=1800)
    assert shelved.ack_reverts_at == ack.at + timedelta(seconds=7200)


@pytest.mark.parametrize("way", WAYS)
def test_again_brings_nothing_and_changes_nothing(moved, way, alerta, tmp_path):
    options = ["--from", alerta.url] if way.startswith("api") else ["--dump", str(alerta.dump(tmp_path / "again.sql"))]
    env = {"ALERTA_API_KEY": alerta.key, **SETTINGS}
    if way.endswith("postgresql"):
        env["WATCHBELL_STORE__URL"] = moved[way]["url"]
    report = imported(*options, "--data", str(moved[way]["data"]), env=env)
    assert {tally["imported"] for tally in report.values()} == {0}
    assert {kind: report[kind]["there"] for kind in EXPECTED} == EXPECTED | ({"role": 4} if "api" in way else {})
    after = content(moved[way]["url"])
    assert {part: after[part] for part in after} == {part: moved[way][part] for part in after}


def test_again_brings_up_to_date_what_has_changed_over_there(alerta, tmp_path):
    data = ("--data", str(tmp_path / "data"))
    imported("--dump", str(alerta.dump(tmp_path / "first.sql")), *data)
    alerta.query("CREATE TABLE kept AS SELECT * FROM alerts WHERE resource IN ('web01', 'web02')")
    try:
        body = {"event": "Down", "environment": "Production", "severity": "major", "service": ["Shop"]}
        alerta.call("POST", "/alert", {**body, "resource": "web01", "value": "twice"})
        (second,) = alerta.call("GET", "/alerts?resource=web02")["alerts"]
        alerta.call("PUT", f"/alert/{second['id']}/action", {"action": "close", "text": "mended"})
        report = imported("--from", alerta.url, "--key", alerta.key, *data)
        assert {kind: tally["updated"] for kind, tally in report.items() if tally["updated"]} == {"alert": 2}
        assert report["history"]["imported"] == 2
        found = content(f"sqlite:///{tmp_path}/data/watchbell.db")
        alerts = {alert.resource: alert for alert in found["alerts"].values()}
        assert (alerts["web01"].duplicate_count, alerts["web01"].value) == (1, "twice")
        assert alerts["web02"].status == "closed"
        assert [entry.type for entry in found["history"][alerts["web02"].id]] == ["new", "close"]
    finally:
        alerta.query("DELETE FROM alerts WHERE id IN (SELECT id FROM kept)")
        alerta.query("INSERT INTO alerts SELECT * FROM kept")
        alerta.query("DROP TABLE kept")


@pytest.mark.parametrize("options", [["-Fc"], ["-Ft"], ["-Z", "6"]], ids=["custom", "tar", "gzip"])
def test_archives_and_compressed_dumps(alerta, tmp_path, options, moved):
    dump = alerta.dump(tmp_path / "alerta.dump", *options)
    report = imported("--dump", str(dump), "--data", str(tmp_path / "data"))
    assert {kind: report[kind]["imported"] for kind in EXPECTED} == EXPECTED
    assert content(f"sqlite:///{tmp_path}/data/watchbell.db")["alerts"] == moved["dump sqlite"]["alerts"]


def test_without_pg_restore_its_name_is_said(alerta, tmp_path, monkeypatch):
    dump = alerta.dump(tmp_path / "alerta.dump", "-Fc")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(app, ["import-data", "alerta", "--dump", str(dump), "--data", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert "takes the program pg_restore" in result.stderr


def test_a_dry_run_counts_and_writes_nothing(alerta, tmp_path):
    CliRunner().invoke(app, ["migrate", "--data", str(tmp_path)])
    report = imported("--from", alerta.url, "--key", alerta.key, "--data", str(tmp_path), "--dry-run")
    assert {kind: report[kind]["imported"] for kind in EXPECTED} == EXPECTED
    report = imported("--dump", str(alerta.dump(tmp_path / "x.sql")), "--data", str(tmp_path), "--dry-run")
    assert {kind: report[kind]["imported"] for kind in EXPECTED} == EXPECTED
    assert not any(content(f"sqlite:///{tmp_path}/watchbell.db").values())


def test_a_key_that_may_not_read_everything_is_refused_before_anything_comes(alerta, tmp_path):
    (tmp_path / "key").write_text(f"{READER}\n")
    options = ["--from", alerta.url, "--key-file", str(tmp_path / "key"), "--data", str(tmp_path / "data")]
    result = CliRunner().invoke(app, ["import-data", "alerta", *options])
    assert result.exit_code == 1
    assert "does not let this key read users" in result.stderr
    assert READER not in result.output
    report = imported(*options, "--only", "alert", code=0)
    assert counts(report, "imported")["alert"] == (1,), "the key is a customer's"
    assert not content(f"sqlite:///{tmp_path}/data/watchbell.db")["users"]


def test_people_programs_and_senders_go_on(alerta, tmp_path):
    data = tmp_path / "data"
    env = {"WATCHBELL_COLLECTOR__ENABLED": "false", **SETTINGS}
    imported("--dump", str(alerta.dump(tmp_path / "alerta.sql")), "--data", str(data), env=env)
    port = free_port()
    command = [sys.executable, "-m", "watchbell", "up", "--data", str(data), "--port", str(port)]
    with ServerProcess("up", command, folder=tmp_path, env=env, grace=40) as up:
        up.wait_ready(lambda: is_listening(port), 60)
        ours = _Client(f"http://127.0.0.1:{port}/api")
        for login, password in ((ADMIN, PASSWORD), ("pat", PATS)):
            token = ours.call("POST", "/auth/login", {"username": login, "password": password})["token"]
            assert ours.call("GET", "/user/me", authorization=f"Bearer {token}")["user"]["login"] == login
        hashes = {
            user.login: user.password_hash for user in content(f"sqlite:///{data}/watchbell.db")["users"].values()
        }
        assert hashes[ADMIN].startswith("$argon2id$")
        assert hashes["pat"].startswith("$argon2id$")
        assert hashes["gone"].startswith("$2")
        # By the new hash the whole password counts, not its first 72 bytes.
        assert ours.refused("POST", "/auth/login", {"username": "pat", "password": PATS[:-1]}) == 401
        assert ours.refused("POST", "/auth/login", {"username": "gone", "password": PASSWORD}) == 401
        assert ours.call("GET", "/alerts/count", authorization=f"Key {READER}")["total"] == MANY + 6
        assert ours.refused("GET", "/alerts/count", authorization=f"Key {SHORT_KEY}") == 401
        body = {"resource": "web00", "event": "Down", "environment": "Production", "severity": "major"}
        sent = ours.call("POST", "/alert", {**body, "service": ["Shop"]}, f"Key {alerta.key}")["alert"]
        theirs = alerta.call("GET", "/alerts?resource=web00")["alerts"][0]
        assert (sent["id"], sent["duplicateCount"], sent["repeat"]) == (theirs["id"], 1, True)
        beats = ours.call("GET", "/heartbeats", authorization=f"Key {alerta.key}")["heartbeats"]
        assert {beat["origin"]: beat["status"] for beat in beats} == {
            "cron/nightly": "ok",
            "cron/silent": "expired",
            "cron/slow": "slow",
        }
        assert ours.call("GET", "/incidents", authorization=f"Key {alerta.key}")["incidents"] == []


class _Client(AlertaServer):
    """The same client, of ours."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = ""

    def refused(self, method: str, path: str, body: Any = None, authorization: str = "") -> int:
        with pytest.raises(AssertionError) as refusal:
            self.call(method, path, body, authorization)
        return int(str(refusal.value).split(": ")[1].split()[0])
