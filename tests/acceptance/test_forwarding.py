"""Installations that forward to each other, as processes: nothing goes round, nothing is lost, nobody waits."""

import json
import re
import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from acceptance.installation import ADMIN_KEY, SingleMachine
from servers.process import PATIENCE, free_port, wait_until
from servers.target import HttpTarget

pytestmark = pytest.mark.slow

HMAC = "the-secret-that-signs-between-installations"
SOON = 60.0
NEVER = 600
"""Seconds that no test takes."""


def forwarding(port: int, *destinations: dict[str, Any], **settings: str) -> SingleMachine:
    """`watchbell up` on this port, which forwards to these."""
    return SingleMachine(
        port,
        WATCHBELL_SERVER__BASE_URL=f"http://127.0.0.1:{port}",
        WATCHBELL_PLUGINS__FORWARD=json.dumps(destinations),
        WATCHBELL_LOGIN__HMAC=json.dumps([{"id": "peer", "secret": HMAC, "scopes": ["admin"]}]),
        **settings,
    )


def api(port: int) -> str:
    """The address of the API there."""
    return f"http://127.0.0.1:{port}/api"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[SingleMachine, SingleMachine]]:
    """Two that forward to each other: one by a key, one by signed requests."""
    one, two = free_port(), free_port()
    first = forwarding(one, {"url": api(two), "name": "second", "key": ADMIN_KEY})
    try:
        second = forwarding(two, {"url": api(one), "name": "first", "key": "peer", "secret": HMAC})
        try:
            yield first, second
        finally:
            second.stop()
    finally:
        first.stop()


def send(server: SingleMachine, event: str, expect: int = 201, severity: str = "major", **more: Any) -> Any:
    """Send an alert; the answer."""
    headers = more.pop("headers", None)
    body = {"resource": "web", "event": event, "environment": "Production", "service": ["Shop"], "severity": severity}
    return server.call("POST", "/api/alert", {**body, **more}, expect, headers=headers)


def metric(server: SingleMachine, name: str, **labels: str) -> float:
    """The sum over the lines with these labels; -1 where there is none."""
    text = server.call("GET", "/metrics")
    lines = [line for line in text.splitlines() if re.match(rf"(watchbell_)?{name}(_total)?{{", line)]
    found = [line for line in lines if all(f'{key}="{value}"' in line for key, value in labels.items())]
    return sum(float(line.rpartition(" ")[2]) for line in found) if found else -1.0


def test_alerts_go_to_the_other_and_stop_there(pair):
    first, second = pair
    for here, there in (pair, pair[::-1]):
        event = f"From {here.port}"
        sent = send(here, event, text="<b>full</b>", tags=["a"], attributes={"rack": "7"}, value=0)["alert"]
        there.wait_alert(SOON, event=event)
        got = there.call("GET", f"/api/alert/{sent['id']}")["alert"]
        same = (
            "resource",
            "severity",
            "text",
            "tags",
            "attributes",
            "value",
            "createTime",
            "origin",
            "type",
            "timeout",
        )
        assert {name: got[name] for name in same} == {name: sent[name] for name in same}
        send(here, event, severity="critical")
        there.wait_alert(SOON, event=event, severity="critical")
        # It would have come back by now: each has seen it as often as it was sent.
        time.sleep(2)
        assert [s.alert(event=event)["duplicateCount"] for s in pair] == [0, 0]
        history = here.call("GET", f"/api/alert/{sent['id']}")["alert"]["history"]
        assert [entry["type"] for entry in history] == ["new", "severity"]
    assert metric(first, "forward_messages", outcome="sent") >= 2
    assert metric(first, "forward_messages", outcome="refused") == -1
    assert metric(second, "forward_up", destination="first") == 1


def test_what_people_do_goes_on_too(pair):
    first, second = pair
    alert = send(first, "Acted on")["alert"]
    second.wait_alert(SOON, event="Acted on")
    second.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "ack", "text": "I look", "timeout": 600})
    there = first.wait_alert(SOON, status="ack", event="Acted on")
    last = first.call("GET", f"/api/alert/{there['id']}")["alert"]["history"][-1]
    assert (last["type"], last["text"], last["timeout"]) == ("ack", "I look", 600)
    first.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "close"})
    second.wait_alert(SOON, status="closed", event="Acted on")
    second.call("DELETE", f"/api/alert/{alert['id']}")
    wait_until(lambda: first.alert(event="Acted on") is None, SOON, "the alert to go")


