"""How alerts make an incident: every rule of `route`, and that it decides nothing twice."""

from typing import Any

import msgspec
import pytest

from oncall_bench import CHANNEL, POLICY, RANKS, SERVICE, alert, changed, later
from watchbell.domain.oncall.decision import Circumstances, Decision, incident_id
from watchbell.domain.oncall.incident import Incident, IncidentStatus, Purpose
from watchbell.domain.oncall.ladder import escalate
from watchbell.domain.oncall.route import refusal, route
from watchbell.domain.oncall.service import Policy, Step, Target


def at(seconds: float = 0, **changes) -> Circumstances:
    fields: dict[str, Any] = {
        "service": SERVICE,
        "policy": POLICY,
        "channels": {"mail": CHANNEL},
        "ranks": RANKS,
        "base_url": "https://watchbell.example",
        "config_version": 7,
        "now": later(seconds),
    }
    return Circumstances(**{**fields, **changes})


def opened(*alerts, **changes) -> Decision:
    decision = route(None, alerts or (alert(),), at(**changes))
    assert decision is not None
    return decision


def after(incident: Incident, *alerts, seconds: float = 60, gone=(), **changes) -> Decision:
    decision = route(incident, alerts, at(seconds, **changes), gone)
    assert decision is not None
    return decision


def said(decision: Decision) -> list[tuple[str, str]]:
    return [(entry.kind, entry.reason) for entry in decision.entries]


@pytest.mark.parametrize(
    ("changes", "service", "reason"),
    [
        ({}, {}, ""),
        ({"status": "ack"}, {}, ""),
        ({"severity": "warning"}, {}, ""),
        ({"status": "closed"}, {}, "the alert is closed"),
        ({"status": "expired"}, {}, "the alert is expired"),
        ({"status": "shelved"}, {}, "the alert is silenced (shelved)"),
        ({"status": "blackout"}, {}, "the alert is silenced (blackout)"),
        ({"severity": "informational"}, {}, "informational is less severe than warning"),
        ({"severity": "nonsense"}, {}, "nonsense is less severe than warning"),
        ({"environment": "Development"}, {}, "the service does not watch the environment Development"),
        ({"environment": "Development"}, {"environments": []}, ""),
        ({"service": ("search",)}, {}, "the alert does not name the service checkout"),
        ({}, {"enabled": False}, "the service checkout is disabled"),
        ({}, {"minimum_severity": "security"}, "critical is less severe than security"),
    ],
)
def test_which_alerts_count(changes, service, reason):
    assert refusal(alert(**changes), at(service=msgspec.structs.replace(SERVICE, **service))) == reason
    assert (route(None, [alert(**changes)], at(service=msgspec.structs.replace(SERVICE, **service))) is None) == bool(
        reason
    )


def test_opening_says_why_and_whom_it_tells():
    decision = opened(alert("A", severity="warning"), alert("B", severity="major"))
    assert decision.incident.severity == "major"
    assert decision.incident.title == "checkout: B on web01"
    assert decision.incident.active == ("alert-A", "alert-B")
    assert said(decision) == [
        ("opened", "major is at least warning: B is true"),
        ("told", "step 1 of the policy 'office', at once"),
    ]
    assert {entry.config_version for entry in decision.entries} == {7}
    assert decision.incident.told == ("mail\tanna@example.org",)
    assert decision.incident.escalates_at == later(300)
    (page,) = decision.notifications
    assert "https://wiki.example/checkout" in page.text
    assert page.link == f"https://watchbell.example/incidents/{decision.incident.id}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"policy": None, "service": msgspec.structs.replace(SERVICE, policy="")},
            "the service checkout has no policy",
        ),
        ({"policy": None}, "the policy 'office' of the service does not exist"),
        ({"policy": msgspec.structs.replace(POLICY, steps=[])}, "the policy 'office' has no steps"),
        ({"policy": msgspec.structs.replace(POLICY, steps=[Step()])}, "step 1 of the policy names nobody"),
        ({"channels": {}}, "there is no channel 'mail'"),
        ({"channels": {"mail": msgspec.structs.replace(CHANNEL, enabled=False)}}, "the channel 'mail' is disabled"),
    ],
)
def test_nobody_told_and_why(changes, reason):
    decision = opened(**changes)
    assert decision.notifications == ()
    assert ("untold", reason) in said(decision)
    assert decision.incident.told == ()


def test_a_delayed_first_step_waits():
    policy = Policy(name="office", steps=[Step(after=60, targets=[Target(channel="mail")])])
    decision = opened(policy=policy)
    assert decision.notifications == ()
    assert decision.incident.escalates_at == later(60)
    assert len(escalate(decision.incident, [alert()], at(60, policy=policy)).notifications) == 1


def test_another_alert_joins_without_telling_anyone():
    incident = opened(alert("A")).incident
    decision = after(incident, alert("B", severity="warning"))
    assert decision.incident.alerts == ("alert-A", "alert-B")
    assert decision.notifications == ()
    assert [kind for kind, _ in said(decision)] == ["alert"]
    assert decision.incident.severity == "critical"


