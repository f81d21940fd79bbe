"""Dumps that `pg_dump` made: plain SQL, compressed by gzip or not, and the archives that `pg_restore` reads.

Nothing of a dump is executed: only the lines of COPY are read. `pg_restore` turns an archive into them, and is given no
database.
"""

import gzip
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, Protocol, cast

from watchbell.domain.errors import Permanent

LONGEST_LINE = 16 << 20
"""Bytes of one row; what is longer is refused without being read as a whole."""
_GZIP = b"\x1f\x8b"
_ARCHIVES = (b"PGDMP", b"toc.dat")
_CONTENTS = "toc.dat"
_NAME = rb'("(?:[^"]|"")+"|[^\s".(]+)'
_COPY = re.compile(rb"COPY (?:" + _NAME + rb"\.)?" + _NAME + rb" \((.*)\) FROM stdin;\s*$")
_INSERT = re.compile(rb"INSERT INTO (?:" + _NAME + rb"\.)?" + _NAME + rb" ")
_ENCODING = re.compile(rb"SET client_encoding = '([A-Za-z0-9_-]+)';")
_LISTED = re.compile(r"\d+; \d+ \d+ TABLE DATA (\S+) (\S+) ")
_PROGRAM = "pg_restore"

Table = tuple[str, str]
"""Schema and name."""


class Part(NamedTuple):
    """Where the rows of a table stand. `rows` is -1 when nobody has counted them."""

    columns: tuple[str, ...]
    offset: int
    rows: int


class Dump(Protocol):
    """Which tables there are, and their rows."""

    @property
    def tables(self) -> Mapping[Table, int]:
        """How many rows each has; -1 where nobody has counted them."""
        ...

    def rows(self, table: Table) -> Iterator[tuple[tuple[str, ...], str | None]]:
        """Columns and line of each row, without its end; None for a line that is too long or no UTF-8."""
        ...


def open_dump(file: Path) -> Dump:
    """The dump in a file.

    Raises:
        Permanent: it cannot be read, or is none.
    """
    try:
        if (file / _CONTENTS).is_file():
            return Archive(file)
        with file.open("rb") as opened:
            begins = opened.read(8)
        if begins.startswith(_ARCHIVES):
            return Archive(file)
        return Plain(file, compressed=begins.startswith(_GZIP))
    except (OSError, EOFError) as error:
        raise Permanent(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


class Plain:
    """Plain SQL. It is read once to find the tables, whatever order they have."""

    def __init__(self, file: Path, *, compressed: bool) -> None:
        self._file = file
        self._compressed = compressed
        with self._open() as lines:
            self._parts = _find(lines, file)
        self.tables: Mapping[Table, int] = {table: part.rows for table, part in self._parts.items()}

    def rows(self, table: Table) -> Iterator[tuple[tuple[str, ...], str | None]]:
        part = self._parts[table]
        with self._open() as lines:
            lines.seek(part.offset)
            for line in _until_end(lines, self._file):
                yield part.columns, line

    @contextmanager
    def _open(self) -> Generator[IO[bytes]]:
        try:
            with gzip.open(self._file) if self._compressed else self._file.open("rb") as lines:
                yield cast("IO[bytes]", lines)
        except (OSError, EOFError) as error:
            raise Permanent(f"{self._file}: cannot be read: {error}") from error


class Archive:
    """An archive of PostgreSQL's own (`pg_dump -Fc`), read through `pg_restore`."""

    def __init__(self, file: Path) -> None:
        program = shutil.which(_PROGRAM)
        if program is None:
            raise Permanent(
                f"{file}: is an archive of pg_dump, and to read it takes the program {_PROGRAM}, which is not here. "
                "Install PostgreSQL's client programs (Debian: postgresql-client), or make a plain dump with pg_dump."
            )
        self._file = file
        self._program = program
        with self._run("--list") as lines:
            listed = [_LISTED.match(line.decode("utf-8", "replace")) for line in lines]
        self.tables: Mapping[Table, int] = {(str(found[1]), str(found[2])): -1 for found in listed if found}

    def rows(self, table: Table) -> Iterator[tuple[tuple[str, ...], str | None]]:
        schema, name = table
        with self._run("--data-only", f"--schema={schema}", f"--table={name}", "--file=-") as lines:
            encoding = _Encoding(self._file)
            while line := lines.readline(LONGEST_LINE):
                encoding.look(line)
                found = _COPY.match(line)
                if found is not None:
                    columns = _columns(found[3])
                    for row in _until_end(lines, self._file):
                        yield columns, row

    @contextmanager
    def _run(self, *options: str) -> Generator[IO[bytes]]:
        command = [self._program, *options, "--", str(self._file)]
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as run,
        ):
            assert run.stdout is not None  # noqa: S101 - it is a pipe
            try:
                yield run.stdout
                if not run.stdout.read(1) and run.wait():
                    said.seek(0)
                    why = said.read(4096).decode("utf-8", "replace").strip()
                    raise Permanent(f"{self._file}: {_PROGRAM} cannot read it: {why}")
            finally:
                run.kill()


class _Encoding:
    """Sees to it that the dump is in UTF-8."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def look(self, line: bytes) -> None:
        found = _ENCODING.match(line)
        if found is not None and found[1].upper() not in {b"UTF8", b"UTF-8", b"SQL_ASCII"}:
            name = found[1].decode()
            raise Permanent(f"{self._file}: is in {name}. Make it in UTF-8: pg_dump --encoding=UTF8.")


def _find(lines: IO[bytes], file: Path) -> dict[Table, Part]:
    """The tables of a plain dump, with how many rows they have."""
    found: dict[Table, Part] = {}
    encoding = _Encoding(file)
    inserts = False
    while line := lines.readline(LONGEST_LINE):
        encoding.look(line)
        inserts = inserts or _INSERT.match(line) is not None
        copy = _COPY.match(line)
        if copy is None:
            continue
        offset, rows = lines.tell(), sum(1 for _ in _raw_until_end(lines, file))
        schema, name = _unquoted(copy[1] or b"public"), _unquoted(copy[2])
        found[schema, name] = Part(_columns(copy[3]), offset, rows)
    if inserts and not found:
        raise Permanent(f"{file}: was made with --inserts. Make it without: pg_dump writes COPY then.")
    return found


def _raw_until_end(lines: IO[bytes], file: Path) -> Iterator[bytes]:
    """The lines of a table; one that is too long comes cut."""
    while True:
        line = lines.readline(LONGEST_LINE)
        if line.rstrip(b"\r\n") == b"\\.":
            return
        if not line:
            raise Permanent(f"{file}: ends in the middle of a table")
        yield line
        while not line.endswith(b"\n"):
            line = lines.readline(LONGEST_LINE)
            if not line:
                raise Permanent(f"{file}: ends in the middle of a table")


def _until_end(lines: IO[bytes], file: Path) -> Iterator[str | None]:
    for line in _raw_until_end(lines, file):
        try:
            yield line.decode("utf-8").removesuffix("\n").removesuffix("\r") if line.endswith(b"\n") else None
        except UnicodeDecodeError:
            yield None


def _columns(listed: bytes) -> tuple[str, ...]:
    return tuple(_unquoted(name.strip()) for name in listed.split(b","))


def _unquoted(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
