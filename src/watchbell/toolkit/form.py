"""The fields of a form that a vendor posts, urlencoded or multipart."""

from urllib.parse import parse_qsl

from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call
from watchbell.toolkit.mime import parameters, part_of, split

FIELDS_MAX = 500
FILES_MAX = 500
_LINES_MAX = 20  # of a field's headers


def is_form(call: Call) -> bool:
    """Whether the body says that it is one."""
    return call.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}


def form(call: Call) -> dict[str, str]:
    """The fields by name, the last of each; files are left out.

    Raises:
        Invalid: it is not a form.
    """
    if call.content_type == "multipart/form-data":
        return _multipart(call)
    try:
        pairs = parse_qsl(call.body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise Invalid(f"is not a form: {error}", "body") from None
    return dict(pairs)


def _multipart(call: Call) -> dict[str, str]:
    boundary = parameters(call.headers["content-type"])[1].get("boundary", "")
    found: dict[str, str] = {}
    files = parts = 0
    for parts, raw in enumerate(split(call.body, boundary) if boundary else (), 1):
        part = part_of(raw, _LINES_MAX)
        given = part.parameters("content-disposition")[1]
        if "name" not in given or "filename" in given or "filename*" in given:
            files += 1
        elif parts - files > FIELDS_MAX:
            raise Invalid(f"has more than {FIELDS_MAX} fields", "body")
        else:
            found[given["name"]] = part.content(len(part.body)).decode(errors="replace")
        if files > FILES_MAX:
            raise Invalid(f"has more than {FILES_MAX} files", "body")
    if not parts:
        raise Invalid("is not a multipart form", "body")
    return found
