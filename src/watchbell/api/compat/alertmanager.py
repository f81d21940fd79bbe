"""Prometheus' Alertmanager API, version 2: Prometheus and `amtool` use us as an Alertmanager.

Alerts that Prometheus sends take the way of every signal; what is asked for are the alerts that stand, whoever sent
them. An alert's tags `name=value` are its labels; besides there are alertname, instance, severity, environment, service
and group. Receivers are policies.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal, TypedDict

import msgspec
from litestar import Request, Response, get, post

from watchbell.api.alerts import READ, WRITE, Reception, answer
from watchbell.api.contract import Parameter, Shape, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import raw_of
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import OVER, SILENT
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Store
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.pattern import Pattern
from watchbell.toolkit.prometheus import PrometheusAlert, signal_of
from watchbell.usecases.configuration import Configured
from watchbell.usecases.interpreting import Interpreting
from watchbell.usecases.sifting import refusal, sifted

PREFIX = "/alertmanager/api/v2"
MOST_SENT = 10_000
MOST_SHOWN = 10_000
MATCHERS_MAX = 100
MATCHER_MAX = 4096  # characters
_MATCHER = re.compile(r"([A-Za-z_][A-Za-z0-9_:]*+)\s*+(=~|!~|!=|=)\s*+(.*+)", re.DOTALL)


class Matcher(msgspec.Struct, frozen=True):
    """One condition over a label; a label that is missing is empty."""

    name: str
    value: str
    negate: bool
    pattern: Pattern | None = None

    def holds(self, labels: dict[str, str]) -> bool:
        """Whether the labels fulfil it."""
        found = labels.get(self.name, "")
        matched = self.pattern.matches(found) if self.pattern else found == self.value
        return matched is not self.negate


def matcher_of(text: str) -> Matcher:
    """Read `name="value"`, with `=`, `!=`, `=~` or `!~`, the quotes optional.

    Raises:
        Invalid: it is none, or too long, or its regular expression is none.
    """
    if len(text) > MATCHER_MAX:
        raise Invalid(f"a matcher is longer than {MATCHER_MAX} characters", "filter")
    found = _MATCHER.fullmatch(text.strip())
    if found is None:
        raise Invalid(f'{text!r} is no matcher such as alertname="Down"', "filter")
    name, sign, value = found.groups()
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            value = msgspec.json.decode(value, type=str)
        except msgspec.DecodeError as error:
            raise Invalid(f"{text!r} is not quoted rightly", "filter") from error
    return Matcher(name, value, sign.startswith("!"), Pattern(value) if "~" in sign else None)


def matchers_of(request: Request[Any, Any, Any]) -> list[Matcher]:
    """Those of `filter`.

    Raises:
        Invalid: one is none, or there are too many.
    """
    texts = request.query_params.getall("filter", [])
    if len(texts) > MATCHERS_MAX:
        raise Invalid(f"has more than {MATCHERS_MAX} matchers", "filter")
    return [matcher_of(text) for text in texts]


class Receiver(TypedDict):
    """Whom an alert is for: a service, or a policy."""

    name: str


class GettableStatus(TypedDict):
    """Whether an alert is silenced or inhibited."""

    inhibitedBy: list[str]
    """The id of the alert that inhibits it."""
    silencedBy: list[str]
    state: Literal["suppressed", "active"]


class GettableAlert(TypedDict):
    """An alert, as Alertmanager's clients know it."""

    annotations: dict[str, str]
    endsAt: Time
    fingerprint: str
    generatorURL: str
    labels: dict[str, str]
    receivers: list[Receiver]
    startsAt: Time
    status: GettableStatus
    updatedAt: Time


class AlertGroup(TypedDict):
    """The alerts of a service."""

    alerts: list[GettableAlert]
    labels: dict[str, str]
    receiver: Receiver


ENVIRONMENT = Parameter(
    name="environment", about="Where the alerts belong that have no such label.", default="Production"
)
FILTER = Parameter(name="filter", about='A matcher such as `alertname="Down"`; all must hold.', many=True)
_STANDING = (
    FILTER,
    Parameter(name="active", about="Whether those come along that tell somebody.", type=bool, default=True),
    Parameter(name="silenced", about="Whether those come along that are silenced.", type=bool, default=True),
    Parameter(name="inhibited", about="Whether those come along that are inhibited.", type=bool, default=True),
    Parameter(name="receiver", about="A regular expression that a receiver must match."),
)


@post(
    f"{PREFIX}/alerts",
    guards=WRITE,
    status_code=200,
    opt=told(body=list[PrometheusAlert], query=(ENVIRONMENT,)),
)
async def receive(
    request: Request[Any, Any, Any], reception: Needed[Reception], interpreting: Needed[Interpreting]
) -> Response[bytes]:
    """Receive alerts. Those that are refused are told by the error, as Alertmanager does; all others are taken.

    A severity that is none here stands for one that is as bad.
    """
    now = reception.clock.now()
    sent = decode(list[PrometheusAlert], await raw_of(request))
    if len(sent) > MOST_SENT:
        raise Invalid(f"has more than {MOST_SENT} alerts", "body")
    environment = request.query_params.get(ENVIRONMENT.name, ENVIRONMENT.default)
    read = [msgspec.structs.replace(signal_of(alert, now, environment), source="alertmanager") for alert in sent]
    signals = interpreting.all(read)
    taken = sifted(signals, await reception.intake.receive_each(signals))
    if taken.refused:
        raise refusal(taken.refused, len(signals))
    return Response(b"", media_type="application/json")


