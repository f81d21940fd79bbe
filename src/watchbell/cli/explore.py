"""`watchbell events query …`: questions about the events of the past, as the page Events asks them."""

import re
from typing import Annotated, Any

import typer

from watchbell.cli.client import JsonOption, KeyOption, UrlOption, api
from watchbell.cli.output import moment, show_json, show_rows

PATIENCE = 3600.0
"""Seconds to wait for an answer: the server has a limit of its own, and says which."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

Conditions = Annotated[
    list[str] | None,
    typer.Argument(help="Conditions such as event_type=checkout 'parameters.total>=10' 'location~basket'; all hold."),
]
Last = Annotated[str, typer.Option("--last", help="How far back: 90s, 15m, 24h, 7d, 4w.")]
From = Annotated[str | None, typer.Option("--from", help="Since when, as 2026-11-21T08:00:00Z.")]
To = Annotated[str | None, typer.Option("--to", help="Until when, as 2026-11-21T09:00:00Z.")]


def register(events: typer.Typer) -> None:
    """Add the commands to the group `events`."""
    group = typer.Typer(no_args_is_help=True, help="Ask about the events of the past.")
    for command in (top, counts, numbers, funnel, sessions, records):
        group.command()(command)
    events.add_typer(group, name="query")


def top(  # noqa: PLR0917 - Typer takes options by position
    field: Annotated[str, typer.Argument(help="Field, such as event_type, location_path or parameters.colour.")],
    where: Conditions = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1, max=1000)] = 20,
    last: Last = "24h",
    start: From = None,
    end: To = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the most frequent values of a field.

    Example: watchbell events query top location_path event_type=pageView --last 7d
    """
    asked = {"ask": "top", "field": field, "limit": limit, "where": where or []}
    found = _ask(asked | _span(last, start, end), url, key)
    if as_json:
        show_json(found)
        return
    show_rows(
        ("Value", "Events", "Parties"),
        [(_shown(one["value"]), one["events"], one["parties"]) for one in found["values"]],
    )
    typer.echo(f"{found['total']} events, {found['distinct']} values", err=True)


def counts(  # noqa: PLR0917 - the same
    where: Conditions = None,
    by: Annotated[str, typer.Option("--by", help="Field to count by; without it all together.")] = "",
    measure: Annotated[str, typer.Option("--measure", help="events, parties or sessions.")] = "events",
    every: Annotated[str, typer.Option("--every", help="Length of a line: 10s, 5m, 1h, 1d; empty chooses.")] = "",
    last: Last = "24h",
    start: From = None,
    end: To = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count events over time.

    Example: watchbell events query counts event_type=checkout --by parameters.country --every 1h
    """
    asked: dict[str, Any] = {"ask": "counts", "by": by, "measure": measure, "where": where or []}
    asked["stepS"] = _seconds(every, "--every") if every else 0
    found = _ask(asked | _span(last, start, end), url, key)
    if as_json:
        show_json(found)
        return
    series = found["series"]
    headings = ["Time", *([_shown(one["value"]) for one in series] if by else [measure.capitalize()])]
    others = found["other"] if by and found["other"] and any(found["other"]) else None
    lines: list[list[Any]] = []
    for index, at in enumerate(found["times"]):
        line = [moment(at), *(one["counts"][index] for one in series)]
        lines.append([*line, others[index]] if others else line)
    show_rows([*headings, "(others)"] if others else headings, lines)
    typer.echo(f"{found['total']} {measure}", err=True)


def numbers(
    field: Annotated[str, typer.Argument(help="A number, such as viewport_width or parameters.total.")],
    where: Conditions = None,
    last: Last = "24h",
    start: From = None,
    end: To = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the percentiles of a number.

    Example: watchbell events query numbers parameters.total event_type=checkout
    """
    found = _ask({"ask": "numbers", "field": field, "where": where or []} | _span(last, start, end), url, key)
    if as_json:
        show_json(found)
        return
    show_rows(("What", "Value"), list(found["overall"].items()))


def funnel(
    steps: Annotated[list[str], typer.Argument(help="One condition for each step; several joined by ' & '.")],
    within: Annotated[str, typer.Option("--within", help="All steps within this time: 10m, 1h, 1d.")] = "1h",
    last: Last = "24h",
    start: From = None,
    end: To = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the parties that take each step after the one before it.

    Example: watchbell events query funnel event_type=pageView event_type=addToBasket event_type=checkout
    """
    asked: dict[str, Any] = {"ask": "funnel", "withinS": _seconds(within, "--within")}
    asked["steps"] = [{"name": step, "where": [one.strip() for one in step.split(" & ")]} for step in steps]
    found = _ask(asked | _span(last, start, end), url, key)
    if as_json:
        show_json(found)
        return
    first = found["steps"][0]["parties"]
    shown = [
        (step["name"], step["parties"], f"{step['parties'] / first:.1%}" if first else "", step["medianMs"])
        for step in found["steps"]
    ]
    show_rows(("Step", "Parties", "Of the first", "Median ms"), shown)


def sessions(
    party: Annotated[str, typer.Argument(help="Id of the party.")],
    last: Last = "7d",
    start: From = None,
    end: To = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what one party did, session by session.

    Example: watchbell events query sessions 0:mwqdotge:Vdi29eN-d_BBiZtPAxqaP0 --last 30d
    """
    found = _ask({"ask": "sessions", "party": party} | _span(last, start, end), url, key)
    if as_json:
        show_json(found)
        return
    _show_events([event for session in found["sessions"] for event in session["events"]])


def records(
    where: Conditions = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1, max=500)] = 50,
    last: Last = "24h",
    start: From = None,
    end: To = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the newest events; with --json also the request behind each.

    Example: watchbell events query records event_type=checkout 'parameters.total>=100' --json
    """
    found = _ask({"ask": "records", "limit": limit, "where": where or []} | _span(last, start, end), url, key)
    if as_json:
        show_json(found)
        return
    _show_events(found["records"])


def _ask(question: dict[str, Any], url: str | None, key: str | None) -> dict[str, Any]:
    server = api(url, key)
    server.timeout = PATIENCE
    return server.call("POST", "/api/events/queries", question)["answer"]


def _span(last: str, start: str | None, end: str | None) -> dict[str, Any]:
    if start is not None:
        return {"from": start} | ({"to": end} if end is not None else {})
    return {"last": _seconds(last, "--last")} | ({"to": end} if end is not None else {})


def _seconds(text: str, option: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhdw])", text)
    if found is None:
        raise typer.BadParameter(
            f"{text!r} is no length of time; write it as 90s, 15m, 24h, 7d or 4w", param_hint=option
        )
    return int(found[1]) * _UNITS[found[2]]


def _shown(value: str | None) -> str:
    return "(not known)" if value is None else value


def _show_events(events: list[dict[str, Any]]) -> None:
    headings = ("Time", "Type", "Location", "Party", "Session")
    show_rows(
        headings,
        [
            (
                moment(one["received_ms"]),
                *(one.get(name, "") for name in ("event_type", "location", "party_id", "session_id")),
            )
            for one in events
        ],
    )
