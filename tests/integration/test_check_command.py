"""The command check with real processes, hostile ones among them."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import uvloop

from conftest import missing
from servers.process import PATIENCE, MissingServerError
from watchbell.adapters.spawner.runner import Spawner
from watchbell.checks.command import Command, CommandConfig
from watchbell.domain.checks.result import Status
from watchbell.ports.check import Target
from watchbell.ports.process import Program
from watchbell.toolkit.commands import PLUGIN_DIRECTORIES, Commands
from watchbell.toolkit.probe import ProbeTools

EVERYWHERE = Commands(directories=("/",), spawners=1)
TIME_TO_BEGIN = 2.0
"""Seconds until the deadline of a program that must have begun by then, on whatever machine."""


@pytest.fixture
async def spawner():
    made = Spawner(EVERYWHERE)
    yield made
    await made.close()


@pytest.fixture
def look(spawner):
    async def look(*argv: str, timeout: float = 60.0, **settings):
        tools = ProbeTools(processes=spawner, commands=EVERYWHERE)
        return await Command(CommandConfig(command=list(argv), **settings), tools).run(Target(timeout=timeout))

    return look


def shell(text: str) -> tuple[str, str, str]:
    """A script; dollar signs doubled as the macros want it."""
    return ("/bin/sh", "-c", text.replace("$", "$$"))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def gone(pid: int, within: float = 10.0) -> bool:
    end = time.monotonic() + within * PATIENCE
    while alive(pid):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


def text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


async def written(path: Path) -> int:
    """The number that a script writes into a file."""
    end = time.monotonic() + 10 * PATIENCE
    while not text(path):
        assert time.monotonic() < end, path
        await asyncio.sleep(0.02)
    return int(text(path))


@pytest.mark.parametrize(
    ("code", "status"),
    [(0, Status.OK), (1, Status.WARNING), (2, Status.CRITICAL), (3, Status.UNKNOWN), (17, Status.UNKNOWN)],
)
async def test_exit_codes(look, code, status):
    found = await look(*shell(f"echo 'word | load=1.5;2;3'; exit {code}"))
    assert found.status is status
    assert found.summary.endswith("word")
    assert found.readings[0].value == 1.5


async def test_no_shell_looks_at_the_arguments(look):
    found = await look("/bin/echo", "$(id)", "`id`", ";", "id", "*")
    assert found.summary == "$(id) `id` ; id *"


async def test_standard_input_is_empty_and_the_environment_clean(look):
    found = await look(*shell("cat; env | sort"), environment={"MARK": "1"})
    names = {line.partition("=")[0] for line in [found.summary, *found.details.splitlines()]}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"LANG", "MARK", "PATH", "WATCHBELL_RUN"}


async def test_no_descriptor_leaks_into_programs(look):
    found = await look("/bin/ls", "-1", "/proc/self/fd")
    assert {found.summary, *found.details.splitlines()} == {"0", "1", "2", "3"}  # 3 is ls's own


async def test_children_that_ignore_sigterm_are_killed_at_the_deadline(look, tmp_path):
    script = f"trap '' TERM; (trap '' TERM; sleep 300) & echo $! >{tmp_path}/child; echo begun; wait; sleep 300"
    began = time.monotonic()
    found = await look(*shell(script), timeout=TIME_TO_BEGIN)
    assert time.monotonic() - began < TIME_TO_BEGIN + 4 * PATIENCE
    assert (found.status, found.summary) == (Status.CRITICAL, f"Ended after {TIME_TO_BEGIN:g} s: begun")
    assert await gone(await written(tmp_path / "child"))


async def test_sigterm_comes_first(look):
    found = await look(*shell("trap 'echo asked; exit 1' TERM; sleep 300 & wait"), timeout=TIME_TO_BEGIN)
    assert found.summary == f"Ended after {TIME_TO_BEGIN:g} s: asked"


async def test_what_a_program_leaves_behind_is_killed(look, tmp_path):
    found = await look(*shell(f"sleep 300 & echo $! >{tmp_path}/child; echo done"))
    assert found.summary == "done"
    assert await gone(await written(tmp_path / "child"))


async def test_even_what_left_its_session(look, tmp_path):
    there = f"while [ ! -s {tmp_path}/child ]; do sleep 0.02; done"
    found = await look(*shell(f"setsid sh -c 'echo $$ >{tmp_path}/child; exec sleep 300' & {there}; echo done"))
    assert found.summary == "done"
    assert await gone(await written(tmp_path / "child"))


async def test_a_program_that_prints_for_ever_is_ended_long_before_its_deadline(look):
    began = time.monotonic()
    found = await look("/usr/bin/yes", timeout=60)
    assert time.monotonic() - began < 20
    assert found.status is Status.UNKNOWN
    assert "would not stop printing" in found.summary
    assert len(found.details) <= 65536


async def test_much_output_is_cut_and_the_program_may_finish(spawner):
    ended = await spawner.run(Program(argv=("/bin/sh", "-c", "head -c 300000 /dev/zero; exit 1")))
    assert (ended.exit_code, len(ended.stdout), ended.truncated, ended.flooded) == (1, 65536, True, False)


async def test_complaints_do_not_block_a_program(spawner):
    ended = await spawner.run(Program(argv=("/bin/sh", "-c", "head -c 300000 /dev/zero >&2; echo fine")))
    assert (ended.stdout, len(ended.stderr)) == (b"fine\n", 65536)


async def test_binary_output(look):
    found = await look(*shell("head -c 4096 /dev/urandom; exit 2"))
    assert found.status is Status.CRITICAL
    assert all(c == "\t" or c.isprintable() or ord(c) > 127 for c in found.summary)


async def test_a_program_that_is_not_there_or_not_a_program(look, tmp_path):
    found = await look(str(tmp_path / "none"))
    assert found.status is Status.UNKNOWN
    assert "No such file" in found.summary
    (tmp_path / "text").write_text("hello")
    assert "Permission denied" in (await look(str(tmp_path / "text"))).summary
    (tmp_path / "text").chmod(0o755)
    assert (await look(str(tmp_path / "text"))).status is Status.UNKNOWN


async def test_a_death_by_signal(look):
    assert (await look(*shell("kill -SEGV $$"))).summary == "Killed by signal 11"


async def test_cancelling_kills_at_once(spawner, tmp_path):
    script = f"trap '' TERM; echo $$ >{tmp_path}/pid; sleep 300 & wait; sleep 300"
    task = asyncio.create_task(spawner.run(Program(argv=("/bin/sh", "-c", script), timeout=300)))
    pid = await written(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pid)


async def test_many_at_once(look):
    outcomes = await asyncio.gather(*(look(*shell(f"echo {n}")) for n in range(200)))
    assert [found.summary for found in outcomes] == [str(n) for n in range(200)]


async def test_a_helper_that_dies_is_replaced_and_its_programs_run_again(spawner, tmp_path):
    script = f"echo $$ >>{tmp_path}/pids; [ $(wc -l <{tmp_path}/pids) -gt 1 ] && echo second && exit 0; sleep 300"
    task = asyncio.create_task(spawner.run(Program(argv=("/bin/sh", "-c", script), timeout=60)))
    pid = await written(tmp_path / "pids")
    os.kill(spawner._helpers[0].process.pid, signal.SIGKILL)
    assert (await task).stdout == b"second\n"
    assert await gone(pid), "what the dead helper had started goes too"


async def test_closing_ends_everything(tmp_path):
    spawner = Spawner(EVERYWHERE)
    task = asyncio.create_task(
        spawner.run(Program(argv=("/bin/sh", "-c", f"echo $$ >{tmp_path}/pid; sleep 300"), timeout=60))
    )
    pid = await written(tmp_path / "pid")
    helper = spawner._helpers[0].process
    await spawner.close()
    assert await gone(pid)
    assert helper.poll() is not None
    assert (await task).error
    assert (await spawner.run(Program(argv=("/bin/true",)))).error


async def test_programs_do_not_outlive_a_worker_that_is_killed(tmp_path):
    script = f"""
