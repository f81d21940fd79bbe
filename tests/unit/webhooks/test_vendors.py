"""Each vendor's message, as its documentation shows it, and what it becomes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from watchbell import plugins
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call, Reading

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

ALARM = {
    "AlarmName": "High CPU",
    "AlarmDescription": "CPU above 90 %",
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed",
    "Region": "EU (Ireland)",
    "Trigger": {
        "MetricName": "CPUUtilization",
        "Namespace": "AWS/EC2",
        "Dimensions": [{"name": "InstanceId", "value": "i-0123"}],
    },
}
SNS = {
    "Type": "Notification",
    "MessageId": "1",
    "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms",
    "Timestamp": "2026-01-01T00:00:00.000Z",
    "Message": msgspec.json.encode(ALARM).decode(),
}
UNIFIED = {
    "receiver": "watchbell",
    "status": "firing",
    "externalURL": "http://grafana/",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Latency", "instance": "web01", "severity": "critical", "grafana_folder": "Shop",
                       "service": "Shop,Search", "zone": "a"},
            "annotations": {"summary": "slow", "runbook_url": "http://r"},
            "startsAt": "2026-01-01T00:00:00Z",
            "generatorURL": "http://grafana/alerting/1",
            "fingerprint": "abc",
            "silenceURL": "http://grafana/silence",
            "values": {"A": 1.5},
        },
        {"status": "resolved", "labels": {"alertname": "Latency", "instance": "web02"}, "annotations": {}},
    ],
}  # fmt: skip
LEGACY = {
    "state": "alerting",
    "ruleId": 1,
    "ruleName": "Memory",
    "ruleUrl": "http://grafana/rule",
    "imageUrl": "http://grafana/img",
    "message": "too much",
    "title": "[Alerting] Memory",
    "tags": {"severity": "minor", "rack": "r1"},
    "evalMatches": [{"metric": "web01", "value": 97.5, "tags": None}],
}
GRAYLOG = {
    "stream": {"title": "nginx"},
    "check_result": {"result_description": "10 messages", "triggered_condition": {"id": "c1"}},
}
NEWRELIC = {
    "version": "1.0",
    "current_state": "open",
    "condition_name": "Apdex",
    "severity": "CRITICAL",
    "account_name": "Shop",
    "details": "Apdex < 0.7",
    "incident_url": "http://nr/1",
    "targets": [{"name": "web", "type": "Application", "labels": {"team": "a"}}],
}
PINGDOM = {
    "check_name": "www",
    "current_state": "DOWN",
    "check_id": 7,
    "check_type": "HTTP",
    "importance_level": "HIGH",
    "description": "timeout",
    "long_description": "no answer in 30 s",
    "state_changed_timestamp": 1767225600,
    "tags": ["eu"],
}
RIEMANN = {"host": "db1", "service": "load", "state": "critical", "metric": 12.5, "description": "high", "tags": ["x"]}
DENSITY = {"fixed": False, "item_name": "web01", "alert_type": "cpu", "item_type": "device", "alert_section": "CPU",
           "configured_trigger_value": 90, "alert_id": 1, "item_id": "d"}  # fmt: skip
STACKDRIVER = {
    "incident": {
        "incident_id": "f2",
        "state": "open",
        "resource_name": "vm-1",
        "condition_name": "Uptime",
        "policy_name": "Web",
        "summary": "vm-1 is down",
        "url": "http://gcp",
        "started_at": 1767225600,
        "documentation": {"content": '{"severity": "minor", "service": ["Shop"]}'},
    },
    "version": "1.2",
}
DATADOG = {"id": "1", "title": "CPU", "text": "high", "transition": "Triggered", "priority": "P1", "host": "web01",
           "metric": "system.cpu", "alert": "CPU high", "alert_id": "9", "tags": "env:Development,service:shop",
           "link": "http://dd", "date": "1767225600000"}  # fmt: skip
SENTRY = {
    "action": "created",
    "data": {"issue": {"shortId": "SHOP-1", "title": "KeyError", "culprit": "cart", "level": "error", "count": "3",
                       "project": {"slug": "shop"}, "web_url": "http://s"}},
}  # fmt: skip
METRIC = {
    "action": "critical",
    "data": {"metric_alert": {"projects": ["shop"], "alert_rule": {"name": "Errors"}}, "description_text": "many"},
}
ZABBIX = {"host": "db1", "event": "Disk full", "severity": "High", "value": "1", "item_value": "97", "event_id": 5,
          "tags": "service:Shop, scope:capacity", "text": "/var"}  # fmt: skip
GITHUB = {
    "action": "completed",
    "repository": {"full_name": "acme/shop"},
    "workflow_run": {"name": "CI", "conclusion": "failure", "head_branch": "main", "html_url": "http://gh/1",
                     "run_number": 12, "event": "push", "updated_at": "2026-01-01T00:00:00Z", "display_title": "Fix"},
}  # fmt: skip
KUMA = {
    "heartbeat": {"status": 0, "msg": "timeout", "ping": None},
    "monitor": {"id": 3, "name": "www", "type": "http", "url": "http://www", "tags": [{"name": "eu"}]},
    "msg": "[www] down",
}
CLOUD = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/disk",
    "type": "DiskFull",
    "subject": "db1",
    "time": "2026-01-01T00:00:00Z",
    "data": {"severity": "major", "service": ["Shop"], "text": "full", "tags": ["a"]},
}


def read(vendor: str, body: Any, **query: str) -> list[Signal]:
    """What a vendor's message becomes."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    found = plugins.table("webhook")[vendor]().read(Call(body=raw, query=query, received=NOW))
    return list(found.signals if isinstance(found, Reading) else found)


