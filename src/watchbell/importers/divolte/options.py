"""Every setting that Divolte knows, by its path, with its type. What is not listed here is an error, as it is there."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class Kind(Enum):
    """What a setting holds."""

    TEXT = auto()
    FLAG = auto()
    WHOLE = auto()
    """A whole number."""
    NUMBER = auto()
    DURATION = auto()
    NAMES = auto()
    """A list of texts."""
    FREE = auto()
    """Anything: handed on as it is."""


Options = Mapping[str, Kind]

_POOL: Final = {"enabled": Kind.FLAG, "threads": Kind.WHOLE, "buffer_size": Kind.WHOLE}


def _below(prefix: str, options: Options) -> dict[str, Kind]:
    return {f"{prefix}.{name}": kind for name, kind in options.items()}


GLOBAL: Final[Options] = MappingProxyType(
    {
        "server.host": Kind.TEXT,
        "server.port": Kind.WHOLE,
        "server.use_x_forwarded_for": Kind.FLAG,
        "server.serve_static_resources": Kind.FLAG,
        "server.debug_requests": Kind.FLAG,
        "server.shutdown_delay": Kind.DURATION,
        "server.shutdown_timeout": Kind.DURATION,
        "mapper.threads": Kind.WHOLE,
        "mapper.buffer_size": Kind.WHOLE,
        "mapper.duplicate_memory_size": Kind.WHOLE,
        "mapper.ip2geo_database": Kind.TEXT,
        "mapper.user_agent_parser.type": Kind.TEXT,
        "mapper.user_agent_parser.cache_size": Kind.WHOLE,
        **_below("hdfs", {**_POOL, "client": Kind.FREE}),
        **_below("gcs", _POOL),
        **_below("kafka", {**_POOL, "producer": Kind.FREE}),
        **_below("gcps", {**_POOL, "project_id": Kind.TEXT}),
    }
)

SOURCES: Final[Mapping[str, Options]] = MappingProxyType(
    {
        "browser": {
            "type": Kind.TEXT,
            "prefix": Kind.TEXT,
            "event_suffix": Kind.TEXT,
            "party_cookie": Kind.TEXT,
            "party_timeout": Kind.DURATION,
            "session_cookie": Kind.TEXT,
            "session_timeout": Kind.DURATION,
            "cookie_domain": Kind.TEXT,
            "http_response_delay": Kind.DURATION,
            "javascript.name": Kind.TEXT,
            "javascript.logging": Kind.FLAG,
            "javascript.debug": Kind.FLAG,
            "javascript.auto_page_view_event": Kind.FLAG,
            "javascript.event_timeout": Kind.DURATION,
        },
        "json": {
            "type": Kind.TEXT,
            "event_path": Kind.TEXT,
            "party_id_parameter": Kind.TEXT,
            "maximum_body_size": Kind.WHOLE,
        },
    }
)

MAPPING: Final[Options] = MappingProxyType(
    {
        "sources": Kind.NAMES,
        "sinks": Kind.NAMES,
        "schema_file": Kind.TEXT,
        "mapping_script_file": Kind.TEXT,
        "confluent_id": Kind.WHOLE,
        "discard_corrupted": Kind.FLAG,
        "discard_duplicates": Kind.FLAG,
    }
)

_FILES: Final = {
    "type": Kind.TEXT,
    "file_strategy.working_dir": Kind.TEXT,
    "file_strategy.publish_dir": Kind.TEXT,
    "file_strategy.roll_every": Kind.DURATION,
    "file_strategy.sync_file_after_records": Kind.WHOLE,
    "file_strategy.sync_file_after_duration": Kind.DURATION,
}
_RETRY: Final = {
    "max_attempts": Kind.WHOLE,
    "total_timeout": Kind.DURATION,
    "initial_retry_delay": Kind.DURATION,
    "retry_delay_multiplier": Kind.NUMBER,
    "max_retry_delay": Kind.DURATION,
}

SINKS: Final[Mapping[str, Options]] = MappingProxyType(
    {
        "hdfs": {**_FILES, "replication": Kind.WHOLE},
        "gcs": {
            **_FILES,
            "bucket": Kind.TEXT,
            **_below("retry_settings", {**_RETRY, "jitter_delay": Kind.DURATION, "jitter_factor": Kind.NUMBER}),
        },
        "kafka": {"type": Kind.TEXT, "topic": Kind.TEXT, "mode": Kind.TEXT},
        "gcps": {
            "type": Kind.TEXT,
            "topic": Kind.TEXT,
            **_below(
                "retry_settings",
                {
                    **_RETRY,
                    "initial_rpc_timeout": Kind.DURATION,
                    "rpc_timeout_multiplier": Kind.NUMBER,
                    "max_rpc_timeout": Kind.DURATION,
                },
            ),
            **_below(
                "batching_settings",
                {
                    "element_count_threshold": Kind.WHOLE,
                    "request_bytes_threshold": Kind.WHOLE,
                    "delay_threshold": Kind.DURATION,
                },
            ),
        },
    }
)
