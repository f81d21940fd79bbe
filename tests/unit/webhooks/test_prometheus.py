from datetime import UTC, datetime

import msgspec
import pytest

from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call
from watchbell.webhooks.prometheus import Prometheus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def call(alert, **query):
    body = {"version": "4", "externalURL": "http://am", "alerts": [alert]}
    return Call(body=msgspec.json.encode(body), query=query, received=NOW)


FIRING = {
    "status": "firing",
    "labels": {
        "alertname": "DiskFull",
        "instance": "db1:9100",
        "job": "node",
        "severity": "critical",
        "mount": "/var",
        "service": "shop,db",
    },
    "annotations": {"summary": "full", "description": "{instance} {mount} is {nothing}", "runbook": "http://r"},
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prom/graph",
}


def test_a_firing_alert_becomes_a_signal():
    (signal,) = Prometheus().read(call(FIRING))
    assert (signal.resource, signal.event, signal.severity) == ("db1:9100", "DiskFull", "critical")
    assert signal.service == ("shop", "db")
    assert signal.group == "node"
    assert signal.text == "db1:9100 /var is {nothing}"
    assert signal.tags == ("job=node", "mount=/var")
    assert signal.attributes["runbook"] == "http://r"
    assert signal.attributes["moreInfo"] == "http://prom/graph"
    assert "endsAt" not in signal.attributes
    assert signal.create_time == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_resolved_alert_is_normal():
    (signal,) = Prometheus().read(call({**FIRING, "status": "resolved"}))
    assert signal.severity == "normal"


def test_an_alert_without_service_belongs_to_its_job():
    (signal,) = Prometheus().read(call({"status": "firing", "labels": {"alertname": "A", "job": "node"}}))
    assert signal.service == ("node",)
    assert signal.environment == "Production"
    assert signal.severity == "warning"
    assert signal.resource == "n/a"


def test_the_query_names_an_environment():
    (signal,) = Prometheus().read(call({"status": "firing", "labels": {"alertname": "A"}}, environment="Test"))
    assert signal.environment == "Test"


def test_placeholders_reach_nothing_but_labels():
    alert = {
        "status": "firing",
        "labels": {"alertname": "A"},
        "annotations": {"summary": "{alertname.__class__} {0} {"},
    }
    (signal,) = Prometheus().read(call(alert))
    assert signal.text == "{alertname.__class__} {0} {"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"alerts": 1}', b'{"alerts": [{"labels": {}}]}', b"\xff"])
def test_what_is_not_the_format_is_refused(body):
    with pytest.raises(Invalid, match=r"body|alerts\[0\].status"):
        Prometheus().read(Call(body=body, received=NOW))


def test_a_bad_timeout_names_the_label():
    with pytest.raises(Invalid, match=r"labels\.timeout"):
        Prometheus().read(call({"status": "firing", "labels": {"alertname": "A", "timeout": "soon"}}))
