"""`watchbell tag`: what to write into a page so that it loads the tag."""

from typing import Annotated

import typer

from watchbell.cli.client import JsonOption
from watchbell.cli.events import PANEL
from watchbell.cli.output import show_json
from watchbell.cli.serve import ConfigOption, DataOption
from watchbell.domain.errors import Missing


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(rich_help_panel=PANEL)(tag)


def tag(
    url: Annotated[
        str, typer.Option(help="Where browsers reach the collectors, when it is not `collector.base_url`.")
    ] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a page must hold to load the tag, with the hash that makes browsers refuse any other script.

    Example: watchbell tag --url https://events.example.org
    """
    from watchbell.cli.upkeep import settings_for
    from watchbell.collector.sources import BrowserSource, read_sources
    from watchbell.collector.tag import NOT_BUILT, Tag

    settings = settings_for(config, data)
    address = (url or settings.collector_url).rstrip("/")
    found: list[dict[str, str]] = []
    for name, source in read_sources(settings.collector.sources).items():
        if not isinstance(source, BrowserSource):
            continue
        made = Tag(source)
        if not made.scripts:
            raise Missing(NOT_BUILT.strip())
        script = address + made.versioned
        integrity = made.scripts[made.versioned].integrity
        element = f'<script src="{script}" integrity="{integrity}" crossorigin="anonymous" async></script>'
        newest = f'<script src="{address}{source.base}{source.watchbell_name}" async></script>'
        found.append({"source": name, "script": script, "integrity": integrity, "element": element, "newest": newest})
    if not found:
        raise Missing("there is no source of the type browser")
    if as_json:
        show_json({"tags": found})
        return
    for one in found:
        typer.echo(f"Source {one['source']}, this build alone:\n  {one['element']}")
        typer.echo(f"Source {one['source']}, always the newest:\n  {one['newest']}")
