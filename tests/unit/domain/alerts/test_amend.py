"""What plug-ins change is told as a difference, and applied to what stands by then."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from watchbell.domain.alerts.act import act
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.amend import Amendment, Unforeseen, Verdict, amended, amendment_of, judged, settled
from watchbell.domain.ids import AlertId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def alert(**fields):
    times: dict[str, Any] = dict.fromkeys(("create_time", "receive_time", "last_receive_time", "update_time"), NOW)
    basis: dict[str, Any] = {"environment": "P", "resource": "r", "event": "e", "severity": "major", "status": "open"}
    return Alert(id=AlertId("a"), last_receive_id="a", **{**basis, **times, **fields})


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"tags": ("a", "b")}, {"tags": ("b", "c")}, Amendment(added=("c",), removed=("a",))),
        ({"attributes": {"a": 1, "b": 2}}, {"attributes": {"a": 1, "b": 3}}, Amendment(attributes={"b": 3})),
        ({"attributes": {"a": 1}}, {"attributes": {}}, Amendment(attributes={"a": None})),
        ({"attributes": {"a": 1}}, {"attributes": {"a": None}}, Amendment(attributes={"a": None})),
        ({"text": "x"}, {"text": "y"}, Amendment()),
    ],
)
def test_a_difference_is_found_and_gives_the_same_again(before, after, wanted):
    found = amendment_of(alert(**before), alert(**after))
    assert found == wanted
    assert bool(found) is (wanted != Amendment())
    assert set(amended(alert(**before), found).tags) == set(alert(**after).tags)


def test_it_fits_what_others_have_changed_meanwhile():
    amendment = Amendment(added=("new",), removed=("old",), attributes={"mine": 1, "gone": None})
    present = alert(tags=("old", "theirs"), attributes={"theirs": 2, "gone": 3})
    after = amended(present, amendment)
    assert (after.tags, after.attributes) == (("theirs", "new"), {"theirs": 2, "mine": 1})


def test_a_verdict_counts_for_the_change_that_was_asked_about_only():
    before = alert()
    change = act(before, "ack", AlertaModel(), NOW, user="ann")
    verdict = Verdict(was="open", asked="ack", status="shelved", text="instead")
    done = settled(change, before, verdict, NOW)
    assert (done.alert.status, done.alert.previous_status, done.alert.status_before_shelve) == (
        "shelved",
        "open",
        "open",
    )
    assert (done.alert.status_before_ack, done.alert.reverts_at, done.status_changed) == ("open", None, True)
    assert [(entry.status, entry.text, entry.user) for entry in done.entries] == [("shelved", "instead", "ann")]
    with pytest.raises(Unforeseen):
        settled(change, before, msgspec.structs.replace(verdict, was="closed"), NOW)
    with pytest.raises(Unforeseen):
        settled(change, None, verdict, NOW)
    with pytest.raises(Unforeseen):
        settled(change, before, None, NOW)


def test_a_status_that_stays_after_all_is_no_change():
    before = alert(update_time=datetime(2025, 1, 1, tzinfo=UTC))
    change = act(before, "ack", AlertaModel(), NOW, user="ann", timeout=60)
    done = judged(change, before, Verdict(was="open", asked="ack", status="open"), NOW)
    assert not done.status_changed
    assert (done.alert.status, done.alert.update_time, done.alert.reverts_at) == ("open", before.update_time, None)
