"""The lanes of a mapper: one for each sink that mappings feed, or fed; that one leaves when it has what was for it."""

from collections.abc import Mapping
from typing import Any

from watchbell.ports.journal import Positions
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.eras import Eras
from watchbell.usecases.lanes import Lane, MakeSink


class LaneSet:
    """Makes and keeps them. `observers` are sinks that get every event itself, whatever the mappings are."""

    def __init__(self, sinks: Mapping[str, MakeSink], telemetry: Telemetry) -> None:
        self._sinks = sinks
        self._telemetry = telemetry
        self._staying: dict[str, Lane] = {}
        self._leaving: dict[str, Lane] = {}
        self.observers: Mapping[str, MakeSink] = {}

    def make(self, eras: Eras, released: Positions) -> None:
        """Those that the mappings in force want, and those of before that they do not want any more."""
        fed, leavers = eras.now.routes, eras.leavers()

        def lane_of(name: str, schema: dict[str, Any]) -> Lane:
            return Lane(name, self._sinks[name], schema, self._telemetry, eras.begin_of(name, released))

        for name, route in fed.items():
            lane = self._staying.get(name) or self._leaving.pop(name, None) or lane_of(name, route.schema)
            lane.use(route.schema)
            self._staying[name] = lane
        for name, make in self.observers.items():
            if name not in self._staying:
                self._staying[name] = Lane(name, make, {}, self._telemetry, released)
        for name in self._staying.keys() - fed.keys() - self.observers.keys():
            self._leaving[name] = self._staying.pop(name)
        for name in leavers.keys() - self._leaving.keys():
            self._leaving[name] = lane_of(name, eras.last_schema(name))
        for name, lane in self._leaving.items():
            lane.leave(leavers.get(name, {}))

    def staying(self) -> list[Lane]:
        """Those that get what comes."""
        return list(self._staying.values())

    def all(self) -> list[Lane]:
        """Those that must be turned."""
        return [*self._staying.values(), *self._leaving.values()]

    def leaving(self) -> list[str]:
        """Names of those that only wait for what was before."""
        return list(self._leaving)

    def left(self, lane: Lane) -> None:
        """One that was leaving has ended."""
        del self._leaving[lane.name]

    def releasable(self, read: Positions) -> dict[str, int]:
        """Up to where the slowest is durable, or leaves, and everything is counted."""
        found = dict(read)
        for lane in self.all():
            durable, upto = lane.durable(), lane.upto()
            for stream, position in found.items():
                stands = durable.get(stream, 0)
                if upto is None or stands < upto.get(stream, 0):
                    found[stream] = min(position, stands)
        return found

    def is_behind(self, read: Positions) -> bool:
        """Whether one that is not away has not been given everything yet."""
        return any(lane.positions_to_read(front_of(lane, read)) is not None for lane in self.all())


def front_of(lane: Lane, read: Positions) -> Positions:
    """Up to where a lane must be given what was counted."""
    upto = lane.upto()
    return read if upto is None else {stream: min(position, read.get(stream, 0)) for stream, position in upto.items()}
