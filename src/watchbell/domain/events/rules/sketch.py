"""Sketches: how many different values, and a distribution, in a few kilobytes whatever the number of events.

Apache DataSketches does the work. `Distinct` is HyperLogLog (standard error 1.6 %): united in any order, any number
of times, it tells the same. `Digest` is a t-digest, exact at the ends and within about one per cent of rank in the
middle. Bytes that are no sketch raise `Invalid`.
"""

import binascii
import importlib
import math
from base64 import b64decode, b64encode
from functools import cache
from typing import Any, Protocol

from watchbell.domain.errors import Invalid
from watchbell.domain.events.rules.rule import Measure, Rule

LG_K = 12
K = 200
_DISTINCT = b"d"
_DIGEST = b"q"


@cache
def _engine() -> Any:
    """The library, which ships without types: read when the first rule wants a sketch, for it brings NumPy along."""
    return importlib.import_module("datasketches")


class Sketch(Protocol):
    """What windows keep beside numbers."""

    def add(self, value: Any) -> bool:
        """Takes one value; False when it is not of the kind that can be taken."""
        ...

    def merge(self, other: "Sketch") -> None:
        """Takes all that another of the same kind holds."""
        ...

    def pack(self) -> str:
        """Everything, as text for `unpack`."""
        ...


class Distinct:
    """Different values."""

    def __init__(self, held: Any = None) -> None:
        self.held: Any = held if held is not None else _engine().hll_sketch(LG_K)

    def add(self, value: Any) -> bool:
        """See Sketch. Texts, numbers and truth values; a number is as different from its text as any other."""
        if isinstance(value, str):
            self.held.update(value)
        elif isinstance(value, int | float):
            self.held.update(f"\0{value!r}")
        else:
            return False
        return True

    def merge(self, other: Sketch) -> None:
        """See Sketch."""
        if not isinstance(other, Distinct):
            raise Invalid("sketches of different kinds cannot be merged")
        union = _engine().hll_union(LG_K)
        union.update(self.held)
        union.update(other.held)
        self.held = union.get_result()

    def estimate(self) -> float:
        """About how many different values there are. The same however they came together."""
        union = _engine().hll_union(LG_K)
        union.update(self.held)
        union.update(_engine().hll_sketch(LG_K))
        return float(round(union.get_result().get_estimate()))

    def pack(self) -> str:
        """See Sketch."""
        return b64encode(_DISTINCT + self.held.serialize_compact()).decode()


class Digest:
    """A distribution of numbers."""

    def __init__(self, held: Any = None) -> None:
        self.held: Any = held if held is not None else _engine().tdigest_double(K)

    def add(self, value: Any) -> bool:
        """See Sketch. Finite numbers, also as text."""
        if isinstance(value, bool):
            return False
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return False
        if not math.isfinite(number):
            return False
        self.held.update(number)
        return True

    def merge(self, other: Sketch) -> None:
        """See Sketch."""
        if not isinstance(other, Digest):
            raise Invalid("sketches of different kinds cannot be merged")
        self.held.merge(other.held)

    def count(self) -> int:
        """How many numbers it has taken."""
        return 0 if self.held.is_empty() else int(self.held.get_total_weight())

    def quantile(self, rank: float) -> float:
        """The number below which the share `rank` (0 to 1) lies. Only when there are numbers."""
        return float(self.held.get_quantile(rank))

    def pack(self) -> str:
        """See Sketch."""
        return b64encode(_DIGEST + self.held.serialize()).decode()


def sketch_for(rule: Rule) -> Sketch | None:
    """An empty sketch, if the rule needs one."""
    if rule.measure is Measure.DISTINCT:
        return Distinct()
    return Digest() if rule.measure is Measure.PERCENTILE else None


def unpack(text: str) -> Sketch:
    """The sketch that was packed; `Invalid` when it is none."""
    try:
        data = b64decode(text, validate=True)
        if data[:1] == _DISTINCT:
            return Distinct(_engine().hll_sketch.deserialize(data[1:]))
        if data[:1] == _DIGEST:
            return Digest(_engine().tdigest_double.deserialize(data[1:]))
    except (binascii.Error, ValueError, RuntimeError, IndexError) as error:
        raise Invalid("is not a sketch") from error
    raise Invalid("is not a sketch")
