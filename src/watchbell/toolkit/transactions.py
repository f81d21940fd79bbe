"""Kafka transactions that hold, beside the messages, how far the sender has come: as a note at a group's offset.

The brokers let one sender of a name live: who begins last ends the others. Every failure is met by beginning anew, for
then the brokers say what became of the transaction that was open.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from watchbell.domain.errors import Retryable

_CONNECTION = ("bootstrap.", "client.id", "sasl.", "security.", "socket.", "ssl.")
_SETTLING = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.CONCURRENT_TRANSACTIONS,
    }
)
_PAUSE_S = 0.1
_log = logging.getLogger("watchbell.kafka")


class Transactions:
    """The transactions of one sender, known to the brokers as `name`."""

    def __init__(self, topic: str, name: str, options: Mapping[str, Any]) -> None:
        self._topic = topic
        self._name = name
        self._open = False
        self._consumer: Consumer | None = None
        self._connection = {key: value for key, value in options.items() if key.startswith(_CONNECTION)}
        self.options = {"transactional.id": name}
        """What the producer must be told."""

    def begin(self, producer: Producer, wait_s: float) -> bytes:
        """Ends what an earlier producer of this name had begun; the note of the last commit, empty if there is none.

        Raises:
            Retryable: the brokers do not answer.
        """
        self._open = False
        end = time.monotonic() + wait_s
        _asked(lambda: producer.init_transactions(wait_s), self._name, end)
        if self._consumer is None:
            self._consumer = Consumer(
                {
                    **self._connection,
                    "group.id": self._name,
                    "enable.auto.commit": False,
                    "error_cb": _ignored,
                    "logger": _log,
                }
            )
        consumer = self._consumer
        (found,) = _asked(lambda: consumer.committed([TopicPartition(self._topic, 0)], wait_s), self._name, end)
        if found.error is not None:
            raise Retryable(f"{self._name}: {found.error.str()}")
        return (found.metadata or "").encode()

    def enter(self, producer: Producer) -> None:
        """Begins a transaction unless one is open."""
        if not self._open:
            _asked(producer.begin_transaction, self._name)
            self._open = True

    def commit(self, producer: Producer, note: bytes, wait_s: float) -> None:
        """Commits what was sent, and the note with it.

        Raises:
            Retryable: it may be committed or not; `begin` tells.
        """
        self.enter(producer)
        consumer = self._consumer
        if consumer is None:
            raise Retryable(f"{self._name}: not begun")
        group: Any = consumer.consumer_group_metadata()
        offsets = [TopicPartition(self._topic, 0, 0, note.decode())]
        _asked(lambda: producer.send_offsets_to_transaction(offsets, group, wait_s), self._name)
        _asked(lambda: producer.commit_transaction(wait_s), self._name)
        self._open = False

    def close(self) -> None:
        """Releases its connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()


def _ignored(_: KafkaError) -> None:
    """The producer hears of the same brokers' errors."""


def _asked(ask: Callable[[], Any], name: str, again_until: float = 0.0) -> Any:
    """What the brokers answer; asked again, until that moment, while they are finding their places themselves."""
    while True:
        try:
            return ask()
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if reason.code() not in _SETTLING or time.monotonic() > again_until:
                raise Retryable(f"{name}: {reason.str()} ({reason.name()})") from error
        time.sleep(_PAUSE_S)
