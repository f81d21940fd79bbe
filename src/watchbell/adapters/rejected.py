"""Rejected events as lines of JSON: a current file and one before it, each of bounded size."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Rejection


class RejectedFiles:
    """Writes `rejected.ndjson` in `folder`; when it is full it replaces `rejected.1.ndjson`."""

    def __init__(self, folder: Path, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._path = folder / "rejected.ndjson"
        self._former = folder / "rejected.1.ndjson"
        self._max_bytes = max_bytes

    def keep(self, rejections: Sequence[Rejection]) -> None:
        """See RejectedEvents."""
        lines = b"".join(msgspec.json.encode(_row(rejection)) + b"\n" for rejection in rejections)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size + len(lines) > self._max_bytes:
                self._path.replace(self._former)
            with self._path.open("ab") as file:
                file.write(lines)
        except OSError as error:
            raise Retryable(f"{self._path}: {error}") from error


def _row(rejection: Rejection) -> dict[str, object]:
    raw = rejection.raw
    return {
        "reason": rejection.reason,
        "detail": rejection.detail,
        "received_ms": raw.received_ms,
        "source": raw.source,
        "kind": raw.kind,
        "remote": raw.remote,
        "user_agent": raw.user_agent,
        "query": raw.query,
        "body": raw.body.decode("utf-8", "replace"),
    }


class MemoryRejected:
    """Keeps rejections in a list."""

    def __init__(self) -> None:
        self.kept: list[Rejection] = []

    def keep(self, rejections: Sequence[Rejection]) -> None:
        """See RejectedEvents."""
        self.kept.extend(rejections)
