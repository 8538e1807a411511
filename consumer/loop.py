"""The loop: poll → decode → fold → batch → write → publish.

The calling thread polls and folds; one other thread writes and publishes, so that Python takes events apart while
DuckDB, which lets go of the interpreter, puts them away. There is never more than one batch on its way to the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from .batch import Batch
from .clock import Clock
from .errors import SourceError, TooManyDeadLetters, UnreadableRecord
from .event import decode
from .fold import Folder, Origin
from .names import TopicPartition
from .rows import GapRow, Row
from .sources import Gap, Record, Source

POLL_SECONDS = 0.1  # how long a stop signal waits at most while nothing comes in
SHARE_WINDOW = 1_000  # records among which the share of dead letters is judged
SHARE_MINIMUM = 100  # a share of fewer records says nothing


class BatchStore(Protocol):
    """What the loop needs of a store."""

    def write(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Write a batch: all of it or nothing."""
        ...

    def next_offsets(self) -> Mapping[TopicPartition, int]:
        """Return the first offset of each partition that is not in the store yet."""
        ...

    def log_ids(self) -> Mapping[TopicPartition, str]:
        """Return which log of its name each partition was, where that is known."""
        ...


class Limits(NamedTuple):
    """When a batch is full, and when unreadable records are too many.

    Attributes:
        records: of one batch.
        bytes: of the records of one batch.
        seconds: that the first record of a batch waits.
        dead_letter_share: of the last thousand records.
        dead_letter_run: records in a row.
        publish_seconds: between two publications.
    """

    records: int = 10_000
    bytes: int = 32 << 20
    seconds: float = 0.25
    dead_letter_share: float = 0.5
    dead_letter_run: int = 1_000
    publish_seconds: float = 1.0


class Progress(NamedTuple):
    """What the loop has done since it began."""

    records: int
    events: int
    dead_letters: int


class DeadLetterLimit:
    """Stops a consumer that can read next to nothing: a wrong topic, a bad deployment.

    Without it, every record of such a topic would quietly become a dead letter.
    """

    def __init__(self, share: float, run: int) -> None:
        """Set the limits: a share of the last `SHARE_WINDOW` records, and a number in a row."""
        self._share = share
        self._longest = run
        self._recent: deque[bool] = deque(maxlen=SHARE_WINDOW)
        self._unreadable = 0
        self._in_a_row = 0

    def see(self, *, readable: bool) -> str | None:
        """Count a record, and return a sentence if there are too many unreadable ones now."""
        if len(self._recent) == SHARE_WINDOW and not self._recent[0]:
            self._unreadable -= 1
        self._recent.append(readable)
        if readable:
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        self._unreadable += 1
        if self._in_a_row >= self._longest:
            return f"the last {self._in_a_row:,} records are all unreadable"
        seen = len(self._recent)
        if seen >= SHARE_MINIMUM and self._unreadable > self._share * seen:
            return f"{self._unreadable:,} of the last {seen:,} records are unreadable"
        return None


