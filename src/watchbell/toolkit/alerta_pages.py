"""What Alerta's own pages are told by `/api/config`: the section `alerta_pages` of the settings."""

from typing import Any

import msgspec

from watchbell.toolkit.settings import Settings

_COLUMNS = (
    *("severity", "status", "lastReceiveTime", "timeoutLeft", "duplicateCount", "customer", "environment", "service"),
    *("resource", "event", "value", "text"),
)


class AlertaPages(Settings, frozen=True):
    """What Alerta's own pages begin with, where they are used with this server. Watchbell's have forms of their own."""

    columns: list[str] = msgspec.field(default_factory=lambda: list(_COLUMNS))
    """Columns of the list of alerts; an attribute's name is one, too."""
    sort_by: list[str] = msgspec.field(default_factory=lambda: ["severity", "lastReceiveTime"])
    """What that list is sorted by; `-` before a field turns its order round."""
    filter: dict[str, list[str]] = {}
    """What it shows, values by field. Empty: the statuses that need somebody or are looked after."""
    indicator_severities: list[str] = []
    """Severities that are counted above it. Empty: the problems."""
    indicator_queries: list[dict[str, Any]] = []
    """What is counted there besides, each with a `text` and a `query`: `group=Misc`, pairs, or a table."""
    long_date: str = "ddd D MMM, YYYY HH:mm:ss.SSS Z"
    """How a time is written in full, as Moment.js has it."""
    medium_date: str = "ddd D MMM HH:mm"
    """How it is written in lists."""
    short_time: str = "HH:mm"
    """How one of today is written there."""
    font: dict[str, str | int] = msgspec.field(
        default_factory=lambda: {"font-family": "system-ui, sans-serif", "font-size": "13px", "font-weight": 500}
    )
    """The font, as properties of CSS."""
    refresh_interval: int = 5000
    """Milliseconds after which they ask again."""
    audio_file: str = ""
    """Address of the sound of a new alert; empty is none."""
    clipboard_template: str = ""
    """What is copied of an alert, as a template of Nunjucks."""
    logo_url: str = ""
    """Address of a picture beside the title."""
    tracking_id: str = ""
    """Name at Google Analytics; empty tells nobody."""


def looks_of(pages: AlertaPages) -> dict[str, Any]:
    """The keys of `/api/config` that are these settings' alone."""
    return {
        "audio": {"new": pages.audio_file or None},
        "clipboard_template": pages.clipboard_template,
        "columns": pages.columns,
        "dates": {"shortTime": pages.short_time, "mediumDate": pages.medium_date, "longDate": pages.long_date},
        "font": pages.font,
        "refresh_interval": pages.refresh_interval,
        "site_logo_url": pages.logo_url,
        "sort_by": pages.sort_by,
        "tracking_id": pages.tracking_id or None,
    }
