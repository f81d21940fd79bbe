"""Mailgun: a route whose action forwards messages to this address (a form).

The sender is the resource, the subject the event. The query string may give `environment` (Production), `severity`
(major) and `group` (Email). With a secret in `webhooks.secrets`, Mailgun's signing key, the fields `timestamp`, `token`
and `signature` are checked. The webhook `email` takes Mailgun's messages, too, and reads more out of them.
"""

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.form import form
from watchbell.toolkit.verifying import fresh, hex_digest, must_match

_SIGNED = frozenset({"timestamp", "token", "signature"})


class Mailgun:
    """Messages that Mailgun forwards."""

    name = "mailgun"
    title = "Mailgun"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        given = form(call)
        for field in ("sender", "subject"):
            if not given.get(field):
                raise Invalid("is missing", field)
        return [
            Signal(
                id=new_id(),
                environment=call.query.get("environment", "Production"),
                resource=given["sender"],
                event=given["subject"],
                severity=call.query.get("severity", "major"),
                service=("Email",),
                group=call.query.get("group", "Email"),
                text=given.get("stripped-text") or given.get("body-plain", ""),
                origin=f"Mailgun/{given.get('recipient', '')}",
                type="Email Alert",
                create_time=call.received,
                raw_data={name: value for name, value in given.items() if name not in _SIGNED},
            )
        ]

    def verify(self, call: Call, secret: str) -> None:
        """Mailgun signs a time and a token, both in the form."""
        given = form(call)
        timestamp = given.get("timestamp", "")
        fresh(timestamp, call)
        must_match(
            given.get("signature", ""), expected=hex_digest(secret, f"{timestamp}{given.get('token', '')}".encode())
        )
