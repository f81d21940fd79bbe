"""`watchbell webhook try`: what an inbound format makes of one message. No server is needed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
import typer

from watchbell.cli.client import JsonOption
from watchbell.cli.output import plain, show_json
from watchbell.cli.serve import ConfigOption
from watchbell.cli.upkeep import settings_for
from watchbell.domain.errors import Fault, Faulty, Permanent
from watchbell.toolkit.placed_yaml import Placed, read_placed

if TYPE_CHECKING:
    from watchbell.domain.alerts.severity import Severities
    from watchbell.domain.webhooks.model import Format

PANEL = "Objects as files"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Inbound formats of one's own: try them on a message.")
    group.command("try")(attempt)
    # A group of one command is still a group.
    group.callback()(lambda: None)
    app.add_typer(group, name="webhook", rich_help_panel=PANEL)


def attempt(
    file: Annotated[Path, typer.Argument(help="YAML file with the format.")],
    payload: Annotated[Path, typer.Option("--payload", "-p", help="JSON file with the message.")],
    query: Annotated[list[str] | None, typer.Option("--query", "-q", help="`name=value` of the query string.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the alerts that a format makes of a message. Of the settings, it takes the severities.

    Example: watchbell webhook try shop.yaml --payload message.json
    """
    from watchbell.usecases.shaping import attempt as attempted

    severities = settings_for(config, None).alerts.scale()
    placed = _placed(file)
    pairs = [each.partition("=") for each in query or []]
    try:
        body = msgspec.json.decode(_text(payload))
    except msgspec.DecodeError as error:
        raise Faulty([Fault(field=str(payload), reason=f"is not JSON: {error}")]) from None
    try:
        given = _format(placed, file, severities)
        found = attempted(given, body, {name: value for name, _, value in pairs}, datetime.now(UTC), severities)
    except Faulty as error:
        raise Faulty([_located(fault, placed, file, payload) for fault in error.faults]) from None
    if as_json:
        return show_json(list(found.alerts))
    for alert in found.alerts:
        about = f"{alert['severity']}: {alert['event']} on {alert['resource']} in {alert['environment']}"
        typer.echo(plain(f"{about}  {alert.get('text', '')}".rstrip()))
    typer.echo("1 alert" if len(found.alerts) == 1 else f"{len(found.alerts)} alerts")
    return None


def _format(placed: Placed, file: Path, severities: "Severities") -> "Format":
    from watchbell.domain.webhooks.model import Format
    from watchbell.toolkit.objects import ObjectShapes

    data: Any = placed.data
    if not isinstance(data, Mapping):
        raise Faulty([Fault(field=str(file), reason="must be a format: an object with name and alert")])
    body = {name: value for name, value in cast("dict[str, Any]", data).items() if name != "kind"}
    found = ObjectShapes({}, severities=severities).read("webhook", body)
    assert isinstance(found, Format)  # noqa: S101 - it was read as one
    return found


def _placed(file: Path) -> Placed:
    try:
        return read_placed(_text(file))
    except Faulty as error:
        raise Faulty(
            [msgspec.structs.replace(fault, field=f"{file}, {fault.field}") for fault in error.faults]
        ) from None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Permanent(f"{file}: cannot be read: {error}") from None


def _located(fault: Fault, placed: Placed, file: Path, payload: Path) -> Fault:
    if fault.field.startswith("message."):
        return msgspec.structs.replace(fault, field=f"{payload}: {fault.field.removeprefix('message.')}")
    if fault.field == str(file):
        return fault
    return msgspec.structs.replace(fault, field=f"{file}:{placed.line_of(fault.field)}: {fault.field}")
