"""`watchbell config check`, `migrate` and `check run`: looking after an installation, on the machine itself."""

import asyncio
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from watchbell.cli.output import lines, plain, show_json
from watchbell.cli.serve import PANEL, AlertaOption, ConfigOption, DataOption, beneath_of
from watchbell.cli.variables import variables
from watchbell.domain.errors import Fault, Faulty, Missing, WatchbellError

if TYPE_CHECKING:
    from watchbell.bootstrap.parts import Parts
    from watchbell.config import Configuration
    from watchbell.domain.checks.check import Check, Host
    from watchbell.domain.checks.result import Result

PATIENCE = 5.0  # seconds that database and broker get to answer
NAGIOS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}

config_app = typer.Typer(no_args_is_help=True, help="The settings.")
check_app = typer.Typer(no_args_is_help=True, help="Checks.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(rich_help_panel=PANEL)(migrate)
    app.add_typer(config_app, name="config", rich_help_panel=PANEL)
    app.add_typer(check_app, name="check", rich_help_panel="Objects as files")


def settings_for(config: Path | None, data: Path | None, alerta: Path | None = None) -> "Configuration":
    """The settings that the options name; raises `InvalidConfiguration` with every problem.

    Alerta's settings are those of `alerta`, else those that its own variable names.
    """
    from watchbell import log
    from watchbell.loading import ALERTA_FILE, load

    named = variables().get(ALERTA_FILE)
    beneath, _ = beneath_of(alerta or (Path(named) if named else None))
    settings = load(config, overrides={"data_dir": str(data)} if data is not None else {}, beneath=beneath)
    # A command says what it has to say by itself; only warnings of what it uses are worth a line.
    log.configure("warning", "text")
    return settings


def migrate(config: ConfigOption = None, data: DataOption = None) -> None:
    """Bring the database to the newest schema. Safe to run again, and while the former release runs.

    Example: watchbell migrate --config /etc/watchbell/watchbell.toml
    """
    from watchbell.bootstrap import direct
    from watchbell.bootstrap.parts import Unreachable
    from watchbell.loading import origin_of

    settings = settings_for(config, data)
    try:
        done = asyncio.run(direct.migrate(settings))
    except Unreachable as error:
        raise Unreachable(error.key, f"{origin_of(error.key, config)}: {error.key}: {error.message}") from error
    for name in done:
        typer.echo(f"migrated to {name}")
    if not done:
        typer.echo("the database is up to date")


@config_app.command("check")
def check_config(
    config: ConfigOption = None,
    data: DataOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try the database and the broker.")] = False,
    alerta_config: AlertaOption = None,
) -> None:
    """Check the settings, and that database and broker answer. Says all that is wrong; exit code 2 then.

    Nothing is written: a data folder, or a SQLite database, that is not there yet is not made.

    Example: watchbell config check --config /etc/watchbell/watchbell.toml
    """
    from watchbell.loading import InvalidConfiguration

    keys, problems = {"store.url", "bus.url"}, list[str]()
    try:
        settings = settings_for(config, data, alerta_config)
    except InvalidConfiguration as error:
        if error.readable is None:
            raise
        # What is right is tried nevertheless, so that nobody mends the settings twice.
        settings, problems = error.readable, error.problems
        keys = {key for key in keys if error.allows(key)}
    if not offline:
        problems = problems + asyncio.run(_unreachable(settings, keys, config))
    if problems:
        raise InvalidConfiguration(problems)
    typer.echo("the settings are good")


async def _unreachable(settings: "Configuration", keys: Collection[str], config: Path | None) -> list[str]:
    from watchbell.bootstrap.parts import Parts
    from watchbell.loading import origin_of

    problems: list[str] = []
    urls = {"store.url": settings.store_url, "bus.url": settings.bus.url.reveal()}
    async with Parts(settings) as parts:
        for key, attempt in (("store.url", parts.try_store), ("bus.url", partial(_connect, parts))):
            if key not in keys:
                continue
            begin, where = f"{origin_of(key, config)}: {key}: ", urlsplit(urls[key])
            server = f"{where.hostname}:{where.port}" if where.hostname and where.port else where.hostname or where.path
            try:
                async with asyncio.timeout(PATIENCE):
                    await attempt()
            except TimeoutError:
                problems.append(
                    f"{begin}no answer from {server} in {PATIENCE:g} seconds. Start it, or mend the address."
                )
            except WatchbellError as error:
                problems.append(f"{begin}{error.message}")
            except OSError as error:
                problems.append(f"{begin}{server}: {error}. Start it, or mend the address.")
    return problems


async def _connect(parts: "Parts") -> None:
    """Wait until the broker answers: the bus itself goes on trying in the background."""
    bus = await parts.bus()
    while not bus.available():  # noqa: ASYNC110 - the port tells when it is asked, not by itself
        await asyncio.sleep(0.05)


@check_app.command("run")
def run_check(
    name: Annotated[str, typer.Argument(help="Name of the check.")],
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="YAML file or folder that defines it; default: the store.")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a check here and now, and print what it says. The exit code is that of a Nagios plugin; nothing is recorded.

    Example: watchbell check run "shop front page" --file ./objects
    """
    from watchbell.bootstrap import direct

    settings = settings_for(config, data)
    if file is None:
        check, hosts = asyncio.run(direct.stored_check(settings, name))
    else:
        check, hosts = _from_files(settings, file, name)
    result = asyncio.run(direct.run_check(settings, check, hosts))
    _show(result, as_json=as_json)
    raise typer.Exit(NAGIOS[result.outcome.status.value])


def _from_files(settings: "Configuration", place: Path, name: str) -> "tuple[Check, dict[str, Host]]":
    from watchbell.bootstrap.direct import shapes
    from watchbell.cli.files import read_objects

    hosts: dict[str, Any] = {}
    found: Any = None
    known = shapes(settings)
    for placed in read_objects(place):
        kind = placed.body["kind"]
        if kind not in {"host", "check"} or (kind == "check" and placed.body.get("name") != name):
            continue
        body = {field: value for field, value in placed.body.items() if field != "kind"}
        try:
            thing = known.read(kind, body)
        except Faulty as error:
            raise Faulty(
                Fault(field=f"{placed.where}: {f.field}", reason=f.reason, fix=f.fix) for f in error.faults
            ) from None
        if kind == "host":
            hosts[thing.name] = thing
        else:
            found = thing
    if found is None:
        raise Missing(f"{place}: holds no check named {name!r}")
    return found, hosts


def _show(result: "Result", *, as_json: bool) -> None:
    from watchbell.api.rows import result_row

    outcome = result.outcome
    if as_json:
        show_json(result_row(result))
        return
    typer.echo(f"{outcome.status.value.upper()}: {plain(outcome.summary)}")
    if outcome.details:
        typer.echo(lines(outcome.details))
    for reading in outcome.readings:
        typer.echo(f"  {plain(reading.name)} = {reading.value:g}{plain(reading.unit)}")
    typer.echo(f"  took {result.duration:.3f} s")
