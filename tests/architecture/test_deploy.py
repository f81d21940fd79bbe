"""What `deploy/` ships starts: units name commands, options and settings that there are, and systemd takes them."""

import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
import typer.main

from architecture.source import REPOSITORY
from watchbell.cli import app
from watchbell.config import Configuration, setting_names

UNITS = sorted((REPOSITORY / "deploy" / "systemd").glob("*.service"))
PROGRAM = "/opt/watchbell/bin/watchbell"
ROLES = {"up", "api", "keeper", "worker", "notifier", "collector"}


def service(unit: Path) -> dict[str, str]:
    """The section `[Service]`."""
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - names keep their capitals
    parser.read(unit)
    return dict(parser["Service"])


def test_every_role_has_a_unit():
    assert {unit.stem.removeprefix("watchbell-") for unit in UNITS} == ROLES


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_what_a_unit_starts_is_there(unit):
    program, role, *arguments = service(unit)["ExecStart"].split()
    assert program == PROGRAM
    assert unit.stem == f"watchbell-{role}"
    command = typer.main.get_command(app).commands[role]  # pyright: ignore[reportAttributeAccessIssue] - a group
    known = {option for param in command.params for option in param.opts}
    options, values = arguments[::2], arguments[1::2]
    assert set(options) <= known
    assert all(value.startswith("/") for value in values), "a unit depends on no current folder"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_gives_the_process_time_to_drain(unit):
    wanted = service(unit)
    assert float(wanted["TimeoutStopSec"]) > Configuration().delivery.attempt_timeout * 2
    assert "KillSignal" not in wanted, "SIGTERM drains"
    assert wanted["StateDirectory"] in wanted["ExecStart"].partition("--data ")[2]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_a_unit(unit, tmp_path):
    """As it stands, but for the program's place, which systemd looks at."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed (Debian package: systemd)")
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace(PROGRAM, sys.executable))
    done = subprocess.run(
        [analyze, "verify", "--man=no", here], check=False, capture_output=True, text=True, timeout=60
    )
    about_it = [line for line in done.stderr.splitlines() if unit.name in line or str(tmp_path) in line]
    assert about_it == []
    assert done.returncode == 0, done.stderr


def test_the_settings_that_the_proxy_asks_for_are_there():
    """Comments of nginx's and HAProxy's configuration say what to set."""
    text = "".join(path.read_text() for path in sorted((REPOSITORY / "deploy").rglob("*.c*")))
    for name in ("server.trusted_proxies", "server.base_url", "collector.trusted_proxies"):
        assert name.partition(".")[2] in text
        assert name in setting_names()
