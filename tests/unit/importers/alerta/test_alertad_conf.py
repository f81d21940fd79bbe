"""`alertad.conf` as settings of ours: each is copied, worked out, or named with its line."""

import re
from pathlib import Path

import pytest

from watchbell.domain.errors import Permanent
from watchbell.importers.alerta import Alerta, table
from watchbell.loading import Beneath, InvalidConfiguration, child_environment, load

SECRET = "a-secret-of-thirty-two-characters-or-more"
DOCUMENTED = """
    DEBUG BASE_URL USE_PROXYFIX SECRET_KEY LOG_CONFIG_FILE LOG_HANDLERS LOG_FILE LOG_LEVEL LOG_MAX_BYTES
    LOG_BACKUP_COUNT LOG_FORMAT LOG_FACILITY LOG_METHODS ALARM_MODEL QUERY_LIMIT DEFAULT_PAGE_SIZE HISTORY_LIMIT
    HISTORY_ON_VALUE_CHANGE DEFAULT_FIELD BULK_QUERY_LIMIT CELERY_BROKER_URL CELERY_RESULT_BACKEND SERVER_VERSION
    DATABASE_URL DATABASE_NAME DATABASE_SCHEMA DATABASE_RAISE_ON_ERROR AUTH_REQUIRED AUTH_PROVIDER ADMIN_USERS
    DEFAULT_ADMIN_ROLE ADMIN_ROLES DEFAULT_USER_ROLE USER_ROLES USER_DEFAULT_SCOPES DEFAULT_GUEST_ROLE GUEST_ROLES
    GUEST_DEFAULT_SCOPES CUSTOM_SCOPES DELETE_SCOPES CUSTOMER_VIEWS ALLOW_READONLY READONLY_SCOPES
    BASIC_AUTH_REALM SIGNUP_ENABLED HMAC_AUTH_CREDENTIALS AUTH_PROXY AUTH_PROXY_USER_HEADER
    AUTH_PROXY_ROLES_HEADER AUTH_PROXY_ROLES_SEPARATOR AUTH_PROXY_AUTO_SIGNUP OAUTH2_CLIENT_ID
    OAUTH2_CLIENT_SECRET ALLOWED_EMAIL_DOMAINS AWS_REGION COGNITO_USER_POOL_ID COGNITO_DOMAIN GITHUB_URL
    ALLOWED_GITHUB_ORGS GITLAB_URL ALLOWED_GITLAB_GROUPS LDAP_URL LDAP_BASEDN AZURE_TENANT KEYCLOAK_URL
    KEYCLOAK_REALM ALLOWED_KEYCLOAK_ROLES OIDC_ISSUER_URL OIDC_AUTH_URL OIDC_LOGOUT_URL OIDC_TOKEN_AUTH_METHODS
    OIDC_VERIFY_TOKEN OIDC_ROLE_CLAIM OIDC_GROUP_CLAIM ALLOWED_OIDC_ROLES OIDC_LINK_USER_EMAIL SAML2_ENTITY_ID
    SAML2_METADATA_URL CAS_SERVER TOKEN_EXPIRE_DAYS API_KEY_EXPIRE_DAYS AUDIT_TRAIL AUDIT_LOG AUDIT_LOG_REDACT
    AUDIT_LOG_JSON AUDIT_URL CORS_ALLOW_HEADERS CORS_ORIGINS CORS_SUPPORTS_CREDENTIALS SEVERITY_MAP COLOR_MAP
    DEFAULT_NORMAL_SEVERITY DEFAULT_INFORM_SEVERITY DEFAULT_PREVIOUS_SEVERITY DEFAULT_TIMEOUT ALERT_TIMEOUT
    HEARTBEAT_TIMEOUT HEARTBEAT_MAX_LATENCY ACK_TIMEOUT SHELVE_TIMEOUT DELETE_EXPIRED_AFTER DELETE_INFO_AFTER
    EMAIL_VERIFICATION SMTP_HOST SMTP_PORT MAIL_LOCALHOST SMTP_STARTTLS SMTP_USE_SSL SMTP_SKIP_SSL_VERIFY
    SSL_KEY_FILE SSL_CERT_FILE MAIL_FROM SMTP_USERNAME SMTP_PASSWORD SITE_LOGO_URL DATE_FORMAT_LONG_DATE
    DATE_FORMAT_MEDIUM_DATE DATE_FORMAT_SHORT_TIME DEFAULT_AUDIO_FILE COLUMNS SORT_LIST_BY DEFAULT_FILTER
    CLIPBOARD_TEMPLATE ASI_SEVERITY ASI_QUERIES DEFAULT_FONT ACTIONS GOOGLE_TRACKING_ID AUTO_REFRESH_INTERVAL
    ROUTING_DIST PLUGINS PLUGINS_RAISE_ON_ERROR ORIGIN_BLACKLIST ALLOWED_ENVIRONMENTS HEARTBEAT_EVENTS
    BLACKOUT_DURATION NOTIFICATION_BLACKOUT BLACKOUT_ACCEPT FWD_DESTINATIONS DEFAULT_ENVIRONMENT
    GRAFANA_TAGS_AS_ATTRIBUTES GRAFANA_TAGS_AS_TAGS TELEGRAM_TOKEN TELEGRAM_CHAT_ID DASHBOARD_URL
"""


