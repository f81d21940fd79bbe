"""Whether a search finds an alert, or a message that is about to be one, judged without a store.

It finds as the search of a list does (`row_search`), over what a message and an alert have in common: what they are
about, never how they stand nor when they came.
"""

from collections.abc import Callable
from functools import lru_cache

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.row_search import row_search
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal

FIELDS = frozenset(
    {
        *("environment", "resource", "event", "severity", "service", "group", "value", "text", "tags", "attributes"),
        *("origin", "type", "customer", "correlate"),
    }
)


@lru_cache(maxsize=1024)
def search_for(text: str) -> Callable[[Alert | Signal], bool]:
    """The test that alerts pass which the search finds; words without a field are looked for in `text`.

    Raises:
        Invalid: it cannot be read, or asks for another field.
    """
    holds = row_search(text, "text", FIELDS)

    def test(alert: Alert | Signal) -> bool:
        try:
            return holds({field: getattr(alert, field) for field in FIELDS})
        except Invalid:
            return False  # a number is compared with a word: nothing that a message says may stop its receipt

    return test


def search_problem(text: str) -> str:
    """What is wrong with a search; empty when it can be read."""
    try:
        search_for(text)
    except Invalid as error:
        return error.reason
    return ""
