"""A small installation with something of everything, for looking at the pages: some of it well, some of it not."""

from typing import Any
from urllib.parse import quote

import httpx

from acceptance.installation import SingleMachine
from servers.process import wait_until
from servers.target import HttpTarget

LOGIN, PASSWORD = "ada", "correct horse battery"

_ALERTS: list[tuple[str, str, str, str, str, str]] = [
    ("db01", "DiskFull", "critical", "Production", "Checkout", "/var/lib/postgresql is 97 % full, 3 GB left"),
    ("web03", "HighLoad", "major", "Production", "Shop", "load average 41.2 over 5 minutes, 8 cores"),
    ("web04", "HighLoad", "minor", "Production", "Shop", "load average 12.9 over 5 minutes, 8 cores"),
    ("mail1", "QueueLength", "warning", "Production", "Mail", "1,204 messages wait to be delivered"),
    (
        "fw-edge",
        "LoginFailures",
        "security",
        "Production",
        "Network",
        "212 failed log-ins from 203.0.113.9",
    ),
    ("backup", "JobFinished", "informational", "Production", "Backup", "nightly backup took 42 min, 1.2 TB"),
    ("search2", "ReplicaLag", "major", "Production", "Search", "replica is 41 s behind"),
    ("ci-7", "AgentOffline", "warning", "Development", "Build", "no heartbeat for 12 minutes"),
    ("printer-2", "TonerLow", "unknown", "Development", "Office", "cannot read the level"),
]


def person(installation: SingleMachine) -> None:
    """The first administrator, by the one-time link."""
    token = installation.setup_link.partition("token=")[2]
    body = {"token": token, "login": LOGIN, "name": "Ada Lovelace", "email": "ada@example.org", "password": PASSWORD}
    httpx.post(f"{installation.url}/api/setup", json=body).raise_for_status()


def _alert(installation: SingleMachine, fields: tuple[str, str, str, str, str, str], **more: Any) -> str:
    resource, event, severity, environment, service, text = fields
    body = {
        "resource": resource,
        "event": event,
        "severity": severity,
        "environment": environment,
        "service": [service],
        "text": text,
        "tags": ["demo"],
        "origin": "sample/host1",
        **more,
    }
    return installation.call("POST", "/api/alert", body)["id"]


def objects(installation: SingleMachine, target: HttpTarget) -> None:
    """Channels, a policy, services, hosts, checks, heartbeats, a rule and an inhibition."""
    define = installation.define
    define("channel", name="Room", type="webhook", config={"url": f"{target.url}/room", "secret": "whsec_" + "a" * 32})
    steps = [
        {"after": 0, "targets": [{"channel": "Room"}]},
        {"after": 600, "targets": [{"channel": "Room", "to": "second line"}]},
    ]
    define("policy", name="Office hours", steps=steps)
    for name, text in (
        ("Checkout", "Baskets, payment, confirmation"),
        ("Shop", "Product pages and search results"),
        ("Search", "The index and its replicas"),
        ("Mail", "Incoming and outgoing mail"),
    ):
        runbook = f"https://wiki.example.org/{name.lower()}"
        define("service", name=name, description=text, policy="Office hours", runbook=runbook)
    define("host", name="web03", address="127.0.0.1", tags=["web"])
    base: dict[str, Any] = {"type": "http", "interval": 1, "timeout": 5}
    define("check", name="Shop front page", services=["Shop"], config={"url": f"{target.url}/"}, **base)
    define("check", name="Search API", services=["Search"], config={"url": f"{target.url}/search"}, **base)
    pay = {"url": f"{target.url}/pay", "text": "ready"}
    define("check", name="Payment gateway", services=["Checkout"], config=pay, description="Says ready", **base)
    slow = {"url": f"{target.url}/slow", "warning_seconds": 0.05}
    define("check", name="Slow page", services=["Shop"], config=slow, **base)
    command = {"command": "/bin/echo 'DISK OK - 41 % used | used=41%;80;90'"}
    define("check", name="Disk", type="command", interval=2, config=command, host="web03")
    define("check", name="Old portal", enabled=False, config={"url": f"{target.url}/old"}, type="http")
    define("heartbeat", name="Nightly backup", every=86400, grace=3600, services=["Mail"])
    define(
        "inhibition",
        name="Switch of a site",
        description="What is behind a switch that is down cannot be reached.",
        source={"event": "SwitchDown"},
        target={"event": "*Unreachable"},
        equal=["environment", "tags.site"],
    )
    define("heartbeat", name="Invoices", every=60, grace=10, enabled=False, description="Runs at the end of a month")
    lab: dict[str, Any] = {"environment": "Development", "resource": "lab-*", "user": LOGIN}
    define(
        "blackout", name="Lab moves", start="2026-01-01T00:00:00Z", end="2099-01-01T00:00:00Z", text="New racks", **lab
    )
    recurring = {
        "start": "2026-01-03T01:00:00Z",
        "duration": 3600,
        "recurrence": "FREQ=YEARLY",
        "timezone": "Europe/Berlin",
    }
    define("blackout", name="Lab power test", text="Once a year", service=["Lab"], **recurring, **lab)
    define("blackout", name="Lab is new", start="2026-01-01T00:00:00Z", duration=60, tags=["site=lab"], **lab)
    define("blackout", name="Move", environment="Development", start="2090-01-01T00:00:00Z", duration=3600)
    define(
        "rule", name="Too few checkouts", filter={"event_type": "checkout"}, window_s=300, bound="below", threshold=1
    )