def test_a_message_that_was_here_already_is_answered_as_alerta_does(pair):
    first, second = pair
    via = {"X-Alerta-Loop": f"http://elsewhere.example/api,{api(first.port)},{api(second.port)}"}
    said = f"forwarded by {api(second.port)} already processed by {api(first.port)}"
    answer = send(first, "Round", 202, headers=via)
    assert (answer["status"], answer["message"]) == ("ok", f"Alert {said}")
    assert first.alert(event="Round") is None
    alert = send(first, "Stays")["alert"]
    path = f"/api/alert/{alert['id']}"
    answer = first.call("PUT", f"{path}/action", {"action": "ack"}, 202, headers=via)
    assert answer["message"] == f"Action ack {said}"
    assert first.call("DELETE", path, None, 202, headers=via)["message"] == f"Delete {said}"
    assert first.call("GET", path)["alert"]["status"] == "open"
    wrong = send(first, "Too far", 400, headers={"X-Alerta-Loop": ",".join(["http://x"] * 99)})
    assert "X-Alerta-Loop" in wrong["message"]


def test_nothing_is_lost_while_the_other_is_down_and_all_comes_in_order(pair):
    first, second = pair
    before = send(first, "Before")["alert"]
    second.wait_alert(SOON, event="Before")
    second.process.signal(signal.SIGKILL)
    second.process.wait()
    second.process.kill()
    began = time.monotonic()
    for number in range(40):
        send(first, f"While down {number}", severity="minor")
        send(first, f"While down {number}", severity="critical" if number % 2 else "normal")
    first.call("PUT", f"/api/alert/{before['id']}/action", {"action": "ack"})
    assert time.monotonic() - began < 20 * PATIENCE, "nobody waits for who is away"
    wait_until(lambda: metric(first, "forward_up", destination="second") == 0, SOON, "the trouble to show")
    # Whoever forwards may die meanwhile, too.
    first.process.signal(signal.SIGKILL)
    first.process.wait()
    first.process.kill()
    first.restart(first.process)
    second.restart(second.process)
    second.wait_alert(90, status="ack", event="Before")
    for number in range(40):
        bad = number % 2
        event = f"While down {number}"
        there = second.wait_alert(90, status="open" if bad else "closed", event=event)
        assert there["severity"] == ("critical" if bad else "normal")
    assert second.call("GET", "/api/alerts", params={"event": "~While down"})["total"] == 40
    wait_until(lambda: metric(first, "forward_up", destination="second") == 1, SOON, "the trouble to be over")


def test_one_that_is_slow_one_that_refuses_and_one_out_of_bounds_hold_up_nobody(http_target: HttpTarget):
    http_target.answer(200, delay=NEVER)
    here, there = free_port(), free_port()
    last = forwarding(there)
    middle = forwarding(
        here,
        {"url": f"{http_target.url}/slow", "name": "slow", "token": "s3cret-token", "timeout": 60},
        {"url": "http://169.254.169.254/api", "name": "metadata"},
        {"url": api(there), "name": "no-key", "key": "not-a-key-of-theirs"},
        {"url": api(there), "name": "last", "username": "nobody", "password": "s3cret-password", "actions": ["ack"]},
        {"url": f"{api(there)}/", "name": "good", "key": ADMIN_KEY, "actions": ["alerts"]},
        WATCHBELL_ALERTS__HEARTBEAT_EVENTS="Alive",
    )
    try:
        alert = send(middle, "Quick")["alert"]
        last.wait_alert(10, event="Quick")  # the slow one will not have answered by then
        middle.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "ack"})
        wait_until(lambda: http_target.requests, SOON, "the slow one to be asked")
        slow = http_target.requests[0]
        assert (slow.headers["authorization"], slow.headers["x-alerta-loop"]) == ("Bearer s3cret-token", api(here))
        for name in ("metadata", "no-key", "last"):
            up = partial(metric, middle, "forward_up", destination=name)
            wait_until(lambda up=up: up() == 0, SOON, f"trouble of {name}")
        wait_until(
            lambda: metric(middle, "forward_messages", destination="metadata", outcome="failed") > 1, SOON, "more tries"
        )
        assert last.alert(event="Quick")["status"] == "open", "of actions it hears only by one that has no access"
        log = middle.process.log()
        assert "cloud metadata address" in log
        assert "s3cret" not in log + middle.call("GET", "/api/management/properties")
        beat = send(middle, "Alive", 202, origin="cron/web", timeout=300)
        assert beat["message"] == "Alert converted to Heartbeat"
        assert middle.call("GET", f"/api/heartbeat/{beat['id']}")["heartbeat"]["origin"] == "cron/web"
        assert middle.alert(event="Alive") is None
    finally:
        http_target.down()  # or the last attempt would be waited for
        middle.stop()
        last.stop()
