"""`/api/rules`: rules to start from, the windows that a rule judged, and what it would have said."""

from typing import Any, Literal, TypedDict

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.contract import Number, Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import Body, body_of, number_of, ok
from watchbell.domain.events.rules.presets import PRESETS
from watchbell.domain.events.rules.preview import Episode
from watchbell.domain.events.rules.watch import Judged
from watchbell.usecases.foreseeing import Foreseeing

MAY_READ = [requires("read:objects")]
MOST_HOURS = 192


class RuleQuestion(Body, frozen=True):
    """A rule as it might be."""

    rule: dict[str, Any]
    """Its fields, as `/api/objects/rule` takes them."""
    of: str = ""
    """Name or id of the stored rule whose windows are judged again; empty: the rule's own name."""
    hours: int = 168
    """How far back to look."""


class RulePreset(TypedDict):
    """A rule to start from."""

    id: str
    title: str
    about: str
    rule: dict[str, Any]
    """A body for `/api/objects/rule`."""


class RuleWindow(TypedDict):
    """A window and what a rule said of it."""

    start: Time
    group: str
    value: float | None
    low: float | None
    high: float | None
    expected: float | None
    outcome: Literal["ok", "breach", "idle", "unknown"]
    state: str
    """Where the group stood after it: well (empty), `breach` or `unknown`."""
    reason: str


class RuleEpisode(TypedDict):
    """An alert that there was, or would have been; `end` is null when it stands still."""

    group: str
    start: Time
    end: Time | None
    reason: str


HOURS = Number(name="hours", about="How far back.", default=24, most=MOST_HOURS)
GROUP = Parameter(name="group", about="The group; without it, the first that is not well.")


@get("/api/rules/presets", guards=MAY_READ, opt=told(answer=said(presets=list[RulePreset])))
async def presets() -> dict[str, Any]:
    """Rules that many want, each as a body for `/api/objects/rule`."""
    return ok(
        presets=[
            {"id": preset.id, "title": preset.title, "about": preset.about, "rule": _body(preset.rule)}
            for preset in PRESETS
        ]
    )


@get(
    "/api/rules/{name:str}/windows",
    guards=MAY_READ,
    opt=told(
        query=(HOURS, GROUP),
        answer=said(
            id=str,
            name=str,
            measure=str,
            windowS=float,
            learn=bool,
            group=str,
            groups=list[str],
            standing=dict[str, str],
            windows=list[RuleWindow],
            episodes=list[RuleEpisode],
        ),
    ),
)
async def windows(
    request: Request[Any, Any, Any], name: FromPath[str], foreseeing: Needed[Foreseeing]
) -> dict[str, Any]:
    """What a rule judged, oldest first: `hours` back (24), of one `group`; with the band, and the alerts there were."""
    group = request.query_params.get(GROUP.name)
    view = await foreseeing.windows(name, number_of(request, HOURS), group)
    return ok(
        id=view.rule.id,
        name=view.rule.name,
        measure=view.rule.measure.value,
        windowS=view.rule.slice_s,
        learn=view.rule.learn,
        group=view.group,
        groups=list(view.groups),
        standing=dict(view.standing),
        windows=[_window(row) for row in view.windows],
        episodes=[_episode(episode) for episode in view.episodes],
    )


@post(
    "/api/rules/preview",
    guards=MAY_READ,
    status_code=200,
    opt=told(
        body=RuleQuestion,
        answer=said(
            known=bool,
            reason=str,
            hours=float,
            fired=int,
            judged=int,
            episodes=list[RuleEpisode],
            windows=list[RuleWindow],
        ),
    ),
)
async def preview(request: Request[Any, Any, Any], foreseeing: Needed[Foreseeing]) -> dict[str, Any]:
    """How often a rule would have fired over the windows that are stored. Changes nothing."""
    asked = await body_of(request, RuleQuestion)
    name = asked.of or str(asked.rule.get("name", ""))
    found = await foreseeing.preview(name, asked.rule, min(max(asked.hours, 1), MOST_HOURS))
    return ok(
        known=found.known,
        reason=found.reason,
        hours=round(found.hours, 1),
        fired=len(found.result.episodes),
        judged=len(found.result.windows),
        episodes=[_episode(episode) for episode in found.result.episodes[-100:]],
        windows=[_window(row) for row in found.result.windows],
    )


def _window(row: Judged) -> RuleWindow:
    return {
        "start": moment(row.window_start),
        "group": row.group,
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "expected": row.expected,
        "outcome": row.outcome.value,
        "state": row.state,
        "reason": row.reason,
    }


def _episode(episode: Episode) -> RuleEpisode:
    return {
        "group": episode.group,
        "start": moment(episode.start),
        "end": moment(episode.end),
        "reason": episode.reason,
    }


def _body(rule: msgspec.Struct) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(rule)
    body.pop("id", None)
    return body


routes = [presets, windows, preview]
