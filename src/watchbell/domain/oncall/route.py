"""How alerts become, change and end an incident of one service.

- An alert belongs to a service when it names it, its environment is one of the service's, and it is severe enough.
- It *stands* while it is neither closed nor expired, shelved nor under a blackout. What is silenced opens nothing and
  keeps nothing open: someone decided not to hear of it.
- What is inhibited opens nothing and joins nothing. What stands in an incident is never inhibited.
- A standing alert opens an incident, or joins the one that is unresolved. A worse one raises the severity and everyone
  who was told is told again.
- When every standing alert is acknowledged, so is the incident. When an acknowledged alert opens again, the incident
  does too.
- An alert that flaps is told of once, and then by digest; until it calms down it stands, even while it is well.
- When none stands any more the incident is resolved. A later alert is a new episode, and a new incident.

`route` is idempotent: given what it has decided already, it decides nothing.
"""

from collections.abc import Iterable, Sequence

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import OVER, SILENT, TAKEN
from watchbell.domain.ids import AlertId
from watchbell.domain.oncall.answering import settle, take, unacknowledged
from watchbell.domain.oncall.damping import begin_damping, damp, forget_gone
from watchbell.domain.oncall.decision import Circumstances, Decision, Draft, incident_id
from watchbell.domain.oncall.incident import Incident, IncidentStatus, Purpose
from watchbell.domain.oncall.ladder import begin, climb, tell_again
from watchbell.domain.oncall.service import Service
from watchbell.domain.oncall.wording import SHOWN_ALERTS, clean, name_of, title_of

ENDED = frozenset(OVER)
LEFT = "no longer stands"
"""How the timeline says that an alert left its incident."""


def refusal(alert: Alert, at: Circumstances, *, joined: bool = False) -> str:
    """Why an alert does not count for the service just now; empty when it does.

    One that has `joined` an incident and flaps counts also while it is well.
    """
    service = at.service
    damped = joined and alert.flapping and alert.status != "expired"
    steps = (
        (not service.enabled, f"the service {service.name} is disabled"),
        (service.name not in alert.service, f"the alert does not name the service {service.name}"),
        (alert.status in ENDED and not damped, f"the alert is {alert.status}"),
        (alert.status in SILENT, f"the alert is silenced ({alert.status})"),
        (alert.inhibited, f"the alert is inhibited by the alert {alert.inhibited_by} ({alert.inhibition})"),
        (not _environment_counts(alert, service), f"the service does not watch the environment {alert.environment}"),
        (
            at.rank(alert.severity) > at.rank(service.minimum_severity) and not damped,
            f"{alert.severity} is less severe than {service.minimum_severity}",
        ),
    )
    return next((reason for applies, reason in steps if applies), "")


def _environment_counts(alert: Alert, service: Service) -> bool:
    return not service.environments or alert.environment in service.environments


def route(
    incident: Incident | None, alerts: Sequence[Alert], at: Circumstances, gone: Sequence[str] = ()
) -> Decision | None:
    """What the present state of `alerts` makes of the service's unresolved incident.

    `alerts` are those that changed; with the incident's other active ones, when one of them was acknowledged. `gone`
    are alerts that were deleted. None means that there is no incident and none is opened.
    """
    standing = [alert for alert in alerts if not refusal(alert, at)]
    if incident is None:
        return _open(standing, at) if standing else None
    draft = Draft(incident, at)
    _attach(draft, [alert for alert in standing if alert.id not in incident.active])
    _raise_severity(draft, standing)
    _reopen(draft, standing)
    calm = damp(draft, alerts, ENDED)
    _detach(draft, alerts, gone, calm)
    _take_over(draft, standing)
    forget_gone(draft)
    return draft.finish()


def _open(standing: Sequence[Alert], at: Circumstances) -> Decision:
    worst = _worst(standing, at)
    incident = Incident(
        id=incident_id(at.service, worst),
        service=at.service.name,
        title=title_of(at.service.name, worst),
        severity=worst.severity,
        environment=worst.environment,
        alerts=_ids(standing),
        active=_ids(standing),
        policy=at.policy.name if at.policy else at.service.policy,
        opened_at=at.now,
    )
    draft = Draft(incident, at, fresh=True)
    reason = f"{worst.severity} is at least {at.service.minimum_severity}: {clean(worst.text) or clean(worst.event)}"
    draft.note("opened", f"Opened by {name_of(worst)}", reason, data={"alerts": list(_ids(standing))[:SHOWN_ALERTS]})
    begin_damping(draft, standing)
    begin(draft)
    _take_over(draft, standing)
    climb(draft, standing)
    return draft.finish()


