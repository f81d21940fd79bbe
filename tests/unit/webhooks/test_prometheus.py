from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.signal import UNSAID
from watchbell.ports.webhook import Call
from watchbell.toolkit.prometheus import PrometheusAlert, signal_of
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


def test_label_sets_without_an_instance_stay_apart():
    """With Alerta all of them are one alert, which the first that recovers closes."""
    rule = {"alertname": "CrashLooping", "severity": "critical", "job": "kube-state-metrics", "prometheus": "m/k8s"}
    pods = [{"status": "firing", "labels": {**rule, "namespace": "shop", "pod": f"cart-{n}"}} for n in (1, 2)]
    one, two = (Prometheus().read(call(pod))[0] for pod in pods)
    assert (one.resource, two.resource) == ("namespace=shop,pod=cart-1", "namespace=shop,pod=cart-2")
    (over,) = Prometheus().read(call({**pods[0], "status": "resolved"}))
    assert over.resource == one.resource


def test_a_resource_of_many_labels_is_short_and_its_own():
    labels = {"alertname": "A", **{f"label{n:03}": "x" * 20 for n in range(40)}}
    (one,) = Prometheus().read(call({"status": "firing", "labels": labels}))
    (two,) = Prometheus().read(call({"status": "firing", "labels": {**labels, "label039": "y"}}))
    assert len(one.resource) == len(two.resource) == 200
    assert one.resource != two.resource


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


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"alerts": 1}', b'{"alerts": [{"status": ""}]}', b"\xff"])
def test_what_is_not_the_format_is_refused(body):
    with pytest.raises(Invalid, match="body"):
        Prometheus().read(Call(body=body, received=NOW))


@pytest.mark.parametrize(
    ("said", "timeout"),
    [("300", 300), (" 300 ", 300), ("5m", UNSAID), ("soon", UNSAID), ("-5", UNSAID), ("0", UNSAID), ("9" * 12, UNSAID)],
)
def test_a_timeout_that_cannot_be_read_costs_no_alert(said: str, timeout: int):
    """Alerta takes its default for them, too."""
    (signal,) = Prometheus().read(call({"status": "firing", "labels": {"alertname": "A", "timeout": said}}))
    assert signal.timeout == timeout
    assert not signal.tags


def test_a_timeout_that_cannot_be_read_leaves_the_end_that_an_alert_says():
    ends_at = NOW + timedelta(seconds=120)
    for said, timeout in (("5m", 120), ("0", 120), ("300", 300)):
        alert = PrometheusAlert(labels={"alertname": "A", "timeout": said}, ends_at=ends_at)
        assert signal_of(alert, NOW, "Production").timeout == timeout


def test_an_alert_without_status_is_firing():
    ended = {"labels": {"alertname": "A", "severity": "major"}, "endsAt": "2026-01-01T00:00:00Z"}
    for alert in (ended, {**ended, "status": None}, {**ended, "status": ""}):
        (signal,) = Prometheus().read(call(alert))
        assert (signal.severity, signal.timeout) == ("major", UNSAID)
