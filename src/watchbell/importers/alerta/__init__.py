"""Alerta's server: `alertad.conf` (plain assignments in Python's syntax) and Alerta's variables, never executed.

Each setting becomes one of ours or is named with its line and what it means here. `watchbell up --alerta-config FILE`
reads it anew with each start instead. Alerts and people are not in that file: `watchbell import-data` brings them, from
a running server or from a dump of its PostgreSQL database.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import msgspec

from watchbell.domain.alerts.model import ACTIONS
from watchbell.domain.alerts.severity import ISA, SEVERITIES
from watchbell.importers.alerta.accounts import accounts_of, mail_of
from watchbell.importers.alerta.assignments import Given, Pattern, read_assignments
from watchbell.importers.alerta.dump import DumpSource
from watchbell.importers.alerta.plugging import plugging_of
from watchbell.importers.alerta.server import ServerSource
from watchbell.importers.alerta.signing_in import READINGS
from watchbell.importers.alerta.table import (
    COPIED,
    ELSEWHERE,
    HOURS,
    LOST,
    NO_MEANING,
    PREFIXES,
    VARIABLES,
    Kind,
)
from watchbell.ports.data_source import DataSource, Fetch, Server, Terms
from watchbell.ports.importer import Imported, Remark
from watchbell.toolkit.alert_settings import COLOR, NAME
from watchbell.toolkit.origins import Origins
from watchbell.toolkit.settings import MINIMUM_SECRET

MODELS = ("ALERTA", "ISA_18_2")
_TRUE = frozenset({"true", "yes", "on", "1", "t", "y"})
_LEVELS = {"CRITICAL": "error", "ERROR": "error", "WARNING": "warning", "INFO": "info", "DEBUG": "debug"}


def installed_names(group: str) -> frozenset[str]:
    """The names of the entry points of a group that are installed here; nothing is loaded."""
    return frozenset(entry_points(group=group).names)


class Alerta:
    """Reads `alertad.conf`, and what a server or a dump holds. `installed` tells entry points' names by their group."""

    name: ClassVar[str] = "alerta"
    title: ClassVar[str] = "Alerta"

    def __init__(self, installed: Callable[[str], frozenset[str]] = installed_names) -> None:
        self._installed = installed

    def read(self, file: Path, environment: Mapping[str, str]) -> Imported:
        """See Importer."""
        found, unread = read_assignments(file, environment)
        reading = _Reading(str(file), {**found, **_from_environment(environment)}, self._installed)
        for statement in unread:
            reason = "is no plain assignment, and nothing is executed: write the value itself"
            reading.remark(statement.text, reason, line=statement.line, lost=True)
        reading.take()
        return reading.imported()

    def dump(self, file: Path, terms: Terms, schema: str = "") -> DataSource:
        """See DataImporter."""
        return DumpSource(file, terms, schema)

    def server(self, server: Server, terms: Terms, fetch: Fetch) -> DataSource:
        """See DataImporter."""
        return ServerSource(server, terms, fetch)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    found = {name: Given(_typed(environment[name], VARIABLES[name]), 0) for name in VARIABLES if environment.get(name)}
    for variable, name in HOURS.items():
        if environment.get(variable, "").isdecimal():
            found[name] = Given(int(environment[variable]) * 3600, 0)
    return found


def _typed(text: str, kind: Kind) -> Any:
    """A variable's text as what it stands for; what it cannot be stays a text, and is remarked as such."""
    if kind == "flag":
        return text.strip().lower() in _TRUE
    if kind == "number":
        return int(text) if text.strip().isdecimal() else text
    if kind == "texts":
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


