"""Fixtures for every test: private servers, started when first wanted.

A server whose program is missing skips the tests that need it, with the name of its package; under CI it fails them.
Session fixtures share one instance per test process, each test gets a database or virtual host of its own.
"""

import ast
import gc
import inspect
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypothesis
import pytest
import structlog

from servers.certificates import TestAuthority
from servers.guard import guard_network
from servers.kafka import KafkaServer, MockKafka
from servers.ldap import LdapServer
from servers.nginx import NginxServer
from servers.postgres import PostgresServer
from servers.process import PATIENCE, MissingServerError, UnobtainableServerError, end_leftovers, find_program
from servers.rabbitmq import RabbitServer
from servers.s3 import S3Server
from servers.smtp import SmtpServer
from servers.target import HttpTarget

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

guard_network()


def _be_patient() -> None:
    """Without a word about it httpx waits five seconds for an answer, which a busy machine may well take."""
    usual = inspect.signature(httpx.get).parameters["timeout"].default
    for what in ("connect", "read", "write", "pool"):
        setattr(usual, what, 20.0 * PATIENCE)


_be_patient()

# No deadlines: how fast an example runs depends on the machine, not on the code.
hypothesis.settings.register_profile("watchbell", deadline=None, print_blob=True)
hypothesis.settings.load_profile("watchbell")

pytest_plugins = ["store_fixtures"]
"""Fixtures that several folders share; they are found by name."""

_SHARED = frozenset({"installation", "single_machine", "cluster", "breakable"})
"""Fixtures that are a whole installation; the tests of a folder that ask for one share it."""

_LONG_FIRST = ("acceptance", "faults", "gates", "e2e", "integration", "property", "contract")

_FIXTURE_MARKS = {
    "postgres_server": "postgres",
    "rabbitmq_server": "rabbitmq",
    "kafka_server": "kafka",
    "browser": "browser",
}


@pytest.fixture(autouse=True)
def _log_to_nobody_else() -> Iterator[None]:
    """A command that runs inside a test sets up the log for an output that ends with the test."""
    yield
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers that its fixtures start, so that ``-m "not postgres"`` works."""
    for item in items:
        for fixture, mark in _FIXTURE_MARKS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
    _refuse_async_tests_beside_a_browser(items)
    _keep_folders_together(items)


def _keep_folders_together(items: list[pytest.Item]) -> None:
    """One folder after the other: what a folder's tests share need not run beside the rest.

    The long ones come first, so that all processes end at about the same time. Within a folder the order is random, but
    what shares an installation begins.
    """
    here = Path(__file__).parent
    places = {folder: place for place, folder in enumerate(_LONG_FIRST)}

    def place(item: pytest.Item) -> tuple[bool, int]:
        folder = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        return not _shares(item.path), places.get(folder, len(places))

    items.sort(key=place)


@cache
def _shares(file: Path) -> bool:
    """Whether tests or fixtures of the file ask for an installation that others have, too."""
    functions = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.FunctionDef)]
    asking = [node for node in functions if node.name.startswith("test_") or node.decorator_list]
    return any(argument.arg in _SHARED for node in asking for argument in node.args.args)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal the tests out to processes: by file, but those of a folder that share an installation together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByInstallation(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file.rpartition("/")[0] if _shares(config.rootpath / file) else file

    return ByInstallation(config, log)


def _refuse_async_tests_beside_a_browser(items: list[pytest.Item]) -> None:
    files = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}
    for item in items:
        if item.path in files and inspect.iscoroutinefunction(getattr(item, "function", None)):
            message = f"{item.nodeid} is async in a module that uses the browser, whose loop occupies this thread"
            raise pytest.UsageError(message)


def pytest_collection_finish() -> None:
    """What is loaded stays: no garbage is looked for in it any more."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Leave no server behind when a fixture failed half-way."""
    end_leftovers()
    gc.unfreeze()


