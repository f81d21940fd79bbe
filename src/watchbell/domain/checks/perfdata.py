"""What a Nagios plug-in printed: one line for people, more lines, and performance data.

    SUMMARY | name=value[unit];warning;critical;minimum;maximum ...
    more text
    more text | more performance data
    still more performance data

Names may be quoted with '...'; a quote inside is doubled. Numbers may have a decimal comma. What cannot be read as a
number (`U` included) is left out; the rest stands. Nothing here raises.
"""

import math
import re

from watchbell.domain.checks.result import READINGS_LIMIT, Reading

# The lengths are bounded so that hostile output costs no more than honest output of the same size.
_LABEL = re.compile(r"\s{0,9}(?:'((?:[^']|''){0,200})'|([^\s='][^=]{0,200}?))\s{0,9}=(\S*)")
_JUNK = re.compile(r"\s*\S+")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def parse_output(text: str) -> tuple[str, str, tuple[Reading, ...]]:
    """Split a plug-in's output into (summary, details, readings)."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    first, _, rest = text.strip("\n").partition("\n")
    summary, _, numbers = first.partition("|")
    details, bar, more = rest.partition("|")
    if bar:
        numbers = f"{numbers} {more}"
    return summary.strip(), details.strip("\n").rstrip(), parse_readings(numbers.replace("\n", " "))


def parse_readings(text: str) -> tuple[Reading, ...]:
    """Performance data in the order in which it was printed."""
    found: list[Reading] = []
    position = 0
    while position < len(text) and len(found) < READINGS_LIMIT:
        match = _LABEL.match(text, position)
        if match is None:
            junk = _JUNK.match(text, position)
            if junk is None:
                break
            position = junk.end()
            continue
        position = match.end()
        name = match[1].replace("''", "'") if match[1] is not None else match[2].split()[-1]
        reading = _reading(name.strip(), match[3])
        if reading is not None:
            found.append(reading)
    return tuple(found)


def _reading(name: str, text: str) -> Reading | None:
    parts = [*text.rstrip(",").split(";"), "", "", "", ""]
    match = _NUMBER.match(parts[0])
    value = _number(parts[0][: match.end()]) if match else None
    if match is None or value is None or not name:
        return None
    return Reading(
        name=name,
        value=value,
        unit=parts[0][match.end() :][:20],
        warning=parts[1][:50],
        critical=parts[2][:50],
        minimum=_number(parts[3]),
        maximum=_number(parts[4]),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
