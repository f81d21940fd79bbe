"""What commands print: tables for people, tabs for pipes, JSON for programs.

Texts of others (alerts, summaries) may be hostile: control characters are replaced, so that no text can move the cursor
or colour the screen.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import typer

STYLES = {
    "security": "blue",
    "critical": "bold red",
    "major": "red",
    "minor": "yellow",
    "warning": "cyan",
    "ok": "green",
    "normal": "green",
    "unknown": "magenta",
}


def plain(value: Any) -> str:
    """A value as one line of harmless text."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, cast("list[Any]", value)))
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else " " if c in "\n\t\r" else "\ufffd" for c in text)


def lines(text: str) -> str:
    """A text of several lines, made harmless."""
    return "\n".join(plain(line) for line in text.splitlines())


def moment(milliseconds: int) -> str:
    """Milliseconds since 1970 as people and programs read them: ISO 8601 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_json(value: Any) -> None:
    """Print JSON for programs."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_rows(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on a terminal, lines with tabs elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(plain(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(plain(cell), style=STYLES.get(str(cell), "")) for cell in row))
    Console().print(table)


def styled(text: str, style: str) -> str:
    """Coloured on a terminal, plain elsewhere."""
    return typer.style(text, fg=style) if sys.stdout.isatty() else text