def people(installation: SingleMachine) -> None:
    """Groups of users and a look-up of a customer, and origins that send heartbeats."""
    call = installation.call
    call("POST", "/api/user", {"login": "grace", "name": "Grace Hopper", "email": "grace@example.org"})
    for name, about in (("Night shift", "On call from ten to six"), ("Databases", "")):
        group = call("POST", "/api/group", {"name": name, "text": about}, 201)["id"]
        call("PUT", f"/api/group/{group}/user/grace", {})
    call("POST", "/api/customer", {"match": "acme.example", "customer": "Acme"}, 201)
    call("POST", "/api/heartbeat", {"origin": "cron/db01", "tags": ["db"], "timeout": 86400}, 201)
    call("POST", "/api/heartbeat", {"origin": "sync/mail1", "timeout": 0, "attributes": {"rack": "B4"}}, 201)


def _inhibited(installation: SingleMachine) -> str:
    """A switch that is down, and what is behind it; returns the id of that."""
    tags = ["site=berlin"]
    switch = ("sw-berlin-1", "SwitchDown", "critical", "Production", "Network", "no answer on any port")
    _alert(installation, switch, tags=tags)
    host = ("nas-berlin", "HostUnreachable", "major", "Production", "Shop", "100 % of packets lost")
    behind = _alert(installation, host, tags=tags)
    installation.wait_alert(resource="nas-berlin", inhibited="true")
    return behind


def archived(installation: SingleMachine, resource: str, severity: str = "major", event: str = "Down") -> str:
    """An alert that was acknowledged and closed, and is in the archive; returns its id as an alert."""
    fields = (resource, event, severity, "Production", "Warehouse", f"{resource} is over")
    name = _alert(installation, fields)
    installation.call("PUT", f"/api/alert/{name}/action", {"action": "ack", "text": "looking at it"})
    installation.call("PUT", f"/api/alert/{name}/action", {"action": "close", "text": "mended"})

    def tidied() -> bool:
        # Not more than a third of a second is kept by this; by itself it would be two hours.
        installation.call("POST", "/api/management/housekeeping?expired=0.0001")
        return bool(installation.call("GET", f"/api/archive?resource={quote(resource)}&event={quote(event)}")["alerts"])

    wait_until(tidied, 30, "the archive")
    return name


