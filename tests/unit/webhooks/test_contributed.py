"""Azure Monitor, Fail2ban, Mailgun, StatusCake and the query string, with their documented messages."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.signal import UNSAID, Signal
from watchbell.ports.webhook import Call
from watchbell.webhooks.azuremonitor import AzureMonitor
from watchbell.webhooks.fail2ban import Fail2Ban
from watchbell.webhooks.mailgun import Mailgun
from watchbell.webhooks.query import Query
from watchbell.webhooks.statuscake import StatusCake

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FORM = {"content-type": "application/x-www-form-urlencoded"}

CONTEXT = {
    "timestamp": "2015-08-14T22:26:41.9975398Z",
    "id": "/subscriptions/s1/resourceGroups/useast/providers/microsoft.insights/alertrules/ruleName1",
    "name": "ruleName1",
    "description": "some description",
    "conditionType": "Metric",
    "condition": {"metricName": "Requests", "metricUnit": "Count", "metricValue": "10", "threshold": "10",
                  "windowSize": "15", "timeAggregation": "Average", "operator": "GreaterThanOrEqual"},
    "subscriptionId": "s1",
    "resourceGroupName": "useast",
    "resourceName": "mysite1",
    "resourceType": "microsoft.foo/sites",
    "resourceRegion": "centralus",
    "portalLink": "https://portal.azure.com/#resource/mysite1",
}  # fmt: skip
CLASSIC = {"status": "Activated", "context": CONTEXT, "properties": {"key1": "value1", "key2": {"a": 1}}}
METRIC = {
    "schemaId": "AzureMonitorMetricAlert",
    "data": {
        "version": "2.0",
        "status": "Activated",
        "context": {
            "timestamp": "2018-02-28T10:44:10.1714014Z",
            "name": "StorageCheck",
            "description": "",
            "conditionType": "SingleResourceMultipleMetricCriteria",
            "severity": "1",
            "condition": {"windowSize": "PT5M", "allOf": [{"metricName": "Transactions", "dimensions": [],
                          "operator": "GreaterThan", "threshold": "0", "timeAggregation": "PT5M", "metricValue": 1}]},
            "resourceGroupName": "Contoso",
            "resourceName": "diag500",
            "resourceType": "Microsoft.Storage/storageAccounts",
            "portalLink": "https://portal.azure.com/#resource//diag500",
        },
        "properties": None,
    },
}  # fmt: skip
VM = "/subscriptions/1/resourcegroups/pipelines/providers/microsoft.compute/virtualmachines/web-vm"
COMMON = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {
            "alertId": "/subscriptions/1/providers/Microsoft.AlertsManagement/alerts/b9569717",
            "alertRule": "WCUS-R2-Gen2",
            "severity": "Sev0",
            "signalType": "Metric",
            "monitorCondition": "Fired",
            "monitoringService": "Platform",
            "alertTargetIDs": [VM],
            "configurationItems": ["web-vm"],
            "originAlertId": "3f2d4487",
            "firedDateTime": "2019-03-22T13:58:24.3713213Z",
            "resolvedDateTime": "2019-03-22T14:03:16.2246313Z",
            "description": "",
            "essentialsVersion": "1.0",
        },
        "alertContext": {"condition": {"windowSize": "PT5M", "allOf": [{"metricName": "Percentage CPU",
                         "operator": "GreaterThan", "threshold": "25", "metricValue": 7.727}]}},
        "customProperties": {"team": "a"},
    },
}  # fmt: skip


def read(webhook: Any, body: Any, headers: dict[str, str] | None = None, /, **query: str) -> Signal:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    (signal,) = webhook.read(Call(body=raw, query=query, received=NOW, headers=headers or {}))
    return signal


def form(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()


def azure(changes: dict[str, Any], base: dict[str, Any] = METRIC) -> dict[str, Any]:
    data = base["data"]
    return {**base, "data": {**data, **changes}}


def test_a_classic_alert_of_azure():
    signal = read(AzureMonitor(), CLASSIC)
    assert (signal.resource, signal.event, signal.severity, signal.service) == (
        "mysite1",
        "ruleName1",
        "critical",
        ("microsoft.foo/sites",),
    )
    assert (signal.group, signal.value, signal.type) == ("useast", "10 Requests", "MetricAlert")
    assert signal.text == "CRITICAL: 10 Requests (GreaterThanOrEqual 10)"
    assert signal.tags == ("key1=value1", 'key2={"a":1}')
    assert signal.origin == "Azure Monitor"
    assert signal.create_time.year == 2015
    assert read(AzureMonitor(), {**CLASSIC, "status": "Resolved"}).severity == "ok"
    assert read(AzureMonitor(), {**CLASSIC, "status": "Other"}).severity == "indeterminate"


def test_an_event_of_azure_has_no_measure():
    event = {**CONTEXT, "conditionType": "Event", "condition": None}
    signal = read(AzureMonitor(), {"status": "Activated", "context": event, "properties": None})
    assert (signal.value, signal.text, signal.type, signal.tags) == (None, "some description", "EventAlert", ())


@pytest.mark.parametrize(
    ("said", "severity"),
    [("0", "critical"), ("1", "major"), (2, "warning"), ("3", "informational"), ("4", "debug"),
     (None, "informational"), ("9", "unknown")],
)  # fmt: skip
def test_a_metric_alert_of_azure(said: Any, severity: str):
    context = {**METRIC["data"]["context"], "severity": said}  # type: ignore[index]
    signal = read(AzureMonitor(), azure({"context": context}), environment="Development")
    assert (signal.resource, signal.event, signal.severity) == ("diag500", "StorageCheck", severity)
    assert (signal.environment, signal.value, signal.type) == ("Development", "1 Transactions", "MetricAlert")
    assert read(AzureMonitor(), azure({"status": "Deactivated"})).severity == "ok"
    assert read(AzureMonitor(), {**METRIC, "schemaId": "Microsoft.Insights/activityLogs"}).type == "EventAlert"


def test_the_common_schema_of_azure():
    signal = read(AzureMonitor(), COMMON)
    assert (signal.resource, signal.event, signal.severity) == ("web-vm", "WCUS-R2-Gen2", "critical")
    assert (signal.service, signal.group) == (("microsoft.compute/virtualmachines",), "pipelines")
    assert (signal.value, signal.text) == ("7.727 Percentage CPU", "CRITICAL: 7.727 Percentage CPU (GreaterThan 25)")
    assert signal.tags == ("team=a",)
    assert signal.attributes == {"alertId": "3f2d4487", "target": VM}
    essentials = {**COMMON["data"]["essentials"], "monitorCondition": "Resolved"}  # type: ignore[dict-item]
    over = read(AzureMonitor(), azure({"essentials": essentials, "alertContext": [1]}, COMMON))
    assert (over.severity, over.value, over.create_time.hour) == ("ok", None, 14)
    bare = {"essentials": {"alertRule": "r", "severity": "Sev9"}, "alertContext": None}
    least = read(AzureMonitor(), {"data": bare})
    assert (least.resource, least.severity, least.service, least.group) == ("azure", "unknown", ("Azure",), "Azure")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "context: is missing"),
        ({"data": {}}, r"data\.context: is missing"),
        ({"status": "Activated", "context": {"name": "a"}}, r"context\.resourceName"),
        ({"status": "Activated", "context": {"resourceName": "a"}}, r"context\.name"),
    ],
)
def test_azure_names_what_is_missing(body: Any, field: str):
    with pytest.raises(Invalid, match=field):
        read(AzureMonitor(), body)


def test_a_ban():
    body = {"resource": "192.0.2.7", "event": "sshd", "message": "banned", "hostname": "web01", "tags": ["ssh"],
            "attributes": {"a.b": 1}}  # fmt: skip
    signal = read(Fail2Ban(), body)
    assert (signal.resource, signal.event, signal.severity, signal.value) == ("192.0.2.7", "sshd", "security", "BAN")
    assert (signal.service, signal.group, signal.origin) == (("fail2ban",), "Fail2Ban", "web01")
    assert (signal.tags, signal.attributes, signal.environment) == (("ssh",), {"a_b": 1}, "Production")
    assert read(Fail2Ban(), {**body, "environment": "Development", "severity": "minor"}).environment == "Development"
    with pytest.raises(Invalid, match="resource"):
        read(Fail2Ban(), {"event": "x"})


MAIL = {"recipient": "alerts@example.org", "sender": "bob@example.com", "subject": "Disk full",
        "body-plain": "All of it\n-- \nBob", "stripped-text": "All of it", "timestamp": "1767323045", "token": "t",
        "signature": "s"}  # fmt: skip


def test_a_message_of_mailgun():
    signal = read(Mailgun(), form(MAIL), FORM)
    assert (signal.resource, signal.event, signal.severity) == ("bob@example.com", "Disk full", "major")
    assert (signal.text, signal.origin, signal.type) == ("All of it", "Mailgun/alerts@example.org", "Email Alert")
    assert (signal.service, signal.group) == (("Email",), "Email")
    assert "signature" not in signal.raw_data
    other = read(Mailgun(), form({**MAIL, "stripped-text": ""}), FORM, severity="minor", group="Mail")
    assert (other.severity, other.group, other.text) == ("minor", "Mail", "All of it\n-- \nBob")
    for field in ("sender", "subject"):
        with pytest.raises(Invalid, match=field):
            read(Mailgun(), form({**MAIL, field: ""}), FORM)


CAKE = {"Token": "x", "Status": "DOWN", "StatusCode": "500", "URL": "http://www", "Name": "www", "Tags": "eu, web",
        "Checkrate": "300", "IP": "192.0.2.1"}  # fmt: skip


def test_a_test_of_statuscake():
    signal = read(StatusCake(), form(CAKE), FORM)
    assert (signal.resource, signal.event, signal.severity, signal.value) == ("www", "AppDown", "major", "500")
    assert (signal.text, signal.tags) == ("http://www is down", ("eu", "web"))
    assert "Token" not in signal.raw_data
    up = read(StatusCake(), {**CAKE, "Status": "UP", "StatusCode": 200, "Tags": ["eu"], "URL": None})
    assert (up.severity, up.value, up.tags, up.text) == ("normal", "200", ("eu",), "www is up")
    assert read(StatusCake(), form(CAKE), FORM, severity="critical").severity == "critical"
    for field in ("Name", "Status"):
        with pytest.raises(Invalid, match=field):
            read(StatusCake(), {**CAKE, field: ""})


def test_a_query_says_it_all_or_nothing():
    least = read(Query(), b"")
    assert (least.resource, least.event, least.severity) == ("QueryDefaultResource", "QueryDefaultEvent", "major")
    assert (least.service, least.group, least.origin, least.environment, least.timeout) == (
        ("QueryDefaultService",),
        "QueryDefaultGroup",
        "QueryDefaultOrigin",
        "Production",
        UNSAID,
    )
    said = {"resource": "r", "event": "e", "severity": "minor", "service": "a,b", "group": "g", "value": "1",
            "text": "t", "tags": "x, y", "origin": "o", "timeout": "60", "environment": "Development",
            "customer": "c"}  # fmt: skip
    full = read(Query(), b"", None, **said)
    assert (full.resource, full.event, full.severity, full.service, full.value) == ("r", "e", "minor", ("a", "b"), "1")
    assert (full.tags, full.timeout, full.customer, full.environment) == (("x", "y"), 60, "c", "Development")
    with pytest.raises(Invalid, match="timeout"):
        read(Query(), b"", timeout="soon")
