"""Operators that make a value of others: parse, uri, query, match, digest, encode, first_of, join, list and so on."""

import base64
from collections.abc import Callable
from typing import Any, Final

from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.digests import ALGORITHMS, KEYS, digester
from watchbell.domain.events.mapping.reading import TEXTUAL, Get, Memo, Operator, Reader, Typed, key_of
from watchbell.domain.events.mapping.scalars import PARSERS, text_of
from watchbell.domain.events.mapping.uri import Uri, decoded, parse, parse_strict, query_map

SEEDS_MAX: Final = 20
"""Different seeds in one mapping."""

_PARTS: Final[dict[str, Callable[[Uri], Any]]] = {
    "scheme": lambda uri: uri.scheme,
    "host": lambda uri: uri.host,
    "port": lambda uri: uri.port,
    "path": lambda uri: decoded(uri.path),
    "raw_path": lambda uri: uri.path,
    "query": lambda uri: decoded(uri.query),
    "raw_query": lambda uri: uri.query,
    "fragment": lambda uri: decoded(uri.fragment),
    "raw_fragment": lambda uri: uri.fragment,
}


def applied(function: Callable[[Any], Any], get: Get) -> Get:
    """A getter of what `function` makes of a value that is present."""

    def apply(event: Event, memo: Memo) -> Any:
        value = get(event, memo)
        return None if value is None else function(value)

    return apply


