"""What the collector's processes count, and how it becomes one page of metrics.

Each process counts for itself and now and then leaves a snapshot in a shared folder; whoever is asked adds them up. A
process that starts again begins at zero, which Prometheus understands. Counting never raises; a snapshot that cannot be
written or read is left out.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from watchbell.toolkit.kept import replace_file

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SUFFIX = ".metrics"

HELP = {
    "events_accepted": "Events that the journal has.",
    "events_refused": "Events that were answered with 503.",
    "events_repeated_by_browser": "Requests that named the known ETag: repeated by the browser, and ignored.",
    "event_batches_refused": "Batches that were answered with 400.",
    "event_bodies_too_large": "Requests that were answered with 413.",
    "event_bodies_too_slow": "Requests that were answered with 408.",
    "event_bodies_refused": "Requests that were answered with 503 because too many bodies were being read.",
    "event_senders_refused": "Requests without the shared key or the signature that the source asks for.",
    "event_log_lines_ignored": "Lines of an nginx log that are no event: another method or another answer.",
    "event_log_lines_unreadable": "Lines of an nginx log in another format; they are rejected and kept.",
    "event_log_failures": "Times that an nginx log could not be read, or what it holds not be written.",
    "event_log_unread_bytes": "Bytes of nginx logs that are not yet in the journal.",
    "event_accept_seconds": "From the first event of a group to its being in the journal.",
    "event_journal_events": "Events that were ever written into a stream of the journal.",
    "events_lost": "Accepted events that can no longer be read from the journal, because it is damaged.",
    "event_books_not_reported": "Times that the books could not be reported; they come with the next report.",
    "events_received": "Accepted events that were looked at: stored + rejected + dropped + discarded, by source.",
    "events_stored": "Events of which at least one mapping made a record.",
    "events_rejected": "Events that could not be read or mapped, or whose record a sink refused; they are kept.",
    "events_rejected_trimmed": "Rejected events that are no more kept: there were too many, or they were too old.",
    "events_dropped": "Events left out on purpose: by a mapping, without a mapping, or of a forgotten party.",
    "events_discarded": "Events left out because their mapping asks for it: corrupt, or duplicate.",
    "events_unmappable": "Events for which one mapping has no record, by mapping; another may have one.",
    "events_unreadable_batches": "Batches of the journal that are whole but hold no events.",
    "event_mapping_faults": "Faults that nobody foresaw while events were counted or mapped; the log has the details.",
    "events_mapped": "Events that were decoded.",
    "events_corrupt": "Mapped events with a missing or wrong checksum.",
    "events_duplicate": "Mapped events that were seen before.",
    "event_files_published": "Files published by the sinks.",
    "event_journal_bytes": "Bytes that the journal holds; what is mapped goes a segment at a time.",
    "event_mapping_lag_seconds": "How far the mapper is behind what is accepted.",
    "event_journal_damaged": "Batches of the journal that could not be read.",
    "event_journal_truncated_bytes": "Bytes cut off the journal's end: batches that a crash left unfinished.",
    "event_sink_failures": "Times that a sink failed and was opened again.",
    "event_sink_away": "Whether the sink failed the last time that it was tried; the journal is kept for it.",
    "event_commit_failures": "Times that the disk did not take the checkpoint or the rejected events.",
    "event_files_expired": "Event files that were deleted because of their age.",
    "event_rules_not_refreshed": "Times that the rules could not be asked for.",
    "event_path_failures": "Times that the topic of funnels' paths could not be read; it is read again.",
    "event_tallies_not_reported": "Times that counts could not be reported; they come with the next report.",
    "event_glances_not_reported": "Times that the newest events could not be shown.",
    "event_mappings_refused": "Mappings of the configuration that cannot be used; the log has the reason.",
    "event_report_errors": "Reports that failed in a way that nobody foresaw; the log has the details.",
    "event_acceptors_restarted": "Accepting processes that ended unexpectedly.",
}

Labels = tuple[tuple[str, str], ...]


class Series(msgspec.Struct, array_like=True):
    """One time series: name, labels, value."""

    name: str
    labels: Labels
    value: float


class Distribution(msgspec.Struct, array_like=True):
    """One histogram: counts for each bucket and beyond, not cumulative."""

    name: str
    counts: list[int]
    total: float


class Snapshot(msgspec.Struct, array_like=True):
    """What one process has counted."""

    counters: list[Series] = []
    gauges: list[Series] = []
    histograms: list[Distribution] = []


class CollectorMetrics:
    """Counts for one process; fulfils the telemetry port. `name` is unique among the processes that share `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name
        """As it was given."""
        self._counters: dict[tuple[str, Labels], float] = {}
        self._gauges: dict[tuple[str, Labels], float] = {}
        self._histograms: dict[str, Distribution] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        key = (name, tuple(sorted(labels.items())) if labels else ())
        self._counters[key] = self._counters.get(key, 0.0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._gauges[name, tuple(sorted(labels.items()))] = value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        del labels
        found = self._histograms.get(name)
        if found is None:
            found = self._histograms[name] = Distribution(name, [0] * (len(BUCKETS) + 1), 0.0)
        found.counts[bisect_left(BUCKETS, seconds)] += 1
        found.total += seconds

    def snapshot(self) -> Snapshot:
        """What was counted so far."""
        return Snapshot(
            [Series(name, labels, value) for (name, labels), value in self._counters.items()],
            [Series(name, labels, value) for (name, labels), value in self._gauges.items()],
            list(self._histograms.values()),
        )

    def share(self) -> None:
        """Leaves a snapshot for the other processes."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / f"{self.name}{SUFFIX}", msgspec.msgpack.encode(self.snapshot()))

    def render(self) -> bytes:
        """All processes' metrics in Prometheus' text format; the others' from their snapshots."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Added([self.snapshot(), *self._snapshots()]))
        return generate_latest(registry)

    def _snapshots(self) -> list[Snapshot]:
        """Of the other processes."""
        found: list[Snapshot] = []
        with suppress(OSError):
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                if path.stem != self.name:
                    with suppress(OSError, msgspec.DecodeError):
                        found.append(msgspec.msgpack.decode(path.read_bytes(), type=Snapshot))
        return found

    def others(self, name: str, label: str) -> dict[str, float]:
        """What the other processes said last of a counter or gauge: value of the label → sum."""
        found: dict[str, float] = {}
        for snapshot in self._snapshots():
            for series in (*snapshot.counters, *snapshot.gauges):
                if series.name == name:
                    value = dict(series.labels).get(label, "")
                    found[value] = found.get(value, 0.0) + series.value
        return found


class _Added(Collector):
    """The sum of several snapshots, as prometheus-client wants to collect it."""

    def __init__(self, snapshots: list[Snapshot]) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterable[Metric]:
        yield from self._plain([s.counters for s in self._snapshots], CounterMetricFamily)
        yield from self._plain([s.gauges for s in self._snapshots], GaugeMetricFamily)
        yield from self._histograms()

    def _plain(
        self, lists: list[list[Series]], family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    ) -> Iterator[Metric]:
        totals: dict[str, dict[Labels, float]] = {}
        for each in lists:
            for series in each:
                by_labels = totals.setdefault(series.name, {})
                by_labels[series.labels] = by_labels.get(series.labels, 0.0) + series.value
        for name, by_labels in sorted(totals.items()):
            names = [label for label, _ in next(iter(by_labels))]
            metric = family(f"watchbell_{name}", HELP.get(name, name.replace("_", " ")), labels=names)
            for labels, value in sorted(by_labels.items()):
                metric.add_metric([text for _, text in labels], value)
            yield metric

    def _histograms(self) -> Iterator[Metric]:
        merged: dict[str, Distribution] = {}
        for snapshot in self._snapshots:
            for each in snapshot.histograms:
                known = merged.get(each.name)
                if known is None:
                    merged[each.name] = Distribution(each.name, list(each.counts), each.total)
                else:
                    known.counts = [a + b for a, b in zip(known.counts, each.counts, strict=True)]
                    known.total += each.total
        for name, found in sorted(merged.items()):
            metric = HistogramMetricFamily(f"watchbell_{name}", HELP.get(name, name.replace("_", " ")))
            running, buckets = 0, list[tuple[str, float]]()
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), found.counts, strict=True):
                running += count
                buckets.append((bound, running))
            metric.add_metric([], buckets, found.total)
            yield metric