@pytest.mark.parametrize(
    ("vendor", "body", "expected"),
    [
        ("cloudwatch", SNS, ("Production", "InstanceId:i-0123", "High CPU", "major", ("123456789012",), "ALARM")),
        ("grafana", LEGACY, ("Production", "web01", "Memory", "minor", ("Grafana",), "97.5")),
        ("graylog", GRAYLOG, ("Development", "nginx", "Alert", "critical", ("test",), None)),
        ("newrelic", NEWRELIC, ("Production", "web", "Apdex", "critical", ("Shop",), None)),
        ("pingdom", PINGDOM, ("Production", "www", "DOWN", "critical", ("HTTP",), "timeout")),
        ("riemann", RIEMANN, ("Production", "db1-load", "load", "critical", ("load",), "12.5")),
        ("serverdensity", DENSITY, ("Production", "web01", "cpu", "critical", ("device",), "90")),
        ("stackdriver", STACKDRIVER, ("Production", "vm-1", "Uptime", "minor", ("Shop",), None)),
        ("datadog", DATADOG, ("Development", "web01", "CPU high", "critical", ("shop",), "system.cpu")),
        ("sentry", SENTRY, ("Production", "shop", "SHOP-1", "major", ("shop",), "3")),
        ("sentry", METRIC, ("Production", "shop", "Errors", "critical", ("shop",), None)),
        ("zabbix", ZABBIX, ("Production", "db1", "Disk full", "major", ("Shop",), "97")),
        ("github", GITHUB, ("Production", "acme/shop", "CI (main)", "major", ("shop",), "failure")),
        ("uptime_kuma", KUMA, ("Production", "www", "MonitorDown", "critical", ("Uptime Kuma",), None)),
        ("cloudevents", CLOUD, ("Production", "db1", "DiskFull", "major", ("Shop",), None)),
    ],
)
def test_a_problem_becomes_a_signal(vendor: str, body: Any, expected: tuple[Any, ...]):
    (signal,) = read(vendor, body)
    found = (signal.environment, signal.resource, signal.event, signal.severity, signal.service, signal.value)
    assert found == expected
    assert signal.id
    assert signal.type
    assert not [name for name in signal.attributes if "." in name or "$" in name]


