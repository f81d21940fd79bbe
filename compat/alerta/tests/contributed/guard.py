"""Refuses what it does not like, in every way that there is, and misbehaves when it is asked to."""

import os
import time
from pathlib import Path

from alerta.exceptions import (
    ApiError,
    BlackoutPeriod,
    ForwardingLoop,
    HeartbeatReceived,
    InvalidAction,
    RateLimit,
    RejectException,
)
from alerta.plugins import PluginBase


class Guard(PluginBase):
    """Guard."""

    def pre_receive(self, alert, **kwargs):
        match alert.event:
            case "Spam":
                raise RejectException("[POLICY] no spam")
            case "Flood":
                raise RateLimit("Too many alerts")
            case "Beat":
                raise HeartbeatReceived("heartbeat-1")
            case "Loop":
                raise ForwardingLoop("been here")
            case "Night":
                raise BlackoutPeriod("Suppressed alert during blackout period")
            case "Teapot":
                raise ApiError("short and stout", 418)
            case "Crash":
                raise KeyError("secret-token")
            case "Nothing":
                return None
            case "Slow":
                _wait_for("slow", kwargs["config"])
        return alert

    def post_receive(self, alert, **kwargs):
        folder = Path(kwargs["config"]["GUARD_FOLDER"])
        if alert.event == "Doomed":
            _wait_for("doomed", kwargs["config"])
            with (folder / "told").open("a") as file:
                file.write(f"{os.getpid()} {alert.id} {alert.duplicate_count}\n")

    def status_change(self, alert, status, text, **kwargs):
        if status == "closed" and "keep" in alert.tags:
            return alert, "shelved", f"{text}, but kept"
        return None

    def take_action(self, alert, action, text, **kwargs):
        if action == "impossible":
            raise InvalidAction("not possible")
        if action == "forbidden":
            raise RejectException("not allowed")
        if action == "ticket":
            alert.attributes = {**alert.attributes, "ticket": kwargs.get("timeout")}
            alert.tag(["ticketed"])
        return alert

    def post_action(self, alert, action, text, **kwargs):
        if action == "ticket":
            alert.attributes["afterwards"] = f"{action} {text} {alert.status}"
        return alert

    def take_note(self, alert, text, **kwargs):
        if "swear" in text:
            raise RejectException("mind your language")
        alert.attributes["lastNote"] = text
        return alert, text.strip().capitalize()

    def delete(self, alert, **kwargs):
        return "keep" not in alert.tags


def _wait_for(name, config):
    while not (Path(config["GUARD_FOLDER"]) / name).exists():
        time.sleep(0.02)
