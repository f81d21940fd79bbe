"""What cannot be seen in one setting alone: settings that contradict each other, or what is there."""

import re
from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from watchbell.collector.client import parse_networks
from watchbell.collector.sources import read_sources
from watchbell.config import Configuration
from watchbell.domain.access import is_address, known_scope, rule_faults
from watchbell.domain.alerts.flapping import FEWEST_CHANGES, LONGEST_FLAP, MOST_CHANGES
from watchbell.domain.alerts.timeouts import LONGEST_TIMEOUT
from watchbell.domain.errors import Invalid
from watchbell.domain.hawk import HawkKey
from watchbell.toolkit.forwarding import own_place_fault, read_destinations
from watchbell.toolkit.login_provider import LOCAL
from watchbell.toolkit.login_providers import read_providers
from watchbell.toolkit.origins import Origins
from watchbell.toolkit.settings import MINIMUM_SECRET, InvalidSettings

LARGEST_HISTORY = 100_000


def faults_together(c: Configuration) -> Iterator[tuple[str, str]]:
    """Each as the setting's key and the reason."""
    yield from _network_faults(c)
    yield from _secret_faults(c)
    yield from _auth_faults(c)
    yield from _login_faults(c)
    yield from _account_faults(c)
    yield from _size_faults(c)
    yield from _alert_faults(c)
    yield from _source_faults(c)


def _network_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    ports = {"server.port": c.server.port, "collector.port": c.collector.port, "monitor.port": c.monitor.port}
    for key, port in ports.items():
        if not 0 <= port <= 65535:
            yield key, f"{port} is not a port. Choose 1 to 65535, or 0 for a free one."
    if urlsplit(c.store_url).scheme not in {"sqlite", "postgresql", "postgresql+asyncpg"}:
        yield "store.url", "must begin with sqlite:/// or postgresql://."
    if urlsplit(c.bus.url.reveal()).scheme not in {"memory", "amqp", "amqps"}:
        yield "bus.url", "must be memory: or begin with amqp:// or amqps://."
    try:
        Origins(c.server.cors_origins)
    except ValueError as error:
        yield "server.cors_origins", f"{error}."
    for section, served in (("server", c.server), ("collector", c.collector)):
        if bool(served.tls_cert) != bool(served.tls_key):
            yield f"{section}.tls_cert", f"needs {section}.tls_key, and the other way round. Set both or neither."
        for key, name in (("tls_cert", served.tls_cert), ("tls_key", served.tls_key)):
            if name and not Path(name).is_file():
                yield f"{section}.{key}", f"there is no file {name}. Check the path."


def _secret_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    if c.secret_key and len(c.secret_key.reveal()) < MINIMUM_SECRET:
        yield "secret_key", f"is too short. Use {MINIMUM_SECRET} characters or more, as from `openssl rand -hex 32`."
    if not c.single_node and not c.secret_key:
        yield (
            "secret_key",
            "is required when store.url is PostgreSQL. Make one with `openssl rand -hex 32`; give every node the same.",
        )
    if c.auth.admin_key and len(c.auth.admin_key.reveal()) < 16:
        yield "auth.admin_key", "is too short. Use 16 characters or more."


def _auth_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    if c.auth.customer_views and not c.auth.required:
        yield "auth.customer_views", "needs auth.required: nobody can tell whose customers an unknown caller has."
    for scope in c.auth.readonly_scopes:
        if scope.partition(":")[0] != "read" or not known_scope(scope, c.auth.custom_scopes):
            yield "auth.readonly_scopes", f"{scope!r} is no scope for reading. Use read, or for example read:alerts."
    for fault in rule_faults(c.auth.rules()):
        yield f"auth.{fault.field}", f"{fault.reason} ({fault.fix})" if fault.fix else fault.reason


def _login_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    try:
        kinds = {provider.name: provider.type for provider in read_providers(c.login.providers)}
        keys = c.login.hawk_keys()
    except InvalidSettings as error:
        for problem in error.problems:
            yield problem.field, f"{problem.reason} ({problem.fix})" if problem.fix else problem.reason
        return
    if c.login.proxy_user_header and not c.server.trusted_proxies:
        yield "login.proxy_user_header", "needs server.trusted_proxies: nobody else is believed."
    if c.login.proxy_user_header and not c.login.proxy_roles_separator:
        yield "login.proxy_roles_separator", "must not be empty."
    yield from _hmac_faults(c, keys)
    if c.login.alerta_provider and c.login.alerta_provider not in kinds:
        yield "login.alerta_provider", f"there is no provider {c.login.alerta_provider!r} in login.providers."
    if "cas" in kinds.values() and not c.server.base_url and c.server.host not in LOCAL:
        yield "server.base_url", "is needed by the log-in provider of the type cas, whose tickets are for that address."


