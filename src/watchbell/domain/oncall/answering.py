"""What people answer: they take an incident, hand it back, or call it over. Each says who, and why."""

from collections.abc import Sequence

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.errors import Refused
from watchbell.domain.oncall.decision import Circumstances, Decision, Draft
from watchbell.domain.oncall.incident import Incident, IncidentStatus, Purpose
from watchbell.domain.oncall.ladder import hold, resume, tell_again
from watchbell.domain.oncall.wording import clean


def acknowledge(incident: Incident, alerts: Sequence[Alert], who: str, text: str, at: Circumstances) -> Decision:
    """`who` takes the incident: nobody further is told. Taking what one has already changes nothing.

    Raises:
        Refused: the incident is resolved.
    """
    if incident.status is IncidentStatus.RESOLVED:
        raise Refused("The incident is resolved: there is nothing to acknowledge.")
    draft = Draft(incident, at)
    if incident.status is IncidentStatus.OPEN or incident.acknowledged_by != who:
        take(draft, alerts, who, clean(text) or "taken by hand")
    return draft.finish()


def unacknowledge(incident: Incident, alerts: Sequence[Alert], who: str, text: str, at: Circumstances) -> Decision:
    """`who` hands the incident back: the ladder goes on. An open incident stays as it is.

    Raises:
        Refused: the incident is resolved.
    """
    if incident.status is IncidentStatus.RESOLVED:
        raise Refused("The incident is resolved: there is nothing to hand back.")
    draft = Draft(incident, at)
    if incident.status is IncidentStatus.ACKNOWLEDGED:
        unacknowledged(draft, alerts, clean(text) or "handed back", who)
    return draft.finish()


def resolve(incident: Incident, alerts: Sequence[Alert], who: str, text: str, at: Circumstances) -> Decision:
    """`who` calls the incident over, whatever stands. A resolved incident stays as it is."""
    draft = Draft(incident, at)
    if incident.status is not IncidentStatus.RESOLVED:
        settle(draft, alerts, clean(text) or "resolved by hand", who)
        draft.set(active=())
    return draft.finish()


def take(draft: Draft, alerts: Sequence[Alert], who: str, reason: str) -> None:
    """Acknowledge in a decision under way."""
    named = who or "someone"
    draft.set(status=IncidentStatus.ACKNOWLEDGED, acknowledged_at=draft.at.now, acknowledged_by=who)
    draft.note("acknowledged", f"Acknowledged by {named}", reason, by=who)
    hold(draft, f"acknowledged by {named}")
    if draft.at.policy is not None and draft.at.policy.tell_acknowledgement:
        lead = f"{named} has taken the incident of {draft.incident.service}"
        tell_again(draft, alerts, Purpose.ACKNOWLEDGEMENT, lead, "the policy tells of acknowledgements")


def unacknowledged(draft: Draft, alerts: Sequence[Alert], reason: str, who: str) -> None:
    """Take an acknowledgement back in a decision under way. Everyone who was told is told that it is open again."""
    former = draft.incident.acknowledged_by or "someone"
    draft.set(status=IncidentStatus.OPEN, acknowledged_at=None, acknowledged_by="")
    draft.note("unacknowledged", f"No longer acknowledged by {former}", reason, by=who)
    lead = f"{draft.incident.service} is unwell, and nobody has it any more: {reason}"
    tell_again(draft, alerts, Purpose.ALERT, lead, "the acknowledgement ended")
    resume(draft)


def settle(draft: Draft, alerts: Sequence[Alert], reason: str, who: str) -> None:
    """Resolve in a decision under way, and tell of it everyone who was told of the problem."""
    draft.set(status=IncidentStatus.RESOLVED, resolved_at=draft.at.now)
    draft.note("resolved", f"Resolved by {who}" if who else "Resolved", reason, by=who)
    hold(draft, "the incident is resolved")
    if not draft.incident.told:
        return
    if draft.at.policy is not None and not draft.at.policy.tell_recovery:
        draft.note(
            "untold", "Nobody is told of the recovery", f"the policy {draft.at.policy.name!r} does not ask for it"
        )
        return
    lead = f"{draft.incident.service} is well again: {reason}"
    tell_again(draft, alerts, Purpose.RECOVERY, lead, "told of the problem before")
