"""Files that are published to Google Cloud Storage: by a collector with the store's own client, to an emulator."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from acceptance.installation import SingleMachine
from servers.gcs import GcsMissing, GcsServer, install

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the emulator and the client."""
    try:
        return install(tmp_path_factory.mktemp("gcs"))
    except GcsMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def gcs(packages: Path) -> Iterator[GcsServer]:
    """The store."""
    with GcsServer(packages) as server:
        yield server


def test_events_arrive_in_the_bucket_once_and_leave_the_disk(packages: Path, gcs: GcsServer, repository: Path) -> None:
    """The file is uploaded when the collector stops, whole, under its own name."""
    sink = {"target": "gs://events/shop", "partition": "day={day}", "target_options": {"token": "anon"}}
    machine = SingleMachine(
        PYTHONPATH=f"{repository / 'src'}:{packages}",
        STORAGE_EMULATOR_HOST=gcs.url,
        GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT="false",  # it asks by gRPC with TLS, which the emulator does not speak
        WATCHBELL_COLLECTOR__SINKS=json.dumps({"avro_files": sink}),
    )
    try:
        events = [{"event_type": f"e{number}"} for number in range(500)]
        machine.client.post(f"{machine.collector_url}/events", json=events).raise_for_status()
        machine.process.stop()
        names = gcs.objects()
        assert names
        assert all(name.startswith("shop/day=") and name.endswith(".avro") for name in names)
        found: list[Any] = []
        for name in names:
            found += fastavro.reader(io.BytesIO(gcs.read(name)))
        assert sorted(row["eventType"] for row in found) == sorted(event["event_type"] for event in events)
        left = (machine.folder / "data" / "events").rglob("*")
        assert [path for path in left if path.suffix in {".avro", ".partial"}] == []
    finally:
        machine.stop()
