"""`watchbell mapping test|try`: the unit tests of a mapping, and what it makes of one event. No server is needed."""

from collections.abc import Mapping as AbstractMapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
import typer

from watchbell.cli.client import JsonOption
from watchbell.cli.output import plain, show_json, styled
from watchbell.domain.errors import Fault, Faulty, Permanent
from watchbell.toolkit.placed_yaml import Placed, read_placed

if TYPE_CHECKING:
    from watchbell.domain.events.mapping.model import Mapping
    from watchbell.usecases.trying import CaseResult

PANEL = "Objects as files"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Mappings: run their unit tests, try them on an event.")
    group.command("test")(run_cases)
    group.command("try")(attempt)
    app.add_typer(group, name="mapping", rich_help_panel=PANEL)


def run_cases(
    files: Annotated[list[Path], typer.Argument(help="YAML files, each with a `mapping` and its `cases`.")],
    as_json: JsonOption = False,
) -> None:
    """Run the unit tests of mappings. Ends with 1 when one fails.

    Example: watchbell mapping test tests/shop.yaml
    """
    failed = 0
    shown: list[dict[str, Any]] = []
    for file in files:
        results = _run(file)
        failed += sum(bool(each.faults) for each in results)
        shown += [{"file": str(file), **msgspec.to_builtins(each)} for each in results]
        if not as_json:
            _show(file, results)
    if as_json:
        show_json(shown)
    else:
        typer.echo(f"{len(shown) - failed} passed, {failed} failed")
    if failed:
        raise typer.Exit(1)


def attempt(
    file: Annotated[Path, typer.Argument(help="YAML file with the mapping.")],
    event: Annotated[Path, typer.Option("--event", "-e", help="YAML or JSON file with the event.")],
    divolte: Annotated[
        bool, typer.Option("--divolte", help="The event is written for Divolte's mapping-test-server.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a mapping makes of one event: the steps that were taken, and the record.

    Example: watchbell mapping try shop.yaml --event event.json
    """
    from watchbell.bootstrap.trying import trying

    data = _placed(event).data
    if divolte and isinstance(data, dict):
        from watchbell.importers.divolte.cases import example_of

        data = example_of(cast("dict[str, Any]", data))
    found = trying().attempt(_mapping(file), data)
    if as_json:
        return show_json(msgspec.to_builtins(found))
    for step in found.steps:
        value = "" if step.value is None else f" = {msgspec.json.encode(step.value).decode()}"
        problem = f"  ({step.problem})" if step.problem else ""
        typer.echo(plain(f"{step.place}: {step.what}{value}{problem}"))
    if found.record is None:
        typer.echo(plain(f"no record: {found.why}"))
        return None
    return show_json(found.record)


def _run(file: Path) -> "list[CaseResult]":
    from watchbell.bootstrap.trying import trying

    placed = _placed(file)
    given: Any = placed.data
    if not isinstance(given, dict) or "mapping" not in given or not isinstance(given.get("cases"), list):  # pyright: ignore[reportUnknownMemberType]
        raise Faulty([Fault(field=str(file), reason="must have `mapping` (a file, or the mapping itself) and `cases`")])
    content = cast("dict[str, Any]", given)
    inside = content["mapping"]
    mapping = _mapping(file.parent / inside) if isinstance(inside, str) else _read(inside, placed, file, "mapping")
    try:
        return trying().run_cases(mapping, content["cases"])
    except Faulty as error:
        raise Faulty([_located(fault, placed, file) for fault in error.faults]) from None


def _mapping(file: Path) -> "Mapping":
    placed = _placed(file)
    return _read(placed.data, placed, file, "")


def _read(data: Any, placed: Placed, file: Path, around: str) -> "Mapping":
    from watchbell.domain.events.mapping.model import Mapping
    from watchbell.toolkit.objects import ObjectShapes

    if not isinstance(data, AbstractMapping):
        raise Faulty([Fault(field=str(file), reason="must be a mapping: an object with name, schema and steps")])
    body = {name: value for name, value in cast("dict[str, Any]", data).items() if name != "kind"}
    try:
        found = ObjectShapes({}).read("mapping", body)
    except Faulty as error:
        prefix = f"{around}." if around else ""
        faults = [msgspec.structs.replace(fault, field=f"{prefix}{fault.field}") for fault in error.faults]
        raise Faulty([_located(fault, placed, file) for fault in faults]) from None
    assert isinstance(found, Mapping)  # noqa: S101 - it was read as one
    return found


def _placed(file: Path) -> Placed:
    try:
        return read_placed(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Permanent(f"{file}: cannot be read: {error}") from None
    except Faulty as error:
        raise Faulty(
            [msgspec.structs.replace(fault, field=f"{file}, {fault.field}") for fault in error.faults]
        ) from None


def _located(fault: Fault, placed: Placed, file: Path) -> Fault:
    return msgspec.structs.replace(fault, field=f"{file}:{placed.line_of(fault.field)}: {fault.field}")


def _show(file: Path, results: "list[CaseResult]") -> None:
    for result in results:
        word = styled("failed", "red") if result.faults else styled("passed", "green")
        typer.echo(f"{word}  {plain(f'{file}: {result.name}')}")
        for fault in result.faults:
            typer.echo(f"        {plain(fault)}")
