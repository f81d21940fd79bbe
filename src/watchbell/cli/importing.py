"""`watchbell import`: what another system is told in its files, as settings and objects of ours."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from watchbell.cli.client import JsonOption, KeyOption, UrlOption
from watchbell.cli.files import documents, write_objects
from watchbell.cli.objects import apply, plan
from watchbell.cli.output import plain, show_json
from watchbell.cli.serve import ConfigOption, DataOption
from watchbell.cli.variables import variables
from watchbell.domain.errors import Missing, Permanent
from watchbell.ports.importer import Imported, Importer, Remark
from watchbell.toolkit.toml_text import toml_text

PANEL = "Objects as files"
SETTINGS_FILE = "watchbell.toml"
HEAD = "# A part of watchbell.toml: take over what you need, then `watchbell config check --config watchbell.toml`.\n\n"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("import", rich_help_panel=PANEL)(import_)


def import_(  # noqa: PLR0917 - Typer takes options by position
    kind: Annotated[str, typer.Argument(help="What the file belongs to, such as divolte.")],
    file: Annotated[Path, typer.Argument(help="The file that the other system reads.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write to; without it, standard output.")
    ] = None,
    apply_: Annotated[bool, typer.Option("--apply", help="Apply the objects, as `watchbell apply` does.")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Be content when something had to be left out: exit code 0, and apply.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read another system's configuration: settings for watchbell.toml, and objects for plan and apply.

    Nothing of it is executed. What has no counterpart is named with file, line and reason; when that leaves something
    out which had an effect, the exit code is 1, and nothing is applied unless --partial is given.

    Example: watchbell import divolte /etc/divolte/divolte-collector.conf --out ./moved
    """
    imported = _importer(kind).read(file, variables())
    if as_json:
        show_json(msgspec.to_builtins(imported))
    else:
        _tell(imported, _written(imported, out))
    if imported.lost and not partial:
        raise typer.Exit(1)
    if apply_ and imported.objects:
        with tempfile.TemporaryDirectory() as folder:
            write_objects(Path(folder), imported.objects)
            plan(Path(folder), config=config, data=data, url=url, key=key)
            apply(Path(folder), yes=True, config=config, data=data, url=url, key=key)


def _importer(kind: str) -> Importer:
    from watchbell.plugins import table

    importers = table("importer")
    if kind not in importers:
        raise Missing(f"there is no importer named {kind!r}; there are: {', '.join(sorted(importers))}")
    return importers[kind]()


def _written(imported: Imported, folder: Path | None) -> list[Path]:
    """Write the files, or print what they would hold."""
    settings = HEAD + toml_text(imported.settings) if imported.settings else ""
    if folder is None:
        typer.echo(settings + (f"\n{documents(imported.objects)}" if imported.objects else ""), nl=False)
        return []
    written = write_objects(folder, imported.objects)
    if settings:
        file = folder / SETTINGS_FILE
        try:
            # A password is for the one who runs the import; the file's owner decides who else may read it.
            file.touch(mode=0o600 if imported.secret else 0o666)
            if imported.secret:
                file.chmod(0o600)
            file.write_text(settings, "utf-8")
        except OSError as error:
            raise Permanent(f"{file}: cannot be written: {error.strerror}") from None
        written = [file, *written]
    return written


def _tell(imported: Imported, written: list[Path]) -> None:
    """The summary: on standard error, as the result may be on standard output."""
    for file in written:
        typer.echo(f"{file}")
    kinds = sorted({thing["kind"] for thing in imported.objects})
    counts = [f"{sum(thing['kind'] == kind for thing in imported.objects)} {kind}(s)" for kind in kinds]
    typer.echo(f"converted: {', '.join(['settings', *counts] if imported.settings else counts) or 'nothing'}", err=True)
    _list("different here:", [remark for remark in imported.remarks if not remark.lost])
    _list("left out:", imported.lost)


def _list(heading: str, remarks: list[Remark]) -> None:
    if not remarks:
        return
    typer.echo(heading, err=True)
    for remark in remarks:
        first, *more = _lines(remark.what)
        typer.echo(f"  {plain(remark.file)}:{remark.line}: {first}", err=True)
        for line in more:
            typer.echo(f"      {line}", err=True)
        typer.echo(f"      {plain(remark.reason)}", err=True)


def _lines(text: str) -> list[Any]:
    return [plain(line) for line in text.split("\n")] or [""]
