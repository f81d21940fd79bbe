"""Answers to questions, from Parquet files through DuckDB. One function for each kind of question."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from watchbell.adapters.archive.layout import HOUR_MS, Place, counting
from watchbell.adapters.archive.statements import (
    MEASURES,
    Sql,
    all_of,
    as_number,
    as_text,
    column,
    either,
    events,
    test_of,
)
from watchbell.domain.events.question import (
    FIELDS,
    Answer,
    Condition,
    Counts,
    Funnel,
    Measure,
    Numbers,
    Op,
    Question,
    Records,
    Sessions,
    Top,
    chosen_step_ms,
)

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
_EXTRA: Final = ("parameters", "raw_kind", "raw_query", "raw_body", "raw_headers", "position")
_SHOWN: Final = [*FIELDS, *_EXTRA]

Run = Callable[[Sql], list[tuple[Any, ...]]]


def answer(run: Run, place: Place, question: Question) -> Answer:
    """The answer. `run` executes a statement and returns its rows."""
    hours = _hours(place, question.start_ms, question.end_ms)
    files = [path for _, paths in hours for path in paths]
    match question:
        case Counts():
            found = _counts(run, files, question)
        case Top():
            found = _top(run, files, question)
        case Numbers():
            found = _numbers(run, files, question)
        case Funnel():
            found = _funnel(run, files, question)
        case Sessions():
            found = _sessions(run, files, question)
        case Records():
            found = _records(run, hours, question)
    return {**found, "files": len(files)}


def _hours(place: Place, start_ms: int, end_ms: int) -> list[tuple[int, list[str]]]:
    """The hours that have a part in the time, oldest first, with their files."""
    found: list[tuple[int, list[str]]] = []
    for hour_ms in place.hours():
        if start_ms < hour_ms + HOUR_MS and hour_ms < end_ms:
            paths = [place.address(file.path) for file in counting(place.files(hour_ms))]
            if paths:
                found.append((hour_ms, paths))
    return found


def _times(question: Counts | Numbers) -> tuple[int, list[int]]:
    step = chosen_step_ms(question.start_ms, question.end_ms, question.step_s)
    first = question.start_ms - question.start_ms % step
    return step, list(range(first, question.end_ms, step))


def _counts(run: Run, files: list[str], question: Counts) -> Answer:
    step, times = _times(question)
    place_of = {moment: index for index, moment in enumerate(times)}
    series: dict[str | None, list[int]] = {}
    other = [0] * len(times)
    total = 0
    if files:
        total = int(_one(run, Sql(f"SELECT {MEASURES[question.measure]}") + _from(files, question)))
        for moment, value, known, count in run(_counts_sql(files, question, step)):
            at = place_of.get(moment)
            if at is None:
                continue
            line = series.setdefault(value, [0] * len(times)) if known else other
            line[at] += count
    if not question.by:
        series = {"": series.get("", [0] * len(times))}
    ordered = sorted(series.items(), key=lambda item: (-sum(item[1]), str(item[0])))
    return {
        "stepMs": step,
        "times": times,
        "series": [{"value": value, "total": sum(line), "counts": line} for value, line in ordered],
        "other": other if question.by and question.measure is Measure.EVENTS else None,
        "total": total,
    }


def _counts_sql(files: list[str], question: Counts, step: int) -> Sql:
    """Rows of (moment, value, whether the value has a line of its own, count)."""
    measure = MEASURES[question.measure]
    moment = Sql("SELECT received_ms - received_ms % ? AS moment", step)
    if not question.by:
        return moment + f", '' AS value, true, {measure}" + _from(files, question) + " GROUP BY moment"
    value = Sql(", ") + as_text(question.by) + " AS value"
    if question.measure is Measure.EVENTS:
        grouped = Sql("WITH grouped AS MATERIALIZED (") + moment + value + ", count(*) AS n" + _from(files, question)
        return (
            grouped
            + " GROUP BY moment, value), best AS (SELECT value AS v FROM grouped GROUP BY value"
            + Sql(" ORDER BY sum(n) DESC, value LIMIT ?)", question.series)
            + " SELECT moment, CASE WHEN known THEN value END, known, CAST(sum(n) AS BIGINT) FROM (SELECT grouped.*,"
            + " EXISTS (SELECT 1 FROM best WHERE best.v IS NOT DISTINCT FROM grouped.value) AS known FROM grouped)"
            + " GROUP BY ALL"
        )
    best = Sql("WITH best AS (SELECT ") + as_text(question.by) + " AS v" + _from(files, question)
    best = best + Sql(f" GROUP BY v ORDER BY {measure} DESC, v LIMIT ?)", question.series)
    inner = moment + value + ", party_id, session_id" + _from(files, question)
    return (
        best
        + f" SELECT moment, value, true, {measure} FROM ("
        + inner
        + ") AS one WHERE EXISTS (SELECT 1 FROM best WHERE best.v IS NOT DISTINCT FROM one.value)"
        + " GROUP BY moment, value"
    )


def _from(files: list[str], question: Question) -> Sql:
    return events(files, question.start_ms, question.end_ms, question.where)


def _one(run: Run, statement: Sql) -> Any:
    return run(statement)[0][0]


def _top(run: Run, files: list[str], question: Top) -> Answer:
    if not files:
        return {"values": [], "total": 0, "distinct": 0}
    value, source = as_text(question.field), _from(files, question)
    rows = run(
        Sql("WITH grouped AS MATERIALIZED (SELECT ")
        + value
        + " AS value, count(*) AS n"
        + source
        + " GROUP BY value),"
        + Sql(" best AS MATERIALIZED (SELECT value, n FROM grouped ORDER BY n DESC, value LIMIT ?),", question.limit)
        # Parties only of the values that are shown: of a field with many values that saves most of the work.
        + " seen AS (SELECT value, approx_count_distinct(party_id) AS parties FROM (SELECT "
        + value
        + " AS value, party_id"
        + source
        + ") AS one WHERE EXISTS (SELECT 1 FROM best WHERE best.value IS NOT DISTINCT FROM one.value) GROUP BY value)"
        + " SELECT best.value, n, parties, (SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM grouped),"
        + " (SELECT count(*) FROM grouped) FROM best JOIN seen ON best.value IS NOT DISTINCT FROM seen.value"
        + " ORDER BY n DESC, best.value"
    )
    return {
        "values": [{"value": value, "events": n, "parties": parties} for value, n, parties, _, _ in rows],
        "total": rows[0][3] if rows else 0,
        "distinct": rows[0][4] if rows else 0,
    }


def _numbers(run: Run, files: list[str], question: Numbers) -> Answer:
    step, times = _times(question)
    lines: dict[float, list[float | None]] = {q: [None] * len(times) for q in QUANTILES}
    counts = [0] * len(times)
    overall: dict[str, Any] = {"count": 0}
    if files:
        wanted = f"[{', '.join(map(str, QUANTILES))}]"
        numbers = Sql("SELECT received_ms - received_ms % ? AS moment, ", step) + as_number(question.field) + " AS n"
        inner = numbers + _from(files, question)
        head = f" count(n), approx_quantile(n, {wanted}), min(n), max(n), avg(n) FROM ("
        rows = run(
            Sql("SELECT moment,")
            + head
            + inner
            + ") WHERE n IS NOT NULL AND isfinite(n) GROUP BY GROUPING SETS ((moment), ())"
        )
        place_of = {moment: index for index, moment in enumerate(times)}
        for moment, count, quantiles, least, most, mean in rows:
            if moment is None:
                named = dict(zip(map(_percent, QUANTILES), quantiles or [], strict=False))
                overall = {"count": count, "least": least, "most": most, "mean": mean, **named}
            elif moment in place_of:
                counts[place_of[moment]] = count
                for q, value in zip(QUANTILES, quantiles, strict=True):
                    lines[q][place_of[moment]] = value
    return {
        "stepMs": step,
        "times": times,
        "series": [{"value": _percent(q), "numbers": line} for q, line in lines.items()],
        "counts": counts,
        "overall": overall,
    }


def _percent(quantile: float) -> str:
    return f"p{quantile * 100:g}"


def _funnel(run: Run, files: list[str], question: Funnel) -> Answer:
    steps = [{"name": step.name, "parties": 0, "medianMs": None} for step in question.steps]
    if not files:
        return {"steps": steps}
    flags = Sql("")
    for number, step in enumerate(question.steps):
        flags = flags + ", " + all_of(step.where) + f" AS is_{number}"
    base = Sql("WITH seen AS MATERIALIZED (SELECT party_id, position, received_ms AS t") + flags
    base = base + _from(files, question) + " AND party_id IS NOT NULL AND "
    base = base + either(tuple(step.where for step in question.steps)) + ")"
    chain = base + ", s0 AS (SELECT party_id, position, t, t AS t0, t AS before FROM seen WHERE is_0)"
    for number in range(1, len(question.steps)):
        # The earliest next step after the one before, if it still lies within the time from the first.
        chain = chain + (
            f", s{number} AS MATERIALIZED (SELECT a.party_id, b.position, b.t, a.t0, a.t AS before FROM s{number - 1} a"
            f" ASOF JOIN (SELECT * FROM seen WHERE is_{number}) b"
            " ON a.party_id = b.party_id AND a.position < b.position"
        )
        chain = chain + Sql(" WHERE b.t <= a.t0 + ?)", question.within_s * 1000)
    counted = " UNION ALL ".join(
        f"SELECT {number}, count(DISTINCT party_id), median(t - before) FROM s{number}" for number in range(len(steps))
    )
    for number, parties, median in run(chain + f" {counted}"):
        steps[number]["parties"] = parties
        steps[number]["medianMs"] = None if number == 0 or median is None else round(median)
    return {"steps": steps}


def _sessions(run: Run, files: list[str], question: Sessions) -> Answer:
    if not files:
        return {"sessions": [], "events": 0, "more": False}
    of_party = Condition(field="party_id", op=Op.IS, value=question.party)
    names = ", ".join(_quoted(name) for name in _SHOWN)
    rows = run(
        Sql(f"SELECT {names}")
        + _from(files, question)
        + " AND "
        + test_of(of_party)
        + Sql(" ORDER BY position LIMIT ?", question.limit + 1)
    )
    shown = [_record(row) for row in rows[: question.limit]]
    sessions: dict[str, dict[str, Any]] = {}
    for record in shown:
        moment = record["received_ms"]
        session = sessions.setdefault(
            record["session_id"] or "",
            {"session": record["session_id"], "startMs": moment, "endMs": moment, "events": []},
        )
        session["endMs"] = moment
        session["events"].append(record)
    return {"sessions": list(sessions.values()), "events": len(shown), "more": len(rows) > question.limit}


def _records(run: Run, hours: list[tuple[int, list[str]]], question: Records) -> Answer:
    """The newest hours first, until there are enough."""
    found: list[dict[str, Any]] = []
    names = ", ".join(_quoted(name) for name in _SHOWN)
    before = int(question.before or 0)
    for hour_ms, files in reversed(hours):
        if before and hour_ms * 1_000_000 > before:
            continue
        statement = Sql(f"SELECT {names}") + _from(files, question)
        if before:
            statement = statement + Sql(" AND position < ?", before)
        missing = question.limit + 1 - len(found)
        found += [_record(row) for row in run(statement + Sql(" ORDER BY position DESC LIMIT ?", missing))]
        if len(found) > question.limit:
            break
    return {"records": found[: question.limit], "more": len(found) > question.limit}


def _quoted(name: str) -> str:
    return f'"{name}"' if name in _EXTRA else column(name)


def _record(row: tuple[Any, ...]) -> dict[str, Any]:
    """One event: what is known of it, its parameters as data, and the request behind it."""
    values = dict(zip(_SHOWN, row, strict=True))
    raw = {name.removeprefix("raw_"): values.pop(name) for name in _EXTRA if name.startswith("raw_")}
    parameters = values.pop("parameters")
    raw["headers"] = _json(raw["headers"])
    position = values.pop("position")
    known = {name: value for name, value in values.items() if value is not None}
    return {
        **known,
        "session_id": values["session_id"],
        "parameters": _json(parameters),
        # A script's numbers end at 2^53.
        "position": str(position),
        "raw": raw,
    }


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
