"""Plug-ins: folder, table, documentation and the layers' contract agree."""

import tomllib
from types import SimpleNamespace

import pytest

from architecture.source import PACKAGE, REPOSITORY
from watchbell.plugins import BUILT_IN, GROUPS, table
from watchbell.toolkit.settings import docstrings

# The kinds of plug-in that DESIGN names, by folder. A folder that does not exist yet has nothing to agree with.
KINDS = ("alert_plugins", "checks", "channels", "webhooks", "sinks", "importers")
FOLDERS = [name for name in KINDS if (PACKAGE / name).is_dir()]
CASES = [
    SimpleNamespace(kind=kind, name=name, where=where) for kind in BUILT_IN for name, where in BUILT_IN[kind].items()
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_file_is_one_line_in_the_table(folder):
    files = {file.stem for file in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    files |= {file.parent.name for file in (PACKAGE / folder).glob("*/__init__.py")}
    listed = BUILT_IN[folder.removesuffix("s")]
    modules = {where.partition(":")[0].removeprefix(f"watchbell.{folder}.") for where in listed.values()}
    assert files == modules == set(listed)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_kind_has_a_folder_and_an_entry_point_group(kind):
    assert f"{kind}s" in FOLDERS
    assert GROUPS[kind] == f"watchbell.{kind}s"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.name}")
def test_class_config_and_docs_stand_in_one_file(case):
    plugin = table(case.kind)[case.name]
    assert plugin.__module__ == case.where.partition(":")[0]
    assert plugin.__doc__
    config = getattr(plugin, "Config", None)
    if config is not None:
        assert config.__module__ == plugin.__module__
        documented = docstrings(config)
        assert [name for name in config.__struct_fields__ if not documented.get(name)] == []


def test_all_kinds_are_independent_of_each_other():
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (independence,) = (contract for contract in contracts if contract["id"] == "plugins")
    assert set(independence["modules"]) == {f"watchbell.{folder}.*" for folder in FOLDERS}
