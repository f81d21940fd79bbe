import pytest

from watchbell.domain.errors import Faulty
from watchbell.domain.events.mapping.examples import event_of
from watchbell.domain.events.mapping.model import Mapping
from watchbell.importers.divolte.cases import OUR_NAMES, example_of
from watchbell.usecases.trying import Trying

WHOLE = {
    "party_id": "0:i1t84hgy:party",
    "session_id": "0:i1t84hgy:session",
    "event_id": "e",
    "page_view_id": "v",
    "location": "http://h/",
    "referer": "http://r/",
    "viewport_pixel_width": 1,
    "viewport_pixel_height": 2,
    "screen_pixel_width": 3,
    "screen_pixel_height": 4,
    "device_pixel_ratio": 2,
    "corrupt": True,
    "duplicate": True,
    "new_party_id": True,
    "first_in_session": True,
    "event_type": "t",
    "parameters": {"a": [1]},
    "remote_host": "192.0.2.1",
}


def test_every_field():
    assert WHOLE.keys() == OUR_NAMES.keys()
    event = event_of(example_of(WHOLE))
    assert (event.party_id, event.session_id, event.event_id) == ("0:i1t84hgy:party", "0:i1t84hgy:session", "e")
    assert (event.viewport_width, event.viewport_height, event.screen_width, event.screen_height) == (1, 2, 3, 4)
    assert event.corrupt
    assert event.duplicate
    assert event.new_party
    assert event.first_in_session
    assert (event.pixel_ratio, event.remote, event.page_view_id) == (2.0, "192.0.2.1", "v")
    assert (event.location, event.referer, event.event_type) == ("http://h/", "http://r/", "t")
    assert event.parameters() == {"a": [1]}


@pytest.mark.parametrize("value", ["plain", "12", "", 3, [1], {"a": None}])
def test_parameters_are_any_json(value):
    assert event_of(example_of({"parameters": value})).parameters() == value


def test_nothing_need_be_said():
    assert event_of(example_of({"location": None})).location is None


def test_what_is_wrong_is_named():
    with pytest.raises(Faulty) as caught:
        example_of({"partyid": "x", "party_id": "x", "x": 1})
    assert [fault.field for fault in caught.value.faults] == ["partyid", "x"]


def test_a_mapping_can_be_tried_with_it():
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": "string"}]}
    mapping = Mapping(name="m", schema=schema, steps=[{"set": "f", "to": {"value": "event_type"}}])
    assert Trying().attempt(mapping, example_of(WHOLE)).record == {"f": "t"}
