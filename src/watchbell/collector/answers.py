"""The answers of the collector, byte for byte and header for header where Divolte's clients can see them."""

from typing import Final

Headers = list[tuple[str, str]]

SERVER: Final = ("server", "divolte")
TEXT: Final = ("content-type", "text/plain; charset=utf-8")

PIXEL: Final = bytes.fromhex("4749463839610100010000000021f904010a0001002c00000000010001000002024c01003b")
"""A transparent GIF of one pixel, 37 bytes."""

PIXEL_ETAG: Final = '"6b3edc43-20ec-4078-bc47-e965dd76b88a"'
"""The same for all: a browser that asks again with it repeats a request, and there is no new event."""

PIXEL_HEADERS: Final[Headers] = [
    ("content-type", "image/gif"),
    ("etag", PIXEL_ETAG),
    ("cache-control", "private, no-cache, proxy-revalidate"),
    ("pragma", "no-cache"),
    ("expires", "Fri, 14 Apr 1995 11:30:00 GMT"),
    SERVER,
]

PIXEL_NOT_MODIFIED_HEADERS: Final[Headers] = [header for header in PIXEL_HEADERS if header[0] != "content-type"]

TEXT_HEADERS: Final[Headers] = [TEXT, SERVER]
EMPTY_HEADERS: Final[Headers] = [SERVER]


def names_etag(if_none_match: str, etag: str) -> bool:
    """Whether an `If-None-Match` header names `etag` (weakly compared), or `*`."""
    if if_none_match == etag:
        return True
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
