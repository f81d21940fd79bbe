"""Divolte's mappings as objects of the kind `mapping`: the schema file, the script, and what they connect."""

from pathlib import Path
from typing import Any, Final

import msgspec

from watchbell.domain.errors import Faulty
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.importers.divolte.fitting import fitted
from watchbell.importers.divolte.groovy import InvalidGroovy
from watchbell.importers.divolte.hocon import InvalidHocon, Place, read_text
from watchbell.importers.divolte.reading import Divolte, Given, Part
from watchbell.importers.divolte.remarks import Remarks, our_name
from watchbell.importers.divolte.script import convert_script
from watchbell.importers.divolte.sinks import sinks_in_use

_DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(Mapping)}


def mapping_objects(settings: Divolte, folder: Path, remarks: Remarks) -> tuple[list[dict[str, Any]], list[str]]:
    """Objects for `apply`, and the request headers that they need. Files that they name are read from `folder`.

    Raises:
        InvalidHocon: a file that a mapping names cannot be read.
    """
    used = {name for name, sink in sinks_in_use(settings).items() if sink.type != "gcps"}
    made = [_mapping(mapping, used, folder, remarks) for mapping in settings.mappings.values()]
    there = [each for each in made if each is not None]
    headers = {header for each in there for header in _headers(each)}
    return [_shown(each) for each in there], sorted(headers)


def _headers(made: Mapping) -> frozenset[str]:
    try:
        return compile_mapping(made).headers
    except Faulty:
        return frozenset()


def _mapping(mapping: Part, used: set[str], folder: Path, remarks: Remarks) -> Mapping | None:
    path = f"divolte.mappings.{mapping.name}"
    sinks = [name for name in mapping.get("sinks", []) if name in used]
    if not sinks or not mapping.get("sources"):
        remarks.add(mapping.place, path, "is left out: it connects no source that is used with a sink that is used")
        return None
    made = Mapping(
        name=mapping.name,
        sources=[our_name(name) for name in dict.fromkeys(mapping.get("sources"))],
        sinks=[our_name(name) for name in dict.fromkeys(sinks)],
        discard_corrupted=mapping.get("discard_corrupted", False),
        discard_duplicates=mapping.get("discard_duplicates", False),
    )
    if "mapping_script_file" in mapping.given:
        made = _with_script(made, mapping, folder, remarks)
    elif "schema_file" in mapping.given:
        reason = "has no effect without `mapping_script_file`: the default record is made"
        remarks.of(mapping, path, "schema_file", reason)
    return made


def _with_script(made: Mapping, mapping: Part, folder: Path, remarks: Remarks) -> Mapping:
    schema = mapping.given.get("schema_file")
    if schema is not None:
        made = msgspec.structs.replace(made, schema=_schema(schema, folder))
    given = mapping.given["mapping_script_file"]
    file = _beside(given, folder)
    try:
        made, omissions = fitted(made, convert_script(read_text(file, given.place)))
    except InvalidGroovy as error:
        raise InvalidHocon(Place(str(file), error.line), error.reason) from None
    for omission in omissions:
        remarks.add(Place(str(file), omission.line), omission.text, omission.reason, lost=True)
    if not made.steps:
        # No steps and no schema would mean the default record, which this script does not make.
        made = msgspec.structs.replace(made, steps=["stop"])
    if b'"strict"' in msgspec.json.encode([made.steps, made.define]):
        reason = "URIs are read as strictly as Divolte reads them; without `strict` more of what browsers send is read"
        remarks.add(Place(str(file), 1), f"mapping {mapping.name}", reason)
    return made


def _schema(given: Given, folder: Path) -> dict[str, Any]:
    file = _beside(given, folder)
    try:
        return msgspec.json.decode(read_text(file, given.place), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidHocon(Place(str(file), 1), f"is no Avro schema in JSON: {error}") from None


def _beside(given: Given, folder: Path) -> Path:
    """The file that a setting names: below the configuration's folder, or of that name in it."""
    named = Path(given.value)
    try:
        for file in (folder / named, folder / named.name):
            found = file.resolve()
            if found.is_relative_to(folder.resolve()) and found.is_file():
                return file
    except (OSError, ValueError, RuntimeError):
        raise InvalidHocon(given.place, f"{given.value!r} is no file name") from None
    raise InvalidHocon(given.place, f"{named.name} is not in {folder}; copy it there, beside the configuration")


def _shown(made: Mapping) -> dict[str, Any]:
    """An object as it stands in a file: only what is said."""
    fields = msgspec.to_builtins(made)
    said = {
        key: value for key, value in fields.items() if key == "name" or value not in ("", [], {}, _DEFAULTS.get(key))
    }
    return {"kind": "mapping", **said}
