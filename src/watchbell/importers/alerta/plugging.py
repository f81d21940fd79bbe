"""Which of Alerta's plug-ins are asked, and what becomes of HEARTBEAT_EVENTS and FWD_DESTINATIONS."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from watchbell.importers.alerta.table import DEFAULT_PLUGINS, KNOWN_PLUGINS, OWN_PLUGINS

_AUTH = {
    "username": "username",
    "password": "password",
    "key": "key",
    "secret": "secret",
    "token": "token",
    "timeout": "timeout",
    "ssl_verify": "verify_tls",
}


class Plugging(NamedTuple):
    """What was made of it: settings of ours by section and name, and (setting, reason, whether it is lost).

    `theirs` is whether any plug-in is somebody else's, which may have settings that nobody else knows.
    """

    settings: dict[str, Any]
    remarks: list[tuple[str, str, bool]]
    theirs: bool


def plugging_of(given: Mapping[str, Any], installed: Callable[[str], frozenset[str]]) -> Plugging:
    """Read PLUGINS, HEARTBEAT_EVENTS and FWD_DESTINATIONS. `installed` tells entry points' names by their group."""
    named = given.get("PLUGINS")
    names = [str(name) for name in cast("list[Any]", named)] if isinstance(named, list) else list(DEFAULT_PLUGINS)
    # Whether the distribution is there in which Alerta's plug-ins run.
    there = installed("alerta.plugins") if "alerta" in installed("watchbell.finders") else frozenset[str]()
    found = Plugging({}, [], any(name in there and name not in KNOWN_PLUGINS for name in names))
    if "PLUGINS" in given:
        _alerts(names, there, installed, found)
    _heartbeats(given, names, found)
    _destinations(given, names, found)
    return found


def _alerts(
    names: Sequence[str], there: frozenset[str], installed: Callable[[str], frozenset[str]], found: Plugging
) -> None:
    asked: list[str] = []
    for name in dict.fromkeys(names):
        if name in KNOWN_PLUGINS:
            continue
        if name in OWN_PLUGINS or name in there:
            asked.append(name)
        else:
            how = "install it beside the distribution watchbell-alerta"
            found.remarks.append(("PLUGINS", f"names {name!r}, which is not there: {how}", True))
    if asked:
        found.settings["plugins.alerts"] = asked
        if "rules" in installed("alerta.routing"):
            found.settings["plugins.routing"] = "rules"


def _heartbeats(given: Mapping[str, Any], names: Sequence[str], found: Plugging) -> None:
    events = given.get("HEARTBEAT_EVENTS", ["Heartbeat"])
    if "heartbeat" not in names:
        found.settings["alerts.heartbeat_events"] = []
        if "HEARTBEAT_EVENTS" in given:
            found.remarks.append(("HEARTBEAT_EVENTS", "is not used: PLUGINS does not name heartbeat", False))
    elif isinstance(events, list) and all(isinstance(event, str) for event in cast("list[Any]", events)):
        found.settings["alerts.heartbeat_events"] = events
    else:
        found.remarks.append(("HEARTBEAT_EVENTS", "is no list of names", True))


def _destinations(given: Mapping[str, Any], names: Sequence[str], found: Plugging) -> None:
    if "FWD_DESTINATIONS" not in given:
        return
    wanted: Any = given["FWD_DESTINATIONS"]
    if "forwarder" not in names:
        found.remarks.append(("FWD_DESTINATIONS", "is not used: PLUGINS does not name forwarder", False))
        return
    tables: list[dict[str, Any]] = []
    for number, one in enumerate(cast("list[Any]", wanted) if isinstance(wanted, list) else [wanted], 1):
        table = _table(one)
        if table is None:
            reason = f"leaves out number {number}, which is no address with credentials and a list of actions"
            found.remarks.append(("FWD_DESTINATIONS", reason, True))
            continue
        unknown = sorted(set(cast("dict[str, Any]", one[1])) - set(_AUTH))
        if unknown:
            reason = f"leaves out {', '.join(unknown)[:80]} of number {number}"
            found.remarks.append(("FWD_DESTINATIONS", reason, True))
        tables.append(table)
    if tables:
        found.settings["plugins.forward"] = tables


def _table(one: Any) -> dict[str, Any] | None:
    parts = cast("list[Any]", one) if isinstance(one, list) else []
    if len(parts) != 3 or not all(isinstance(part, kind) for part, kind in zip(parts, (str, dict, list), strict=True)):
        return None
    url, credentials = parts[0], cast("dict[str, Any]", parts[1])
    words = cast("list[Any]", parts[2])
    if not all(isinstance(word, str) for word in words):
        return None
    taken = {ours: credentials[theirs] for theirs, ours in _AUTH.items() if credentials.get(theirs) is not None}
    return {"url": url, **taken, "actions": words}