@pytest.fixture
def read(tmp_path):
    def reading(text, **environment):
        file = tmp_path / "alertad.conf"
        file.write_text(text)
        return Alerta().read(file, environment)

    return reading


def said(imported, what):
    """The reasons that are given for a setting."""
    return [remark.reason for remark in imported.remarks if remark.what == what]


def lines(imported):
    return {remark.what: remark.line for remark in imported.remarks}


def test_the_table_knows_every_setting_of_alerta():
    known = {*table.COPIED, *table.NO_MEANING, *table.LOST, *table.WORKED_OUT}
    unknown = [name for name in DOCUMENTED.split() if name not in known and not name.startswith(tuple(table.PREFIXES))]
    assert unknown == []
    both = [name for name in table.COPIED if name in table.NO_MEANING or name in table.LOST or name in table.WORKED_OUT]
    assert both == []


def test_every_setting_of_alerta_is_taken_or_named(read):
    """None of them is passed over in silence, whatever its value."""
    imported = read("\n".join(f"{name} = 'x'" for name in DOCUMENTED.split()))
    named = {word for remark in imported.remarks for word in re.findall(r"[A-Z][A-Z0-9_]+", remark.what)}
    quiet = {"BASE_URL", "LOG_LEVEL", "DEBUG", "PLUGINS"}  # taken, or 'x' says nothing
    quiet |= {name for name, copied in table.COPIED.items() if copied.kind == "text"}
    belongs = {
        name for name in DOCUMENTED.split() if name.startswith(("AUTH_PROXY", "HMAC"))
    }  # of a proxy, of keys: none
    assert {name for name in DOCUMENTED.split() if name not in named} - quiet - belongs == set()


def test_what_has_a_counterpart_is_taken(read):
    imported = read(
        """
AUTH_REQUIRED = True
ADMIN_USERS = ('a@example.org', 'b@example.org')
CUSTOMER_VIEWS = True
ALLOWED_ENVIRONMENTS = ['Production', 'Development', 'Code']
ORIGIN_BLACKLIST = ['foo/bar$', '.*/qux']
ALERT_TIMEOUT = 2 * 60 * 60
ACK_TIMEOUT = 900
SHELVE_TIMEOUT = 60
HEARTBEAT_MAX_LATENCY = 500
BLACKOUT_DURATION = 1800
SEVERITY_MAP = {'P1': 1, 'P2': 2, 'info': 5, 'fine': 9}
DEFAULT_NORMAL_SEVERITY = 'fine'
DEFAULT_INFORM_SEVERITY = 'info'
DEFAULT_PREVIOUS_SEVERITY = 'fine'
COLOR_MAP = {'severity': {'P1': '#b00020', 'P2': 'orange', 'gone': 'red'}}
HISTORY_ON_VALUE_CHANGE = False
HISTORY_LIMIT = 30
ALARM_MODEL = 'ALERTA'
ACTIONS = ['createIssue', 'call back']
DELETE_EXPIRED_AFTER = 3600
DELETE_INFO_AFTER = 0
BASE_URL = 'https://alerta.example.org/api'
LOG_LEVEL = 'DEBUG'
LOG_FORMAT = 'json'
"""
    )
    settings = load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))
    assert (settings.auth.required, settings.auth.customer_views) == (True, True)
    assert settings.auth.admin_users == ["a@example.org", "b@example.org"]
    assert settings.allowed_environments == ["Production", "Development", "Code"]
    assert settings.alerts.refused_origins == ["foo/bar$", ".*/qux"]
    assert (settings.alerts.timeout, settings.alerts.ack_timeout, settings.alerts.shelve_timeout) == (7200, 900, 60)
    assert (settings.alerts.heartbeat_latency, settings.alerts.blackout_duration) == (500, 1800)
    assert settings.alerts.value_history is False
    assert (settings.alerts.model, settings.alerts.history_limit) == ("ALERTA", 30)
    assert settings.alerts.actions == ["createIssue", "call back"]
    assert settings.alerts.severities == {"P1": 1, "P2": 2, "info": 5, "fine": 9}
    assert settings.alerts.severity_colors == {"P1": "#b00020", "P2": "orange"}
    scale = settings.alerts.scale()
    assert (scale.normal, scale.informational, scale.previous) == ("fine", "info", "fine")
    assert (settings.retention.closed_alerts, settings.retention.informational_alerts) == (3600, 0)
    assert settings.server.base_url == "https://alerta.example.org"
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert imported.remarks == []
    assert imported.secret is False


