from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from watchbell.domain.errors import Invalid, Permanent
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig
from watchbell.toolkit.arrow import arrow_schema

pq: Any = import_module("pyarrow.parquet")

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "PAID"]}},
        {"name": "before", "type": ["null", "shop.State"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "counts", "type": {"type": "map", "values": "long"}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}},
        {
            "name": "place",
            "type": ["null", {"type": "record", "name": "Place", "fields": [{"name": "city", "type": "string"}]}],
        },
        {"name": "odd", "type": {"type": "string", "logicalType": "nobody-knows"}},
    ],
}
ROW: dict[str, Any] = {
    "at": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "day": date(2023, 11, 14),
    "total": Decimal("12.50"),
    "state": "OPEN",
    "before": None,
    "tags": ["a", "b"],
    "counts": {"x": 1},
    "id": "5cf7cdc8-9f5c-4b5c-b2b7-cf3b1d7d2f3f",
    "hash": b"ab",
    "place": {"city": "Utrecht"},
    "odd": "o",
}


def make(folder: Path) -> ParquetFiles:
    return ParquetFiles(ParquetFilesConfig(), schema=SCHEMA, folder=folder, node="n", now_ms=lambda: 0)


def test_every_type_comes_back_from_parquet(tmp_path):
    sink = make(tmp_path)
    sink.open()
    numbers = {**ROW, "at": 1_700_000_000_000, "day": None, "place": None}
    sink.write([ROW, numbers], {"a": 2})
    (name,) = sink.close()
    first, second = pq.ParquetFile(tmp_path / name).read().to_pylist()
    assert {**first, "counts": dict(first["counts"])} == ROW
    assert second["at"] == ROW["at"]
    assert second["day"] is second["place"] is None


@pytest.mark.parametrize(
    "bad", [{"total": "x"}, {"hash": b"abc"}, {"tags": 5}, {"place": {"city": 5}}, {"counts": [1]}]
)
def test_what_does_not_fit_is_refused(tmp_path, bad):
    sink = make(tmp_path)
    sink.open()
    with pytest.raises(Permanent, match="does not fit"):
        sink.write([{**ROW, **bad}], {"a": 1})
    sink.abandon()


def test_a_union_of_several_types_has_no_column():
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": ["string", "long"]}]}
    with pytest.raises(Invalid, match=r"schema\.f"):
        arrow_schema(schema)
