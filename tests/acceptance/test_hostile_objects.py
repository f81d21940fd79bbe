"""`<script>` in every text of every kind of object: taken and kept as text, or refused by the name of its field."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from acceptance.hostile import NAMES, SCRIPT, WANTED, fields_of, texts
from acceptance.installation import SingleMachine
from watchbell.domain.kinds import KINDS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machine() -> Iterator[SingleMachine]:
    """An installation of this module's own."""
    installation = SingleMachine()
    try:
        # What hostile objects may refer to is there, under a hostile name.
        for kind in ("service", "policy", "host"):
            installation.define(kind, name=SCRIPT, **WANTED.get(kind, {}))
        yield installation
    finally:
        installation.stop()


def post(machine: SingleMachine, kind: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Try to make an object; the status and the body, after what every answer must be."""
    answer = machine.client.post(f"{machine.url}/api/objects/{kind}", json=body)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.status_code in {201, 400}, answer.text
    return answer.status_code, answer.json()


@pytest.mark.parametrize("kind", KINDS)
def test_script_in_every_text_of_an_object_stays_text(machine, kind):
    plain = {"name": f"plain {secrets.token_hex(4)}", **WANTED.get(kind, {})}
    assert post(machine, kind, plain)[0] == 201, "WANTED says too little of this kind"
    taken: dict[str, Any] = {}
    tried = list(fields_of(kind))
    for field, hostile in tried:
        status, said = post(machine, kind, {**plain, "name": f"{field} {secrets.token_hex(4)}", field: hostile})
        if status == 400:
            named = {error["field"].partition(".")[0].partition("[")[0] for error in said["errors"]}
            assert field in named, said
        else:
            taken[field] = hostile
    assert tried == [] or taken or kind == "channel", "no text at all was taken"
    name = f"{NAMES.get(kind, SCRIPT)} {kind}"
    status, _ = post(machine, kind, {**plain, "name": name, **taken})
    assert status == 201
    found = machine.client.get(f"{machine.url}/api/objects/{kind}", params={"q": "x"})
    assert found.headers["content-type"].startswith("application/json")
    (stored,) = [row for row in found.json()["objects"] if row["name"] == name]
    for field in taken:
        assert SCRIPT in list(texts(stored["body"][field])), f"{field} was changed on the way"


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_exported_and_applied_as_they_are(machine, kind):
    name = f"{NAMES.get(kind, SCRIPT)} again {kind}"
    machine.define(kind, name=name, **WANTED.get(kind, {}))
    exported = machine.call("GET", "/api/export")["objects"]
    assert [one for one in exported if one["kind"] == kind and one["name"] == name]
    plan = machine.call("POST", "/api/plan", {"objects": exported})
    assert plan["errors"] == []
    assert plan["changes"] == []


def test_script_in_people_keys_groups_and_notes(machine):
    login = f"mallory-{secrets.token_hex(4)}"
    password = "correct horse battery"
    user = machine.call(
        "POST", "/api/user", {"login": login, "name": SCRIPT, "password": password, "roles": ["user"]}, 201
    )
    assert SCRIPT in str(machine.call("GET", "/api/users"))
    refused = {"login": SCRIPT, "name": "x", "password": password, "roles": [SCRIPT], "email": SCRIPT}
    fields = {error["field"] for error in machine.call("POST", "/api/user", refused, 400)["errors"]}
    assert {"login", "roles", "email"} <= fields
    attributes = {"note": SCRIPT}
    machine.call("PUT", f"/api/user/{user['id']}/attributes", {"attributes": attributes})

    key = machine.call("POST", "/api/key", {"scopes": ["read:alerts"], "text": SCRIPT}, 201)
    assert SCRIPT in [row["text"] for row in machine.call("GET", "/api/keys")["keys"]]
    assert machine.call("POST", "/api/key", {"scopes": [SCRIPT]}, 400)["errors"][0]["field"] == "scopes"
    assert key["data"]["text"] == SCRIPT

    group = machine.call("POST", "/api/group", {"name": SCRIPT, "text": SCRIPT}, 201)
    assert (group["group"]["name"], group["group"]["text"]) == (SCRIPT, SCRIPT)

    alert = {"resource": "r", "event": "e", "environment": "Production", "severity": "minor", "service": [SCRIPT]}
    made = machine.call("POST", "/api/alert", alert, 201)["id"]
    machine.call("PUT", f"/api/alert/{made}/note", {"text": SCRIPT})
    assert SCRIPT in str(machine.call("GET", f"/api/alert/{made}/notes"))
