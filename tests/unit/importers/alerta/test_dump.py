"""Dumps of Alerta's database: which rows come, which are refused and why, and what is no dump."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Permanent
from watchbell.domain.roles import USUAL
from watchbell.importers.alerta import Alerta, dump_file
from watchbell.ports.data_source import Kind, MovedAlert, Refused, Terms

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TERMS = Terms(now=NOW, model=AlertaModel(), limits=Limits(), timeouts=Timeouts(ack=60), rules=USUAL, max_latency=2_000)
HEAD = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"
ALERTS = (
    'id, resource, event, environment, severity, correlate, status, service, "group", value, text, tags, attributes, '
    "origin, type, create_time, timeout, raw_data, customer, duplicate_count, repeat, previous_severity, "
    "trend_indication, receive_time, last_receive_id, last_receive_time, history, update_time"
)
USERS = (
    "id, name, email, password, status, roles, attributes, create_time, last_login, text, update_time, "
    "email_verified, hash, login"
)
HASH = "$2a$04$" + "a" * 53


def alert(**more: str) -> str:
    """A line of the table of alerts."""
    row = dict.fromkeys(ALERTS.replace('"', "").split(", "), r"\N") | {
        "id": "a1",
        "resource": "web",
        "event": "Down",
        "environment": "Production",
        "severity": "major",
        "correlate": "{}",
        "status": "open",
        "service": "{Shop}",
        "tags": "{}",
        "attributes": "{}",
        "create_time": "2026-03-01 11:00:00.25",
        "last_receive_time": "2026-03-01 11:00:01",
        "history": "{}",
    }
    return "\t".join((row | more).values())


def user(**more: str) -> str:
    """A line of the table of users."""
    row = dict.fromkeys(USERS.split(", "), r"\N") | {
        "id": "11111111-1111-4111-8111-111111111111",
        "login": "pat",
        "password": HASH,
        "status": "active",
        "roles": "{user}",
        "create_time": "2026-01-01 00:00:00",
    }
    return "\t".join((row | more).values())


def copy(table: str, columns: str, *lines: str) -> str:
    return "".join(f"{line}\n" for line in (f"COPY {table} ({columns}) FROM stdin;", *lines, "\\."))


def dumped(folder: Path, *parts: str) -> Path:
    file = folder / "alerta.sql"
    file.write_text(HEAD + "\n".join(parts))
    return file


async def read(file: Path, kind: Kind = "alert", schema: str = "") -> list[Any]:
    source = Alerta().dump(file, TERMS, schema)
    return [row async for row in source.read(kind)]


async def one(folder: Path, **more: str) -> Any:
    """What becomes of one alert."""
    found = await read(dumped(folder, copy("public.alerts", ALERTS, alert(**more))))
    return found[0] if len(found) == 1 else found


async def test_an_alert_as_little_as_it_can_be(tmp_path):
    moved = (await one(tmp_path)).thing
    assert isinstance(moved, MovedAlert)
    assert (moved.alert.create_time, moved.alert.receive_time) == (
        datetime(2026, 3, 1, 11, 0, 0, 250_000, UTC),
        datetime(2026, 3, 1, 11, 0, 1, tzinfo=UTC),
    )
    assert (moved.alert.timeout, moved.alert.value, moved.alert.customer) == (86400, None, None)
    assert (moved.alert.previous_severity, moved.alert.version) == ("indeterminate", 1)


async def test_history_is_read_oldest_first_and_tells_what_the_alert_must_remember(tmp_path):
    history = (
        r'{"(a1,Down,major,shelved,,later,shelve,\\"2026-03-01 11:30:00\\",ann,7200)",'
        r'"(a1,Down,major,ack,,\\"mine, \\"\\"now\\"\\"\\",ack,\\"2026-03-01 11:10:00\\",ann,0)",'
        r'"(a1,Down,major,open,,\\"\\",new,\\"2026-03-01 11:00:00\\",,86400)"}'
    )
    moved = (await one(tmp_path, status="shelved", history=history)).thing
    assert [(entry.type, entry.text) for entry in moved.history] == [
        ("new", ""),
        ("ack", 'mine, "now"'),
        ("shelve", "later"),
    ]
    assert (moved.alert.status_before_ack, moved.alert.status_before_shelve) == ("open", "ack")
    assert moved.alert.reverts_at == datetime(2026, 3, 1, 13, 30, tzinfo=UTC)
    assert moved.alert.ack_reverts_at is None


async def test_history_of_older_alertas_had_no_user_and_no_timeout(tmp_path):
    old = r'{"(a1,Down,major,open,,\\"\\",new,\\"2026-03-01 11:00:00\\")"}'
    (entry,) = (await one(tmp_path, history=old)).thing.history
    assert (entry.type, entry.user, entry.timeout) == ("new", None, 0)


async def test_a_bad_entry_of_the_history_is_refused_for_itself(tmp_path):
    history = (
        r'{"(a1,Down,major,open,,\\"\\",new,\\"2026-03-01 11:00:00\\",,)",nonsense,'
        r'"(a1,Down,major,open,,\\"\\",new,yesterday,,)",'
        r'"(a1,Down,major,open,,\\"\\",new,\\"2026-03-01 11:00:00\\",,-5)"}'
    )
    row, *refused = await one(tmp_path, history=history)
    assert len(row.thing.history) == 1
    assert [(each.kind, each.reason) for each in refused] == [
        ("history", "timeout: must be from 0 to 2147483647"),
        ("history", "updateTime: 'yesterday' is no time"),
        ("history", "is no composite value"),
    ]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"id": ""}, "id: is missing"),
        ({"resource": r"\N"}, "resource: Expected str, got null"),
        ({"event": ""}, "event: is missing"),
        ({"environment": "Moon"}, "environment: 'Moon' is not allowed here"),
        ({"severity": "dire"}, "Severity (dire) is not one of"),
        ({"status": "lost"}, "status: 'lost' is none of"),
        ({"resource": r"a\x00b"}, "resource: holds a control character (code 0)"),
        ({"text": "x" * 65_537}, "text: is longer than 65536 characters"),
        ({"raw_data": r"a\000"}, "rawData: holds a NUL character"),
        ({"tags": "{a"}, "tags: is no array"),
        ({"tags": "{NULL}"}, "tags[0]: Expected str, got null"),
        ({"attributes": "{"}, "attributes: is no JSON"),
        ({"attributes": "[1]"}, "attributes: Expected object | null, got array"),
        ({"attributes": '{"a.b": 1}'}, "Attribute keys must not contain"),
        ({"timeout": "soon"}, "timeout: is no whole number"),
        ({"timeout": "-1"}, "timeout: must be from 0"),
        ({"duplicate_count": "-3"}, "duplicateCount: must be a number"),
        ({"repeat": "maybe"}, "repeat: is neither true nor false"),
        ({"last_receive_time": r"\N"}, "lastReceiveTime: is missing"),
        ({"last_receive_time": "infinity"}, "lastReceiveTime: 'infinity' is no time"),
        ({"last_receive_time": "2031-01-01 00:00:00"}, "lastReceiveTime: '2031-01-01 00:00:00' lies in the future"),
        ({"create_time": "0001-01-01 00:00:00"}, "createTime: '0001-01-01 00:00:00' is not in the years"),
        ({"create_time": "0044-03-15 00:00:00 BC"}, "createTime: '0044-03-15 00:00:00 BC' is no time"),
    ],
)
async def test_what_could_not_have_been_received_is_refused_with_the_reason(tmp_path, more, reason):
    refused = await one(tmp_path, **more)
    assert isinstance(refused, Refused)
    assert refused.lost
    assert refused.reason.startswith(reason)


async def test_bad_rows_do_not_stop_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(dump_file, "LONGEST_LINE", 2_000)
    file = dumped(
        tmp_path, copy("public.alerts", ALERTS, "too\tfew", alert(id="long", text="x" * 5_000), "Ω", alert(id="good"))
    )
    file.write_bytes(file.read_bytes().replace("Ω".encode(), b"\xff\xfe"))
    found = await read(file)
    assert [(type(row).__name__, row.id) for row in found] == [
        ("Refused", "too"),
        ("Refused", "row 2"),
        ("Refused", "row 3"),
        ("Row", "good"),
    ]


async def test_people_keep_hashes_that_can_be_tried(tmp_path):
    lines = [
        user(),
        user(id="22222222-2222-4222-8222-222222222222", login="slow", password=HASH.replace("$04$", "$20$")),
        user(id="other", login="other", password="pbkdf2:sha256:1$x$y"),
        user(login="no roles", roles="{}"),
        user(login="un\\\\der"),
    ]
    file = dumped(tmp_path, copy("public.alerts", ALERTS), copy("public.users", USERS, *lines))
    pat, slow, other, *refused = await read(file, "user")
    assert (pat.thing.user.password_hash, pat.thing.remark) == (HASH, "")
    assert slow.thing.user.password_hash == ""
    assert "would take too long" in slow.thing.remark
    assert (other.thing.user.password_hash, other.thing.remark) == ("", "comes without a password")
    # An id that is none of Alerta's could be somebody's login.
    assert other.thing.source_id == "other"
    assert other.thing.user.id != "other"
    assert [row.reason.split(":")[0] for row in refused] == ["login", "login"]


async def test_old_keys_whose_id_is_the_key_itself_are_told_by_their_beginning(tmp_path):
    plain = "abcdef0123456789ghijklmn"
    columns = 'id, key, "user", scopes, text, expire_time, count, last_used_time, customer'
    good = f"{plain}\t{plain}\tpat\t{{read}}\tx\t2027-01-01 00:00:00\t0\t\\N\t\\N"
    weak = "weak-one\tweak-one\tpat\t{read,fly}\tx\t2027-01-01 00:00:00\t0\t\\N\t\\N"
    file = dumped(tmp_path, copy("public.alerts", ALERTS), copy("public.keys", columns, good, weak))
    row, refused = await read(file, "key")
    assert row.id == "abcdef…"
    assert plain not in repr(row.thing)
    assert (row.thing.expires_at, row.thing.scopes) == (datetime(2027, 1, 1, tzinfo=UTC), ("read",))
    assert refused.id == "weak-o…"
    assert "must be 20 to 200" in refused.reason
    assert "there is no scope 'fly'" in refused.reason


async def test_blackouts_that_are_over_and_such_as_would_mean_more_here(tmp_path):
    columns = 'id, priority, environment, service, resource, event, "group", tags, customer, start_time, end_time'

    def line(name: str, resource: str, ends: datetime) -> str:
        when = f"2026-03-01 00:00:00\t{ends:%Y-%m-%d %H:%M:%S}"
        return f"{name}\t1\tProduction\t{{}}\t{resource}\t\\N\t\\N\t{{}}\t\\N\t{when}"

    later = NOW + timedelta(hours=1)
    rows = [line("a", "web", later), line("b", "web", NOW), line("c", "web*", later)]
    file = dumped(tmp_path, copy("public.alerts", ALERTS), copy("public.blackouts", columns, *rows))
    stays, over, wild = await read(file, "blackout")
    assert stays.thing.body["end"] == "2026-03-01T13:00:00Z"
    assert (over.lost, over.reason) == (False, "was over at 2026-03-01 12:00:00")
    assert wild.lost
    assert "would stand for any characters" in wild.reason


async def test_tables_are_found_whatever_their_order_and_read_when_asked_for(tmp_path):
    file = dumped(tmp_path, copy("public.users", USERS, user()), copy("public.alerts", ALERTS, alert(), alert(id="a2")))
    source = Alerta().dump(file, TERMS)
    assert await source.expected(("alert", "user", "key")) == {"alert": 2, "user": 1, "key": 0}
    assert [row.id for row in await read(file)] == ["a1", "a2"]
    assert [row.id for row in await read(file, "user")] == ["11111111-1111-4111-8111-111111111111"]
    assert await read(file, "note") == []


async def test_compressed_by_gzip(tmp_path):
    file = dumped(tmp_path, copy("public.alerts", ALERTS, alert()))
    packed = tmp_path / "alerta.sql.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert [row.id for row in await read(packed)] == ["a1"]
    packed.write_bytes(gzip.compress(file.read_bytes())[:-20])
    with pytest.raises(Permanent, match="cannot be read"):
        await read(packed)


async def test_several_schemas(tmp_path):
    file = dumped(tmp_path, copy("old.alerts", ALERTS, alert()), copy('"the new".alerts', ALERTS, alert(id="n")))
    with pytest.raises(Permanent, match="in old, the new: say which with --schema"):
        await read(file)
    assert [row.id for row in await read(file, schema="the new")] == ["n"]
    with pytest.raises(Permanent, match="no table `alerts` in the schema 'none'"):
        await read(file, schema="none")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "is no dump of a database of Alerta's"),
        ("INSERT INTO public.alerts VALUES ('a');\n", "was made with --inserts"),
        ("SET client_encoding = 'LATIN1';\n", "is in LATIN1. Make it in UTF-8"),
        ("COPY public.alerts (id) FROM stdin;\na1\n", "ends in the middle of a table"),
    ],
)
async def test_what_is_no_dump_is_said(tmp_path, text, reason):
    file = tmp_path / "x.sql"
    file.write_text(text)
    with pytest.raises(Permanent, match=reason):
        await read(file)
    with pytest.raises(Permanent, match="cannot be read: No such file"):
        await read(tmp_path / "nowhere")
    with pytest.raises(Permanent, match="cannot be read: Is a directory"):
        await read(tmp_path)
