"""`watchbell archive`: alerts that are over, listed, searched, shown and written to a file. A client of the API."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from watchbell.cli.client import Api, JsonOption, KeyOption, UrlOption, api, segment
from watchbell.cli.output import lines, plain, show_json, show_rows
from watchbell.domain.errors import Permanent

PAGE = 1000
"""Rows that the API gives at once, at most."""
archive_app = typer.Typer(no_args_is_help=True, help="Alerts that are over.")


class Form(StrEnum):
    """What a file holds."""

    CSV = "csv"
    JSON = "json"


From = Annotated[str | None, typer.Option("--from", help="Opened then or later, such as 2026-10-01T00:00:00Z.")]
To = Annotated[str | None, typer.Option("--to", help="Opened before then.")]
Environments = Annotated[list[str] | None, typer.Option("--environment", "-E", help="Environment; may be repeated.")]
Services = Annotated[list[str] | None, typer.Option("--service", "-S", help="Service; may be repeated.")]
Resources = Annotated[list[str] | None, typer.Option("--resource", "-r", help="Resource; may be repeated.")]
Events = Annotated[list[str] | None, typer.Option("--event", "-e", help="Event; may be repeated.")]
Severities = Annotated[
    list[str] | None, typer.Option("--severity", "-s", help="The highest that it had; may be repeated.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1, max=100_000)]
Search = Annotated[
    str | None, typer.Option("--search", "-q", help="Words that are all in resource, event, text, value, tags …")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for name, command in (("list", listed), ("search", search), ("show", show), ("export", export)):
        archive_app.command(name)(command)
    app.add_typer(archive_app, name="archive", rich_help_panel="Alerts")


def listed(  # noqa: PLR0917 - Typer takes options by position
    since: From = None,
    before: To = None,
    environment: Environments = None,
    service: Services = None,
    resource: Resources = None,
    event: Events = None,
    severity: Severities = None,
    limit: Limit = 50,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts that are over, the newest first by when they opened.

    Example: watchbell archive list -S shop -s critical --from 2026-10-01T00:00:00Z
    """
    chosen = _chosen(since, before, environment, service, resource, event, severity)
    _show_pages(api(url, key), chosen, limit, as_json=as_json)


def search(  # noqa: PLR0917 - Typer takes options by position
    words: Annotated[list[str], typer.Argument(help="All of them must be in resource, event, text, value, tags …")],
    since: From = None,
    before: To = None,
    environment: Environments = None,
    service: Services = None,
    resource: Resources = None,
    event: Events = None,
    severity: Severities = None,
    limit: Limit = 50,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find alerts that are over by words; small letters and capitals are one.

    Example: watchbell archive search disk full -E Production
    """
    chosen = _chosen(since, before, environment, service, resource, event, severity, " ".join(words))
    _show_pages(api(url, key), chosen, limit, as_json=as_json)


def show(
    name: Annotated[str, typer.Argument(help="Id in the archive, or the one that it had as an alert.")],
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an alert that is over, with its history.

    Example: watchbell archive show 1f6b2c3d-09a1-4f0e-8f3a-5d1c2b7e9a10
    """
    alert: dict[str, Any] = api(url, key).get(f"/api/archive/{segment(name)}")["alert"]
    if as_json:
        show_json(alert)
        return
    history: list[dict[str, Any]] = alert.pop("history")
    for field, value in alert.items():
        if value not in (None, "", [], {}):
            typer.echo(f"{field}: {plain(value)}")
    typer.echo("")
    shown = ("updateTime", "type", "severity", "status", "user", "text")
    show_rows(
        ("When", "What", "Severity", "Status", "By", "Text"), [[line[each] for each in shown] for line in history]
    )


def export(  # noqa: PLR0917 - Typer takes options by position
    form: Annotated[Form, typer.Option("--format", "-f", help="csv, for spreadsheets, or json.")] = Form.CSV,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; without it, print.")] = None,
    since: From = None,
    before: To = None,
    environment: Environments = None,
    service: Services = None,
    resource: Resources = None,
    event: Events = None,
    severity: Severities = None,
    words: Search = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write all that match to a file, the newest first. A file that is there is replaced when the new one is whole.

    Example: watchbell archive export --format csv --service shop -o shop.csv
    """
    chosen = [*_chosen(since, before, environment, service, resource, event, severity, words), ("format", form.value)]
    server = api(url, key)
    if output is not None:
        _save(server, chosen, output)
    elif sys.stdout.isatty():
        pieces: list[bytes] = []
        server.download("/api/archive/export", chosen, pieces.append)
        typer.echo(lines(b"".join(pieces).decode(errors="replace")))
    else:
        server.download("/api/archive/export", chosen, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()


def _save(server: Api, chosen: list[tuple[str, str]], output: Path) -> None:
    partial = output.with_name(f"{output.name}.partial")
    try:
        with partial.open("wb") as file:
            server.download("/api/archive/export", chosen, file.write)
        partial.replace(output)
    except OSError as error:
        raise Permanent(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    typer.echo(f"wrote {output}", err=True)


def _chosen(
    since: str | None,
    before: str | None,
    environments: Sequence[str] | None,
    services: Sequence[str] | None,
    resources: Sequence[str] | None,
    events: Sequence[str] | None,
    severities: Sequence[str] | None,
    words: str | None = None,
) -> list[tuple[str, str]]:
    """The parameters that the API takes."""
    single = (("from", since), ("to", before), ("search", words))
    several = {
        "environment": environments,
        "service": services,
        "resource": resources,
        "event": events,
        "severity": severities,
    }
    pairs = [(name, value) for name, value in single if value]
    return pairs + [(name, value) for name, values in several.items() for value in values or ()]


def _show_pages(server: Api, chosen: list[tuple[str, str]], limit: int, *, as_json: bool) -> None:
    found: list[dict[str, Any]] = []
    cursor, more = "", True
    while more and len(found) < limit:
        place = [("limit", str(min(limit - len(found), PAGE))), *([("cursor", cursor)] if cursor else [])]
        answer = server.get("/api/archive", [*chosen, *place])
        found += answer["alerts"]
        cursor, more = answer["cursor"] or "", answer["more"]
    if as_json:
        show_json(found)
        return
    shown = ("id", "highestSeverity", "openTime", "resolveTime", "environment", "service", "resource", "event", "text")
    headings = ("Id", "Severity", "Opened", "Resolved", "Environment", "Service", "Resource", "Event", "Text")
    show_rows(headings, [[alert[field] for field in shown] for alert in found])
    if more:
        typer.echo(f"the newest {len(found)}; say --limit for more", err=True)
