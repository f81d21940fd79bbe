"""The fields of a form that a vendor posts, urlencoded or multipart."""

from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call

FIELDS_MAX = 500


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
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode("ascii", "replace")
    whole = BytesParser(policy=HTTP).parsebytes(head + call.body)
    if not whole.is_multipart():
        raise Invalid("is not a multipart form", "body")
    found: dict[str, str] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str) or part.get_filename() is not None:
            continue
        if len(found) >= FIELDS_MAX:
            raise Invalid(f"has more than {FIELDS_MAX} fields", "body")
        content = part.get_payload(decode=True)
        found[name] = content.decode(errors="replace") if isinstance(content, bytes) else ""
    return found
