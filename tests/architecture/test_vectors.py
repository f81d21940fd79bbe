"""Divolte's test vectors: each key of the file is used by the tests that are named here, or says why not."""

import json
import re

import pytest

from architecture.source import REPOSITORY

EVENTS = "tests/unit/domain/events"
MAPPING = f"{EVENTS}/mapping/test_vectors.py"
SCRIPTS = "tests/unit/importers/divolte/test_scripts.py"
TAG = "web/tag/wire.test.ts"

# Key → the tests that run over it.
USED: dict[str, tuple[str, ...]] = {
    "browser_requests": (
        f"{EVENTS}/test_browser.py",
        f"{EVENTS}/test_query.py",
        "tests/unit/collector/test_app.py",
        TAG,
    ),
    "tag_runs": (f"{EVENTS}/test_browser.py", "web/tag/divolte.test.ts", "web/tag/watchbell.test.ts"),
    "murmur3_32": (f"{EVENTS}/test_query.py", TAG),
    "mincode_decode": (f"{EVENTS}/test_mincode.py",),
    "mincode_errors": (f"{EVENTS}/test_mincode.py",),
    "mincode_encode": (f"{EVENTS}/test_mincode.py", TAG),
    "mincode_encode_selenium": (TAG,),
    "identifiers": (f"{EVENTS}/test_identifiers.py",),
    "identifier_format": (TAG,),
    "duplicate_memory": (f"{EVENTS}/test_duplicates.py",),
    "x_forwarded_for": ("tests/unit/collector/test_client.py", "tests/integration/test_collector_wire.py"),
    "json_source": (f"{EVENTS}/test_json_source.py", "tests/unit/collector/test_app.py"),
    "client_timestamp_iso": (f"{EVENTS}/test_json_source.py",),
    "http_surface": ("tests/unit/collector/test_app.py", "tests/integration/test_collector_wire.py"),
    "header_value_normalisation": (MAPPING, SCRIPTS),
    "uri_mapping": (MAPPING, SCRIPTS),
    "java_uri_semantics": (MAPPING, SCRIPTS),
    "regex_mapping": (MAPPING, SCRIPTS),
    "event_parameter_mapping": (MAPPING, SCRIPTS),
    "json_to_avro": (MAPPING,),
    "geo_mapping": (MAPPING, SCRIPTS, "tests/unit/adapters/test_places.py"),
    "user_agent": (SCRIPTS, MAPPING),
    "digest": (MAPPING, SCRIPTS),
    "mapping_scripts": (SCRIPTS, MAPPING),
    "test_avro_schemas": ("tests/unit/importers/divolte/conftest.py", MAPPING),
    "default_schema": (f"{EVENTS}/test_record.py", SCRIPTS),
    "default_mapping": (f"{EVENTS}/test_record.py", SCRIPTS, MAPPING),
    "kafka_message": (
        "tests/contract/test_sink.py",
        "tests/integration/test_kafka_sink.py",
        f"{EVENTS}/test_record.py",
    ),
    "file_sink": ("tests/contract/test_file_sinks.py",),
    "config_validation": (
        "tests/unit/importers/divolte/test_settings.py",
        "tests/unit/importers/divolte/test_hocon.py",
    ),
}

# Key → why nothing is tested against it.
UNUSED: dict[str, str] = {
    "_meta": "says where the vectors come from",
    "_notice": "the licence's notice",
    "affinity": "which thread of Divolte maps a party; here the order of the journal is kept, and no client sees it",
    "pubsub_message": "there is no sink for Pub/Sub; `watchbell import divolte` says so where a configuration has one",
}


def keys():
    return set(json.loads((REPOSITORY / "tests" / "data" / "divolte_vectors.json").read_text()))


def test_each_key_is_used_or_says_why_not():
    assert not USED.keys() & UNUSED.keys()
    assert USED.keys() | UNUSED.keys() == keys()


@pytest.mark.parametrize("key", USED)
def test_the_named_tests_use_it(key):
    for name in USED[key]:
        text = (REPOSITORY / name).read_text()
        assert re.search(rf"[\"'.]{key}\b", text), f"{name} does not use {key}"
