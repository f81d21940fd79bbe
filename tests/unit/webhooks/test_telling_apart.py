"""What is easily lost of a message: label sets that name no instance, headers that are the event, values of tags."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from watchbell import plugins
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def read(vendor: str, body: Any) -> list[Signal]:
    return plugins.table("webhook")[vendor]().read(Call(body=msgspec.json.encode(body), received=NOW))


def test_label_sets_of_grafana_without_an_instance_stay_apart():
    rule = {"alertname": "Multi", "severity": "critical", "grafana_folder": "Shop"}
    sets = [{"status": "firing", "labels": {**rule, "zone": zone}} for zone in ("eu", "us")]
    first, second = read("grafana", {"alerts": sets})
    assert (first.resource, second.resource, first.event) == ("zone=eu", "zone=us", "Multi")
    (alone,) = read("grafana", {"alerts": [{"status": "firing", "labels": rule}]})
    assert alone.resource == "Multi"


def test_cloud_events_in_binary_mode():
    headers = {"ce-specversion": "1.0", "ce-id": "e1", "ce-source": "/shop/cart", "ce-type": "com.example.full"}
    reader = plugins.table("webhook")["cloudevents"]()
    body = b'{"severity": "critical", "text": "no room"}'
    (signal,) = reader.read(Call(body=body, headers=headers, received=NOW))
    assert (signal.resource, signal.event, signal.severity) == ("/shop/cart", "com.example.full", "critical")
    assert signal.text == "no room"
    (plain,) = reader.read(Call(body=b"no room", headers={**headers, "ce-subject": "cart 7"}, received=NOW))
    assert (plain.resource, plain.text) == ("cart 7", "no room")
    with pytest.raises(Invalid, match="ce-type"):
        reader.read(Call(body=body, headers={**headers, "ce-type": ""}, received=NOW))


def test_tags_of_uptime_kuma_have_their_values():
    monitor = {"name": "shop", "tags": [{"name": "env", "value": "prod"}, {"name": "public", "value": ""}]}
    (signal,) = read("uptime_kuma", {"heartbeat": {"status": 0}, "monitor": monitor})
    assert signal.tags == ("env=prod", "public")
