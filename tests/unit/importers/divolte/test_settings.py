"""Divolte's configuration: what is refused as it refuses it, and what becomes of each setting."""

import re
from collections import Counter

import pytest

from watchbell.collector.sources import BrowserSource, JsonSource, read_sources
from watchbell.config import SECTIONS
from watchbell.domain.errors import Faulty
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.importers.divolte.hocon import InvalidHocon
from watchbell.importers.divolte.options import GLOBAL, MAPPING, SINKS, SOURCES, Kind
from watchbell.plugins import table
from watchbell.toolkit.settings import read as read_table

SOME = "sources { s { type = browser } }\n sinks { h { type = hdfs }, k { type = kafka, mode = confluent } }\n"
ENABLED = "global.kafka.enabled = true\n"
SECOND = "b { sources = [s], sinks = [h], schema_file = b.avsc }"

# V:config_validation, "why" or "setting" → a configuration that is wrong in this way.
INVALID = {
    "empty configuration": "",
    "divolte.sources.browser.javascript.name=404.exe": (
        "divolte { sources.browser { type = browser, javascript.name = 404.exe } }"
    ),
    "mapping refers to undefined source/sink": f"divolte {{ {SOME} mappings.a {{ sources = [s, x], sinks = [y] }} }}",
    "a name used for both a source and a sink": "divolte { sources.x.type = json\n sinks.x.type = kafka }",
    "one sink fed by mappings with different schema_file": (
        f"divolte {{ {SOME} mappings {{ a {{ sources = [s], sinks = [h], schema_file = a.avsc }}, {SECOND} }} }}"
    ),
    "confluent sink and mapping without confluent_id": (
        f"divolte {{ {SOME} mappings.a {{ sources = [s], sinks = [k] }} }}"
    ),
    "one sink, two confluent_ids": (
        f"divolte {{ {SOME} mappings {{ a {{ sources = [s], sinks = [h], confluent_id = 1 }},"
        " b { sources = [s], sinks = [h], confluent_id = 2 } } }"
    ),
    "gcs jitter_delay and jitter_factor both set": (
        "divolte.sinks.g { type = gcs, bucket = b, retry_settings { jitter_delay = 1 s, jitter_factor = 0.1 } }"
    ),
    "unknown property anywhere (strict)": "divolte { global { server { prot = 1 } } }",
}
VALID = {
    "reference.conf alone": "divolte {}",
    "two mappings sharing a sink with the same schema": (
        f"divolte {{ {SOME} mappings {{ a {{ sources = [s], sinks = [h], schema_file = b.avsc }}, {SECOND} }} }}"
    ),
    "confluent sink with confluent_id": (
        f"divolte {{ {SOME} mappings.a {{ sources = [s], sinks = [k], confluent_id = 7, schema_file = b.avsc }} }}"
    ),
    "confluent_id with the default schema": (
        f"divolte {{ {SOME} mappings.a {{ sources = [s], sinks = [k], confluent_id = 7 }} }}"
    ),
}


def test_every_invalid_configuration_of_the_vectors(vectors, read):
    cases = {case.get("setting") or case["why"]: case for case in vectors["config_validation"]["invalid"]}
    assert cases.keys() == INVALID.keys()
    for name, text in INVALID.items():
        with pytest.raises(Faulty) as caught:
            read(text)
        (fault,) = caught.value.faults
        assert re.match(r".*divolte-collector\.conf:\d+: divolte", fault.field), name
        assert cases[name].get("message", fault.reason) == fault.reason
        assert cases[name].get("message_contains", "") in fault.reason


def test_every_valid_configuration_of_the_vectors(vectors, read):
    assert vectors["config_validation"]["valid"] == list(VALID)
    for text in VALID.values():
        assert read(text).lost == []


