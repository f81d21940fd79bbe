"""Places from real database files, small ones, written here."""

import gzip
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from watchbell.adapters.places import CHECK_EVERY_MS, PlaceFile
from watchbell.domain.errors import Permanent
from watchbell.domain.events.place import Place

netaddr: Any = import_module("netaddr")
mmdb_writer: Any = import_module("mmdb_writer")

VECTOR = json.loads((Path(__file__).parents[2] / "data" / "divolte_vectors.json").read_text())["geo_mapping"]


def write(path: Path, networks: dict[str, dict[str, Any]]) -> None:
    writer = mmdb_writer.MMDBWriter(6, "GeoIP2-City", ipv4_compatible=True)
    for network, record in networks.items():
        writer.insert_network(netaddr.IPSet([network]), record)
    writer.to_db_file(str(path))
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes()))


def city(name: str) -> dict[str, Any]:
    return {"city": {"names": {"en": name}}}


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.mark.parametrize("name", ["city.mmdb", "city.mmdb.gz"])
def test_the_vector(tmp_path, name):
    write(tmp_path / name, {"192.0.2.0/24": VECTOR["maxmind_city_record"]})
    found = PlaceFile(tmp_path / name, Clock()).find("192.0.2.77")
    assert found is not None
    expected = {
        re.sub(r"(?<!^)([A-Z])", r"_\1", field.removeprefix("geo")).lower(): value
        for field, value in VECTOR["expected_fields"].items()
    }
    assert {name: json.loads(json.dumps(value)) for name, value in msgspec.structs.asdict(found).items()} == expected


def test_ipv6_and_what_is_not_there(tmp_path):
    write(tmp_path / "city.mmdb", {"2001:db8::/32": city("six"), "192.0.2.0/24": city("four")})
    places = PlaceFile(tmp_path / "city.mmdb", Clock())
    assert places.find("2001:db8::1") == Place(city_name="six")
    assert places.find("192.0.2.1") == Place(city_name="four")
    for address in ("198.51.100.1", "2001:db9::1", "example.org", "", "999.1.1.1"):
        assert places.find(address) is None


def test_a_file_that_changes_is_read_again(tmp_path):
    path, clock = tmp_path / "city.mmdb", Clock()
    write(path, {"192.0.2.0/24": city("old")})
    places = PlaceFile(path, clock)
    assert places.find("192.0.2.1") == Place(city_name="old")
    write(tmp_path / "new", {"192.0.2.0/24": city("new")})
    (tmp_path / "new").replace(path)
    assert places.find("192.0.2.1") == Place(city_name="old")
    clock.now += CHECK_EVERY_MS
    assert places.find("192.0.2.1") == Place(city_name="new")


def test_a_damaged_or_missing_update_leaves_the_former_in_use(tmp_path):
    path, clock = tmp_path / "city.mmdb", Clock()
    write(path, {"192.0.2.0/24": city("old")})
    places = PlaceFile(path, clock)
    path.write_bytes(b"rubbish")
    clock.now += CHECK_EVERY_MS
    assert places.find("192.0.2.1") == Place(city_name="old")
    path.unlink()
    clock.now += CHECK_EVERY_MS
    assert places.find("192.0.2.2") == Place(city_name="old")
    write(path, {"192.0.2.0/24": city("new")})
    clock.now += CHECK_EVERY_MS
    assert places.find("192.0.2.1") == Place(city_name="new")


@pytest.mark.parametrize("content", [None, b"", b"rubbish", b"\x1f\x8b broken"])
@pytest.mark.parametrize("name", ["city.mmdb", "city.mmdb.gz"])
def test_a_file_that_cannot_be_read_at_the_start_is_said(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Permanent, match=r"events\.places: .*city\.mmdb"):
        PlaceFile(tmp_path / name, Clock())


def test_values_of_a_wrong_type_are_left_out(tmp_path):
    record = {"city": {"names": {"en": 7}, "geoname_id": "x"}, "country": "NL", "location": {"latitude": 3}}
    write(tmp_path / "city.mmdb", {"192.0.2.0/24": record})
    assert PlaceFile(tmp_path / "city.mmdb", Clock()).find("192.0.2.1") == Place(latitude=3.0)
