import json
from pathlib import Path

import pytest

from watchbell.adapters.user_agents import CLIENT_HINTS, parse_user_agent
from watchbell.domain.events.agent import UserAgent

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


@pytest.mark.parametrize(
    ("header", "bot"),
    [
        (ROBOT, True),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36", True),
        ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 PhantomJS/2.1.1 Safari/538.1", True),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/119 Safari/537.36 Chrome-Lighthouse", True),
        ("Mozilla/5.0 (compatible; SomethingNew; +https://example.org/about)", True),
        ("somebot/1.0", True),
        ("curl/8.5.0", True),
        ("python-requests/2.31", True),
        (DESKTOP, False),
        (PHONE, False),
        (TABLET, False),
        ("Mozilla/5.0 (Linux; Android 11; CUBOT X30) AppleWebKit/537.36 Chrome/90.0 Mobile Safari/537.36", False),
        ("", False),
    ],
)
def test_bots_are_flagged(header, bot):
    assert parse_user_agent(header).bot is bot


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
FULL = '"Not_A Brand";v="8.0.0.0", "Chromium";v="120.0.6099.71", "Google Chrome";v="120.0.6099.71"'


def hinted(header, **hints):
    return parse_user_agent(header, tuple((name.replace("_", "-"), value) for name, value in hints.items()))


def test_client_hints_tell_the_full_version_and_the_platform():
    found = hinted(
        CHROME,
        sec_ch_ua_full_version_list=FULL,
        sec_ch_ua_mobile="?0",
        sec_ch_ua_platform='"Windows"',
        sec_ch_ua_platform_version='"15.0.0"',
    )
    assert (found.name, found.version, found.os_family, found.os_version) == (
        "Chrome",
        "120.0.6099.71",
        "Windows",
        "11",
    )
    assert (found.vendor, found.device_category, found.bot) == ("Google Inc.", "Personal computer", False)


def test_client_hints_tell_a_brand_that_the_header_hides():
    found = hinted(CHROME, sec_ch_ua='"Brave";v="120", "Chromium";v="120", "Not?A_Brand";v="24"')
    assert (found.name, found.version) == ("Brave", "120")


def test_client_hints_tell_headless_and_mobile():
    assert hinted(CHROME, sec_ch_ua='"HeadlessChrome";v="120", "Chromium";v="120"').bot
    assert hinted(CHROME, sec_ch_ua_mobile="?1").device_category == "Smartphone"
    assert hinted(PHONE, sec_ch_ua_mobile="?0", sec_ch_ua_platform='"Android"').device_category == "Tablet"
    assert hinted(PHONE, sec_ch_ua=FULL, sec_ch_ua_mobile="?1").name == "Chrome Mobile"


def test_the_distribution_in_the_header_is_kept():
    header = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
    assert hinted(header, sec_ch_ua_platform='"Linux"').os_family == "Ubuntu"


@pytest.mark.parametrize("name", CLIENT_HINTS)
@pytest.mark.parametrize("value", ["", '"', '";v=', "\x00" * 5000, '"\\";v="\\"' * 2000])
def test_no_hint_is_an_error(name, value):
    assert parse_user_agent(CHROME, ((name, value),)).name == "Chrome"
