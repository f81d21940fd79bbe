"""The memory store and the SQL store give the same answers to the same random questions, hostile text included."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.store.samples import after, new_alert, new_entry, new_row, new_timer, shard_lease
from store_fixtures import fixed_now
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.query import AlertQuery, AllOf, AnyOf, Filter, Negation, Order
from watchbell.domain.errors import WatchbellError
from watchbell.ports.store import Store, Transaction

Operation = Callable[[Transaction], Awaitable[Any]]

HOSTILE = (
    "",
    "a",
    "A",
    "ab",
    "%",
    "_",
    "a%",
    "\\",
    "'",
    '"',
    "\n",
    "a\nb",
    "\x1b\x1c",
    "\x1d",
    "ä",
    "Ä",
    "ß",
    "ΑΣ",
    "ας",
)
texts = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
)
moments = st.integers(0, 3).map(after)
values = st.one_of(texts, st.none(), st.integers(-5, 5), st.booleans(), st.lists(texts, max_size=2), st.floats(0, 9))
severities = st.sampled_from(["critical", "major", "odd", "Ä"])
statuses = st.sampled_from(["open", "closed", "strange"])
lists = st.lists(texts, max_size=3).map(tuple)
ids = st.sampled_from([f"alert-{number}-{'x' * 5}" for number in range(4)])

alerts = st.builds(
    new_alert,
    ids,
    resource=st.sampled_from(["r1", "r2", "%"]),
    event=st.sampled_from(["e1", "e2"]),
    severity=severities,
    status=statuses,
    service=lists,
    tags=lists,
    correlate=lists,
    text=texts,
    value=values,
    raw_data=values,
    attributes=st.dictionaries(st.sampled_from(["k", "$.k", 'q"', "[0]", "ä"]), values, max_size=2),
    customer=st.sampled_from([None, "ACME"]),
    duplicate_count=st.integers(0, 3),
    repeat=st.booleans(),
    last_receive_time=moments,
    last_receive_id=ids,
    reverts_at=st.one_of(st.none(), moments),
    ack_reverts_at=st.one_of(st.none(), moments),
)

TEXTUAL = ["text", "value", "raw_data", "severity", "status", "customer", "resource", "attributes.k", "attributes.$.k"]
LISTED = ["service", "tags", "correlate"]
operators = st.sampled_from(["eq", "contains", "gt", "gte", "lt", "lte"])
several = st.lists(texts, max_size=2).map(tuple)
filters = st.one_of(
    st.builds(Filter, field=st.sampled_from(TEXTUAL), operator=operators, values=several, negate=st.booleans()),
    st.builds(
        Filter,
        field=st.sampled_from([*LISTED, "id", 'attributes.q"']),
        operator=st.sampled_from(["eq", "contains"]),
        values=several,
        negate=st.booleans(),
    ),
    st.builds(
        Filter,
        field=st.just("last_receive_time"),
        operator=st.sampled_from(["eq", "gt", "gte", "lt", "lte"]),
        values=st.lists(moments.map(lambda at: at.isoformat()), max_size=2).map(tuple),
        negate=st.booleans(),
    ),
    st.builds(
        Filter,
        field=st.sampled_from(["duplicate_count", "nonsense", "repeat"]),
        operator=operators,
        values=st.sampled_from([("1",), ("2", "0"), ("x",)]),
    ),
)
patterns = st.one_of(
    texts, st.sampled_from(["a*", "?b", "*", "a?b*", "\\\\*", "^a", "[a-c]+$", "(a|%)", "\\\\bab?", "[^a]", "Ä.", "."])
)
searched = st.builds(
    Filter,
    field=st.sampled_from([*TEXTUAL, *LISTED, "any", "id", "duplicate_count"]),
    operator=st.sampled_from(["term", "phrase", "like", "regex", "exists", "contains"]),
    values=st.lists(patterns, max_size=2).map(tuple),
    negate=st.booleans(),
)
expressions = st.recursive(
    st.one_of(filters, searched),
    lambda inner: st.one_of(
        st.builds(AllOf, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Negation, part=inner),
    ),
    max_leaves=4,
)
orders = st.builds(
    Order,
    field=st.sampled_from([*TEXTUAL, *LISTED, "last_receive_time", "reverts_at", "repeat", "id"]),
    descending=st.booleans(),
)
queries = st.builds(
    AlertQuery,
    filters=st.lists(filters, max_size=2).map(tuple),
    search=expressions,
    order=st.lists(orders, max_size=2).map(tuple),
    page=st.integers(1, 2),
    page_size=st.integers(1, 5),
    severities=st.just(("critical", "major")),
    statuses=st.sampled_from([(), ("open", "closed")]),
)

operations = st.one_of(
    st.lists(alerts, max_size=3, unique_by=lambda alert: alert.id).map(lambda items: lambda tx: tx.alerts.save(items)),
    queries.map(lambda query: lambda tx: tx.alerts.find(query)),
    queries.map(lambda query: lambda tx: tx.alerts.counts(query)),
    queries.map(lambda query: lambda tx: tx.reports.by_service(query)),
    queries.map(lambda query: lambda tx: tx.history.newest(query)),
    alerts.map(lambda alert: lambda tx: tx.alerts.related([alert.identity])),
    st.one_of(ids, texts, st.just("alert-1-"), st.just("alert-%-")).map(lambda key: lambda tx: tx.alerts.get(key)),
    ids.map(lambda key: lambda tx: tx.alerts.delete([key])),
    ids.flatmap(lambda key: values.map(lambda value: lambda tx: tx.history.add([new_entry(key, value=value)]))),
    ids.map(lambda key: lambda tx: tx.history.of(key, 2)),
    st.tuples(st.sampled_from("abc"), st.sampled_from(["k1", "k2"]), st.integers(0, 6)).map(
        lambda given: lambda tx: tx.leases.acquire(given[0], given[1], after(given[2]), after(given[2] + 2))
    ),
    st.tuples(st.sampled_from("abcd"), st.integers(0, 1), st.integers(0, 4)).map(
        lambda given: lambda tx: tx.outbox.add([new_row(*given)])
    ),
    st.tuples(st.integers(0, 6), st.integers(1, 3)).map(
        lambda given: (
            lambda tx: tx.outbox.claim(
                "route", [shard_lease(0), shard_lease(1, 2)], after(given[0]), after(given[0] + 2), given[1]
            )
        )
    ),
    st.sampled_from("abcd").map(lambda key: lambda tx: tx.outbox.postpone(key, after(5))),
    st.tuples(texts, st.integers(0, 6)).map(lambda given: lambda tx: tx.timers.set([new_timer(*given)])),
    st.integers(0, 6).map(lambda seconds: lambda tx: tx.timers.due([0, 1], after(seconds), 3)),
    st.tuples(texts, texts).map(lambda given: lambda tx: tx.facts.put(*given)),
    texts.map(lambda name: lambda tx: tx.facts.remove(name)),
)
transactions = st.lists(st.lists(operations, min_size=1, max_size=4), min_size=1, max_size=8)


async def answers(store: Store, work: list[list[Operation]]) -> list[Any]:
    """What each operation returned, and which error ended each transaction."""
    given: list[Any] = []
    for group in work:
        try:
            async with store.transaction() as tx:
                for operation in group:
                    result = await operation(tx)
                    given.append(result)
        except WatchbellError as error:
            given.append(type(error))
    async with store.reading() as tx:
        given.append(await tx.alerts.find(AlertQuery(page_size=100)))
    return given


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(work=transactions)
def test_memory_and_sqlite_answer_alike(sqlite_template: Path, tmp_path: Path, work: list[list[Operation]]):
    """Every answer, every error, and what is left at the end."""
    path = tmp_path / "equal.db"
    for stale in tmp_path.glob("equal.db*"):
        stale.unlink()
    shutil.copy(sqlite_template, path)

    async def compare() -> None:
        sql = open_store(f"sqlite:///{path}", now=fixed_now)
        try:
            assert await answers(sql, work) == await answers(MemoryStore(fixed_now), work)
        finally:
            await sql.close()

    asyncio.run(compare())
