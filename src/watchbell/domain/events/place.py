"""The place: where an address is, and whose it is, as far as a database tells."""

from collections.abc import Callable

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a MaxMind City (or richer) database says of an address; names in English. What it does not say is None."""

    city_id: int | None = None
    city_name: str | None = None
    continent_code: str | None = None
    continent_id: int | None = None
    continent_name: str | None = None
    country_code: str | None = None
    country_id: int | None = None
    country_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    metro_code: int | None = None
    time_zone: str | None = None
    most_specific_subdivision_code: str | None = None
    most_specific_subdivision_id: int | None = None
    most_specific_subdivision_name: str | None = None
    postal_code: str | None = None
    registered_country_code: str | None = None
    registered_country_id: int | None = None
    registered_country_name: str | None = None
    represented_country_code: str | None = None
    represented_country_id: int | None = None
    represented_country_name: str | None = None
    subdivision_codes: tuple[str, ...] | None = None
    """From the widest to the most specific; so are the next two."""
    subdivision_ids: tuple[int, ...] | None = None
    subdivision_names: tuple[str, ...] | None = None
    autonomous_system_number: int | None = None
    autonomous_system_organization: str | None = None
    domain: str | None = None
    isp: str | None = None
    organisation: str | None = None
    anonymous_proxy: bool | None = None
    satellite_provider: bool | None = None


FindPlace = Callable[[str], Place | None]
"""Looks up an address (IPv4 or IPv6 as text). None: it is not in the database, or is no address. Never raises."""
