"""What a plug-in is made of."""

import abc
import logging
import os
from collections.abc import Mapping
from typing import Any

from alerta.app import app
from alerta.models.alert import Alert

__all__ = ["LOG", "PluginBase", "app"]

LOG = logging.getLogger("alerta.plugins")
_TRUE = frozenset({"yes", "on", "true", "t", "1"})


class PluginBase(abc.ABC):
    """Derive from it; hooks that are not overridden are not called."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self.__module__

    @abc.abstractmethod
    def pre_receive(self, alert: Alert, **kwargs: Any) -> Alert:
        """Before an alert is received; returns it."""
        raise NotImplementedError

    @abc.abstractmethod
    def post_receive(self, alert: Alert, **kwargs: Any) -> Alert | None:
        """After an alert was received; what is returned has its tags and attributes stored."""
        raise NotImplementedError

    @abc.abstractmethod
    def status_change(self, alert: Alert, status: str, text: str, **kwargs: Any) -> Any:
        """Before the status changes; returns None, the alert, or (alert, status, text)."""
        raise NotImplementedError

    def take_action(self, alert: Alert, action: str, text: str, **kwargs: Any) -> Any:
        """Before an action; returns the alert, (alert, action, text) or (alert, action, text, timeout)."""
        raise NotImplementedError

    def post_action(self, alert: Alert, action: str, text: str, **kwargs: Any) -> Any:
        """After an action; the same."""
        raise NotImplementedError

    def take_note(self, alert: Alert, text: str | None, **kwargs: Any) -> Any:
        """Before a note is written; returns the alert or (alert, text)."""
        raise NotImplementedError

    def delete(self, alert: Alert, **kwargs: Any) -> bool:
        """Whether the alert may be deleted."""
        raise NotImplementedError

    @staticmethod
    def get_config(key: str, default: Any = None, type: Any = None, **kwargs: Any) -> Any:  # noqa: A002 - Alerta's
        """A setting: the variable of the environment when there is one, else that of `config`, else the default."""
        if key in os.environ:
            return _typed(os.environ[key], type, default)
        config: Mapping[str, Any] = kwargs.get("config") or app.config
        return config.get(key, default)


def _typed(text: str, wanted: Any, default: Any) -> Any:
    if wanted is bool:
        return text.lower() in _TRUE
    if wanted is list:
        return text.split(",")
    if wanted is None:
        return text
    try:
        return wanted(text)
    except ValueError:
        return default
