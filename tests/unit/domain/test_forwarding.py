"""Which destination is told of what, and by which a loop is known."""

import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.forwarding import MOST_HOPS, Destination, hops, place


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        ({"*"}, ["alert", "ack", "ticket", "delete"]),
        ({"alerts"}, ["alert"]),
        ({"actions"}, ["ack", "ticket"]),
        ({"ack", "delete"}, ["ack", "delete"]),
    ],
)
def test_a_destination_is_told_of_what_it_wants(wants, told):
    to = Destination(name="there", url="http://there/api", wants=wants)
    found = ["alert"] if to.takes("alert") else []
    found += [word for word in ("ack", "ticket", "expired", "timeout") if to.takes("action", word)]
    found += ["delete"] if to.takes("delete") else []
    assert found == told


def test_installations_are_compared_whole_where_alerta_finds_one_within_another():
    assert hops("http://a.example/api/, HTTP://B.example/Api,,") == ("http://a.example/api", "http://b.example/Api")
    assert place("http://a.example/api") not in hops("http://a.example/api2,http://aa.example/api")
    assert hops("") == ()


@pytest.mark.parametrize("header", [",".join(["http://x"] * (MOST_HOPS + 1)), "http://" + "x" * 300])
def test_nobody_has_come_that_far(header):
    with pytest.raises(Invalid):
        hops(header)
