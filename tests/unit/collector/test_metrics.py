from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from watchbell.collector.metrics import SUFFIX, CollectorMetrics


def samples(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_processes_add_up(tmp_path: Path):
    first, second = CollectorMetrics(tmp_path, "a"), CollectorMetrics(tmp_path, "b")
    for metrics in (first, second):
        metrics.count("events_accepted", 2)
        metrics.count("events_rejected", reason="missing_parameter")
        metrics.gauge("event_journal_bytes", 10)
        metrics.observe("event_accept_seconds", 0.002)
    second.count("events_rejected", reason="other")
    second.share()
    found = samples(first.render())
    assert found["watchbell_events_accepted_total", ()] == 4
    assert found["watchbell_events_rejected_total", (("reason", "missing_parameter"),)] == 2
    assert found["watchbell_events_rejected_total", (("reason", "other"),)] == 1
    assert found["watchbell_event_journal_bytes", ()] == 20
    assert found["watchbell_event_accept_seconds_bucket", (("le", "0.001"),)] == 0
    assert found["watchbell_event_accept_seconds_bucket", (("le", "0.0025"),)] == 2
    assert found["watchbell_event_accept_seconds_count", ()] == 2


def test_its_own_snapshot_is_not_added_twice(tmp_path: Path):
    metrics = CollectorMetrics(tmp_path, "a")
    metrics.count("events_accepted", 2)
    metrics.share()
    assert samples(metrics.render())["watchbell_events_accepted_total", ()] == 2


def test_a_damaged_snapshot_is_left_out(tmp_path: Path):
    metrics = CollectorMetrics(tmp_path, "a")
    metrics.count("events_accepted")
    (tmp_path / f"b{SUFFIX}").write_bytes(b"\xc1")
    assert samples(metrics.render())["watchbell_events_accepted_total", ()] == 1


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    CollectorMetrics(tmp_path / "file" / "below", "a").share()


def test_long_observations_fall_beyond_the_last_bucket(tmp_path: Path):
    metrics = CollectorMetrics(tmp_path, "a")
    metrics.observe("event_accept_seconds", 99)
    found = samples(metrics.render())
    assert found["watchbell_event_accept_seconds_bucket", (("le", "2.5"),)] == 0
    assert found["watchbell_event_accept_seconds_bucket", (("le", "+Inf"),)] == 1
