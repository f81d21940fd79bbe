"""The application, as far as plug-ins use it: its settings, and a logger."""

import logging
from typing import Any


class Config(dict[str, Any]):
    """Alerta's settings by their names; Watchbell fills them before it loads a plug-in."""


class App:
    """What `from alerta.app import app` gives."""

    def __init__(self) -> None:
        self.name = "alerta"
        self.config = Config()
        self.logger = logging.getLogger("alerta")


app = App()
config = app.config
