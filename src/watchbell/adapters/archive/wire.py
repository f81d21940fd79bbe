"""What the API and the processes that answer questions say to each other: lines of JSON."""

from typing import Any

import msgspec

from watchbell.domain.events.question import Question


class Begin(msgspec.Struct, frozen=True):
    """The first line: where the archive is, and what may be used."""

    url: str
    memory_mib: int
    threads: int
    scratch: str


class Ask(msgspec.Struct, frozen=True, tag_field="do", tag="ask"):
    """A question."""

    question: Question


class Stop(msgspec.Struct, frozen=True, tag_field="do", tag="stop"):
    """Interrupt."""


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of: how far it is, the answer, or why there is none."""

    progress: float | None = None
    answer: Any = None
    failed: str = ""
    """`stopped`, `memory` or `error`."""
    detail: str = ""
