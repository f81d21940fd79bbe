"""How handlers name what they need: `store: Needed[Store]` is handed over by name, as it is."""

from typing import Annotated, TypeAlias, TypeVar

from litestar.di import NamedDependency
from litestar.params import SkipValidationMarker

T = TypeVar("T")

Needed: TypeAlias = Annotated[NamedDependency[T], SkipValidationMarker()]
"""A dependency by the parameter's name. It is ours, so it is not validated again for each request."""
