"""Documentation: all settings, plug-ins and commands are in the reference, and what guides point at is there."""

import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.source import PACKAGE, REPOSITORY, relative, tracked_files
from watchbell.config import SECTIONS, setting_names
from watchbell.plugins import BUILT_IN, table
from watchbell.toolkit.settings import fields_of

REFERENCE = REPOSITORY / "docs" / "reference"
GUIDES = [file for file in tracked_files() if file.suffix == ".md" and not file.is_relative_to(REPOSITORY / "web")]
TOP = {path.name for path in REPOSITORY.iterdir()} | {"deploy", "docs", "benchmarks"}
INSIDE = {path.name for path in PACKAGE.iterdir()}
# Made by setup or by running it, or another system's; named in guides, absent from the tree.
BUILT = r"\.venv|watchbell-data|web/node_modules|src/watchbell/(api|collector)/static"
MADE = re.compile(rf"^({BUILT})(/|$)|^(watchbell\.toml|alertad\.conf)$")


def reference() -> str:
    """All pages of the reference as one text."""
    return "\n".join(page.read_text() for page in sorted(REFERENCE.rglob("*.md")))


def test_every_setting_is_documented():
    text = reference()
    assert [name for name in setting_names() if f"`{name}`" not in text] == []


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_plugin_and_its_settings_are_documented(kind):
    page = (REFERENCE / f"{kind.replace('_', '-')}s.md").read_text()
    for name, plugin in table(kind).items():
        _, found, section = page.partition(f"## `{name}`\n")
        assert found, f"{kind} {name} has no section"
        section = section.partition("\n## ")[0]
        fields = fields_of(plugin.Config) if hasattr(plugin, "Config") else ()
        assert [field.name for field in fields if f"`{field.name}`" not in section] == []


def test_every_command_is_documented():
    text = reference()
    assert [command for command in _commands() if f"## `{command}`" not in text] == []


def _commands() -> Iterator[str]:
    import typer.main

    from watchbell.cli import app

    def walk(command, name: str) -> Iterator[str]:
        children = getattr(command, "commands", None)
        if not children:
            yield name
            return
        for child_name, child in children.items():
            if not child.hidden:
                yield from walk(child, f"{name} {child_name}")

    yield from walk(typer.main.get_command(app), "watchbell")


@pytest.mark.parametrize("guide", GUIDES, ids=relative)
def test_every_path_that_a_guide_names_exists(guide: Path):
    text = re.sub(r"^```.*?^```", "", guide.read_text(), flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", text)
    missing = [span for span in spans if _looks_like_a_path(span) and not _exists(span, guide)]
    assert missing == []


@pytest.mark.parametrize("guide", GUIDES, ids=relative)
def test_every_link_within_the_tree_leads_somewhere(guide: Path):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", guide.read_text())
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (guide.parent / target).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=relative)
def test_every_setting_that_a_guide_names_is_there(guide: Path):
    text = guide.read_text()
    outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([a-z_]+\.[a-z_]+)(?: = [^`\n]*)?`", outside)
    for block in re.findall(r"^( *)```toml\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE):
        for key, value in tomllib.loads(textwrap.dedent(block[1])).items():
            named += [f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key]
    known = set(setting_names())
    settings = [name for name in named if name.partition(".")[0] in SECTIONS or "." not in name]
    assert [name for name in settings if name not in known and not name.endswith((".py", ".md"))] == []


def _looks_like_a_path(span: str) -> bool:
    if not re.fullmatch(r"[\w.@-]+(/[\w.@-]+)*/?(:\w+)?", span) or MADE.match(span):
        return False
    first, *rest = span.partition(":")[0].rstrip("/").split("/")
    if rest or span.endswith("/"):
        return first in TOP or first in INSIDE
    return re.search(r"\.(py|md|toml|lock|sh|conf|service|ts|vue)$", first) is not None


def _exists(span: str, guide: Path) -> bool:
    path = span.partition(":")[0]
    if "/" not in path:  # a file's bare name, in a text that says elsewhere which folder it speaks of
        return any(file.name == path for file in tracked_files())
    return any((folder / path).exists() for folder in (REPOSITORY, PACKAGE, guide.parent, REPOSITORY / "web"))
