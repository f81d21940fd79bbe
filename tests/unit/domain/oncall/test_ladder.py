"""Escalation, and what people's answers do to it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall_bench import CHANNEL, POLICY, RANKS, SERVICE, alert, later
from watchbell.domain.errors import Refused
from watchbell.domain.oncall.answering import acknowledge, resolve, unacknowledge
from watchbell.domain.oncall.decision import Circumstances, Decision
from watchbell.domain.oncall.incident import Incident, IncidentStatus, Purpose
from watchbell.domain.oncall.ladder import escalate
from watchbell.domain.oncall.route import route
from watchbell.domain.oncall.service import Policy, Step, Target


def at(seconds: float = 0, policy: Policy | None = POLICY) -> Circumstances:
    return Circumstances(
        service=SERVICE,
        policy=policy,
        channels={"mail": CHANNEL},
        ranks=RANKS,
        base_url="",
        config_version=1,
        now=later(seconds),
    )


def opened(policy: Policy = POLICY) -> Incident:
    decision = route(None, [alert()], at(policy=policy))
    assert decision is not None
    return decision.incident


def reasons(decision: Decision) -> list[tuple[str, str]]:
    return [(entry.kind, entry.reason) for entry in decision.entries]


def tos(decision: Decision) -> list[str]:
    return [notification.to for notification in decision.notifications]


def test_nothing_before_its_time():
    incident = opened()
    decision = escalate(incident, [alert()], at(299.9))
    assert not decision.changed
    assert decision.incident == incident


def test_the_second_step_in_its_time_and_then_no_more():
    decision = escalate(opened(), [alert()], at(300))
    assert tos(decision) == ["boss@example.org"]
    assert reasons(decision) == [
        ("escalated", "nobody has taken it for 5 min"),
        ("told", "step 2 of the policy 'office', 5 min without an acknowledgement"),
    ]
    assert decision.incident.escalates_at is None
    assert not escalate(decision.incident, [alert()], at(10_000)).changed


def test_a_late_keeper_takes_every_step_once_and_in_order():
    steps = [Step(after=n * 60.0, targets=[Target(channel="mail", to=f"p{n}@e.org")]) for n in range(4)]
    policy = Policy(name="office", steps=steps)
    decision = escalate(opened(policy), [alert()], at(150, policy))
    assert tos(decision) == ["p1@e.org", "p2@e.org"]
    assert decision.incident.escalates_at == later(180)


def test_steps_are_taken_in_order_of_their_time():
    policy = Policy(name="office", steps=list(reversed(POLICY.steps)))
    decision = route(None, [alert()], at(policy=policy))
    assert decision is not None
    assert tos(decision) == ["anna@example.org"]


def test_a_target_named_twice_in_a_step_is_told_once():
    target = Target(channel="mail", to="anna@example.org")
    policy = Policy(name="office", steps=[Step(targets=[target, target])])
    decision = route(None, [alert()], at(policy=policy))
    assert decision is not None
    assert tos(decision) == ["anna@example.org"]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (None, "the policy 'office' no longer exists"),
        (msgspec.structs.replace(POLICY, steps=POLICY.steps[:1]), "the policy 'office' no longer has so many steps"),
    ],
)
def test_a_policy_that_changed_meanwhile(policy, reason):
    decision = escalate(opened(), [alert()], at(300, policy))
    assert reasons(decision) == [("untold", reason)]
    assert decision.incident.escalates_at is None


def test_who_takes_it_stops_the_ladder():
    decision = acknowledge(opened(), [alert()], "anna", "on it", at(60))
    assert decision.incident.status is IncidentStatus.ACKNOWLEDGED
    assert (decision.incident.acknowledged_by, decision.incident.acknowledged_at) == ("anna", later(60))
    assert reasons(decision) == [("acknowledged", "on it"), ("note", "acknowledged by anna")]
    assert decision.entries[1].text == "Step 2 not reached"
    assert not escalate(decision.incident, [alert()], at(9999)).changed


def test_taking_it_again_changes_nothing_and_another_may_take_over():
    taken = acknowledge(opened(), [alert()], "anna", "", at(60)).incident
    assert not acknowledge(taken, [alert()], "anna", "", at(61)).changed
    assert acknowledge(taken, [alert()], "bert", "", at(62)).incident.acknowledged_by == "bert"


def test_the_policy_may_tell_of_acknowledgements():
    policy = msgspec.structs.replace(POLICY, tell_acknowledgement=True)
    decision = acknowledge(opened(policy), [alert()], "anna", "", at(60, policy))
    assert [n.purpose for n in decision.notifications] == [Purpose.ACKNOWLEDGEMENT]
    assert "Acknowledged by: anna" in decision.notifications[0].text


def test_handing_back_goes_on_with_the_whole_gap():
    taken = acknowledge(opened(), [alert()], "anna", "", at(60)).incident
    decision = unacknowledge(taken, [alert()], "anna", "cannot find it", at(5000))
    assert decision.incident.status is IncidentStatus.OPEN
    assert decision.incident.escalates_at == later(5300)
    assert tos(decision) == ["anna@example.org"]
    assert not unacknowledge(decision.incident, [alert()], "anna", "", at(5001)).changed


def test_resolving_by_hand():
    decision = resolve(opened(), [alert()], "anna", "rebooted", at(90))
    assert decision.incident.status is IncidentStatus.RESOLVED
    assert decision.incident.active == ()
    assert reasons(decision)[0] == ("resolved", "rebooted")
    assert [n.purpose for n in decision.notifications] == [Purpose.RECOVERY]
    assert not resolve(decision.incident, [], "anna", "", at(91)).changed


@pytest.mark.parametrize("answer", [acknowledge, unacknowledge])
def test_what_is_over_cannot_be_taken(answer):
    over = resolve(opened(), [alert()], "anna", "", at(90)).incident
    with pytest.raises(Refused, match="resolved"):
        answer(over, [alert()], "bert", "", at(100))


@given(
    gaps=st.lists(st.integers(0, 600), min_size=1, max_size=6),
    looks=st.lists(st.integers(0, 900), min_size=1, max_size=12),
)
def test_whenever_it_is_looked_at_no_step_is_skipped_or_taken_twice(gaps, looks):
    afters = [float(sum(gaps[: n + 1])) for n in range(len(gaps))]
    steps = [Step(after=due, targets=[Target(channel="mail", to=f"p{n}@e.org")]) for n, due in enumerate(afters)]
    policy = Policy(name="office", steps=steps)
    decision = route(None, [alert()], at(policy=policy))
    assert decision is not None
    incident, told, now = decision.incident, tos(decision), 0.0
    for look in looks:
        now += look
        step = escalate(incident, [alert()], at(now, policy))
        incident, told = step.incident, told + tos(step)
        assert told == [f"p{n}@e.org" for n, due in enumerate(afters) if due <= now]
