"""A private RabbitMQ node, with its own Erlang port mapper, cookie, data and logs."""

import itertools
import os
import secrets
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from servers.process import Folder, ServerProcess, find_program, free_port, is_listening

_PLACES = ("/usr/lib/rabbitmq/bin", "/usr/lib/rabbitmq/lib/*/sbin", "/opt/rabbitmq/sbin")
# A virtual host costs a start of the command line tool (more than a second), so they are made some at a time.
_BATCH = 8


class RabbitServer:
    """A broker on a free port; ``guest``/``guest`` may do everything, on loopback.

    ``with`` starts it and removes it at the end; ``stop``, ``kill`` and ``start`` in between keep the data.
    """

    def __init__(self) -> None:
        # Debian's /usr/sbin/rabbitmq-server insists on the system's user and folders; the script behind it does not.
        self._server = _unwrapped("rabbitmq-server")
        self._ctl = _unwrapped("rabbitmqctl")
        self._epmd = find_program("epmd", "erlang-base", "/usr/lib/erlang/erts-*/bin")
        self._folder = Folder("rabbitmq")
        self._fresh: list[str] = []
        self._numbers = itertools.count(1)
        self.port = free_port()
        self._epmd_port = free_port()
        self._env = self._environment()
        self._write_configuration()
        folder = self._folder.path
        self._mapper = ServerProcess(
            "epmd", [self._epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"], folder=folder, env=self._env
        )
        self.process = ServerProcess("rabbitmq", [self._server], folder=folder, env=self._env, grace=20)

    def url(self, vhost: str) -> str:
        """Return the address of a virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{vhost}"

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        if not self._mapper.running:
            self._mapper.start().wait_ready(lambda: is_listening(self._epmd_port))
        self.process.start().wait_ready(lambda: is_listening(self.port), timeout=120)
        return self

    def stop(self) -> None:
        """Shut it down; durable queues stay."""
        self.process.stop()

    def kill(self) -> None:
        """Crash it."""
        self.process.kill()

    def create_vhost(self) -> str:
        """Return the name of an empty virtual host that nobody else was given."""
        if not self._fresh:
            names = [f"test-{os.getpid()}-{next(self._numbers)}" for _ in range(_BATCH)]
            adding = " ".join(
                f'rabbit_vhost:add(<<"{name}">>, <<"guest">>),'
                f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>,'
                f' <<".*">>, <<".*">>, <<".*">>, <<"guest">>),'
                for name in names
            )
            self.ctl("eval", f"{adding} ok.")
            self._fresh = names
        return self._fresh.pop(0)

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` against this node and return what it printed."""
        done = subprocess.run(
            [self._ctl, "-q", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **self._env},
        )
        assert done.returncode == 0, f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        """Stop it for good and remove its files."""
        self.process.kill()
        self._mapper.kill()
        self._folder.remove()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _environment(self) -> dict[str, str]:
        folder = self._folder.path
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"watchbell-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            # Two schedulers that do not spin: the machine is shared with the tests themselves.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none {loopback}",
            "RABBITMQ_CTL_ERL_ARGS": f"+S 1:1 +sbwt none {loopback}",
        }

    def _write_configuration(self) -> None:
        folder = self._folder.path
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "log.console.level = warning\n"
            "disk_free_limit.absolute = 50MB\n"
            "total_memory_available_override_value = 2GB\n"
        )
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq-env.conf").write_text("")
        (folder / "advanced.config").write_text("[].\n")


def _unwrapped(name: str) -> str:
    for place in _PLACES:
        for candidate in sorted(Path("/").glob(f"{place.lstrip('/')}/{name}"), reverse=True):
            return str(candidate)
    return find_program(name, "rabbitmq-server")
