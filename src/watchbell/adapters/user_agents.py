"""User agents, read by ua-parser (its Rust back end when installed), with the names that Divolte's records use.

Vendors are not in ua-parser's data; the few that matter are listed here. What cannot be told is None. It never fails:
an unknown string is a user agent with nothing known.
"""

import ua_parser
from ua_parser import OS, Device
from ua_parser import UserAgent as Browser

from watchbell.domain.events.record import UserAgent

_BROWSER_VENDORS = {
    "Chrome": "Google Inc.",
    "Chromium": "Google Inc.",
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


def parse_user_agent(header: str) -> UserAgent:
    """What the header says. About 25 µs for a string; callers remember."""
    found = ua_parser.parse(header[:1024])
    browser, system, device = found.user_agent, found.os, found.device
    robot = device is not None and device.family == "Spider"
    return UserAgent(
        name=browser and browser.family,
        family=browser and browser.family,
        vendor=_vendor(browser),
        type=_type(browser, robot=robot),
        version=_version(browser and (browser.major, browser.minor, browser.patch, browser.patch_minor)),
        device_category=_category(header, system, device, robot=robot),
        os_family=system and _OS_NAMES.get(system.family, system.family),
        os_version=_version(system and (system.major, system.minor, system.patch, system.patch_minor)),
        os_vendor=system and _OS_VENDORS.get(system.family),
    )


def _version(parts: tuple[str | None, ...] | None) -> str | None:
    return ".".join(part for part in parts or () if part) or None


def _vendor(browser: Browser | None) -> str | None:
    if browser is None:
        return None
    known = _BROWSER_VENDORS.get(browser.family)
    if known is None:
        words = browser.family.split()
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
