"""The hints that are read are those that the page tells sites to ask for."""

from watchbell.adapters.user_agents import CLIENT_HINTS

PAGE = "docs/how-to/event-sources.md"


def test_every_client_hint_that_is_read_is_named(repository):
    text = (repository / PAGE).read_text().lower()
    assert [hint for hint in CLIENT_HINTS if hint not in text] == []
