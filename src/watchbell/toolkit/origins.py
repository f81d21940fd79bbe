"""Origins of pages, as a setting names them: `https://host`, or `http://localhost:*` for any port of a host."""

import re
from collections.abc import Sequence

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?:[0-9]{1,5}|\*))?")


class Origins:
    """Which origins are named.

    Raises `ValueError` for what is no origin, or would be any.
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        for origin in wanted:
            if not _ORIGIN.fullmatch(origin.lower()):
                raise ValueError(
                    f"{origin!r} is no origin: write https://host, or http://localhost:* for any port of one host"
                )
        lowered = [origin.lower() for origin in wanted]
        self._whole = frozenset(origin for origin in lowered if not origin.endswith(":*"))
        self._of_any_port = frozenset(origin.removesuffix(":*") for origin in lowered if origin.endswith(":*"))

    def __bool__(self) -> bool:
        return bool(self._whole or self._of_any_port)

    def whole(self, origin: str) -> bool:
        """Whether it is named with its port."""
        return origin.lower() in self._whole

    def has(self, origin: str) -> bool:
        """Whether it is named at all."""
        host, colon, port = origin.lower().rpartition(":")
        without_port = host if colon and port.isdecimal() else origin.lower()
        return self.whole(origin) or without_port in self._of_any_port
