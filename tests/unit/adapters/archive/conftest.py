import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from unit.adapters.archive.archive_fixtures import archived
from watchbell.adapters.archive.answering import answer
from watchbell.domain.events.event import Event
from watchbell.domain.events.question import Question, check_question

Ask = Callable[[list[Event], Question], dict[str, Any]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Answers a question about some events."""
    numbers = itertools.count()

    def asked(events: list[Event], question: Question) -> dict[str, Any]:
        check_question(question)
        place = archived(tmp_path / str(next(numbers)), events)
        connection = duckdb.connect(config={"autoload_known_extensions": "false"})
        try:
            return answer(lambda sql: connection.execute(sql.text, sql.values).fetchall(), place, question)
        finally:
            connection.close()

    return asked