def fill(installation: SingleMachine, target: HttpTarget) -> dict[str, str]:
    """Everything. Returns ids to open pages with: alert, one inhibited, one of the past, incident, check, service."""
    past = [
        archived(installation, f"conveyor-{number}", severity)
        for number, severity in enumerate(("critical", "major", "minor"))
    ]
    target.answer_path("/pay", 503, "down for maintenance")
    target.answer_path("/slow", delay=0.08)
    objects(installation, target)
    people(installation)
    ids = [_alert(installation, fields) for fields in _ALERTS]
    _alert(installation, _ALERTS[1], value="41.2")
    inhibited = _inhibited(installation)
    for number in range(60):
        worker = ("", "", "", "", "", "")
        worker = (f"worker{number:02d}", "ProcessDown", "minor", "Production", "Batch", f"consumer {number} is gone")
        _alert(installation, worker)
    installation.call("PUT", f"/api/alert/{ids[2]}/action", {"action": "ack", "text": "looking at it"})
    installation.call("PUT", f"/api/alert/{ids[0]}/note", {"text": "Old logs can go, see the runbook."})
    events = [
        {"event_type": kind, "parameters": {"page": number}, "location": f"https://shop.example/{kind}/{number}"}
        for number in range(40)
        for kind in ("pageView", "click", "checkout")
    ]
    httpx.post(f"{installation.collector_url}/events", json=events)
    incident = installation.wait_incident("Checkout", "open")
    installation.call("POST", f"/api/incident/{incident['id']}/note", {"text": "The bank says ten minutes."})
    check = next(one for one in installation.call("GET", "/api/checks")["checks"] if one["name"] == "Slow page")
    service = installation.call("GET", "/api/objects/service/Checkout")["object"]
    blackout = installation.call("GET", "/api/objects/blackout/Move")["object"]

    def several_results() -> bool:
        return len(installation.call("GET", f"/api/check/{check['id']}")["results"]) >= 12

    wait_until(several_results, 60, "twelve results")
    return {
        "alert": ids[0],
        "inhibited": inhibited,
        "past": past[0],
        "incident": incident["id"],
        "check": check["id"],
        "service": service["id"],
        "blackout": blackout["id"],
        "heartbeat": installation.call("GET", "/api/heartbeats?origin=sync/mail1")["heartbeats"][0]["id"],
    }


def pages(ids: dict[str, str]) -> dict[str, str]:
    """Every page by a name for its picture."""
    return {
        "now": "/",
        "alerts": "/alerts?status=open&status=ack",
        "alerts-panel": f"/alerts?status=open&status=ack&open={ids['alert']}",
        "alerts-grouped": "/alerts?status=open&status=ack&by=service",
        "wall": "/wall?status=open",
        "alert": f"/alerts/{ids['alert']}",
        "alert-inhibited": f"/alerts/{ids['inhibited']}",
        "incidents": "/incidents",
        "incident": f"/incidents/{ids['incident']}",
        "services": "/services",
        "service": f"/services/{ids['service']}",
        "checks": "/checks",
        "check": f"/checks/{ids['check']}",
        "check-new": "/checks/new",
        "reports": "/reports",
        "archive": "/archive",
        "past-alert": f"/archive/{ids['past']}",
        "heartbeats": "/heartbeats",
        "heartbeats-panel": f"/heartbeats?open=origin-{ids['heartbeat']}",
        "events": "/events",
        "events-explore": "/events/explore?by=event_type&number=parameters.page",
        "events-funnels": "/events/funnels?step=event_type%3DpageView&step=event_type%3Dcheckout",
        "events-sessions": "/events/sessions",
        "events-rejected": "/events/rejected",
        "events-accounting": "/events/accounting",
        "blackouts": "/blackouts",
        "blackouts-panel": f"/blackouts?open={ids['blackout']}",
        "blackout-new": "/blackouts/new",
        "rule": "/rules/Too%20few%20checkouts",
        "rule-new": "/settings/rule/new",
        "settings-channels": "/settings/channel",
        "settings-inhibitions": "/settings/inhibition",
        "settings-inhibition-new": "/settings/inhibition/new",
        "settings-policy-new": "/settings/policy/new",
        "settings-mapping-new": "/settings/mapping/new",
        "settings-webhooks": "/settings/webhook",
        "settings-webhook-new": "/settings/webhook/new",
        "settings-users": "/settings/users",
        "settings-groups": "/settings/groups",
        "settings-customers": "/settings/customers",
        "settings-roles": "/settings/roles",
        "settings-keys": "/settings/keys",
        "settings-profile": "/settings/profile",
        "settings-audit": "/settings/audit",
        "settings-appearance": "/settings/appearance",
        "settings-about": "/settings/about",
    }
