"""Rules, mappings and questions name the parts of an event alike."""

from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.mapping.model import AGENT_FIELDS, PLACE_FIELDS
from watchbell.domain.events.place import Place
from watchbell.domain.events.question import FIELDS as ASKED
from watchbell.domain.events.rules.expression import FIELDS as COUNTED
from watchbell.domain.events.rules.expression import is_field

ONLY_ASKED = {"location_host", "location_path", "referer_host", "received_ms", "client_ms"}
LISTS = {"subdivision_codes", "subdivision_ids", "subdivision_names"}


def test_questions_know_every_field_of_rules_and_a_few_besides():
    assert set(ASKED) >= COUNTED
    assert {name for name in ASKED if not is_field(name)} == ONLY_ASKED


def test_all_three_know_every_part_of_the_user_agent():
    parts = set(UserAgent.__struct_fields__)

    assert set(AGENT_FIELDS) == parts
    assert all(f"agent.{part}" in ASKED and is_field(f"agent.{part}") for part in parts)


def test_all_three_know_every_part_of_the_place_except_that_questions_have_no_lists():
    parts = set(Place.__struct_fields__)

    assert set(PLACE_FIELDS) == parts
    assert all(is_field(f"place.{part}") for part in parts)
    assert {part for part in parts if f"place.{part}" not in ASKED} == LISTS
