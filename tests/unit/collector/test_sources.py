"""The setting `collector.sources`: what it makes, and every way in which it can be wrong."""

import pytest

from watchbell.collector.sources import BrowserSource, JsonSource, default_sources, read_sources
from watchbell.toolkit.settings import InvalidSettings

BROWSER = {"type": "browser"}


def problems(tables: object) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as caught:
        read_sources(tables)  # pyright: ignore[reportArgumentType] - what a file may hold
    return {problem.field.removeprefix("collector.sources."): problem.reason for problem in caught.value.problems}


def test_without_the_setting_the_paths_are_those_of_before():
    paths = {name: source.paths() for name, source in default_sources().items()}
    assert paths == {
        "browser": [
            ("event_suffix", "/csc-event"),
            ("javascript_name", "/divolte.js"),
            ("watchbell_name", "/watchbell.js"),
            ("event_suffix", "/csc-events"),
        ],
        "json": [("event_path", "/json-event")],
        "events": [("event_path", "/events")],
    }


def test_defaults_are_those_of_divolte():
    source = read_sources({"b": BROWSER})["b"]
    assert isinstance(source, BrowserSource)
    assert (source.prefix, source.event_suffix, source.javascript_name) == ("/", "csc-event", "divolte.js")
    assert (source.party_cookie, source.party_timeout) == ("_dvp", 730 * 86400)
    assert (source.session_cookie, source.session_timeout) == ("_dvs", 1800)
    assert (source.javascript_logging, source.auto_page_view_event, source.event_timeout) == (False, True, 0.75)
    json = read_sources({"j": {"type": "json"}})["j"]
    assert isinstance(json, JsonSource)
    assert (json.event_path, json.party_id_parameter, json.maximum_body_size) == ("/", "p", 4096)


def test_a_slash_is_added_to_a_prefix():
    source = read_sources({"b": {**BROWSER, "prefix": "/track"}})["b"]
    assert isinstance(source, BrowserSource)
    assert (source.event_path, source.batch_path) == ("/track/csc-event", "/track/csc-events")


@pytest.mark.parametrize(
    ("table", "key", "reason"),
    [
        ({}, "x.type", "must be one of browser, json, batch, nginx-log."),
        ({"type": "brwser"}, "x.type", "must be one of browser, json, batch, nginx-log."),
        ({**BROWSER, "prefx": "/"}, "x.prefx", "unknown setting"),
        ({**BROWSER, "prefix": 3}, "x.prefix", "Expected `str`, got `int`"),
        ({**BROWSER, "prefix": "track"}, "x.prefix", "is 'track', which is no path"),
        ({**BROWSER, "event_suffix": "../x"}, "x.event_suffix", "gives '/../x', which is no path"),
        ({**BROWSER, "event_suffix": ""}, "x.event_suffix", "must not be empty."),
        ({**BROWSER, "event_suffix": "ping"}, "x.event_suffix", "/ping belongs to the collector itself already"),
        ({**BROWSER, "javascript_name": "404.exe"}, "x.javascript_name", "must be letters, digits, _ and -, then .js."),
        ({**BROWSER, "party_cookie": "a b"}, "x.party_cookie", "is no name of a cookie"),
        ({**BROWSER, "session_cookie": "_dvp"}, "x.session_cookie", "is also the party's"),
        ({**BROWSER, "session_timeout": 0}, "x.session_timeout", "must be more than 0 seconds."),
        ({**BROWSER, "cookie_domain": "a;b"}, "x.cookie_domain", "is no domain"),
        ({**BROWSER, "cookie_same_site": "Laxx"}, "x.cookie_same_site", "Invalid enum value"),
        ({**BROWSER, "origins": ["https://a.example/"]}, "x.origins", "is no origin"),
        ({"type": "json", "maximum_body_size": 0}, "x.maximum_body_size", "must be 1 to"),
        ({"type": "json", "party_id_parameter": ""}, "x.party_id_parameter", "must not be empty."),
        ({"type": "json", "shared_key": "short"}, "x.shared_key", "is too short"),
        ({"type": "batch", "signing_key": "short"}, "x.signing_key", "is too short"),
        ({"type": "batch", "maximum_events": 0}, "x.maximum_events", "must be 1 to"),
        ({"type": "nginx-log"}, "x.log", "must be the whole path"),
        ("browser", "x", "is a table"),
    ],
)
def test_what_is_wrong_is_said_with_key_and_reason(table, key, reason):
    found = problems({"x": table})
    assert list(found) == [key]
    assert reason in found[key]


def test_a_name_is_a_word():
    assert "is no name for a source" in problems({"a b": BROWSER})["a b"]


def test_two_sources_of_one_path_are_an_error():
    found = problems({"a": BROWSER, "b": {**BROWSER, "javascript_name": "other.js", "watchbell_name": "new.js"}})
    assert found == {"b.event_suffix": "/csc-events belongs to the source a already. Choose another."}
    assert "belongs to the source j" in problems({"j": {"type": "json"}, "k": {"type": "json"}})["k.event_path"]


def test_two_readers_of_one_log_are_an_error():
    log = {"type": "nginx-log", "log": "/var/log/nginx/events.log"}
    assert problems({"a": log, "b": log}) == {"b.log": "is read by the source a already."}


def test_every_problem_is_said_at_once():
    assert set(problems({"a": {"type": "x"}, "b": {**BROWSER, "c": 1}, "d": {"type": "json", "event_path": "x"}})) == {
        "a.type",
        "b.c",
        "d.event_path",
    }


def test_a_secret_does_not_print():
    source = read_sources({"j": {"type": "json", "shared_key": "0123456789abcdef"}})["j"]
    assert "0123456789abcdef" not in repr(source)
