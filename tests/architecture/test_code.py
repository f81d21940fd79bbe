"""Rules about the code that no linter has: broad catches, the environment, what an import may do."""

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from architecture import exceptions
from architecture.source import PACKAGE, package_files, relative, tree_of

TASK_EDGE = re.compile(r"#\s*task edge: \S+")


def test_broad_catches_stand_at_a_task_edge_and_say_why():
    broad = {"Exception", "BaseException"}
    wrong: list[str] = []
    for file in package_files():
        lines = file.read_text().splitlines()
        for node in ast.walk(tree_of(file)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            if isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None:
                continue  # cleans up and lets the error go on
            caught = {ast.unparse(name) for name in _caught(node.type)}
            if (node.type is None or caught & broad) and not TASK_EDGE.search(lines[node.lineno - 1]):
                wrong.append(f"{relative(file)}:{node.lineno}")
    assert not wrong, "these catch everything without `# task edge: <why>`"


def _caught(expression: ast.expr | None) -> list[ast.expr]:
    if expression is None:
        return []
    return expression.elts if isinstance(expression, ast.Tuple) else [expression]


def test_only_the_settings_read_the_environment():
    readers = {relative(file) for file in package_files() if any(_environment_reads(tree_of(file)))}
    assert readers <= exceptions.READS_ENVIRONMENT.keys()


def test_nothing_reads_the_environment_on_import():
    wrong = [relative(file) for file in package_files() if any(_environment_reads(tree_of(file), deep=False))]
    assert not wrong


def _environment_reads(node: ast.AST, *, deep: bool = True) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not deep and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Attribute) and ast.unparse(child) in {"os.environ", "os.getenv", "os.environb"}:
            yield child
        yield from _environment_reads(child, deep=deep)


def test_importing_opens_no_socket_starts_no_program_and_writes_no_file(tmp_path: Path):
    modules = [_module_name(file) for file in package_files() if "migrations" not in file.parts]
    script = textwrap.dedent(
        """
        import importlib, json, os, sys
        seen = []
        def watch(event, arguments):
            if event in {"socket.bind", "socket.connect", "subprocess.Popen", "os.system", "os.exec"}:
                seen.append([event, repr(arguments)])
            elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
                seen.append([event, repr(arguments[0])])
        sys.dont_write_bytecode = True
        names = json.load(sys.stdin)
        sys.addaudithook(watch)
        for name in names:
            before = len(seen)
            importlib.import_module(name)
            for found in seen[before:]:
                found.append(name)
        json.dump(seen, sys.stdout)
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def _module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_says_what_it_owns():
    silent = [relative(file) for file in package_files() if not ast.get_docstring(tree_of(file))]
    assert not silent


def test_no_file_is_named_utils():
    wrong = [relative(file) for file in package_files() if file.stem in {"utils", "util", "helpers", "misc", "common"}]
    assert not wrong


def test_a_command_loads_only_what_it_needs():
    """Whoever types a command waits for what is imported before it begins."""
    code = "import json, sys, watchbell.cli; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    heavy = {"aiohttp", "alembic", "cel", "duckdb", "jinja2", "litestar", "pyarrow", "sqlalchemy"}
    assert not heavy & set(json.loads(done.stdout))


def test_a_command_on_the_store_loads_no_server():
    """Nor the languages of rules and mappings, and what migrates a database that needs it."""
    modules = "watchbell.cli, watchbell.bootstrap.direct, watchbell.api.rows, watchbell.adapters.store.migrations"
    code = f"import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    heavy = {"alembic", "cel", "duckdb", "granian", "jinja2", "litestar", "pyarrow"}
    assert not heavy & set(json.loads(done.stdout))


def test_a_role_loads_nothing_that_its_settings_may_never_want():
    """What is loaded takes time at each start and memory in each process."""
    modules = "watchbell.bootstrap.single, watchbell.bootstrap.nodes"
    code = f"import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    heavy = {"alembic", "cel", "confluent_kafka", "duckdb", "joserfc", "ldap3", "numpy", "pyarrow", "saml2"}
    assert not heavy & set(json.loads(done.stdout))
