"""Size caps: what is too long to be read at once is too long."""

import ast

from architecture import exceptions
from architecture.source import REPOSITORY, functions, package_files, relative, tracked_files, tree_of

MODULE_LINES = 400
FUNCTION_LINES = 40
PORT_METHODS = 8

GENERATED = ("web/src/api/schema.d.ts",)


def _sources():
    kinds = {".py", ".ts", ".vue", ".css"}
    return [file for file in tracked_files() if file.suffix in kinds and relative(file) not in GENERATED]


def test_no_module_is_too_long():
    lengths = {relative(file): len(file.read_text().splitlines()) for file in _sources()}
    too_long = {name: length for name, length in lengths.items() if length > MODULE_LINES}
    assert too_long.keys() == exceptions.LONG_MODULES.keys(), too_long


def test_no_function_is_too_long():
    lengths = {
        f"{relative(file)}::{name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for file in package_files()
        for name, node in functions(file)
    }
    too_long = {name: length for name, length in lengths.items() if length > FUNCTION_LINES}
    assert too_long.keys() == exceptions.LONG_FUNCTIONS.keys(), too_long


def test_no_port_is_too_wide():
    widths: dict[str, int] = {}
    for file in (REPOSITORY / "src" / "watchbell" / "ports").rglob("*.py"):
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases):
                methods = [m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)]
                widths[f"{relative(file)}::{node.name}"] = len(methods)
    assert widths, "no port found"
    too_wide = {name: width for name, width in widths.items() if width > PORT_METHODS}
    assert too_wide.keys() == exceptions.WIDE_PORTS.keys(), too_wide
