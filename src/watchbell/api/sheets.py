"""Lines of CSV that a spreadsheet shows and never executes."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

import msgspec

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins with one of these, also behind blanks, would be computed; the last four are wide forms."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_BLANK = " \u00a0\u200b\ufeff"


def line(cells: Iterable[Any]) -> bytes:
    """One line, with its end: texts as they are, lists and objects as JSON, nothing for null."""
    text = io.StringIO()
    csv.writer(text).writerow([cell(each) for each in cells])
    return text.getvalue().encode()


def cell(value: Any) -> str:
    """What a cell shows: what a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(value, str):
        text = value
    else:
        text = "" if value is None or value in ([], (), {}) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.lstrip(_BLANK).startswith(FORMULA) and not _NUMBER.fullmatch(text) else text