def test_the_other_alarm_model_is_taken_over(read):
    imported = read("ALARM_MODEL = 'ISA_18_2'\nCOLOR_MAP = {'severity': {'High': 'purple', 'major': 'red'}}")
    settings = load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))
    model = settings.alerts.alarm_model()
    assert model.name == "ANSI/ISA 18.2"
    assert list(model.severities.ordered) == ["Critical", "High", "Medium", "Low", "Advisory", "OK"]
    assert (model.severities.normal, model.severities.previous, model.severities.informational) == ("OK", "OK", "")
    assert model.severities.colors["High"] == "purple"
    assert {remark.what for remark in imported.remarks} == {"AUTH_REQUIRED"}


def test_severities_of_the_other_model_are_turned_round(read):
    imported = read("ALARM_MODEL = 'ISA_18_2'\nSEVERITY_MAP = {'P1': 3, 'P2': 2, 'OK': 0}")
    settings = load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))
    severities = settings.alerts.alarm_model().severities
    assert settings.alerts.severities == {"P1": 0, "P2": 1, "OK": 3}
    assert (list(severities.ordered), severities.normal) == (["P1", "P2", "OK"], "OK")
    assert severities.meaning("critical") == "P1"


def test_what_no_model_and_no_action_can_be_is_named(read):
    imported = read("ALARM_MODEL = 'ISA'\nACTIONS = ['ack', 'page', 'page', 'a<b']\nSEVERITY_MAP = {'P1': 'high'}")
    assert imported.settings == {"alerts": {"actions": ["page"], "heartbeat_events": ["Heartbeat"]}}
    found = [(remark.what, remark.reason, remark.lost) for remark in imported.remarks if remark.line]
    assert found == [
        ("ALARM_MODEL", "is one of ALERTA, ISA_18_2", True),
        ("ACTIONS", "leaves out 'ack', which is there already", False),
        ("ACTIONS", "leaves out 'page', which is there already", False),
        ("ACTIONS", "leaves out 'a<b', which is no name", True),
        ("SEVERITY_MAP", "is no table of whole numbers", True),
    ]


def test_colours_that_are_none_are_named(read):
    imported = read("COLOR_MAP = {'severity': {'major': 'rgb(1, 2, 3)', 'minor': 'red'}, 'status': {'ack': 'blue'}}")
    assert imported.settings == {"alerts": {"severity_colors": {"minor": "red"}, "heartbeat_events": ["Heartbeat"]}}
    found = [(remark.lost, remark.reason) for remark in imported.remarks if remark.what == "COLOR_MAP"]
    assert found == [
        (True, "leaves out the colour of 'major': write orange, or #b00020"),
        (False, "sets colours of severities here; statuses and texts have the pages' own"),
    ]
    assert [remark.lost for remark in read("COLOR_MAP = 'red'").remarks if remark.what == "COLOR_MAP"] == [True]


def test_nothing_is_executed(read, tmp_path):
    trap = tmp_path / "executed"
    imported = read(
        f"""
import os
ADMIN_USERS = [os.system('touch {trap}')]
open({str(trap)!r}, 'w')
if True:
    AUTH_REQUIRED = False
SECRET_KEY = __import__('os').urandom(40)
ACK_TIMEOUT = 9 ** 9 ** 9
SHELVE_TIMEOUT = [0] * 10 ** 9
ALERT_TIMEOUT = 1 / 0
HEARTBEAT_TIMEOUT: int = 60
"""
    )
    assert not trap.exists()
    assert imported.settings == {"alerts": {"heartbeat_timeout": 60, "heartbeat_events": ["Heartbeat"]}}
    assert {remark.what for remark in imported.remarks if remark.lost} == {
        "ADMIN_USERS", "expr …", "if …", "SECRET_KEY", "ACK_TIMEOUT", "SHELVE_TIMEOUT", "ALERT_TIMEOUT"
    }  # fmt: skip
    assert lines(imported)["if …"] == 5


