"""The user agent: what software and what device a request came from, as far as its headers tell."""

from collections.abc import Callable

import msgspec


class UserAgent(msgspec.Struct, frozen=True, kw_only=True):
    """What the request says of the software that sent it. What cannot be told is None."""

    name: str | None = None
    family: str | None = None
    vendor: str | None = None
    type: str | None = None
    """`Browser`, `Mobile Browser`, `Robot` or `Library`."""
    version: str | None = None
    device_category: str | None = None
    """`Personal computer`, `Smartphone`, `Tablet` or `Other`."""
    os_family: str | None = None
    os_version: str | None = None
    os_vendor: str | None = None
    bot: bool = False
    """Whether it says, or shows, that no person sits in front of it."""


Headers = tuple[tuple[str, str], ...]
"""Request headers that were kept: (name in lower case, value), in the order of the request."""

ParseUserAgent = Callable[[str, Headers], UserAgent]
"""Reads a `User-Agent` header, with the client hints among the kept headers. Never raises."""
