"""`watchbell events`: what was rejected, mapping again, forgetting a party, on this machine; questions, to a server."""

import asyncio
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from watchbell.cli import explore
from watchbell.cli.client import JsonOption
from watchbell.cli.output import moment, show_json, show_rows
from watchbell.cli.serve import ConfigOption, DataOption
from watchbell.cli.upkeep import settings_for
from watchbell.domain.errors import Permanent

PANEL = "Events"

group = typer.Typer(no_args_is_help=True, help="Users' events: ask about them, replay them, forget them.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group.command()(rejected)
    group.command()(replay)
    group.command()(forget)
    explore.register(group)
    app.add_typer(group, name="events", rich_help_panel=PANEL)


def rejected(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most, the newest first.")] = 20,
    reason: Annotated[str, typer.Option("--reason", help="Only those with this reason.")] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List events that could not be read or mapped, with the reason and the request.

    Example: watchbell events rejected --reason mandatory_field_unset
    """
    import msgspec

    from watchbell.bootstrap.events import rejected_files

    rows = rejected_files(settings_for(config, data)).rows()
    found = list(islice((row for row in rows if reason in ("", row.reason)), limit))
    if as_json:
        show_json([msgspec.to_builtins(row) for row in found])
        return
    show_rows(
        ("Received", "Source", "Mapping", "Reason", "Detail", "Request"),
        [
            (moment(row.received_ms), row.source, row.mapping, row.reason, row.detail, row.query or row.body)
            for row in found
        ],
    )


def replay(  # noqa: PLR0917 - Typer takes options by position
    only_rejected: Annotated[
        bool, typer.Option("--rejected", help="Rejected events, through the journal: the collector maps them again.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="With --rejected: only those with this reason.")] = "",
    source: Annotated[str, typer.Option("--source", help="Only events of this source.")] = "",
    begin: Annotated[str, typer.Option("--from", help="Events received at this moment or later (ISO 8601).")] = "",
    end: Annotated[str, typer.Option("--to", help="Events received before this moment (ISO 8601).")] = "",
    into: Annotated[Path | None, typer.Option("--into", help="New folder for the files.")] = None,
    sink: Annotated[str, typer.Option("--sink", help="The sink whose settings the files follow.")] = "avro_files",
    journal: Annotated[bool, typer.Option("--journal", help="Take them from the journal, not the archive.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Map events again with the mappings as they are now: rejected ones, or those of a time into a new folder.

    Example: watchbell events replay --from 2026-01-31 --to 2026-02-01 --into /tmp/again
    """
    from watchbell.bootstrap import replaying

    settings = settings_for(config, data)
    if only_rejected:
        count, broken = asyncio.run(replaying.replay_rejected(settings, reason, source))
        typer.echo(f"{count} rejected events are in the journal again")
        if broken:
            typer.echo(f"{broken} lines do not hold a whole event and stay", err=True)
        return
    if into is None or not begin or not end:
        raise Permanent("say --rejected, or --from, --to and --into")
    take = replaying.from_journal if journal else replaying.from_archive
    raws = take(settings, replaying.moment_ms(begin), replaying.moment_ms(end))
    chosen = (raw for raw in raws if source in ("", raw.source))
    accounts = asyncio.run(replaying.replay_into(settings, chosen, into, sink))
    show_rows(
        ("Source", "Received", "Stored", "Rejected", "Dropped", "Discarded"),
        [
            (name, book.received, book.stored, book.rejected, book.dropped, book.discarded)
            for name, book in sorted(accounts.items())
        ],
    )


def forget(
    party: Annotated[str, typer.Argument(help="The party, as records have it: 0:<time>:<text>.")],
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the collector to finish files.")] = 30,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Delete everything that a party did from this machine: journal, rejected events, published files, archive.

    Ends with 1 when something is left; run it again then. What went to Kafka, to an object store or to another machine
    is not reached.

    Example: watchbell events forget 0:i1t84hgy:5AF359Zjq5kUy98u4wQjlIZzWGhN~GlG
    """
    from watchbell.bootstrap.forgetting import forget as remove
    from watchbell.bootstrap.forgetting import forget_shown

    settings = settings_for(config, data)
    done = remove(settings, party, wait, typer.echo)
    typer.echo(f"shown on pages: {asyncio.run(forget_shown(settings, party))} removed")
    typer.echo(f"{done.records} records in {done.files} files, {done.journal} in the journal, {done.rejected} rejected")
    for name in done.unfinished:
        typer.echo(f"still being written: {name}", err=True)
    if done.unfinished or done.not_yet:
        raise typer.Exit(1)