def test_values_may_name_each_other_and_the_environment(read):
    imported = read(
        """
import os
HOUR = 3600
ALERT_TIMEOUT = HOUR * 4
ADMIN_USERS = ['a@example.org'] + ['b@example.org']
SECRET_KEY = os.environ['ALERTA_SECRET']
OAUTH2_CLIENT_SECRET = os.environ.get('NOT_SET', 'otherwise')
USER_ROLES = GUEST_ROLES = ['user']
""",
        ALERTA_SECRET=SECRET,
    )
    assert imported.settings["alerts"]["timeout"] == 14400
    assert imported.settings["secret_key"] == SECRET
    assert imported.secret is True
    assert imported.settings["auth"]["admin_users"] == ["a@example.org", "b@example.org"]
    assert imported.settings["auth"]["user_roles"] == imported.settings["auth"]["guest_roles"] == ["user"]
    assert lines(imported)["HOUR"] == 3


def test_alertas_variables_win_over_its_file(read):
    imported = read(
        "ADMIN_USERS = ['a']\nAUTH_REQUIRED = False\nDELETE_INFO_AFTER = 1",
        ADMIN_USERS="b, c",
        AUTH_REQUIRED="yes",
        HK_INFO_DELETE_HRS="2",
        HOME="/root",
    )
    assert imported.settings["auth"] == {"admin_users": ["b", "c"], "required": True}
    assert imported.settings["retention"] == {"informational_alerts": 7200}


def test_a_setting_of_ours_wins_over_alertas(tmp_path, read):
    imported = read("ALERT_TIMEOUT = 1\nACK_TIMEOUT = 2\nSHELVE_TIMEOUT = 3\nAUTH_REQUIRED = False")
    ours = tmp_path / "watchbell.toml"
    ours.write_text("[alerts]\nack_timeout = 20\n")
    settings = load(
        ours,
        environment={"WATCHBELL_ALERTS__SHELVE_TIMEOUT": "30"},
        beneath=Beneath(imported.settings, "alertad.conf"),
    )
    alerts = settings.alerts
    assert (alerts.timeout, alerts.ack_timeout, alerts.shelve_timeout, settings.auth.required) == (1, 20, 30, False)


def test_what_is_wrong_is_said_with_the_files_name(read):
    imported = read("ALERT_TIMEOUT = -5\nORIGIN_BLACKLIST = ['(']")
    with pytest.raises(InvalidConfiguration) as error:
        load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))
    text = "\n".join(error.value.problems)
    assert "alertad.conf: alerts.timeout: must be from 0" in text
    assert "alertad.conf: alerts.refused_origins: '(' is no regular expression" in text


def test_the_wrong_type_is_named_and_left_out(read):
    imported = read("ALERT_TIMEOUT = '1 day'\nADMIN_USERS = 'a'\nCUSTOMER_VIEWS = 1")
    assert imported.settings == {"alerts": {"heartbeat_events": ["Heartbeat"]}}
    assert {remark.what for remark in imported.remarks if remark.lost} == {
        "ALERT_TIMEOUT", "ADMIN_USERS", "CUSTOMER_VIEWS"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        (
            "KEYCLOAK_URL = 'https://sso.example'\nKEYCLOAK_REALM = 'ops'\nALLOWED_KEYCLOAK_ROLES = ['oncall']",
            {"type": "keycloak", "url": "https://sso.example", "realm": "ops", "allowed_groups": ["oncall"]},
        ),
        (
            "ALLOWED_EMAIL_DOMAINS = ['example.org']",
            {"type": "google", "allowed_domains": ["example.org"]},
        ),
        (
            "OIDC_ISSUER_URL = 'https://id.example'\nOIDC_ROLE_CLAIM = 'parts'\nALLOWED_OIDC_ROLES = ['*']",
            {"type": "openid", "issuer_url": "https://id.example", "group_claims": ["parts"]},
        ),
        (
            "ALLOWED_GITHUB_ORGS = ['acme']",
            {"type": "github", "allowed_groups": ["acme"]},
        ),
    ],
)
def test_the_provider_becomes_ours(read, text, provider):
    named = f"AUTH_PROVIDER = '{provider['type']}'\nOAUTH2_CLIENT_ID = 'us'\nOAUTH2_CLIENT_SECRET = 's3cret'"
    imported = read(f"{named}\nAUTH_REQUIRED = True\n{text}")
    common = {"name": provider["type"], "client_id": "us", "client_secret": "s3cret"}
    assert imported.settings["login"] == {"providers": [provider | common], "alerta_provider": provider["type"]}
    assert imported.remarks == []
    assert imported.secret is True
    assert load(environment={}, beneath=Beneath(imported.settings, "x")).login.alerta_provider == provider["type"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("AUTH_PROVIDER = 'ldap'\nLDAP_URL = 'ldap://x'", "'ldap' is left out"),
        ("AUTH_PROVIDER = 'kerberos'", "'kerberos' is not known"),
        ("AUTH_PROVIDER = 'azure'\nOAUTH2_CLIENT_ID = 'us'\nAZURE_TENANT = 'common'", "'azure' is left out"),
        ("AUTH_PROVIDER = 'google'\nOAUTH2_CLIENT_ID = 'us'", "'google' is left out"),
    ],
)
def test_a_provider_that_cannot_be_had_is_left_out_and_named(read, text, reason):
    imported = read(text)
    assert "login" not in imported.settings
    assert any(found.startswith(reason) for found in said(imported, "AUTH_PROVIDER"))
    load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))


