"""The commands that run Watchbell: `up` for one machine, and each role by itself for a cluster."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from watchbell.cli.variables import variables
from watchbell.domain.errors import Permanent, WatchbellError
from watchbell.loading import ALERTA_FILE, Beneath, InvalidConfiguration, load, origin_of
from watchbell.ports.importer import Remark

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings file. Default: $WATCHBELL_CONFIG, else ./watchbell.toml.", show_default=False
    ),
]
AlertaOption = Annotated[
    Path | None,
    typer.Option(
        "--alerta-config",
        envvar=ALERTA_FILE,
        help="Alerta's settings (alertad.conf), for what no setting of ours says.",
        show_default=False,
    ),
]
DataOption = Annotated[Path | None, typer.Option("--data", help="Folder for the database, journal and event files.")]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port of the pages and the API.")]
CollectorPortOption = Annotated[int | None, typer.Option("--collector-port", help="Port of the event collector.")]

PANEL = "Run it"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(rich_help_panel=PANEL)(up)
    app.command(rich_help_panel=PANEL)(api)
    app.command(rich_help_panel=PANEL)(keeper)
    app.command(rich_help_panel=PANEL)(worker)
    app.command(rich_help_panel=PANEL)(notifier)
    app.command(rich_help_panel=PANEL)(collector)


def up(
    config: ConfigOption = None,
    data: DataOption = None,
    host: HostOption = None,
    port: PortOption = None,
    collector_port: CollectorPortOption = None,
    alerta_config: AlertaOption = None,
) -> None:
    """Run everything on this machine.

    Example: watchbell up --data /var/lib/watchbell --host 0.0.0.0

    On the first start the log shows a link that sets the first administrator's password.
    """
    overrides = {"server.host": host, "collector.host": host, "server.port": port, "collector.port": collector_port}
    _run("up", config, data, overrides, alerta_config)


def api(
    config: ConfigOption = None,
    data: DataOption = None,
    host: HostOption = None,
    port: PortOption = None,
    alerta_config: AlertaOption = None,
) -> None:
    """Serve the pages and the API.

    Needs the database and the broker.
        Example: watchbell api --config /etc/watchbell/watchbell.toml --port 8080
    """
    _run("api", config, data, {"server.host": host, "server.port": port}, alerta_config)


def keeper(config: ConfigOption = None, data: DataOption = None, alerta_config: AlertaOption = None) -> None:
    """Decide what is due: checks, time-outs, escalation, messages.

    Needs the database and the broker; run two or more.
        Example: watchbell keeper --config /etc/watchbell/watchbell.toml
    """
    _run("keeper", config, data, {}, alerta_config)


def worker(
    config: ConfigOption = None,
    data: DataOption = None,
    site: Annotated[str | None, typer.Option("--site", help="Site whose checks this worker runs.")] = None,
    pool: Annotated[str | None, typer.Option("--pool", help="Pool of workers that it belongs to.")] = None,
    alerta_config: AlertaOption = None,
) -> None:
    """Run checks.

    Needs the broker only.
        Example: watchbell worker --site berlin --pool default
    """
    _run("worker", config, data, {"worker.site": site, "worker.pool": pool}, alerta_config)


def notifier(config: ConfigOption = None, data: DataOption = None, alerta_config: AlertaOption = None) -> None:
    """Send messages to people.

    Needs the broker, and the way out.
        Example: watchbell notifier --config /etc/watchbell/watchbell.toml
    """
    _run("notifier", config, data, {}, alerta_config)


def collector(
    config: ConfigOption = None,
    data: DataOption = None,
    host: HostOption = None,
    port: CollectorPortOption = None,
    alerta_config: AlertaOption = None,
) -> None:
    """Accept events from browsers and apps, and write them to files.

    Example: watchbell collector --data /var/lib/watchbell --collector-port 8290
    """
    _run("collector", config, data, {"collector.host": host, "collector.port": port}, alerta_config)


def beneath_of(alerta: Path | None) -> tuple[Beneath | None, list[Remark]]:
    """What Alerta's settings say, and what of it is not the same here.

    Raises:
        InvalidConfiguration: the file cannot be read.
    """
    if alerta is None:
        return None, []
    from watchbell.plugins import table

    try:
        imported = table("importer")["alerta"]().read(alerta, variables())
    except Permanent as error:
        raise InvalidConfiguration([error.message]) from error
    return Beneath(imported.settings, str(alerta)), imported.remarks


def _run(role: str, config: Path | None, data: Path | None, overrides: dict[str, Any], alerta: Path | None) -> None:
    import structlog
    import uvloop

    from watchbell import bootstrap, log
    from watchbell.bootstrap.parts import Unreachable

    given = {key: value for key, value in {"data_dir": data and str(data), **overrides}.items() if value is not None}
    try:
        beneath, remarks = beneath_of(alerta)
        settings = load(config, overrides=given, beneath=beneath)
    except InvalidConfiguration as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201 - the log is not set up yet
        raise typer.Exit(2) from error
    log.configure(settings.log.level, settings.log.format, role)
    for remark in remarks:
        say = structlog.get_logger("settings").warning if remark.lost else structlog.get_logger("settings").info
        say("alerta_setting", setting=remark.what, line=remark.line, hint=remark.reason)
    try:
        uvloop.run(bootstrap.run_role(role, settings))
    except WatchbellError as error:
        place = f"{origin_of(error.key, config)}: {error.key}: " if isinstance(error, Unreachable) else ""
        print(f"watchbell {role}: {place}{error.message}", file=sys.stderr)  # noqa: T201 - the last word before the end
        raise typer.Exit(1) from error
