"""Alerta's settings: those that are copied, the variables that set them, and what is said of the others."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Kind = Literal["text", "flag", "number", "texts", "ranks", "filters", "words", "queries"]


class Copied(NamedTuple):
    """A setting of ours that takes the value as it is."""

    ours: str
    kind: Kind


COPIED: Mapping[str, Copied] = MappingProxyType(
    {
        "AUTH_REQUIRED": Copied("auth.required", "flag"),
        "ADMIN_USERS": Copied("auth.admin_users", "texts"),
        "ADMIN_ROLES": Copied("auth.admin_roles", "texts"),
        "USER_ROLES": Copied("auth.user_roles", "texts"),
        "GUEST_ROLES": Copied("auth.guest_roles", "texts"),
        "USER_DEFAULT_SCOPES": Copied("auth.user_scopes", "texts"),
        "GUEST_DEFAULT_SCOPES": Copied("auth.guest_scopes", "texts"),
        "CUSTOM_SCOPES": Copied("auth.custom_scopes", "texts"),
        "DELETE_SCOPES": Copied("auth.delete_scopes", "texts"),
        "CUSTOMER_VIEWS": Copied("auth.customer_views", "flag"),
        "ALLOW_READONLY": Copied("auth.allow_readonly", "flag"),
        "READONLY_SCOPES": Copied("auth.readonly_scopes", "texts"),
        "ALLOWED_ENVIRONMENTS": Copied("allowed_environments", "texts"),
        "ORIGIN_BLACKLIST": Copied("alerts.refused_origins", "texts"),
        "ALERT_TIMEOUT": Copied("alerts.timeout", "number"),
        "ACK_TIMEOUT": Copied("alerts.ack_timeout", "number"),
        "SHELVE_TIMEOUT": Copied("alerts.shelve_timeout", "number"),
        "HEARTBEAT_TIMEOUT": Copied("alerts.heartbeat_timeout", "number"),
        "HEARTBEAT_MAX_LATENCY": Copied("alerts.heartbeat_latency", "number"),
        "BLACKOUT_DURATION": Copied("alerts.blackout_duration", "number"),
        "HISTORY_LIMIT": Copied("alerts.history_limit", "number"),
        "HISTORY_ON_VALUE_CHANGE": Copied("alerts.value_history", "flag"),
        "DEFAULT_NORMAL_SEVERITY": Copied("alerts.normal_severity", "text"),
        "DEFAULT_INFORM_SEVERITY": Copied("alerts.informational_severity", "text"),
        "DEFAULT_PREVIOUS_SEVERITY": Copied("alerts.previous_severity", "text"),
        "PLUGINS_RAISE_ON_ERROR": Copied("plugins.raise_on_error", "flag"),
        "DELETE_EXPIRED_AFTER": Copied("retention.closed_alerts", "number"),
        "DELETE_INFO_AFTER": Copied("retention.informational_alerts", "number"),
        "COLUMNS": Copied("alerta_pages.columns", "texts"),
        "SORT_LIST_BY": Copied("alerta_pages.sort_by", "texts"),
        "DEFAULT_FILTER": Copied("alerta_pages.filter", "filters"),
        "ASI_SEVERITY": Copied("alerta_pages.indicator_severities", "texts"),
        "ASI_QUERIES": Copied("alerta_pages.indicator_queries", "queries"),
        "DATE_FORMAT_LONG_DATE": Copied("alerta_pages.long_date", "text"),
        "DATE_FORMAT_MEDIUM_DATE": Copied("alerta_pages.medium_date", "text"),
        "DATE_FORMAT_SHORT_TIME": Copied("alerta_pages.short_time", "text"),
        "DEFAULT_FONT": Copied("alerta_pages.font", "words"),
        "AUTO_REFRESH_INTERVAL": Copied("alerta_pages.refresh_interval", "number"),
        "DEFAULT_AUDIO_FILE": Copied("alerta_pages.audio_file", "text"),
        "CLIPBOARD_TEMPLATE": Copied("alerta_pages.clipboard_template", "text"),
        "SITE_LOGO_URL": Copied("alerta_pages.logo_url", "text"),
        "GOOGLE_TRACKING_ID": Copied("alerta_pages.tracking_id", "text"),
    }
)

VARIABLES: Mapping[str, Kind] = MappingProxyType(
    {
        "DEBUG": "flag",
        "BASE_URL": "text",
        "USE_PROXYFIX": "flag",
        "SECRET_KEY": "text",
        "DATABASE_URL": "text",
        "DATABASE_NAME": "text",
        "DATABASE_SCHEMA": "text",
        "AUTH_REQUIRED": "flag",
        "AUTH_PROVIDER": "text",
        "ADMIN_USERS": "texts",
        "SIGNUP_ENABLED": "flag",
        "CUSTOMER_VIEWS": "flag",
        "OAUTH2_CLIENT_ID": "text",
        "OAUTH2_CLIENT_SECRET": "text",
        "ALLOWED_EMAIL_DOMAINS": "texts",
        "AZURE_TENANT": "text",
        "GITHUB_URL": "text",
        "ALLOWED_GITHUB_ORGS": "texts",
        "GITLAB_URL": "text",
        "ALLOWED_GITLAB_GROUPS": "texts",
        "KEYCLOAK_URL": "text",
        "KEYCLOAK_REALM": "text",
        **dict.fromkeys(("CAS_SERVER", "CAS_VALIDATE_ROUTE", "CAS_RESPONSE_TYPE"), "text"),
        **dict.fromkeys(("CAS_ROLE_CLAIM", "CAS_GROUP_CLAIM"), "text"),
        "LDAP_BIND_PASSWORD": "text",
        "LDAP_USE_EMAIL_DOMAIN_WHITELIST": "flag",
        "OIDC_ISSUER_URL": "text",
        "ALLOWED_OIDC_ROLES": "texts",
        "CORS_ORIGINS": "texts",
        "MAIL_FROM": "text",
        "SMTP_PASSWORD": "text",
        "GOOGLE_TRACKING_ID": "text",
        "DELETE_EXPIRED_AFTER": "number",
        "DELETE_INFO_AFTER": "number",
        "PLUGINS": "texts",
        "BLACKOUT_DURATION": "number",
        "NOTIFICATION_BLACKOUT": "flag",
        "BLACKOUT_ACCEPT": "texts",
        "ORIGIN_BLACKLIST": "texts",
        "ALLOWED_ENVIRONMENTS": "texts",
        "DEFAULT_ENVIRONMENT": "text",
        "CLIPBOARD_TEMPLATE": "text",
    }
)
"""Alerta reads these from the environment too, before the file."""

HOURS: Mapping[str, str] = MappingProxyType(
    {
        "DEFAULT_EXPIRED_DELETE_HRS": "DELETE_EXPIRED_AFTER",
        "HK_EXPIRED_DELETE_HRS": "DELETE_EXPIRED_AFTER",
        "DEFAULT_INFO_DELETE_HRS": "DELETE_INFO_AFTER",
        "HK_INFO_DELETE_HRS": "DELETE_INFO_AFTER",
    }
)
"""Variables that say the same in hours."""

_MAIL = "is not there: the mail server is shown a user name and a password"
_BUILT_IN = "is always so here"
_LIMIT = "is not needed: lists come in pages of up to 1,000, and bulk actions run in the server itself"
_LOG = "is for a log in files; Watchbell writes to standard error, which systemd or the container keeps"

NO_MEANING: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("LOG_HANDLERS", "LOG_FILE", "LOG_MAX_BYTES", "LOG_BACKUP_COUNT", "LOG_FACILITY"), _LOG),
        "LOG_CONFIG_FILE": _LOG,
        "LOG_METHODS": "is not there: requests are counted in the metrics, and changes are in the audit log",
        **dict.fromkeys(("QUERY_LIMIT", "DEFAULT_PAGE_SIZE", "BULK_QUERY_LIMIT"), _LIMIT),
        **dict.fromkeys(("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "CELERY_ACCEPT_CONTENT"), _LIMIT),
        **dict.fromkeys(("CELERY_TASK_SERIALIZER", "CELERY_RESULT_SERIALIZER"), _LIMIT),
        "SERVER_VERSION": "is not there: the version is shown",
        "DATABASE_NAME": "belongs to Alerta's database; Watchbell has one of its own: store.url",
        "DATABASE_SCHEMA": "belongs to Alerta's database; Watchbell has one of its own: store.url",
        "DATABASE_RAISE_ON_ERROR": _BUILT_IN,
        "BASIC_AUTH_REALM": "is not there: programs send their password without being asked",
        "OIDC_AUTH_URL": "is in the provider's discovery document",
        "OIDC_TOKEN_AUTH_METHODS": "is in the provider's discovery document",
        "OIDC_LOGOUT_URL": "is not there: logging out ends the session here",
        "OIDC_VERIFY_TOKEN": _BUILT_IN,
        "TOKEN_EXPIRE_DAYS": "is not there: a session ends after a week, or after twelve hours without use",
        "API_KEY_EXPIRE_DAYS": "is not there: a key never ends unless it says so; Alerta's clients see the year 9999",
        "AUDIT_TRAIL": "is not there: the audit log has every change",
        "AUDIT_LOG": "is not there: the audit log is in the database, with a page of its own",
        "AUDIT_LOG_REDACT": _BUILT_IN,
        "AUDIT_LOG_JSON": "is not there: GET /api/audit gives JSON, CSV and NDJSON",
        "CORS_ALLOW_HEADERS": _BUILT_IN,
        "CORS_SUPPORTS_CREDENTIALS": "is off: pages of other origins use a key or a token",
        "MAIL_LOCALHOST": "is not there: the machine's own name is said",
        **dict.fromkeys(("SSL_KEY_FILE", "SSL_CERT_FILE"), _MAIL),
        "DEFAULT_ADMIN_ROLE": "is the first of ADMIN_ROLES",
        "DEFAULT_USER_ROLE": "is the first of USER_ROLES",
        "DEFAULT_GUEST_ROLE": "is the first of GUEST_ROLES",
        "ROUTING_DIST": "is unused in Alerta, too",
        "DEFAULT_ENVIRONMENT": "is not there: a message without environment is refused",
        "GRAFANA_TAGS_AS_ATTRIBUTES": "is not there: labels become attributes",
        "GRAFANA_TAGS_AS_TAGS": "is not there: labels become attributes",
    }
)
"""Settings without which nothing changes, or that are settled in another way."""

LOST: Mapping[str, str] = MappingProxyType(
    {
        "DEFAULT_FIELD": "is not there: words of a search are looked for in the text",
        "AUDIT_URL": "is not there: read the audit log by GET /api/audit",
        "NOTIFICATION_BLACKOUT": "is not there: an alert under a blackout is kept, with the status `blackout`",
        "BLACKOUT_ACCEPT": "belongs to each blackout here: its field `accept`",
        "TELEGRAM_TOKEN": "is not there yet: make a channel of the type `webhook`",
        "TELEGRAM_CHAT_ID": "is not there yet: make a channel of the type `webhook`",
        "DASHBOARD_URL": "is not there: links lead to server.base_url",
    }
)
"""Settings that had an effect and have none now."""

WORKED_OUT: Mapping[str, str] = MappingProxyType(
    {
        "BASE_URL": "`server.base_url`, without its path: pages are at `/`, the API at `/api`",
        "SECRET_KEY": "`secret_key`, when it has 32 characters or more",
        "USE_PROXYFIX": "`server.trusted_proxies`, which has to name the proxies",
        "DEBUG": "`log.level`",
        "LOG_LEVEL": "`log.level`",
        "LOG_FORMAT": "`log.format`",
        "CORS_ORIGINS": "`server.cors_origins`; no regular expressions",
        "DATABASE_URL": "belongs to Alerta's database; Watchbell has one of its own: `store.url`",
        "DEFAULT_TIMEOUT": "`alerts.timeout` and `alerts.heartbeat_timeout`",
        "ALARM_MODEL": "`alerts.model`",
        "ACTIONS": "`alerts.actions`, without those of the alarm model",
        "SEVERITY_MAP": "`alerts.severities`; by `ISA_18_2`, where the highest is the worst, turned round",
        "COLOR_MAP": "its table `severity`: `alerts.severity_colors`; the pages have their own for the others",
        "PLUGINS": "`plugins.alerts`; what `reject`, `blackout`, `heartbeat` and `forwarder` do, settings do here",
        "HEARTBEAT_EVENTS": "`alerts.heartbeat_events`, where `PLUGINS` has `heartbeat`, as it has by default",
        "FWD_DESTINATIONS": "tables `[[plugins.forward]]`, where `PLUGINS` has `forwarder`; need `server.base_url`",
        "AUTH_PROVIDER": "a table in `login.providers`, and `login.alerta_provider`",
        "OAUTH2_CLIENT_ID": "`client_id` of the provider",
        "OAUTH2_CLIENT_SECRET": "`client_secret` of the provider",
        "ALLOWED_EMAIL_DOMAINS": "`allowed_domains` of the provider, or `login.allowed_email_domains`",
        "SIGNUP_ENABLED": "`login.sign_up`, which is off unless this is set",
        "EMAIL_VERIFICATION": "`login.verify_email`",
        "MAIL_FROM": "`mail.sender`; without it no mail server is set",
        "SMTP_HOST": "`mail.host`",
        "SMTP_PORT": "`mail.port`",
        "SMTP_STARTTLS": "`mail.security`",
        "SMTP_USE_SSL": "`mail.security`",
        "SMTP_SKIP_SSL_VERIFY": "`mail.verify_tls`",
        "SMTP_USERNAME": "`mail.username`",
        "SMTP_PASSWORD": "`mail.password`, only under TLS",
        "ALLOWED_GITHUB_ORGS": "`allowed_groups` of the provider",
        "ALLOWED_GITLAB_GROUPS": "`allowed_groups` of the provider",
        "ALLOWED_KEYCLOAK_ROLES": "`allowed_groups` of the provider",
        "ALLOWED_OIDC_ROLES": "`allowed_groups` of the provider",
        "OIDC_ISSUER_URL": "`issuer_url` of the type `openid`",
        "OIDC_ROLE_CLAIM": "`group_claims` of the provider",
        "OIDC_GROUP_CLAIM": "`group_claims` of the provider",
        "OIDC_LINK_USER_EMAIL": "`link_by_email` of the provider",
        "AZURE_TENANT": "`tenant` of the type `azure`; `common`, which is everybody, is refused",
        "KEYCLOAK_URL": "`url` of the type `keycloak`",
        "KEYCLOAK_REALM": "`realm` of the type `keycloak`",
        "AWS_REGION": "`region` of the type `cognito`",
        "COGNITO_USER_POOL_ID": "`user_pool_id` of the type `cognito`",
        "COGNITO_DOMAIN": "`domain` of the type `cognito`",
        "GITHUB_URL": "`url` of the type `github`",
        "GITLAB_URL": "`url` of the type `gitlab`",
        "ALLOWED_LDAP_GROUPS": "`allowed_groups` of the type `ldap`",
        "LDAP_URL": "`url` of the type `ldap`; `ldap://` is spoken with StartTLS, except on the machine itself",
        "LDAP_TIMEOUT": "`timeout` of the type `ldap`",
        "LDAP_BASEDN": "`user_base` and `group_base` of the type `ldap`, where they have none of their own",
        "LDAP_CACERT": "`ca_file` of the type `ldap`",
        "LDAP_ALLOW_SELF_SIGNED_CERT": "`verify_tls = false` of the type `ldap`",
        "LDAP_DOMAINS": "`domains` of the type `ldap`, unless there is a filter",
        "LDAP_DEFAULT_DOMAIN": "`default_domain` of the type `ldap`",
        "LDAP_BIND_USERNAME": "`bind_dn` of the type `ldap`",
        "LDAP_BIND_PASSWORD": "`bind_password` of the type `ldap`",
        "LDAP_USER_BASEDN": "`user_base` of the type `ldap`",
        "LDAP_USER_FILTER": "`user_filter` of the type `ldap`",
        "LDAP_USER_NAME_ATTR": "`name_attribute` of the type `ldap`",
        "LDAP_USER_EMAIL_ATTR": "`email_attribute` and `login_attributes` of the type `ldap`, with `trust_email`",
        "LDAP_USE_EMAIL_DOMAIN_WHITELIST": "whether `allowed_domains` of the type `ldap` is set",
        "LDAP_GROUP_BASEDN": "`group_base` of the type `ldap`",
        "LDAP_GROUP_FILTER": "`group_filter` of the type `ldap`",
        "LDAP_GROUP_NAME_ATTR": "`group_attribute` of the type `ldap`",
        "LDAP_CONFIG": "has options of another library; `ca_file` and `timeout` of the type `ldap` are there",
        "ALLOWED_SAML2_GROUPS": "`allowed_groups` of the type `saml`",
        "SAML2_ENTITY_ID": "`entity_id` of the type `saml`",
        "SAML2_METADATA_URL": "`metadata_url` of the type `saml`",
        "SAML2_EMAIL_ATTRIBUTE": "`email_attributes` and `login_attributes` of the type `saml`, with `trust_email`",
        "SAML2_USER_NAME_FORMAT": "is not there: `name_attributes` of the type `saml` says where the name is",
        "SAML2_CONFIG": "has options of a library; settings of the type `saml` have their place",
        "CAS_SERVER": "`url` of the type `cas`, which needs `server.base_url`",
        "CAS_VALIDATE_ROUTE": "`validate_path` of the type `cas`",
        "CAS_RESPONSE_TYPE": "`answer` of the type `cas`",
        "CAS_ROLE_CLAIM": "one of `group_attributes` of the type `cas`; `roles` says which role a group gives here",
        "CAS_GROUP_CLAIM": "one of `group_attributes` of the type `cas`",
        "HMAC_AUTH_CREDENTIALS": "tables `[[login.hmac]]`; secrets have 32 characters or more",
        "AUTH_PROXY": "whether the next four count",
        "AUTH_PROXY_USER_HEADER": "`login.proxy_user_header`; needs `server.trusted_proxies`",
        "AUTH_PROXY_ROLES_HEADER": "`login.proxy_roles_header`, and `login.proxy_roles`",
        "AUTH_PROXY_ROLES_SEPARATOR": "`login.proxy_roles_separator`",
        "AUTH_PROXY_AUTO_SIGNUP": "`login.proxy_sign_up`",
    }
)
"""Settings that take more than copying, and what becomes of them."""

_UNUSED_PROVIDER = "belongs to a provider that AUTH_PROVIDER does not name"
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {name: _UNUSED_PROVIDER for name, about in WORKED_OUT.items() if " of the " in about}
    | dict.fromkeys(("OIDC_ROLE_CLAIM", "OIDC_GROUP_CLAIM"), _UNUSED_PROVIDER)
)
"""What is said of a provider's settings when the provider is another one."""

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "MONGO_": "belongs to Alerta's database; Watchbell has one of its own: store.url",
        "POSTGRES_": "belongs to Alerta's database; Watchbell has one of its own: store.url",
    }
)

KNOWN_PLUGINS = frozenset({"reject", "blackout", "heartbeat", "forwarder"})
"""Alerta's own plug-ins that are no plug-ins here: Watchbell does what they do by itself, by its settings."""

OWN_PLUGINS = frozenset({"acked_by", "escalate", "normalise", "remote_ip", "timeout"})
"""Those of Alerta's that are plug-ins of the same names here."""

DEFAULT_PLUGINS = ("remote_ip", "reject", "heartbeat", "blackout", "forwarder")
"""What Alerta has without `PLUGINS`."""
