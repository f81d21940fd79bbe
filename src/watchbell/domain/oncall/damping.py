"""How alerts that flap are told of: once, then by digest, until they calm down.

A flapping alert keeps its incident open even while it is well for a moment: its changes are neither recoveries nor new
problems. The incident remembers which of its alerts flap, and which digest was told.
"""

from collections.abc import Sequence

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.oncall.decision import Draft
from watchbell.domain.oncall.incident import IncidentStatus, Purpose
from watchbell.domain.oncall.ladder import tell_again
from watchbell.domain.oncall.wording import name_of, spell


def begin_damping(draft: Draft, alerts: Sequence[Alert]) -> None:
    """A new incident: nobody knows better yet, so the first message says it."""
    for alert in alerts:
        if alert.flapping:
            draft.set(flapping={**draft.incident.flapping, alert.id: alert.flaps.digests if alert.flaps else 0})
            draft.note("flapping", f"{name_of(alert)} is flapping", _so_far(alert), data={"alerts": [alert.id]})


def damp(draft: Draft, alerts: Sequence[Alert], ended: frozenset[str]) -> str:
    """What flapping alerts of the incident have to be told; returns why the calm of one is an end, if it is."""
    calm = ""
    for alert in alerts:
        if alert.id not in draft.incident.active:
            continue
        known = draft.incident.flapping.get(alert.id)
        if alert.flapping:
            _flapping(draft, alert, known)
        elif known is not None:
            calm = _calm(draft, alert, ended) or calm
    return calm


def forget_gone(draft: Draft) -> None:
    """What no longer stands need not be remembered."""
    incident = draft.incident
    left = {key: number for key, number in incident.flapping.items() if key in incident.active}
    if left != incident.flapping:
        draft.set(flapping=left)


def _flapping(draft: Draft, alert: Alert, known: int | None) -> None:
    digests = alert.flaps.digests if alert.flaps is not None else 0
    if known is not None and known >= digests:
        return
    draft.set(flapping={**draft.incident.flapping, alert.id: digests})
    name, word = name_of(alert), "is flapping" if known is None else "is still flapping"
    draft.note("flapping", f"{name} {word}", _so_far(alert), data={"alerts": [alert.id]})
    if _taken(draft):
        return
    lead = f"{name} {word}: {_so_far(alert)}. Its changes are not told until it calms down"
    tell_again(draft, [alert], Purpose.ALERT, lead, f"the alert {word}")


def _calm(draft: Draft, alert: Alert, ended: frozenset[str]) -> str:
    flaps = alert.flaps
    draft.set(flapping={key: number for key, number in draft.incident.flapping.items() if key != alert.id})
    after = f"after {flaps.count} changes" if flaps is not None and flaps.count else "because it was ended"
    draft.note("flapping", f"{name_of(alert)} flaps no more", after, data={"alerts": [alert.id]})
    if alert.status in ended:
        return f"{name_of(alert)} flaps no more, {after}"
    if not _taken(draft):
        lead = f"{name_of(alert)} has calmed down {after}, and stands"
        tell_again(draft, [alert], Purpose.ALERT, lead, "the alert flaps no more")
    return ""


def _taken(draft: Draft) -> bool:
    """Who has taken the incident looks at it, and needs no digest."""
    return draft.incident.status is not IncidentStatus.OPEN


def _so_far(alert: Alert) -> str:
    flaps = alert.flaps
    if flaps is None or flaps.since is None:
        return "it changes again and again"
    return f"{flaps.count} changes, calm when there is none for {spell(flaps.calm)}"
