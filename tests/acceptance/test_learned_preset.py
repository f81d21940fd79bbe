"""The preset `checkout-stopped`: what is usual at this hour was learned, and then the checkouts stop."""

import threading
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

import httpx
import pytest

from acceptance.installation import Installation
from acceptance.learned import define_learned
from servers.process import wait_until

pytestmark = pytest.mark.slow

STOPPED = {"event": "CheckoutStopped", "resource": "shop"}


class Checkouts:
    """Customers that buy: a hundred checkouts every half second, while the block runs."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        events = [{"event_type": "checkout"}] * 100
        while not self._over.wait(0.5):
            httpx.post(f"{self._installation.collector_url}/events", json=events, timeout=60).raise_for_status()


def test_checkouts_that_stop_are_told_by_what_was_learned(single_machine: Installation) -> None:
    """Some hundred in each window are usual; more are well; none is an alert, and it ends when they come again."""
    found = {one["id"]: one["rule"] for one in single_machine.call("GET", "/api/rules/presets")["presets"]}
    preset = {**found["checkout-stopped"], "window_s": 5, "late_s": 5}
    database = f"sqlite:///{single_machine.folder / 'data' / 'watchbell.db'}"

    def windows() -> list[dict[str, Any]]:
        return single_machine.call("GET", f"/api/rules/{quote(rule_id)}/windows?hours=1")["windows"]

    with Checkouts(single_machine):  # before there is a rule: without them it would rightly say that they have stopped
        rule_id = define_learned(single_machine, database, preset, [95.0, 100.0, 105.0], datetime.now(UTC))
        wait_until(lambda: sum(row["outcome"] == "ok" for row in windows()) >= 2, 60, "two windows as was learned")
        assert single_machine.alert(**STOPPED) is None
    (expected, low) = next((row["expected"], row["low"]) for row in windows() if row["outcome"] == "ok")
    assert expected == 100
    assert 50 <= low < 95

    alert = single_machine.wait_alert(90, status="open", **STOPPED)
    assert (alert["severity"], alert["resource"]) == ("critical", "shop")
    assert float(alert["attributes"]["expected"]) == 100
    bad = [row["outcome"] for row in windows()].count("breach")
    assert bad >= preset["fire_after"] == 2

    with Checkouts(single_machine):
        single_machine.wait_alert(60, status="closed", **STOPPED)
    assert len(single_machine.call("GET", "/api/alerts", params=STOPPED)["alerts"]) == 1