@get(f"{PREFIX}/alerts", guards=READ, opt=told(query=_STANDING, answer=list[GettableAlert]))
async def alerts(request: Request[Any, Any, Any], store: Needed[Store]) -> Response[bytes]:
    """The alerts that stand and that all matchers of `filter` hold for."""
    return answer([body for _, body in await _standing(request, store)])


@get(f"{PREFIX}/alerts/groups", guards=READ, opt=told(query=_STANDING, answer=list[AlertGroup]))
async def groups(request: Request[Any, Any, Any], store: Needed[Store]) -> Response[bytes]:
    """The same by service."""
    found: dict[str, list[GettableAlert]] = {}
    for alert, body in await _standing(request, store):
        found.setdefault(",".join(alert.service), []).append(body)
    return answer(
        [
            {"alerts": bodies, "labels": {"service": service}, "receiver": {"name": service or "none"}}
            for service, bodies in sorted(found.items())
        ]
    )


@get(f"{PREFIX}/receivers", guards=READ, opt=told(answer=list[Receiver]))
async def receivers(configured: Needed[Configured]) -> Response[bytes]:
    """The policies."""
    config = await configured.current()
    return answer([{"name": name} for name in sorted(policy.name for policy in config.policies.values())])


@get(
    f"{PREFIX}/status",
    guards=READ,
    opt=told(
        answer=Shape(
            {"cluster": dict[str, Any], "config": dict[str, str], "uptime": Time, "versionInfo": dict[str, str]}
        )
    ),
)
async def status(started: Needed[datetime]) -> Response[bytes]:
    """What answers here."""
    return answer(
        {
            "cluster": {"name": "", "peers": [], "status": "disabled"},
            "config": {"original": "# Watchbell has policies instead: see GET /api/objects/policy\n"},
            "uptime": moment(started),
            "versionInfo": {
                "branch": "",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
                "revision": "",
                "version": f"watchbell {version('watchbell')}",
            },
        }
    )


async def _standing(request: Request[Any, Any, Any], store: Store) -> list[tuple[Alert, GettableAlert]]:
    given = request.query_params
    matchers = matchers_of(request)
    shown = {name: given.get(name, "true").lower() != "false" for name in ("active", "silenced", "inhibited")}
    receiver = Pattern(given["receiver"]) if "receiver" in given else None
    query = AlertQuery(filters=(Filter(field="status", values=OVER, negate=True),), page_size=MOST_SHOWN)
    async with store.reading() as tx:
        found = await tx.alerts.find(query)
    return [
        (alert, _body(alert, labels))
        for alert in found
        if shown[_state(alert)]
        and (receiver is None or any(receiver.matches(name) for name in _receivers(alert)))
        and _all_hold(matchers, labels := _labels(alert))
    ]


def _state(alert: Alert) -> Literal["silenced", "inhibited", "active"]:
    if alert.status in SILENT:
        return "silenced"
    return "inhibited" if alert.inhibited else "active"


def _all_hold(matchers: Sequence[Matcher], labels: dict[str, str]) -> bool:
    return all(matcher.holds(labels) for matcher in matchers)


def _labels(alert: Alert) -> dict[str, str]:
    return dict(tag.split("=", 1) for tag in alert.tags if "=" in tag) | {
        "alertname": alert.event,
        "instance": alert.resource,
        "severity": alert.severity,
        "environment": alert.environment,
        "service": ",".join(alert.service),
        "group": alert.group,
    }


def _receivers(alert: Alert) -> Sequence[str]:
    return alert.service or ("none",)


def _body(alert: Alert, labels: dict[str, str]) -> GettableAlert:
    state = _state(alert)
    lasts = timedelta(seconds=alert.timeout) if alert.timeout else timedelta(days=365)
    notes = {name: str(value) for name, value in alert.attributes.items()}
    return {
        "annotations": notes | {"description": alert.text},
        "endsAt": moment(alert.last_receive_time + lasts),
        "fingerprint": hashlib.sha256(msgspec.json.encode(sorted(labels.items()))).hexdigest()[:16],
        "generatorURL": str(alert.attributes.get("moreInfo", "")),
        "labels": labels,
        "receivers": [{"name": name} for name in _receivers(alert)],
        "startsAt": moment(alert.create_time),
        "status": {
            "inhibitedBy": [alert.inhibited_by] if alert.inhibited_by is not None else [],
            "silencedBy": [alert.status] if state == "silenced" else [],
            "state": "active" if state == "active" else "suppressed",
        },
        "updatedAt": moment(alert.last_receive_time),
    }


routes = [receive, alerts, groups, receivers, status]
