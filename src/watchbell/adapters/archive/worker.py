"""The process that answers questions: `python -m watchbell.adapters.archive.worker`.

It reads requests and writes replies as lines of JSON. One question at a time; a line `{"stop": true}` interrupts it. It
is a process of its own so that a question that takes too much ends here, and not with the alerts. It ends when its
input ends.
"""

import os
import sys
import threading
import time
from importlib import import_module
from typing import Any

import msgspec

from watchbell.adapters.archive.answering import answer
from watchbell.adapters.archive.layout import Place
from watchbell.adapters.archive.statements import Sql
from watchbell.adapters.archive.wire import Ask, Begin, Reply, Stop

# DuckDB has no types that hold in strict mode; what is taken from it is Any from here on.
duckdb: Any = import_module("duckdb")

LOOK_EVERY_S = 0.25


class Worker:
    """Answers one question after another."""

    def __init__(self, begin: Begin) -> None:
        self._place = Place(begin.url)
        self._connection = _connect(begin, self._place)
        self._busy = False
        self._stopped = False
        self._write_lock = threading.Lock()

    def serve(self) -> None:
        """Reads until the input ends."""
        threading.Thread(target=self._tell_progress, daemon=True).start()
        decoder = msgspec.json.Decoder(Ask | Stop)
        work: list[Ask] = []
        ready = threading.Semaphore(0)

        def listen() -> None:
            for line in sys.stdin.buffer:
                request = decoder.decode(line)
                if isinstance(request, Stop):
                    self._stopped = True
                    self._connection.interrupt()
                else:
                    self._stopped = False
                    work.append(request)
                    ready.release()
            os._exit(0)

        threading.Thread(target=listen, daemon=True).start()
        while True:
            ready.acquire()
            self._answer(work.pop(0))

    def _answer(self, request: Ask) -> None:
        self._busy = True
        try:
            began = time.monotonic()
            found = answer(self._run, self._place, request.question)
            found["tookMs"] = round((time.monotonic() - began) * 1000)
            reply = Reply(answer=found)
        except duckdb.InterruptException:
            reply = Reply(failed="stopped")
        except duckdb.OutOfMemoryException as error:
            reply = Reply(failed="memory", detail=str(error))
        except Exception as error:  # task edge: the caller is told; this process answers the next question
            reply = Reply(failed="error", detail=f"{type(error).__name__}: {error}")
        self._busy = False
        self._say(reply)

    def _run(self, statement: Sql) -> list[tuple[Any, ...]]:
        if self._stopped:
            raise duckdb.InterruptException("stopped")
        return self._connection.execute(statement.text, statement.values).fetchall()

    def _tell_progress(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            if self._busy:
                percent = self._connection.query_progress()
                if 0 <= percent <= 100 and self._busy:
                    self._say(Reply(progress=round(percent / 100, 4)))

    def _say(self, reply: Reply) -> None:
        with self._write_lock:
            sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
            sys.stdout.buffer.flush()


def _connect(begin: Begin, place: Place) -> Any:
    """A database in memory that reads the archive and nothing else, and loads no extensions."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{begin.memory_mib}MiB",
            "threads": begin.threads,
            "temp_directory": begin.scratch,
            "max_temp_directory_size": f"{begin.memory_mib * 4}MiB",
        },
    )
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute("SET TimeZone = 'UTC'")
    if place.remote:
        # The folder is reached through fsspec, which DuckDB's own lock on files does not know.
        connection.register_filesystem(place.fs)
    else:
        folders = [f"{place.root}/", f"{begin.scratch}/"]
        connection.execute("SET allowed_directories = " + _list(folders))
        connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _list(texts: list[str]) -> str:
    """A list of texts as SQL, for the one statement that takes no bound values."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


def main() -> None:
    """Serve until the input ends."""
    os.nice(10)  # alerts come first
    Worker(msgspec.json.decode(sys.stdin.buffer.readline(), type=Begin)).serve()


if __name__ == "__main__":
    main()
