import os
from pathlib import Path
from typing import Any

import pytest

from watchbell.config import Configuration, setting_names
from watchbell.loading import InvalidConfiguration, child_environment, load, parent_process, secret_key


def problems(**kwargs: Any) -> list[str]:
    given: dict[str, Any] = {"environment": {}, **kwargs}
    with pytest.raises(InvalidConfiguration) as caught:
        load(**given)
    return caught.value.problems


def write(folder: Path, text: str) -> Path:
    path = folder / "watchbell.toml"
    path.write_text(text)
    return path


def test_without_anything_the_defaults_of_the_contract_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load(environment={})
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert (settings.collector.host, settings.collector.port, settings.collector.workers) == ("127.0.0.1", 8290, 1)
    assert settings.store_url == "sqlite:///watchbell-data/watchbell.db"
    assert settings.bus.url.reveal() == "memory:"
    assert settings.auth.required
    assert settings.allowed_environments == ["Production", "Development"]


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path):
    path = write(tmp_path, "[server]\nport = 1\nhost = '::1'\n[collector]\nport = 4\n")
    settings = load(path, {"WATCHBELL_SERVER__PORT": "2"}, {"collector.port": 3})
    assert (settings.server.port, settings.server.host, settings.collector.port) == (2, "::1", 3)


def test_lists_and_mappings_come_from_variables():
    env = {"WATCHBELL_ALLOWED_ENVIRONMENTS": "Test, Live", "WATCHBELL_COLLECTOR__SINKS": '{"parquet_files": {}}'}
    settings = load(environment=env)
    assert settings.allowed_environments == ["Test", "Live"]
    assert settings.collector.sinks == {"parquet_files": {}}


def test_every_problem_is_reported_at_once_with_place_key_reason_and_fix(tmp_path):
    path = write(tmp_path, "nonsense = 1\n[server]\nport = 'x'\nhots = 'y'\n[colector]\nport = 1\n")
    found = problems(file=path, environment={"WATCHBELL_WORKER__CONCURRENCY": "many", "WATCHBELL_NOPE": "1"})
    text = "\n".join(found)
    assert len(found) == 6
    assert f"{path}: server.port: Expected `int`, got `str`" in text
    assert f"{path}: server.hots: unknown setting (did you mean host?)" in text
    assert f"{path}: colector: unknown setting (did you mean collector?)" in text
    assert "environment variable WATCHBELL_WORKER__CONCURRENCY: worker.concurrency: Expected `int`" in text
    assert "WATCHBELL_NOPE: unknown setting" in text


def test_a_file_that_is_no_toml_names_the_line(tmp_path):
    (found,) = problems(file=write(tmp_path, "a = \n"))
    assert "is not valid TOML" in found
    assert "line 1" in found


def test_a_named_file_must_exist(tmp_path):
    (found,) = problems(file=tmp_path / "none.toml")
    assert "no such file" in found


