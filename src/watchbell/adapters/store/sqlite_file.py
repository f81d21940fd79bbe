"""The file of a SQLite database, looked at without touching it: a look through SQLite itself would write beside it."""

import os
from pathlib import Path

from watchbell.adapters.store.sql.store import parse_url

_BEGINS = b"SQLite format 3\0"


def file_of(url: str) -> Path | None:
    """Where the database is; None when it is of another kind, or in memory.

    Raises:
        Invalid: it is no URL of a store.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database))


def fault_of(path: Path) -> str:
    """Why the database there cannot be used; "" when it can, or can be made."""
    try:
        if path.exists():
            with path.open("rb") as file:
                begins = file.read(len(_BEGINS))
            if begins not in {b"", _BEGINS}:
                return "it is no SQLite database"
            return "" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "it may not be written"
        there = next(parent for parent in path.absolute().parents if parent.exists())
        if not there.is_dir():
            return f"{there} is no folder"
        return "" if os.access(there, os.W_OK | os.X_OK) else f"nothing may be made in {there}"
    except OSError as error:
        return error.strerror or str(error)
