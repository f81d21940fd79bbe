"""User agents, read by ua-parser (its Rust back end when installed), with the names that Divolte's records use.

Vendors are not in ua-parser's data; the few that matter are listed here. Client hints, where the request has them, say
what the `User-Agent` header no longer does: the full version, the real platform, the brand. What cannot be told is
None. It never fails: an unknown string is a user agent with nothing known.
"""

import re

import ua_parser
from msgspec.structs import replace
from ua_parser import OS, Device
from ua_parser import UserAgent as Browser

from watchbell.domain.events.agent import Headers, UserAgent

CLIENT_HINTS = (
    "sec-ch-ua",
    "sec-ch-ua-full-version-list",
    "sec-ch-ua-mobile",
    "sec-ch-ua-model",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
)
"""Request headers that are read here; kept with the raw event for that."""

_BROWSER_VENDORS = {
    "Chrome": "Google Inc.",
    "Chromium": "Google Inc.",
    "HeadlessChrome": "Google Inc.",
    "Android": "Google Inc.",
    "Safari": "Apple Inc.",
    "Firefox": "Mozilla Foundation",
    "Edge": "Microsoft Corporation.",
    "IE": "Microsoft Corporation.",
    "Opera": "Opera Software ASA.",
    "Samsung Internet": "Samsung Electronics Co., Ltd.",
    "Googlebot": "Google Inc.",
    "bingbot": "Microsoft Corporation.",
}
_OS_NAMES = {"Mac OS X": "OS X"}
_OS_VENDORS = {
    "Mac OS X": "Apple Computer, Inc.",
    "iOS": "Apple Inc.",
    "Windows": "Microsoft Corporation.",
    "Android": "Google, Inc.",
    "Chrome OS": "Google Inc.",
    "Ubuntu": "Canonical Ltd.",
}
_TABLETS = ("iPad", "Tablet", "Kindle", "Nexus 7", "Nexus 10")
_PHONES = frozenset({"iOS", "Android", "Windows Phone", "KaiOS", "Tizen"})
_PERSONAL = frozenset({"Mac OS X", "Windows", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})
_MOBILE_NAMES = (" Mobile", "Mobile ", "Samsung Internet", "Android")
_LIBRARIES = frozenset(
    {"curl", "Wget", "Python Requests", "Python-urllib", "okhttp", "Apache-HttpClient", "Java", "Go-http-client"}
)
# A browser that nobody looks at, or a robot that ua-parser does not know. A bare "bot" in a longer word is none.
_DRIVEN = re.compile(
    r"headless|phantomjs|slimerjs|puppeteer|playwright|selenium|webdriver|lighthouse|cypress/|zombie\.js|jsdom"
    r"|\b\w*(?:crawler|spider)\b|(?:^|[^a-z])bot(?:[^a-z]|$)|bot/|\+https?://",
    re.IGNORECASE,
)
_BRAND = re.compile(r'"((?:[^"\\]|\\.)*)"\s*;\s*v="([^"]*)"')
_BRANDS = {
    "Google Chrome": "Chrome",
    "Microsoft Edge": "Edge",
    "Chromium": "Chromium",
    "HeadlessChrome": "HeadlessChrome",
    "Opera": "Opera",
    "Opera GX": "Opera",
    "Samsung Internet": "Samsung Internet",
    "Brave": "Brave",
    "Vivaldi": "Vivaldi",
    "YaBrowser": "Yandex Browser",
    "DuckDuckGo": "DuckDuckGo",
}
_PLATFORMS = {"macOS": "Mac OS X", "Chromium OS": "Chrome OS"}
_WINDOWS_11 = 13
_LONGEST = 1024


def parse_user_agent(header: str, headers: Headers = ()) -> UserAgent:
    """What the header says, and the client hints among `headers`. About 25 µs for a string; callers remember."""
    found = ua_parser.parse(header[:_LONGEST])
    browser, system, device = found.user_agent, found.os, found.device
    robot = device is not None and device.family == "Spider"
    agent = UserAgent(
        name=browser and browser.family,
        family=browser and browser.family,
        vendor=_vendor(browser and browser.family),
        type=_type(browser, robot=robot),
        version=_version(browser and (browser.major, browser.minor, browser.patch, browser.patch_minor)),
        device_category=_category(header, system, device, robot=robot),
        os_family=system and _OS_NAMES.get(system.family, system.family),
        os_version=_version(system and (system.major, system.minor, system.patch, system.patch_minor)),
        os_vendor=system and _OS_VENDORS.get(system.family),
        bot=robot or _driven(header, browser),
    )
    hints = {name: value[:_LONGEST] for name, value in headers if name in CLIENT_HINTS}
    return _hinted(agent, hints) if hints else agent


