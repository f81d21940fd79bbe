"""Command: runs any Nagios plug-in, without a shell, and understands what it prints.

Exit code 0 is ok, 1 warning, 2 critical, 3 unknown; every other code, a signal and a program that cannot be run are
unknown. The first line is the summary, text after a bar is performance data. The program and all that it started are
ended at the deadline.
"""

import re
import shlex
from typing import ClassVar, Literal

import msgspec

from watchbell.domain.checks.perfdata import parse_output
from watchbell.domain.checks.result import Outcome, Status
from watchbell.domain.errors import Invalid
from watchbell.ports.check import Target
from watchbell.ports.process import Ended, Program
from watchbell.toolkit.commands import Commands, locate
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings

_MACRO = re.compile(r"\$([A-Z][A-Z0-9_]*|)\$")
_MACROS = ("HOSTADDRESS", "HOSTNAME", "CHECKNAME")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What would change which code a program runs.
_FORBIDDEN = ("LD_", "DYLD_", "PYTHON", "PERL5", "PERLLIB", "BASH_", "GCONV_PATH", "IFS")
_CODES = {0: Status.OK, 1: Status.WARNING, 2: Status.CRITICAL, 3: Status.UNKNOWN}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandConfig(Settings, frozen=True, kw_only=True):
    """Settings of a command check."""

    command: str | list[str]
    """Program and arguments, as one line or as a list. A line is split like a shell would, but no shell ever sees it.
    `$HOSTADDRESS$`, `$HOSTNAME$` and `$CHECKNAME$` are filled in afterwards, so they never become several arguments;
    `$$` is a dollar sign."""
    environment: dict[str, str] = {}
    """Environment variables, by name."""
    secrets: dict[str, Secret] = {}
    """Environment variables whose values are secrets. They must be given again when the command, the environment or
    one of them changes."""
    on_timeout: Literal["critical", "unknown", "warning"] = "critical"
    """Status when the program does not end in time."""


class Command:
    """See the module. Raises `InvalidSettings` when made with settings that cannot work."""

    name: ClassVar[str] = "command"
    title: ClassVar[str] = "Command (Nagios plug-in)"
    Config: ClassVar[type[msgspec.Struct]] = CommandConfig

    def __init__(self, config: CommandConfig, tools: ProbeTools) -> None:
        found = problems(config)
        if found:
            raise InvalidSettings(found)
        self._config = config
        self._tools = tools
        self._argv = split(config.command)
        self._env = _environment(config, tools.commands)

    async def run(self, target: Target) -> Outcome:
        try:
            argv = [_fill(argument, target) for argument in self._argv]
            argv[0] = locate(argv[0], self._tools.commands.directories)
        except Invalid as error:
            return Outcome(status=Status.UNKNOWN, summary=f"Cannot run the program: {error.reason}")
        ended = await self._tools.processes.run(Program(argv=tuple(argv), env=self._env, timeout=target.timeout))
        return self._judge(ended, target)

    def _judge(self, ended: Ended, target: Target) -> Outcome:
        summary, details, readings = parse_output(ended.stdout.decode("utf-8", "replace"))
        complaint = ended.stderr.decode("utf-8", "replace").strip()
        if not summary:
            summary, _, rest = complaint.partition("\n")
            details = details or rest
        elif complaint:
            details = f"{details}\n{complaint}".strip()
        status, remark = self._verdict(ended, target)
        if remark:
            summary = f"{remark}: {summary}" if summary else remark
        return Outcome(
            status=status,
            summary=summary or f"(no output, exit code {ended.exit_code})",
            details=details,
            readings=readings,
        )

    def _verdict(self, ended: Ended, target: Target) -> tuple[Status, str]:
        """The status, and what the plug-in itself could not say."""
        if ended.error:
            return Status.UNKNOWN, f"Cannot run the program: {ended.error}"
        if ended.timed_out:
            return Status(self._config.on_timeout), f"Ended after {target.timeout:g} s"
        if ended.flooded:
            return Status.UNKNOWN, "Ended because it would not stop printing"
        if ended.exit_code < 0:
            return Status.UNKNOWN, f"Killed by signal {-ended.exit_code}"
        if ended.exit_code not in _CODES:
            return Status.UNKNOWN, f"Exit code {ended.exit_code}"
        return _CODES[ended.exit_code], ""


def problems(config: CommandConfig) -> list[Problem]:
    """What the types alone cannot tell."""
    found: list[Problem] = []
    try:
        argv = split(config.command)
    except Invalid as error:
        found.append(Problem(field="command", reason=error.reason))
        argv = []
    for name in sorted({m for argument in argv for m in _MACRO.findall(argument) if m and m not in _MACROS}):
        known = ", ".join(f"${macro}$" for macro in _MACROS)
        found.append(
            Problem(field="command", reason=f"there is no macro ${name}$", fix=f"known are {known}; write $$ for $")
        )
    for field, names in (("environment", config.environment), ("secrets", config.secrets)):
        for name in names:
            if not _VARIABLE.fullmatch(name):
                found.append(Problem(field=field, reason=f"{name[:50]!r} is not a variable's name"))
            elif name.startswith(_FORBIDDEN):
                found.append(Problem(field=field, reason=f"{name} is not permitted: it decides which code runs"))
    values = [*config.environment.values(), *(secret.reveal() for secret in config.secrets.values())]
    if any("\x00" in value for value in values):
        found.append(Problem(field="environment", reason="a value contains a NUL character"))
    return found


def split(command: str | list[str]) -> list[str]:
    """Program and arguments; `Invalid` when there is none, or a quote is not closed."""
    try:
        argv = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise Invalid(f"cannot be split into arguments: {error}") from error
    if not argv or not argv[0]:
        raise Invalid("names no program")
    if any("\x00" in argument for argument in argv):
        raise Invalid("contains a NUL character")
    return argv


def _fill(argument: str, target: Target) -> str:
    """Put names and addresses in. What would look like an option to the program is refused."""
    values = {"": "$", "HOSTADDRESS": target.address, "HOSTNAME": target.host, "CHECKNAME": target.check}
    filled = _MACRO.sub(lambda match: values.get(match[1], match[0]), argument)
    if filled.startswith("-") and not argument.startswith("-"):
        raise Invalid(f"{argument} became {filled[:50]!r}, which a program would take for an option")
    return filled


def _environment(config: CommandConfig, settings: Commands) -> dict[str, str]:
    secrets = {name: secret.reveal() for name, secret in config.secrets.items()}
    return {"PATH": _PATH, "LANG": "C.UTF-8", **settings.environment, **config.environment, **secrets}
