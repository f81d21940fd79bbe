"""Reading the settings: `watchbell.toml`, then the environment, once at start.

`load` checks everything and raises `InvalidConfiguration` with every problem at once: where it stands, which key, why,
and what to do.
"""

import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_origin

import msgspec

from watchbell.config import SECTIONS, Configuration, setting_names
from watchbell.domain.errors import WatchbellError
from watchbell.soundness import faults_together
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings, read

PREFIX = "WATCHBELL_"
KEY_FILE = "secret.key"
PARENT = "WATCHBELL_PARENT"
ALERTA_FILE = "ALERTA_SVR_CONF_FILE"
"""Alerta's own variable for the place of its settings."""
NOT_SETTINGS = frozenset({"WATCHBELL_CONFIG", "WATCHBELL_URL", "WATCHBELL_KEY", PARENT})
"""Variables with our prefix that are no settings: where the file is, what the commands that call the API use, and the
process that a child belongs to."""


class InvalidConfiguration(WatchbellError):
    """The configuration is wrong; `problems` has a sentence for each, and nothing was started.

    `readable` is what could be read all the same, with defaults for the rest; `good` names its sections that are right
    ('' for the settings outside any).
    """

    def __init__(
        self, problems: list[str], readable: Configuration | None = None, good: frozenset[str] = frozenset()
    ) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.readable = readable
        self.good = good

    def allows(self, key: str) -> bool:
        """Whether a setting is right although others are not."""
        section = key.rpartition(".")[0]
        told = any(f": {key}: " in problem for problem in self.problems)
        return {"", section} <= self.good and not told


class Beneath(msgspec.Struct, frozen=True):
    """Settings that count where nothing else says anything, and what to call the place that they come from."""

    settings: Mapping[str, Any]
    origin: str


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    beneath: Beneath | None = None,
) -> Configuration:
    """Read what lies `beneath`, the file, the environment, then `overrides` (by `section.name`), and check it all.

    Raises `InvalidConfiguration` with every problem. Without `file`, `$WATCHBELL_CONFIG` or `./watchbell.toml` is
    read when it exists.
    """
    env = os.environ if environment is None else environment
    problems: list[str] = []
    path = _chosen_file(file, env, problems)
    origins: dict[str, str] = {}
    data: dict[str, Any] = {}
    for layer in (beneath, Beneath(_from_file(path, problems), f"{path}") if path else None):
        if layer is not None:
            _lay(layer.settings, data)
            _note_origins(layer.settings, layer.origin, origins)
    _from_environment(env, data, origins, problems)
    for key, value in (overrides or {}).items():
        _put(data, key, value)
        origins[key] = "command line"
    configuration, good = _check(data, origins, problems)
    if good >= {"", *SECTIONS}:
        _check_together(configuration, origins, problems)
    if problems:
        raise InvalidConfiguration(problems, configuration, good)
    return configuration


def _lay(settings: Mapping[str, Any], data: dict[str, Any]) -> None:
    """Put settings over those that there are; sections are merged."""
    for name, value in settings.items():
        former = data.get(name)
        if name in SECTIONS and isinstance(value, dict) and isinstance(former, dict):
            data[name] = {**cast("dict[str, Any]", former), **cast("dict[str, Any]", value)}
        else:
            data[name] = value


def origin_of(key: str, file: Path | None, environment: Mapping[str, str] | None = None) -> str:
    """Where a setting is to be mended: its variable when that is set, else the file."""
    env = os.environ if environment is None else environment
    variable = PREFIX + key.upper().replace(".", "__")
    if variable in env:
        return f"environment variable {variable}"
    return str(file or env.get("WATCHBELL_CONFIG") or "watchbell.toml")


def _chosen_file(file: Path | None, env: Mapping[str, str], problems: list[str]) -> Path | None:
    named = file or (Path(env["WATCHBELL_CONFIG"]) if env.get("WATCHBELL_CONFIG") else None)
    if named is None:
        usual = Path("watchbell.toml")
        return usual if usual.exists() else None
    if not named.exists() or named.is_dir():
        problems.append(
            f"{named}: no such file. Create it, or leave out --config and WATCHBELL_CONFIG to use the defaults."
        )
        return None
    return named


def _from_file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path}: is not valid TOML: {error}. Mend that line.")
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}. Check its permissions.")
    return {}


def _note_origins(data: Mapping[str, Any], origin: str, origins: dict[str, str]) -> None:
    for name, value in data.items():
        origins[name] = origin
        if isinstance(value, dict):
            for inner in cast("dict[str, Any]", value):
                origins[f"{name}.{inner}"] = origin


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    section, _, name = key.rpartition(".")
    target = data.setdefault(section, {}) if section else data
    target[name] = value


