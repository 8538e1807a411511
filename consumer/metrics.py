"""Every metric of ``/metrics``: this list is what is counted, and what the documentation is made from.

The numbers are kept here, as plain numbers behind one lock, and counted once a batch. What formats them is asked only
when somebody looks (`headwater.exposition`).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

from .errors import Reason


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: as Prometheus knows it; its end tells the unit, and ``_total`` a counter.
        kind: a counter only grows, and starts at 0 with the process.
        meaning: what it says, in a sentence.
        labels: what its series differ in.
        buckets: the upper ends of a histogram's buckets, in the unit of the metric.
        known: values of the one label that are known beforehand; their series are there from the start.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: tuple[str, ...] = ()


_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_MANY = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)

RECORDS = Metric("headwater_records_total", "counter", "Records that were read and are in the store.")
BYTES = Metric("headwater_read_bytes_total", "counter", "Bytes of those records.")
EVENTS = Metric("headwater_events_total", "counter", "Events among them that could be read, duplicates included.")
DUPLICATES = Metric("headwater_duplicates_total", "counter", "Events that the store had already.")
DEAD_LETTERS = Metric(
    "headwater_dead_letters_total",
    "counter",
    "Records, or elements of one, that could not be read.",
    ("reason",),
    (),
    get_args(Reason),
)
GAPS = Metric(
    "headwater_gaps_total",
    "counter",
    "Times that the broker no longer had what was needed.",
    ("reason",),
    (),
    ("expired", "recreated"),
)
REBALANCES = Metric("headwater_rebalances_total", "counter", "Times that partitions were assigned.")
FAILURES = Metric(
    "headwater_failures_total",
    "counter",
    "Times that reading broke off and began again from the store, by the name of the error.",
    ("error",),
    (),
    ("StoreFull",),
)
LAG = Metric(
    "headwater_lag_records",
    "gauge",
    "Records of a partition that were not read yet, as of the last batch, or of the last 15 seconds while idle.",
    ("topic", "partition"),
)
BATCH_RECORDS = Metric("headwater_batch_records", "histogram", "Records of a transaction.", (), _MANY)
BATCH_ROWS = Metric("headwater_batch_rows", "histogram", "Rows that a transaction writes.", (), _MANY)
BATCH_SECONDS = Metric(
    "headwater_batch_seconds",
    "histogram",
    "From a batch's first record to its writer: polling and folding.",
    (),
    _SHORT,
)
WRITE_SECONDS = Metric("headwater_write_seconds", "histogram", "A transaction.", (), _SHORT)
PUBLISH_SECONDS = Metric(
    "headwater_publish_seconds", "histogram", "A publication: the checkpoint, and copying what changed.", (), _SHORT
)
PUBLISH_AGE = Metric(
    "headwater_publish_age_seconds",
    "gauge",
    "Since the last publication. It grows while nothing comes in; with lag it should not.",
)
RECEIVED_TO_PUBLISHED = Metric(
    "headwater_received_to_published_seconds",
    "histogram",
    "From an event's arrival to the publication that shows it.",
    (),
    _LONG,
)
EVENT_TO_PUBLISHED = Metric(
    "headwater_event_to_published_seconds",
    "histogram",
    "From an event's own eventTime to the publication that shows it; a time in the future counts as now.",
    (),
    _LONG,
)
LOOP_AGE = Metric("headwater_loop_age_seconds", "gauge", "Since the loop last went round; /healthz judges it.")
WRITER_AGE = Metric(
    "headwater_writer_age_seconds", "gauge", "For how long the writer has been at its present work; 0 while it rests."
)
READY = Metric("headwater_ready", "gauge", "1 if /readyz says yes, else 0.")
STORE_BYTES = Metric(
    "headwater_store_bytes",
    "gauge",
    "Size of the files: live (which we write), wal (its log), published (which everybody reads).",
    ("file",),
)
IMPORTED_FILES = Metric(
    "headwater_imported_files", "gauge", "Files of other tools whose check results are in the store.", ("tool",)
)
IMPORTED_RESULTS = Metric("headwater_imported_results", "gauge", "Check results in the store that came from files.")
INBOX = Metric("headwater_inbox_actions_total", "counter", "What people did about incidents, taken from the inbox.")
TOLD = Metric(
    "headwater_webhook_total",
    "counter",
    "Incidents that the webhook was told (told) or that it did not take (failed).",
    ("outcome",),
    (),
    ("told", "failed"),
)
REQUESTS = Metric(
    "headwater_http_requests_total", "counter", "Requests for the intake of events, by what was answered.", ("status",)
)
WAITING = Metric("headwater_http_waiting_bytes", "gauge", "Bytes that were sent and wait for the store.")
INFO = Metric("headwater_info", "gauge", "Always 1.", ("version",))

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

Labels = tuple[str, ...]


class Sample(NamedTuple):
    """The numbers of one series: *value* of a counter or gauge, *counts* and *total* of a histogram.

    Attributes:
        counts: observations of each bucket by itself; the last one is of those beyond all buckets.
        total: the sum of what was observed.
    """

    labels: Labels
    value: float
    counts: tuple[int, ...] = ()
    total: float = 0.0


class Numbers:
    """What was counted so far. Any thread may count, and any thread may look."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._lock = threading.Lock()
        self._values: dict[Metric, dict[Labels, float]] = {metric: {} for metric in METRICS}
        self._counts: dict[Metric, list[int]] = {}
        self._totals: dict[Metric, float] = {}
        for metric in METRICS:
            if metric.kind == "histogram":
                self._counts[metric] = [0] * (len(metric.buckets) + 1)
                self._totals[metric] = 0.0
            elif metric.kind == "counter":
                begun = [(value,) for value in metric.known] if metric.labels else [()]
                self._values[metric] = dict.fromkeys(begun, 0.0)

    def add(self, metric: Metric, amount: float = 1, *labels: str) -> None:
        """Let a counter grow."""
        with self._lock:
            series = self._values[metric]
            series[labels] = series.get(labels, 0.0) + amount

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[metric][labels] = value

    def replace(self, metric: Metric, series: dict[Labels, float]) -> None:
        """Set all series of a gauge; those that are not named are gone."""
        with self._lock:
            self._values[metric] = dict(series)

    def observe(self, metric: Metric, value: float) -> None:
        """Count one observation of a histogram."""
        with self._lock:
            self._counts[metric][bisect_left(metric.buckets, value)] += 1
            self._totals[metric] += value

    def observe_ages(self, metric: Metric, moments: Sequence[int], now: int) -> None:
        """Count how old many moments are, all in microseconds; one in the future is 0 old.

        Costs a sort, which is why moments are gathered and counted together.
        """
        ordered = sorted(moments)
        # How many moments are at least as late as now minus each bucket's end: so many are as young as that.
        upto = [len(ordered) - bisect_left(ordered, now - round(end * 1e6)) for end in metric.buckets] + [len(ordered)]
        past = ordered[: bisect_left(ordered, now)]
        with self._lock:
            counts = self._counts[metric]
            for place, (count, below) in enumerate(zip(upto, [0, *upto], strict=False)):
                counts[place] += count - below
            self._totals[metric] += (now * len(past) - sum(past)) / 1e6

    def samples(self) -> Iterator[tuple[Metric, list[Sample]]]:
        """Yield each metric with its series, as they are now."""
        with self._lock:
            found = [(metric, self._samples(metric)) for metric in METRICS]
        yield from found

    def _samples(self, metric: Metric) -> list[Sample]:
        if metric.kind == "histogram":
            counts = tuple(self._counts[metric])
            return [Sample((), float(sum(counts)), counts, self._totals[metric])]
        return [Sample(labels, value) for labels, value in self._values[metric].items()]