class Loop:
    """Moves records from a source into a store until told to stop."""

    def __init__(
        self,
        source: Source,
        store: BatchStore,
        *,
        clock: Clock,
        limits: Limits,
        folder: Folder,
        publish: Callable[[], object],
        stopping: Callable[[], bool],
        say: Callable[[str], None],
        keeps_offsets: bool,
        until_caught_up: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Put the pieces together.

        Args:
            source: where records come from.
            store: where batches go; written by one thread at a time.
            clock: tells the time.
            limits: when a batch is full, and when to give up.
            folder: folds events.
            publish: shows what was written to readers.
            stopping: becomes true when the loop should end.
            say: takes sentences for people.
            keeps_offsets: the store knows how far the source was read and goes on there (a topic); else every record is
                folded whenever it is read (files).
            until_caught_up: end when everything is folded that was there at the start.
            on_progress: told after each poll that brought something.
        """
        self._source = source
        self._store = store
        self._clock = clock
        self._limits = limits
        self._folder = folder
        self._publish = publish
        self._stopping = stopping
        self._say = say
        self._keeps_offsets = keeps_offsets
        self._until_caught_up = until_caught_up
        self._on_progress = on_progress
        self._batch = Batch()
        self._dead_letters = DeadLetterLimit(limits.dead_letter_share, limits.dead_letter_run)
        self._generation = 0
        self._expected: dict[TopicPartition, int] = {}
        self._goal: dict[TopicPartition, int] | None = None
        self._idle = True  # the last poll brought nothing
        self._writing: Future[None] | None = None
        self._written: Mapping[TopicPartition, int] = {}
        # At the start readers may have an old snapshot, or none: the first publication is due at once.
        self._published_at = clock.monotonic() - limits.publish_seconds
        self._unpublished = True
        self._progress = Progress(0, 0, 0)

    def run(self) -> Progress:
        """Run until stopped, exhausted or caught up; what was polled by then is written and published.

        Raises:
            TooManyDeadLetters: more records are unreadable than the limits allow; all of them are in the store.
            SourceError: the source cannot be read.
            StoreError: the store cannot be written. What the last batch had is not in it, nor is its offset.
        """
        with self._writer() as executor:
            while not (self._stopping() or self._source.exhausted or self._caught_up()):
                problem = self._step(executor)
                if problem:
                    self._finish(executor)
                    raise TooManyDeadLetters(
                        f"Stopped: {problem}. They are kept: see 'headwater dead-letters'. Is this the topic of "
                        "OpenLineage events? If so, raise --dead-letter-share or --dead-letter-run and start again."
                    )
            self._finish(executor)
        return self._progress

    def _writer(self) -> AbstractContextManager[ThreadPoolExecutor]:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="headwater-writer")

    def _step(self, executor: ThreadPoolExecutor) -> str | None:
        """Poll once, and hand over what is due. Return a sentence if there are too many dead letters."""
        if self._source.generation != self._generation:
            self._reposition()
        records = self._source.poll(self._patience())
        if self._source.generation != self._generation:
            return None
        self._idle = not records
        problem = self._fold(records)
        self._note_gaps(self._source.take_gaps())
        if records and self._on_progress:
            self._on_progress(self._progress)
        if self._is_full() or (not records and len(self._batch)) or self._publication_is_due():
            self._hand_over(executor)
        return problem

    def _patience(self) -> float:
        """Return how long to wait for records: no longer than those at hand may wait for company."""
        if self._batch.started_at is None:
            return POLL_SECONDS
        waited = self._clock.monotonic() - self._batch.started_at
        return min(POLL_SECONDS, max(0.0, self._limits.seconds - waited))

    def _reposition(self) -> None:
        """Start again from the store, the only truth: partitions came or went."""
        self._await_writer()
        if len(self._batch) or self._batch.gaps:
            self._folder.forget()  # what it remembers may be in the batch that is thrown away
            self._batch = Batch()
        self._generation = self._source.generation
        self._expected = dict(self._store.next_offsets()) if self._keeps_offsets else {}
        logs = self._store.log_ids() if self._keeps_offsets else {}
        self._note_gaps(self._source.seek(self._expected, logs))

    def _note_gaps(self, gaps: Sequence[Gap]) -> None:
        for gap in gaps:
            self._batch.gaps.append(GapRow(*gap, noticed_at=self._clock.now()))
            position = TopicPartition(gap.topic, gap.partition)
            self._expected[position] = self._batch.next_offsets[position] = gap.next_offset
            self._say(f"LOST: {_about(gap)} Replay what is missing from a capture if there is one.")

    def _fold(self, records: Sequence[Record]) -> str | None:
        received_at = self._clock.now()
        now = self._clock.monotonic()
        problem = None
        for record in records:
            if self._keeps_offsets and not self._is_expected(record):
                continue
            self._batch.receive(record, now)
            if record.value is not None:
                problem = self._fold_value(record, record.value, received_at) or problem
        return problem

    def _is_expected(self, record: Record) -> bool:
        """Tell whether a record is new: an offset below the expected one is in the store or in the batch already."""
        position = TopicPartition(record.topic, record.partition)
        if record.offset < self._expected.get(position, 0):
            return False
        self._expected[position] = record.offset + 1
        return True

    def _fold_value(self, record: Record, value: bytes, received_at: int) -> str | None:
        problem = None
        events = dead_letters = 0
        for element, event in enumerate(decode(value), record.element):
            try:
                if isinstance(event, UnreadableRecord):
                    raise event
                origin = Origin(record.topic, record.partition, record.offset, element, received_at)
                self._folder.fold(event, origin, self._batch)
                events += 1
                self._dead_letters.see(readable=True)
            except UnreadableRecord as why:
                self._batch.reject(record, element, received_at, why)
                dead_letters += 1
                problem = self._dead_letters.see(readable=False) or problem
        done = self._progress
        self._progress = done._replace(
            records=done.records + 1, events=done.events + events, dead_letters=done.dead_letters + dead_letters
        )
        return problem

    def _is_full(self) -> bool:
        batch, limits = self._batch, self._limits
        if batch.started_at is None:
            return bool(batch.gaps)
        return (
            len(batch) >= limits.records
            or batch.bytes >= limits.bytes
            or self._clock.monotonic() - batch.started_at >= limits.seconds
        )

    def _publication_is_due(self) -> bool:
        is_late = self._clock.monotonic() - self._published_at >= self._limits.publish_seconds
        return self._unpublished and is_late and (self._writing is None or self._writing.done())

    def _hand_over(self, executor: ThreadPoolExecutor) -> None:
        """Give the batch to the writer, once it is done with the one before.

        A batch that is not yet full by size waits for its turn while polling goes on: the slower the store, the
        larger the batches, and the fewer.
        """
        if self._writing and not self._writing.done() and not self._must_wait():
            return
        self._await_writer()
        batch, self._batch = self._batch, Batch()
        ends = self._source.end_offsets() if self._keeps_offsets and batch.next_offsets else {}
        tables = batch.tables(self._clock.now(), ends, self._source.log_ids(), keeps_offsets=self._keeps_offsets)
        self._written = batch.next_offsets
        self._writing = executor.submit(self._write, tables)

    def _must_wait(self) -> bool:
        return len(self._batch) >= self._limits.records or self._batch.bytes >= self._limits.bytes

    def _write(self, tables: dict[str, list[Row]]) -> None:
        """Write a batch and publish if it is time. Runs on the writer's thread."""
        if tables:
            self._store.write(tables)
            self._unpublished = True
        if self._unpublished and self._clock.monotonic() - self._published_at >= self._limits.publish_seconds:
            self._publish_now()

    def _publish_now(self) -> None:
        self._publish()
        self._published_at = self._clock.monotonic()
        self._unpublished = False

    def _await_writer(self) -> None:
        """Wait for the batch on its way, staying in the group meanwhile, and raise what went wrong with it."""
        if self._writing is None:
            return
        if self._keeps_offsets and not self._writing.done():
            self._source.pause()
            while not self._writing.done() and self._source.generation == self._generation:
                self._source.poll(POLL_SECONDS / 4)
            self._source.resume()
        writing, self._writing = self._writing, None
        writing.result()
        if self._keeps_offsets and self._written:
            # A courtesy for displays of lag. What counts are the offsets in the store.
            self._source.commit(self._written)

    def _caught_up(self) -> bool:
        """Tell whether everything is folded that was there at the start.

        The end of a log may lie behind a marker that is no record: the source knows once it has passed it, so when
        nothing more comes the ends are asked for again.
        """
        if not self._until_caught_up or self._generation == 0:
            return False
        if self._goal is not None and self._has_reached(self._goal):
            return True
        ends = self._source.end_offsets() if self._idle or self._goal is None else {}
        if not ends:
            return False  # not known yet
        if self._goal is None:
            self._goal = dict(ends)
        elif not self._goal.keys() <= ends.keys():
            raise SourceError(
                "Another member of the consumer group took partitions over, so this one cannot catch up with all of "
                "them. Give it a group of its own with --group-id."
            )
        self._goal = {position: min(end, ends[position]) for position, end in self._goal.items()}
        return self._has_reached(self._goal)

    def _has_reached(self, goal: Mapping[TopicPartition, int]) -> bool:
        return all(self._expected.get(position, 0) >= end for position, end in goal.items())

    def _finish(self, executor: ThreadPoolExecutor) -> None:
        """Write and publish what is at hand."""
        self._await_writer()
        if len(self._batch) or self._batch.gaps:
            self._hand_over(executor)
            self._await_writer()
        if self._unpublished:
            executor.submit(self._publish_now).result()


def _about(gap: Gap) -> str:
    """Return what happened and how reading goes on."""
    place = f"{gap.topic}-{gap.partition}"
    if gap.reason == "recreated":
        return (
            f"{place} is not the log that was read up to offset {gap.first_offset:,}: the topic was made again. It is "
            f"read from its beginning, offset {gap.next_offset:,}; what the old one had from {gap.first_offset:,} on "
            "is missing, see the view offset_gap."
        )
    return (
        f"{place} no longer has the offsets {gap.first_offset:,} to {gap.next_offset - 1:,} (expired). Reading goes on "
        "after them; the gap is in the view offset_gap."
    )
