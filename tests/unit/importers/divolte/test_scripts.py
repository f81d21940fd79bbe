"""Mapping scripts, converted and run: the records are Divolte's. The scripts are ours, as its manual shows them."""

import json
from typing import Any

import msgspec
import pytest

from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.mapping.model import AGENT_FIELDS, PLACE_FIELDS
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.domain.events.place import Place
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.record import DefaultMapping
from watchbell.importers.divolte.script import convert_script
from watchbell.importers.divolte.terms import URI_PARTS

STRINGS = {"type": "array", "items": "string"}
ABSENT_MATCH = "match 'x' against referer()"

# V:mapping_scripts: the name of each case → a script, what the event has, and what else is expected.
SCRIPTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "stop at top level": ("map 'happened' onto 'client'\nstop()\nmap 'x' onto 'session'", {}, {}),
    "nested conditional stop": (
        """
        when location().equalTo('http://www.example.com') apply {
          map 'happened' onto 'client'
          when referer().isAbsent() apply {
            stop()
          }
          map 'x' onto 'session'
        }
        map 'x' onto 'session'
        """,
        {},
        {},
    ),
    "exit inside when inside section leaves the section only; following statements run": (
        """
        section {
          map 'happened' onto 'client'
          when referer().isAbsent() apply {
            map 'happened' onto 'pageview'
            section {
              map 'happened' onto 'event'
              when { location() equalTo 'http://www.example.com' } exit()
              map 'x' onto 'session'
            }
            exit()
          }
          map 'x' onto 'session'
        }
        map 'happened' onto 'customCookie'
        """,
        {},
        {},
    ),
    "chained absent values leave schema default": (
        "def u = parse referer() to uri\ndef q = u.query()\nmap q.value('q') onto 'queryparam'",
        {},
        {},
    ),
    "derived: and/or with an absent operand is absent (not false)": (
        f"map {{ def m = {ABSENT_MATCH}\n m.matches().or(true) }} onto 'unreliable'",
        {},
        {"unreliable": None},
    ),
    "literals of exact type": (
        """
        map 'string value' onto 'client'
        map true onto 'unreliable'
        map 42L onto 'queryparamLong'
        map 42I onto 'queryparamInteger'
        map 42.0D onto 'queryparamDouble'
        """,
        {},
        {
            "client": "string value",
            "unreliable": True,
            "queryparamLong": 42,
            "queryparamInteger": 42,
            "queryparamDouble": 42.0,
        },
    ),
    "cookie": (
        "map cookie('custom_cookie') onto 'customCookie'",
        {"headers": (("cookie", "custom_cookie=custom_cookie_value;"),)},
        {"customCookie": "custom_cookie_value"},
    ),
}


def test_every_script_of_the_vectors(vectors, run):
    cases = {case["name"]: case for case in vectors["mapping_scripts"]["cases"]}
    assert cases.keys() == SCRIPTS.keys()
    for name, (script, given, more) in SCRIPTS.items():
        record = run(script, **given)
        fields = {key: each for key, each in cases[name].get("expected", {}).items() if key in record}
        expected = {**fields, **more}
        assert expected, name
        assert {key: record[key] for key in expected} == expected, name


def test_the_default_mapping_written_as_a_script_makes_default_records(vectors, run, event):
    script = "\n".join(f"map {value} onto '{field}'" for field, value in vectors["default_mapping"].items())
    named = {name: f"the {name}" for name, kind in AGENT_FIELDS.items() if kind == "text"}
    agent = msgspec.convert(named, UserAgent)
    given = {
        "event_type": "pageView",
        "referer": "http://r.example/",
        "viewport_width": 1,
        "screen_height": 2,
        "page_view_id": "v",
        "user_agent": "agent",
        "agent": agent,
    }
    made = run(script, vectors["default_schema"]["avsc"], **given)
    assert made == DefaultMapping().record(event(**given))


