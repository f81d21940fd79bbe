"""Messages as mail has them (RFC 5322, MIME), forms as well, in time that grows with their length and nothing else.

The readers of the standard library need a millisecond for each header, and the square of what a sender may choose:
addresses, parameters, parts inside parts. Here what is beyond the limits is left out.
"""

import codecs
import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator
from typing import Final, NamedTuple

from watchbell.domain.errors import Invalid

HEAD_MAX: Final = 131_072
"""Bytes of headers that are read."""
LINES_MAX: Final = 2000
"""Lines of headers that are read of a message."""
_LINES_OF_PARTS: Final = 50
_PARAMETERS_MAX: Final = 2000  # characters of a header that has parameters
_PARTS_MAX: Final = 200
_DEPTH_MAX: Final = 6
_MARKS_MAX: Final = 10_000  # lines of a body that begin as its boundary does

_SLOW: Final = frozenset({"punycode", "idna"})
"""For names of hosts, not for texts: reading them takes the square of their length."""
_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;]*+))', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ENCODED = re.compile(r"=\?([\w.:*-]{1,60})\?([bBqQ])\?([^?]*+)\?=")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


class Part(NamedTuple):
    """A message, or one of its parts: its headers by name in small letters, the first of each, and what follows."""

    headers: dict[str, str]
    body: bytes

    def parameters(self, header: str) -> tuple[str, dict[str, str]]:
        """The value of a header in small letters, and its parameters by name."""
        return parameters(self.headers.get(header, ""))

    @property
    def media_type(self) -> str:
        """`text/plain` unless it says another."""
        found = self.parameters("content-type")[0]
        return found if found.count("/") == 1 else "text/plain"

    def content(self, most: int) -> bytes:
        """The body without its transfer encoding, of at most that many bytes before."""
        given = self.body[:most]
        encoding = self.headers.get("content-transfer-encoding", "").strip().lower()
        if encoding == "base64":
            return _from_base64(given)
        return a2b_qp(given) if encoding == "quoted-printable" else given


def part_of(raw: bytes, lines: int = LINES_MAX) -> Part:
    """A message: headers up to an empty line, or up to a line that is none; then its body."""
    found: dict[str, list[bytes]] = {}
    folded: list[bytes] = []
    at = 0
    for _ in range(lines):
        if at > HEAD_MAX:
            break
        end = raw.find(b"\n", at) + 1 or len(raw)
        line = raw[at:end].rstrip(b"\r\n")
        name, colon, value = line[:HEAD_MAX].partition(b":")
        if not line:
            return Part(_texts(found), raw[end:])
        if line[:1] in {b" ", b"\t"} and at:
            folded.append(line[:HEAD_MAX])
        elif colon and _NAME.fullmatch(name):
            folded = [value]
            found.setdefault(name.decode("ascii").lower(), folded)
        elif at or not line.startswith(b"From "):  # as the first line a mailbox has it
            return Part(_texts(found), raw[at:])
        at = end
    return Part(_texts(found), _below(raw, at))


def _texts(found: dict[str, list[bytes]]) -> dict[str, str]:
    return {name: b"".join(values).decode("utf-8", "replace") for name, values in found.items()}


def _below(raw: bytes, at: int) -> bytes:
    """What comes after the next empty line."""
    ends = [found + len(mark) for mark in (b"\n\n", b"\n\r\n") if (found := raw.find(mark, max(0, at - 1))) >= 0]
    return raw[min(ends) :] if ends else b""


def leaves(message: Part) -> Iterator[Part]:
    """The parts that have no parts, in their order; of those that belong together (`multipart/related`) the first."""
    waiting: list[tuple[Part | bytes, int]] = [(message, 0)]
    for _ in range(_PARTS_MAX):
        if not waiting:
            return
        taken, depth = waiting.pop()
        part = taken if isinstance(taken, Part) else part_of(taken, _LINES_OF_PARTS)
        media, given = part.parameters("content-type")
        if not media.startswith("multipart/"):
            yield part
        elif depth < _DEPTH_MAX and given.get("boundary"):
            inner: list[bytes] = []
            for each in split(part.body, given["boundary"]):
                inner.append(each)
                if media == "multipart/related" or len(inner) == _PARTS_MAX:
                    break
            waiting.extend((each, depth + 1) for each in reversed(inner))


def split(body: bytes, boundary: str) -> Iterator[bytes]:
    """What stands between the boundary's lines; what comes before the first is left out.

    Raises:
        Invalid: too many lines begin as the boundary does.
    """
    text, mark = b"\n" + body, b"\n--" + boundary.encode()
    begin, at = -1, 0
    for _ in range(_MARKS_MAX):
        at = text.find(mark, at)
        if at < 0:
            break
        end = text.find(b"\n", at + len(mark))
        end = len(text) if end < 0 else end
        rest = text[at + len(mark) : end].strip()
        if rest in {b"", b"--"}:
            if begin >= 0:
                yield text[begin:at].removesuffix(b"\r")
            begin = -1 if rest else end + 1
            if rest:
                return
        at = end
    else:
        raise Invalid(f"has more than {_MARKS_MAX} lines that begin as its boundary does", "body")
    if begin >= 0:
        yield text[begin:]


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=utf-8` as the value in small letters, and the parameters by name."""
    given = value[:_PARAMETERS_MAX]
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(given):
        quoted = match[2]
        found.setdefault(match[1].lower(), match[3] if quoted is None else _ESCAPED.sub(r"\1", quoted))
    return given.partition(";")[0].strip().lower(), found


def decoded(data: bytes, charset: str) -> str:
    """Bytes as text; a charset that nobody knows is UTF-8."""
    try:
        known = codecs.lookup(charset or "utf-8").name
        return data.decode("utf-8" if known in _SLOW else known, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def words_of(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) as what they mean."""
    pieces: list[str] = []
    pending, charset, at = b"", "", 0
    for found in _ENCODED.finditer(value):
        between = value[at : found.start()]
        at = found.end()
        data = _word(found[2], found[3])
        said = found[1].partition("*")[0].lower()
        if between.strip() or not pending or said != charset:
            pieces.append(decoded(pending, charset))
            # Blanks between encoded words are none of the text.
            pieces.append(between if between.strip() or len(pieces) == 1 else "")
            pending, charset = b"", said
        pending += data
    return "".join([*pieces, decoded(pending, charset), value[at:]])


def _word(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return _from_base64(data) if encoding in "bB" else a2b_qp(data, header=True)


def _from_base64(data: bytes) -> bytes:
    """What can be read of it: mail that was cut off, or lost its padding, is still read."""
    clean = data.translate(None, _NOT_BASE64)
    clean = clean[:-1] if len(clean) % 4 == 1 else clean
    try:
        return a2b_base64(clean + b"=" * (-len(clean) % 4))
    except Error:
        return b""
