"""StatusCake: an uptime test that is down, or up again (a form, or JSON).

`Status` UP is normal; DOWN is major unless the query string gives another `severity`. With a secret in
`webhooks.secrets`, which is the user's name and the API key written together, the field `Token` must be its MD5, as
StatusCake makes it.
"""

import hashlib

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.form import form, is_form
from watchbell.toolkit.incoming import attributes, decode, text_of, words
from watchbell.toolkit.verifying import must_match


class StatusCake:
    """Uptime tests of StatusCake."""

    name = "statuscake"
    title = "StatusCake"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        given = _fields(call)
        for field in ("Name", "Status"):
            if not given.get(field):
                raise Invalid("is missing", field)
        up = given["Status"].upper() == "UP"
        about = given.get("URL") or given["Name"]
        return [
            Signal(
                id=new_id(),
                environment=call.query.get("environment", "Production"),
                resource=given["Name"],
                event="AppDown",
                severity="normal" if up else call.query.get("severity", "major"),
                service=("StatusCake",),
                group="Application",
                value=given.get("StatusCode") or None,
                text=f"{about} is {'up' if up else 'down'}",
                tags=words(given.get("Tags", "")),
                attributes=attributes({"checkRate": given.get("Checkrate"), "ip": given.get("IP")}),
                origin="statuscake",
                create_time=call.received,
                raw_data={name: value for name, value in given.items() if name != "Token"},
            )
        ]

    def verify(self, call: Call, secret: str) -> None:
        """The token is made of the account, not of the message: it proves who sent it, not when."""
        # StatusCake's own way; the secret is compared, nothing rests on MD5 being hard to collide.
        expected = hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()
        must_match(_fields(call).get("Token", ""), expected=expected)


def _fields(call: Call) -> dict[str, str]:
    if is_form(call):
        return form(call)
    return {
        name: ",".join(map(text_of, value)) if isinstance(value, list) else text_of(value)
        for name, value in decode(dict[str, str | int | float | bool | list[str] | None], call.body).items()
    }
