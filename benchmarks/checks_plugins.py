"""Nagios plug-ins per second, scheduled, sent over the bus, run, judged and stored, beside a bare loop of posix_spawn.

    benchmarks/checks_plugins.py [--checks N] [--rounds N] [--repeat N] [--program FILE] [--store KIND]

The bare loop reads the output through a pipe and does nothing else, with one process and with two: the machine's limit.
asyncio's own subprocesses are measured too, on both event loops, for they are why programs are started by helpers.
Where Icinga 2 is installed (Debian package: icinga2-bin), a private one runs the same plug-in in turn with ours, with
twice as many checks due each second as the bare loop can run. Where it is not: 875 runs/s of check_dummy were measured
on a machine of 2 cores whose bare loop made 1,700.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from checks_pipeline import Pipeline
from icinga import PROGRAM as ICINGA
from icinga import rate as icinga_rate

from watchbell.adapters.spawner.runner import Spawner
from watchbell.checks.command import Command, CommandConfig
from watchbell.domain.checks.check import Check
from watchbell.toolkit.commands import Commands
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import read

PLUGIN = "/usr/lib/nagios/plugins/check_dummy"


def bare(argv: list[str], total: int) -> None:
    """Run a program so often, one after another."""
    for _ in range(total):
        out, into = os.pipe2(os.O_CLOEXEC)
        pid = os.posix_spawn(argv[0], argv, {}, file_actions=[(os.POSIX_SPAWN_DUP2, into, 1)], setsid=True)
        os.close(into)
        while os.read(out, 65536):
            pass
        os.close(out)
        os.waitpid(pid, 0)


def cpu_seconds() -> float:
    """What this process and everything that it has waited for have used."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def bare_rate(argv: list[str], total: int, processes: int) -> float:
    workers = [multiprocessing.Process(target=bare, args=(argv, total // processes)) for _ in range(processes)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return total / (time.perf_counter() - began)


async def asyncio_rate(argv: list[str], total: int) -> float:
    slots = asyncio.Semaphore(16)

    async def one() -> None:
        async with slots:
            process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
            await process.communicate()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(total)))
    return total / (time.perf_counter() - began)


async def ours(argv: list[str], checks: int, rounds: int, store: str) -> float:
    commands = Commands(directories=("/",))
    spawner = Spawner(commands)
    tools = ProbeTools(processes=spawner, commands=commands)
    defined = [
        Check(id=f"c-{n}", name=f"c-{n}", type="command", config={"command": argv}, interval=1.0, timeout=30.0)
        for n in range(checks)
    ]
    types = {"command": lambda data: Command(read(CommandConfig, data), tools)}
    async with Pipeline(defined, types, store, concurrency=32) as pipeline:
        now = datetime.now(UTC)
        await pipeline.round(now)
        await pipeline.round(now + timedelta(seconds=1))  # the first look at each check reads its settings
        began = time.perf_counter()
        for number in range(2, rounds + 2):
            await pipeline.round(now + timedelta(seconds=number))
        spent = time.perf_counter() - began
        pipeline.expect_all_ok(checks)
    await spawner.close()
    return checks * rounds / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--checks", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=2, help="the best of so many counts")
    parser.add_argument("--store", default="sqlite", help="sqlite (a file, durable) or memory")
    parser.add_argument("--program", default=PLUGIN if Path(PLUGIN).exists() else "/bin/true")
    parser.add_argument(
        "--icinga-seconds", type=float, default=10.0, help="how long Icinga 2 is counted; 0: not at all"
    )
    options = parser.parse_args()
    gc.set_threshold(50_000, 50, 50)
    argv = [options.program, "0", "fine"]
    total = options.checks * options.rounds
    bare(argv, 50)
    one = two = rate = icinga = 0.0
    bare_cpu = our_cpu = float("inf")
    for _ in range(options.repeat):  # in turn, so that a busy moment of the machine meets all of them
        one = max(one, bare_rate(argv, total, 1))
        used = cpu_seconds()
        two = max(two, bare_rate(argv, total, 2))
        bare_cpu = min(bare_cpu, (cpu_seconds() - used) / total * 1e6)
        if ICINGA is not None and options.icinga_seconds:
            icinga = max(icinga, icinga_rate(argv, int(2 * two), options.icinga_seconds))
        used = cpu_seconds()
        rate = max(rate, uvloop.run(ours(argv, options.checks, options.rounds, options.store)))
        our_cpu = min(our_cpu, (cpu_seconds() - used) / (total + options.checks) * 1e6)
    print(f"watchbell                  {rate:8.0f} runs/s of {options.program}, judged and stored ({options.store})")
    print(f"CPU of a run, all counted  {our_cpu:8.0f} µs; of the bare loop {bare_cpu:.0f} µs")
    print(f"posix_spawn, one process   {one:8.0f} runs/s, ratio {rate / one:.2f}")
    print(f"posix_spawn, two processes {two:8.0f} runs/s, ratio {rate / two:.2f}")
    if icinga:
        print(f"Icinga 2                   {icinga:8.0f} runs/s, ratio {rate / icinga:.2f}")
    print(f"asyncio's subprocess       {asyncio.run(asyncio_rate(argv, total // 4)):8.0f} runs/s")
    print(f"uvloop's subprocess        {uvloop.run(asyncio_rate(argv, total // 8)):8.0f} runs/s")


if __name__ == "__main__":
    main()
