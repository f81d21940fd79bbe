"""`make scaffold` writes plug-ins that work before anyone edits them."""

import ast
import shutil
import subprocess
import sys

import pytest

PLUGINS = "src/watchbell/plugins.py"
FOLDERS = ("checks", "channels", "webhooks", "sinks")


@pytest.fixture
def tree(repository, tmp_path):
    """The repository, linked but for what the command writes to."""
    for name in ("scripts/scaffold", "pyproject.toml", PLUGINS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    for entry in (repository / "src" / "watchbell").iterdir():
        target = tmp_path / "src" / "watchbell" / entry.name
        if entry.name in FOLDERS:
            target.mkdir()
            (target / "__init__.py").touch()
        elif not target.exists():
            target.symlink_to(entry)
    return tmp_path


def scaffold(tree, *arguments):
    command = [sys.executable, str(tree / "scripts" / "scaffold"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("kind", "folder"), [(folder.removesuffix("s"), folder) for folder in FOLDERS])
def test_one_file_one_line_and_a_test_that_passes(tree, repository, kind, folder):
    assert scaffold(tree, kind, "carrier_pigeon").returncode == 0
    source = tree / "src" / "watchbell" / folder / "carrier_pigeon.py"
    test = tree / "tests" / "unit" / folder / "test_carrier_pigeon.py"
    assert f'"carrier_pigeon": "watchbell.{folder}.carrier_pigeon:CarrierPigeon",' in (tree / PLUGINS).read_text()
    ast.parse((tree / PLUGINS).read_text())
    # Run against the real package, with the new module put beside its siblings by name only.
    runner = (
        "import importlib.util, sys, pytest;"
        f"spec = importlib.util.spec_from_file_location('watchbell.{folder}.carrier_pigeon', {str(source)!r});"
        "module = importlib.util.module_from_spec(spec); sys.modules[spec.name] = module;"
        "spec.loader.exec_module(module);"
        f"sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-c', {str(repository / 'pyproject.toml')!r},"
        f" '--rootdir', {str(tree)!r}, {str(test)!r}]))"
    )
    ran = subprocess.run([sys.executable, "-c", runner], capture_output=True, text=True, check=False, cwd=tree)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for path in (source, test):
        checked = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--no-cache", str(path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tree,
        )
        assert checked.returncode == 0, checked.stdout


def test_nothing_is_overwritten(tree):
    assert scaffold(tree, "check", "twice").returncode == 0
    before = (tree / PLUGINS).read_text()
    again = scaffold(tree, "check", "twice")
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert (tree / PLUGINS).read_text() == before


@pytest.mark.parametrize("arguments", [(), ("check",), ("toaster", "x"), ("check", "Bad-Name"), ("check", "../x")])
def test_wrong_usage_says_how(tree, arguments):
    ran = scaffold(tree, *arguments)
    assert ran.returncode == 2
    assert "KIND" in ran.stderr