@pytest.mark.parametrize(
    ("vendor", "body", "severity"),
    [
        ("cloudwatch", {**SNS, "Message": msgspec.json.encode({**ALARM, "NewStateValue": "OK"}).decode()}, "normal"),
        ("newrelic", {**NEWRELIC, "current_state": "closed"}, "ok"),
        ("pingdom", {**PINGDOM, "current_state": "UP"}, "normal"),
        ("riemann", {**RIEMANN, "state": "ok"}, "ok"),
        ("serverdensity", {**DENSITY, "fixed": True}, "ok"),
        ("stackdriver", {"incident": {**STACKDRIVER["incident"], "state": "closed"}}, "ok"),  # type: ignore[dict-item]
        ("datadog", {**DATADOG, "transition": "Recovered"}, "normal"),
        ("sentry", {**SENTRY, "action": "resolved"}, "normal"),
        ("sentry", {**METRIC, "action": "resolved"}, "normal"),
        ("zabbix", {**ZABBIX, "value": 0}, "normal"),
        ("github", {**GITHUB, "workflow_run": {**GITHUB["workflow_run"], "conclusion": "success"}}, "normal"),  # type: ignore[dict-item]
        ("uptime_kuma", {**KUMA, "heartbeat": {"status": 1, "msg": "ok", "ping": 12}}, "normal"),
        ("cloudevents", {**CLOUD, "data": {"severity": "normal"}}, "normal"),
    ],
)
def test_a_recovery_closes_the_same_alert(vendor: str, body: Any, severity: str):
    problems = {"cloudwatch": SNS, "newrelic": NEWRELIC, "pingdom": PINGDOM, "riemann": RIEMANN,
                "serverdensity": DENSITY, "stackdriver": STACKDRIVER, "datadog": DATADOG, "zabbix": ZABBIX,
                "github": GITHUB, "uptime_kuma": KUMA, "cloudevents": CLOUD,
                "sentry": METRIC if "metric_alert" in msgspec.json.encode(body).decode() else SENTRY}  # fmt: skip
    (problem,), (recovery,) = read(vendor, problems[vendor]), read(vendor, body)
    assert recovery.severity == severity
    assert (problem.environment, problem.resource) == (recovery.environment, recovery.resource)
    assert problem.event == recovery.event or problem.event in recovery.correlate


def test_grafanas_unified_alerting_has_an_alert_for_each_label_set():
    """Alerta never learnt this format."""
    first, second = read("grafana", UNIFIED, environment="Development")
    assert (first.resource, first.event, first.severity, first.group) == ("web01", "Latency", "critical", "Shop")
    assert first.service == ("Shop", "Search")
    assert first.tags == ("zone=a",)
    assert first.attributes["runbook_url"] == "http://r"
    assert first.attributes["silence"] == "http://grafana/silence"
    assert (first.value, first.text) == ('{"A":1.5}', "slow")
    assert first.create_time == datetime(2026, 1, 1, tzinfo=UTC)
    assert (second.resource, second.severity, second.environment) == ("web02", "normal", "Development")


def test_every_service_that_grafana_names_counts():
    """Alerta takes all of the query string, and appends those of the tags."""
    match = {**LEGACY["evalMatches"][0], "tags": {"service": "c"}}  # type: ignore[index]
    tagged = {**LEGACY, "evalMatches": [match], "tags": {"service": "d,a"}}
    unlabelled = {**UNIFIED, "alerts": [{"status": "firing", "labels": {"alertname": "x"}}]}
    bodies = (tagged, LEGACY, UNIFIED, unlabelled)
    calls = [
        Call(body=msgspec.json.encode(body), query={"service": "a"}, repeated={"service": ["a", "b"]}, received=NOW)
        for body in bodies
    ]
    readings: list[Any] = [plugins.table("webhook")["grafana"]().read(call) for call in calls]
    services = [reading[0].service for reading in readings]
    assert services == [("a", "b", "c", "d"), ("a", "b"), ("Shop", "Search"), ("a", "b")]


@pytest.mark.parametrize("state", ["pending", "paused", ""])
def test_a_rule_of_grafana_that_is_no_problem_yet_is_refused(state: str):
    with pytest.raises(Invalid, match="no alerts in Grafana notification payload"):
        read("grafana", {**LEGACY, "state": state})


def test_a_rule_of_grafana_without_data_is_a_problem():
    (signal,) = read("grafana", {**LEGACY, "state": "no_data"})
    assert signal.severity == "minor"


def test_a_subscription_of_sns_asks_for_its_confirmation():
    asked = {**SNS, "Type": "SubscriptionConfirmation", "Message": "You have chosen …", "SubscribeURL": "http://aws/c"}
    (signal,) = read("cloudwatch", asked)
    assert (signal.severity, signal.attributes["subscribeUrl"]) == ("informational", "http://aws/c")


def test_an_acknowledged_incident_is_acknowledged_here():
    (relic,) = read("newrelic", {**NEWRELIC, "current_state": "acknowledged"})
    (zabbix,) = read("zabbix", {**ZABBIX, "acknowledged": "Yes"})
    assert (relic.status, zabbix.status) == ("ack", "ack")


