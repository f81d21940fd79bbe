"""Grafana: unified alerting (version 8 and later), and the legacy webhook of before.

Labels name the alert: `alertname`, `severity` (warning), `environment`, `service` (comma-separated), `instance` or
`resource`, `group`; other labels become tags, and the resource of an alert that names none; annotations become
attributes. The query string gives what labels leave out: `?environment=Development&service=Shop&severity=major`;
`service` may come more than once. A resolved alert is normal.

A legacy rule is an alert for each of its metrics that is wrong, or one for the rule when it names none; tags `service`
of the metric and of the rule come after those of the query string. When the rule is well again, Grafana does not say
which had been wrong: every alert with its `ruleId` is over then. A rule that is neither (`pending`, `paused`) is
refused.

With a secret in `webhooks.secrets`, only what Grafana signed (a contact point's HMAC signature) is taken. Let it send
the time, too, in `X-Grafana-Alerting-Timestamp`, so that no call can be repeated later.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from watchbell.domain.alerts.deed import Recovery
from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call, Reading
from watchbell.toolkit.incoming import attributes, decode, moment, resource_of, seconds, text_of, words
from watchbell.toolkit.verifying import fresh, hex_digest, must_match

TYPE = "grafanaAlert"
LEGACY_STATES = {"alerting", "no_data", "ok"}


class UnifiedAlert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert of unified alerting."""

    status: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: str = ""
    generator_url: str = msgspec.field(default="", name="generatorURL")
    dashboard_url: str = msgspec.field(default="", name="dashboardURL")
    panel_url: str = msgspec.field(default="", name="panelURL")
    silence_url: str = msgspec.field(default="", name="silenceURL")
    fingerprint: str = ""
    value_string: str = ""
    values: dict[str, Any] | None = None


class Match(msgspec.Struct, frozen=True):
    """One metric that a legacy rule found wrong."""

    metric: str | None = None
    value: int | float | str | None = None
    tags: dict[str, str] | None = None


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """Either format: `alerts` is unified alerting's, the rest legacy's."""

    alerts: list[UnifiedAlert] | None = None
    external_url: str = msgspec.field(default="", name="externalURL")
    state: str = ""
    """Of the legacy format, as all that follows."""
    rule_id: int | str | None = None
    rule_name: str = ""
    rule_url: str = ""
    image_url: str = ""
    message: str = ""
    title: str = ""
    tags: dict[str, str] | None = None
    eval_matches: list[Match] | None = None


class Grafana:
    """Webhook contact points of Grafana."""

    name = "grafana"
    title = "Grafana"

    def read(self, call: Call) -> Sequence[Signal] | Reading:
        """One signal for each alert of unified alerting, or for each metric of a legacy message."""
        message = decode(Message, call.body)
        if message.alerts is not None:
            return [_unified(alert, call) for alert in message.alerts]
        if message.state not in LEGACY_STATES:
            raise Invalid("no alerts in Grafana notification payload")
        rule = text_of(message.rule_id)
        if message.state == "ok" and rule:
            return Reading(recoveries=(Recovery(type=TYPE, attribute="ruleId", value=rule, event=message.rule_name),))
        return [_legacy(message, match, call) for match in message.eval_matches or [Match()]]

    def verify(self, call: Call, secret: str) -> None:
        """Grafana signs the body, or `<time>:<body>` when it sends the time."""
        timestamp, signed = call.headers.get("x-grafana-alerting-timestamp", ""), call.body
        if timestamp:
            fresh(timestamp, call)
            signed = f"{timestamp}:".encode() + signed
        must_match(call.headers.get("x-grafana-alerting-signature", ""), expected=hex_digest(secret, signed))


def _unified(alert: UnifiedAlert, call: Call) -> Signal:
    labels, notes = dict(alert.labels), dict(alert.annotations)
    given = {**call.query, **{name: labels.pop(name) for name in tuple(labels) if name in _NAMED}}
    event = labels.pop("alertname", "") or "Grafana"
    folder = labels.pop("grafana_folder", "")
    named = given.get("resource") or labels.pop("instance", "") or labels.pop("host", "")
    resource = named or resource_of(labels, event)
    links = {
        "moreInfo": alert.generator_url,
        "dashboard": alert.dashboard_url,
        "panel": alert.panel_url,
        "silence": alert.silence_url,
        "fingerprint": alert.fingerprint,
    }
    services = given["service"] if "service" in alert.labels else ",".join(call.values("service"))
    resolved = alert.status == "resolved"
    text = notes.pop("description", "") or notes.pop("summary", "") or event
    value = msgspec.json.encode(alert.values).decode() if alert.values else alert.value_string or None
    return Signal(
        id=new_id(),
        environment=given.get("environment", "Production"),
        resource=resource,
        event=event,
        severity="normal" if resolved else given.get("severity") or "warning",
        service=words(services) or ("Grafana",),
        group=given.get("group") or folder or "Performance",
        value=value,
        text=text,
        tags=tuple(f"{name}={text}" for name, text in sorted(labels.items())),
        attributes=attributes({**notes, **links}),
        origin=given.get("origin", "Grafana"),
        type=TYPE,
        create_time=moment(alert.starts_at, call.received),
        timeout=seconds(given.get("timeout", ""), "timeout"),
        customer=given.get("customer") or None,
        raw_data=msgspec.json.encode(alert).decode(),
    )


_NAMED = frozenset({"environment", "severity", "service", "resource", "group", "origin", "timeout", "customer"})


def _legacy(message: Message, match: Match, call: Call) -> Signal:
    sources = (match.tags or {}, message.tags or {})
    services = [*call.values("service"), *(each["service"] for each in sources if "service" in each)]
    tags = {**sources[0], **sources[1]}
    given = {**call.query, **{name: tags.pop(name) for name in tuple(tags) if name in _NAMED}}
    links = {"ruleId": text_of(message.rule_id), "ruleUrl": message.rule_url, "imageUrl": message.image_url}
    return Signal(
        id=new_id(),
        environment=given.get("environment", "Production"),
        resource=given.get("resource") or match.metric or message.rule_name or "grafana",
        event=message.rule_name or message.title or "Grafana",
        severity="normal" if message.state == "ok" else given.get("severity") or "major",
        service=tuple(dict.fromkeys(words(",".join(services)))) or ("Grafana",),
        group=given.get("group", "Performance"),
        value=text_of(match.value) or None,
        text=message.message or message.title,
        attributes=attributes({**tags, **links}),
        origin=given.get("origin", "Grafana"),
        type=TYPE,
        create_time=call.received,
        timeout=seconds(given.get("timeout", ""), "timeout"),
        customer=given.get("customer") or None,
        raw_data=msgspec.json.encode(message).decode(),
    )
