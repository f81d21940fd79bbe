"""`watchbell import-data`: what is asked for, what is said, and how it ends."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from watchbell.cli import app, importing_data

COLUMNS = "id, resource, event, environment, severity, last_receive_time"
LINES = [
    "a1\tweb1\tDown\tProduction\tmajor\t2026-03-01 11:00:00",
    "a2\tweb2\tDown\tProduction\tmajor\t2026-03-01 11:00:00",
]
BAD = "\x1b[31mbad\tweb3\tDown\tProduction\tmajor\t2026-03-01 11:00:00"


def dump(folder: Path, *lines: str) -> str:
    file = folder / "alerta.sql"
    file.write_text("\n".join([f"COPY public.alerts ({COLUMNS}) FROM stdin;", *lines, "\\.", ""]))
    return str(file)


def run(*arguments: str, env: dict[str, str] | None = None) -> Any:
    return CliRunner().invoke(app, ["import-data", *arguments], env=env)


def test_what_came_is_said_for_each_kind(tmp_path):
    given = ("alerta", "--dump", dump(tmp_path, *LINES), "--data", str(tmp_path / "data"))
    first, again = run(*given), run(*given)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "alert: 2 imported\nhistory: none\n" in first.stdout
    assert "alert: 2 there already\n" in again.stdout
    assert [line.split(":")[0] for line in first.stdout.splitlines()] == list(importing_data.KINDS)


def test_what_is_refused_is_named_and_ends_with_1(tmp_path):
    given = ("alerta", "--dump", dump(tmp_path, *LINES, BAD), "--data", str(tmp_path / "data"))
    result = run(*given)
    assert result.exit_code == 1
    assert "alert: 2 imported, 1 refused\n" in result.stdout
    assert "alert \ufffd[31mbad: refused: id: holds a control character (code 27)\n" in result.stderr
    assert "\x1b" not in result.output
    assert run(*given, "--partial").exit_code == 0
    (line,) = json.loads(run(*given, "--json").stdout)["kinds"]["alert"]["lines"]
    assert (line["outcome"], line["kind"]) == ("refused", "alert")


def test_what_alertas_settings_allow_comes(tmp_path):
    (tmp_path / "alertad.conf").write_text("ALLOWED_ENVIRONMENTS = ['Moon']\n")
    given = (
        "alerta",
        "--dump",
        dump(tmp_path, LINES[0].replace("Production", "Moon")),
        "--data",
        str(tmp_path / "data"),
    )
    assert "alert: 1 refused\n" in run(*given).stdout
    assert "alert: 1 imported\n" in run(*given, "--alerta-config", str(tmp_path / "alertad.conf")).stdout


def test_a_dry_run_says_that_it_is_one(tmp_path):
    result = run("alerta", "--dump", dump(tmp_path, *LINES), "--data", str(tmp_path / "data"), "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.startswith("nothing was written; an import would come to this:\n")
    assert "alert: 2 imported" in result.stdout
    with sqlite3.connect(tmp_path / "data" / "watchbell.db") as database:
        assert database.execute("select count(*) from alerts").fetchone() == (0,)
    database.close()


def test_how_far_it_is_is_said_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(importing_data, "EVERY", 1)
    result = run("alerta", "--dump", dump(tmp_path, *LINES), "--data", str(tmp_path / "data"))
    assert "alerts: 2 of 2\n" in result.stderr


def test_only_some_kinds(tmp_path):
    given = ("alerta", "--dump", dump(tmp_path, *LINES), "--data", str(tmp_path / "data"))
    assert run(*given, "--only", "user", "--only", "key").stdout == "user: none\nkey: none\n"
    result = run(*given, "--only", "cat")
    assert result.exit_code == 2
    assert "there is no kind 'cat'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("alerta",), 2, "say either where the server is, or which dump to read"),
        (("alerta", "--dump", "x", "--from", "http://x"), 2, "say either where the server is"),
        (("divolte", "--dump", "x"), 1, "the data of 'divolte' cannot be imported; there is: alerta"),
        (("alerta", "--dump", "/nowhere/x.sql"), 1, "/nowhere/x.sql: cannot be read: No such file"),
        (("alerta", "--from", "nowhere"), 1, "that is no address of a server"),
        (("alerta", "--from", "http://127.0.0.1:9", "--key-file", "/nowhere/key"), 1, "/nowhere/key: cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, arguments, code, said):
    result = run(*arguments, "--data", str(tmp_path / "data"))
    assert result.exit_code == code
    # Typer breaks its own messages into lines within a frame.
    assert " ".join(said.split()) in " ".join(result.stderr.replace("│", " ").split())
