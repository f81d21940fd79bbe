"""What the `command` check may run, and as whom.

The settings belong to each worker: they say what *this* machine permits.
"""

import os.path
from collections.abc import Sequence

from watchbell.domain.errors import Invalid
from watchbell.toolkit.settings import Settings

PLUGIN_DIRECTORIES = (
    "/usr/lib/nagios/plugins",
    "/usr/lib64/nagios/plugins",
    "/usr/lib/monitoring-plugins",
    "/usr/local/lib/nagios/plugins",
    "/usr/local/libexec/nagios",
)


class Commands(Settings, frozen=True, kw_only=True):
    """Which programs `command` checks may run on a worker."""

    directories: tuple[str, ...] = PLUGIN_DIRECTORIES
    """Directories whose programs may be run. `/` permits every program of the machine."""
    environment: dict[str, str] = {}
    """Environment variables that every program gets, beside PATH and LANG."""
    run_as: str = ""
    """User that programs run as, when the worker itself runs as root; empty means the worker's own user."""
    working_directory: str = "/"
    """Directory that programs start in."""
    memory_limit_mb: int = 0
    """Address space that one program may use, in MiB; 0 means no limit."""
    spawners: int = 2
    """Helper processes that start programs."""


def locate(program: str, directories: Sequence[str]) -> str:
    """The absolute path of a program, or `Invalid` when it stands in none of the directories.

    Looks at names only, not at files.
    """
    if ".." in program.split("/"):
        raise Invalid(f"{program!r} must not contain '..'")
    if "/" not in program:
        paths = [os.path.join(directory, program) for directory in directories]  # noqa: PTH118 - as below
        found = next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - once for each run
        if found is None:
            raise Invalid(f"there is no program {program!r} in {', '.join(directories)}")
        return found
    if not program.startswith("/"):
        raise Invalid(f"{program!r} must be an absolute path, or a bare name")
    path = os.path.normpath(program)
    if any(path.startswith(directory.rstrip("/") + "/") for directory in directories):
        return path
    raise Invalid(
        f"{program!r} is outside the directories that this worker permits: {', '.join(directories)} "
        "(the setting `directories` of commands)"
    )
