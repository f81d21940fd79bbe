"""Times as SQLite keeps them: microseconds since 1970."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from watchbell.adapters.store.sql.types import Moment

EAST, WEST = timezone(timedelta(hours=10)), timezone(timedelta(hours=-10))
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def kept_and_read(at: datetime) -> datetime | None:
    dialect = SQLiteDialect()
    return Moment().process_result_value(Moment().process_bind_param(at, dialect), dialect)


@pytest.mark.parametrize("at", [FIRST, datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC), LAST])
def test_a_time_is_read_as_it_was_written(at: datetime):
    assert kept_and_read(at) == at


def test_a_time_outside_the_years_that_there_are_can_be_read():
    assert kept_and_read(datetime(1, 1, 1, tzinfo=EAST)) == FIRST
    assert kept_and_read(datetime.max.replace(tzinfo=WEST)) == LAST
    assert Moment().process_result_value(10**30, SQLiteDialect()) == LAST
