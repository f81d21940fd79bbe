from watchbell.domain.events.accounts import Account, Counted, NodeBooks


def test_a_gap_between_numbers_is_what_was_lost():
    counted = Counted()
    assert counted.past("a", 0, 3, 3) == 0
    assert counted.past("b", 0, 1, 1) == 0
    assert counted.past("a", 10, 2, 2) == 7
    assert counted.past("a", 12, 4, 0) == 4  # whole, but it holds no events
    assert (counted.lost, counted.numbers) == (11, {"a": 16, "b": 1})
    assert counted.accepted({}) == 17
    assert counted.accepted({"a": 20, "c": 5}) == 26


def test_what_a_former_release_accepted_has_no_numbers():
    counted = Counted(unnumbered=5)
    assert counted.past("a", None, 3, 3) == 0
    assert counted.past("a", 0, 2, 2) == 0
    assert counted.accepted({"a": 2}) == 10


def test_what_was_accepted_is_received_lost_or_waiting():
    books = NodeBooks(node="n", at_ms=1, sources={"a": Account(3), "b": Account(4)}, accepted=10, lost=2)
    assert (books.received, books.waiting) == (7, 1)
    # The two sides are not asked in the same moment.
    assert NodeBooks(node="n", at_ms=1, sources={"a": Account(3)}, accepted=2).waiting == 0
