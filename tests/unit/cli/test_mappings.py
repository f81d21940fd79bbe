"""`watchbell mapping test` and `try`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from watchbell.cli import app

MAPPING = """\
kind: mapping
name: shop
schema:
  type: record
  name: R
  fields:
    - {name: page, type: ["null", string], default: null}
steps:
  - {set: page, to: {uri: path, of: {value: location}}}
  - {when: {value: corrupt}, then: [{drop: corrupt}]}
"""
CASES = """\
mapping: shop.yaml
cases:
  - name: page
    event: {location: "http://h/p"}
    record: {page: /p}
  - name: corrupt
    event: {corrupt: true}
    drop: corrupt
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(MAPPING)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, ["mapping", *arguments])


def test_cases_that_pass(folder):
    done = run("test", str(folder / "cases.yaml"))
    assert done.exit_code == 0, done.output
    assert "2 passed, 0 failed" in done.output


def test_a_case_that_fails_ends_with_1(folder):
    file = folder / "cases.yaml"
    file.write_text(CASES.replace("page: /p", "page: /q"))
    done = run("test", str(file))
    assert done.exit_code == 1
    assert 'page is "/p", not "/q"' in done.output
    assert "1 passed, 1 failed" in done.output
    shown = json.loads(run("test", "--json", str(file)).stdout)
    assert [case["faults"] for case in shown] == [['page is "/p", not "/q"'], []]


def test_what_is_wrong_is_told_with_its_line(folder):
    (folder / "shop.yaml").write_text(MAPPING.replace("uri: path", "uri: paht"))
    done = run("test", str(folder / "cases.yaml"))
    assert done.exit_code == 1
    assert "shop.yaml:9: steps[0].to.uri: must be one of text, scheme" in done.output


def test_a_case_that_is_wrong_is_told_with_its_line(folder):
    file = folder / "cases.yaml"
    file.write_text(CASES.replace("corrupt: true", "corupt: true"))
    done = run("test", str(file))
    assert "cases.yaml:7: cases[1].event.corupt: an event has no 'corupt'" in done.output
    file.write_text("cases: []")
    assert "must have `mapping`" in run("test", str(file)).output


def test_a_mapping_inside_the_file(folder):
    file = folder / "one.yaml"
    file.write_text(
        "mapping: {name: m, schema: {type: record, name: R, fields: []}, steps: [exit]}\n"
        "cases: [{event: {}, record: {}}]\n"
    )
    assert run("test", str(file)).exit_code == 0
    file.write_text("mapping:\n  name: m\n  steps: [wrong]\ncases: []\n")
    assert "one.yaml:3: mapping.steps[0]: must be exit" in run("test", str(file)).output


def test_trying_one_event(folder):
    (folder / "event.json").write_text('{"location": "http://h/p"}')
    done = run("try", str(folder / "shop.yaml"), "--event", str(folder / "event.json"))
    assert done.exit_code == 0, done.output
    assert done.output.startswith('steps[0]: set page = "/p"\nsteps[1]: when: false\n')
    assert json.loads(done.output.partition("{")[1] + done.output.partition("{")[2]) == {"page": "/p"}
    (folder / "event.json").write_text('{"corrupt": true}')
    done = run("try", str(folder / "shop.yaml"), "--event", str(folder / "event.json"))
    assert "no record: drop: corrupt" in done.output


def test_a_file_that_is_not_there(folder):
    done = run("test", str(folder / "none.yaml"))
    assert done.exit_code == 1
    assert "cannot be read" in done.output