def _version(parts: tuple[str | None, ...] | None) -> str | None:
    return ".".join(part for part in parts or () if part) or None


def _vendor(family: str | None) -> str | None:
    if family is None:
        return None
    known = _BROWSER_VENDORS.get(family)
    if known is None:
        words = family.split()
        known = next((vendor for name, vendor in _BROWSER_VENDORS.items() if name in words), None)
    return known


def _type(browser: Browser | None, *, robot: bool) -> str | None:
    if robot:
        return "Robot"
    if browser is None:
        return None
    if browser.family in _LIBRARIES:
        return "Library"
    return "Mobile Browser" if any(mark in browser.family for mark in _MOBILE_NAMES) else "Browser"


def _driven(header: str, browser: Browser | None) -> bool:
    return (browser is not None and browser.family in _LIBRARIES) or _DRIVEN.search(header[:_LONGEST]) is not None


def _category(header: str, system: OS | None, device: Device | None, *, robot: bool) -> str | None:
    if robot:
        return "Other"
    if any(mark in header or (device is not None and mark in device.family) for mark in _TABLETS):
        return "Tablet"
    if system is None:
        return None
    if system.family in _PHONES:
        return "Smartphone"
    return "Personal computer" if system.family in _PERSONAL else None


def _hinted(agent: UserAgent, hints: dict[str, str]) -> UserAgent:
    """The agent with what the hints know better."""
    agent = _with_brand(agent, hints)
    mobile, tablet = hints.get("sec-ch-ua-mobile"), agent.device_category == "Tablet"
    platform = _text(hints.get("sec-ch-ua-platform"))
    if platform:
        agent = _with_platform(agent, platform, _text(hints.get("sec-ch-ua-platform-version")))
    if agent.type == "Robot" or mobile is None:
        return agent
    if mobile == "?1" and not tablet:
        return replace(agent, device_category="Smartphone")
    return replace(agent, device_category="Tablet") if mobile == "?0" and platform == "Android" else agent


def _with_brand(agent: UserAgent, hints: dict[str, str]) -> UserAgent:
    full = dict(_BRAND.findall(hints.get("sec-ch-ua-full-version-list", "")))
    brands = full or dict(_BRAND.findall(hints.get("sec-ch-ua", "")))
    known = sorted((brand for brand in brands if brand in _BRANDS), key=lambda brand: brand == "Chromium")
    if not known:
        return agent
    name = _BRANDS[known[0]]
    bot = agent.bot or name == "HeadlessChrome"
    # "Chrome" in the hints is "Chrome Mobile" in the header, and Chromium is what most browsers are besides.
    said = agent.name or ""
    if name not in said and (name != "Chromium" or not said):
        agent = replace(agent, name=name, family=name, vendor=_vendor(name), type=agent.type or "Browser")
        agent = replace(agent, version=brands[known[0]])
    return replace(agent, version=full.get(known[0], agent.version), bot=bot)


def _with_platform(agent: UserAgent, platform: str, version: str | None) -> UserAgent:
    system = _PLATFORMS.get(platform, platform)
    if system == "Windows":
        version = _windows(version)
    name = _OS_NAMES.get(system, system)
    known = version or (agent.os_version if agent.os_family == name else None)
    if system == "Linux" and agent.os_vendor and agent.os_family != "Windows":
        return agent  # the header names the distribution
    return replace(agent, os_family=name, os_version=known, os_vendor=_OS_VENDORS.get(system))


def _windows(version: str | None) -> str | None:
    """The name that people know of the version that the hint gives; None for those before 10."""
    major = (version or "").partition(".")[0]
    if not major.isdecimal() or int(major) == 0:
        return None
    return "11" if int(major) >= _WINDOWS_11 else "10"


def _text(value: str | None) -> str | None:
    """The text of a quoted header value; None when it is empty."""
    return (value or "").strip().strip('"') or None