def _account_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    """Accounts that people see to by themselves, and the mails for that."""
    if c.login.verify_email and not c.mail.host:
        yield "login.verify_email", "needs mail.host: the address is confirmed by a mail."
    for domain in c.login.allowed_email_domains:
        if not is_address(f"somebody@{domain}"):
            yield "login.allowed_email_domains", f"{domain!r} is no domain. Write example.org."
    # An address that nobody proved is anybody's word.
    if c.login.allowed_email_domains and not c.login.verify_email:
        yield "login.allowed_email_domains", "needs login.verify_email: nobody could tell whose an address is."
    if c.login.sign_up and c.auth.customer_views and not c.login.verify_email:
        yield "login.sign_up", "needs login.verify_email where auth.customer_views is on: customers go by the address."
    if c.mail.host and not is_address(parseaddr(c.mail.sender)[1]):
        yield "mail.sender", "is needed, as an address such as watchbell@example.org."
    if c.mail.password and c.mail.security == "none":
        yield "mail.password", "is only sent under TLS. Set mail.security to starttls or tls."
    if not 0 <= c.mail.port <= 65535:
        yield "mail.port", f"{c.mail.port} is not a port. Choose 1 to 65535, or 0 for the usual one."
    if c.mail.ca_file and not Path(c.mail.ca_file).is_file():
        yield "mail.ca_file", f"there is no file {c.mail.ca_file}. Check the path."


def _hmac_faults(c: Configuration, keys: Sequence[HawkKey]) -> Iterator[tuple[str, str]]:
    for number, key in enumerate(keys):
        if len(key.secret) < MINIMUM_SECRET:
            yield f"login.hmac[{number}].secret", f"is too short. Use {MINIMUM_SECRET} characters or more."
        for scope in key.scopes:
            if not known_scope(scope, c.auth.custom_scopes):
                yield f"login.hmac[{number}].scopes", f"there is no scope {scope!r}."
    if len({key.id for key in keys}) < len(keys):
        yield "login.hmac", "has two of the same id."


def _size_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    if c.collector.workers < 1:
        yield "collector.workers", "must be 1 or more. Set collector.enabled = false to run none."
    if c.worker.concurrency < 1:
        yield "worker.concurrency", "must be 1 or more."
    if c.delivery.attempt_timeout <= 0:
        yield "delivery.attempt_timeout", "must be more than 0 seconds."
    flapping = c.flapping
    if flapping.changes and not FEWEST_CHANGES <= flapping.changes <= MOST_CHANGES:
        yield "flapping.changes", f"must be 0, or from {FEWEST_CHANGES} to {MOST_CHANGES}."
    for name, least in (("window", 1), ("calm", 1), ("digest", 60 if flapping.digest else 0)):
        if not least <= getattr(flapping, name) <= LONGEST_FLAP:
            yield f"flapping.{name}", f"must be from {least} to {LONGEST_FLAP} seconds."


def _alert_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    for name in ("timeout", "ack_timeout", "shelve_timeout", "heartbeat_timeout", "blackout_duration"):
        least = 1 if name == "blackout_duration" else 0
        if not least <= getattr(c.alerts, name) <= LONGEST_TIMEOUT:
            yield f"alerts.{name}", f"must be from {least} to {LONGEST_TIMEOUT} seconds."
    if c.alerts.heartbeat_latency < 1:
        yield "alerts.heartbeat_latency", "must be 1 millisecond or more."
    if not 1 <= c.alerts.history_limit <= LARGEST_HISTORY:
        yield (
            "alerts.history_limit",
            f"must be from 1 to {LARGEST_HISTORY}: an alert has a history of one entry at least.",
        )
    yield from c.alerts.severity_faults()
    yield from c.alerts.action_faults()
    yield from c.plugins.faults()
    yield from _forward_faults(c)
    patterns = {"allowed_environments": c.allowed_environments, "alerts.refused_origins": c.alerts.refused_origins}
    for key, given in patterns.items():
        for pattern in given:
            try:
                re.compile(pattern)
            except re.error as error:
                yield key, f"{pattern!r} is no regular expression: {error}."


def _forward_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    try:
        tables = read_destinations(c.plugins.forward)
    except InvalidSettings as error:
        for problem in error.problems:
            yield problem.field, f"{problem.reason} ({problem.fix})" if problem.fix else f"{problem.reason}."
        return
    fault = own_place_fault(tables, f"{c.base_url}/api" if c.server.base_url else "") if tables else ""
    if fault:
        yield "plugins.forward", fault


def _source_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    try:
        read_sources(c.collector.sources)
    except InvalidSettings as error:
        for problem in error.problems:
            yield problem.field, f"{problem.reason} ({problem.fix})" if problem.fix else problem.reason
    try:
        parse_networks(c.collector.trusted_proxies)
    except Invalid as error:
        yield f"collector.{error.field}", f"{error.reason}. Write networks as 10.0.0.0/8."
