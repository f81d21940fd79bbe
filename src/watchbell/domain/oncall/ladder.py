"""The escalation ladder: whom to tell at which step, and when the next one is due.

The first step is due `after` seconds from the opening; each further one as long after the step before as their `after`s
differ. No step is skipped and none is taken twice: `Incident.step` is the next one. While someone has taken the
incident the ladder stands still; when it is handed back, the ladder goes on with the whole gap to the next step.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.oncall.decision import Circumstances, Decision, Draft, told_target
from watchbell.domain.oncall.incident import Incident, IncidentStatus, Purpose
from watchbell.domain.oncall.service import Policy, Step
from watchbell.domain.oncall.wording import spell, words


def escalate(incident: Incident, alerts: Sequence[Alert], at: Circumstances) -> Decision:
    """Take every step that is due. Nothing changes when none is."""
    draft = Draft(incident, at)
    climb(draft, alerts)
    return draft.finish()


def begin(draft: Draft) -> None:
    """Put a new incident at the foot of the ladder, or say why nobody will be told."""
    service, policy = draft.at.service, draft.at.policy
    if policy is None and not service.policy:
        draft.note("untold", "Nobody was told", f"the service {service.name} has no policy")
    elif policy is None:
        draft.note("untold", "Nobody was told", f"the policy {service.policy!r} of the service does not exist")
    elif not policy.steps:
        draft.note("untold", "Nobody was told", f"the policy {policy.name!r} has no steps")
    else:
        draft.set(step=0, escalates_at=draft.at.now + gap(policy, 0))


def climb(draft: Draft, alerts: Sequence[Alert]) -> None:
    """Take every step that is due."""
    while draft.incident.escalates_at is not None and draft.incident.escalates_at <= draft.at.now:
        due, number = draft.incident.escalates_at, draft.incident.step
        policy = draft.at.policy
        obstacle = _obstacle(draft.incident, policy)
        if obstacle or policy is None:
            draft.set(escalates_at=None)
            draft.note("untold", f"Step {number + 1} was not taken", obstacle)
            return
        _take(draft, _steps(policy)[number], number, alerts)
        draft.set(step=number + 1, escalates_at=_next(policy, number + 1, due))


def _obstacle(incident: Incident, policy: Policy | None) -> str:
    """Why the next step is not taken; empty when it is."""
    if incident.status is IncidentStatus.RESOLVED:
        return "the incident is resolved"
    if incident.status is IncidentStatus.ACKNOWLEDGED:
        return f"acknowledged by {incident.acknowledged_by or 'someone'}"
    if policy is None:
        return f"the policy {incident.policy!r} no longer exists"
    return "" if incident.step < len(policy.steps) else f"the policy {policy.name!r} no longer has so many steps"


def _take(draft: Draft, step: Step, number: int, alerts: Sequence[Alert]) -> None:
    incident, at = draft.incident, draft.at
    after = f"{spell(step.after)} without an acknowledgement" if step.after else "at once"
    reason = f"step {number + 1} of the policy {incident.policy!r}, {after}"
    if number:
        draft.note("escalated", f"Escalated to step {number + 1}", f"nobody has taken it for {spell(step.after)}")
    if not step.targets:
        draft.note("untold", f"Nobody was told at step {number + 1}", f"step {number + 1} of the policy names nobody")
        return
    lead = (
        f"{incident.service} is unwell"
        if not number
        else f"{incident.service} is still unwell, and nobody has taken it"
    )
    message = words(incident, alerts, Purpose.ALERT, lead, at.base_url, at.service.runbook, at.now)
    draft.tell(step.targets, Purpose.ALERT, message, reason)


def hold(draft: Draft, why: str) -> None:
    """Stop climbing; says which step is not reached."""
    if draft.incident.escalates_at is None:
        return
    number = draft.incident.step + 1
    draft.set(escalates_at=None)
    draft.note("note", f"Step {number} not reached", why)


def resume(draft: Draft) -> None:
    """Go on where the ladder was left."""
    policy = draft.at.policy
    if policy is not None:
        draft.set(escalates_at=_next(policy, draft.incident.step, draft.at.now))


def tell_again(draft: Draft, alerts: Sequence[Alert], purpose: Purpose, lead: str, reason: str) -> None:
    """Tell everyone who has been told of this incident."""
    incident, at = draft.incident, draft.at
    if not incident.told:
        return
    message = words(incident, alerts, purpose, lead, at.base_url, at.service.runbook, at.now)
    draft.tell([told_target(key) for key in incident.told], purpose, message, reason)


def gap(policy: Policy, number: int) -> timedelta:
    """How long after the step before (or after the opening) step `number` is due."""
    steps = _steps(policy)
    before = steps[number - 1].after if number else 0.0
    return timedelta(seconds=max(0.0, steps[number].after - before))


def _next(policy: Policy, number: int, since: datetime) -> datetime | None:
    return since + gap(policy, number) if number < len(policy.steps) else None


def _steps(policy: Policy) -> list[Step]:
    return sorted(policy.steps, key=lambda step: step.after)