def missing(error: MissingServerError) -> None:
    """Skip the test because a server's program is not installed, or fail it under CI where it could be."""
    if os.environ.get("CI") and not isinstance(error, UnobtainableServerError):
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that all tests of this process share."""
    try:
        server = PostgresServer()
    except MissingServerError as error:
        missing(error)
        return
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database: ``postgresql://user@127.0.0.1:port/name``."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitServer]:
    """A RabbitMQ node that all tests of this process share."""
    try:
        server = RabbitServer()
    except MissingServerError as error:
        missing(error)
        return
    with server:
        yield server


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RabbitServer) -> str:
    """The address of an empty virtual host: ``amqp://guest:guest@127.0.0.1:port/name``."""
    return rabbitmq_server.url(rabbitmq_server.create_vhost())


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A Kafka broker that all tests of this process share. Where it cannot be had, its tests skip."""
    try:
        server = KafkaServer()
    except MissingServerError as error:
        missing(error)
        return
    with server:
        yield server


@pytest.fixture(scope="session")
def kafka_mock() -> MockKafka:
    """Kafka's brokers as the client library imitates them."""
    return MockKafka()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server that all tests of this process share."""
    with S3Server() as server:
        yield server


@pytest.fixture(scope="session")
def test_authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    """A certificate authority that only tests trust, with a certificate for localhost."""
    return TestAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def ldap_server(test_authority: TestAuthority) -> Iterator[LdapServer]:
    """A directory that all tests of this process share; nothing in it changes."""
    try:
        server = LdapServer(test_authority)
    except MissingServerError as error:
        missing(error)
        return
    with server:
        yield server


@pytest.fixture
def smtp_server(test_authority: TestAuthority) -> Iterator[SmtpServer]:
    """An SMTP server that takes plain text and offers STARTTLS."""
    with SmtpServer(test_authority) as server:
        yield server


@pytest.fixture
def smtp_tls_server(test_authority: TestAuthority) -> Iterator[SmtpServer]:
    """An SMTP server that speaks TLS from the first byte."""
    with SmtpServer(test_authority, implicit_tls=True) as server:
        yield server


@pytest.fixture
def http_target() -> Iterator[HttpTarget]:
    """An HTTP server that answers as the test tells it and can go down and come back."""
    with HttpTarget() as target:
        yield target


@pytest.fixture
def https_target(test_authority: TestAuthority) -> Iterator[HttpTarget]:
    """The same under TLS, with a certificate of the test authority."""
    with HttpTarget(test_authority) as target:
        yield target


@pytest.fixture(scope="session")
def find_server_program() -> Callable[..., str]:
    """Finds a program as ``find_program`` does; without it the test is skipped, under CI failed."""

    def find(name: str, package: str, *places: str) -> str:
        try:
            return find_program(name, package, *places)
        except MissingServerError as error:
            missing(error)
            raise

    return find


@pytest.fixture
def nginx_runner() -> Iterator[Callable[[str, int], NginxServer]]:
    """Make nginx servers from (configuration, port): not started yet, stopped after the test."""
    servers: list[NginxServer] = []

    def make(configuration: str, port: int) -> NginxServer:
        try:
            servers.append(NginxServer(configuration, port))
        except MissingServerError as error:
            missing(error)
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, for one module: while it is open, its event loop occupies this thread, so no async test may run.

    Modules that use it hold synchronous tests only.
    """
    from playwright.sync_api import expect

    from servers.browser import open_browser

    expect.set_options(timeout=20_000 * PATIENCE)
    try:
        with open_browser() as opened:
            yield opened
    except MissingServerError as error:
        missing(error)


@pytest.fixture
def browser_context(browser: "Browser") -> Iterator["BrowserContext"]:
    """A fresh profile: no cookies, no storage; it trusts the test authority's certificates as it does any other."""
    context = browser.new_context(ignore_https_errors=True, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(20_000 * PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(browser_context: "BrowserContext") -> "Page":
    """One page in a fresh profile."""
    return browser_context.new_page()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).resolve().parents[1]
