"""Watches over the loop: counts what it does, judges whether it is well, and says what people should know at once."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from . import __version__, metrics
from .batch import Batch
from .clock import Clock
from .errors import HeadwaterError
from .loop import Observer
from .metrics import Metric, Numbers
from .names import TopicPartition
from .notice import Notice
from .rows import DeadLetterRow, Micros

LOOP_SECONDS = 60.0  # a loop that has not gone round for so long hangs; connecting to a broker may take some of them
WRITER_SECONDS = 600.0  # so long one transaction or publication may take: the first one copies the whole store
DEAD_LETTERS_SAID = 5  # of each batch; the others are in the store

StoreCounts = Callable[[], Mapping[str, float]]


class Health(NamedTuple):
    """An answer to a probe.

    Attributes:
        well: yes or no.
        why: in a sentence.
    """

    well: bool
    why: str


class _Handed(NamedTuple):
    """What is to be counted of a batch once it is in the store."""

    records: int
    bytes: int
    events: int
    dead_letters: list[DeadLetterRow]
    gaps: list[str]
    event_times: list[Micros]
    received: list[Micros]
    waited: float


_NOTHING = _Handed(0, 0, 0, [], [], [], [], 0.0)


class Watch(Observer):
    """Sees what the loop does, over all of its lives: one ends when the disk is full, and another begins."""

    def __init__(self, clock: Clock, say: Callable[[str], None], files: Mapping[str, Path] = {}) -> None:
        """Begin to watch.

        Args:
            clock: tells the time.
            say: takes sentences for people.
            files: the files of the store, by what they are called in `metrics.STORE_BYTES`.
        """
        self.numbers = Numbers()
        self._clock = clock
        self._say = say
        self._files = files
        self._shown: dict[Metric, Callable[[], float]] = {}
        self._counts: StoreCounts | None = None
        self._counted: Mapping[str, float] = {}
        self._handed = _NOTHING
        self._event_times: list[Micros] = []
        self._received: list[Micros] = []
        # All of these are moments of the clock that never goes back.
        self._turned_at: float | None = None  # None while there is no loop
        self._working_since: float | None = None
        self._published_at: float | None = None
        self._is_assigned = False
        self._shows_store = False
        self.numbers.set(metrics.INFO, 1, __version__)

    # The life of a loop

    @contextlib.contextmanager
    def over(self, counts: StoreCounts) -> Iterator[None]:
        """Watch over one loop on an open store; *counts* returns what only the store can count."""
        self._counts = counts
        self._counted = counts()
        self._turned_at = self._clock.monotonic()
        try:
            yield
        finally:
            self._turned_at = self._working_since = self._counts = None
            self._is_assigned = self._shows_store = False
            self._handed = _NOTHING
            self.numbers.replace(metrics.LAG, {})

    def failed(self, error: HeadwaterError) -> None:
        """Note that a life of the loop ended with *error*, and that another one begins later."""
        self.numbers.add(metrics.FAILURES, 1, type(error).__name__)

    # What others tell

    def show(self, metric: Metric, value: Callable[[], float]) -> None:
        """Ask for the value of a gauge whenever somebody looks."""
        self._shown[metric] = value

    def took_from_inbox(self, actions: int) -> None:
        """Count what people did."""
        self.numbers.add(metrics.INBOX, actions)

    def told(self, went_through: bool) -> None:
        """Count what the webhook was told."""
        self.numbers.add(metrics.TOLD, 1, "told" if went_through else "failed")

    def answered(self, status: int) -> None:
        """Count an answer to who sends events."""
        self.numbers.add(metrics.REQUESTS, 1, str(status))

    # What the loop tells

    def turned(self) -> None:
        """Note that the loop goes round."""
        self._turned_at = self._clock.monotonic()

    def assigned(self) -> None:
        """Count a rebalance: what was known of the lag may be another member's now."""
        self.numbers.add(metrics.REBALANCES)
        self.numbers.replace(metrics.LAG, {})
        if self._is_assigned:
            self._say(Notice("Partitions were assigned anew; reading goes on where the store ends.", "rebalance"))
        self._is_assigned = True

    def lags(self, lags: Mapping[TopicPartition, int]) -> None:
        """Keep the lags."""
        self.numbers.replace(metrics.LAG, {(topic, str(number)): float(lag) for (topic, number), lag in lags.items()})

    def hands_over(self, batch: Batch, waited: float) -> None:
        """Take what will count, if it comes into the store."""
        event_times = batch.ledger.event_times()
        self._handed = _Handed(
            batch.records,
            batch.bytes,
            len(event_times) + batch.ledger.duplicates(),
            batch.dead_letters,
            [gap.reason for gap in batch.gaps],
            event_times,
            batch.ledger.received(),
            waited,
        )

    def writes(self) -> None:
        """Note since when the writer is at work."""
        self._working_since = self._clock.monotonic()

    def wrote(self, rows: int, seconds: float) -> None:
        """Count the batch, and say what could not be read."""
        handed, self._handed = self._handed, _NOTHING
        numbers = self.numbers
        numbers.add(metrics.RECORDS, handed.records)
        numbers.add(metrics.BYTES, handed.bytes)
        numbers.add(metrics.EVENTS, handed.events)
        for reason, count in Counter(row.reason for row in handed.dead_letters).items():
            numbers.add(metrics.DEAD_LETTERS, count, reason)
        for reason, count in Counter(handed.gaps).items():
            numbers.add(metrics.GAPS, count, reason)
        if handed.records:
            numbers.observe(metrics.BATCH_RECORDS, handed.records)
            numbers.observe(metrics.BATCH_SECONDS, handed.waited)
        numbers.observe(metrics.BATCH_ROWS, rows)
        numbers.observe(metrics.WRITE_SECONDS, seconds)
        self._event_times += handed.event_times
        self._received += handed.received
        self._say_dead_letters(handed.dead_letters)

    def published(self, seconds: float) -> None:
        """Count the publication, and how fresh what it shows is."""
        now = self._clock.now()
        self.numbers.observe(metrics.PUBLISH_SECONDS, seconds)
        self.numbers.observe_ages(metrics.EVENT_TO_PUBLISHED, self._event_times, now)
        self.numbers.observe_ages(metrics.RECEIVED_TO_PUBLISHED, self._received, now)
        self._event_times, self._received = [], []
        self._count_store()
        self._published_at = self._clock.monotonic()
        self._shows_store = True

    def rests(self) -> None:
        """Note that the writer rests."""
        self._working_since = None

    def _say_dead_letters(self, rows: list[DeadLetterRow]) -> None:
        for row in rows[:DEAD_LETTERS_SAID]:
            place = f"{row.topic}-{row.partition} offset {row.source_offset:,}"
            said = {
                "topic": row.topic,
                "partition": row.partition,
                "offset": row.source_offset,
                "element": row.element,
                "reason": row.reason,
                "detail": row.detail,
            }
            self._say(Notice(f"Dead letter: {place}: {row.reason}: {row.detail}.", "dead_letter", "warning", **said))
        more = len(rows) - DEAD_LETTERS_SAID
        if more > 0:
            sentence = f"Dead letters: {more:,} more in this batch; see 'headwater dead-letters'."
            self._say(Notice(sentence, "dead_letters", "warning", count=more))

    def _count_store(self) -> None:
        """Count what only the store knows. Runs on the writer's thread, so that nobody waits for a transaction."""
        if self._counts is None:
            return
        counted = self._counts()
        before, self._counted = self._counted, counted
        # Fewer than before: they were tidied away.
        self.numbers.add(metrics.DUPLICATES, max(0.0, counted["duplicates"] - before["duplicates"]))
        self.numbers.set(metrics.IMPORTED_RESULTS, counted["imported_results"])
        tools = {name.removeprefix("files:"): count for name, count in counted.items() if name.startswith("files:")}
        self.numbers.replace(metrics.IMPORTED_FILES, {(tool,): count for tool, count in tools.items()})

    # What others ask

    def health(self) -> Health:
        """Tell whether the process is alive; if it is not, only killing it helps."""
        now, turned, working = self._clock.monotonic(), self._turned_at, self._working_since
        if working is not None and now - working > WRITER_SECONDS:
            return Health(False, f"The writer has been at one piece of work for {now - working:.0f} seconds.")
        if turned is None:
            return Health(True, "There is no loop just now: the store is being opened, or waits for room.")
        if now - turned > LOOP_SECONDS:
            return Health(False, f"The loop has not gone round for {now - turned:.0f} seconds.")
        return Health(True, "The loop goes round.")

    def readiness(self) -> Health:
        """Tell whether readers see a store that is kept up to date."""
        if self._turned_at is None:
            return Health(False, "The store is not open.")
        if not self._is_assigned:
            return Health(False, "No partitions were assigned yet: the broker or the group has not answered.")
        if not self._shows_store:
            return Health(False, "Nothing was published yet.")
        return Health(True, "The store is open, partitions are assigned, and a snapshot is published.")

    def refresh(self) -> None:
        """Set the gauges that change by themselves."""
        now, numbers = self._clock.monotonic(), self.numbers
        working = self._working_since
        numbers.set(metrics.WRITER_AGE, 0.0 if working is None else now - working)
        numbers.set(metrics.READY, float(self.readiness().well))
        for metric, moment in ((metrics.LOOP_AGE, self._turned_at), (metrics.PUBLISH_AGE, self._published_at)):
            numbers.replace(metric, {} if moment is None else {(): now - moment})
        for metric, value in self._shown.items():
            numbers.set(metric, value())
        sizes = ((kind, _size(path)) for kind, path in self._files.items())
        numbers.replace(metrics.STORE_BYTES, {(kind,): float(size) for kind, size in sizes if size is not None})


def _size(path: Path) -> int | None:
    # Never opens it: closing a descriptor of the live file would drop DuckDB's lock.
    try:
        return path.stat().st_size
    except OSError:
        return None
