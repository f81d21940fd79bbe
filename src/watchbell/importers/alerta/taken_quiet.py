"""Blackouts and heartbeats of Alerta, as ours."""

from typing import Any

from watchbell.domain.alerts.policy import admit, admit_words
from watchbell.domain.checks.origin_heartbeat import EXPIRED, OriginHeartbeat, Wording, signal_of
from watchbell.domain.errors import Invalid, WatchbellError
from watchbell.importers.alerta.records import RawBlackout, RawHeartbeat, moment, own_id, past, shaped
from watchbell.importers.alerta.taken_alerts import seconds
from watchbell.ports.data_source import MovedBlackout, Terms
from watchbell.usecases.heartbeating import usual_environment

WILD = "*"


def blackout_of(given: Any) -> tuple[MovedBlackout, RawBlackout]:
    """A blackout, and what it was made of.

    Raises:
        Invalid: it would mean something else here, or its times are none.
    """
    raw = shaped(RawBlackout, given)
    for field in ("environment", "resource", "event", "origin"):
        if WILD in (getattr(raw, field) or ""):
            raise Invalid("has a *, which would stand for any characters here", field)
    start, end = moment(raw.start_time, "startTime"), moment(raw.end_time, "endTime")
    body = {
        "environment": raw.environment,
        "service": raw.service or [],
        "tags": raw.tags or [],
        **{field: getattr(raw, field) or "" for field in ("resource", "event", "group", "origin", "customer")},
        "start": start.isoformat().replace("+00:00", "Z"),
        "end": end.isoformat().replace("+00:00", "Z"),
        "text": raw.text or "",
        "user": raw.user or "",
    }
    if raw.create_time:
        body["created"] = moment(raw.create_time, "createTime").isoformat().replace("+00:00", "Z")
    return MovedBlackout(id=own_id(raw.id), body=body), raw


def heartbeat_of(given: Any, terms: Terms) -> OriginHeartbeat:
    """A heartbeat, watched by the time-outs of this installation if it has none of its own.

    Raises:
        Invalid: its alert would not be let in, so that its silence would be lost.
    """
    raw = shaped(RawHeartbeat, given)
    if not raw.id or not raw.origin:
        raise Invalid("is missing", "origin" if raw.id else "id")
    admit_words(terms.limits, id=raw.id, type=raw.type or "")
    heartbeat = OriginHeartbeat(
        id=own_id(raw.id),
        origin=raw.origin,
        customer=raw.customer or None,
        tags=tuple(dict.fromkeys(raw.tags or ())),
        attributes=raw.attributes or {},
        type=raw.type or "Heartbeat",
        create_time=moment(raw.create_time, "createTime"),
        receive_time=past(raw.receive_time, "receiveTime", terms.now),
        timeout=seconds(raw.timeout, terms.timeouts.heartbeat),
        max_latency=terms.max_latency,
    )
    wording = Wording(terms.model.severities, usual_environment(terms.limits.environments))
    signal = signal_of(heartbeat, EXPIRED, terms.now, wording)
    try:
        admit(signal, terms.limits)
        terms.model.severities.named(signal.severity)
    except WatchbellError as error:
        raise Invalid(error.message) from error
    return heartbeat
