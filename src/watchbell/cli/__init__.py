"""The command line: every command, and how it ends.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings. Errors go to standard error as one sentence that says what to
do. Output is plain when it goes into a pipe.
"""

import gc
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from watchbell import __version__
from watchbell.domain.errors import Faulty, WatchbellError
from watchbell.loading import InvalidConfiguration


class Commands(TyperGroup):
    """Turns our errors into a sentence and an exit code, wherever a command is called from."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InvalidConfiguration as error:
            complain(*error.problems)
            raise typer.Exit(2) from None
        except Faulty as error:
            complain(*(f"{f.field}: {f.reason}" + (f" ({f.fix})" if f.fix else "") for f in error.faults))
            raise typer.Exit(1) from None
        except WatchbellError as error:
            complain(error.message)
            raise typer.Exit(1) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough; nothing more may be written, not even at exit.
            sys.stdout = None
            raise typer.Exit(0) from None


def complain(*sentences: str) -> None:
    """Say what is wrong on standard error."""
    for sentence in sentences:
        typer.echo(f"watchbell: {sentence}", err=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"watchbell {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="watchbell",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Watchbell keeps watch over systems and the people who use them, and rings the right person."""


def _register() -> None:
    from watchbell.cli import (
        alerts,
        archive,
        events,
        formats,
        importing,
        importing_data,
        mappings,
        objects,
        people,
        rules,
        serve,
        tag,
        upkeep,
    )

    serve.register(app)
    upkeep.register(app)
    events.register(app)
    tag.register(app)
    objects.register(app)
    mappings.register(app)
    formats.register(app)
    rules.register(app)
    importing.register(app)
    importing_data.register(app)
    alerts.register(app)
    archive.register(app)
    people.register(app)


_register()


def main() -> None:
    """Run the command that the arguments name."""
    # Loading makes some 300,000 objects that all stay: looking for garbage among them takes a fifth of a role's start.
    gc.set_threshold(400_000, 10, 10)
    app()