import asyncio
from watchbell.adapters.spawner.runner import Spawner
from watchbell.ports.process import Program
program = Program(argv=("/bin/sh", "-c", "echo $$ >{tmp_path}/pid; sleep 300"), timeout=300)
asyncio.run(Spawner().run(program))
"""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    pid = await written(tmp_path / "pid")
    worker.kill()
    await worker.wait()
    assert await gone(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_programs_run_as_another_user():
    spawner = Spawner(Commands(run_as="nobody", spawners=1))
    ended = await spawner.run(Program(argv=("/usr/bin/id", "-un")))
    await spawner.close()
    assert ended.stdout == b"nobody\n"


async def test_an_unknown_user_is_told():
    spawner = Spawner(Commands(run_as="no-such-user", spawners=1))
    ended = await spawner.run(Program(argv=("/bin/true",)))
    await spawner.close()
    assert "no-such-user" in ended.error or os.geteuid() != 0


async def test_memory_can_be_limited():
    spawner = Spawner(Commands(memory_limit_mb=1024, spawners=1))
    ended = await spawner.run(Program(argv=(sys.executable, "-c", "bytearray(3 << 30)")))
    await spawner.close()
    assert b"MemoryError" in ended.stderr


def test_under_the_other_event_loop():
    """Workers run on uvloop, whose transports are of other classes."""

    async def several():
        spawner = Spawner(EVERYWHERE)
        try:
            return await asyncio.gather(*(spawner.run(Program(argv=("/bin/echo", str(n)))) for n in range(20)))
        finally:
            await spawner.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert [ended.stdout for ended in runner.run(several())] == [f"{n}\n".encode() for n in range(20)]


def plugin(name: str) -> str:
    """A plug-in of Debian's monitoring-plugins-basic."""
    path = next((p for d in PLUGIN_DIRECTORIES if (p := Path(d) / name).exists()), None)
    if path is None:
        missing(MissingServerError(f"{name} is not installed (Debian package: monitoring-plugins-basic)"))
    return str(path)


async def test_real_plugins(look):
    dummy = await look(plugin("check_dummy"), "1", "words")
    assert (dummy.status, dummy.summary) == (Status.WARNING, "WARNING: words")
    load = await look(plugin("check_load"), "-w", "1000,1000,1000", "-c", "2000,2000,2000")
    assert load.status is Status.OK
    assert [r.name for r in load.readings] == ["load1", "load5", "load15"]
    disk = await look(plugin("check_disk"), "-w", "1", "-c", "0", "-p", "/")
    assert disk.readings[0].name == "/"
    assert disk.readings[0].maximum


async def test_a_macro_reaches_a_real_plugin(spawner):
    tools = ProbeTools(processes=spawner, commands=Commands())
    check = Command(CommandConfig(command=f"{plugin('check_dummy')} 0 $HOSTADDRESS$"), tools)
    assert (await check.run(Target(address="192.0.2.1"))).summary == "OK: 192.0.2.1"
