from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.event import Event
from watchbell.domain.events.place import Place
from watchbell.domain.events.raw import RawKind


def event_of(user_agent: str | None = None) -> Event:
    return Event(
        source="b",
        kind=RawKind.BROWSER,
        party_id="0:1:p",
        session_id="0:1:s",
        event_id="e",
        received_ms=0,
        client_ms=0,
        new_party=False,
        first_in_session=False,
        remote="192.0.2.1",
        user_agent=user_agent,
    )


def test_a_user_agent_is_read_once_and_forgotten_when_there_are_too_many():
    asked = []

    def parse(header, hints):
        asked.append(header)
        return UserAgent(name=f"name of {header}")

    enricher = Enricher(parse, agents=2)
    for header in ("a", "a", "b", "a", "c", "c", "a"):
        event = event_of(header)
        enricher.enrich(event, ())
        assert event.agent == UserAgent(name=f"name of {header}")
    assert asked == ["a", "b", "c", "a"]


def test_a_long_header_is_not_remembered():
    asked = []

    def parse(header, hints):
        asked.append(header)
        return UserAgent()

    enricher = Enricher(parse)
    for _ in range(2):
        enricher.enrich(event_of("x" * 2000), ())
    assert len(asked) == 2


def test_client_hints_are_part_of_the_user_agent_and_other_headers_are_not():
    asked = []

    def parse(header, hints):
        asked.append(hints)
        return UserAgent(version=str(hints))

    enricher = Enricher(parse)
    hint = ("sec-ch-ua-platform", '"Linux"')
    first, second = event_of("a"), event_of("a")
    enricher.enrich(first, (("cookie", "1"), hint))
    enricher.enrich(second, (("cookie", "2"), hint))
    assert asked == [(hint,)]
    assert first.agent is second.agent
    assert second.headers == (("cookie", "2"), hint)


def test_what_nobody_reads_stays_unknown():
    event = event_of("a")
    Enricher().enrich(event, ())
    assert (event.agent, event.place, event.headers) == (None, None, ())


def test_the_place_is_that_of_the_address():
    event = event_of()
    Enricher(find_place={"192.0.2.1": Place(city_name="Bussum")}.get).enrich(event, ())
    assert event.place == Place(city_name="Bussum")
    assert event.agent is None
