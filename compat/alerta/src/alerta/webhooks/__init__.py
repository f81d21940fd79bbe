"""What a webhook is made of."""

import abc
from typing import Any

__all__ = ["WebhookBase"]


class WebhookBase(abc.ABC):
    """Derive from it."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self.__module__

    @abc.abstractmethod
    def incoming(self, path: str, query_string: Any, payload: Any) -> Any:
        """An alert, several, or an answer of one's own, of what follows the name, the query and the body."""
        raise NotImplementedError
