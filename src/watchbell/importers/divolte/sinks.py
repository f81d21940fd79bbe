"""Divolte's sinks as ours: files and Kafka. Which of them are used at all follows from the mappings, as there."""

from typing import Any, Final

from watchbell.importers.divolte.checking import DEFAULT_SINKS
from watchbell.importers.divolte.producer import producer_settings
from watchbell.importers.divolte.reading import Divolte, Part
from watchbell.importers.divolte.remarks import Remarks, Taking, our_name

ENABLED: Final = {"hdfs": True, "gcs": False, "kafka": False, "gcps": False}
"""Which types of sinks are in use when the file does not say."""

_POOL: Final = {
    "threads": "each sink is written by one process, in the order of the journal",
    "buffer_size": "the journal on disk is the queue; `collector.journal_limit` bounds it",
}
_FILES: Final = {
    "file_strategy.working_dir": "files in flight stand in the folder of the published ones, named `*.partial`",
    "file_strategy.sync_file_after_records": "files are made durable about each second, whatever came",
    "file_strategy.sync_file_after_duration": "files are made durable about each second",
    "replication": "the file system's own replication applies",
}
_NO_PUBSUB: Final = "there is no sink for Pub/Sub; records for it go nowhere"


def enabled(settings: Divolte, kind: str) -> bool:
    """Whether sinks of a type are in use at all."""
    return bool(settings.common.get(f"{kind}.enabled", ENABLED[kind]))


def sinks_in_use(settings: Divolte) -> dict[str, Part]:
    """The sinks that get records: enabled, and fed by a mapping. Pub/Sub's, too, though we have none."""
    place = settings.place
    default = {name: Part(name=name, place=place, type=kind) for name, kind in DEFAULT_SINKS.items()}
    fed = {name for mapping in settings.mappings.values() for name in mapping.get("sinks", [])}
    return {
        name: sink
        for name, sink in (settings.sinks or default).items()
        if enabled(settings, sink.type) and (name in fed or not settings.mappings)
    }


def sink_settings(settings: Divolte, remarks: Remarks) -> dict[str, Any]:
    """Our `collector.sinks`."""
    used = sinks_in_use(settings)
    _unused(settings, used, remarks)
    for kind in ENABLED:
        for key, reason in _POOL.items():
            remarks.of(settings.common, "divolte.global", f"{kind}.{key}", reason)
    found: dict[str, Any] = {}
    for name, sink in used.items():
        path = f"divolte.sinks.{name}"
        table = _sink(settings, sink, path, remarks)
        if table is None:
            remarks.add(sink.place, path, _NO_PUBSUB, lost=True)
            continue
        if our_name(name) != name:
            remarks.add(sink.place, path, f"is called {our_name(name)} here: names have letters, digits, _ and -")
        found[our_name(name)] = table
    _client(settings, remarks)
    return found


def _unused(settings: Divolte, used: dict[str, Part], remarks: Remarks) -> None:
    for name, sink in settings.sinks.items():
        if name in used:
            continue
        why = "no mapping feeds it" if enabled(settings, sink.type) else f"sinks of type {sink.type} are not enabled"
        remarks.add(sink.place, f"divolte.sinks.{name}", f"is not used by Divolte: {why}")


def _sink(settings: Divolte, sink: Part, path: str, remarks: Remarks) -> dict[str, Any] | None:
    match sink.type:
        case "hdfs":
            return _files(sink, path, _file_system(settings), remarks)
        case "gcs":
            _retries(sink, path, remarks)
            bucket = str(sink.get("bucket")).removeprefix("gs://").strip("/")
            return _files(sink, path, f"gs://{bucket}", remarks)
        case "kafka":
            return _kafka(settings, sink, path, remarks)
        case _:
            return None


def _file_system(settings: Divolte) -> str:
    """What stands before a path: nothing for the machine's own disk."""
    named = settings.common.get("hdfs.client.fs.defaultFS") or settings.common.get("hdfs.client.fs.default.name") or ""
    return "" if named.startswith("file:") else named.rstrip("/")


def _files(sink: Part, path: str, file_system: str, remarks: Remarks) -> dict[str, Any]:
    taking = Taking(sink, path, remarks)
    taking.seconds("file_strategy.roll_every", "roll_every_s")
    folder: str = sink.get("file_strategy.publish_dir", "")
    if not folder and not file_system:
        reason = "Divolte publishes to /tmp when nothing is said; here files go to `events` in the data directory"
        remarks.add(sink.place, f"{path}.file_strategy.publish_dir", reason)
    elif file_system or "://" in folder:
        # Files in flight stay on the collector's own disk; on a remote file system /tmp is Divolte's default, too.
        folder = folder or "/tmp"  # noqa: S108 - written down, not used
        separate = "" if folder.startswith("/") else "/"
        taking.table["target"] = folder if "://" in folder else f"{file_system}{separate}{folder}"
    else:
        taking.table["folder"] = folder
    taking.outside("file_strategy.publish_dir")
    for key, reason in _FILES.items():
        remarks.of(sink, path, key, reason)
    return {"type": "avro_files", **taking.table}


def _retries(sink: Part, path: str, remarks: Remarks) -> None:
    for key in sink.given:
        if key.startswith("retry_settings."):
            remarks.of(sink, path, key, "what failed is tried again until it succeeds; the journal holds what waits")


def _kafka(settings: Divolte, sink: Part, path: str, remarks: Remarks) -> dict[str, Any]:
    table: dict[str, Any] = {"type": "kafka", "topic": sink.get("topic", "divolte")}
    if "topic" in sink.given:
        Taking(sink, path, remarks).outside("topic")
    if sink.get("mode") == "confluent":
        table["framing"] = "confluent"
        numbers = {
            mapping.get("confluent_id")
            for mapping in settings.mappings.values()
            if sink.name in mapping.get("sinks", [])
        }
        table["schema_id"] = next(iter(numbers - {None}), None)
    return table | producer_settings(settings.common, remarks)


def _client(settings: Divolte, remarks: Remarks) -> None:
    """What is left of `hdfs.client`."""
    for key, given in settings.common.given.items():
        if not key.startswith("hdfs.client."):
            continue
        path = f"divolte.global.{key}"
        if key.removeprefix("hdfs.client.") in {"fs.defaultFS", "fs.default.name"}:
            remarks.add(given.place, path, "stands in the target of each file sink")
        else:
            reason = (
                "properties of Hadoop's client are not handed on; set them where the file system's driver reads them"
            )
            remarks.add(given.place, path, reason, lost=True)
