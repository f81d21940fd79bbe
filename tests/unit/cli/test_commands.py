from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

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
