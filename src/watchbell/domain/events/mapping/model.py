"""The language in which mappings are written: plain data, the same in YAML, in JSON and in the page.

A mapping names an Avro schema and a list of steps. For each event the steps run from the top; what they set becomes
the record, and the schema's defaults fill in the rest. Nothing here is executed: `reading` checks it against the schema
with every problem and its place, `compiled` turns it into functions.

    kind: mapping
    name: shop
    sources: [browser]              # names of sources; none: all
    sinks: [kafka]                  # names of sinks; none: all
    schema: {type: record, …}       # Avro; none: the default record
    define:                         # expressions by name, for `use`
      path: {uri: path, of: {value: location}}
    steps:
      - {set: timestamp, to: {value: timestamp}}
      - {set: page, to: {match: '/product/([0-9]+)/.*', of: {use: path}, group: 1}}
      - when: {equal: [{value: event_type}, "addToBasket"]}
        then:
          - {set: basket, to: {path: '$.items[*].id'}}
        otherwise:
          - {set: basket, to: {list: []}}
      - when: {agent: bot}
        then: [{drop: bots are of no interest}]

Steps
=====
Each is one of these.

    {set: <field>, to: <expression>}
        Sets a field of the record. An absent value leaves the field as it is. A later `set` replaces an earlier one.
    {when: <condition>, then: [<step>…], otherwise: [<step>…]}
        `otherwise` may be left out. An absent condition counts as false.
    {section: [<step>…]}            what `exit` leaves
    exit                            leaves the innermost section (through any `when`), or the mapping when in none
    stop                            ends the steps; the record is what was set so far
    {drop: <reason>}                ends the steps; there is no record. The reason is a text for people

Expressions
===========
A text, a number or a truth value stands for itself; a number takes the type of the field that it is for. Everything
else is an object with exactly one operator and the operator's further keys. Keys in brackets may be left out; `of` is
always an expression.

    value    {value: <name>}                a value of the event: see VALUES
    cookie   {cookie: <name>}               text; needs the request header `cookie` to be kept
    header   {header: <name>, [take]}       take: all (a list of texts; the default), first, last, comma_separated, or a
                                            number (0 is the first, -1 the last); values are split at commas, unquoted,
                                            whitespace made single, empty ones left out
    parameter {parameter: <name>, [empty: true]}
                                            the text of a custom parameter that is no list and no object; `empty`: ''
                                            instead of absent when it is missing or no scalar and the event has any
                                            parameters (Divolte's `eventParameters().value()`)
    path     {path: <JSONPath>, [of]}       JSON; of: parameters unless given. A definite path without a match is
                                            absent, an indefinite one ('*', '..', filters, slices, several indices or
                                            names) is a list, perhaps an empty one
    agent    {agent: <field>}               of the user agent: see AGENT_FIELDS
    place    {place: <field>, [of]}         of the client's address, or of one in a text: see PLACE_FIELDS
    parse    {parse: <type>, of}            int32, int64 (decimal digits, perhaps '-'; out of range: absent), fp32,
                                            fp64, bool (true when the text is 'true' in any case, else false), instant
                                            (ISO 8601 with offset, or UTC)
    uri      {uri: <part>, of, [strict]}    text: the whole text if it is a URI; scheme, host, port (an int), path,
                                            raw_path, query, raw_query, fragment, raw_fragment. `raw_`: as written;
                                            others with escapes decoded ('+' stays '+'). strict: true reads as
                                            java.net.URI does (illegal characters: all parts absent); otherwise as
                                            browsers write
    query    {query: <name>, of, [take], [strict]}
                                            of a URI: a query parameter; take: first (the default) or all (a list).
                                            '+' is a space; a name without '=' has the value ''
    query_map {query_map: <expression>, [strict]}
                                            of a URI: all query parameters, a map of lists of texts
    match    {match: <regex>, of, [group]}  whether the whole text matches (RE2); with `group` (number or name) what the
                                            group matched, absent when the text does not match
    digest   {digest: <algorithm>, pieces: [<expression>…], [seed], [key]}
                                            bytes; md5, sha-1, sha-224, sha-256, sha-384, sha-512, sha3-256, sha3-512.
                                            Absent pieces are skipped. With `seed` an HMAC whose key is derived
                                            from it by PBKDF2: key: full (the default; as long as the digest) or divolte
                                            (an eighth of that, for the same values as Divolte)
    encode   {encode: <form>, of}           bytes as text: hex, hex_upper, base64
    first_of {first_of: [<expression>…]}    the first that is present
    join     {join: [<expression>…], [with: <text>]}
                                            the texts of all that are present, one after another
    lower, upper, trim   {lower: <expression>}
    list     {list: [<expression>…]}        a list of those that are present
    use      {use: <name>}                  the expression of that name under `define`

Conditions
==========
Conditions are expressions whose value is a truth value: {match: …} without group, {value: corrupt}, {parse: bool, …},
true, false, and

    {present: <expression>}   {absent: <expression>}         never absent themselves
    {equal: [<expression>, <expression>]}                    two absent values are equal
    {less: [<expression>, <expression>]}   {greater: […]}    numbers, or texts by code point; absent if one is absent
    {in: [<literal>…], of: <expression>}                     absent if the expression is absent
    {and: [<condition>…]}  {or: [<condition>…]}              absent if any of them is absent
    {not: <condition>}                                       absent if it is absent

Types
=====
Types are boolean, int, long, float, double, text, bytes, instant, list, map of lists and JSON. A value fits a field of
the same Avro type, of its union with null, or of a wider one (int → long → float → double). Moreover:

    instant  long (milliseconds), timestamp-millis, timestamp-micros, date (the day in UTC)
    text     string, enum (a symbol, else the enum's default, else left unset), uuid, decimal
    int, long, double   decimal
    bytes    bytes, fixed of that size
    JSON     everything: records by name, maps, arrays, enums, bytes and fixed from base64, numbers from text and text
             from numbers, one value for an array of one and the other way round. null counts as absent

What does not fit only at run time leaves the field as it is. A field without a default that is still unset at the end
makes the event unmappable: it is rejected for this mapping and kept.
"""

