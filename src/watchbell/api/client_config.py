"""`GET /api/config`: what Alerta's clients ask before anything else. Open, and holds no secret."""

from collections.abc import Mapping
from typing import Any, TypedDict

import msgspec
from litestar import Request, get

from watchbell.api.contract import Shape, told
from watchbell.api.needs import Needed
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.severity import Severities
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Retryable
from watchbell.toolkit.alerta_pages import AlertaPages, looks_of
from watchbell.usecases.admitting import Admitting


class ClientConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What of the settings clients may know."""

    auth_required: bool = True
    customer_views: bool = False
    readonly_scopes: tuple[str, ...] = ()
    """What callers who do not identify themselves may read; empty refuses them."""
    environments: tuple[str, ...] = ()
    timeouts: Timeouts = Timeouts()
    actions: tuple[str, ...] = ()
    """The installation's own words for what is done to alerts."""
    history_limit: int = 100
    """How many entries of its history an alert has."""
    collector_url: str = ""
    """Where events go; empty when nobody said."""
    provider: str = "basic"
    """How Alerta's own pages log people in."""
    provider_settings: Mapping[str, str] = {}
    """What they need to know for that."""
    provider_name: str = ""
    """Which of ours it is; empty is the password."""
    sign_up: bool = False
    verify_email: bool = False
    pages: AlertaPages = AlertaPages()
    """What Alerta's own pages begin with."""


class Colors(TypedDict):
    """Colours by severity and status."""

    severity: dict[str, str]
    status: dict[str, str]
    text: str


class AlarmDefaults(TypedDict):
    """What an alert has when nothing is said."""

    status: str
    normal_severity: str
    previous_severity: str


class AlarmModelBody(TypedDict):
    """Severities and statuses with their ranks."""

    name: str
    severity: dict[str, int]
    colors: Colors
    status: dict[str, str]
    defaults: AlarmDefaults


class IndicatorsBody(TypedDict):
    """What is counted above the list of alerts."""

    severity: list[str]
    queries: list[dict[str, Any]]


class TimeoutsBody(TypedDict):
    """Time-outs, in seconds."""

    alert: int
    heartbeat: int
    ack: int
    shelve: int


@get(
    "/api/config",
    opt={"open": True}
    | told(
        answer=Shape(
            {
                "actions": list[str],
                "alarm_model": AlarmModelBody,
                "allow_readonly": bool,
                "audio": dict[str, str | None],
                "auth_required": bool,
                "aws_region": str,
                "azure_tenant": str,
                "blackouts": dict[str, int],
                "client_id": str,
                "clipboard_template": str,
                "cognito_domain": str | None,
                "colors": Colors,
                "columns": list[str],
                "customer_views": bool,
                "dates": dict[str, str],
                "debug": bool,
                "email_verification": bool,
                "endpoint": str,
                "environments": list[str],
                "filter": dict[str, list[str]],
                "font": dict[str, str | int],
                "github_url": str,
                "gitlab_url": str,
                "indicators": IndicatorsBody,
                "keycloak_realm": str | None,
                "keycloak_url": str | None,
                "oidc_auth_url": str | None,
                "provider": str,
                "readonly_scopes": list[str],
                "refresh_interval": int,
                "severity": dict[str, int],
                "signup_enabled": bool,
                "site_logo_url": str,
                "sort_by": list[str],
                "timeouts": TimeoutsBody,
                "tracking_id": str | None,
            }
        )
    ),
)
async def config(
    request: Request[Any, Any, Any],
    model: Needed[AlarmModel],
    client_config: Needed[ClientConfig],
    admitting: Needed[Admitting],
) -> dict[str, Any]:
    """Severities, colours, time-outs and what the pages start with."""
    pages = client_config.pages
    return {
        **looks_of(pages),
        "actions": list(client_config.actions),
        "alarm_model": _alarm_model(model),
        "allow_readonly": bool(client_config.readonly_scopes),
        "auth_required": client_config.auth_required,
        "blackouts": {"duration": client_config.timeouts.blackout},
        "colors": _colors(model),
        "customer_views": client_config.customer_views,
        "debug": False,
        "email_verification": client_config.verify_email,
        "endpoint": str(request.base_url).rstrip("/") + "/api",
        "environments": list(client_config.environments),
        "filter": pages.filter or {"status": list(model.shown)},
        "indicators": {
            "severity": pages.indicator_severities or _indicators(model.severities),
            "queries": pages.indicator_queries,
        },
        **_PROVIDERS,
        **client_config.provider_settings,
        "oidc_auth_url": await _address(client_config, admitting),
        "provider": client_config.provider,
        "readonly_scopes": list(client_config.readonly_scopes) or ["read"],
        "severity": dict(model.severities.codes),
        "signup_enabled": client_config.sign_up,
        "timeouts": {
            "alert": client_config.timeouts.alert,
            "heartbeat": client_config.timeouts.heartbeat,
            "ack": client_config.timeouts.ack,
            "shelve": client_config.timeouts.shelve,
        },
    }


async def _address(client_config: ClientConfig, admitting: Admitting) -> str | None:
    """Where Alerta's pages send people of a provider that has no address of its own there; None for the others."""
    if client_config.provider != "openid":
        return None
    try:
        return await admitting.gate(client_config.provider_name).provider.authorization_endpoint()
    except Retryable:
        return None  # the provider is away: nobody can log in by it now, and all else goes on


def _alarm_model(model: AlarmModel) -> AlarmModelBody:
    return {
        "name": model.name,
        "severity": dict(model.severities.codes),
        "colors": _colors(model),
        "status": dict(model.statuses),
        "defaults": {
            "status": model.default_status,
            "normal_severity": model.severities.normal,
            "previous_severity": model.severities.previous,
        },
    }


def _indicators(severities: Severities) -> list[str]:
    """The severities that Alerta's pages count at the top: the problems, without the one beyond all others."""
    normal = severities.ranks[severities.normal]
    return [name for name, rank in severities.ranks.items() if 0 < rank < normal]


def _colors(model: AlarmModel) -> Colors:
    return {
        "severity": dict(model.severities.colors),
        "status": dict(model.colors),
        "text": "black",
    }


_PROVIDERS: dict[str, str | None] = {
    "aws_region": "us-east-1",
    "azure_tenant": "common",
    "client_id": "",
    "cognito_domain": None,
    "github_url": "https://github.com",
    "gitlab_url": "https://gitlab.com",
    "keycloak_realm": None,
    "keycloak_url": None,
}

routes = [config]
