"""E-mail: a message becomes an alert.

Post the message as it is, such as a mail server's pipe does (`curl --data-binary @- -H 'Content-Type: message/rfc822'
https://…/api/webhooks/email?api-key=…`), or let a service's inbound parse (Mailgun, SendGrid) post its form.

The sender's address is the resource, the subject the event, the text (HTML without its markup) the text. The subject
may say more: `[critical] web01: disk full` names severity, resource and event; a leading `PROBLEM`, `ALERT`, `DOWN` or
`FIRING` is left out, a leading `RECOVERY`, `RESOLVED`, `OK` or `UP` closes the alert that the rest names. Subjects of
Nagios (`** PROBLEM Service Alert: web01/HTTP is CRITICAL **`) are understood. Answers and forwards lose their `Re:`.

Of HTML the first 200,000 characters are read, of headers the first 128 KiB.

Headers win: `X-Watchbell-Severity`, `-Environment`, `-Resource`, `-Event`, `-Service` and `-Tags` (commas), `-Group`,
`-Value`, `-Timeout` (seconds). The query string gives what neither says: `environment` (Production), `severity`
(major), `service` (Email), `group` (Email), `timeout`. Anyone can write any sender: what protects the address is its
key.
"""

import re

from watchbell.domain.alerts.severity import SEVERITIES
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, moment, seconds, words
from watchbell.toolkit.mail import Mail, mail_of

PREFIX = "x-watchbell-"
SUBJECT_MAX = 1000
RAW_MAX = 200_000
_REPLIES = re.compile(r"(?:(?:re|fwd?|aw|wg)\s*:\s*)+", re.IGNORECASE)
_NAGIOS = re.compile(
    r"\*{0,2}\s*(?P<kind>PROBLEM|RECOVERY|ACKNOWLEDGEMENT|FLAPPING\w*|DOWNTIME\w*)\s+(?:Service|Host) Alert:\s*"
    r"(?P<resource>[^/]{1,200}?)(?:/(?P<event>.{1,200}?))?\s+is\s+(?P<state>[A-Z]+)\s*\*{0,2}"
)
_STATES = {"CRITICAL": "critical", "WARNING": "warning", "UNKNOWN": "minor", "DOWN": "critical", "UNREACHABLE": "major",
           "OK": "normal", "UP": "normal"}  # fmt: skip
_BRACKET = re.compile(r"\[(?P<word>[A-Za-z]{2,20})\]\s*")
_WORD = re.compile(r"(?P<word>[A-Za-z]{2,10})\s*[:-]\s+")
_RESOURCE = re.compile(r"(?P<resource>[\w.@-]{1,200}):\s+(?P<event>\S.*)")
_BEGINS = frozenset({"problem", "alert", "down", "firing", "triggered"})
_ENDS = frozenset({"recovery", "recovered", "resolved", "ok", "up", "closed"})


class Email:
    """Messages by e-mail."""

    name = "email"
    title = "E-mail"
    blocks = True
    """Long mail takes a while to read: others are not to wait for it."""

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        mail = mail_of(call)
        subject = mail.subject[:SUBJECT_MAX]
        said = {**call.query, **_subject(subject), **_headers(mail)}
        found = {"from": mail.sender, "messageId": mail.headers.get("message-id"), "subject": subject}
        return [
            Signal(
                id=new_id(),
                environment=said.get("environment") or "Production",
                resource=(said.get("resource") or mail.sender or "email")[:1000],
                event=(said.get("event") or "Mail")[:1000],
                severity=said.get("severity") or "major",
                service=words(said.get("service", "")) or ("Email",),
                group=said.get("group") or "Email",
                value=said.get("value") or None,
                text=mail.text or subject,
                tags=words(said.get("tags", "")),
                attributes=attributes(found),
                origin=f"email/{mail.to}" if mail.to else "email",
                type="emailAlert",
                create_time=moment(mail.sent, call.received),
                timeout=seconds(said.get("timeout", ""), "timeout"),
                raw_data=call.body[: 4 * RAW_MAX].decode(errors="replace").replace("\x00", "")[:RAW_MAX],
            )
        ]


def _headers(mail: Mail) -> dict[str, str]:
    """What the headers of ours say, severity in small letters."""
    found = {name.removeprefix(PREFIX): value for name, value in mail.headers.items() if name.startswith(PREFIX)}
    return {name: value.lower() if name == "severity" else value for name, value in found.items() if value}


def _subject(subject: str) -> dict[str, str]:
    """What the subject says of severity, resource and event."""
    rest = subject
    if replied := _REPLIES.match(rest):
        rest = rest[replied.end() :]
    nagios = _NAGIOS.fullmatch(rest.strip())
    if nagios is not None:
        severity = _STATES.get(nagios["state"], "indeterminate")
        return {"resource": nagios["resource"], "event": nagios["event"] or "HostCheck", "severity": severity}
    found: dict[str, str] = {}
    while (marked := _BRACKET.match(rest) or _WORD.match(rest)) and (severity := _meant(marked["word"])) is not None:
        rest = rest[marked.end() :]
        if severity and found.get("severity") != "normal":
            found["severity"] = severity
    named = _RESOURCE.fullmatch(rest)
    if named is not None:
        found |= {"resource": named["resource"], "event": named["event"].strip()}
    elif rest.strip():
        found["event"] = rest.strip()
    return found


def _meant(word: str) -> str | None:
    """The severity that a leading word means; '' for one that only says that there is a problem; None for others."""
    small = word.lower()
    if small in _ENDS:
        return "normal"
    if small in _BEGINS:
        return ""
    return small if small in SEVERITIES else None
