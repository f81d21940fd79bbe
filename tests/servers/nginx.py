"""nginx with a configuration of the test's own."""

from pathlib import Path
from types import TracebackType
from typing import Self

from servers.process import Folder, ServerProcess, find_program, is_listening


class NginxServer:
    """nginx in the foreground under ``configuration`` (a whole nginx.conf), ready when ``port`` takes connections.

    The prefix is a temporary folder, ``folder``: relative paths in the configuration stand there, as do the pid file
    and the error log. Files that the configuration names (certificates, say) go in with ``add_file`` before ``start``.
    """

    def __init__(self, configuration: str, port: int) -> None:
        program = find_program("nginx", "nginx", "/usr/sbin", "/usr/local/sbin")
        self._folder = Folder("nginx")
        self.folder = self._folder.path
        self.port = port
        (self.folder / "nginx.conf").write_text(configuration)
        directives = f"daemon off; pid {self.folder}/nginx-master.pid; error_log stderr;"
        command = [program, "-p", f"{self.folder}/", "-c", "nginx.conf", "-e", "stderr", "-g", directives]
        self.process = ServerProcess("nginx", command, folder=self.folder, stop_signal="QUIT", grace=3)

    def add_file(self, name: str, content: str | bytes) -> Path:
        """Put a file under the prefix and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def start(self) -> Self:
        """Start it and wait until it takes connections; a mistake in the configuration is in the error's text."""
        self.process.start().wait_ready(lambda: is_listening(self.port), timeout=20)
        return self

    def stop(self) -> None:
        """Stop it for good and remove its folder."""
        self.process.stop()
        self._folder.remove()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
