"""Objects in YAML files: one or many documents, each `kind: check` and the fields; folders with all that is below.

A secret need not stand in the file: `password: !env SMTP_PASSWORD` takes it from the environment.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from watchbell.cli.variables import variables
from watchbell.domain.errors import Fault, Faulty, Permanent

NOTE = (
    "# Secrets are written as dots. Applying the file keeps those that are stored; "
    "a new one may be given as `!env NAME`.\n"
)
SUFFIXES = (".yaml", ".yml")


class Placed(NamedTuple):
    """An object and where it stands, as `checks.yaml:12`."""

    body: dict[str, Any]
    where: str


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key that stands twice is an error, and so is a variable that is not set."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key: Any = self.construct_object(key_node, deep=True)  # pyright: ignore[reportUnknownMemberType]
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep)


def _from_environment(loader: _Loader, node: Any) -> str:
    name = str(loader.construct_scalar(node))
    value = variables().get(name)
    if value is None:
        raise yaml.constructor.ConstructorError(None, None, f"the variable {name} is not set", node.start_mark)
    return value


_Loader.add_constructor("!env", _from_environment)


def read_objects(place: Path) -> list[Placed]:
    """Every object of a file, or of all files in a folder, in the order of their names.

    Raises:
        Permanent: there is nothing to read.
        Faulty: files that are no YAML, or hold something else; all of them.
    """
    if not place.exists():
        raise Permanent(f"{place}: no such file or folder")
    files = sorted(p for p in place.rglob("*") if p.suffix in SUFFIXES and p.is_file()) if place.is_dir() else [place]
    if not files:
        raise Permanent(f"{place}: holds no files that end in .yaml or .yml")
    found: list[Placed] = []
    faults: list[Fault] = []
    for file in files:
        try:
            found += _documents(file)
        except Faulty as error:
            faults += error.faults
    if faults:
        raise Faulty(faults)
    return found


def _documents(file: Path) -> Iterator[Placed]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Faulty([Fault(field=str(file), reason=f"cannot be read: {error}")]) from None
    loader = _Loader(text)
    try:
        while loader.check_node():
            node: Any = loader.get_node()
            where = f"{file}:{node.start_mark.line + 1}"
            data: Any = loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]
            for body in cast("list[Any]", data) if isinstance(data, list) else [data]:
                if body is None:
                    continue
                if not isinstance(body, dict) or "kind" not in body:
                    raise Faulty([Fault(field=where, reason="must be a mapping with `kind`, `name` and other fields")])
                yield Placed({str(name): value for name, value in cast("dict[Any, Any]", body).items()}, where)
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark is not None else str(file)
        raise Faulty([Fault(field=where, reason=getattr(error, "problem", None) or str(error))]) from None
    finally:
        loader.dispose()


def located(faults: Iterable[Fault], objects: list[Placed]) -> list[Fault]:
    """Faults of `objects[<n>].<field>`, told by file, kind and name."""
    found: list[Fault] = []
    for fault in faults:
        number, _, field = fault.field.removeprefix("objects[").partition("]")
        if fault.field.startswith("objects[") and number.isdigit() and int(number) < len(objects):
            placed = objects[int(number)]
            shown = (
                f"{placed.where}: {placed.body.get('kind')} {placed.body.get('name', '?')}{field.replace('.', ': ', 1)}"
            )
            found.append(Fault(field=shown, reason=fault.reason, fix=fault.fix))
        else:
            found.append(fault)
    return found


def documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """Objects as YAML documents, always the same text for the same objects."""
    bodies = [
        {"kind": o["kind"], "name": o["name"], **{k: o[k] for k in sorted(o.keys() - {"kind", "name"})}}
        for o in objects
    ]
    return NOTE + yaml.safe_dump_all(bodies, sort_keys=False, allow_unicode=True, explicit_start=True, width=110)


def write_objects(folder: Path, objects: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Write one file for each kind; a kind without objects gets none."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for thing in objects:
        by_kind.setdefault(str(thing["kind"]), []).append(thing)
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, things in by_kind.items():
            file = folder / f"{kind}.yaml"
            partial = file.with_name(f".{file.name}.partial")
            partial.write_text(documents(things), "utf-8")
            partial.replace(file)
            written.append(file)
    except OSError as error:
        raise Permanent(f"{folder}: cannot be written: {error.strerror}") from None
    return written