def test_digests_of_the_vectors(vectors, value):
    for case in vectors["digest"]["cases"]:
        expression = case["expr"]
        if expression == "digest of (digest of nothing)":
            expression = "digest('sha-256').add(digest('sha-256').result()).result()"
        given = {"event_id": case.get("eventId", "e")}
        expected, kind = (case["base64"], "string") if "base64" in case else (case["hex"], "string")
        if expression.endswith(".result()"):
            expected, kind = bytes.fromhex(case["hex"]), "bytes"
            assert value(f"{expression}.toHexUpper()", **given) == case["hex"].upper()
        assert value(expression, kind, **given) == expected


def test_event_parameters_of_the_vectors(vectors, value, run):
    for case in vectors["event_parameter_mapping"]["cases"]:
        given = {"raw_parameters": json.dumps(case["parameters"]).encode()}
        kind = case.get("avro_type", "boolean")
        if isinstance(kind, str) and kind.startswith("record{"):
            assert run("map eventParameters() onto 'paramRecord'", **given)["paramRecord"] == case["result"]
            continue
        expected = None if str(case["result"]).startswith("(runtime mismatch") else case["result"]
        assert value(case["mapping"], kind, **given) == expected, case["mapping"]


def test_parts_of_uris_of_the_vectors(vectors, value):
    kinds = {"port": "int", "query": {"type": "map", "values": STRINGS}, "query.valueList(p)": STRINGS}
    for case in vectors["uri_mapping"]["cases"]:
        for name, expected in case.items():
            if name in {"uri", "note"}:
                continue
            call = f"{name[:-1]}')".replace("(", "('") if name.endswith(")") else f"{name}()"
            call = call.replace("query.", "query().", 1)
            assert value(f"u.{call}", kinds.get(name, "string"), location=case["uri"]) == expected, name


def test_uris_are_read_as_strictly_as_java_reads_them(vectors, value):
    for case in vectors["java_uri_semantics"]["cases"]:
        assert value("u.isPresent()", "boolean", location=case["uri"]) is case["parses"]
        for name in URI_PARTS.keys() & case.keys() - {"port"}:
            assert value(f"u.{name}()", location=case["uri"]) == case[name]


def test_regular_expressions_of_the_vectors(vectors, run):
    case = vectors["regex_mapping"]
    script = f"""
      def m = match '{case["regex"]}' against location()
      map m.matches() onto 'unreliable'
      map m.group(1) onto 'client'
      map {{ m.group('page') }} onto 'pageview'
    """.replace("\\", "\\\\")
    record = run(script, location=case["input"])
    assert (record["unreliable"], record["client"], record["pageview"]) == (True, "42", "about")


def test_headers_of_the_vectors(vectors, value):
    several = vectors["header_value_normalisation"]["multi_header_case"]
    headers = tuple(("x-divolte-test", line) for line in several["headers"])
    assert value("header('X-Divolte-Test')", STRINGS, headers=headers) == several["values"]
    case = vectors["header_value_normalisation"]["accessors"]
    headers = tuple(("x-divolte-test", line) for line in case["headers"])
    for name in ("first", "last", "commaSeparated"):
        assert value(f"header('X-Divolte-Test').{name}()", headers=headers) == case[name]
    for index, expected in case["get"].items():
        assert value(f"header('X-Divolte-Test').get({index})", headers=headers) == expected


def test_every_field_of_a_place_in_the_vectors(vectors, run):
    expected = vectors["geo_mapping"]["expected_fields"]
    words = {field: field[3].lower() + field[4:] for field in expected}
    words["geoAutonomousSystemOrganization"] = "autonomousSystemOrganization"
    script = "\n".join(f"map ip2geo().{word}() onto '{field}'" for field, word in words.items())
    snake = {field: "".join(f"_{c.lower()}" if c.isupper() else c for c in word) for field, word in words.items()}
    assert set(snake.values()) <= PLACE_FIELDS.keys()
    as_given = {name: tuple(found) if isinstance(found, list) else found for name, found in expected.items()}
    place = msgspec.convert({snake[field]: found for field, found in as_given.items()}, Place)
    assert {field: run(script, place=place)[field] for field in expected} == expected
    other = script.replace("ip2geo()", "ip2geo('1.2.3.4')")
    asked: list[str] = []

    def lookup(address: str) -> Place:
        asked.append(address)
        return place

    made = run(other, lookups=Lookups(place_of=lookup))
    assert {field: made[field] for field in expected} == expected
    assert set(asked) == {"1.2.3.4"}


