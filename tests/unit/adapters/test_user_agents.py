import json
from pathlib import Path

import pytest

from watchbell.adapters.user_agents import parse_user_agent
from watchbell.domain.events.record import UserAgent

PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
)
TABLET = (
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.6 Mobile/15E148 Safari/604.1"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def test_the_vector():
    vectors = json.loads((Path(__file__).parents[2] / "data" / "divolte_vectors.json").read_text())["user_agent"]
    found, expected = parse_user_agent(vectors["user_agent"]), vectors["expected"]
    assert found == UserAgent(
        name=expected["name"],
        family=expected["family"],
        vendor=expected["vendor"],
        type=expected["type"],
        version=expected["version"],
        device_category=expected["deviceCategory"],
        os_family=expected["osFamily"],
        os_version=expected["osVersion"],
        os_vendor=expected["osVendor"],
    )


@pytest.mark.parametrize(
    ("header", "kind", "category", "vendor"),
    [
        (PHONE, "Mobile Browser", "Smartphone", "Google Inc."),
        (TABLET, "Mobile Browser", "Tablet", "Apple Inc."),
        (ROBOT, "Robot", "Other", "Google Inc."),
        (DESKTOP, "Browser", "Personal computer", "Mozilla Foundation"),
        ("curl/8.5.0", "Library", None, None),
        ("", None, None, None),
        ("x" * 100_000, None, None, None),
    ],
)
def test_kinds(header, kind, category, vendor):
    found = parse_user_agent(header)
    assert (found.type, found.device_category, found.vendor) == (kind, category, vendor)
