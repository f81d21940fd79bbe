"""What the client library reports in ways of its own."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from watchbell.toolkit.producing import Producing

FENCED = KafkaException(KafkaError(KafkaError._FENCED, "fenced by a newer instance", fatal=True))


def producing_that_fails(error: Exception) -> Producing:
    def flush(_seconds: float) -> int:
        raise error

    made = Producing("topic", {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, wait_s=0)
    made._producer = SimpleNamespace(flush=flush, poll=flush)  # pyright: ignore[reportAttributeAccessIssue]
    return made


def in_a_report(cause: Exception) -> SystemError:
    """As Python tells of an error that was already there when a callback returned."""
    error = SystemError("Failure returned a result with an exception set")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("error", [FENCED, in_a_report(FENCED)], ids=["plain", "in a report"])
def test_a_fatal_error_breaks_the_producer_wherever_it_is_told(error):
    producing = producing_that_fails(error)
    producing.poll()
    assert producing.broken.startswith("fenced by a newer instance")


def test_any_other_error_of_the_interpreter_is_told():
    with pytest.raises(SystemError):
        producing_that_fails(in_a_report(ValueError("else"))).poll()
