"""A Kafka producer as a sink needs it: waits that end, and errors sorted by what can be done about them.

Idempotent, acks=all, in order: what was not acknowledged is repeated for as long as it takes, so a broker that is away
costs no message while this process lives. Opens its connections with the first message.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from watchbell.domain.errors import Invalid, Retryable

KafkaMessage = tuple[bytes | None, bytes, int]
"""Key, value, timestamp in milliseconds since 1970."""

Headers = Sequence[tuple[str, bytes]]

OWN_OPTIONS = frozenset(
    {
        "acks",
        "bootstrap.servers",
        "delivery.report.only.error",
        "delivery.timeout.ms",
        "dr_cb",
        "dr_msg_cb",
        "enable.idempotence",
        "error_cb",
        "log_cb",
        "logger",
        "message.send.max.retries",
        "message.timeout.ms",
        "metadata.broker.list",
        "on_delivery",
        "request.required.acks",
        "retries",
        "stats_cb",
        "throttle_cb",
        "transactional.id",
    }
)
"""Options of the client on which the promise rests."""

_REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
    }
)
_AWAY_S = 0.2
"""How long to wait for brokers of which none answers: long enough to notice that one is back."""

_log = logging.getLogger("watchbell.kafka")


class Failure:
    """A message that did not arrive, and why. `refused`: the broker takes others, but never this one."""

    __slots__ = ("message", "reason", "refused")

    def __init__(self, message: KafkaMessage, error: KafkaError) -> None:
        self.message = message
        self.reason = words(error)
        self.refused = error.code() in _REFUSALS


def words(error: KafkaError) -> str:
    """The error for people."""
    return f"{error.str()} ({error.name()})"


class Producing:
    """One producer for one topic. Not for several threads.

    Raises:
        Invalid: an option is not known or its value cannot be used.
    """

    def __init__(self, topic: str, options: Mapping[str, Any], *, wait_s: float) -> None:
        self._topic = topic
        self._wait_s = wait_s
        self._failed: list[Failure] = []
        self._away = threading.Event()
        self.broken = ""
        """Why this producer cannot go on and must be made anew; empty while it can."""
        try:
            self._producer = Producer(
                {
                    "linger.ms": 20,
                    "partitioner": "murmur2_random",
                    "queue.buffering.max.messages": 200_000,
                    "queue.buffering.max.kbytes": 262_144,
                    "reconnect.backoff.max.ms": 2000,
                    **options,
                    "acks": "all",
                    "enable.idempotence": True,
                    "delivery.report.only.error": True,
                    "error_cb": self._on_error,
                    "logger": _log,
                }
            )
        except (KafkaException, TypeError) as error:
            reason = words(error.args[0]) if isinstance(error, KafkaException) else str(error)
            raise Invalid(reason, "options") from error

    @property
    def client(self) -> Producer:
        """The library's own object, for transactions."""
        return self._producer

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self.broken = words(error)
        elif error.name() == "_ALL_BROKERS_DOWN":
            self._away.set()

    def _on_delivery(self, message: KafkaMessage, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failed.append(Failure(message, error))

    def send(self, message: KafkaMessage, headers: Headers = ()) -> Failure | None:
        """Hands a message over; the failure when the client itself refuses it.

        Raises:
            Retryable: there is no room for it, and the brokers are away.
        """
        key, value, timestamp = message
        # What a failed delivery says of its message lacks the timestamp, so each remembers its own.
        more: dict[str, Any] = {"timestamp": timestamp, "on_delivery": partial(self._on_delivery, message)}
        if headers:
            more["headers"] = list(headers)
        while True:
            try:
                self._producer.produce(self._topic, value, key, **more)
            except BufferError:
                waiting = len(self._producer)
                if self.flush() >= waiting:
                    raise Retryable(f"{self._topic}: {waiting} messages wait for the broker") from None
            except KafkaException as error:
                failure = Failure(message, error.args[0])
                if not failure.refused:
                    raise Retryable(f"{self._topic}: {failure.reason}") from error
                return failure
            else:
                return None

    def poll(self) -> None:
        """Takes in what the brokers said meanwhile."""
        self._serve(0, self._producer.poll)

    def flush(self) -> int:
        """Waits until everything is acknowledged or failed, for a time; how many messages still wait."""
        self._serve(_AWAY_S if self._away.is_set() else self._wait_s, self._producer.flush)
        waiting = len(self._producer)
        if waiting == 0:
            self._away.clear()
        return waiting

    def _serve(self, wait_s: float, work: Callable[[float], int]) -> None:
        try:
            work(wait_s)
        except KafkaException as error:
            # The library tells of a fatal error wherever it happens to be.
            self.broken = words(error.args[0])
        except SystemError as error:
            # The same in the midst of a report: Python finds the library's error where a value was to be.
            if not isinstance(error.__cause__, KafkaException):
                raise
            self.broken = words(error.__cause__.args[0])

    def failures(self) -> list[Failure]:
        """What did not arrive, each once."""
        failed, self._failed = self._failed, []
        return failed

    def give_up(self) -> None:
        """Ends it. What was not acknowledged may have arrived or not; `failures` names it."""
        self._producer.purge()
        self._serve(_AWAY_S, self._producer.flush)