def test_a_section_must_be_a_section(tmp_path):
    (found,) = problems(file=write(tmp_path, "server = 1\n"))
    assert "server: is a section" in found


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("WATCHBELL_SERVER__PORT", "70000", "server.port"),
        ("WATCHBELL_STORE__URL", "mysql://x", "store.url"),
        ("WATCHBELL_STORE__URL", "postgresql://x/y", "secret_key"),
        ("WATCHBELL_BUS__URL", "kafka://x", "bus.url"),
        ("WATCHBELL_SERVER__TLS_CERT", "/nowhere.pem", "server.tls_cert"),
        ("WATCHBELL_SECRET_KEY", "short", "secret_key"),
        ("WATCHBELL_AUTH__ADMIN_KEY", "short", "auth.admin_key"),
        ("WATCHBELL_AUTH__DELETE_SCOPES", '["write:alerts"]', "auth.delete_scopes"),
        ("WATCHBELL_AUTH__READONLY_SCOPES", '["read", "write:alerts"]', "auth.readonly_scopes"),
        ("WATCHBELL_COLLECTOR__WORKERS", "0", "collector.workers"),
        ("WATCHBELL_WORKER__CONCURRENCY", "0", "worker.concurrency"),
        ("WATCHBELL_DELIVERY__ATTEMPT_TIMEOUT", "0", "delivery.attempt_timeout"),
        ("WATCHBELL_ALERTS__SEVERITIES", '{"P1": 1}', "alerts.normal_severity"),
        ("WATCHBELL_ALERTS__SEVERITIES", '{"normal": 1}', "alerts.severities"),
        ("WATCHBELL_ALERTS__SEVERITIES", '{"a<b": 1, "normal": 2}', "alerts.severities.a<b"),
        ("WATCHBELL_ALERTS__SEVERITIES", '{"P1": -1, "normal": 2}', "alerts.severities.P1"),
        ("WATCHBELL_ALERTS__PREVIOUS_SEVERITY", "P1", "alerts.previous_severity"),
        ("WATCHBELL_ALERTS__INFORMATIONAL_SEVERITY", "P1", "alerts.informational_severity"),
        ("WATCHBELL_ALERTS__SEVERITY_COLORS", '{"major": "url(x)"}', "alerts.severity_colors.major"),
        ("WATCHBELL_ALERTS__SEVERITY_COLORS", '{"P1": "red"}', "alerts.severity_colors.P1"),
        ("WATCHBELL_ALERTS__SEVERITY_WORDS", '{"fatal": "P1"}', "alerts.severity_words.fatal"),
        ("WATCHBELL_ALERTS__SEVERITY_WORDS", '{"major": "minor"}', "alerts.severity_words.major"),
        ("WATCHBELL_ALERTS__MODEL", "ISA", "alerts.model"),
        ("WATCHBELL_ALERTS__HISTORY_LIMIT", "0", "alerts.history_limit"),
        ("WATCHBELL_ALERTS__HISTORY_LIMIT", "-1", "alerts.history_limit"),
        ("WATCHBELL_ALERTS__ACTIONS", '["a<b"]', "alerts.actions[0]"),
        ("WATCHBELL_ALERTS__ACTIONS", '["page", "ack"]', "alerts.actions[1]"),
        ("WATCHBELL_ALERTS__ACTIONS", '["page", "page"]', "alerts.actions[1]"),
        ("WATCHBELL_ALERTS__ACTION_TIMEOUTS", '{"page": 60}', "alerts.action_timeouts.page"),
        ("WATCHBELL_FLAPPING__CHANGES", "1", "flapping.changes"),
        ("WATCHBELL_FLAPPING__WINDOW", "0", "flapping.window"),
        ("WATCHBELL_FLAPPING__CALM", "-1", "flapping.calm"),
        ("WATCHBELL_FLAPPING__DIGEST", "1", "flapping.digest"),
    ],
)
def test_values_that_cannot_work_are_refused(variable, value, key):
    assert any(f" {key}: " in problem for problem in problems(environment={variable: value}))


def test_customer_views_need_callers_that_are_known():
    off = {"WATCHBELL_AUTH__REQUIRED": "false", "WATCHBELL_AUTH__CUSTOMER_VIEWS": "true"}
    assert any(" auth.customer_views: " in problem for problem in problems(environment=off))
    load(environment=off | {"WATCHBELL_AUTH__REQUIRED": "true"})


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("LOGIN__VERIFY_EMAIL", "true", "login.verify_email"),
        ("LOGIN__ALLOWED_EMAIL_DOMAINS", "example.org", "login.allowed_email_domains"),
        ("LOGIN__ALLOWED_EMAIL_DOMAINS", "a@b", "login.allowed_email_domains"),
        ("MAIL__HOST", "mail.example.org", "mail.sender"),
        ("MAIL__SENDER", "nobody", None),
        ("MAIL__PORT", "70000", "mail.port"),
        ("MAIL__CA_FILE", "/nowhere", "mail.ca_file"),
        ("MAIL__SECURITY", "ssl", "mail.security"),
    ],
)
def test_letters_need_a_mail_server_and_proofs_need_letters(name, value, key):
    if key is None:
        load(environment={f"WATCHBELL_{name}": value})
    else:
        assert any(f" {key}: " in problem for problem in problems(environment={f"WATCHBELL_{name}": value}))


