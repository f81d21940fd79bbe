import pytest

from watchbell.domain.errors import Permanent
from watchbell.toolkit.resending import Resending


def send(resending: Resending[str], *messages: str) -> list[str]:
    fresh = [messages[index] for index in resending.fresh(messages)]
    for message in fresh:
        resending.sent(message)
    return fresh


def test_what_was_sent_is_left_out_when_it_comes_again():
    resending: Resending[str] = Resending()
    assert send(resending, "a", "b", "b") == ["a", "b", "b"]
    resending.begin_again([])
    assert send(resending, "a", "b", "b", "b", "c") == ["b", "c"]


def test_it_may_come_in_other_portions_and_more_than_once():
    resending: Resending[str] = Resending()
    send(resending, "a", "b", "c")
    resending.begin_again([])
    assert send(resending, "a") == []
    resending.begin_again([])
    assert send(resending, "a", "b") == []
    assert send(resending, "c", "d") == ["d"]


def test_what_was_lost_is_sent_again():
    resending: Resending[str] = Resending()
    send(resending, "a", "b")
    resending.begin_again(["b"])
    assert send(resending, "a", "b") == ["b"]


def test_what_is_durable_may_come_as_a_new_event():
    resending: Resending[str] = Resending()
    send(resending, "a")
    resending.durable()
    resending.begin_again([])
    assert send(resending, "a") == ["a"]


def test_nothing_of_a_transaction_that_was_undone_counts():
    resending: Resending[str] = Resending()
    send(resending, "a")
    resending.forget_sent()
    assert send(resending, "a") == ["a"]


def test_a_refused_message_refuses_its_write_and_the_others_are_taken():
    resending: Resending[str] = Resending()
    send(resending, "a", "b", "c")
    resending.refuse("b", "too large")
    resending.begin_again(["b"])
    with pytest.raises(Permanent, match="too large"):
        resending.fresh(["a", "b", "c"])
    assert send(resending, "a") == []
    with pytest.raises(Permanent):
        resending.fresh(["b"])
    assert send(resending, "c", "d") == ["d"]


def test_a_write_that_breaks_off_is_given_once_more():
    resending: Resending[str] = Resending()
    mark = resending.mark()
    send(resending, "a", "b")
    resending.back_to(mark, without="b")
    assert send(resending, "a", "b") == ["b"]


def test_few_refusals_are_remembered():
    resending: Resending[int] = Resending()
    for number in range(10_100):
        resending.refuse(number, "no")
    assert list(resending.fresh([0])) == [0]
    with pytest.raises(Permanent):
        resending.fresh([10_099])
