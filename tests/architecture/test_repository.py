"""The tree itself: locks hold hashes and no addresses, and nothing speaks of the machine that it was made on."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from architecture.source import REPOSITORY, package_files, relative, tracked_files, tree_of

LOCKS = ("requirements.lock", "requirements-dev.lock")
# Put together here, so that this file does not hold them.
REGISTRIES = ["py" + "pi.org", "pythonhosted" + ".org", "registry." + "npmjs", "registry." + "yarnpkg"]
MACHINE = ["/ro" + "ot/", *(f"{folder}/" for folder in (REPOSITORY, Path.home()) if len(folder.parts) > 2)]
"""Where this checkout and its user live; a folder right below the top has too common a name to look for."""


def requirements(name: str) -> dict[str, str]:
    """Read a lock: package → its whole entry."""
    entries = re.split(r"\n(?=\S)", (REPOSITORY / name).read_text().replace("\\\n", " "))
    return {re.split(r"[=\[; ]", entry, maxsplit=1)[0]: entry for entry in entries if entry.strip()}


@pytest.mark.parametrize("name", LOCKS)
def test_python_locks_pin_and_hash_every_package(name):
    locked = requirements(name)
    assert locked
    wrong = [package for package, entry in locked.items() if "==" not in entry or "--hash=sha256:" not in entry]
    assert wrong == []


@pytest.mark.parametrize("name", LOCKS)
def test_python_locks_hold_no_addresses(name):
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links| @ ", (REPOSITORY / name).read_text()) == []


def test_what_is_declared_is_locked():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    runtime = {_name(line) for line in project["project"]["dependencies"]}
    development = {_name(line) for line in project["dependency-groups"]["dev"]}
    assert runtime <= requirements("requirements.lock").keys()
    assert runtime | development <= requirements("requirements-dev.lock").keys()


def test_what_is_imported_is_declared():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    declared = {_name(line) for line in project["project"]["dependencies"]} | {"watchbell"}
    imported = {name for file in package_files() for name in _imports(tree_of(file))} - sys.stdlib_module_names
    offered = {module: {_normal(name) for name in names} for module, names in packages_distributions().items()}
    offered["watchbell"] = {"watchbell"}
    assert {module for module in imported if not offered.get(module, set()) & declared} == set()


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(a.value).partition(".")[0] for a in node.args if isinstance(a, ast.Constant))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_tests_run_with_what_is_shipped():
    shipped, tested = requirements("requirements.lock"), requirements("requirements-dev.lock")
    assert {name for name in shipped if _version(shipped[name]) != _version(tested.get(name, ""))} == set()


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=; ]", requirement, maxsplit=1)[0]


def _version(entry: str) -> str:
    found = re.search(r"==(\S+)", entry)
    return found.group(1) if found else ""


def test_npm_lock_holds_hashes_and_no_addresses():
    packages = json.loads((REPOSITORY / "web" / "package-lock.json").read_text())["packages"]
    installed = {name: entry for name, entry in packages.items() if name}
    assert [name for name, entry in installed.items() if "integrity" not in entry] == []
    assert [name for name, entry in installed.items() if "resolved" in entry] == []


def test_no_file_names_a_registry_or_this_machine():
    found = [
        f"{relative(file)}: {word}"
        for file in tracked_files()
        for word in (*REGISTRIES, *MACHINE)
        if word.encode() in file.read_bytes()
    ]
    assert found == []


def test_scripts_can_be_run():
    scripts = [file for file in tracked_files() if relative(file).startswith(("scripts/", ".ci/"))]
    runnable = [file for file in scripts if file.read_bytes().startswith(b"#!")]
    assert runnable
    assert [relative(file) for file in runnable if not file.stat().st_mode & 0o100] == []


def test_the_licence_is_apache_2():
    assert "Apache License\n" in (REPOSITORY / "LICENSE").read_text()
    assert tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"
