"""`watchbell plan`, `apply` and `export`: objects as files, by the API, or on the store with --config."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from watchbell.cli.client import JsonOption, KeyOption, UrlOption, api
from watchbell.cli.files import Placed, documents, located, read_objects, write_objects
from watchbell.cli.output import plain, show_json, styled
from watchbell.cli.serve import ConfigOption, DataOption
from watchbell.domain.errors import Fault, Faulty

PANEL = "Objects as files"
SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
T = TypeVar("T")

Folder = Annotated[Path, typer.Argument(help="File or folder with YAML.")]
PruneOption = Annotated[
    bool, typer.Option("--prune", help="Also delete objects that the files do not name; users only if they name one.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (plan, apply, export):
        app.command(rich_help_panel=PANEL)(command)


def plan(
    folder: Folder = Path(),
    prune: PruneOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `apply` would change. Changes nothing.

    Example: watchbell plan ./objects
    """
    objects = read_objects(folder)
    changes, faults = _plan(objects, prune, config, data, url, key)
    if as_json:
        show_json({"changes": changes, "errors": msgspec.to_builtins(located(faults, objects))})
    elif not faults:
        _show(changes)
    if faults:
        raise Faulty(located(faults, objects))


def apply(
    folder: Folder = Path(),
    prune: PruneOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the objects as the files say: all of them, or with an error none.

    Example: watchbell apply ./objects --prune
    """
    objects = read_objects(folder)
    if prune and not yes:
        _ask(*_plan(objects, prune, config, data, url, key))
    bodies = [placed.body for placed in objects]
    try:
        if _calls_api(config, data, url):
            answer = api(url, key).call("POST", "/api/apply", {"objects": bodies, "prune": prune})
            changes, version = answer["changes"], answer["version"]
        else:
            done, version = _direct(config, data, lambda m, by: m.apply(by, bodies, prune=prune))
            changes = msgspec.to_builtins(done)
    except Faulty as error:
        raise Faulty(located(error.faults, objects)) from None
    if as_json:
        show_json({"changes": changes, "version": version})
        return
    _show(changes)
    typer.echo(f"configuration version {version}")


def export(
    folder: Annotated[Path | None, typer.Argument(help="Folder to write to; without it, standard output.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all objects as YAML, one file for each kind. Secrets are dots.

    Example: watchbell export ./objects
    """
    if _calls_api(config, data, url):
        objects = api(url, key).get("/api/export")["objects"]
    else:
        objects = _direct(config, data, lambda m, by: m.export(by))
    if folder is not None:
        for file in write_objects(folder, objects):
            typer.echo(f"{file}")
    elif as_json:
        show_json(objects)
    else:
        typer.echo(documents(objects), nl=False)


def _plan(
    objects: Sequence[Placed], prune: bool, config: Any, data: Any, url: str | None, key: str | None
) -> tuple[list[dict[str, Any]], list[Fault]]:
    bodies = [placed.body for placed in objects]
    if _calls_api(config, data, url):
        answer = api(url, key).call("POST", "/api/plan", {"objects": bodies, "prune": prune})
        return answer["changes"], msgspec.convert(answer["errors"], list[Fault])
    changes, faults = _direct(config, data, lambda m, by: m.plan(by, bodies, prune=prune))
    return msgspec.to_builtins(changes), faults


def _calls_api(config: Any, data: Any, url: str | None) -> bool:
    """With --config or --data the store is worked on directly, unless --url says otherwise."""
    return url is not None or (config is None and data is None)


def _direct(config: Any, data: Any, work: Callable[[Any, Any], Awaitable[T]]) -> T:
    from watchbell.bootstrap.direct import direct
    from watchbell.cli.upkeep import settings_for
    from watchbell.usecases.administering import OPERATOR

    settings = settings_for(config, data)

    async def run() -> T:
        async with direct(settings) as opened:
            return await work(opened.managing, OPERATOR)

    return asyncio.run(run())


def _ask(changes: list[dict[str, Any]], faults: list[Fault]) -> None:
    """Have deletions confirmed."""
    gone = [change for change in changes if change["action"] == "delete"]
    if not gone or faults:
        return
    _show(gone)
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{len(gone)} objects would be deleted; say --yes to allow it", param_hint="--prune")
    if not typer.confirm(f"Delete these {len(gone)} objects?"):
        raise typer.Exit(1)


def _show(changes: list[dict[str, Any]]) -> None:
    for change in changes:
        sign, colour = SIGNS[change["action"]]
        typer.echo(styled(f"{sign} {change['kind']} {plain(change['name'])}", colour))
        if change["action"] == "update":
            for field in change["fields"]:
                typer.echo(f"    {field['field']}: {_value(field['before'])} → {_value(field['after'])}")
    if not changes:
        typer.echo("nothing to change")


def _value(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"