from collections.abc import Mapping as AbstractMapping
from typing import Any, Final, Literal

from watchbell.domain.managed import Managed

STEPS_MAX: Final = 2000
"""Steps in one mapping, those inside others included."""
EXPRESSIONS_MAX: Final = 10_000
DEPTH_MAX: Final = 40
"""How deep steps and expressions may be nested; with the objects and lists around them, see `LEVELS_MAX`."""
LEVELS_MAX: Final = 100
"""How deep the data of a mapping may be nested: as other objects, but deeper."""
PATTERN_MAX: Final = 2000
"""Characters in a regular expression or a JSONPath."""

Compatibility = Literal["none", "backward", "forward", "full"]
"""backward: the new schema reads what was written; forward: the old one reads what will be written; full: both."""


class Mapping(Managed, frozen=True, kw_only=True):
    """How events of some sources become records of a schema."""

    sources: list[str] = []
    """Sources whose events it maps; none: all."""
    sinks: list[str] = []
    """Sinks that get the records; none: all."""
    schema: dict[str, Any] = {}
    """Avro schema of the record; none: the default record."""
    compatibility: Compatibility = "backward"
    """What a changed schema must keep: `backward`, `forward`, `full` or `none`."""
    define: dict[str, Any] = {}
    """Expressions by name, for `use`."""
    steps: list[Any] = []
    """What makes the record. None, and no schema: the default record as it always is."""
    parameters_schema: dict[str, dict[str, Any]] = {}
    """Event type → JSON Schema that its custom parameters must satisfy; `*` is for types without one."""
    discard_corrupted: bool = False
    """Leave out events whose checksum does not fit."""
    discard_duplicates: bool = False
    """Leave out events that were seen before."""
    enabled: bool = True
    """Whether it is used."""


VALUES: Final[AbstractMapping[str, tuple[str, str]]] = {
    "location": ("text", "address of the page; browser only, as the next one"),
    "referer": ("text", "where the page was reached from"),
    "event_type": ("text", "type of the event"),
    "first_in_session": ("boolean", "it opened a session"),
    "new_party": ("boolean", "it is the first of a new party"),
    "corrupt": ("boolean", "its checksum does not fit"),
    "duplicate": ("boolean", "it was seen before"),
    "timestamp": ("instant", "when the collector received it"),
    "client_timestamp": ("instant", "when it happened, by the client's clock"),
    "remote_host": ("text", "address of the client"),
    "viewport_width": ("int", "inner width of the window, CSS pixels; browser only, as the next four"),
    "viewport_height": ("int", "inner height of the window"),
    "screen_width": ("int", "width of the screen"),
    "screen_height": ("int", "height of the screen"),
    "pixel_ratio": ("double", "device pixels per CSS pixel"),
    "whole_pixel_ratio": ("int", "the same when it is a whole number, as Divolte has it"),
    "party_id": ("text", "the party"),
    "session_id": ("text", "the session"),
    "page_view_id": ("text", "the page view; browser only"),
    "event_id": ("text", "the event"),
    "user_agent": ("text", "the `User-Agent` header"),
    "source": ("text", "name of the source that received it"),
    "kind": ("text", "how it came: `browser`, `json` or `batch`"),
    "parameters": ("json", "all custom parameters"),
}
"""What `value` names: type and meaning."""

AGENT_FIELDS: Final[AbstractMapping[str, str]] = {
    "name": "text",
    "family": "text",
    "vendor": "text",
    "type": "text",
    "version": "text",
    "device_category": "text",
    "os_family": "text",
    "os_version": "text",
    "os_vendor": "text",
    "bot": "boolean",
}
"""What `agent` names: the type. All are absent when the event has no `User-Agent`."""

PLACE_FIELDS: Final[AbstractMapping[str, str]] = {
    "city_id": "int",
    "city_name": "text",
    "continent_code": "text",
    "continent_id": "int",
    "continent_name": "text",
    "country_code": "text",
    "country_id": "int",
    "country_name": "text",
    "latitude": "double",
    "longitude": "double",
    "metro_code": "int",
    "time_zone": "text",
    "most_specific_subdivision_code": "text",
    "most_specific_subdivision_id": "int",
    "most_specific_subdivision_name": "text",
    "postal_code": "text",
    "registered_country_code": "text",
    "registered_country_id": "int",
    "registered_country_name": "text",
    "represented_country_code": "text",
    "represented_country_id": "int",
    "represented_country_name": "text",
    "subdivision_codes": "texts",
    "subdivision_ids": "ints",
    "subdivision_names": "texts",
    "autonomous_system_number": "int",
    "autonomous_system_organization": "text",
    "domain": "text",
    "isp": "text",
    "organisation": "text",
    "anonymous_proxy": "boolean",
    "satellite_provider": "boolean",
}
"""What `place` names: the type."""
