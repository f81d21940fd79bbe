"""Microsoft Teams: the actions of a connector card.

The card's action posts JSON: `{"action": "ack", "alert_id": "…"}`, `close` likewise, or `{"action": "blackout",
"environment": "…", "resource": "…", "event": "…", "duration": 3600}` with seconds, an hour unless said. The header
`CARD-ACTION-STATUS` of the answer is what Teams shows. Teams' own token is not looked at: put an API key into the
action's headers.
"""

from collections.abc import Sequence

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.deed import Deed, Mute
from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.toolkit.incoming import decode

DURATION = 3600.0
STATUSES = {"ack": "ack", "close": "closed"}


class Body(msgspec.Struct, frozen=True):
    """What the card posts."""

    action: str = "missing"
    alert_id: str | None = None
    environment: str | None = None
    resource: str | None = None
    event: str | None = None
    duration: float | str | None = None


class MsTeams:
    """Actions of Microsoft Teams' cards."""

    name = "msteams"
    title = "Microsoft Teams"

    def read(self, call: Call) -> Reading:
        """A status or a blackout."""
        body = decode(Body, call.body)
        if body.action == "blackout":
            return _blackout(body)
        if body.action not in STATUSES:
            raise Invalid("Invalid action")
        if not body.alert_id:
            raise Invalid("Missing/invalid alert_id")
        text = "status changed via MS Teams webhook"
        deed = Deed(alert=body.alert_id, verb="status", word=STATUSES[body.action], text=text)
        shown = {"CARD-ACTION-STATUS": "Alert acked" if body.action == "ack" else "Alert closed"}
        done = Reply(body={"status": "ok", "message": "status changed"}, headers=shown)
        missing = Reply(body={"status": "error", "message": "Missing/invalid alert_id"}, status=400)
        return Reading(deeds=(deed,), reply=lambda _: done, missing=missing)


def _blackout(body: Body) -> Reading:
    if not (body.environment and body.resource and body.event):
        wrong = Reply(body={"status": "error", "message": "Missing blackout params"}, status=412)
        return Reading(reply=lambda _: wrong)
    duration = _duration(body.duration)
    mute = Mute(
        environment=body.environment,
        resource=body.resource,
        event=body.event,
        duration=duration,
        text="set in Microsoft Teams",
    )

    def reply(_: Sequence[Alert]) -> Reply:
        shown = {"CARD-ACTION-STATUS": f"Blackout created for {duration / 3600:.1f} hours"}
        return Reply(body={"status": "ok", "message": "blackout created"}, status=201, headers=shown)

    return Reading(mutes=(mute,), reply=reply)


def _duration(said: float | str | None) -> float:
    try:
        found = float(said or DURATION)
    except ValueError:
        return DURATION
    return found if found > 0 else DURATION