def test_an_address_that_nobody_proved_opens_nothing():
    mail = {"WATCHBELL_MAIL__HOST": "mail.example.org", "WATCHBELL_MAIL__SENDER": "Watch <w@example.org>"}
    verified = mail | {"WATCHBELL_LOGIN__VERIFY_EMAIL": "true"}
    views = {"WATCHBELL_LOGIN__SIGN_UP": "true", "WATCHBELL_AUTH__CUSTOMER_VIEWS": "true"}
    domains = {"WATCHBELL_LOGIN__ALLOWED_EMAIL_DOMAINS": "example.org"}
    assert any(" login.sign_up: " in problem for problem in problems(environment=mail | views))
    assert any(" login.allowed_email_domains: " in problem for problem in problems(environment=mail | domains))
    settings = load(environment=verified | views | domains)
    assert settings.login.allowed_email_domains == ["example.org"]
    clear = mail | {"WATCHBELL_MAIL__PASSWORD": "s3cret", "WATCHBELL_MAIL__SECURITY": "none"}
    assert any(" mail.password: " in problem for problem in problems(environment=clear))
    assert "s3cret" not in repr(load(environment=clear | {"WATCHBELL_MAIL__SECURITY": "tls"}))


def test_secrets_never_show():
    settings = load(environment={"WATCHBELL_SECRET_KEY": "s" * 40, "WATCHBELL_STORE__URL": "postgresql://u:hidden@h/d"})
    assert "sss" not in repr(settings)
    assert "hidden" not in repr(settings)


def test_the_key_file_is_made_once_and_private(tmp_path):
    settings = Configuration(data_dir=str(tmp_path / "data"))
    first = secret_key(settings)
    assert secret_key(settings) == first
    assert len(first) == 64
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_setting_names_are_sections_and_names():
    names = setting_names()
    assert {"data_dir", "server.port", "store.url", "collector.workers", "auth.admin_key"} <= set(names)
    assert len(names) == len(set(names))


def test_a_child_gets_the_same_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHBELL_SERVER__PORT", "1")
    settings = load(environment={"WATCHBELL_ALLOWED_ENVIRONMENTS": "A,B"}, overrides={"data_dir": str(tmp_path)})
    variables = child_environment(settings)
    child = load(environment={name: value for name, value in variables.items() if name.startswith("WATCHBELL_")})
    assert child.allowed_environments == ["A", "B"]
    assert child.server.port == 8080
    assert child.collector == settings.collector
    assert secret_key(child) == secret_key(settings)
    assert parent_process(variables) == os.getpid()
    assert parent_process({}) == 0


def test_what_is_wrong_with_sources_is_said_with_its_key(tmp_path):
    text = """
[collector.sources.a]
type = "browser"
prefx = "/"
[collector.sources.b]
type = "batch"
[collector.sources.c]
type = "json"
event_path = "/events"
"""
    path = write(tmp_path, text)
    assert problems(file=path) == [
        f"{path}: collector.sources.a.prefx: unknown setting (did you mean prefix?)",
        f"{path}: collector.sources.c.event_path: /events belongs to the source b already. Choose another.",
    ]


def test_sources_reach_a_child(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, '[collector.sources.web]\ntype = "nginx-log"\nlog = "/var/log/events.log"\n')
    settings = load(path, environment={})
    again = load(environment=child_environment(settings))
    assert (
        again.collector.sources
        == settings.collector.sources
        == {"web": {"type": "nginx-log", "log": "/var/log/events.log"}}
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('tls_cert = "a.pem"', "collector.tls_cert: needs collector.tls_key"),
        ('trusted_proxies = ["proxy.example"]', "collector.trusted_proxies: 'proxy.example' does not appear to be"),
        ('proxy_header = "x-real-ip"', "collector.proxy_header: Invalid enum value"),
    ],
)
def test_what_is_wrong_with_the_collector_is_said_at_start(tmp_path, text, reason):
    path = write(tmp_path, f"[collector]\n{text}\n")
    assert reason in "\n".join(problems(file=path))
