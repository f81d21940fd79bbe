"""The wheel: what is not Python (pages, migrations, templates) is in it, and nothing that belongs elsewhere."""

import subprocess
import sys
import zipfile

import pytest

from architecture.source import PACKAGE, REPOSITORY, relative, tracked_files


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = folder.glob("watchbell-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_file_of_the_package_is_in_the_wheel(wheel_names):
    ours = {relative(file).removeprefix("src/") for file in tracked_files() if file.is_relative_to(PACKAGE)}
    assert ours - wheel_names == set()


def test_the_built_pages_are_in_the_wheel(wheel_names):
    assert "watchbell/api/static/index.html" in wheel_names
    assert any(name.startswith("watchbell/api/static/assets/") for name in wheel_names)


def test_the_built_tag_is_in_the_wheel(wheel_names):
    built = {"divolte.js", "watchbell.js", "watchbell.mjs", "watchbell.d.mts"}
    assert {f"watchbell/collector/static/{name}" for name in built} <= wheel_names


def test_nothing_else_is_in_the_wheel(wheel_names):
    assert {name.split("/")[0].partition("-")[0] for name in wheel_names} == {"watchbell"}
    assert not [name for name in wheel_names if "__pycache__" in name or "node_modules" in name]


def test_the_command_and_the_licence_are_in_the_wheel(wheel_names):
    (information,) = {name.split("/")[0] for name in wheel_names if ".dist-info/" in name}
    assert {f"{information}/entry_points.txt", f"{information}/licenses/LICENSE"} <= wheel_names