def _from_environment(
    env: Mapping[str, str], data: dict[str, Any], origins: dict[str, str], problems: list[str]
) -> None:
    known = {PREFIX + name.upper().replace(".", "__"): name for name in setting_names()}
    for variable, raw in env.items():
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        key = known.get(variable)
        if key is None:
            problems.append(f"environment: {variable}: unknown setting. Unset it; the reference lists the names.")
            continue
        origins[key] = f"environment variable {variable}"
        _put(data, key, _parse_variable(key, raw))


def _parse_variable(key: str, raw: str) -> Any:
    """Lists may be written as JSON or with commas, mappings as JSON.

    The rest is converted from text when it is checked.
    """
    section, _, name = key.rpartition(".")
    cls = SECTIONS[section] if section else Configuration
    wanted = next(f.type for f in msgspec.structs.fields(cls) if f.name == name)
    if get_origin(wanted) in {list, dict}:
        try:
            return msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return [part.strip() for part in raw.split(",") if part.strip()] if get_origin(wanted) is list else raw
    return raw


def _check(data: dict[str, Any], origins: dict[str, str], problems: list[str]) -> tuple[Configuration, frozenset[str]]:
    """What can be read, with defaults for the rest, and the sections that are right."""
    values: dict[str, Any] = {}
    for section, cls in SECTIONS.items():
        given: Any = data.pop(section, {})
        if not isinstance(given, dict):
            problems.append(
                f"{origins.get(section, '')}: {section}: is a section. Write [{section}] and its settings below it."
            )
            continue
        values[section] = _read(cls, cast("dict[str, Any]", given), f"{section}.", origins, problems)
    flat = _read(Configuration, data, "", origins, problems)
    right = {section: value for section, value in values.items() if value is not None}
    good = frozenset([*right, ""] if flat is not None else right)
    return msgspec.structs.replace(flat or Configuration(), **right), good


def _read(cls: type[Settings], given: dict[str, Any], prefix: str, origins: dict[str, str], problems: list[str]) -> Any:
    try:
        return read(cls, given, strict=False, prefix=prefix)
    except InvalidSettings as error:
        problems.extend(_sentence(problem, origins) for problem in error.problems)
        return None


def _sentence(problem: Problem, origins: dict[str, str]) -> str:
    origin = origins.get(problem.field) or origins.get(problem.field.partition(".")[0], "configuration")
    fix = f" ({problem.fix})" if problem.fix else ""
    return f"{origin}: {problem.field}: {problem.reason}{fix}"


def _check_together(c: Configuration, origins: dict[str, str], problems: list[str]) -> None:
    for key, reason in faults_together(c):
        problems.append(_sentence(Problem(field=key, reason=reason), origins))


def secret_key(configuration: Configuration) -> str:
    """The key that seals secrets.

    As configured, or from `<data_dir>/secret.key`, which is made with mode 0600 when it is not there.
    """
    if configuration.secret_key:
        return configuration.secret_key.reveal()
    path = configuration.data / KEY_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    key = secrets.token_hex(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def parent_process(environment: Mapping[str, str] | None = None) -> int:
    """The id of the process whose end ends this one; 0 when there is none."""
    given = (os.environ if environment is None else environment).get(PARENT, "")
    return int(given) if given.isdecimal() else 0


def child_environment(settings: Configuration) -> dict[str, str]:
    """The environment for a child with the same settings, whether they came from a file, a variable or an option."""
    found = {PARENT: str(os.getpid())}
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if field.name in SECTIONS:
            for inner in msgspec.structs.fields(value):
                found |= _variable(f"{field.name}__{inner.name}", getattr(value, inner.name))
        else:
            found |= _variable(field.name, value)
    left = {name for name in os.environ if name.startswith(PREFIX)} | {ALERTA_FILE}
    inherited = {name: value for name, value in os.environ.items() if name not in left}
    # No file may be read besides: an empty one stands in the place of ./watchbell.toml.
    fixed = {f"{PREFIX}SECRET_KEY": secret_key(settings), "WATCHBELL_CONFIG": os.devnull}
    return {**inherited, **found, **fixed}


def _variable(name: str, value: Any) -> dict[str, str]:
    text = value.reveal() if isinstance(value, Secret) else value
    if isinstance(text, list | dict):
        text = msgspec.json.encode(text).decode()
    elif isinstance(text, bool):
        text = "true" if text else "false"
    return {PREFIX + name.upper(): str(text)} if text != "" else {}