def _parse(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    name = reader.choice(data["parse"], f"{place}.parse", PARSERS)
    of = reader.text(data["of"], f"{place}.of", depth)
    if name is None or of is None:
        return None
    kind, function = PARSERS[name]
    return Typed(kind, applied(function, of.get), key_of("parse", name, of.key))


def _uri_of(reader: Reader, of: Typed, *, strict: bool) -> Get:
    return reader.shared(key_of("uri", strict, of.key), applied(parse_strict if strict else parse, of.get))


def _uri(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    name = reader.choice(data["uri"], f"{place}.uri", ("text", *_PARTS))
    of, strict = reader.text(data["of"], f"{place}.of", depth), reader.flag(data, "strict", place)
    if name is None or of is None or strict is None:
        return None
    uri, key = _uri_of(reader, of, strict=strict), key_of("uri", name, strict, of.key)
    if name == "text":
        text = of.get
        return Typed("text", lambda event, memo: None if uri(event, memo) is None else text(event, memo), key)
    return Typed("int" if name == "port" else "text", applied(_PARTS[name], uri), key)


def _query_of(reader: Reader, of: Typed, *, strict: bool) -> Get:
    uri = _uri_of(reader, of, strict=strict)
    return reader.shared(key_of("query", strict, of.key), applied(_parameters, uri))


def _parameters(uri: Uri) -> dict[str, list[str]] | None:
    return None if uri.query is None else query_map(uri.query)


def _query(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    name = data["query"]
    if not isinstance(name, str):
        return reader.wrong(f"{place}.query", "must be the name of a query parameter")
    of, strict = reader.text(data["of"], f"{place}.of", depth), reader.flag(data, "strict", place)
    take = reader.choice(data.get("take", "first"), f"{place}.take", ("first", "all"))
    if of is None or strict is None or take is None:
        return None
    query, key = _query_of(reader, of, strict=strict), key_of("query", name, take, strict, of.key)
    if take == "all":
        return Typed("list of text", applied(lambda found: found.get(name), query), key)
    return Typed("text", applied(lambda found: found[name][0] if name in found else None, query), key)


def _query_map(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    of, strict = reader.text(data["query_map"], f"{place}.query_map", depth), reader.flag(data, "strict", place)
    if of is None or strict is None:
        return None
    return Typed("map of lists", _query_of(reader, of, strict=strict), key_of("query_map", strict, of.key))


def _match(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    pattern = reader.pattern(data["match"], f"{place}.match")
    of = reader.text(data["of"], f"{place}.of", depth)
    if pattern is None or of is None:
        return None
    key = key_of("match", data["match"], of.key)
    whole = reader.shared(key, applied(lambda text: pattern.whole(text) or False, of.get))
    if "group" not in data:
        return Typed("boolean", applied(lambda found: found is not False, whole), key)
    group = data["group"]
    if isinstance(group, bool) or not isinstance(group, int | str) or not pattern.has_group(group):
        return reader.wrong(f"{place}.group", f"the expression has no group {group!r:.40}")
    return Typed("text", applied(lambda found: found.group(group) if found else None, whole), key_of(key, group))


def _digest(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    name = data["digest"].lower() if isinstance(data["digest"], str) else data["digest"]
    algorithm = reader.choice(name, f"{place}.digest", ALGORITHMS)
    key = reader.choice(data.get("key", "full"), f"{place}.key", KEYS)
    seed = reader.name(data["seed"], f"{place}.seed") if "seed" in data else None
    pieces = _pieces(reader, data["pieces"], f"{place}.pieces", depth, TEXTUAL | {"bytes"})
    if algorithm is None or key is None or pieces is None or (seed is None and "seed" in data):
        return None
    if seed is not None:
        reader.seeds.add((algorithm, seed, key))
        if len(reader.seeds) > SEEDS_MAX:
            return reader.wrong(f"{place}.seed", f"is one of more than {SEEDS_MAX}; deriving a key takes a while")
    function, gets = digester(algorithm, seed, key), [piece.get for piece in pieces]

    def get(event: Event, memo: Memo) -> bytes:
        return function(b"".join([_octets(each(event, memo)) for each in gets]))

    identity = key_of("digest", algorithm, seed, key, [piece.key for piece in pieces])
    return Typed("bytes", reader.shared(identity, get), identity)


def _octets(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    text = text_of(value)
    return b"" if text is None else text.encode("utf-8", "replace")


_FORMS: Final[dict[str, Callable[[bytes], str]]] = {
    "hex": lambda data: data.hex(),
    "hex_upper": lambda data: data.hex().upper(),
    "base64": lambda data: base64.b64encode(data).decode(),
}


def _encode(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    form = reader.choice(data["encode"], f"{place}.encode", _FORMS)
    of = reader.of(data["of"], f"{place}.of", depth, frozenset({"bytes"}), "bytes")
    if form is None or of is None:
        return None
    return Typed("text", applied(_FORMS[form], of.get), key_of("encode", form, of.key))


def _pieces(reader: Reader, data: Any, place: str, depth: int, kinds: frozenset[str] | None) -> list[Typed] | None:
    """Several expressions; with `kinds`, each of one of them. None when there was a problem."""
    listed = reader.list_of(data, place)
    if listed is None:
        return None
    found: list[Typed] = []
    for number, each in enumerate(listed):
        where = f"{place}[{number}]"
        piece = reader.read(each, where, depth + 1)
        if piece is not None and kinds is not None and piece.kind not in kinds:
            reader.wrong(where, f"must be a text, a number or a truth value, not {piece.kind}")
        elif piece is not None:
            found.append(piece)
    return found if len(found) == len(listed) else None


def _one_kind(reader: Reader, pieces: list[Typed], place: str) -> str | None:
    """The kind of all; numbers of several kinds are of the widest."""
    kinds = {piece.kind for piece in pieces}
    order = ("int", "long", "float", "double")
    if len(kinds) > 1 and kinds <= set(order):
        return max(kinds, key=order.index)
    if len(kinds) > 1:
        return reader.wrong(place, f"must all be of one type, not {' and '.join(sorted(kinds))}")
    return next(iter(kinds), "nothing")


def _first_of(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    pieces = _pieces(reader, data["first_of"], f"{place}.first_of", depth, None)
    if pieces is None:
        return None
    if not pieces:
        return reader.wrong(f"{place}.first_of", "needs at least one expression")
    kind = _one_kind(reader, pieces, f"{place}.first_of")
    if kind is None:
        return None
    gets = [piece.get for piece in pieces]

    def get(event: Event, memo: Memo) -> Any:
        for each in gets:
            value = each(event, memo)
            if value is not None:
                return value
        return None

    return Typed(kind, get, key_of("first_of", [piece.key for piece in pieces]))


def _join(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    pieces = _pieces(reader, data["join"], f"{place}.join", depth, TEXTUAL)
    glue = data.get("with", "")
    if not isinstance(glue, str):
        return reader.wrong(f"{place}.with", "must be a text")
    if pieces is None:
        return None
    gets = [piece.get for piece in pieces]

    def get(event: Event, memo: Memo) -> str | None:
        texts = [text for each in gets if (text := text_of(each(event, memo))) is not None]
        return glue.join(texts) if texts else None

    return Typed("text", get, key_of("join", glue, [piece.key for piece in pieces]))


def _list(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    pieces = _pieces(reader, data["list"], f"{place}.list", depth, None)
    kind = None if pieces is None else _one_kind(reader, pieces, f"{place}.list")
    if pieces is None or kind is None:
        return None
    gets = [piece.get for piece in pieces]

    def get(event: Event, memo: Memo) -> list[Any]:
        return [value for each in gets if (value := each(event, memo)) is not None]

    return Typed(f"list of {kind}", get, key_of("list", [piece.key for piece in pieces]))


def _changed(name: str, function: Callable[[str], str]) -> Operator:
    def read(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
        of = reader.text(data[name], f"{place}.{name}", depth)
        return None if of is None else Typed("text", applied(function, of.get), key_of(name, of.key))

    return _operator(read)


def _use(reader: Reader, data: dict[str, Any], place: str, _depth: int) -> Typed | None:
    return reader.use(data["use"], f"{place}.use")


def _operator(read: Any, *needs: str, may: tuple[str, ...] = ()) -> Operator:
    return Operator(frozenset(needs), frozenset(may), read)


OPERATORS: Final = {
    "parse": _operator(_parse, "of"),
    "uri": _operator(_uri, "of", may=("strict",)),
    "query": _operator(_query, "of", may=("take", "strict")),
    "query_map": _operator(_query_map, may=("strict",)),
    "match": _operator(_match, "of", may=("group",)),
    "digest": _operator(_digest, "pieces", may=("seed", "key")),
    "encode": _operator(_encode, "of"),
    "first_of": _operator(_first_of),
    "join": _operator(_join, may=("with",)),
    "lower": _changed("lower", str.lower),
    "upper": _changed("upper", str.upper),
    "trim": _changed("trim", str.strip),
    "list": _operator(_list),
    "use": _operator(_use),
}
