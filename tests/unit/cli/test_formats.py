"""`watchbell webhook try`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from watchbell.cli import app

FORMAT = """\
kind: webhook
name: shop
for_each: $[*]
alert:
  resource: {path: $.host}
  event: Disk
  environment: {path: $.env, in: query}
  text: {template: "{$.n} %"}
"""


def run(folder: Path, text: str, message: str, *options: str) -> tuple[int, str]:
    (folder / "shop.yaml").write_text(text)
    (folder / "message.json").write_text(message)
    arguments = ["webhook", "try", str(folder / "shop.yaml"), "--payload", str(folder / "message.json"), *options]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output.replace(f"{folder}/", "")


def test_the_alerts_of_a_message(tmp_path: Path):
    message = '[{"host": "web01", "n": 95}, {"host": "web02"}]'
    assert run(tmp_path, FORMAT, message, "-q", "env=Test") == (
        0,
        "warning: Disk on web01 in Test  95 %\nwarning: Disk on web02 in Test  %\n2 alerts\n",
    )
    code, output = run(tmp_path, FORMAT, message, "--json")
    assert (code, [one["resource"] for one in json.loads(output)]) == (0, ["web01", "web02"])


def test_severities_are_those_of_the_settings(tmp_path: Path):
    settings = tmp_path / "watchbell.toml"
    settings.write_text('[alerts]\nnormal_severity = "OK"\nseverities = {P1 = 1, OK = 2}\n')
    text = FORMAT + "  severity: P1\n"
    assert run(tmp_path, text, '[{"host": "web01"}]', "--config", str(settings))[1].startswith("P1: Disk on web01")
    code, output = run(tmp_path, text, "[]")
    assert (code, "shop.yaml:9: alert.severity: there is no severity 'P1'" in output) == (1, True)


@pytest.mark.parametrize(
    ("text", "message", "said"),
    [
        (FORMAT.replace("$.host", "host"), "[]", "shop.yaml:5: alert.resource.path: is not a JSONPath"),
        (FORMAT, "[{}]", "message.json: items[0].resource: is absent in this message"),
        (FORMAT, "nonsense", "message.json: is not JSON"),
        ("- 1", "[]", "shop.yaml: must be a format"),
        ("a: [", "[]", "shop.yaml, line "),
    ],
)
def test_a_problem_says_where_it_is(tmp_path: Path, text: str, message: str, said: str):
    code, output = run(tmp_path, text, message)
    assert code == 1
    assert said in output


def test_a_file_that_is_not_there(tmp_path: Path):
    result = CliRunner().invoke(app, ["webhook", "try", str(tmp_path / "a"), "--payload", str(tmp_path / "b")])
    assert (result.exit_code, "cannot be read" in result.output) == (1, True)
