"""Reading the settings: `watchbell.toml`, then the environment, once at start.

`load` checks everything and raises `InvalidConfiguration` with every problem at once: where it stands, which key, why,
and what to do.
"""

import os
import secrets
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_origin
from urllib.parse import urlsplit

import msgspec

from watchbell.collector.client import parse_networks
from watchbell.collector.sources import read_sources
from watchbell.config import SECTIONS, Configuration, setting_names
from watchbell.domain.access import known_scope, rule_faults
from watchbell.domain.alerts.flapping import FEWEST_CHANGES, LONGEST_FLAP, MOST_CHANGES
from watchbell.domain.errors import Invalid, WatchbellError
from watchbell.domain.hawk import HawkKey
from watchbell.toolkit.login_providers import read_providers
from watchbell.toolkit.origins import Origins
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings, read

PREFIX = "WATCHBELL_"
KEY_FILE = "secret.key"
MINIMUM_SECRET = 32  # characters
PARENT = "WATCHBELL_PARENT"
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


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Configuration:
    """Read the file, then the environment, then `overrides` (by `section.name`), and check it all.

    Raises `InvalidConfiguration` with every problem. Without `file`, `$WATCHBELL_CONFIG` or `./watchbell.toml` is
    read when it exists.
    """
    env = os.environ if environment is None else environment
    problems: list[str] = []
    path = _chosen_file(file, env, problems)
    origins: dict[str, str] = {}
    data = _from_file(path, problems) if path else {}
    _note_origins(data, f"{path}", origins)
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


def _note_origins(data: dict[str, Any], origin: str, origins: dict[str, str]) -> None:
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
    for key, reason in (
        *_network_faults(c),
        *_secret_faults(c),
        *_auth_faults(c),
        *_login_faults(c),
        *_size_faults(c),
        *_source_faults(c),
    ):
        problems.append(_sentence(Problem(field=key, reason=reason), origins))


def _network_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    ports = {"server.port": c.server.port, "collector.port": c.collector.port, "monitor.port": c.monitor.port}
    for key, port in ports.items():
        if not 0 <= port <= 65535:
            yield key, f"{port} is not a port. Choose 1 to 65535, or 0 for a free one."
    if urlsplit(c.store_url).scheme not in {"sqlite", "postgresql", "postgresql+asyncpg"}:
        yield "store.url", "must begin with sqlite:/// or postgresql://."
    if urlsplit(c.bus.url.reveal()).scheme not in {"memory", "amqp", "amqps"}:
        yield "bus.url", "must be memory: or begin with amqp:// or amqps://."
    try:
        Origins(c.server.cors_origins)
    except ValueError as error:
        yield "server.cors_origins", f"{error}."
    for section, served in (("server", c.server), ("collector", c.collector)):
        if bool(served.tls_cert) != bool(served.tls_key):
            yield f"{section}.tls_cert", f"needs {section}.tls_key, and the other way round. Set both or neither."
        for key, name in (("tls_cert", served.tls_cert), ("tls_key", served.tls_key)):
            if name and not Path(name).is_file():
                yield f"{section}.{key}", f"there is no file {name}. Check the path."


def _secret_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    if c.secret_key and len(c.secret_key.reveal()) < MINIMUM_SECRET:
        yield "secret_key", f"is too short. Use {MINIMUM_SECRET} characters or more, as from `openssl rand -hex 32`."
    if not c.single_node and not c.secret_key:
        yield (
            "secret_key",
            "is required when store.url is PostgreSQL. Make one with `openssl rand -hex 32`; give every node the same.",
        )
    if c.auth.admin_key and len(c.auth.admin_key.reveal()) < 16:
        yield "auth.admin_key", "is too short. Use 16 characters or more."


def _auth_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    if c.auth.customer_views and not c.auth.required:
        yield "auth.customer_views", "needs auth.required: nobody can tell whose customers an unknown caller has."
    for scope in c.auth.readonly_scopes:
        if scope.partition(":")[0] != "read" or not known_scope(scope, c.auth.custom_scopes):
            yield "auth.readonly_scopes", f"{scope!r} is no scope for reading. Use read, or for example read:alerts."
    for fault in rule_faults(c.auth.rules()):
        yield f"auth.{fault.field}", f"{fault.reason} ({fault.fix})" if fault.fix else fault.reason


def _login_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    try:
        names = [provider.name for provider in read_providers(c.login.providers)]
        keys = c.login.hawk_keys()
    except InvalidSettings as error:
        for problem in error.problems:
            yield problem.field, f"{problem.reason} ({problem.fix})" if problem.fix else problem.reason
        return
    if c.login.proxy_user_header and not c.server.trusted_proxies:
        yield "login.proxy_user_header", "needs server.trusted_proxies: nobody else is believed."
    if c.login.proxy_user_header and not c.login.proxy_roles_separator:
        yield "login.proxy_roles_separator", "must not be empty."
    yield from _hmac_faults(c, keys)
    if c.login.alerta_provider and c.login.alerta_provider not in names:
        yield "login.alerta_provider", f"there is no provider {c.login.alerta_provider!r} in login.providers."


def _hmac_faults(c: Configuration, keys: Sequence[HawkKey]) -> Iterator[tuple[str, str]]:
    for number, key in enumerate(keys):
        if len(key.secret) < MINIMUM_SECRET:
            yield f"login.hmac[{number}].secret", f"is too short. Use {MINIMUM_SECRET} characters or more."
        for scope in key.scopes:
            if not known_scope(scope, c.auth.custom_scopes):
                yield f"login.hmac[{number}].scopes", f"there is no scope {scope!r}."
    if len({key.id for key in keys}) < len(keys):
        yield "login.hmac", "has two of the same id."


def _size_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    if c.collector.workers < 1:
        yield "collector.workers", "must be 1 or more. Set collector.enabled = false to run none."
    if c.worker.concurrency < 1:
        yield "worker.concurrency", "must be 1 or more."
    if c.delivery.attempt_timeout <= 0:
        yield "delivery.attempt_timeout", "must be more than 0 seconds."
    flapping = c.flapping
    if flapping.changes and not FEWEST_CHANGES <= flapping.changes <= MOST_CHANGES:
        yield "flapping.changes", f"must be 0, or from {FEWEST_CHANGES} to {MOST_CHANGES}."
    for name, least in (("window", 1), ("calm", 1), ("digest", 60 if flapping.digest else 0)):
        if not least <= getattr(flapping, name) <= LONGEST_FLAP:
            yield f"flapping.{name}", f"must be from {least} to {LONGEST_FLAP} seconds."


def _source_faults(c: Configuration) -> Iterator[tuple[str, str]]:
    try:
        read_sources(c.collector.sources)
    except InvalidSettings as error:
        for problem in error.problems:
            yield problem.field, f"{problem.reason} ({problem.fix})" if problem.fix else problem.reason
    try:
        parse_networks(c.collector.trusted_proxies)
    except Invalid as error:
        yield f"collector.{error.field}", f"{error.reason}. Write networks as 10.0.0.0/8."


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
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
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
