import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from watchbell.cli import app


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


EVERY = dict(commands(get_command(app)))
CONTRACT = [
    "up",
    "api",
    "keeper",
    "worker",
    "notifier",
    "collector",
    "migrate",
    "plan",
    "apply",
    "export",
    "import",
    "send",
    "query",
    "ack",
    "close",
    "heartbeat",
    "archive.list",
    "archive.search",
    "archive.show",
    "archive.export",
    "config.check",
    "check.run",
    "user.create",
    "user.list",
    "user.password",
    "user.delete",
    "key.create",
    "key.list",
    "key.delete",
]


def test_all_promised_commands_are_there():
    assert {tuple(name.split(".")) for name in CONTRACT} <= EVERY.keys()


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help_with_an_example_and_explains_each_option(path: tuple[str, ...]):
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert f"watchbell {' '.join(path)}" in " ".join((EVERY[path].help or "").split())
    for parameter in EVERY[path].params:
        assert getattr(parameter, "help", None) or parameter.name == "help", f"{path}: {parameter.name} has no help"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["send", "-r", "x"], ["ack"], ["query", "severity"], ["key", "create"], ["--nonsense"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str]):
    result = CliRunner().invoke(app, arguments, env={"WATCHBELL_URL": "http://127.0.0.1:1"})
    assert result.exit_code == 2
    assert result.stderr


def test_wrong_settings_end_with_2_and_are_all_named():
    env = {"WATCHBELL_SERVER__PORT": "x", "WATCHBELL_NONSENSE": "1"}
    result = CliRunner().invoke(app, ["config", "check"], env=env)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


def _checked(data: Path) -> Result:
    return CliRunner().invoke(app, ["config", "check", "--data", str(data)])


def test_checking_the_settings_writes_nothing(tmp_path: Path):
    data = tmp_path / "deep" / "data"
    result = _checked(data)
    assert (result.exit_code, result.stdout) == (0, "the settings are good\n"), result.stderr
    assert list(tmp_path.iterdir()) == []
    data.mkdir(parents=True)
    file = data / "watchbell.db"
    with contextlib.closing(sqlite3.connect(file)) as made:
        made.execute("pragma journal_mode = wal")
        made.execute("create table one (number integer)")
    before = file.read_bytes()
    assert _checked(data).exit_code == 0
    assert [each.name for each in data.iterdir()] == [file.name]
    assert file.read_bytes() == before


def test_checking_the_settings_says_that_the_database_cannot_be_used(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    result = _checked(tmp_path / "file" / "data")
    assert result.exit_code == 2
    assert "store.url" in result.stderr
    (tmp_path / "watchbell.db").write_text("something else that lies here")
    result = _checked(tmp_path)
    assert result.exit_code == 2
    assert "it is no SQLite database" in result.stderr


def test_pinging_by_name_takes_a_key_that_is_told_the_address(monkeypatch: pytest.MonkeyPatch):
    told = {"pulses": [{"id": "backup", "name": "backup", "url": ""}]}
    monkeypatch.setattr("watchbell.cli.client.Api.get", lambda *_: told)
    monkeypatch.setattr("watchbell.cli.client.Api.call", lambda *_: pytest.fail("nothing is to be sent"))
    found = CliRunner().invoke(app, ["heartbeat", "backup", "--url", "http://127.0.0.1:1", "--key", "reader"])
    assert found.exit_code == 1
    assert "write:heartbeats" in found.output + str(found.exception)
