"""Entries of an alert's history."""

from datetime import datetime
from typing import Any

from alerta.utils.format import DateTime


class History:
    """One change of an alert."""

    def __init__(self, id: str, event: str, **kwargs: Any) -> None:  # noqa: A002 - Alerta's
        self.id = id
        self.event = event
        self.severity: str | None = kwargs.get("severity")
        self.status: str | None = kwargs.get("status")
        self.value: Any = kwargs.get("value")
        self.text: str | None = kwargs.get("text")
        self.change_type: str = kwargs.get("change_type", kwargs.get("type", "")) or ""
        self.update_time: datetime = kwargs["update_time"]
        self.user: str | None = kwargs.get("user")
        self.timeout: int | None = kwargs.get("timeout")

    @property
    def serialize(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "id": self.id,
            "href": f"/alert/{self.id}",
            "event": self.event,
            "severity": self.severity,
            "status": self.status,
            "value": self.value,
            "text": self.text,
            "type": self.change_type,
            "updateTime": DateTime.iso8601(self.update_time),
            "user": self.user,
            "timeout": self.timeout,
        }
