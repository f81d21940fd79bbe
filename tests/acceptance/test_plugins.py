"""Plug-ins of another distribution, found by entry point: used like our own, and no danger to the rest when broken."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.installation import SingleMachine
from servers.process import wait_until

pytestmark = pytest.mark.slow

MODULE = '''"""Reads a number from a file. Made by another company."""

import json
from pathlib import Path

from watchbell.domain.checks.result import Outcome, Status
from watchbell.domain.errors import Invalid
from watchbell.domain.oncall.message import Receipt
from watchbell.toolkit.settings import Settings


class LevelConfig(Settings, frozen=True):
    file: str
    """Where the number stands."""
    highest: float = 10.0
    """More is critical."""


class Level:
    """A number that must not be too high."""

    name = "level"
    title = "Level"
    Config = LevelConfig

    def __init__(self, config, tools):
        if not config.file.startswith("/"):
            raise Invalid("must be an absolute path", "file")
        self.config = config

    async def run(self, target):
        found = float(Path(self.config.file).read_text())
        status = Status.CRITICAL if found > self.config.highest else Status.OK
        return Outcome(status=status, summary=f"the level is {found:g}")


class DiaryConfig(Settings, frozen=True):
    file: str
    """Where lines are added."""


class Diary:
    """Writes messages into a file."""

    name = "diary"
    title = "Diary"
    Config = DiaryConfig

    def __init__(self, config, tools):
        self.config = config

    async def send(self, message):
        with open(self.config.file, "a") as file:
            file.write(json.dumps({"to": message.to, "title": message.title}) + "\\n")
        return Receipt(reference="line", detail="written")

    async def close(self):
        pass


class Hasty(Level):
    def __init__(self, config, tools):
        raise KeyError("hasty")


class Shapeless:
    """Has nothing of a check type."""


class Odd:
    """Its settings are none."""

    Config = dict

    async def run(self, target):
        raise AssertionError


class Explosive:
    def __init__(self):
        raise RuntimeError("no webhook today")

    def read(self, call):
        return []
'''

ENTRY_POINTS = """[watchbell.checks]
level = other_company:Level
http = other_company:Level
hasty = other_company:Hasty
shapeless = other_company:Shapeless
odd = other_company:Odd
absent = other_company_is_not_here:Level
quitter = other_company_quits:Level

[watchbell.channels]
diary = other_company:Diary
email = other_company:Diary

[watchbell.webhooks]
explosive = other_company:Explosive
"""


def install(folder: Path) -> None:
    """What an installer leaves: modules, and a dist-info folder with the entry points."""
    (folder / "other_company.py").write_text(MODULE)
    (folder / "other_company_quits.py").write_text("raise SystemExit(3)\n")
    about = folder / "other_company-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other-company\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleMachine]:
    """`watchbell up` with another company's distribution beside it."""
    folder = tmp_path_factory.mktemp("site")
    install(folder)
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    installation = SingleMachine(PYTHONPATH=path)
    try:
        yield installation
    finally:
        installation.stop()


def said(installation: SingleMachine, event: str, name: str) -> str:
    """The log's lines about a plug-in."""
    lines = installation.process.log().splitlines()
    return "\n".join(line for line in lines if event in line and name in line)


def wrong_fields(answer: dict[str, Any]) -> list[str]:
    """The fields that an error names."""
    return [error["field"] for error in answer["errors"]]


def test_a_check_type_and_a_channel_of_others_are_used_like_our_own(extended, tmp_path):
    level, diary = tmp_path / "level", tmp_path / "diary"
    level.write_text("3")
    extended.define("channel", name="Diary", type="diary", config={"file": str(diary)})
    extended.define("policy", name="Write", steps=[{"after": 0, "targets": [{"channel": "Diary", "to": "dear"}]}])
    extended.define("service", name="Dam", policy="Write")
    config = {"file": str(level), "highest": 5}
    check = extended.define("check", name="Water", type="level", config=config, interval=1, services=["Dam"])
    wait_until(lambda: extended.call("GET", f"/api/check/{check}")["results"], 30, "a result")
    assert extended.call("GET", f"/api/check/{check}")["results"][0]["summary"] == "the level is 3"

    level.write_text("7")
    wait_until(diary.exists, 30, "a line in the diary")
    assert '"to": "dear"' in diary.read_text()
    incident = extended.wait_incident("Dam", "open")
    wait_until(
        lambda: "written" in str(extended.call("GET", f"/api/incident/{incident['id']}")), 30, "the receipt's words"
    )


def test_their_settings_are_judged_and_described_like_our_own(extended):
    wrong = {"name": "w", "type": "level", "config": {"file": "here", "higest": 5}}
    assert wrong_fields(extended.call("POST", "/api/objects/check", wrong, 400)) == ["config.higest"]
    wrong = {"name": "w", "type": "level", "config": {"file": "here"}}
    assert wrong_fields(extended.call("POST", "/api/objects/check", wrong, 400)) == ["config.file"]
    described = extended.call("GET", "/api/schema")["plugins"]["check"]["level"]
    assert [(field["name"], field["doc"]) for field in described["fields"]] == [
        ("file", "Where the number stands."),
        ("highest", "More is critical."),
    ]
    assert "another company" in described["doc"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "No module named 'other_company_is_not_here'"),
        ("quitter", "SystemExit: 3"),
        ("shapeless", "it has no Config and no run"),
        ("odd", "its Config is no settings class"),
        ("explosive", "no webhook today"),
    ],
)
def test_a_broken_one_is_named_and_left_out(extended, name, why):
    line = said(extended, "plugin_not_loaded", name)
    assert why in line
    assert "other-company" in line, "whose it is"
    assert "Traceback" not in line
    assert name not in extended.call("GET", "/api/schema")["plugins"]["check"]
    # The rest is there, and works.
    assert extended.call("POST", "/api/webhooks/prometheus", {"alerts": []})["status"] == "ok"


@pytest.mark.parametrize(("kind", "name", "ours"), [("check", "http", "url"), ("channel", "email", "sender")])
def test_a_built_in_is_never_replaced(extended, kind, name, ours):
    line = said(extended, "plugin_refused", f"'{name}'")
    assert f"the {kind} '{name}' is built in and stays" in line
    assert "other-company" in line
    fields = extended.call("GET", "/api/schema")["plugins"][kind][name]["fields"]
    assert ours in [field["name"] for field in fields]


def test_one_that_fails_when_it_is_used_is_named(extended):
    body = {"name": "h", "type": "hasty", "config": {"file": "/x"}}
    answer = extended.call("POST", "/api/objects/check", body, 400)
    assert "other_company:Hasty failed: KeyError" in answer["message"]
