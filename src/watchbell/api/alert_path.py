"""`GET /api/alert/<id>/why`: the path that an alert took, for its page."""

from typing import Any, Literal, TypedDict

from litestar import get
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.domain.oncall.path import Step
from watchbell.usecases.explaining import Explaining


class StepBody(TypedDict):
    """One step of the path that an alert took."""

    at: Time
    stage: Literal["received", "matched", "suppressed", "changed", "attached", "detached", "told", "untold"]
    text: str
    reason: str
    by: str
    incident: str
    """Id of the incident that it is about, or empty."""


@get(
    "/api/alert/{name:str}/why",
    # It says whom an incident told, so whoever asks must be one who may read that.
    guards=[requires("read:incidents"), requires("read:alerts")],
    opt=told(answer=said(id=str, path=list[StepBody], nobody=list[str])),
)
async def why(name: FromPath[str], explaining: Needed[Explaining]) -> dict[str, Any]:
    """Where an alert came from, what suppressed it, which incidents it joined, and who was told, or why nobody was."""
    alert, path = await explaining.explain(name)
    return {
        "status": "ok",
        "id": alert.id,
        "path": [_shown(step) for step in path.steps],
        "nobody": list(path.nobody),
    }


def _shown(step: Step) -> StepBody:
    return {
        "at": moment(step.at),
        "stage": step.stage,
        "text": step.text,
        "reason": step.reason,
        "by": step.by,
        "incident": step.incident,
    }


routes = [why]
