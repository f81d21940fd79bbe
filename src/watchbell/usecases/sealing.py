"""Secrets inside objects: sealed when they are written, kept when dots come back, never accepted sealed from outside.

A sealed text from outside is refused: whoever had come by one could else have it opened by a check or channel of their
own. For the same reason dots keep nothing when the object is to send it elsewhere: whoever may write objects may not
read their secrets by pointing them at a server of their own.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from watchbell.domain.errors import Fault, Faulty, Permanent
from watchbell.domain.plan import MASK
from watchbell.ports.vault import Vault

SEALED = "sealed:"
DESTINATION = (
    *("url", "host", "port", "server", "address", "endpoint", "proxy", "command", "environment"),
    *("security", "verify_tls", "ca_file"),
)
"""Settings that say where secrets are sent, and whether on the way they can be read."""
_NONE: Mapping[str, Any] = {}
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


def seal(
    body: dict[str, Any],
    before: dict[str, Any] | None,
    secrets: frozenset[str],
    vault: Vault,
    defaults: Mapping[str, Any] = _NONE,
) -> dict[str, Any]:
    """The body with the settings named in `secrets` sealed; dots become what `before` has at the same place.

    A secret that is given again unchanged keeps its sealed form, so that it does not look like a change. What was
    stored in clear, before its setting became a secret, is sealed. `defaults` are the settings' values where none is
    given.

    Raises:
        Faulty: dots stand where nothing is stored, or a text is sealed already.
    """
    config = body.get("config")
    if not secrets or not isinstance(config, dict):
        return body
    kept = _mapping((before or {}).get("config"))
    moved = _moved(body, before or {}, vault, defaults)
    faults: list[Fault] = []

    def seal_text(text: str, stored: Any, path: str) -> str:
        fault = _fault(text, stored, moved, path)
        if fault is not None:
            faults.append(fault)
            return ""
        if text == MASK or (isinstance(stored, str) and stored and _opened(stored, vault) == text):
            return vault.seal(stored)
        return vault.seal(text) if text else ""

    sealed: dict[str, Any] = {
        name: _each(value, kept.get(name), f"config.{name}", seal_text) if name in secrets else value
        for name, value in _mapping(config).items()
    }
    if faults:
        raise Faulty(faults)
    return {**body, "config": sealed}


def _fault(text: str, stored: Any, moved: str, path: str) -> Fault | None:
    """What is wrong with a secret that is given: it is sealed already, or dots keep nothing."""
    if text.startswith(SEALED):
        return Fault(field=path, reason=f"must not begin with {SEALED!r}")
    if text != MASK:
        return None
    if not isinstance(stored, str) or not stored:
        return Fault(field=path, reason="dots stand for a stored secret, and none is stored", fix="give the secret")
    if moved:
        reason = f"the stored secret was given for another {moved}"
        return Fault(field=path, reason=reason, fix="give the secret again")
    return None


def _moved(body: dict[str, Any], before: dict[str, Any], vault: Vault, defaults: Mapping[str, Any]) -> str:
    """The setting by which the object's secrets would go elsewhere than before, or ''."""
    for name in ("type", "host"):
        if name in before and body.get(name) != before[name]:
            return name
    config, kept = _mapping(body.get("config")), _mapping(before.get("config"))
    for name in DESTINATION:
        given, stored = config.get(name, defaults.get(name)), kept.get(name, defaults.get(name))
        if given == MASK:
            continue
        if _place(given) != _place(_opened(stored, vault) if isinstance(stored, str) else stored):
            return name
    return _steered(config, kept, vault)


def _steered(config: dict[str, Any], kept: dict[str, Any], vault: Vault) -> str:
    """The same among the secrets: a program's variables may name a proxy, and `Host` another site of a server."""
    for setting, steers in (("secrets", ""), ("headers", "host")):
        stored = _mapping(kept.get(setting))
        for name, value in _mapping(config.get(setting)).items():
            if value == MASK or (steers and name.lower() != steers):
                continue
            former = stored.get(name)
            if (_opened(former, vault) if isinstance(former, str) else former) != value:
                return f"{setting}.{name}"
    return ""


def _opened(stored: str, vault: Vault) -> str | None:
    """What is stored, in clear; None when it was sealed with a key that is no more."""
    try:
        return vault.unseal(stored)
    except Permanent:
        return None


def _place(value: Any) -> Any:
    """Of an address the server: another path of the same one is the same place. Anything else is one as a whole."""
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return urlsplit(value)[:2]
    return value


def _each(value: Any, stored: Any, path: str, change: Callable[[str, Any, str], str]) -> Any:
    """Change every text inside a value, given what is stored at the same place."""
    if isinstance(value, str):
        return change(value, stored, path)
    if isinstance(value, dict):
        inner = _mapping(stored)
        return {name: _each(v, inner.get(name), f"{path}.{name}", change) for name, v in _mapping(value).items()}
    if isinstance(value, list):
        return list(_each_entry(cast("list[Any]", value), stored, path, change))
    return value


def _each_entry(entries: list[Any], stored: Any, path: str, change: Callable[[str, Any, str], str]) -> Iterator[Any]:
    former = cast("list[Any]", stored) if isinstance(stored, list) else []
    for number, entry in enumerate(entries):
        yield _each(entry, former[number] if number < len(former) else None, f"{path}[{number}]", change)


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
