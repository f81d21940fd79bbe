"""Foreseeing: the windows that a rule has judged, and what it would have said with other bounds.

Everything of one answer is read in one view of the store. Losing the database raises `Retryable`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from watchbell.domain.errors import Missing
from watchbell.domain.events.rules.baseline import HOUR, HourRow, hour_of, hours_before, learned_band
from watchbell.domain.events.rules.bounds import Band, fixed_band
from watchbell.domain.events.rules.part import ALL
from watchbell.domain.events.rules.preview import Episode, Replay, replay
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.events.rules.watch import Bands, Judged
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.managing import Shapes

MOST_WINDOWS = 20_000
"""So many windows one answer holds at most, newest first."""


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its judged windows of one group, and the groups that there are."""

    rule: Rule
    group: str
    groups: tuple[str, ...]
    windows: tuple[Judged, ...]
    episodes: tuple[Episode, ...]
    standing: Mapping[str, str]
    """Group → what it was last told to be: `breach` or `unknown`; those that are well are left out."""


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have said. `known` is false when nothing like it has been counted yet."""

    known: bool
    reason: str = ""
    hours: float = 0
    result: Replay = Replay(windows=(), episodes=())


class _Told(msgspec.Struct, frozen=True):
    told: dict[str, str] = {}


class Foreseeing:
    """Reads the history of rules."""

    def __init__(self, store: Store, configured: Configured, clock: Clock, shapes: Shapes) -> None:
        self._store = store
        self._configured = configured
        self._clock = clock
        self._shapes = shapes

    async def windows(self, name_or_id: str, hours: int, group: str | None) -> RuleView:
        """What a rule judged in the last hours: of `group`, or of the first that has something; raises `Missing`."""
        rule = await self._find(name_or_id)
        now = self._clock.now()
        since = now - hours * HOUR
        async with self._store.reading() as tx:
            groups = [
                name for name in await tx.rule_history.groups(rule.id, since) if bool(name) is bool(rule.group_by)
            ]
            chosen = group if group is not None else (groups[0] if groups else ALL)
            rows = await tx.rule_history.judged(rule.id, since, now, chosen)
            fact = await tx.facts.get(f"rule/{rule.id}")
        told = msgspec.json.decode(fact, type=_Told).told if fact is not None else {}
        shown = tuple(rows[-MOST_WINDOWS:])
        return RuleView(
            rule=rule,
            group=chosen,
            groups=tuple(groups),
            windows=shown,
            episodes=_episodes(rule, shown),
            standing=told,
        )

    async def preview(self, name_or_id: str, body: Mapping[str, Any], hours: int) -> Foreseen:
        """What the rule in `body` would have said over the windows that the stored rule counted.

        Raises:
            Faulty: the body is no rule.
        """
        wanted = cast("Rule", self._shapes.read("rule", body))
        try:
            stored = await self._find(name_or_id)
        except Missing:
            return Foreseen(known=False, reason="Windows are kept once the rule is saved; look again in a while.")
        if stored.counted != wanted.counted:
            return Foreseen(known=False, reason="What is counted was changed, so former windows say nothing about it.")
        wanted = msgspec.structs.replace(wanted, id=stored.id)
        now = self._clock.now()
        since = now - hours * HOUR
        async with self._store.reading() as tx:
            rows = await tx.rule_history.judged(stored.id, since, now)
            rows = [row for row in rows if bool(row.group) is bool(wanted.group_by)][-MOST_WINDOWS:]
            bands = await self._bands(tx, wanted, rows)
        if not rows:
            return Foreseen(known=False, reason="No window has been judged yet.")
        spanned = (rows[-1].window_start - rows[0].window_start) / HOUR
        return Foreseen(known=True, hours=spanned, result=replay(wanted, rows, bands))

    async def _bands(self, tx: Transaction, rule: Rule, rows: list[Judged]) -> Bands:
        if not rule.learn:
            fixed = fixed_band(rule)
            return lambda _group, _start: fixed
        wanted = {hour: hours_before(rule, hour) for hour in sorted({hour_of(row.window_start) for row in rows})}
        every = sorted({before for hours in wanted.values() for before in hours})
        known: dict[tuple[str, datetime], HourRow] = {}
        for row in await tx.rule_history.hours(rule.id, every):
            known[row.group, row.hour] = row
        made: dict[tuple[str, datetime], Band] = {}

        def band(group: str, moment: datetime) -> Band:
            key = (group, hour_of(moment))
            if key not in made:
                found = [known[group, before] for before in wanted[key[1]] if (group, before) in known]
                made[key] = learned_band(rule, key[1], found)
            return made[key]

        return band

    async def _find(self, name_or_id: str) -> Rule:
        for fresh in (False, True):
            if fresh:
                self._configured.expire()
            rules = (await self._configured.current()).rules
            found = rules.get(name_or_id) or next((rule for rule in rules.values() if rule.id == name_or_id), None)
            if found is not None:
                return found
        raise Missing(f"there is no rule {name_or_id!r}")


def _episodes(rule: Rule, rows: tuple[Judged, ...]) -> tuple[Episode, ...]:
    """The alerts that there were, read off the states as they were recorded."""
    length = timedelta(seconds=rule.slice_s)
    found: list[Episode] = []
    standing: Episode | None = None
    for row in rows:
        end = row.window_start + length
        if row.state and standing is None:
            standing = Episode(group=row.group, start=end, end=None, reason=row.reason)
        elif not row.state and standing is not None:
            found.append(msgspec.structs.replace(standing, end=end))
            standing = None
    return (*found, *([standing] if standing is not None else []))
