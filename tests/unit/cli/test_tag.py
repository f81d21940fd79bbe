"""`watchbell tag`: what it prints loads the script that the collector serves."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from watchbell.cli import app
from watchbell.collector import tag
from watchbell.collector.sources import BrowserSource


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Settings with two browser sources and one of another type."""
    path = tmp_path / "watchbell.toml"
    path.write_text(
        '[collector]\nbase_url = "https://events.example.org/"\n'
        '[collector.sources.web]\ntype = "browser"\n'
        '[collector.sources.shop]\ntype = "browser"\nprefix = "/shop"\nconsent = "pending"\n'
        '[collector.sources.more]\ntype = "batch"\n'
    )
    return path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["tag", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_each_browser_source_has_its_element(file):
    output = run("--config", str(file))
    made = tag.Tag(BrowserSource())
    integrity = made.scripts[made.versioned].integrity
    address = f"https://events.example.org{made.versioned}"
    assert f'<script src="{address}" integrity="{integrity}" crossorigin="anonymous" async></script>' in output
    assert '<script src="https://events.example.org/shop/watchbell.js" async></script>' in output
    assert len(re.findall("integrity", output)) == 2


def test_programs_read_json_and_the_address_may_be_another(file):
    tags = json.loads(run("--json", "--url", "https://t.example", "--config", str(file)))["tags"]
    assert [one["source"] for one in tags] == ["web", "shop"]
    assert all(one["script"].startswith("https://t.example/") for one in tags)
    assert tags[0]["integrity"] != tags[1]["integrity"]


def test_without_a_browser_source_there_is_nothing_to_print(tmp_path):
    path = tmp_path / "watchbell.toml"
    path.write_text('[collector.sources.more]\ntype = "batch"\n')
    done = CliRunner().invoke(app, ["tag", "--config", str(path)])
    assert done.exit_code == 1
    assert "no source of the type browser" in done.output
