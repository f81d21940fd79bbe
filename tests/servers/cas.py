"""A Central Authentication Service: django-cas-server, installed from its lock into an environment of its own."""

import json
import re
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from servers.alerta import install
from servers.process import Folder, ServerProcess, free_port, is_listening

LOCK = Path(__file__).with_name("cas.lock")
RUNNER = Path(__file__).with_name("cas_runner.py")
USER, PASSWORD = "ann", "correct horse battery"
PERSON: dict[str, Any] = {"mail": "ann@example.org", "displayName": "Ann Example", "groups": ["ops", "dev"]}


class CasServer:
    """The server, at `url`; it knows one person."""

    def __init__(self) -> None:
        self._folder = Folder("cas")
        folder = self._folder.path
        python = install(folder, LOCK, "python")
        self.known(PERSON)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = ServerProcess("cas", [str(python), str(RUNNER), str(folder), str(port)], folder=folder)
        self.process.start()
        self.process.wait_ready(lambda: is_listening(port), 60)

    def known(self, attributes: dict[str, Any], user: str = USER) -> None:
        """Whom it knows from now on."""
        person = {"user": user, "password": PASSWORD, "attributes": attributes}
        (self._folder.path / "person.json").write_text(json.dumps(person))

    def log_in(self, url: str, user: str = USER) -> str:
        """What somebody does whose browser is sent to `url`: the address that they are sent back to, with a ticket."""
        opener = build_opener(HTTPCookieProcessor(CookieJar()), _Stay())
        page = opener.open(url, timeout=30).read().decode()
        hidden = re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page)
        form = {name: value for name, value in hidden if value} | {"username": user, "password": PASSWORD}
        form["service"] = parse_qs(urlsplit(url).query)["service"][0]
        try:
            opener.open(Request(url, urlencode(form).encode(), {"Referer": url}), timeout=30)
        except HTTPError as answer:
            if location := answer.headers.get("Location"):
                return location
        raise AssertionError("the server sends nobody back")

    def close(self) -> None:
        """Stop it and remove it."""
        self.process.stop()
        self._folder.remove()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow nothing: where it leads to is what is asked."""
