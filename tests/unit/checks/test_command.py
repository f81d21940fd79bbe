"""What the command check makes of settings and endings, without a process."""

import pytest

from watchbell.checks.command import Command, CommandConfig
from watchbell.domain.checks.result import Status
from watchbell.ports.check import Target
from watchbell.ports.process import Ended
from watchbell.toolkit.commands import Commands
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import InvalidSettings, read

TARGET = Target(address="192.0.2.7", host="shop 1", check="disk", timeout=5)


class Ending:
    """A process runner whose programs end as told."""

    def __init__(self, ended):
        self.ended = ended
        self.programs = []

    async def run(self, program):
        self.programs.append(program)
        return self.ended

    async def close(self):
        raise AssertionError


async def outcome(ended=None, target=TARGET, commands=None, **settings):
    runner = Ending(ended or Ended())
    tools = ProbeTools(processes=runner, commands=commands or Commands(directories=("/",)))
    found = await Command(read(CommandConfig, {"command": "/bin/x", **settings}), tools).run(target)
    return found, runner.programs


@pytest.mark.parametrize(
    ("ended", "status", "summary"),
    [
        (Ended(exit_code=0, stdout=b"OK - fine|a=1"), Status.OK, "OK - fine"),
        (Ended(exit_code=1, stdout=b"WARN"), Status.WARNING, "WARN"),
        (Ended(exit_code=2, stdout=b"CRIT"), Status.CRITICAL, "CRIT"),
        (Ended(exit_code=3, stdout=b"UNKN"), Status.UNKNOWN, "UNKN"),
        (Ended(exit_code=17, stdout=b"x"), Status.UNKNOWN, "Exit code 17: x"),
        (Ended(exit_code=-9), Status.UNKNOWN, "Killed by signal 9"),
        (Ended(exit_code=-15, timed_out=True, stdout=b"so far"), Status.CRITICAL, "Ended after 5 s: so far"),
        (Ended(exit_code=-9, flooded=True), Status.UNKNOWN, "Ended because it would not stop printing"),
        (Ended(error="no such file"), Status.UNKNOWN, "Cannot run the program: no such file"),
        (Ended(exit_code=2, stderr=b"bad\nworse"), Status.CRITICAL, "bad"),
        (Ended(exit_code=0), Status.OK, "(no output, exit code 0)"),
        (Ended(exit_code=0, stdout=b"\xff\xfe\x00\x01binary"), Status.OK, "\ufffd\ufffdbinary"),
    ],
)
async def test_endings(ended, status, summary):
    found, _ = await outcome(ended)
    assert (found.status, found.summary) == (status, summary)


async def test_long_output_numbers_and_complaints():
    found, _ = await outcome(Ended(stdout=b"OK | a=1\nline two\nline three | b=2s\nc=3", stderr=b"warned"))
    assert found.details == "line two\nline three\nwarned"
    assert [r.name for r in found.readings] == ["a", "b", "c"]


async def test_a_timeout_can_be_unknown():
    found, _ = await outcome(Ended(timed_out=True), on_timeout="unknown")
    assert found.status is Status.UNKNOWN


async def test_macros_stay_whole_arguments():
    _, (program,) = await outcome(command="/bin/x -H $HOSTADDRESS$ --name=$HOSTNAME$ 'a b' $$5 $CHECKNAME$")
    assert program.argv == ("/bin/x", "-H", "192.0.2.7", "--name=shop 1", "a b", "$5", "disk")
    assert program.timeout == 5


async def test_a_hostile_name_stays_one_argument():
    _, (program,) = await outcome(target=Target(host="; rm -rf / $(id) `id`"), command=["/bin/x", "$HOSTNAME$"])
    assert program.argv == ("/bin/x", "; rm -rf / $(id) `id`")


async def test_an_address_that_looks_like_an_option_is_refused():
    found, programs = await outcome(target=Target(address="-oProxyCommand=id"), command="/bin/x $HOSTADDRESS$")
    assert found.status is Status.UNKNOWN
    assert programs == []


async def test_the_environment_is_clean():
    _, (program,) = await outcome(
        environment={"A": "1"},
        secrets={"TOKEN": "t0ken"},
        commands=Commands(directories=("/",), environment={"B": "2"}),
    )
    assert program.env.keys() == {"PATH", "LANG", "A", "B", "TOKEN"}
    assert program.env["TOKEN"] == "t0ken"


async def test_programs_outside_the_permitted_directories_do_not_run():
    found, programs = await outcome(commands=Commands())
    assert found.status is Status.UNKNOWN
    assert "directories" in found.summary
    assert programs == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"command": ""}, "command"),
        ({"command": []}, "command"),
        ({"command": "x 'unclosed"}, "command"),
        ({"command": ["x", "a\x00b"]}, "command"),
        ({"command": "x $ARG1$"}, "command"),
        ({"environment": {"A B": "1"}}, "environment"),
        ({"environment": {"LD_PRELOAD": "/x"}}, "environment"),
        ({"environment": {"PERLLIB": "/x"}}, "environment"),
        ({"secrets": {"PYTHONPATH": "/x"}}, "secrets"),
        ({"environment": {"A": "a\x00"}}, "environment"),
        ({"on_timeout": "ok"}, "on_timeout"),
    ],
)
def test_settings_that_cannot_work_name_their_field(settings, field):
    with pytest.raises(InvalidSettings) as caught:
        Command(read(CommandConfig, {"command": "/bin/x", **settings}), ProbeTools())
    assert [p.field for p in caught.value.problems] == [field]
