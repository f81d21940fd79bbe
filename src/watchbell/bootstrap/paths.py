"""Funnels over several collectors: the topic that they share, as `collector.paths` names it."""

from typing import Any

from watchbell.adapters.path_topic import KafkaPaths
from watchbell.bootstrap.events import system_ms
from watchbell.config import Configuration
from watchbell.domain.errors import Invalid, Permanent
from watchbell.ports.sink import Sink
from watchbell.sinks.kafka import Framing, Kafka, KafkaConfig, client_options
from watchbell.toolkit.settings import InvalidSettings, read
from watchbell.usecases.lanes import MakeSink
from watchbell.usecases.pathing import STEP_SCHEMA, Paths, PathSink, message_of

NAME = "paths"
"""Of the lane."""

_OPEN_MS = 10_000
"""How long a transaction of a collector that vanished holds up those who read."""


def make_paths(settings: Configuration, node: str) -> tuple[Paths | None, dict[str, MakeSink]]:
    """Who counts funnels, and what publishes steps, by its name; nothing when no topic is configured.

    Raises:
        Permanent: a setting is wrong.
    """
    if not settings.collector.paths:
        return None, {}
    config = _config(dict(settings.collector.paths))
    group = f"watchbell-{config.topic}"
    log = KafkaPaths(config.topic, group, client_options(config), STEP_SCHEMA, message_of, wait_s=config.wait_s)
    paths = Paths(log, config.topic)
    folder = settings.data / "collector" / NAME

    def make(schema: dict[str, Any]) -> Sink:
        del schema  # steps have their own
        inner = Kafka(config, schema=STEP_SCHEMA, folder=folder, node=node, now_ms=system_ms)
        return PathSink(inner, node, log.keys, paths)

    return paths, {NAME: make}


def _config(given: dict[str, Any]) -> KafkaConfig:
    options = {"transaction.timeout.ms": _OPEN_MS, **given.pop("options", {})}
    own = {"exactly_once": True, "framing": Framing.PLAIN.value, "options": options}
    try:
        config = read(KafkaConfig, {**given, **own}, prefix="collector.paths.")
        Kafka.check(config)
    except InvalidSettings as error:
        raise Permanent(error.message) from error
    except Invalid as error:
        raise Permanent(f"collector.paths.{error.field or 'options'}: {error.reason}") from error
    return config