def test_keys_that_sign_are_taken_when_their_secret_is_long(read):
    imported = read(
        f"HMAC_AUTH_CREDENTIALS = [dict(key='one', secret='{SECRET}', algorithm='sha1'), {{'key': 'b', 'secret': 's'}}]"
    )
    (kept,) = load(environment={}, beneath=Beneath(imported.settings, "x")).login.hawk_keys()
    assert (kept.id, kept.secret, kept.algorithm) == ("one", SECRET, "sha1")
    assert len(said(imported, "HMAC_AUTH_CREDENTIALS")) == 2
    assert "login" not in read("HMAC_AUTH_CREDENTIALS = 'x'").settings


def test_a_proxys_headers_need_a_trusted_proxy(read):
    imported = read("AUTH_PROXY = True\nAUTH_PROXY_USER_HEADER = 'X-Who'\nADMIN_ROLES = ['boss']")
    beneath = Beneath(imported.settings, "alertad.conf")
    with pytest.raises(InvalidConfiguration, match="needs server"):
        load(environment={}, beneath=beneath)
    login = load(environment={"WATCHBELL_SERVER__TRUSTED_PROXIES": "10.0.0.1/32"}, beneath=beneath).login
    assert (login.proxy_user_header, login.proxy_roles_header) == ("X-Who", "X-Proxy-Roles")
    assert login.proxy_roles == {"boss": "boss", "user": "user", "guest": "guest"}


def test_origins_that_are_patterns_are_named(read):
    imported = read("import re\nCORS_ORIGINS = ['https://ui.example', re.compile(r'https?://\\w*\\.local'), 'a b']")
    assert imported.settings["server"]["cors_origins"] == ["https://ui.example"]
    assert len(said(imported, "CORS_ORIGINS")) == 2


def test_no_secret_is_in_a_remark(read):
    said_of = (
        "SECRET_KEY = 'short-{part}'",
        "X = str('{whole}')",
        "if '{whole}':\n    pass",
        "SMTP_PASSWORD = '{whole}'",
        "HMAC_AUTH_CREDENTIALS = [dict(key='k', secret=str('{whole}'))]",
        "LDAP_BIND_PASSWORD = '{whole}'",
    )
    imported = read("\n".join(said_of).format(whole=SECRET, part=SECRET[:8]))
    assert len(imported.remarks) >= len(said_of)
    assert SECRET[:8] not in repr(imported.remarks)


@pytest.mark.parametrize("text", ["A = (", "A = '\x00'", "(" * 5000 + ")" * 5000, "x" * 1_000_001])
def test_what_is_no_such_file_is_refused(read, text):
    with pytest.raises(Permanent, match=r"alertad\.conf"):
        read(text)


def test_a_missing_file_is_named():
    with pytest.raises(Permanent, match="cannot be read"):
        Alerta().read(Path("/nowhere/alertad.conf"), {})


def test_children_read_no_file_of_alertas(monkeypatch, tmp_path, read):
    monkeypatch.setenv("ALERTA_SVR_CONF_FILE", "/etc/alertad.conf")
    imported = read("ALERT_TIMEOUT = 60")
    settings = load(environment={}, overrides={"data_dir": str(tmp_path)}, beneath=Beneath(imported.settings, "x"))
    variables = child_environment(settings)
    assert "ALERTA_SVR_CONF_FILE" not in variables
    assert variables["WATCHBELL_ALERTS__TIMEOUT"] == "60"
