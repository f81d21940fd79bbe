"""The worker: takes runs of its site and pool from the bus, does them, sends the results to the keepers.

Needs nothing but the bus.

A message is done when its results are with the bus; before that it comes again, here or at another worker, and the
keeper refuses what was judged already. On `stop` it takes no more, finishes what runs, sends the results and closes its
tools.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from watchbell.domain.checks.check import CheckRun
from watchbell.domain.checks.result import Result
from watchbell.domain.errors import Permanent
from watchbell.domain.ids import new_id, shard_of
from watchbell.ports.bus import Bus, Envelope, Subscription
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.probing import Prober
from watchbell.usecases.scheduling import Dispatch, checks_topic, results_topic

_log = structlog.get_logger("worker")

RUNS_PER_MESSAGE = 10
"""Few enough that several workers share the work of one tick, many enough that the broker is not the limit."""
RESULTS_PER_MESSAGE = 200
GATHER_SECONDS = 0.01
"""How long a result waits for company."""

_runs = msgspec.msgpack.Decoder(list[CheckRun])
_results = msgspec.msgpack.Decoder(list[Result])


def pack_runs(dispatches: Sequence[Dispatch]) -> dict[str, list[Envelope]]:
    """The messages that carry runs to workers, by topic. Each runs out when the last of its runs does."""
    by_topic: dict[str, list[CheckRun]] = {}
    for dispatch in dispatches:
        by_topic.setdefault(dispatch.topic, []).append(dispatch.run)
    return {
        topic: [_envelope(runs[i : i + RUNS_PER_MESSAGE]) for i in range(0, len(runs), RUNS_PER_MESSAGE)]
        for topic, runs in by_topic.items()
    }


def _envelope(runs: list[CheckRun]) -> Envelope:
    longest = max((run.deadline - run.due).total_seconds() for run in runs)
    return Envelope(id=runs[0].run_id, body=msgspec.msgpack.encode(runs), ttl=longest)


def unpack_results(envelope: Envelope) -> list[Result]:
    """What a worker sent; `Permanent` when it cannot be read."""
    try:
        return _results.decode(envelope.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"not a message of results: {error}") from error


class Worker:
    """One worker. `run` is the whole role; or `start` and `stop`."""

    def __init__(
        self,
        bus: Bus,
        prober: Prober,
        telemetry: Telemetry,
        *,
        site: str,
        pool: str,
        concurrency: int = 100,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._bus = bus
        self._prober = prober
        self._telemetry = telemetry
        self._topic = checks_topic(site, pool)
        self._prefetch = max(2, 3 * concurrency // RUNS_PER_MESSAGE)  # running, waiting for a turn, being sent
        self._close = close
        self._subscription: Subscription | None = None
        self._waiting: list[tuple[Result, asyncio.Future[None]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take runs from now on."""
        self._subscription = await self._bus.consume(self._topic, self._handle, prefetch=self._prefetch)
        _log.info("worker_started", topic=self._topic)

    async def stop(self) -> None:
        """Take no more, give back what was not begun, finish what runs, send what came out, close the tools."""
        self._prober.drain()
        if self._subscription is not None:
            await self._subscription.stop()
        await asyncio.gather(*self._sending)
        if self._close is not None:
            await self._close()
        _log.info("worker_stopped", topic=self._topic)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        await self.start()
        await stop.wait()
        await self.stop()

    async def _handle(self, envelope: Envelope) -> None:
        try:
            runs = _runs.decode(envelope.body)
        except msgspec.DecodeError as error:
            raise Permanent(f"not a message of runs: {error}") from error
        ends = await asyncio.gather(*(self._do(run) for run in runs), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def _do(self, run: CheckRun) -> None:
        result = await self._prober.probe(run)
        if result is not None:
            await self._send(result)

    async def _send(self, result: Result) -> None:
        """Return when the bus has the result. Results of the same moment travel together."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((result, sent))
        if len(self._waiting) == 1:
            task = asyncio.create_task(self._flush())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        await sent

    async def _flush(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(GATHER_SECONDS)
        batch, self._waiting = self._waiting, []
        shards: dict[int, list[tuple[Result, asyncio.Future[None]]]] = {}
        for item in batch:
            shards.setdefault(shard_of(item[0].check_id), []).append(item)
        await asyncio.gather(*(self._publish(shard, items) for shard, items in shards.items()))

    async def _publish(self, shard: int, items: list[tuple[Result, asyncio.Future[None]]]) -> None:
        envelopes = [
            Envelope(
                id=new_id(), body=msgspec.msgpack.encode([result for result, _ in items[i : i + RESULTS_PER_MESSAGE]])
            )
            for i in range(0, len(items), RESULTS_PER_MESSAGE)
        ]
        failure: Exception | None = None
        try:
            await self._bus.publish(results_topic(shard), envelopes)
        except Exception as error:  # task edge: the failure belongs to the messages that wait, not to this task
            self._telemetry.count("check_results_unsent", len(items))
            failure = error
        for _, sent in items:
            if not sent.done():
                if failure is None:
                    sent.set_result(None)
                else:
                    sent.set_exception(failure)
