"""A private Kafka broker in KRaft mode, broker and controller in one process."""

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from servers.process import (
    PATIENCE,
    Folder,
    ServerProcess,
    UnobtainableServerError,
    find_program,
    free_port,
    wait_until,
)

_JARS = Path(__file__).resolve().parents[2] / ".kafka"
_CLUSTER = "d2F0Y2hiZWxsLXRlc3QtMQ"
# A small heap and the cheap compiler: it starts in half the time, and no test asks for throughput.
_JAVA = ("-Xms96m", "-Xmx320m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto")
_FORMAT = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER)
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAIN://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more_listeners}
advertised.listeners=PLAIN://127.0.0.1:{port}{more_listeners}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL
inter.broker.listener.name=PLAIN
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
message.max.bytes=100000
log.cleaner.enable=false
"""
_SECURE = """\
sasl.enabled.mechanisms=PLAIN
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={certificate}
listener.name.tls.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_watch="bell";
"""
_LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRefs=out
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c %m%n
"""


class KafkaServer:
    """A broker on a free port. Topics take messages of up to about 100,000 bytes.

    ``with`` starts it and removes it at the end; ``stop``, ``kill`` and ``start`` in between keep the data. With a
    ``certificate`` (PEM: key, then chain) it listens on ``tls_port`` besides, for the user ``watch``, password
    ``bell``.
    """

    def __init__(self, certificate: str = "") -> None:
        if not (_JARS / ".installed").exists():
            message = "Kafka's jars are not in .kafka; run scripts/ensure-servers, which needs maven"
            raise UnobtainableServerError(message)
        self._java = find_program("java", "default-jre-headless")
        self._folder = Folder("kafka")
        self.port, self.tls_port = free_port(), free_port()
        self._topics = 0
        self._write_configuration(certificate)
        self.process = ServerProcess(
            "kafka",
            [self._java, *_JAVA, *self._log_option(), "-cp", f"{_JARS}/*", "kafka.Kafka", self._configuration],
            folder=self._folder.path,
            grace=20,
        )

    @property
    def address(self) -> str:
        """What clients know as ``bootstrap.servers``."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it answers for itself."""
        self.process.start().wait_ready(self._answers, timeout=120)
        return self

    def stop(self) -> None:
        """Shut it down; topics stay."""
        self.process.stop()

    def kill(self) -> None:
        """Crash it."""
        self.process.kill()

    def close(self) -> None:
        """Stop it for good and remove its files."""
        self.process.kill()
        self._folder.remove()

    def create_topic(self, partitions: int = 4, **settings: str) -> str:
        """Return the name of an empty topic that nobody else was given."""
        self._topics += 1
        name = f"test-{self._topics}"
        topic = NewTopic(name, partitions, 1, config=settings)
        admin = self._admin()  # its thread ends with the object
        admin.create_topics([topic])[name].result(30 * PATIENCE)
        wait_until(lambda: self._is_led(name), 30, f"a leader for each partition of {name}")
        return name

    def messages(self, topic: str, *, committed: bool = True) -> list[Message]:
        """Everything that stands in a topic now, partition by partition; with `committed` only what is committed."""
        return read_topic(self.address, topic, committed=committed)

    def _is_led(self, topic: str) -> bool:
        """Whether it can be read: the broker knows a topic before it leads it."""
        try:
            return bool(_ends(self.address, topic))
        except KafkaException:
            return False

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def _answers(self) -> bool:
        try:
            return bool(self._admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _log_option(self) -> list[str]:
        path = self._folder.path / "log4j2.properties"
        path.write_text(_LOGGING)
        return [f"-Dlog4j2.configurationFile={path}"]

    def _write_configuration(self, certificate: str) -> None:
        folder = self._folder.path
        settings = _SETTINGS.format(
            port=self.port,
            controller=free_port(),
            folder=folder,
            more_listeners=f",TLS://localhost:{self.tls_port}" if certificate else "",
        )
        if certificate:
            (folder / "server.pem").write_text(certificate)
            settings += _SECURE.format(certificate=folder / "server.pem")
        self._configuration = str(folder / "server.properties")
        Path(self._configuration).write_text(settings)
        done = subprocess.run(
            [self._java, *_JAVA, *self._log_option(), "-cp", f"{_JARS}/*", *_FORMAT, "-c", self._configuration],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            message = f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}"
            raise RuntimeError(message)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MockKafka:
    """The brokers that librdkafka brings for tests: in this process, without disks, transactions or access rules."""

    def __init__(self) -> None:
        self._cluster = AdminClient({"test.mock.num.brokers": 3, "log_level": 0})
        self._topics = 0
        brokers = self._cluster.list_topics(timeout=10 * PATIENCE).brokers.values()
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def create_topic(self) -> str:
        """Return the name of an empty topic that nobody else was given."""
        self._topics += 1
        return f"test-{self._topics}"

    def messages(self, topic: str) -> list[Message]:
        """Everything that stands in a topic now, partition by partition."""
        return read_topic(self.address, topic, committed=False)


def read_topic(address: str, topic: str, *, committed: bool = True) -> list[Message]:
    """Everything that stands in a topic now, partition by partition."""
    ends = _ends(address, topic)
    consumer = _reader(address, "read_committed" if committed else "read_uncommitted")
    try:
        consumer.assign([TopicPartition(topic, number, 0) for number in ends])
        found: list[Message] = []
        left = {number for number, end in ends.items() if end > 0}
        while left:
            message = consumer.poll(10 * PATIENCE)
            assert message is not None, f"nothing came from {topic} for {10 * PATIENCE} seconds"
            if message.error() is None:
                found.append(message)
            elif (message.offset() or 0) >= ends[message.partition() or 0]:
                # Before that a transaction is still being closed: what its sender was told of is not yet to be seen.
                left.discard(message.partition() or 0)
    finally:
        consumer.close()
    return sorted(found, key=lambda each: (each.partition(), each.offset()))


def _ends(address: str, topic: str) -> dict[int, int]:
    """Partition → offset behind its last message, committed or not."""
    consumer = _reader(address, "read_uncommitted")
    try:
        partitions = consumer.list_topics(topic, timeout=10 * PATIENCE).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10 * PATIENCE)[1]
            for number in partitions
        }
    finally:
        consumer.close()


def _reader(address: str, isolation: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "test-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
        }
    )
