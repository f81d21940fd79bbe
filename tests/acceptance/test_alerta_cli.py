"""Alerta's own command line, as its package has it, against the API."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.installation import ADMIN_KEY, Installation
from servers.alerta import AlertaCommand, AlertaRunner, typed
from servers.certificates import TestAuthority

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
Alerta = Callable[..., str]


@pytest.fixture
def alerta_as(
    installation: Installation, alerta_program: AlertaRunner, tmp_path: Path, test_authority: TestAuthority
) -> Callable[..., AlertaCommand]:
    """Makes the command for the holder of a key, or for nobody yet."""

    def make(key: str = "") -> AlertaCommand:
        home = tmp_path / (key[:8] or "home")
        home.mkdir(exist_ok=True)
        return AlertaCommand(alerta_program, f"{installation.url}/api", home, key, test_authority.ca_file)

    return make


@pytest.fixture
def alerta(alerta_as: Callable[..., AlertaCommand]) -> AlertaCommand:
    """The command as the administrator uses it."""
    return alerta_as(ADMIN_KEY)


@pytest.fixture
def person(installation: Installation) -> Iterator[str]:
    """The login of somebody who is there for one test."""
    login = f"p{secrets.token_hex(4)}@example.org"
    body = {"login": login, "name": "Pat", "email": login, "password": PASSWORD, "roles": ["user"]}
    user = installation.call("POST", "/api/user", body, 201)["id"]
    yield login
    installation.call("DELETE", f"/api/user/{user}")


def send(alerta: Alerta, *more: str, resource: str = "", severity: str = "major") -> tuple[str, str]:
    """Send an alert of an event of its own; its id and event."""
    event = f"Event{secrets.token_hex(4)}"
    said = alerta(
        "send", "-r", resource or "web1", "-e", event, "-E", "Production", "-S", "shop", "-s", severity, *more
    )
    return said.split()[0], event


def of(alerta: Alerta, alert_id: str) -> dict[str, Any]:
    (found,) = json.loads(alerta("--json", "query", "-i", alert_id))
    return found


def test_send_and_query_with_every_field(alerta: Alerta):
    names = ["-g", "Web", "-v", "99", "-t", "slow", "-O", "probe/one", "--type", "web"]
    lists = ["-C", "Other", "-C", "Third", "-T", "a", "-T", "b", "-A", "region=eu"]
    alert_id, event = send(alerta, *names, *lists, "--timeout", "600", "--raw-data", "raw")
    found = of(alerta, alert_id)
    assert (found["event"], found["service"], found["group"], found["value"]) == (event, ["shop"], "Web", "99")
    assert (found["text"], sorted(found["tags"]), found["attributes"]) == ("slow", ["a", "b"], {"region": "eu"})
    assert (found["origin"], found["type"], found["timeout"]) == ("probe/one", "web", 600)
    assert sorted(found["correlate"]) == sorted(["Other", "Third", event])


def test_send_tells_of_duplicates_and_changes(alerta: Alerta):
    alert_id, event = send(alerta)
    again = alerta("send", "-r", "web1", "-e", event, "-E", "Production", "-S", "shop", "-s", "major")
    assert again == f"{alert_id} (1 duplicates)"
    worse = alerta("send", "-r", "web1", "-e", event, "-E", "Production", "-S", "shop", "-s", "critical")
    assert worse == f"{alert_id} (major -> critical)"


def test_send_reads_lines_of_json_and_raw_data_from_elsewhere(alerta: AlertaCommand, tmp_path: Path):
    (tmp_path / "raw").write_text("from a file")
    alert_id, _ = send(alerta, "--raw-data", f"@{tmp_path / 'raw'}")
    assert "from a file" in alerta("raw", "-i", alert_id)
    lines = [
        json.dumps({"resource": f"r{n}", "event": "Piped", "environment": "Production", "service": ["x"]})
        for n in range(2)
    ]
    alerta.environment["TERM"] = "dumb"
    assert len(alerta("send", stdin="\n".join(lines)).splitlines()) == 2


def test_send_says_why_an_alert_is_refused(alerta: AlertaCommand):
    refused = alerta.run("send", "-r", "web1", "-e", "E", "-E", "Nowhere", "-S", "shop", "-s", "major")
    assert refused.returncode == 1
    assert "[POLICY] Alert environment does not match one of" in refused.stderr
    unknown = alerta.run("send", "-r", "web1", "-e", "E", "-E", "Production", "-S", "shop", "-s", "bad")
    assert "ERROR: Severity (bad) is not one of" in unknown.stderr


def test_query_in_every_format_and_size(alerta: Alerta):
    alert_id, event = send(alerta, "-t", "all of it", "-A", "region=eu")
    assert event in alerta("query", "-q", f"event:{event}")
    for output in ("plain", "simple", "grid", "psql", "presto", "rst", "html", "json", "json_lines"):
        shown = alerta("--output", output, "query", "-f", f"event={event}", "-f", "status=open")
        assert event in shown, output
        assert alert_id[:8] in shown, output
    for display in ("--oneline", "--medium", "--full"):
        assert event in alerta("query", display, "-f", f"event={event}"), display


def test_actions_move_an_alert_through_its_life(alerta: Alerta):
    alert_id, event = send(alerta)
    short = alert_id[:8]
    life = {
        ("ack", "--text", "on it"): "ack",
        ("unack",): "open",
        ("shelve", "--timeout", "60"): "shelved",
        ("unshelve",): "open",
        ("close", "--text", "done"): "closed",
        ("action", "-a", "open"): "open",
    }
    for (command, *options), status in life.items():
        alerta(command, *options, "-i", short)
        assert of(alerta, alert_id)["status"] == status, command
    alerta("action", "-a", "createIssue", "--text", "as OPS-7", "-i", short)
    assert of(alerta, alert_id)["status"] == "open", "an action of one's own"
    alerta("ack", "-q", f"event:{event}")
    alerta("close", "-f", f"event={event}")
    history = alerta("history", "-i", alert_id)
    assert all(word in history for word in ("new", "ack", "shelve", "on it", "action", "as OPS-7", "done"))
    assert json.loads(alerta("--json", "history"))


def test_tags_and_attributes(alerta: Alerta):
    alert_id, event = send(alerta, "-T", "first")
    alerta("tag", "-i", alert_id, "-T", "second", "-T", "third")
    alerta("untag", "-f", f"event={event}", "-T", "first")
    alerta("update", "-q", f"event:{event}", "-A", "owner=ann")
    found = of(alerta, alert_id)
    assert (sorted(found["tags"]), found["attributes"]) == (["second", "third"], {"owner": "ann"})


def test_delete(alerta: Alerta):
    alert_id, event = send(alerta)
    alerta("delete", "-i", alert_id)
    assert json.loads(alerta("--json", "query", "-f", f"event={event}")) == []


def test_notes_are_written_listed_and_deleted(alerta: Alerta):
    alert_id, event = send(alerta)
    alerta("note", "-i", alert_id[:8], "--text", "looked at the logs")
    alerta("note", "-q", f"event:{event}", "--text", "and at the disk")
    first, second = json.loads(alerta("--json", "notes", "-i", alert_id))
    assert (first["text"], second["text"], first["user"]) == ("looked at the logs", "and at the disk", "admin-key")
    assert "and at the disk" in alerta("notes", "-i", alert_id)
    alerta("note", "-D", alert_id, first["id"])
    assert [note["id"] for note in json.loads(alerta("--json", "notes", "-i", alert_id))] == [second["id"]]
    history = alerta("history", "-i", alert_id)
    assert "dismiss" in history


@pytest.mark.parametrize(("option", "word"), [("-E", "Production"), ("-S", "shop"), ("-g", "Misc"), ("-T", "tagged")])
def test_lists_of_what_there_is(alerta: Alerta, option: str, word: str):
    send(alerta, "-T", "tagged")
    assert word in alerta("alerts", option)
    assert word in alerta("--json", "alerts", option)


def test_status_uptime_version_and_config(alerta: Alerta):
    send(alerta)
    numbers = alerta("status")
    for name in ("alerts.total", "alerts.rejected", "alerts.received", "alerts.queries", "switch.sender-api-allow"):
        assert name in numbers
    assert " up 0 days " in alerta("uptime")
    assert alerta("version").startswith("alerta ")
    assert "alarm_model" in alerta("config")
    assert "shelve" in alerta("help")


def test_heartbeats_are_sent_listed_and_deleted(alerta: Alerta):
    origin = f"cron/{secrets.token_hex(4)}"
    details = ["-E", "Development", "-s", "minor", "-S", "shop", "-S", "web", "-g", "Jobs", "-T", "nightly"]
    details += ["--timeout", "600"]
    sent = alerta("heartbeat", "-O", origin, *details)
    assert alerta("heartbeat", "-O", origin, *details) == sent, "the same origin keeps its id"
    found = next(each for each in json.loads(alerta("--json", "heartbeats")) if each["origin"] == origin)
    assert (found["id"], found["status"], found["tags"], found["timeout"]) == (sent, "ok", ["nightly"], 600)
    expected = {"environment": "Development", "severity": "minor", "service": ["shop", "web"], "group": "Jobs"}
    assert found["attributes"] == expected
    assert origin in alerta("heartbeats")
    alerta("heartbeat", "-D", sent)
    assert origin not in alerta("heartbeats")


def test_a_silent_origin_raises_one_alert_by_itself_and_its_return_ends_it(alerta: Alerta, installation: Installation):
    origin = f"cron/{secrets.token_hex(4)}"
    alerta("heartbeat", "-O", origin, "-s", "critical", "--timeout", "1")
    alert = installation.wait_alert(resource=origin)
    assert (alert["event"], alert["severity"], alert["service"]) == ("HeartbeatFail", "critical", ["Alerta"])
    alerta("heartbeats", "--alert", "-s", "major")
    found = installation.call("GET", "/api/alerts", params={"resource": origin})["alerts"]
    assert [each["id"] for each in found] == [alert["id"]], "the command's alert is the same one"
    alerta("heartbeat", "-O", origin, "-s", "critical", "--timeout", "600")
    ended = installation.wait_alert(resource=origin, status="closed")
    assert (ended["id"], ended["event"]) == (alert["id"], "HeartbeatOK")
    alerta("heartbeat", "-O", origin, "--timeout", "1")
    installation.wait_alert(resource=origin, status="open")
    alerta("heartbeats", "--purge")
    assert origin not in alerta("heartbeats")


def test_housekeeping(alerta: Alerta):
    alert_id, event = send(alerta)
    alerta("close", "-i", alert_id)
    alerta("housekeeping")
    assert of(alerta, alert_id)["status"] == "closed"
    alerta("housekeeping", "--expired", "0.0000001", "--info", "24")
    assert json.loads(alerta("--json", "query", "-f", f"event={event}")) == []


def test_keys_are_made_used_listed_and_revoked(alerta: Alerta, alerta_as: Callable[..., AlertaCommand]):
    text = f"for {secrets.token_hex(4)}"
    plain = alerta("key", "--scope", "read", "--scope", "write:alerts", "--text", text, "--duration", "3600")
    made = next(key for key in json.loads(alerta("--json", "keys")) if key["text"] == text)
    assert (made["scopes"], made["status"], made["type"]) == (["read", "write:alerts"], "active", "read-write")
    assert plain not in json.dumps(made)
    holder = alerta_as(plain)
    send(holder)
    refused = holder.run("users")
    assert "Missing required scope: admin:users" in refused.stdout + refused.stderr
    assert text in alerta("keys")
    alerta("--json", "keys", "--alert")
    alerta("revoke", "-K", plain)
    assert text not in alerta("keys")
    chosen = "chosen-" + secrets.token_urlsafe(24)
    assert alerta("key", "-K", chosen, "-u", "robot", "--text", text) == chosen
    alerta("key", "-D", chosen)
    assert text not in alerta("keys")


def test_users_are_made_changed_listed_and_deleted(alerta: Alerta):
    email = f"u{secrets.token_hex(4)}@example.org"
    user = alerta("user", "--name", "Una", "--email", email, "--password", PASSWORD, "--role", "user", "--text", "new")
    assert email in alerta("user", "-i", user)
    assert alerta("user", "-i", user, "--name", "Una B", "--status", "inactive", "--email-verified") == user
    found = next(each for each in json.loads(alerta("--json", "users")) if each["id"] == user)
    assert (found["name"], found["status"], found["text"], found["roles"]) == ("Una B", "inactive", "new", ["user"])
    assert found["email_verified"] is True
    assert email in alerta("users", "--role", "user")
    assert email not in alerta("users", "--role", "admin")
    alerta("user", "-D", user)
    assert email not in alerta("users")


def test_groups_are_made_filled_listed_and_deleted(alerta: Alerta, person: str):
    name = f"g{secrets.token_hex(4)}"
    group = alerta("group", "--name", name, "--text", "on call")
    user = next(each["id"] for each in json.loads(alerta("--json", "users")) if each["login"] == person)
    alerta("group", "-i", group, "-U", user)
    assert person in alerta("group", "-i", group, "--users")
    assert name in alerta("user", "-i", user, "--groups")
    assert next(each["count"] for each in json.loads(alerta("--json", "groups")) if each["id"] == group) == 1
    alerta("group", "-i", group, "-D", user)
    assert person not in alerta("group", "-i", group, "--users")
    alerta("group", "-D", group)
    assert name not in alerta("groups")


def test_customers_are_made_listed_and_deleted(alerta: Alerta):
    name = f"c{secrets.token_hex(4)}"
    customer = alerta("customer", "--customer", name, "--domain", "example.org")
    assert name in alerta("customers")
    assert name in alerta("--json", "customers")
    alerta("customer", "-D", customer)
    assert name not in alerta("customers")


def test_roles_and_scopes_are_listed(alerta: Alerta):
    assert "write:alerts" in alerta("scopes")
    assert "delete:alerts" in alerta("--json", "scopes")
    assert all(role in alerta("perms") for role in ("admin", "user", "guest"))
    assert "guest" not in alerta("perms", "--scope", "admin")


def test_roles_are_made_listed_and_deleted(alerta: AlertaCommand):
    name = f"r{secrets.token_hex(4)}"
    role = alerta("perm", "--role", name, "--scope", "read:alerts", "--scope", "write:webhooks").strip()
    assert name in alerta("perms", "--scope", "write:webhooks")
    taken = alerta.run("perm", "--role", "guest", "--scope", "read")
    assert "guest role already exists" in taken.stderr
    alerta("perm", "-D", role)
    assert name not in alerta("perms")


def test_logging_in_and_out_and_who_one_is(alerta_as: Callable[..., AlertaCommand], person: str):
    alerta = alerta_as()
    assert "Missing authorization" in alerta.run("whoami").stderr
    assert f"Logged in as {person}" in typed(alerta, "login", person, answers=[PASSWORD])
    assert alerta("whoami") == person
    assert "read write" in alerta("whoami", "-u")
    assert alerta("token").count(".") == 2
    assert person in alerta("token", "-D")
    send(alerta)
    alerta("me", "--name", "Patricia", "--text", "hello")
    assert "Patricia" in alerta_as(ADMIN_KEY)("users")
    alerta("logout")
    assert "Missing authorization" in alerta.run("whoami").stderr
    assert "Invalid username or password" in typed(alerta, "login", person, answers=["wrong password"])


def test_nobody_signs_up(alerta: AlertaCommand):
    said = alerta.run("signup", "--email", "me@example.org", "--password", PASSWORD)
    assert "ERROR: user signup is disabled" in said.stderr


def test_watch_and_top_show_alerts(alerta: AlertaCommand):
    _, event = send(alerta)
    assert event in typed(alerta, "watch", "-f", f"event={event}", answers=[])
    assert "web1" in typed(alerta, "top", answers=[])


def test_blackouts_are_made_listed_and_deleted(alerta: Alerta):
    resource = f"r{secrets.token_hex(4)}"
    made = alerta(
        "blackout", "-E", "Production", "-S", "shop", "-r", resource, "-T", "x", "--duration", "3600", "--text", "work"
    )
    assert resource in alerta("blackouts")
    found = next(each for each in json.loads(alerta("--json", "blackouts")) if each["resource"] == resource)
    assert (found["status"], found["duration"], found["text"]) == ("active", 3600, "work")
    alerta("blackout", "-D", found["id"])
    assert made
    assert resource not in alerta("blackouts")