def test_records_go_where_they_went(vectors, read):
    """One event to each source: as many records reach each sink as with Divolte."""
    case = vectors["config_validation"]["topology_counts"]
    sources = "\n".join(f"source-{n} {{ type = browser, prefix = /{n} }}" for n in range(1, 5))
    sinks = "\n".join(f"sink-{n} {{ type = hdfs }}" for n in range(1, 5))
    mappings = "\n".join(
        f"{name} {{ sources = [{', '.join(each['sources'])}], sinks = [{', '.join(each['sinks'])}] }}"
        for name, each in case["mappings"].items()
    )
    found = read(f"divolte {{ sources {{ {sources} }}\n sinks {{ {sinks} }}\n mappings {{ {mappings} }} }}")
    counts = Counter(sink for each in found.objects for _ in each["sources"] for sink in each["sinks"])
    assert counts == case["expected_records"]
    assert found.settings["collector"]["sources"].keys() == {f"source-{n}" for n in range(1, 5)}
    assert found.settings["collector"]["sinks"].keys() == case["expected_records"].keys()


@pytest.mark.parametrize(
    ("text", "line", "path"),
    [
        ("divolte {\n globl { }\n}", 2, "divolte.globl"),
        ("divolte {\n global.server.port = many\n}", 2, "divolte.global.server.port"),
        ("divolte.global.server {\n\n  shutdown_delay = soon\n}", 3, "divolte.global.server.shutdown_delay"),
        ("divolte.global.server.use_x_forwarded_for = perhaps", 1, "divolte.global.server.use_x_forwarded_for"),
        ("divolte.sources = 1", 1, "divolte.sources"),
        ("divolte.sources.x = 1", 1, "divolte.sources.x"),
        ("divolte.sources.x { prefix = / }", 1, "divolte.sources.x.type"),
        ("divolte.sources.x { type = ftp }", 1, "divolte.sources.x.type"),
        ("divolte.sources.x { type = json, prefix = / }", 1, "divolte.sources.x.prefix"),
        ("divolte.mappings.m { sinks = [] }", 1, "divolte.mappings[m].sources"),
        ("divolte.mappings.m { sources = browser, sinks = [] }", 1, "divolte.mappings.m.sources"),
        ("divolte.sinks.g { type = gcs }", 1, "divolte.sinks[g].bucket"),
        ("divolte.sinks.k { type = kafka, mode = loud }", 1, "divolte.sinks[k].mode"),
        (
            "divolte.global.mapper.user_agent_parser.type = x",
            1,
            "divolte.global.mapper.user_agent_parser.type",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_file_line_and_path(read, text, line, path):
    with pytest.raises(Faulty) as caught:
        read(text)
    assert caught.value.faults[0].field.endswith(f"divolte-collector.conf:{line}: {path}")


def test_the_form_of_long_ago_is_named(read):
    with pytest.raises(Faulty, match=r"before 0\.5"):
        read("divolte { tracking { party_cookie = _dvp } }")


@pytest.mark.parametrize("bucket", ["b/folder", "gs://b/folder", "gs://b/folder/"])
def test_a_bucket_may_be_written_as_an_address(read, bucket):
    text = f'divolte {{ global.gcs.enabled = true\n sinks.g {{ type = gcs, bucket = "{bucket}" }} }}'
    assert read(text).settings["collector"]["sinks"]["g"]["target"] == "gs://b/folder/tmp"


def test_everything_wrong_is_told_at_once_and_what_was_meant(read):
    with pytest.raises(Faulty) as caught:
        read("divolte {\n global.server.prot = 1\n global.server.host = [1]\n sources.x { type = y }\n}")
    assert len(caught.value.faults) == 3
    assert "did you mean server.port?" in caught.value.faults[0].reason


FULL = """
divolte {
  global {
    server {
      host = 0.0.0.0, port = ${?DIVOLTE_PORT}, use_x_forwarded_for = true, serve_static_resources = true
      debug_requests = true, shutdown_delay = 1500 ms, shutdown_timeout = 2 minutes
    }
    mapper {
      threads = 2, buffer_size = 10, duplicate_memory_size = 500, ip2geo_database = /data/city.mmdb
      user_agent_parser { type = caching_and_updating, cache_size = 10 }
    }
    hdfs { enabled = true, threads = 1, buffer_size = 1, client { fs.defaultFS = "hdfs://name:8020/", dfs.x = 1 } }
    gcs { enabled = true, threads = 1, buffer_size = 1 }
    kafka {
      enabled = true, threads = 1, buffer_size = 1
      producer { bootstrap.servers = ["a:1", "b:2"], acks = 1, linger.ms = 5, compression.type = zstd, no.such = 1 }
    }
    gcps { enabled = true, threads = 1, buffer_size = 1, project_id = p }
  }
  sources {
    web {
      type = browser, prefix = /web, event_suffix = ev, party_cookie = _p, party_timeout = 30 days
      session_cookie = _s, session_timeout = 1 hour, cookie_domain = .example.com, http_response_delay = 1 s
      javascript { name = a.js, logging = true, debug = true, auto_page_view_event = false, event_timeout = 1500 ms }
    }
    app { type = json, event_path = /app, party_id_parameter = id, maximum_body_size = 8192 }
  }
  sinks {
    files {
      type = hdfs, replication = 2
      file_strategy {
        working_dir = /w, publish_dir = /p, roll_every = 15 minutes
        sync_file_after_records = 5, sync_file_after_duration = 1 s
      }
    }
    cloud {
      type = gcs, bucket = b, file_strategy { publish_dir = p, working_dir = w, roll_every = 1 h
        sync_file_after_records = 5, sync_file_after_duration = 1 s }
      retry_settings { max_attempts = 1, total_timeout = 1 s, initial_retry_delay = 1 s, retry_delay_multiplier = 2.5
        max_retry_delay = 1 s, jitter_delay = 1 s }
    }
    cloud2 { type = gcs, bucket = c, retry_settings.jitter_factor = 0.5 }
    stream { type = kafka, topic = clicks, mode = confluent }
    pubsub {
      type = gcps, topic = t
      retry_settings { max_attempts = 1, total_timeout = 1 s, initial_retry_delay = 1 s, retry_delay_multiplier = 2
        max_retry_delay = 1 s, initial_rpc_timeout = 1 s, rpc_timeout_multiplier = 2, max_rpc_timeout = 1 s }
      batching_settings { element_count_threshold = 1, request_bytes_threshold = 1, delay_threshold = 1 ms }
    }
  }
  mappings.m {
    sources = [web, app], sinks = [files, cloud, cloud2, stream, pubsub], confluent_id = 7
    schema_file = /etc/divolte/my.avsc, mapping_script_file = my.groovy
    discard_corrupted = true, discard_duplicates = true
  }
}
"""
SCHEMA = '{"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", "string"], "default": null}]}'
SCRIPT = "mapping {\n  map header('X-Shop').first() onto 'f'\n  map cookie('c') onto 'f'\n}"


@pytest.fixture
def full(read):
    """Everything that can be set, set."""
    return read(FULL, {"DIVOLTE_PORT": "8299"}, my_avsc=SCHEMA, my_groovy=SCRIPT)


def test_every_setting_is_converted(full):
    collector = full.settings["collector"]
    assert (collector["host"], collector["port"], collector["shutdown_delay"]) == ("0.0.0.0", 8299, 1.5)
    assert "10.0.0.0/8" in collector["trusted_proxies"]
    assert full.settings["events"] == {"duplicate_memory": 500, "places": "/data/city.mmdb"}
    assert collector["kept_headers"] == ["cookie", "x-shop"]
    assert collector["sources"] == {
        "web": {
            "type": "browser",
            "prefix": "/web",
            "event_suffix": "ev",
            "party_cookie": "_p",
            "party_timeout": 2_592_000,
            "session_cookie": "_s",
            "session_timeout": 3600,
            "cookie_domain": ".example.com",
            "javascript_name": "a.js",
            "javascript_logging": True,
            "auto_page_view_event": False,
            "event_timeout": 1.5,
        },
        "app": {"type": "json", "event_path": "/app", "party_id_parameter": "id", "maximum_body_size": 8192},
    }
    assert collector["sinks"] == {
        "files": {"type": "avro_files", "roll_every_s": 900, "target": "hdfs://name:8020/p"},
        "cloud": {"type": "avro_files", "roll_every_s": 3600, "target": "gs://b/p"},
        "cloud2": {"type": "avro_files", "target": "gs://c/tmp"},
        "stream": {
            "type": "kafka",
            "topic": "clicks",
            "framing": "confluent",
            "schema_id": 7,
            "servers": ["a:1", "b:2"],
            "compression": "zstd",
            "options": {"linger.ms": 5},
        },
    }
    (mapping,) = full.objects
    assert mapping["sinks"] == ["files", "cloud", "cloud2", "stream"]
    assert mapping["discard_corrupted"] is mapping["discard_duplicates"] is True


def test_what_comes_out_is_what_we_read(full):
    collector = full.settings["collector"]
    read_sources(collector["sources"])
    for name, sink in collector["sinks"].items():
        read_table(table("sink")[sink["type"]].Config, {k: v for k, v in sink.items() if k != "type"}, prefix=name)
    for section, content in full.settings.items():
        read_table(SECTIONS[section], content)
    (mapping,) = full.objects
    compile_mapping(Mapping(**{key: each for key, each in mapping.items() if key != "kind"}))


# What is the same here and needs no word.
SILENT = {
    "server.host", "server.shutdown_delay", "mapper.duplicate_memory_size", "mapper.ip2geo_database", "hdfs.enabled",
    "gcs.enabled", "kafka.enabled", "gcps.enabled", "kafka.producer.bootstrap.servers", "kafka.producer.linger.ms",
    "kafka.producer.compression.type",
}  # fmt: skip
OF_PUBSUB = {"gcps.project_id"}


def test_every_setting_is_converted_or_named_with_its_line(full):
    """Nothing is dropped silently: each path that Divolte knows is in the result, or in a remark at its line."""
    lines = FULL.split("\n")
    named = {}
    for remark in full.remarks:
        if remark.what.startswith("divolte."):
            named[remark.what] = remark.line
    for key in GLOBAL:
        paths = [key] if GLOBAL[key] is not Kind.FREE else []
        for path in paths:
            if path not in SILENT | OF_PUBSUB:
                assert f"divolte.global.{path}" in named, path
    for path, line in named.items():
        if path.startswith("divolte.global.") and not path.endswith(("fs.defaultFS", "dfs.x")):
            assert path.rsplit(".", 1)[1] in lines[line - 1], path
    lost = [remark.what for remark in full.lost]
    assert sorted(lost) == [
        "divolte.global.hdfs.client.dfs.x",
        "divolte.global.kafka.producer.no.such",
        "divolte.sinks.pubsub",
    ]


def test_every_setting_of_sources_and_mappings_is_known_here():
    ours = {"browser": BrowserSource, "json": JsonSource}
    for kind, options in SOURCES.items():
        known = {name.replace("javascript_", "javascript.", 1) for name in ours[kind].__struct_fields__} | {"type"}
        known |= {"javascript.debug", "http_response_delay", *(["javascript.auto_page_view_event"])}
        known |= {"javascript.event_timeout"}
        assert options.keys() <= known
    connected = {"schema_file", "mapping_script_file", "confluent_id"}
    assert MAPPING.keys() - connected <= set(Mapping.__struct_fields__)
    assert SINKS.keys() == {"hdfs", "gcs", "kafka", "gcps"}


def test_nothing_said_is_divoltes_default(read):
    found = read("divolte {}")
    assert found.settings == {
        "collector": {"sources": {"browser": {"type": "browser"}}, "sinks": {"hdfs": {"type": "avro_files"}}}
    }
    assert found.objects == []
    assert [remark.what for remark in found.remarks] == ["divolte.sinks.hdfs.file_strategy.publish_dir"]


def test_a_sink_that_divolte_does_not_use_is_not_used_here(read):
    found = read(
        "divolte {\n sources.s.type = browser\n sinks { h.type = hdfs, i.type = hdfs, k.type = kafka }\n"
        " mappings { a { sources = [s], sinks = [h, k] }, b { sources = [s], sinks = [k] } }\n}"
    )
    assert found.settings["collector"]["sinks"].keys() == {"h"}
    assert [each["name"] for each in found.objects] == ["a"]
    assert found.objects[0]["sinks"] == ["h"]
    assert {remark.what for remark in found.remarks} >= {"divolte.sinks.i", "divolte.sinks.k", "divolte.mappings.b"}


def test_a_mapping_without_a_script_makes_the_default_record(read):
    found = read(
        "divolte {\n sources.s.type = browser\n sinks.h.type = hdfs\n mappings.a { sources = [s], sinks = [h] } }"
    )
    assert found.objects == [{"kind": "mapping", "name": "a", "sources": ["s"], "sinks": ["h"]}]


def test_names_that_ours_cannot_have_are_changed_everywhere(read):
    found = read(
        'divolte {\n sources."my site".type = browser\n sinks."to.files".type = hdfs\n'
        ' mappings.a { sources = ["my site"], sinks = ["to.files"] } }'
    )
    assert found.settings["collector"]["sources"].keys() == {"my_site"}
    assert found.objects[0]["sources"] == ["my_site"]
    assert found.objects[0]["sinks"] == ["to_files"] == list(found.settings["collector"]["sinks"])
    assert sum("is called" in remark.reason for remark in found.remarks) == 2


ONE = (
    "divolte {{\n sources.s.type = browser\n sinks.h.type = hdfs\n mappings.a {{ sources = [s], sinks = [h]\n {} }} }}"
)


@pytest.mark.parametrize(
    "setting",
    [
        "mapping_script_file = /etc/passwd",
        "mapping_script_file = ../x.groovy",
        "mapping_script_file = none.groovy",
        'mapping_script_file = "a\\u0000"',
        "schema_file = /etc/hosts, mapping_script_file = my.groovy",
        "schema_file = my.groovy, mapping_script_file = my.groovy",
        "schema_file = my.avsc, mapping_script_file = my.avsc",
    ],
)
def test_files_of_a_mapping_are_those_beside_the_configuration(read, tmp_path, setting):
    with pytest.raises(InvalidHocon) as caught:
        read(ONE.format(setting), my_groovy=SCRIPT, my_avsc=SCHEMA)
    assert "root:" not in caught.value.reason
    assert str(tmp_path) in caught.value.place.file


def test_what_of_a_script_is_left_out_is_named_with_its_file_and_line(read, tmp_path):
    script = "mapping {\n  map partyId() onto 'f'\n\n  if (x) { }\n  map partyId() onto 'g'\n}"
    found = read(ONE.format("schema_file = my.avsc, mapping_script_file = my.groovy"), my_groovy=script, my_avsc=SCHEMA)
    assert [(remark.file, remark.line, remark.what) for remark in found.lost] == [
        (str(tmp_path / "my.groovy"), 4, "if (x) { }"),
        (str(tmp_path / "my.groovy"), 5, "map partyId() onto 'g'"),
    ]
    assert found.objects[0]["steps"] == [{"set": "f", "to": {"value": "party_id"}}]


def test_a_script_that_makes_nothing_makes_no_default_record(read):
    found = read(ONE.format("mapping_script_file = my.groovy"), my_groovy="mapping { }")
    assert found.objects[0]["steps"] == ["stop"]


def test_two_browser_sources_at_one_prefix_have_tags_of_different_names(read):
    text = """divolte.sources {
      a { type = browser }
      b { type = browser, event_suffix = other, javascript.name = other.js }
      c { type = browser, prefix = /c }
    }
    divolte.mappings { m { sources = [a, b, c], sinks = [] } }"""
    sources = read(text).settings["collector"]["sources"]
    assert {name: source.get("watchbell_name") for name, source in sources.items()} == {
        "a": None,
        "b": "watchbell-b.js",
        "c": None,
    }
    assert set(read_sources(sources)) == {"a", "b", "c"}
