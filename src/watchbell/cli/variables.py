"""The environment variables that commands look at besides the settings: address and key, `!env` in files, the home."""

import os
from collections.abc import Mapping


def variables() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ
