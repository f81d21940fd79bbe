"""Divolte's server, its mapper and its sources as our sections `collector` and `events`."""

from typing import Any, Final

from watchbell.importers.divolte.checking import DEFAULT_SOURCES
from watchbell.importers.divolte.reading import Divolte, Part
from watchbell.importers.divolte.remarks import Remarks, Taking, our_name

PRIVATE_NETWORKS: Final = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"]

_NOT_NEEDED: Final = {
    "server.debug_requests": "requests are not dumped; the Explore page shows live events with the request behind each",
    "server.shutdown_timeout": "requests in flight are always finished before the collector stops",
    "mapper.threads": "one process maps what a collector accepts; more collectors map more",
    "mapper.buffer_size": "the journal on disk is the queue; `collector.journal_limit` bounds it",
    "mapper.user_agent_parser.type": "data on user agents comes with the package and is current",
    "mapper.user_agent_parser.cache_size": "the cache of user agents has a size of its own",
}


def collector_settings(settings: Divolte, remarks: Remarks) -> dict[str, Any]:
    """The section without its sinks."""
    common = settings.common
    taking = Taking(common, "divolte.global", remarks)
    taking.take("server.host", "host")
    taking.take("server.port", "port")
    taking.seconds("server.shutdown_delay", "shutdown_delay")
    for key, reason in _NOT_NEEDED.items():
        remarks.of(common, "divolte.global", key, reason)
    if common.get("server.serve_static_resources"):
        remarks.of(common, "divolte.global", "server.serve_static_resources", "the test page is not served")
    if common.get("server.use_x_forwarded_for"):
        taking.table["trusted_proxies"] = PRIVATE_NETWORKS
        reason = (
            "Divolte believes everybody; `collector.trusted_proxies` names private networks: put your proxies there"
        )
        remarks.of(common, "divolte.global", "server.use_x_forwarded_for", reason)
    return {**taking.table, "sources": _sources(settings, remarks)}


def event_settings(settings: Divolte, remarks: Remarks) -> dict[str, Any]:
    """Our section `events`."""
    taking = Taking(settings.common, "divolte.global", remarks)
    taking.take("mapper.duplicate_memory_size", "duplicate_memory")
    taking.take("mapper.ip2geo_database", "places")
    return taking.table


def _sources(settings: Divolte, remarks: Remarks) -> dict[str, Any]:
    if not settings.sources:
        return {name: {"type": kind} for name, kind in DEFAULT_SOURCES.items()}
    found: dict[str, Any] = {}
    prefixes: set[str] = set()
    for name, source in settings.sources.items():
        path = f"divolte.sources.{name}"
        if our_name(name) != name:
            remarks.add(source.place, path, f"is called {our_name(name)} here: names have letters, digits, _ and -")
        make = _browser if source.type == "browser" else _json
        table = {"type": source.type, **make(source, path, remarks)}
        if source.type == "browser":
            prefix = table.get("prefix", "/").rstrip("/")
            if prefix in prefixes:
                # Each also serves a tag that Divolte does not have, and two cannot stand at one address.
                table["watchbell_name"] = f"watchbell-{our_name(name)}.js"
            prefixes.add(prefix)
        found[our_name(name)] = table
    return found


def _browser(source: Part, path: str, remarks: Remarks) -> dict[str, Any]:
    taking = Taking(source, path, remarks)
    for key in ("prefix", "event_suffix", "party_cookie", "session_cookie", "cookie_domain"):
        taking.take(key, key)
    taking.seconds("party_timeout", "party_timeout")
    taking.seconds("session_timeout", "session_timeout")
    taking.take("javascript.name", "javascript_name")
    taking.take("javascript.logging", "javascript_logging")
    taking.take("javascript.auto_page_view_event", "auto_page_view_event")
    taking.seconds("javascript.event_timeout", "event_timeout")
    remarks.of(source, path, "http_response_delay", "answers are never delayed: it was for testing")
    remarks.of(source, path, "javascript.debug", "the tag is built once; the page's own tools show its source")
    return taking.table


def _json(source: Part, path: str, remarks: Remarks) -> dict[str, Any]:
    taking = Taking(source, path, remarks)
    for key in ("event_path", "party_id_parameter", "maximum_body_size"):
        taking.take(key, key)
    return taking.table