def test_what_github_tells_besides_says_nothing():
    assert read("github", {"zen": "Keep it logically awesome.", "hook_id": 1}) == []
    running = {**GITHUB, "workflow_run": {"name": "CI", "conclusion": None}}
    assert read("github", running) == []


def test_a_batch_of_cloud_events():
    assert [signal.resource for signal in read("cloudevents", [CLOUD, {**CLOUD, "subject": "db2"}])] == ["db1", "db2"]
    with pytest.raises(Invalid, match="specversion: is"):
        read("cloudevents", {**CLOUD, "specversion": "0.3"})


def changed(body: Any, path: str, value: Any) -> Any:
    """The same with another value at `a.b`."""
    name, _, rest = path.partition(".")
    return {**body, name: changed(body.get(name, {}), rest, value) if rest else value}


def alarm(path: str, value: Any) -> Any:
    """An alarm of CloudWatch with another value in its message."""
    return {**SNS, "Message": msgspec.json.encode(changed(ALARM, path, value)).decode()}


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("newrelic", changed(NEWRELIC, "incident_url", None)),
        ("newrelic", changed(NEWRELIC, "targets", None)),
        ("pingdom", changed(PINGDOM, "importance_level", None)),
        ("pingdom", changed(PINGDOM, "description", None)),
        ("cloudwatch", alarm("Region", None)),
        ("cloudwatch", alarm("Trigger.Dimensions", None)),
        ("cloudwatch", alarm("Trigger", None)),
        ("serverdensity", changed(DENSITY, "item_type", None)),
        ("fail2ban", {"resource": "192.0.2.1", "event": "ban", "attributes": None, "tags": None}),
        ("stackdriver", changed(STACKDRIVER, "incident.resource_name", None)),
        ("stackdriver", changed(STACKDRIVER, "incident.documentation", "Restart the machine.")),
        ("stackdriver", changed(STACKDRIVER, "incident.documentation", {"content": None})),
        ("graylog", changed(GRAYLOG, "check_result.triggered_condition", None)),
        ("riemann", changed(RIEMANN, "state", None)),
        ("grafana", changed(LEGACY, "message", None)),
        ("zabbix", changed(ZABBIX, "text", None)),
        ("sentry", changed(SENTRY, "data.issue.culprit", None)),
        ("prometheus", {"alerts": [{"status": "firing", "labels": {"a": None}, "annotations": None}]}),
    ],
)
def test_a_null_is_as_good_as_no_field(vendor: str, body: Any):
    (signal,) = read(vendor, body)
    assert signal.resource
    assert "None" not in signal.text


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("Critical", "critical"),
        ("Error", "major"),
        ("Warning", "warning"),
        ("No severity", "critical"),
        ("", "critical"),
    ],
)
def test_googles_words_for_severities(said: str, severity: str):
    incident = {**STACKDRIVER["incident"], "severity": said}  # type: ignore[dict-item]
    (documented,) = read("stackdriver", {"incident": incident})
    (signal,) = read("stackdriver", {"incident": {**incident, "documentation": None}})
    assert (documented.severity, signal.severity) == ("minor", severity)


def test_documentation_as_a_text_may_be_json_too():
    (signal,) = read("stackdriver", changed(STACKDRIVER, "incident.documentation", '{"service": "Shop"}'))
    assert signal.service == ("Shop",)


@pytest.mark.parametrize(
    ("vendor", "body", "field"),
    [
        ("riemann", {**RIEMANN, "host": None}, "host"),
        ("pingdom", {**PINGDOM, "check_name": None, "description": None}, "check_name"),
        ("stackdriver", {"incident": None}, "incident"),
        ("cloudwatch", alarm("Trigger.Dimensions", 5), "Dimensions"),
    ],
)
def test_what_must_be_there_is_named(vendor: str, body: Any, field: str):
    with pytest.raises(Invalid, match=field):
        read(vendor, body)


@pytest.mark.parametrize("vendor", sorted(plugins.table("webhook")))
@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"null", b'"x"', b"[" * 5000, b"\xff", b'{"a": 1}'])
def test_another_body_is_refused_or_says_nothing(vendor: str, body: bytes):
    try:
        found = read(vendor, body)
    except Invalid as refusal:
        found = []
        assert refusal.message  # noqa: PT017 - either is right, an unexpected error is not
    assert all(isinstance(signal, Signal) for signal in found)
