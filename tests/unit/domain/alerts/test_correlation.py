"""Rules that make one alert of several signals: which key a signal has, and what the alert shows meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from watchbell.domain.alerts.act import act
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.correlation import LONGEST_KEY, Correlation, Correlator, correlation_problems
from watchbell.domain.alerts.gathering import MOST_MEMBERS
from watchbell.domain.alerts.joining import joined
from watchbell.domain.alerts.matching import Likeness
from watchbell.domain.alerts.receive import receive
from watchbell.domain.correlated import Correlated
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = AlertaModel()
RULE = Correlation(name="cluster", key='tag(tags, "cluster")')


def signal(resource: str = "web1", event: str = "Down", severity: str = "major", **more: Any) -> Signal:
    fields: dict[str, Any] = {"environment": "Production", "create_time": NOW, "text": f"{event} on {resource}"}
    return Signal(
        id=f"{resource}-{event}-{severity}", resource=resource, event=event, severity=severity, **(fields | more)
    )


class Story:
    """An alert of the rule, as signals come one after another."""

    def __init__(self, worst: bool = True) -> None:
        self.correlation = Correlated(rule="cluster", key="eu", worst=worst)
        self.alert: Alert | None = None
        self.lines: list[tuple[str, str]] = []
        self._minutes = 0

    def take(self, *args: str, muted: bool = False, **more: Any) -> Alert:
        self._minutes += 1
        status = "blackout" if muted else more.pop("status", "open")
        sent = signal(*args, correlation=self.correlation, status=status, **more)
        stored = [self.alert] if self.alert else []
        received = receive(
            sent, stored, MODEL, NOW + timedelta(minutes=self._minutes), muted_by=("night",) if muted else ()
        )
        self.alert = received.alert
        self.lines = [(entry.type, entry.text) for entry in received.entries]
        return self.alert

    @property
    def members(self) -> list[str]:
        assert self.alert is not None
        assert self.alert.correlation is not None
        return [member.resource for member in self.alert.correlation.members]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ('tag(tags, "cluster")', "eu"),
        ("attributes.rack + '/' + event", "r7/Down"),
        ("string(attributes.floor)", "3"),
        ("part(resource, '-', 0)", "web"),
        ("part(resource, '-', -1)", "01"),
        ("lower(group)", "net"),
        ("service", '["Shop","Mail"]'),
        ("[environment, service[0]]", '["Production","Shop"]'),
        ("attributes.floor == 3 ? 'third' : ''", "third"),
        ('attributes["none"]', None),
        ("part(resource, '-', 7)", None),
        ('tag(tags, "rack")', None),
        ("service[5]", None),
        ("attributes.rack + 1", None),
    ],
)
def test_the_key_is_what_the_expression_yields(key: str, expected: str | None):
    sent = signal(
        "web-01",
        tags=("a", "cluster=eu"),
        service=("Shop", "Mail"),
        group="NET",
        attributes={"rack": "r7", "floor": 3},
    )
    found = Correlator([Correlation(name="r", key=key)]).of(sent)
    assert (found.key if found else None) == expected


def test_rules_are_asked_in_order_and_only_about_what_they_select():
    rules = [
        Correlation(name="b", key="'second'", order=2),
        Correlation(name="a", key="'also second'", order=2, enabled=False),
        Correlation(name="z", key="'first'", order=1, alerts=Likeness(event="Disk*", tags=["prod"])),
    ]
    correlator = Correlator(rules)
    assert [found.key for found in (correlator.of(signal()), correlator.of(signal(event="DiskFull"))) if found] == [
        "second",
        "second",
    ]
    taken = correlator.of(signal(event="DiskFull", tags=("prod",)))
    assert taken == Correlated(rule="z", key="first")
    assert not Correlator()


def test_long_keys_stay_apart_and_short():
    correlator = Correlator([Correlation(name="r", key="text")])
    one, other = (correlator.of(signal(text="x" * 5000 + end)) for end in "ab")
    assert one is not None
    assert other is not None
    assert one.key != other.key
    assert len(one.key) == len(other.key) == LONGEST_KEY


def test_a_key_holds_no_character_that_a_database_refuses():
    found = Correlator([Correlation(name="r", key=r"'a\x00b'")]).of(signal())
    assert found is None or "\0" not in found.key


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"key": " "}, "key", "is required"),
        ({"key": "tag("}, "key", "is not CEL"),
        ({"key": "severity"}, "key", "'severity' is not a field of a signal"),
        ({"key": "env()"}, "key", "there is no function 'env'"),
        ({"key": "'" + "x" * 3000 + "'"}, "key", "at most 2000 characters"),
        ({"order": 99999}, "order", "between -10000 and 10000"),
        ({"alerts": Likeness(tags=[""])}, "alerts.tags", "must not hold an empty text"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(fields: dict[str, Any], field: str, reason: str):
    rule = msgspec.structs.replace(RULE, **fields)
    ((found, said),) = correlation_problems(rule)
    assert found == field
    assert reason in said
    assert not (Correlator([rule]) and field == "key")


def test_the_alert_shows_the_worst_and_closes_with_the_last_recovery():
    story = Story()
    first = story.take("web1", "Down", "major")
    assert (first.status, first.severity) == ("open", "major")
    worse = story.take("web2", "Slow", "critical")
    assert (worse.id, worse.resource, worse.event, worse.severity) == (first.id, "web2", "Slow", "critical")
    assert story.members == ["web1", "web2"]
    again = story.take("web1", "Down", "major", text="still")
    assert (again.resource, again.severity, again.text, again.duplicate_count) == (
        "web2",
        "critical",
        "Slow on web2",
        1,
    )
    less = story.take("web2", "Slow", "ok")
    assert (less.resource, less.severity, less.text, less.status) == ("web1", "major", "still", "open")
    done = story.take("web1", "Down", "normal")
    assert (done.status, done.severity, story.members) == ("closed", "normal", [])


def test_a_member_that_comes_or_goes_leaves_a_line():
    story = Story()
    story.take("web1", "Down", "critical")
    story.take("web2", "Down", "minor")
    assert story.lines == [("member", "web2: Down on web2")]
    story.take("web2", "Down", "minor")
    assert story.lines == []
    story.take("web2", "Down", "ok", text="")
    assert story.lines == [("member", "web2")]


def test_what_recovers_without_having_been_known_changes_nothing():
    story = Story()
    before = story.take("web1", "Down", "critical")
    after = story.take("web9", "Down", "ok")
    assert (after.severity, after.status, after.resource, after.text) == ("critical", "open", "web1", before.text)


def test_the_last_message_counts_when_each_speaks_for_the_whole():
    story = Story(worst=False)
    story.take("web1", "Down", "critical")
    closed = story.take("web2", "Down", "ok")
    assert (closed.status, closed.resource, story.members) == ("closed", "web2", [])


def test_an_alert_from_before_the_rule_is_taken_over():
    plain = receive(signal("web1", "Down", "critical"), [], MODEL, NOW).alert
    story = Story()
    story.alert = plain
    kept = story.take("web1", "Down", "critical")
    assert (kept.id, kept.duplicate_count) == (plain.id, 1)
    story.take("web2", "Down", "minor")
    assert story.take("web1", "Down", "ok").resource == "web2"


def test_an_alert_from_before_the_rule_is_over_when_another_has_its_messages():
    plain = receive(signal("web2", "Down", "critical"), [], MODEL, NOW).alert
    into = Story().take("web1", "Down", "major")
    done = joined(plain, into, MODEL, NOW)
    assert done is not None
    assert (done.alert.id, done.alert.status, done.status_changed) == (plain.id, "closed", True)
    assert [entry.reason for entry in done.entries] == [
        f"it is part of the alert {into.id} now, by the correlation 'cluster'"
    ]
    assert joined(done.alert, into, MODEL, NOW) is None


def test_what_a_person_closed_begins_anew():
    story = Story()
    story.take("web1", "Down", "critical")
    alert = story.take("web2", "Down", "critical")
    story.alert = act(alert, "close", MODEL, NOW, user="ann", text="done").alert
    story.take("web2", "Down", "major")
    assert story.members == ["web2"]
    assert story.take("web2", "Down", "ok").status == "closed"


def test_an_acknowledgement_stays_until_something_worse_comes():
    story = Story()
    story.alert = act(story.take("web1", "Down", "major"), "ack", MODEL, NOW, user="ann", text="").alert
    assert story.take("web2", "Down", "minor").status == "ack"
    assert story.take("web3", "Down", "critical").status == "open"


def test_a_blackout_of_one_member_silences_neither_the_alert_nor_makes_it_worse():
    story = Story()
    story.take("web1", "Down", "minor")
    alert = story.take("web2", "Down", "critical", muted=True)
    assert (alert.status, alert.severity, alert.resource) == ("open", "minor", "web1")
    assert story.take("web2", "Down", "critical").severity == "critical"


def test_an_alert_all_of_whose_members_are_under_a_blackout_is_silent_until_another_comes():
    story = Story()
    assert story.take("web1", "Down", "critical", muted=True).status == "blackout"
    assert story.take("web2", "Down", "major", muted=True).status == "blackout"
    alert = story.take("web3", "Down", "minor")
    assert (alert.status, alert.severity, alert.resource) == ("open", "minor", "web3")


def test_members_are_bounded():
    story = Story()
    for number in range(MOST_MEMBERS + 20):
        story.take(f"web{number}", "Down", "major")
    assert len(story.members) == MOST_MEMBERS
    assert story.members[-1] == f"web{MOST_MEMBERS + 19}"


def test_a_bad_severity_is_refused_and_changes_nothing():
    story = Story()
    story.take("web1", "Down", "critical")
    with pytest.raises(Invalid, match="Severity"):
        story.take("web2", "Down", "gruesome")
    assert story.members == ["web1"]


def test_when_only_muted_members_are_left_the_alert_is_silent():
    story = Story()
    story.take("web1", "Down", "minor")
    assert story.take("web2", "Down", "critical", muted=True).status == "open"
    left = story.take("web1", "Down", "normal")
    assert (left.resource, left.severity, left.status) == ("web2", "critical", "blackout")


def test_a_sender_that_closes_its_own_does_not_close_what_is_muted():
    story = Story()
    story.take("web1", "Down", "critical")
    story.take("web2", "Down", "major", muted=True)
    left = story.take("web1", "Down", "critical", status="closed")
    assert (left.resource, left.severity, left.status) == ("web2", "major", "blackout")


def test_the_alert_has_the_services_of_all_that_stand_those_of_the_shown_one_first():
    story = Story()
    assert story.take("web1", "Down", "major", service=("Shop", "All")).service == ("Shop", "All")
    assert story.take("web2", "Down", "critical", service=("Zoo", "All")).service == ("Zoo", "All", "Shop")
    assert story.take("web3", "Down", "minor", service=("Bank",)).service == ("Zoo", "All", "Bank", "Shop")
    assert story.take("web1", "Down", "major", service=("Shop", "All")).service == ("Zoo", "All", "Bank", "Shop")
    assert story.take("web2", "Down", "normal", service=("Zoo", "All")).service == ("Shop", "All", "Bank")
    assert story.take("web9", "Down", "normal", service=("Else",)).service == ("Shop", "All", "Bank")
    assert story.take("web1", "Down", "normal", service=()).service == ("Bank",)
    assert story.take("web3", "Down", "normal", service=("Bank",)).service == ("Bank",)


def test_what_is_muted_brings_no_service_unless_nothing_else_is_left():
    story = Story()
    story.take("web1", "Down", "minor", service=("Shop",))
    assert story.take("web2", "Down", "critical", muted=True, service=("Bank",)).service == ("Shop",)
    assert story.take("web1", "Down", "normal", service=("Shop",)).service == ("Bank",)


@pytest.mark.parametrize(("first", "second", "both"), [(0, 300, 0), (300, 0, 0), (900, 300, 900), (300, 900, 900)])
def test_the_alert_lasts_as_long_as_any_member(first: int, second: int, both: int):
    story = Story()
    story.take("web1", "Down", "critical", timeout=first)
    assert story.take("web2", "Down", "minor", timeout=second).timeout == both
    assert story.take("web2", "Down", "normal", timeout=second).timeout == first


def test_what_a_former_release_wrote_has_the_services_and_the_timeout_of_its_alert():
    story = Story()
    alert = story.take("web1", "Down", "major", service=("Shop",), timeout=600)
    assert alert.correlation is not None
    members = tuple(msgspec.structs.replace(each, service=None, timeout=None) for each in alert.correlation.members)
    held = msgspec.structs.replace(alert.correlation, members=members)
    story.alert = msgspec.structs.replace(alert, correlation=held)
    both = story.take("web2", "Down", "critical", service=("Bank",), timeout=60)
    assert (both.service, both.timeout) == (("Bank", "Shop"), 600)
    left = story.take("web2", "Down", "normal", service=("Bank",), timeout=60)
    assert (left.service, left.timeout) == (("Shop",), 600)


def test_a_member_that_fell_silent_counts_no_more_while_others_go_on():
    story = Story()
    story.take("web1", "Down", "critical", timeout=150)
    story.take("web2", "Down", "minor", timeout=600)
    assert story.take("web2", "Down", "minor", timeout=600).severity == "critical"  # heard of 120 s ago
    left = story.take("web2", "Down", "minor", timeout=600)
    assert (left.severity, left.resource, left.status, story.members) == ("minor", "web2", "open", ["web2"])
    assert story.lines[-1] == ("member", "web1")
    story.take("web3", "Down", "critical", timeout=0)
    for _ in range(30):
        story.take("web2", "Down", "minor", timeout=600)
    assert story.members == ["web3", "web2"], "one that never expires stays"


def test_a_member_that_speaks_again_after_its_time_out_is_the_same_one():
    story = Story()
    story.take("web1", "Down", "critical", timeout=60)
    story.take("web2", "Down", "minor", timeout=600)
    back = story.take("web1", "Down", "critical", timeout=60)
    assert (back.severity, story.members) == ("critical", ["web2", "web1"])
    assert not [text for kind, text in story.lines if kind == "member"]


def test_the_recovery_of_one_ends_the_alert_when_all_others_fell_silent():
    story = Story()
    story.take("web1", "Down", "critical", timeout=60)
    story.take("web2", "Down", "minor", timeout=600)
    over = story.take("web2", "Down", "normal", timeout=600)
    assert (over.status, over.severity, story.members) == ("closed", "normal", [])


def test_what_a_former_release_wrote_is_silent_since_its_alert_was_last_heard_of():
    story = Story()
    story.take("web1", "Down", "critical", timeout=90)
    alert = story.take("web2", "Down", "minor", timeout=600)
    assert alert.correlation is not None
    members = tuple(msgspec.structs.replace(each, heard_at=None) for each in alert.correlation.members)
    story.alert = msgspec.structs.replace(
        alert, correlation=msgspec.structs.replace(alert.correlation, members=members)
    )
    assert story.take("web2", "Down", "minor", timeout=600).severity == "critical"
    assert story.take("web2", "Down", "minor", timeout=600).severity == "minor"
