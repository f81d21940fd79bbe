from pathlib import Path
from typing import Any

import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.sinks.kafka import Kafka, KafkaConfig
from watchbell.toolkit.settings import read


def make(folder: Path, **changes: Any) -> Kafka:
    config = read(KafkaConfig, {"servers": ["localhost:9092"], "topic": "events", **changes})
    return Kafka(config, schema=DEFAULT_SCHEMA, folder=folder, node="node", now_ms=lambda: 0)


@pytest.mark.parametrize(
    "option", ["acks", "enable.idempotence", "transactional.id", "message.timeout.ms", "bootstrap.servers"]
)
def test_options_that_the_promise_rests_on_cannot_be_set(tmp_path, option):
    with pytest.raises(Invalid, match=f"{option} cannot be set"):
        make(tmp_path, options={option: "1"})


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("lingerms", 5, "lingerms"),
        ("linger.ms", "soon", "Invalid value"),
        ("max.in.flight.requests.per.connection", 50, "max.in.flight"),
    ],
)
def test_options_that_the_client_cannot_use_are_told_at_the_start(tmp_path, option, value, reason):
    with pytest.raises(Invalid, match=f"options: .*{reason}"):
        make(tmp_path, options={option: value})


def test_options_are_passed_on(tmp_path):
    assert make(tmp_path, options={"linger.ms": 100, "client.id": "shop", "socket.keepalive.enable": True})


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"servers": []}, "servers"),
        ({"framing": "confluent"}, "schema_id"),
        ({"framing": "confluent", "schema_id": 2**31}, "schema_id"),
        ({"framing": "confluent", "registry": {"url": "nowhere"}}, "url"),
        ({"tls": True, "tls_ca": "/nowhere.pem"}, "options"),
    ],
)
def test_settings_that_cannot_be_used_are_told_at_the_start(tmp_path, settings, field):
    with pytest.raises(Invalid, match=field):
        make(tmp_path, **settings)


def test_a_password_is_not_shown(tmp_path):
    config = read(KafkaConfig, {"servers": ["a:1"], "topic": "t", "password": "hunter2"})
    assert "hunter2" not in repr(config)
