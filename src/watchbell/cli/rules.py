"""`watchbell rule presets|windows`: rules to start from, and what a rule judged."""

from typing import Annotated, Any, cast

import typer

from watchbell.cli.client import JsonOption, KeyOption, UrlOption, api
from watchbell.cli.output import show_json, show_rows
from watchbell.domain.errors import Missing

PANEL = "Objects as files"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Event rules: some to start from, and what one judged.")
    group.command()(presets)
    group.command()(windows)
    app.add_typer(group, name="rule", rich_help_panel=PANEL)


def presets(
    name: Annotated[str, typer.Argument(help="Which one to print as YAML; without it all are listed.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List rules to start from, or print one as a file for `watchbell apply`.

    Example: watchbell rule presets checkout-stopped > checkout.yaml
    """
    import msgspec
    import yaml

    from watchbell.domain.events.rules.presets import PRESETS

    found = [preset for preset in PRESETS if name in {"", preset.id}]
    if not found:
        raise Missing(f"there is no preset {name!r}; `watchbell rule presets` lists them")
    if as_json:
        show_json([msgspec.to_builtins(preset) for preset in found])
    elif not name:
        show_rows(("Preset", "Title", "About"), [(preset.id, preset.title, preset.about) for preset in found])
    else:
        given = msgspec.to_builtins(found[0].rule)
        usual = msgspec.to_builtins(type(found[0].rule)(name=""))
        body = {field: value for field, value in given.items() if value != usual[field]}
        typer.echo(yaml.safe_dump({"kind": "rule", **body}, sort_keys=False, allow_unicode=True), nl=False)


def windows(
    rule: Annotated[str, typer.Argument(help="Name or id of the rule.")],
    hours: Annotated[int, typer.Option("--hours", min=1, max=192, help="How far back.")] = 1,
    group: Annotated[str, typer.Option("--group", help="Of a rule with groups: which one.")] = "",
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a rule judged: each window with its value, the band and the reason.

    Example: watchbell rule windows "checkout stopped" --hours 3
    """
    from urllib.parse import quote

    query: dict[str, Any] = {"hours": hours, **({"group": group} if group else {})}
    answer = api(url, key).get(f"/api/rules/{quote(rule, safe='')}/windows", query)
    if as_json:
        show_json(answer)
        return
    rows = cast("list[dict[str, Any]]", answer["windows"])
    headings = ("start", "value", "low", "high", "outcome", "reason")
    show_rows([name.capitalize() for name in headings], [[row[name] for name in headings] for row in rows])
