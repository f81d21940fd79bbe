"""Installations that tests break: with database and broker of their own, because these are broken, too."""

from collections.abc import Iterator

import pytest

from acceptance.installation import Cluster
from acceptance.telling import add_mail_channel
from conftest import missing
from servers.certificates import TestAuthority
from servers.postgres import PostgresServer
from servers.process import MissingServerError
from servers.rabbitmq import RabbitServer
from servers.smtp import SmtpServer


@pytest.fixture
def mail() -> Iterator[SmtpServer]:
    """A mail server that the test may stop."""
    with SmtpServer() as server:
        yield server


class BreakableCluster(Cluster):
    """A cluster with the servers that it stands on, and the mail server that it sends to."""

    def __init__(
        self, database: PostgresServer, broker: RabbitServer, mail: SmtpServer, authority: TestAuthority
    ) -> None:
        self.database, self.broker, self.mail = database, broker, mail
        url = database.url(database.create_database())
        super().__init__(url, broker.url(broker.create_vhost()), authority)


@pytest.fixture(scope="package")
def breakable(test_authority: TestAuthority) -> Iterator[BreakableCluster]:
    """One cluster for all tests; each leaves it whole."""
    try:
        database, broker = PostgresServer(), RabbitServer()
    except MissingServerError as error:
        missing(error)
        return
    with database, broker, SmtpServer() as mail:
        cluster = BreakableCluster(database, broker, mail, test_authority)
        try:
            add_mail_channel(cluster, mail)
            yield cluster
        finally:
            cluster.stop()
