"""Properties of Kafka's Java producer as settings of our sink, and as options of librdkafka where the names agree."""

import re
from typing import Any, Final

from watchbell.importers.divolte.reading import Given, Part
from watchbell.importers.divolte.remarks import Remarks

PREFIX: Final = "kafka.producer."
DEFAULT_SERVERS: Final = ["localhost:9092"]

# Java's name → librdkafka's.
_OPTIONS: Final = {
    "batch.size": "batch.size",
    "client.id": "client.id",
    "connections.max.idle.ms": "connections.max.idle.ms",
    "linger.ms": "linger.ms",
    "max.request.size": "message.max.bytes",
    "metadata.max.age.ms": "metadata.max.age.ms",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "reconnect.backoff.max.ms": "reconnect.backoff.max.ms",
    "reconnect.backoff.ms": "reconnect.backoff.ms",
    "request.timeout.ms": "request.timeout.ms",
    "retry.backoff.ms": "retry.backoff.ms",
    "sasl.kerberos.service.name": "sasl.kerberos.service.name",
    "send.buffer.bytes": "socket.send.buffer.bytes",
}
_FIXED: Final = {
    "acks": "a record counts as written when all in-sync replicas have it",
    "delivery.timeout.ms": "records are sent until they arrive",
    "enable.idempotence": "the producer is idempotent",
    "max.in.flight.requests.per.connection": "the producer is idempotent, so the order is kept with several in flight",
    "retries": "records are sent until they arrive",
    "key.serializer": "the key is the party id as UTF-8",
    "value.serializer": "the value is Avro",
    "partitioner.class": "partitions are chosen as Java clients choose them",
    "buffer.memory": "the journal on disk is the queue",
    "max.block.ms": "the journal on disk is the queue",
}
_TAKEN: Final = frozenset(
    {"bootstrap.servers", "compression.type", "security.protocol", "sasl.mechanism", "sasl.jaas.config"}
)
_LOGIN: Final = re.compile(r"\b(username|password)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)')")
_MECHANISMS: Final = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})


def producer_settings(common: Part, remarks: Remarks) -> dict[str, Any]:
    """Settings of the sink `kafka` that all of Divolte's Kafka sinks share."""
    given = {key.removeprefix(PREFIX): one for key, one in common.given.items() if key.startswith(PREFIX)}
    table: dict[str, Any] = {"servers": _servers(given)}
    if "compression.type" in given:
        table["compression"] = given["compression.type"].value
    table |= _security(given, remarks)
    options = {ours: _typed(given[java].value) for java, ours in _OPTIONS.items() if java in given}
    for name, one in given.items():
        path = f"divolte.global.{PREFIX}{name}"
        if one.variable and (name in _TAKEN or name in _OPTIONS):
            remarks.add(one.place, path, f"taken from ${one.variable} as it was during the import")
        if name in _FIXED:
            remarks.add(one.place, path, _FIXED[name])
        elif name not in _TAKEN and name not in _OPTIONS:
            remarks.add(one.place, path, _reason(name), lost=True)
    return {**table, "options": options} if options else table


def _servers(given: dict[str, Given]) -> list[str]:
    if "bootstrap.servers" not in given:
        return list(DEFAULT_SERVERS)
    return [server.strip() for server in given["bootstrap.servers"].value.split(",") if server.strip()]


def _security(given: dict[str, Given], remarks: Remarks) -> dict[str, Any]:
    protocol = given["security.protocol"].value.upper() if "security.protocol" in given else "PLAINTEXT"
    table: dict[str, Any] = {"tls": True} if protocol.endswith("SSL") else {}
    if not protocol.startswith("SASL"):
        return table
    mechanism = given["sasl.mechanism"].value if "sasl.mechanism" in given else "GSSAPI"
    if mechanism not in _MECHANISMS:
        one = given.get("sasl.mechanism") or given["security.protocol"]
        reason = f"{mechanism} is not known here; known are {', '.join(sorted(_MECHANISMS))}"
        remarks.add(one.place, f"divolte.global.{PREFIX}sasl.mechanism", reason, lost=True)
        return table
    table["sasl"] = mechanism
    login = given.get("sasl.jaas.config")
    for match in _LOGIN.finditer(login.value if login else ""):
        text = re.sub(r"\\(.)", r"\1", match.group(2)) if match.group(2) is not None else match.group(3)
        table["user" if match.group(1) == "username" else "password"] = text
    return table


def _reason(name: str) -> str:
    if name.startswith(("ssl.truststore", "ssl.keystore", "ssl.key.")):
        return "Java's key stores are not read; give PEM files in `tls_ca`, `tls_cert` and `tls_key` of the sink"
    return "is an option of Java's producer that has no counterpart here"


def _typed(text: str) -> str | int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else text
