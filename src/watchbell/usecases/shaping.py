"""Inbound formats of one's own: made ready once for each version of the configuration, tried, and fed.

What came is kept for a while, whether it was understood or not.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog

from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.errors import Fault, Faulty, WatchbellError
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.domain.webhooks.model import Format
from watchbell.domain.webhooks.reading import Compiled
from watchbell.domain.webhooks.received import APART, BODY_MAX, KEPT, NAMES_MAX, PER_NAME, ReceivedCall
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.configuration import Configured

_log = structlog.get_logger("webhooks")


class Shaping:
    """Formats by name, and what came for them."""

    def __init__(self, store: Store, configured: Configured, clock: Clock, severities: Severities = DEFAULT) -> None:
        self._store = store
        self._configured = configured
        self._clock = clock
        self._severities = severities
        self._version = -1
        self._compiled: dict[str, Compiled] = {}
        self._kept: dict[tuple[str, bool], datetime] = {}

    async def named(self, name: str) -> Compiled | None:
        """The format of that name, ready."""
        config = await self._configured.current()
        if config.version != self._version:
            self._compiled, self._version = {}, config.version
        given = config.formats.get(name)
        if given is None:
            return None
        if name not in self._compiled:
            self._compiled[name] = Compiled(given, self._severities, lenient=True)
        return self._compiled[name]

    async def keep(self, call: ReceivedCall) -> None:
        """Keep a message, unless one like it was kept just now, or there are too many webhooks.

        What cannot be kept is no reason to refuse what came: losing the database here is only logged.
        """
        key = (call.name, bool(call.problem))
        last = self._kept.get(key)
        if last is not None and call.at - last < APART:
            return
        if len(self._kept) > 4 * NAMES_MAX:
            self._kept.clear()
        self._kept[key] = call.at
        try:
            async with self._store.transaction() as tx:
                names = await tx.received_calls.names()
                if call.name not in names and len(names) >= NAMES_MAX:
                    return
                await tx.received_calls.add(call)
                await tx.received_calls.trim(call.name, PER_NAME, call.at - KEPT)
        except WatchbellError as error:
            _log.warning("message_not_kept", webhook=call.name, error=error.message)

    async def received(self, name: str) -> list[ReceivedCall]:
        """What came for a webhook lately, newest first."""
        async with self._store.reading() as tx:
            found = await tx.received_calls.of(name)
        oldest = self._clock.now() - KEPT
        return [call for call in found if call.at >= oldest]

    async def names(self) -> list[str]:
        """The webhooks that something came for."""
        async with self._store.reading() as tx:
            return await tx.received_calls.names()


def call_to_keep(
    name: str, at: datetime, content_type: str, query: Mapping[str, str], body: bytes, problem: str
) -> ReceivedCall:
    """What is kept of a message: nothing is longer than people look at."""
    text = body.decode(errors="replace").replace("\x00", "")
    short = {key[:200]: value[:1000].replace("\x00", "") for key, value in list(query.items())[:50]}
    return ReceivedCall(
        id=new_id(),
        name=name,
        at=at,
        content_type=content_type[:200],
        query=short,
        body=text[:BODY_MAX],
        problem=problem[:2000],
    )


class Shaped(msgspec.Struct, frozen=True, kw_only=True):
    """What a format makes of a message."""

    alerts: tuple[dict[str, Any], ...]


def attempt(
    given: Format, body: Any, query: Mapping[str, str], now: datetime, severities: Severities = DEFAULT
) -> Shaped:
    """The alerts that a message would become. Stores nothing.

    Raises:
        Faulty: the format, or the message for it, is wrong.
    """
    compiled = Compiled(given, severities)
    if compiled.problems:
        raise Faulty([Fault(field=field, reason=reason) for field, reason in compiled.problems])
    try:
        signals = compiled.read(body, query, now)
    except Faulty as error:
        raise Faulty(
            [msgspec.structs.replace(fault, field=f"message.{fault.field}") for fault in error.faults]
        ) from error
    return Shaped(alerts=tuple(_shown(signal) for signal in signals))


def _shown(signal: Signal) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(signal)
    hidden = {"id", "raw_data", "user", "status"}
    return {name: value for name, value in found.items() if name not in hidden and value not in (None, "", [], {})}