def test_every_field_of_a_user_agent(vectors, run):
    agent = vectors["user_agent"]["expected"]
    snake = {name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in agent}
    fields = {name: f"userAgent{name[0].upper()}{name[1:]}" for name in agent}
    script = "def a = userAgent()\n" + "\n".join(f"map a.{name}() onto '{field}'" for name, field in fields.items())
    parsed = UserAgent(**{snake[name]: found for name, found in agent.items()})
    record = run(script, user_agent=vectors["user_agent"]["user_agent"], agent=parsed)
    assert {name: record[field] for name, field in fields.items()} == agent


def test_every_simple_value(run):
    script = """
    map duplicate() onto 'dupe'
    map corrupt() onto 'unreliable'
    map clientTimestamp() onto 'queryparamLong'
    map timestamp() onto 'pathLong'
    map viewportPixelWidth() onto 'viewportWidth'
    map viewportPixelHeight() onto 'viewportHeight'
    map screenPixelWidth() onto 'screenWidth'
    map screenPixelHeight() onto 'screenHeight'
    map devicePixelRatio() onto 'pixelRatio'
    map partyId() onto 'client'
    map sessionId() onto 'session'
    map pageViewId() onto 'pageview'
    map eventId() onto 'event'
    map userAgentString() onto 'userAgentString'
    map eventType() onto 'eventType'
    map referer() onto 'referer'
    map location() onto 'location'
    map remoteHost() onto 'remoteHost'
    """
    record = run(
        script,
        duplicate=True,
        corrupt=True,
        viewport_width=1,
        viewport_height=2,
        screen_width=3,
        screen_height=4,
        pixel_ratio=2.0,
        page_view_id="v",
        user_agent="ua",
        event_type="t",
        referer="r",
    )
    assert record["dupe"] is record["unreliable"] is True
    assert (record["queryparamLong"], record["pathLong"]) == (1_700_000_000_000, 1_700_000_000_123)
    assert [record[f"viewport{each}"] for each in ("Width", "Height")] == [1, 2]
    assert [record[f"screen{each}"] for each in ("Width", "Height")] == [3, 4]
    assert record["pixelRatio"] == 2
    assert [record[name] for name in ("client", "session", "pageview", "event")] == [
        "0:1:party",
        "0:1:session",
        "v",
        "page0",
    ]
    assert [record[name] for name in ("userAgentString", "eventType", "referer", "location", "remoteHost")] == [
        "ua",
        "t",
        "r",
        "http://www.example.com",
        "192.0.2.1",
    ]


def test_a_browsers_values_are_absent_for_json(value):
    assert value("location().isAbsent()", "boolean", kind=RawKind.JSON, location=None) is True


@pytest.mark.parametrize(
    ("kind", "text", "avro", "expected"),
    [
        ("int32", "-12", "int", -12),
        ("int32", "2147483648", "int", None),
        ("int64", "2147483648", "long", 2147483648),
        ("fp32", "1.5", "float", 1.5),
        ("fp64", "1e3", "double", 1000.0),
        ("bool", "TRUE", "boolean", True),
        ("bool", "yes", "boolean", False),
    ],
)
def test_parsed_values(value, kind, text, avro, expected):
    assert value(f"{{ parse u.query().value('x') to {kind} }}", avro, location=f"http://h/?x={text}") == expected


