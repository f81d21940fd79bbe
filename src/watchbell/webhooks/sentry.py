"""Sentry: issue alerts and metric alerts of an internal integration.

An issue has the severity of its level (fatal critical, error major, warning, info, debug) and is normal when it is
resolved. The project is the resource and, unless the query string gives `service`, the service. With the integration's
client secret in `webhooks.secrets`, only what Sentry signed is taken.
"""

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, text_of, words
from watchbell.toolkit.verifying import hex_digest, must_match

LEVELS = {"fatal": "critical", "error": "major", "warning": "warning", "info": "informational", "debug": "debug"}
METRIC = {"critical": "critical", "warning": "warning", "resolved": "normal"}


class Project(msgspec.Struct, frozen=True):
    """Where an issue is."""

    slug: str = ""
    name: str = ""


class Issue(msgspec.Struct, frozen=True, rename={"short_id": "shortId"}):
    """An issue, or the event that is its newest."""

    id: str | int = ""
    issue_id: str | int = ""
    short_id: str = ""
    title: str = ""
    culprit: str | None = None
    level: str = ""
    status: str = ""
    environment: str | None = None
    platform: str | None = None
    count: str | int | None = None
    project: Project | str | int | None = None
    web_url: str = ""
    permalink: str | None = None


class Rule(msgspec.Struct, frozen=True):
    """What a metric alert watches."""

    name: str = ""


class MetricAlert(msgspec.Struct, frozen=True):
    """A metric alert."""

    title: str = ""
    alert_rule: Rule = Rule()
    projects: list[str] = []


class Data(msgspec.Struct, frozen=True):
    """What happened: one of the first three."""

    issue: Issue | None = None
    event: Issue | None = None
    metric_alert: MetricAlert | None = None
    description_text: str = ""
    description_title: str = ""
    web_url: str = ""


class Message(msgspec.Struct, frozen=True):
    """What Sentry sends."""

    action: str
    data: Data


class Sentry:
    """Alerts of Sentry."""

    name = "sentry"
    title = "Sentry"

    def read(self, call: Call) -> list[Signal]:
        """One signal for an issue or a metric alert."""
        message = decode(Message, call.body)
        data = message.data
        if data.metric_alert is not None:
            return [_metric(message.action, data.metric_alert, data, call)]
        issue = data.issue or data.event
        if issue is None:
            raise Invalid("has neither an issue, an event nor a metric alert", "data")
        return [_issue(message.action, issue, call)]

    def verify(self, call: Call, secret: str) -> None:
        """Sentry signs the body with the integration's client secret."""
        must_match(call.headers.get("sentry-hook-signature", ""), expected=hex_digest(secret, call.body))


def _issue(action: str, issue: Issue, call: Call) -> Signal:
    resolved = action == "resolved" or issue.status == "resolved"
    place = issue.project
    project = (place.slug or place.name if isinstance(place, Project) else text_of(place)) or "sentry"
    return Signal(
        id=new_id(),
        environment=issue.environment or call.query.get("environment", "Production"),
        resource=project,
        event=issue.short_id or text_of(issue.issue_id or issue.id) or issue.title or "Issue",
        severity="normal" if resolved else LEVELS.get(issue.level, "major"),
        service=words(call.query.get("service", "")) or (project,),
        group="Sentry",
        value=text_of(issue.count) or None,
        text=": ".join(part for part in (issue.title, issue.culprit) if part),
        attributes=attributes({"moreInfo": issue.web_url or issue.permalink, "platform": issue.platform}),
        origin="Sentry",
        type="sentryAlert",
        create_time=call.received,
        raw_data=call.body.decode(errors="replace"),
    )


def _metric(action: str, alert: MetricAlert, data: Data, call: Call) -> Signal:
    project = alert.projects[0] if alert.projects else "sentry"
    return Signal(
        id=new_id(),
        environment=call.query.get("environment", "Production"),
        resource=project,
        event=alert.alert_rule.name or alert.title or "Metric alert",
        severity=METRIC.get(action, "major"),
        service=words(call.query.get("service", "")) or (project,),
        group="Sentry",
        text=data.description_text or data.description_title,
        attributes=attributes({"moreInfo": data.web_url}),
        origin="Sentry",
        type="sentryAlert",
        create_time=call.received,
        raw_data=call.body.decode(errors="replace"),
    )
