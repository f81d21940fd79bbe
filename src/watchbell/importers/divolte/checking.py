"""Divolte's own rules for its settings as a whole; the sentences are the ones that it says itself where it has some."""

import re
from collections.abc import Iterator
from typing import Final

from watchbell.importers.divolte.hocon import Place
from watchbell.importers.divolte.reading import Divolte, Part, Problem

_SCRIPT: Final = r"^[A-Za-z0-9_-]+\.js$"
DEFAULT_SOURCES: Final = {"browser": "browser"}
DEFAULT_SINKS: Final = {"hdfs": "hdfs", "kafka": "kafka", "gcps": "gcps"}


def check(settings: Divolte) -> list[Problem]:
    """Everything that Divolte would refuse, though each setting has its type."""
    return [
        *_singly(settings),
        *_names(settings),
        *_schemas(settings),
        *_identifiers(settings),
    ]


def sinks_of(settings: Divolte) -> dict[str, str]:
    """Name → type of every sink, the defaults when none is given."""
    return {name: sink.type for name, sink in settings.sinks.items()} or dict(DEFAULT_SINKS)


def sources_of(settings: Divolte) -> dict[str, str]:
    """Name → type of every source, the default when none is given."""
    return {name: source.type for name, source in settings.sources.items()} or dict(DEFAULT_SOURCES)


def _singly(settings: Divolte) -> Iterator[Problem]:
    for name, source in settings.sources.items():
        yield from _script_name(f"divolte.sources[{name}]", source)
    for name, sink in settings.sinks.items():
        yield from _sink(f"divolte.sinks[{name}]", sink)
    for name, mapping in settings.mappings.items():
        for key in ("sources", "sinks"):
            if key not in mapping.given:
                yield Problem(place=mapping.place, path=f"divolte.mappings[{name}].{key}", reason="is required")
    parser = settings.common.given.get("mapper.user_agent_parser.type")
    if parser and parser.value not in {"non_updating", "online_updating", "caching_and_updating"}:
        reason = "must be non_updating, online_updating or caching_and_updating"
        yield Problem(place=parser.place, path="divolte.global.mapper.user_agent_parser.type", reason=reason)


def _script_name(path: str, source: Part) -> Iterator[Problem]:
    script = source.given.get("javascript.name")
    if script and not re.fullmatch(_SCRIPT.replace("$", ""), script.value):
        path = f"{path}.javascript.name"
        reason = f"Property '{path}' must match \"{_SCRIPT}\". Found: '{script.value}'."
        yield Problem(place=script.place, path=path, reason=reason)


def _sink(path: str, sink: Part) -> Iterator[Problem]:
    factor = sink.given.get("retry_settings.jitter_factor")
    if factor and "retry_settings.jitter_delay" in sink.given:
        reason = "only one of jitter_delay and jitter_factor may be set"
        yield Problem(place=factor.place, path=f"{path}.retry_settings", reason=reason)
    if sink.type == "gcs" and "bucket" not in sink.given:
        yield Problem(place=sink.place, path=f"{path}.bucket", reason="is required")
    if sink.type == "kafka" and sink.get("mode", "naked") not in {"naked", "confluent"}:
        yield Problem(place=sink.given["mode"].place, path=f"{path}.mode", reason="must be naked or confluent")


def _names(settings: Divolte) -> Iterator[Problem]:
    sources, sinks = sources_of(settings), sinks_of(settings)
    both = sorted(sources.keys() & sinks.keys())
    if both:
        given = settings.sources.get(both[0]) or settings.sinks.get(both[0])
        reason = (
            f"Source and sink names cannot collide (must be globally unique). The following names were both: {both}"
        )
        yield Problem(place=given.place if given else settings.place, path="divolte", reason=reason)
    missing: dict[str, Place] = {}
    for mapping in settings.mappings.values():
        for key, known in (("sources", sources), ("sinks", sinks)):
            for name in mapping.get(key, []):
                if name not in known:
                    missing.setdefault(name, mapping.given[key].place)
    if missing:
        reason = f"The following sources and/or sinks were used in a mapping but never defined: {sorted(missing)}"
        yield Problem(place=min(missing.values()), path="divolte.mappings", reason=reason)


def _feeding(settings: Divolte) -> dict[str, list[Part]]:
    """Sink → the mappings that feed it."""
    found: dict[str, list[Part]] = {}
    for mapping in settings.mappings.values():
        for name in mapping.get("sinks", []):
            found.setdefault(name, []).append(mapping)
    return found


def _schemas(settings: Divolte) -> Iterator[Problem]:
    """One sink, one schema: by the name of the file, as Divolte compares them."""
    for name, mappings in _feeding(settings).items():
        if len({mapping.get("schema_file") for mapping in mappings}) > 1:
            reason = (
                "Any sink can only use one schema. The following sinks have multiple mappings with different schema "
                f"configurations linked to them: ['{name}']"
            )
            yield Problem(place=mappings[-1].place, path=f"divolte.sinks[{name}]", reason=reason)


def _identifiers(settings: Divolte) -> Iterator[Problem]:
    for name, mappings in _feeding(settings).items():
        sink = settings.sinks.get(name)
        identifiers = {mapping.get("confluent_id") for mapping in mappings}
        if len(identifiers - {None}) > 1:
            reason = (
                "Any sink can only use one confluent identifier. The following sinks have multiple mappings with "
                f"different 'confluent_id' attributes: ['{name}']"
            )
            yield Problem(place=mappings[-1].place, path=f"divolte.sinks[{name}]", reason=reason)
        if sink and sink.type == "kafka" and sink.get("mode") == "confluent" and None in identifiers:
            wrong = [mapping for mapping in mappings if mapping.get("confluent_id") is None]
            reason = (
                "Mappings used by sinks in Confluent-mode must have their 'confluent_id' attribute set. "
                f"The following mappings are missing this: {[mapping.name for mapping in wrong]}"
            )
            yield Problem(place=wrong[0].place, path=f"divolte.mappings[{wrong[0].name}]", reason=reason)