def test_conditions(value):
    present, absent = "location().isPresent()", "referer().isPresent()"
    for expression, expected in {
        present: True,
        absent: False,
        f"{present}.and({absent})": False,
        f"{present}.or({absent})": True,
        f"not({absent})": True,
        f"{{ not {absent} }}": True,
        "location().equalTo('http://www.example.com')": True,
        "referer().equalTo(userAgentString())": True,
        "{ location() equalTo 'other' }": False,
        f"{{ def m = {ABSENT_MATCH}\n m.matches().and({present}) }}": None,
    }.items():
        assert value(expression, "boolean") is expected, expression


def test_parameters_by_name(value):
    given = {"raw_parameters": b'{"a": "x", "n": 1, "o": {}}'}
    for name, expected in {"a": "x", "n": "1", "o": "", "none": ""}.items():
        assert value(f"eventParameters().value('{name}')", **given) == expected
        assert value(f"eventParameter('{name}')", **given) == expected


def test_a_shops_mapping(run):
    """In the style of a web shop: sections for groups of pages, a product page by its address, a basket from events."""
    script = """
      // Who and when
      map partyId() onto 'client'
      map sessionId() onto 'session'

      def page = parse location() to uri
      def params = page.query()

      /* What kind of page this is */
      section {
        when page.path().equalTo('/') apply {
          map 'home' onto 'contentPage'
          exit()
        }
        def product = match '^/([a-z]+)/([a-z-]+)/([0-9]+)$' against page.path()
        when product.matches() apply {
          map 'product' onto 'contentPage'
          map product.group(1) onto 'toplevelCategory'
          map product.group(2) onto 'subCategory'
          map { parse product.group(3) to int32 } onto 'pathInteger'
          exit()
        }
        map 'other' onto 'contentPage'
      }

      section {
        when eventType().isAbsent() exit()
        when eventType().equalTo('addToBasket') apply {
          map eventParameters().value('productId') onto 'paramValue'
          def count = parse eventParameters().value('count') to int32
          map count onto 'paramIntValue'
          map eventParameters().path('$.items[*].price') onto 'itemPrices'
        }
      }
      map params.value('q') onto 'queryparam'
    """
    home = run(script, location="https://shop.example/?q=red+shoes", event_type="pageView")
    assert (home["contentPage"], home["queryparam"], home["pathInteger"]) == ("home", "red shoes", -1)
    basket = run(
        script,
        location="https://shop.example/shoes/red-ones/42",
        event_type="addToBasket",
        raw_parameters=b'{"productId": "p1", "count": 3, "items": [{"price": 1.5}, {"price": 2}]}',
    )
    assert [basket[name] for name in ("contentPage", "toplevelCategory", "subCategory")] == [
        "product",
        "shoes",
        "red-ones",
    ]
    assert (basket["pathInteger"], basket["paramValue"], basket["paramIntValue"]) == (42, "p1", 3)
    assert basket["itemPrices"] == [1.5, 2.0]
    assert run(script, location="https://shop.example/x")["contentPage"] == "other"


def test_lists_are_unrolled(run):
    script = """
      ['client', 'session'].each { field ->
        map digest('sha-256', "seed-$field").add(eventId()).result().toHexLower() onto field
      }
      [1, 2, 3].each { map "value ${it}" onto 'pageview' }
      ['a'].each { named -> map "$named and $it" onto 'event' }
    """
    record = run(script)
    assert record["client"] != record["session"]
    assert len(record["client"]) == 64
    assert record["pageview"] == "value 3"
    assert record["event"] == "a and null"


def test_a_value_that_is_used_often_is_written_once():
    long = "parse match('^http://(.*)$').against(location()).group(1) to uri"
    mapping = "\n".join(f"map host.path() onto '{field}'" for field in ("client", "session", "pageview"))
    text = f"mapping {{\ndef host = {long}\n{mapping}\n}}"
    steps, define, lines = convert_script(text).rendered()
    assert define.keys() == {"host"}
    assert [step["to"]["of"] for step in steps] == [{"use": "host"}] * 3
    assert lines == {"steps[0]": 3, "steps[1]": 4, "steps[2]": 5, "define.host": 2}
