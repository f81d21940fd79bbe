"""Event rules of several kinds, from the collector to the alert, on one machine and in a cluster."""

import secrets
from typing import Any

import pytest

from acceptance.installation import Installation
from servers.process import wait_until

pytestmark = pytest.mark.slow


def send(installation: Installation, *events: dict[str, Any]) -> None:
    """Events as a program sends them."""
    answer = installation.client.post(f"{installation.collector_url}/events", json=list(events))
    assert answer.is_success, answer.text


def test_each_group_opens_and_ends_its_own_alert(installation: Installation) -> None:
    """Different parties by country, united from sketches; too many of one opens that one's alert."""
    mark = secrets.token_hex(4)
    resource = f"shop-{mark}"
    rule = {"measure": "distinct", "filter": {"event_type": f"visit-{mark}"}, "group_by": "parameters.country"}
    bounds = {"window_s": 5, "bound": "above", "threshold": 20, "late_s": 5}
    installation.define("rule", name=f"crowd {mark}", resource=resource, **rule, **bounds)

    def visit(country: str, people: int) -> list[dict[str, Any]]:
        return [
            {
                "event_type": f"visit-{mark}",
                "party_id": f"0:i1t84hgy:{country}{number:04d}",
                "parameters": {"country": country},
            }
            for number in range(people)
        ]

    def crowded() -> bool:
        send(installation, *visit("NZ", 60), *visit("FJ", 3))
        return installation.alert(resource=f"{resource}/NZ", status="open") is not None

    wait_until(crowded, 60, "an alert about one country")
    assert installation.alert(resource=f"{resource}/FJ") is None
    alert = installation.alert(resource=f"{resource}/NZ")
    assert alert is not None
    assert alert["attributes"]["group"] == "NZ"
    installation.wait_alert(60, status="closed", resource=f"{resource}/NZ")


def test_a_slow_percentile_is_told_and_deleting_the_rule_ends_it(installation: Installation) -> None:
    mark = secrets.token_hex(4)
    name = f"slow {mark}"
    where = f'event_type == "vitals-{mark}" && has(parameters.lcp)'
    bounds = {"window_s": 5, "bound": "above", "threshold": 2500, "late_s": 5, "at_least": 10}
    rule_id = installation.define(
        "rule", name=name, measure="percentile", field="parameters.lcp", percentile=75, where=where, **bounds
    )

    def slow() -> bool:
        send(installation, *({"event_type": f"vitals-{mark}", "parameters": {"lcp": 3000 + n}} for n in range(20)))
        return installation.alert(event=name, status="open") is not None

    wait_until(slow, 60, "an alert about slow pages")
    installation.call("DELETE", f"/api/objects/rule/{rule_id}")
    installation.wait_alert(60, status="closed", event=name)
