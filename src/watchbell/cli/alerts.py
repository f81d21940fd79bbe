"""Commands about alerts and heartbeats: clients of the API."""

import uuid
from typing import Annotated, Any

import typer

from watchbell.cli.client import Api, JsonOption, KeyOption, UrlOption, api, segment
from watchbell.cli.output import show_json, show_rows
from watchbell.domain.errors import Forbidden, Missing

PANEL = "Alerts"
Ids = Annotated[list[str], typer.Argument(help="Ids of alerts, or the first 8 characters or more of them.")]
TextOption = Annotated[str, typer.Option("--text", "-t", help="Why; goes into the history.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (send, query, ack, close, heartbeat):
        app.command(rich_help_panel=PANEL)(command)


Environment = Annotated[str, typer.Option("--environment", "-E", help="For example Production.")]
Severity = Annotated[str, typer.Option("--severity", "-s", help="critical, major, minor, warning, normal ...")]
Services = Annotated[list[str] | None, typer.Option("--service", "-S", help="Affected service; may be repeated.")]
Correlate = Annotated[list[str] | None, typer.Option("--correlate", "-C", help="Related event; may be repeated.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", "-T", help="Tag; may be repeated.")]
Attributes = Annotated[list[str] | None, typer.Option("--attributes", "-A", help="key=value; may be repeated.")]
Timeout = Annotated[int | None, typer.Option("--timeout", help="Seconds until it expires; 0 is never.")]


def send(  # noqa: PLR0917 - Typer takes options by position
    resource: Annotated[str, typer.Option("--resource", "-r", help="What has the problem.")],
    event: Annotated[str, typer.Option("--event", "-e", help="What the problem is.")],
    environment: Environment = "Production",
    severity: Severity = "normal",
    service: Services = None,
    group: Annotated[str | None, typer.Option("--group", "-g", help="Group, for example Web.")] = None,
    value: Annotated[str | None, typer.Option("--value", "-v", help="What was measured.")] = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="Description.")] = None,
    correlate: Correlate = None,
    tag: Tags = None,
    attribute: Attributes = None,
    origin: Annotated[str | None, typer.Option("--origin", "-O", help="Who sends it.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Type, for example exceptionAlert.")] = None,
    timeout: Timeout = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an alert.

    Example: watchbell send -r web01 -e HttpDown -S shop -s critical -t "no answer for 2 minutes"
    """
    given: dict[str, Any] = {"resource": resource, "event": event, "environment": environment, "severity": severity}
    given |= {"service": service or [], "correlate": correlate, "tags": tag, "timeout": timeout}
    given |= {"group": group, "value": value, "text": text, "origin": origin, "type": kind}
    given["attributes"] = _pairs(attribute or [], "--attributes")
    body = {name: value for name, value in given.items() if value is not None}
    _show_sent(api(url, key).call("POST", "/api/alert", body), as_json=as_json)


def query(
    filters: Annotated[
        list[str] | None, typer.Argument(help="Such as severity=critical status=open; all must hold.")
    ] = None,
    search: Annotated[str | None, typer.Option("--search", "-q", help="Words to look for.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1, max=1000)] = 50,
    sort: Annotated[str, typer.Option("--sort-by", help="Field; with a minus in front the order turns.")] = "severity",
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts, the worst first.

    Example: watchbell query status=open severity=critical service=shop
    """
    pairs = [(name, value) for name, value in (_pair(text, "FILTERS") for text in filters or [])]
    if search:
        pairs.append(("q", search))
    answer = api(url, key).get("/api/alerts", [*pairs, ("page-size", str(limit)), ("sort-by", sort)])
    if as_json:
        show_json(answer["alerts"])
    else:
        _show_list(answer)


def ack(
    ids: Ids,
    text: TextOption = "",
    timeout: Annotated[int | None, typer.Option("--timeout", help="Seconds until it is open again.")] = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Acknowledge alerts: you take them, nobody else is told.

    Example: watchbell ack 1f6b2c3d -t "looking at it"
    """
    _act(api(url, key), "ack", ids, text, timeout)


def close(ids: Ids, text: TextOption = "", url: UrlOption = None, key: KeyOption = None) -> None:
    """Close alerts.

    Example: watchbell close 1f6b2c3d 77aa01ce -t "replaced the disk"
    """
    _act(api(url, key), "close", ids, text, None)


def heartbeat(
    name: Annotated[str, typer.Argument(help="Name or id of the heartbeat.")],
    start: Annotated[bool, typer.Option("--start", help="The job begins.")] = False,
    fail: Annotated[bool, typer.Option("--fail", help="The job failed.")] = False,
    exit_code: Annotated[int | None, typer.Option("--exit-code", help="The job's exit code.", min=0, max=255)] = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Tell that a job ran.

    Example: backup.sh; watchbell heartbeat nightly-backup --exit-code $?
    """
    if start + fail + (exit_code is not None) > 1:
        raise typer.BadParameter("give one of --start, --fail and --exit-code")
    server = api(url, key)
    said = "/start" if start else "/fail" if fail else "" if exit_code is None else f"/{exit_code}"
    server.call("POST", f"/ping/{_heartbeat_id(server, name)}{said}", {})
    typer.echo("OK")


def _show_sent(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    alert = answer.get("alert", {})
    repeats = alert.get("duplicateCount") or 0
    typer.echo(f"{answer.get('id', '')} ({alert.get('status', answer.get('message', ''))}, {repeats} repeats)")


def _show_list(answer: dict[str, Any]) -> None:
    shown = ("severity", "status", "lastReceiveTime", "environment", "service", "resource", "event", "value", "text")
    rows = [(alert["id"][:8], *(alert[field] for field in shown)) for alert in answer["alerts"]]
    headings = ("Id", "Severity", "Status", "Last", "Environment", "Service", "Resource", "Event", "Value", "Text")
    show_rows(headings, rows)
    if answer["total"] > len(rows):
        typer.echo(f"{len(rows)} of {answer['total']}; say --limit for more", err=True)


def _heartbeat_id(server: Api, name: str) -> str:
    try:
        return str(uuid.UUID(name))
    except ValueError:
        pulses = server.get("/api/pulses")["pulses"]
    for pulse in pulses:
        if pulse["name"] == name:
            if not pulse["url"]:
                raise Forbidden("The key needs write:heartbeats to ping by name. Give the id, or another key.")
            return pulse["id"]
    known = ", ".join(sorted(pulse["name"] for pulse in pulses)) or "none"
    raise Missing(f"there is no heartbeat named {name!r}; there are: {known}")


def _act(server: Api, action: str, ids: list[str], text: str, timeout: int | None) -> None:
    body: dict[str, Any] = {"action": action, "text": text}
    if timeout is not None:
        body["timeout"] = timeout
    for identifier in ids:
        server.call("PUT", f"/api/alert/{segment(identifier)}/action", body)
        # Not every alarm model closes: what is said is what became of it.
        status = server.get(f"/api/alert/{segment(identifier)}")["alert"]["status"]
        typer.echo(f"{identifier} {_SAID.get(status, f'is {status}')}")


_SAID = {"ack": "acknowledged", "ACKED": "acknowledged", "closed": "closed"}


def _pair(text: str, where: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} must be written as name=value", param_hint=where)
    return name, value


def _pairs(texts: list[str], where: str) -> dict[str, str] | None:
    return dict(_pair(text, where) for text in texts) or None
