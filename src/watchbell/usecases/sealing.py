"""Secrets inside objects: sealed when they are written, kept when dots come back, never accepted sealed from outside.

A sealed text from outside is refused: whoever had come by one could else have it opened by a check or channel of their
own.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.plan import MASK
from watchbell.ports.vault import Vault

SEALED = "sealed:"


def seal(body: dict[str, Any], before: dict[str, Any] | None, secrets: frozenset[str], vault: Vault) -> dict[str, Any]:
    """The body with the settings named in `secrets` sealed; dots become what `before` has at the same place.

    A secret that is given again unchanged keeps its sealed form, so that it does not look like a change. What was
    stored in clear, before its setting became a secret, is sealed.

    Raises:
        Faulty: dots stand where nothing is stored, or a text is sealed already.
    """
    config = body.get("config")
    if not secrets or not isinstance(config, dict):
        return body
    kept = _mapping((before or {}).get("config"))
    faults: list[Fault] = []

    def seal_text(text: str, stored: Any, path: str) -> str:
        if text == MASK:
            if isinstance(stored, str) and stored:
                return vault.seal(stored)
            faults.append(
                Fault(field=path, reason="dots stand for a stored secret, and none is stored", fix="give the secret")
            )
            return ""
        if text.startswith(SEALED):
            faults.append(Fault(field=path, reason=f"must not begin with {SEALED!r}"))
            return ""
        if isinstance(stored, str) and stored and vault.unseal(stored) == text:
            return vault.seal(stored)
        return vault.seal(text) if text else ""

    sealed: dict[str, Any] = {
        name: _each(value, kept.get(name), f"config.{name}", seal_text) if name in secrets else value
        for name, value in _mapping(config).items()
    }
    if faults:
        raise Faulty(faults)
    return {**body, "config": sealed}


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