def test_a_worse_alert_raises_the_severity_and_tells_again():
    incident = opened(alert("A", severity="warning")).incident
    decision = after(incident, alert("B", severity="critical"))
    assert decision.incident.severity == "critical"
    assert [n.to for n in decision.notifications] == ["anna@example.org"]
    assert "became worse: warning, now critical" in decision.notifications[0].text
    assert decision.incident.escalates_at == incident.escalates_at


def test_becoming_less_severe_changes_nothing():
    first = alert("A", severity="critical")
    incident = opened(first).incident
    assert not after(incident, changed(first, severity="warning")).changed
    assert after(incident, changed(first, severity="warning")).incident == incident


def test_falling_below_what_the_service_asks_for_ends_it():
    first = alert("A")
    decision = after(opened(first).incident, changed(first, severity="informational"))
    assert decision.incident.status is IncidentStatus.RESOLVED


def test_resolved_when_none_stands_and_everyone_told_hears_it_once():
    first, second = alert("A"), alert("B")
    incident = opened(first, second).incident
    half = after(incident, changed(first, status="closed"))
    assert half.incident.status is IncidentStatus.OPEN
    assert half.notifications == ()
    whole = after(half.incident, changed(second, status="closed"), seconds=120)
    assert whole.incident.status is IncidentStatus.RESOLVED
    assert whole.incident.resolved_at == later(120)
    assert whole.incident.escalates_at is None
    assert [(n.purpose, n.to) for n in whole.notifications] == [(Purpose.RECOVERY, "anna@example.org")]
    assert "Lasted: 2 min" in whole.notifications[0].text
    assert whole.notifications[0].title.startswith("[RESOLVED]")
    assert ("note", "the incident is resolved") in said(whole)


def test_no_recovery_when_the_policy_does_not_ask_for_it():
    policy = msgspec.structs.replace(POLICY, tell_recovery=False)
    first = alert()
    decision = after(opened(first, policy=policy).incident, changed(first, status="closed"), policy=policy)
    assert decision.notifications == ()
    assert ("untold", "the policy 'office' does not ask for it") in said(decision)


def test_a_recovery_is_told_even_when_the_policy_is_gone():
    first = alert()
    decision = after(opened(first).incident, changed(first, status="closed"), policy=None)
    assert [n.purpose for n in decision.notifications] == [Purpose.RECOVERY]


def test_all_acknowledged_acknowledges_and_stops_the_ladder():
    first = alert()
    incident = opened(first).incident
    decision = after(incident, changed(first, status="ack"))
    assert decision.incident.status is IncidentStatus.ACKNOWLEDGED
    assert decision.incident.escalates_at is None
    assert ("note", "acknowledged by someone") in said(decision)
    assert not escalate(decision.incident, [first], at(10_000)).changed


def test_one_of_two_acknowledged_is_not_enough():
    first, second = alert("A"), alert("B")
    incident = opened(first, second).incident
    assert after(incident, changed(first, status="ack"), second).incident.status is IncidentStatus.OPEN
    assert after(incident, changed(first, status="ack")).incident.status is IncidentStatus.OPEN


def test_an_acknowledgement_that_ends_opens_the_incident_and_tells_again():
    first = alert()
    taken = changed(first, status="ack")
    incident = after(opened(first).incident, taken).incident
    again = changed(taken, status="open")
    decision = after(incident, again, seconds=1000)
    assert decision.incident.status is IncidentStatus.OPEN
    assert [n.to for n in decision.notifications] == ["anna@example.org"]
    assert decision.incident.escalates_at == later(1300)
    assert not after(decision.incident, again, seconds=1001).changed


def test_a_shelved_alert_keeps_nothing_open():
    first = alert()
    decision = after(opened(first).incident, changed(first, status="shelved"))
    assert decision.incident.status is IncidentStatus.RESOLVED
    assert ("alert", "the alert is silenced (shelved)") in said(decision)


def test_a_deleted_alert_no_longer_stands():
    incident = opened(alert()).incident
    decision = after(incident, gone=["alert-Down"])
    assert decision.incident.status is IncidentStatus.RESOLVED
    assert ("alert", "the alert was deleted") in said(decision)


def test_deciding_twice_decides_nothing():
    alerts = [alert("A"), alert("B", status="ack"), alert("C", severity="warning")]
    decision = opened(*alerts)
    again = after(decision.incident, *alerts, seconds=0)
    assert not again.changed
    assert again.incident == decision.incident


def test_the_same_decision_has_the_same_identifiers():
    one, two = opened(), opened()
    assert one == two
    assert one.incident.id == incident_id(SERVICE, alert())
    assert incident_id(SERVICE, changed(alert())) != one.incident.id


def test_each_change_is_one_version():
    decision = opened()
    assert decision.incident.version == 1
    assert after(decision.incident, alert("B")).incident.version == 2


def test_hostile_names_become_one_clean_line():
    decision = opened(alert("Down\r\nBcc: x\x00\u202e", text="a\nb", resource="<script>" + "x" * 5000))
    assert "\n" not in decision.incident.title
    assert len(decision.incident.title) <= 200
    (page,) = decision.notifications
    assert len(page.text) <= 8000
    assert not set("\r\x00\u202e") & set(page.title + page.text)