class _Reading:
    """The conversion of one file: settings and remarks gathered on the way."""

    def __init__(self, file: str, given: Mapping[str, Given], installed: Callable[[str], frozenset[str]]) -> None:
        self._file = file
        self._given = given
        self._installed = installed
        self._theirs = False
        self._settings: dict[str, Any] = {}
        self._remarks: list[Remark] = []
        self._secret = False

    def remark(self, what: str, reason: str, *, line: int | None = None, lost: bool = False) -> None:
        """Note what is not the same here."""
        at = self._given[what].line if line is None and what in self._given else line or 0
        self._remarks.append(Remark(file=self._file, line=at, what=what, reason=reason, lost=lost))

    def imported(self) -> Imported:
        """What was made of it."""
        remarks = sorted(self._remarks, key=lambda remark: (remark.line, remark.what))
        return Imported(settings=self._settings, remarks=remarks, secret=self._secret)

    def take(self) -> None:
        """Every setting."""
        done = self._signing_in() | self._plugging()
        special = {
            "BASE_URL": self._base_url,
            "SECRET_KEY": self._secret_key,
            "CORS_ORIGINS": self._origins,
            "LOG_LEVEL": self._log_level,
            "LOG_FORMAT": self._log_format,
            "DEBUG": self._debug,
            "DATABASE_URL": self._database,
            "USE_PROXYFIX": self._proxy,
            "DEFAULT_TIMEOUT": self._timeouts,
            "COLOR_MAP": self._colors,
            "ALARM_MODEL": self._model,
            "SEVERITY_MAP": self._severities,
            "ACTIONS": self._actions,
        }
        for name in self._given:
            if name in done or name.startswith("_"):
                continue
            if name in special:
                special[name](self._given[name].value)
            else:
                self._one(name)
        if "AUTH_REQUIRED" not in self._given:
            self.remark("AUTH_REQUIRED", "is off in Alerta unless it is set; here callers identify themselves")

    def _put(self, ours: str, value: Any) -> None:
        section, _, name = ours.rpartition(".")
        target = self._settings.setdefault(section, {}) if section else self._settings
        target[name] = value

    def _one(self, name: str) -> None:
        value = self._given[name].value
        copied = COPIED.get(name)
        if copied is not None:
            if value is None:
                return  # as if it were not there, in Alerta, too
            if _fits(value, copied.kind):
                self._put(copied.ours, value)
            else:
                self.remark(name, f"is not taken: {copied.ours} is no {type(value).__name__}", lost=True)
        elif name in NO_MEANING or name in ELSEWHERE:
            self.remark(name, NO_MEANING.get(name) or ELSEWHERE[name])
        elif name in LOST:
            self.remark(name, LOST[name], lost=bool(value))
        else:
            why = next((reason for prefix, reason in PREFIXES.items() if name.startswith(prefix)), "")
            if self._theirs and not why:
                self._of_a_plugin(name, value)
                return
            self.remark(name, why or "is no setting of Alerta's server", lost=not why)

    def _signing_in(self) -> set[str]:
        values = {name: given.value for name, given in self._given.items()}
        done: set[str] = set()
        for reading in (*READINGS, mail_of, accounts_of):
            found = reading(values)
            for ours, value in found.login.items():
                self._put(f"login.{ours}", value)
            for ours, value in found.mail.items():
                self._put(f"mail.{ours}", value)
            for name, reason in found.problems.items():
                self.remark(name, reason, lost=True)
            done |= {*found.used, *found.problems}
        login: dict[str, Any] = self._settings.get("login", {})
        secrets = {"client_secret", "bind_password"}
        self._secret |= "password" in self._settings.get("mail", {}) or bool(login.get("hmac"))
        self._secret |= any(secrets & one.keys() for one in login.get("providers", []))
        if login.get("hmac"):
            self.remark("HMAC_AUTH_CREDENTIALS", "gives each key the scope `admin`, as in Alerta; less may do")
        return done

    def _base_url(self, value: Any) -> None:
        url = urlsplit(str(value))
        if url.scheme in {"http", "https"} and url.netloc:
            self._put("server.base_url", f"{url.scheme}://{url.netloc}")
        if url.path.rstrip("/") not in {"", "/api"}:
            self.remark("BASE_URL", "is at the root here: pages at /, the API at /api", lost=True)

    def _secret_key(self, value: Any) -> None:
        if isinstance(value, str) and len(value) >= MINIMUM_SECRET:
            self._put("secret_key", value)
            self._secret = True
            return
        self.remark("SECRET_KEY", f"is not taken: secret_key has {MINIMUM_SECRET} characters or more")

    def _origins(self, value: Any) -> None:
        taken: list[str] = []
        for origin in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
            try:
                Origins([str(origin)] if isinstance(origin, str) else [""])
            except ValueError:
                shown = origin.text if isinstance(origin, Pattern) else origin  # pyright: ignore[reportUnknownVariableType]
                reason = f"leaves out {str(shown)[:80]!r}: write https://host, or http://localhost:* for any port"  # pyright: ignore[reportUnknownArgumentType]
                self.remark("CORS_ORIGINS", reason, lost=True)
            else:
                taken.append(str(origin))  # pyright: ignore[reportUnknownArgumentType]
        self._put("server.cors_origins", taken)

    def _plugging(self) -> set[str]:
        found = plugging_of({name: given.value for name, given in self._given.items()}, self._installed)
        for ours, value in found.settings.items():
            self._put(ours, value)
        for name, reason, lost in found.remarks:
            self.remark(name, reason, lost=lost)
        self._theirs = found.theirs
        self._secret |= "plugins.forward" in found.settings
        return {"PLUGINS", "HEARTBEAT_EVENTS", "FWD_DESTINATIONS"}

    def _of_a_plugin(self, name: str, value: Any) -> None:
        """A setting that Alerta's server does not have: a plug-in's own."""
        try:
            plain = msgspec.to_builtins(value)
        except TypeError:
            self.remark(name, "is not taken: it is no text, number, list or table", lost=True)
            return
        settings: dict[str, Any] = self._settings.setdefault("plugins", {}).setdefault("settings", {})
        settings[name] = plain
        self._secret = True  # nobody knows which of them are

    def _log_level(self, value: Any) -> None:
        level = _LEVELS.get(str(value).upper())
        if level is None:
            self.remark("LOG_LEVEL", "is none of debug, info, warning, error")
        else:
            self._put("log.level", level)

    def _log_format(self, value: Any) -> None:
        self._put("log.format", "json" if value == "json" else "text")
        if value not in {"json", "default", "simple", "verbose"}:
            self.remark("LOG_FORMAT", "is `text` or `json`")

    def _debug(self, value: Any) -> None:
        if value is True:
            self._put("log.level", "debug")

    def _database(self, _value: Any) -> None:
        self.remark("DATABASE_URL", NO_MEANING["DATABASE_NAME"])

    def _proxy(self, value: Any) -> None:
        if value:
            self.remark("USE_PROXYFIX", "asks which proxies are believed here: set server.trusted_proxies", lost=True)

    def _timeouts(self, value: Any) -> None:
        if not _fits(value, "number"):
            self.remark("DEFAULT_TIMEOUT", "is no whole number", lost=True)
            return
        for name in ("ALERT_TIMEOUT", "HEARTBEAT_TIMEOUT"):
            if name not in self._given:
                self._put(COPIED[name].ours, value)

    def _model(self, value: Any) -> None:
        if value in MODELS:
            self._put("alerts.model", value)
        else:
            self.remark("ALARM_MODEL", f"is one of {', '.join(MODELS)}", lost=True)

    def _by_isa(self) -> bool:
        return "ALARM_MODEL" in self._given and self._given["ALARM_MODEL"].value == "ISA_18_2"

    def _severities(self, value: Any) -> None:
        if not _fits(value, "ranks"):
            self.remark("SEVERITY_MAP", "is no table of whole numbers", lost=True)
            return
        ranks = cast("dict[str, int]", value)
        if self._by_isa() and ranks:
            worst = max(ranks.values())
            ranks = {name: worst - code for name, code in ranks.items()}
        self._put("alerts.severities", ranks)

    def _actions(self, value: Any) -> None:
        if not _fits(value, "texts"):
            self.remark("ACTIONS", "is no list of names", lost=True)
            return
        taken: list[str] = []
        for action in cast("list[str]", value):
            if action in ACTIONS or action in taken:
                self.remark("ACTIONS", f"leaves out {action[:40]!r}, which is there already")
            elif not NAME.fullmatch(action):
                self.remark("ACTIONS", f"leaves out {action[:40]!r}, which is no name", lost=True)
            else:
                taken.append(action)
        self._put("alerts.actions", taken)

    def _colors(self, value: Any) -> None:
        table = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if not isinstance(table.get("severity"), dict):
            self.remark("COLOR_MAP", "has no table `severity`; the pages have colours of their own", lost=True)
            return
        taken: dict[str, str] = {}
        usual = ISA.ranks if self._by_isa() else SEVERITIES
        given: Any = self._given["SEVERITY_MAP"].value if "SEVERITY_MAP" in self._given else None
        ranks: Any = given or usual
        for name, color in cast("dict[str, Any]", table["severity"]).items():
            if name not in ranks:
                continue
            if isinstance(color, str) and COLOR.fullmatch(color):
                taken[name] = color
            else:
                self.remark("COLOR_MAP", f"leaves out the colour of {name!r}: write orange, or #b00020", lost=True)
        self._put("alerts.severity_colors", taken)
        if set(table) - {"severity"}:
            self.remark("COLOR_MAP", "sets colours of severities here; statuses and texts have the pages' own")


def _fits(value: Any, kind: Kind) -> bool:
    wanted: Any = _TYPES[kind]
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


_TYPES: Mapping[Kind, Any] = {
    "flag": bool,
    "number": int,
    "ranks": dict[str, int],
    "texts": list[str],
    "text": str,
    "filters": dict[str, list[str]],
    "words": dict[str, str | int],
    "queries": list[dict[str, Any]],
}