def _attach(draft: Draft, joining: Sequence[Alert]) -> None:
    if not joining:
        return
    incident = draft.incident
    known = frozenset(incident.alerts)
    added = tuple(alert.id for alert in joining if alert.id not in known)
    draft.set(alerts=incident.alerts + added, active=incident.active + _ids(joining))
    names = ", ".join(name_of(alert) for alert in joining[:3])
    more = f" and {len(joining) - 3} more" if len(joining) > 3 else ""
    draft.note(
        "alert",
        f"Joined by {names}{more}",
        f"the service {incident.service} is unwell already",
        data={"alerts": [alert.id for alert in joining[:SHOWN_ALERTS]], "count": len(joining)},
    )


def _raise_severity(draft: Draft, standing: Sequence[Alert]) -> None:
    if not standing:
        return
    worst, former = _worst(standing, draft.at), draft.incident.severity
    if draft.at.rank(worst.severity) >= draft.at.rank(former):
        return
    draft.set(severity=worst.severity)
    draft.note(
        "severity", f"Severity raised from {former} to {worst.severity}", f"{name_of(worst)} is {worst.severity}"
    )
    lead = f"{draft.incident.service} became worse: {former}, now {worst.severity}"
    tell_again(draft, standing, Purpose.ALERT, lead, f"the severity rose to {worst.severity}")


def _reopen(draft: Draft, standing: Sequence[Alert]) -> None:
    """An alert whose acknowledgement was taken back or ran out, or that became worse, opens the incident again."""
    if draft.incident.status is not IncidentStatus.ACKNOWLEDGED:
        return
    for alert in standing:
        if alert.status not in TAKEN and alert.previous_status in TAKEN:
            unacknowledged(draft, standing, f"{name_of(alert)} is no longer acknowledged", "")
            return


def _detach(draft: Draft, alerts: Sequence[Alert], gone: Iterable[str], calm: str) -> None:
    active = frozenset(draft.incident.active)
    reasons = {alert.id: refusal(alert, draft.at, joined=True) for alert in alerts if alert.id in active}
    leaving: dict[str, str] = {key: reason for key, reason in reasons.items() if reason}
    leaving |= {key: "the alert was deleted" for key in gone if key in active}
    if not leaving:
        return
    named = {alert.id: name_of(alert) for alert in alerts}
    for key, reason in list(leaving.items())[:SHOWN_ALERTS]:
        draft.note("alert", f"{named.get(AlertId(key), key)} {LEFT}", reason, data={"alerts": [key]})
    draft.set(active=tuple(key for key in draft.incident.active if key not in leaving))
    if not draft.incident.active:
        why = f"none of its alerts stands any more{'; ' if calm else ''}{calm}"
        settle(draft, [alert for alert in alerts if alert.id in leaving], why, "")


def _take_over(draft: Draft, standing: Sequence[Alert]) -> None:
    """When every alert that stands is acknowledged, so is the incident."""
    if draft.incident.status is not IncidentStatus.OPEN:
        return
    taken = frozenset(alert.id for alert in standing if alert.status in TAKEN)
    if taken and taken.issuperset(draft.incident.active):
        take(draft, standing, _taker(standing), "every alert of the incident is acknowledged")


def _taker(standing: Sequence[Alert]) -> str:
    """Who acknowledged, when the alerts say so."""
    named = (str(alert.attributes.get("acknowledgedBy") or "") for alert in standing)
    return next((name for name in named if name), "")


def _worst(alerts: Sequence[Alert], at: Circumstances) -> Alert:
    return min(alerts, key=lambda alert: (at.rank(alert.severity), alert.receive_time, alert.id))


def _ids(alerts: Sequence[Alert]) -> tuple[AlertId, ...]:
    return tuple(alert.id for alert in alerts)
