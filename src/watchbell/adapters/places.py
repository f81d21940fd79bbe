"""Places of addresses, from a MaxMind City file (or a richer one): `.mmdb`, or the same packed as `.gz`.

The file is looked at now and then; when it changed, it is read again, and while the new one cannot be read the old one
stays. An address that the file does not have, or what is no address, has no place.
"""

import gzip
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar, cast

import maxminddb
import structlog

from watchbell.domain.errors import Permanent
from watchbell.domain.events.place import Place

_log = structlog.get_logger("places")

CHECK_EVERY_MS = 10_000
_REMEMBERED = 20_000

_Stamp = tuple[int, int, int]
_Value = TypeVar("_Value")


class PlaceFile:
    """Looks places up in one file. `now_ms` is the clock.

    Raises:
        Permanent: when it is made and the file cannot be read.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._now_ms = now_ms
        self._reader: Any
        self._known: dict[str, Place | None] = {}
        self._next_check = now_ms() + CHECK_EVERY_MS
        try:
            self._stamp: _Stamp = _stamp(path)
            self._reader = _open(path)
        except (OSError, ValueError, EOFError, maxminddb.InvalidDatabaseError) as error:
            raise Permanent(f"events.places: {path}: {error}") from error

    def find(self, address: str) -> Place | None:
        """The place of an IPv4 or IPv6 address."""
        if self._now_ms() >= self._next_check:
            self._check()
        known = self._known
        if address in known:
            return known[address]
        try:
            found = self._reader.get(address)
            place = read_place(cast("dict[str, Any]", found)) if isinstance(found, dict) else None
        except (ValueError, maxminddb.InvalidDatabaseError):
            place = None
        if len(known) >= _REMEMBERED:
            known.clear()
        known[address] = place
        return place

    def _check(self) -> None:
        self._next_check = self._now_ms() + CHECK_EVERY_MS
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            fresh = _open(self._path)
        except (OSError, ValueError, EOFError, maxminddb.InvalidDatabaseError) as error:
            _log.warning("places_not_read", path=str(self._path), reason=str(error), hint="the former file is used on")
            return
        former, self._reader, self._stamp = self._reader, fresh, stamp
        former.close()
        self._known.clear()
        _log.info("places_read", path=str(self._path))

    def close(self) -> None:
        """Releases the file."""
        self._reader.close()


def _stamp(path: Path) -> _Stamp:
    stat = os.stat(path)  # noqa: PTH116 - it follows links, as opening does
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _open(path: Path) -> Any:
    # In memory, both kinds: a file that is overwritten in place must not change under a reader that maps it.
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    module: Any = maxminddb
    return module.open_database(BytesIO(data), maxminddb.MODE_FD)


def read_place(record: dict[str, Any]) -> Place:
    """The place that a record of the database describes. What is of another type than it should be is left out."""
    city, country, continent = _part(record, "city"), _part(record, "country"), _part(record, "continent")
    registered, represented = _part(record, "registered_country"), _part(record, "represented_country")
    location = _part(record, "location")
    listed = record.get("subdivisions")
    parts = cast("list[Any]", listed) if isinstance(listed, list) else []
    subdivisions = [cast("dict[str, Any]", part) for part in parts if isinstance(part, dict)]
    last = subdivisions[-1] if subdivisions else {}
    return Place(
        city_id=_int(city, "geoname_id"),
        city_name=_name(city),
        continent_code=_text(continent, "code"),
        continent_id=_int(continent, "geoname_id"),
        continent_name=_name(continent),
        country_code=_text(country, "iso_code"),
        country_id=_int(country, "geoname_id"),
        country_name=_name(country),
        latitude=_float(location, "latitude"),
        longitude=_float(location, "longitude"),
        metro_code=_int(location, "metro_code"),
        time_zone=_text(location, "time_zone"),
        most_specific_subdivision_code=_text(last, "iso_code"),
        most_specific_subdivision_id=_int(last, "geoname_id"),
        most_specific_subdivision_name=_name(last),
        postal_code=_text(_part(record, "postal"), "code"),
        registered_country_code=_text(registered, "iso_code"),
        registered_country_id=_int(registered, "geoname_id"),
        registered_country_name=_name(registered),
        represented_country_code=_text(represented, "iso_code"),
        represented_country_id=_int(represented, "geoname_id"),
        represented_country_name=_name(represented),
        subdivision_codes=_every([_text(each, "iso_code") for each in subdivisions]),
        subdivision_ids=_every([_int(each, "geoname_id") for each in subdivisions]),
        subdivision_names=_every([_name(each) for each in subdivisions]),
        **_traits({**record, **_part(record, "traits")}),
    )


def _traits(traits: dict[str, Any]) -> dict[str, Any]:
    """What richer databases say of the network."""
    return {
        "autonomous_system_number": _int(traits, "autonomous_system_number"),
        "autonomous_system_organization": _text(traits, "autonomous_system_organization"),
        "domain": _text(traits, "domain"),
        "isp": _text(traits, "isp"),
        "organisation": _text(traits, "organization"),
        "anonymous_proxy": _bool(traits, "is_anonymous_proxy"),
        "satellite_provider": _bool(traits, "is_satellite_provider"),
    }


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _text(record: dict[str, Any], name: str) -> str | None:
    found = record.get(name)
    return found if isinstance(found, str) else None


def _int(record: dict[str, Any], name: str) -> int | None:
    found = record.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _float(record: dict[str, Any], name: str) -> float | None:
    found = record.get(name)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _bool(record: dict[str, Any], name: str) -> bool | None:
    found = record.get(name)
    return found if isinstance(found, bool) else None


def _name(record: dict[str, Any]) -> str | None:
    return _text(_part(record, "names"), "en")


def _every(values: list[_Value | None]) -> tuple[_Value, ...] | None:
    """Those that are known; None when none is."""
    return tuple(value for value in values if value is not None) or None
