"""The two shapes of an installation. Every story runs on both."""

from collections.abc import Iterator

import pytest

from acceptance.installation import Cluster, Installation, SingleMachine
from acceptance.telling import add_mail_channel
from servers.alerta import AlertaMissing, AlertaRunner, install
from servers.certificates import TestAuthority
from servers.postgres import PostgresServer
from servers.rabbitmq import RabbitServer
from servers.smtp import SmtpServer


@pytest.fixture(scope="package")
def mail() -> Iterator[SmtpServer]:
    """The mail server that every installation sends to; stories tell their mails apart by recipient."""
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="package")
def single_machine(mail: SmtpServer) -> Iterator[Installation]:
    """`watchbell up`."""
    installation = SingleMachine()
    try:
        add_mail_channel(installation, mail)
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="package")
def cluster(
    mail: SmtpServer, postgres_server: PostgresServer, rabbitmq_server: RabbitServer, test_authority: TestAuthority
) -> Iterator[Installation]:
    """Every role twice."""
    database = postgres_server.url(postgres_server.create_database())
    broker = rabbitmq_server.url(rabbitmq_server.create_vhost())
    installation = Cluster(database, broker, test_authority)
    try:
        add_mail_channel(installation, mail)
        yield installation
    finally:
        installation.stop()


@pytest.fixture(params=["single_machine", "cluster"])
def installation(request: pytest.FixtureRequest) -> Installation:
    """Each shape in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def alerta_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertaRunner]:
    """The program. Where the package cannot be had, the tests skip, also under CI."""
    try:
        runner = AlertaRunner(install(tmp_path_factory.mktemp("alerta")))
    except AlertaMissing as error:
        pytest.skip(str(error))
    yield runner
    runner.close()
