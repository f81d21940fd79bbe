"""Runs Alerta's command line again and again without loading it anew: each command in a child process of its own.

For the Python of Alerta's environment. Reads one JSON object a line, `{"arguments", "environment", "stdin", "stdout",
"stderr"}` (the last three are files), and answers each with its exit status.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

cli = import_module("alertaclient.cli").cli
for name in cli.list_commands(None):
    cli.get_command(None, name)  # loaded once, for all children


def run(order: dict[str, Any]) -> None:
    """Be the command, in a child."""
    for stream, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        os.dup2(os.open(order[name], flags), stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    # The one thing that it finds out when it is loaded.
    kept: Any = import_module("alertaclient.auth.utils")
    kept.NETRC_FILE = os.path.join(os.environ["HOME"], ".netrc")  # noqa: PTH118 - as it does
    sys.argv = ["alerta", *order["arguments"]]
    sys.exit(cli())


def main() -> None:
    """Do as told until there are no more orders."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
