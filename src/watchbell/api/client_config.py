"""`GET /api/config`: what Alerta's clients ask before anything else. Open, and holds no secret."""

from typing import Any

import msgspec
from litestar import Request, get

from watchbell.api.needs import Needed
from watchbell.domain.alerts.act import Timeouts
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.severity import COLORS


class ClientConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What of the settings clients may know."""

    auth_required: bool = True
    environments: tuple[str, ...] = ()
    timeouts: Timeouts = Timeouts()
    alert_timeout: int = 86400
    heartbeat_timeout: int = 86400
    blackout_duration: int = 3600
    collector_url: str = ""
    """Where events go; empty when nobody said."""


@get("/api/config", opt={"open": True})
async def config(
    request: Request[Any, Any, Any], model: Needed[AlarmModel], client_config: Needed[ClientConfig]
) -> dict[str, Any]:
    """Severities, colours, time-outs and what the pages start with."""
    return {
        **_NOT_OFFERED,
        **_LOOKS,
        "alarm_model": _alarm_model(model),
        "auth_required": client_config.auth_required,
        "blackouts": {"duration": client_config.blackout_duration},
        "colors": _COLORS,
        "endpoint": str(request.base_url).rstrip("/") + "/api",
        "environments": list(client_config.environments),
        "indicators": {"severity": [name for name, rank in model.severities.items() if 0 < rank < 7], "queries": []},
        "provider": "basic",
        "severity": dict(model.severities),
        "timeouts": {
            "alert": client_config.alert_timeout,
            "heartbeat": client_config.heartbeat_timeout,
            "ack": client_config.timeouts.ack,
            "shelve": client_config.timeouts.shelve,
        },
    }


def _alarm_model(model: AlarmModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "severity": dict(model.severities),
        "colors": _COLORS,
        "status": dict(model.statuses),
        "defaults": {
            "status": model.default_status,
            "normal_severity": model.default_severity,
            "previous_severity": model.default_previous_severity,
        },
    }


_COLORS: dict[str, Any] = {
    "severity": dict(COLORS),
    "status": {"ack": "skyblue", "shelved": "skyblue"},
    "text": "black",
}
_NOT_OFFERED: dict[str, Any] = {
    "actions": [],
    "allow_readonly": False,
    "audio": {"new": None},
    "clipboard_template": "",
    "customer_views": False,
    "debug": False,
    "email_verification": False,
    "readonly_scopes": ["read"],
    "signup_enabled": False,
    "site_logo_url": "",
    "tracking_id": None,
}
_DATES = {
    "shortTime": "HH:mm",
    "mediumDate": "ddd D MMM HH:mm",
    "longDate": "ddd D MMM, YYYY HH:mm:ss.SSS Z",
}
_COLUMNS = [
    "severity",
    "status",
    "lastReceiveTime",
    "timeoutLeft",
    "duplicateCount",
    "customer",
    "environment",
    "service",
    "resource",
    "event",
    "value",
    "text",
]

_LOOKS: dict[str, Any] = {
    "columns": _COLUMNS,
    "dates": _DATES,
    "filter": {"status": ["open", "ack"]},
    "font": {"font-family": "system-ui, sans-serif", "font-size": "13px", "font-weight": 500},
    "refresh_interval": 5000,
    "sort_by": ["severity", "lastReceiveTime"],
}

routes = [config]
