"""`watchbell import-data`: what another system keeps, out of its server or a dump of its database, into the store."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from watchbell.cli.client import JsonOption
from watchbell.cli.importing import PANEL
from watchbell.cli.output import plain, show_json
from watchbell.cli.serve import AlertaOption, ConfigOption, DataOption
from watchbell.cli.upkeep import settings_for
from watchbell.cli.variables import variables
from watchbell.domain.errors import Missing, Permanent
from watchbell.ports.data_source import KINDS, DataImporter, Kind, Server
from watchbell.usecases.moving import OUTCOMES, Outcome, Report

if TYPE_CHECKING:
    from watchbell.config import Configuration

EVERY = 10_000  # rows between two lines about how far it is, where there is no terminal
KEY_VARIABLE = "ALERTA_API_KEY"
CHOICES = tuple(kind for kind in KINDS if kind != "history")
LINES = 20  # about each kind, on the screen; --json has more
_WORDS: dict[Outcome, str] = {
    "imported": "imported",
    "updated": "brought up to date",
    "there": "there already",
    "kept": "kept as they are here",
    "left": "left out",
    "refused": "refused",
}

DumpOption = Annotated[
    Path | None, typer.Option("--dump", help="A dump of its PostgreSQL database, as pg_dump makes it.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="Address of the API of its running server.")]
TheirKeyOption = Annotated[
    str | None, typer.Option("--key", help=f"API key of that server. Better in a file, or in ${KEY_VARIABLE}.")
]
KeyFileOption = Annotated[Path | None, typer.Option("--key-file", help="A file that holds that key.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", help=f"A kind to bring: {', '.join(CHOICES)}; may be repeated. History comes with alerts."),
]
NotifyOption = Annotated[
    bool, typer.Option("--notify", help="Tell who is on call of alerts that stand and heartbeats that are late.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("import-data", rich_help_panel=PANEL)(import_data)


def import_data(  # noqa: PLR0917 - Typer takes options by position
    kind: Annotated[str, typer.Argument(help="Whose data it is: alerta.")],
    dump: DumpOption = None,
    from_: FromOption = None,
    key: TheirKeyOption = None,
    key_file: KeyFileOption = None,
    only: OnlyOption = None,
    schema: Annotated[str, typer.Option("--schema", help="Schema of the tables, if a dump has several.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, and say what would come.")] = False,
    notify: NotifyOption = False,
    partial: Annotated[bool, typer.Option("--partial", help="Exit code 0 although something was refused.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    alerta_config: AlertaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring alerts, their history and notes, blackouts, heartbeats, people, groups, roles, customers and API keys.

    Works on the store itself, beside a running Watchbell or before its first start. What is here already stays as it
    is, so it can be run again, after it was interrupted or for what has come since: alerts and heartbeats that nothing
    has happened to here are brought up to date then. Nobody is told of imported alerts unless --notify is given. What
    cannot come is named with the reason, and the exit code is 1 then.

    Example: watchbell import-data alerta --dump alerta.sql --dry-run
    """
    if (dump is None) == (from_ is None):
        raise typer.BadParameter("say either where the server is, or which dump to read", param_hint="--from / --dump")
    importer, kinds = _importer(kind), _kinds(only or [])
    given = dump or Server(url=from_ or "", key=_key(key, key_file))
    report = asyncio.run(
        _moved(settings_for(config, data, alerta_config), importer, given, schema, kinds, (dry_run, notify))
    )
    if as_json:
        show_json(msgspec.to_builtins(report))
    else:
        _tell(report)
    if report.lost and not partial:
        raise typer.Exit(1)


async def _moved(
    settings: "Configuration",
    importer: DataImporter,
    given: Path | Server,
    schema: str,
    kinds: tuple[Kind, ...],
    how: tuple[bool, bool],
) -> Report:
    from watchbell.bootstrap.moving import moving

    dry_run, notify = how
    async with moving(settings, dry_run=dry_run, notify=notify) as move:
        if isinstance(given, Path):
            source = importer.dump(given, move.terms, schema)
        else:
            source = importer.server(given, move.terms, move.fetch)
        try:
            return await move.moving.move(source, kinds, _Progress())
        finally:
            await source.close()


def _importer(kind: str) -> DataImporter:
    from watchbell.plugins import table

    able = {name: made for name, made in table("importer").items() if hasattr(made, "dump") and hasattr(made, "server")}
    if kind not in able:
        raise Missing(f"the data of {kind!r} cannot be imported; there is: {', '.join(sorted(able))}")
    made: DataImporter = able[kind]()
    return made


def _kinds(only: list[str]) -> tuple[Kind, ...]:
    unknown = sorted(set(only) - set(CHOICES))
    if unknown:
        known = ", ".join(CHOICES)
        raise typer.BadParameter(f"there is no kind {unknown[0]!r}; kinds are {known}", param_hint="--only")
    return tuple(kind for kind in KINDS if not only or kind in only)


def _key(given: str | None, file: Path | None) -> str:
    """The key for the other server; empty when it asks for none."""
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Permanent(f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'is no text'}") from None
    return given or variables().get(KEY_VARIABLE, "")


class _Progress:
    """Says how far it is: one line that is written anew on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def __call__(self, kind: Kind, done: int, total: int | None) -> None:
        said = f"{kind}s: {done:,}" + (f" of {total:,}" if total else "")
        if sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{said}", nl=False, err=True)
        elif done // EVERY > self._said.get(kind, 0):
            self._said[kind] = done // EVERY
            typer.echo(said, err=True)


def _tell(report: Report) -> None:
    """What came on standard output, and what is worth a line on standard error."""
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", nl=False, err=True)
    for kind, tally in report.kinds.items():
        for line in tally.lines[:LINES]:
            typer.echo(f"{kind} {plain(line.id)}: {_WORDS[line.outcome]}: {plain(line.reason)}", err=True)
        if len(tally.lines) > LINES:
            typer.echo(f"{kind}: more such lines; --json has up to a thousand", err=True)
    if report.dry_run:
        typer.echo("nothing was written; an import would come to this:")
    for kind, tally in report.kinds.items():
        counts = [f"{getattr(tally, name):,} {_WORDS[name]}" for name in OUTCOMES if getattr(tally, name)]
        typer.echo(f"{kind}: {', '.join(counts) or 'none'}")
