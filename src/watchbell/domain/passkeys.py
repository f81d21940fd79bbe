"""Passkeys (WebAuthn): what is kept of one, and where the pages must stand for browsers to offer them."""

import ipaddress
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

PASSKEYS_MAX = 10
"""So many passkeys somebody may have."""
NAME_MAX = 100
"""Characters of a passkey's name."""
CHALLENGE_BYTES = 32


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's passkey.

    `credential` is the id that its device made up, `public_key` its COSE key, both in base64url. `counter` is the
    newest that its device signed; many devices always say 0. `transports` are the device's words for how it is reached.
    """

    id: str
    user_id: str
    name: str
    credential: str
    public_key: str
    counter: int
    transports: tuple[str, ...] = ()
    created_at: datetime
    last_used: datetime | None = None


class RelyingParty(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for passkeys: `id` is the host that they belong to, `origin` the only one whose pages may use them.

    `missing` says why there is none; empty when all is well.
    """

    id: str = ""
    origin: str = ""
    missing: str = ""


def relying_party(base_url: str) -> RelyingParty:
    """What the address of the pages makes of us.

    Passkeys are bound to a host's name, and browsers offer them to pages by `https` and on the machine itself only.
    """
    if not base_url:
        return _none("is not set: it must say where people reach the pages, by https and a name")
    try:
        url = urlsplit(base_url)
        host = (url.hostname or "").encode("idna").decode()
        port = url.port
    except ValueError:
        return _none("cannot be read")
    local = host == "localhost" or host.endswith(".localhost")
    if not host or _is_number(host):
        return _none("must have a name in it, not an IP address (for a try, http://localhost:8080)")
    if url.scheme != "https" and not (url.scheme == "http" and local):
        return _none("must begin with https (http is enough for localhost only)")
    usual = port is None or port == (443 if url.scheme == "https" else 80)
    return RelyingParty(id=host, origin=f"{url.scheme}://{host}" + ("" if usual else f":{port}"))


def went_on(before: int, now: int) -> bool:
    """Whether a counter went on, as it does unless the passkey was copied. Devices that do not count say 0."""
    return now > before or now == before == 0


def _none(why: str) -> RelyingParty:
    return RelyingParty(missing=f"Passkeys are off: the setting server.base_url {why}.")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
