"""The loop: poll → decode → fold → batch → write → publish.

The calling thread polls and folds; one other thread writes and publishes, so that Python takes events apart while
DuckDB, which lets go of the interpreter, puts them away. There is never more than one batch on its way to the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, tzinfo
from typing import NamedTuple, Protocol

from .batch import Batch
from .clock import Clock
from .errors import SourceError, TooManyDeadLetters, UnreadableRecord
from .event import Event, decode
from .fold import Folder, Origin
from .ledger import Table, count_of
from .names import TopicPartition
from .naming import Naming
from .notice import Notice
from .rows import GapRow
from .sources import Gap, Record, Source

POLL_SECONDS = 0.1  # how long a stop signal waits at most while nothing comes in
SHARE_WINDOW = 1_000  # records among which the share of dead letters is judged
BEGINNING = 4_096  # bytes that are kept of a record that is too large
SHARE_MINIMUM = 100  # a share of fewer records says nothing
LAG_SECONDS = 15.0  # while nothing comes in: so old what an observer knows of the lag may be


class BatchStore(Protocol):
    """What the loop needs of a store."""

    def write(self, tables: Mapping[str, Table]) -> None:
        """Write a batch: all of it or nothing."""
        ...

    def next_offsets(self) -> Mapping[TopicPartition, int]:
        """Return the first offset of each partition that is not in the store yet."""
        ...

    def log_ids(self) -> Mapping[TopicPartition, str]:
        """Return which log of its name each partition was, where that is known."""
        ...


class Aside(Protocol):
    """Something else that writes into the store now and then, between two batches."""

    def ready(self) -> bool:
        """Tell whether there is something to write."""
        ...

    def write(self) -> bool:
        """Write some of it, on the thread of the writer; return whether there was anything."""
        ...

    def sweeps(self) -> bool:
        """Tell whether the next `write` takes away content that a folder may take for known.

        Asked when a new batch begins. If so, what the folder remembers is forgotten first, so that this batch and those
        after it bring all that they refer to; those before it are written by then.
        """
        ...

    def caught_up(self) -> bool:
        """Tell whether everything was written that was there at the start."""
        ...


class Observer:
    """Is told what the loop does: once a poll, a batch or a publication, never once a record. This one does nothing.

    What a method does must be quick and not fail. `turned`, `assigned`, `lags` and `hands_over` are called from the
    thread of the loop, the others from that of the writer.
    """

    def turned(self) -> None:
        """Note that the loop goes round."""

    def assigned(self) -> None:
        """Note that partitions came or went, and that reading goes on where the store ends."""

    def lags(self, lags: Mapping[TopicPartition, int]) -> None:
        """Note how many records each assigned partition has that were not read yet."""

    def hands_over(self, batch: Batch, waited: float) -> None:
        """Take from a batch what is to be known of it once it was written; its first record came *waited* seconds ago.

        There is never more than one on its way.
        """

    def writes(self) -> None:
        """Note that the writer begins."""

    def wrote(self, rows: int, seconds: float) -> None:
        """Note that the batch which was handed over is in the store: so many rows, in so many seconds."""

    def published(self, seconds: float) -> None:
        """Note that readers see all that was written; publishing took so many seconds."""

    def rests(self) -> None:
        """Note that the writer is done, whatever came of it."""


class Asides:
    """Several of them, in turn."""

    def __init__(self, asides: Sequence[Aside]) -> None:
        """Put *asides* in the order in which they write."""
        self._asides = asides

    def ready(self) -> bool:
        """Tell whether any has something to write."""
        return any(aside.ready() for aside in self._asides)

    def write(self) -> bool:
        """Let each write some; return whether there was anything."""
        wrote = [aside.write() for aside in self._asides]  # each of them has its turn
        return any(wrote)

    def sweeps(self) -> bool:
        """Tell whether any takes away content that a folder may take for known."""
        asked = [aside.sweeps() for aside in self._asides]  # each of them is asked
        return any(asked)

    def caught_up(self) -> bool:
        """Tell whether all have."""
        return all(aside.caught_up() for aside in self._asides)


class Limits(NamedTuple):
    """When a batch is full, and when unreadable records are too many.

    Attributes:
        records: of one batch.
        bytes: of the records of one batch.
        seconds: that the first record of a batch waits for others, unless nothing comes; and at least until there can
            be a publication, where nobody waits for an acknowledgement.
        dead_letter_share: of the last thousand records.
        dead_letter_run: records in a row.
        publish_seconds: from one publication to the next, from beginning to beginning.
        record_bytes: of one record; a larger one is not read.
    """

    records: int = 10_000
    bytes: int = 32 << 20
    seconds: float = 0.25
    dead_letter_share: float = 0.5
    dead_letter_run: int = 1_000
    publish_seconds: float = 1.0
    record_bytes: int = 16 << 20


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

    def see_readable(self, count: int) -> None:
        """Count records that can be read."""
        if count:
            self._in_a_row = 0
        if self._unreadable:
            for _ in range(min(count, SHARE_WINDOW)):
                self._slide(readable=True)
        else:  # as nearly always; nothing that leaves the window counts
            self._recent.extend([True] * min(count, SHARE_WINDOW))

    def see_unreadable(self) -> str | None:
        """Count a record that cannot be read, and return a sentence if there are too many now."""
        self._slide(readable=False)
        self._in_a_row += 1
        if self._in_a_row >= self._longest:
            return f"the last {self._in_a_row:,} records are all unreadable"
        seen = len(self._recent)
        if seen >= SHARE_MINIMUM and self._unreadable > self._share * seen:
            return f"{self._unreadable:,} of the last {seen:,} records are unreadable"
        return None

    def _slide(self, *, readable: bool) -> None:
        if len(self._recent) == SHARE_WINDOW and not self._recent[0]:
            self._unreadable -= 1
        self._recent.append(readable)
        self._unreadable += not readable


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
        naming: Naming = Naming(),  # noqa: B008  # it never changes
        naive_zone: tzinfo = UTC,
        aside: Aside | None = None,
        acknowledge: Callable[[Mapping[TopicPartition, int]], None] | None = None,
        observer: Observer = Observer(),  # noqa: B008  # it has no state
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
            naming: the rules that join datasets by their names.
            naive_zone: the zone of times that come without one.
            aside: writes into the store too.
            acknowledge: told at once, from the writer's thread, how far a batch brought each partition. A source whose
                senders wait for that cannot wait for `Source.commit`, which is called at leisure.
            observer: told what is done.
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
        self._naming = naming
        self._naive_zone = naive_zone
        self._aside = aside
        self._acknowledge = acknowledge
        self._observer = observer
        self._batch = folder.new_batch()
        self._dead_letters = DeadLetterLimit(limits.dead_letter_share, limits.dead_letter_run)
        self._generation = 0
        self._expected: dict[TopicPartition, int] = {}
        self._goal: dict[TopicPartition, int] | None = None
        self._idle = True  # the last poll brought nothing
        self._writing: Future[None] | None = None
        self._written: Mapping[TopicPartition, int] = {}
        # At the start readers may have an old snapshot, or none: the first publication is due at once.
        self._publication_due_at = clock.monotonic()
        self._unpublished = True
        self._write_seconds = 0.0  # of the last batch
        self._lag_told_at = self._publication_due_at
        self._progress = Progress(0, 0, 0)

    def run(self) -> Progress:
        """Run until stopped, exhausted or caught up; what was polled by then is written and published.

        Raises:
            TooManyDeadLetters: more records are unreadable than the limits allow; all of them are in the store.
            SourceError: the source cannot be read.
            StoreError: the store cannot be written. What the last batch had is not in it, nor is its offset.
        """
        with self._writer() as executor:
            while not (self._stopping() or self._source.exhausted or (self._caught_up() and self._aside_caught_up())):
                problem = self._step(executor)
                if problem:
                    self._finish(executor)
                    raise TooManyDeadLetters(
                        f"Stopped: {problem}. They are kept: see 'headwater dead-letters'. Is this the topic of "
                        "OpenLineage events? If so, raise --dead-letter-share or --dead-letter-run and start again."
                    )
            self._finish(executor)
        return self._progress

    def note_change(self) -> None:
        """Note that somebody else wrote to the store: it is published when that is due. From any thread."""
        self._unpublished = True

    def _writer(self) -> AbstractContextManager[ThreadPoolExecutor]:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="headwater-writer")

    def _step(self, executor: ThreadPoolExecutor) -> str | None:
        """Poll once, and hand over what is due. Return a sentence if there are too many dead letters."""
        self._observer.turned()
        if self._writing is not None and self._writing.done():
            self._await_writer()  # though nothing more may come, the group is told, or what went wrong is raised
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
        if self._is_due() or self._publication_is_due() or self._aside_is_due():
            self._hand_over(executor)
        elif self._idle:
            self._tell_lag_now_and_then()
        return problem

    def _patience(self) -> float:
        """Return how long to wait for records: no longer than those at hand may wait for company."""
        if self._batch.started_at is None:
            return POLL_SECONDS
        if self._writing is not None and not self._writing.done():
            return POLL_SECONDS / 4  # they wait for the writer in any case
        due_at = max(self._batch.started_at + self._limits.seconds, self._served_from())
        return min(POLL_SECONDS, max(0.0, due_at - self._clock.monotonic()))

    def _reposition(self) -> None:
        """Start again from the store, the only truth: partitions came or went."""
        self._await_writer()
        if len(self._batch) or self._batch.gaps:
            self._folder.forget()  # what it remembers may be in the batch that is thrown away
            self._batch = self._folder.new_batch()
        self._generation = self._source.generation
        self._expected = dict(self._store.next_offsets()) if self._keeps_offsets else {}
        logs = self._store.log_ids() if self._keeps_offsets else {}
        self._note_gaps(self._source.seek(self._expected, logs))
        self._observer.assigned()

    def _note_gaps(self, gaps: Sequence[Gap]) -> None:
        for gap in gaps:
            self._batch.gaps.append(GapRow(*gap, noticed_at=self._clock.now()))
            position = TopicPartition(gap.topic, gap.partition)
            self._expected[position] = self._batch.next_offsets[position] = gap.next_offset
            sentence = f"LOST: {_about(gap)} Replay what is missing from a capture if there is one."
            self._say(Notice(sentence, "gap", "error", **_place(gap)))

    def _fold(self, records: Sequence[Record]) -> str | None:
        received_at = self._clock.now()
        now = self._clock.monotonic()
        if self._keeps_offsets:
            records = [record for record in records if self._is_expected(record)]
        for record in records:
            self._batch.receive(record, now)
        valued = [record for record in records if record.value is not None]
        unusual = self._folder.fold_ordinary(valued, received_at, self._limits.record_bytes, self._batch)
        problem = None
        judged = 0
        for place in unusual:
            self._dead_letters.see_readable(place - judged)
            problem = self._fold_value(valued[place], received_at) or problem
            judged = place + 1
        self._dead_letters.see_readable(len(valued) - judged)
        self._count(records=len(valued), events=len(valued) - len(unusual))
        return problem

    def _count(self, *, records: int = 0, events: int = 0, dead_letters: int = 0) -> None:
        done = self._progress
        self._progress = Progress(done.records + records, done.events + events, done.dead_letters + dead_letters)

    def _is_expected(self, record: Record) -> bool:
        """Tell whether a record is new: an offset below the expected one is in the store or in the batch already."""
        position = TopicPartition(record.topic, record.partition)
        if record.offset < self._expected.get(position, 0):
            return False
        self._expected[position] = record.offset + 1
        return True

    def _fold_value(self, record: Record, received_at: int) -> str | None:
        value = record.value or b""
        problem = None
        events = dead_letters = 0
        for element, event in enumerate(self._decode(value), record.element):
            try:
                if isinstance(event, UnreadableRecord):
                    raise event
                origin = Origin(record.topic, record.partition, record.offset, element, received_at)
                self._folder.fold(event, origin, self._batch)
                events += 1
                self._dead_letters.see_readable(1)
            except UnreadableRecord as why:
                self._batch.reject(record, element, received_at, why, self._kept(value))
                dead_letters += 1
                problem = self._dead_letters.see_unreadable() or problem
        self._count(events=events, dead_letters=dead_letters)
        return problem

    def _decode(self, value: bytes) -> Iterable[Event | UnreadableRecord]:
        most = self._limits.record_bytes
        if len(value) <= most:
            return decode(value, self._naive_zone)
        detail = f"{len(value):,} bytes are more than max_record_bytes, {most:,}; the first {BEGINNING:,} are kept"
        return [UnreadableRecord("too_large", detail)]

    def _kept(self, value: bytes) -> bytes:
        """Return what is kept of a record that cannot be read."""
        is_whole = len(value) <= self._limits.record_bytes
        return self._folder.redaction.record(value if is_whole else value[:BEGINNING])

    def _is_due(self) -> bool:
        """Tell whether the batch should go to the writer: it is full, or nobody gains by its waiting any longer."""
        if self._batch.started_at is None:
            return bool(self._batch.gaps)
        now = self._clock.monotonic()
        has_waited = self._idle or now - self._batch.started_at >= self._limits.seconds
        return self._is_full() or (has_waited and now >= self._served_from())

    def _is_full(self) -> bool:
        return len(self._batch) >= self._limits.records or self._batch.bytes >= self._limits.bytes

    def _served_from(self) -> float:
        """Return when somebody is served by a batch that is written: at the next publication, or a sender at once.

        A batch costs what it costs, however few records it has, so one is written for each publication.
        """
        return self._publication_due_at if self._acknowledge is None else 0.0

    def _publication_is_due(self) -> bool:
        return self._is_late() and (self._writing is None or self._writing.done())

    def _is_late(self) -> bool:
        """Tell whether readers should have seen by now what was written."""
        return self._unpublished and self._clock.monotonic() >= self._publication_due_at

    def _aside_caught_up(self) -> bool:
        return self._aside is None or self._aside.caught_up()

    def _aside_is_due(self) -> bool:
        return self._aside is not None and self._aside.ready() and (self._writing is None or self._writing.done())

    def _hand_over(self, executor: ThreadPoolExecutor) -> None:
        """Give the batch to the writer, once it is done with the one before.

        A batch that is not yet full by size waits for its turn while polling goes on: the slower the store, the
        larger the batches, and the fewer.
        """
        if self._writing and not self._writing.done() and not self._is_full():
            return
        self._await_writer()
        batch, self._batch = self._batch, self._folder.new_batch()
        if self._aside is not None and self._aside.sweeps():
            self._folder.forget()
        ends = self._source.end_offsets() if self._keeps_offsets and batch.next_offsets else {}
        self._tell_lag(ends)
        tables = batch.tables(
            self._clock.now(),
            ends,
            self._source.log_ids(),
            naming=self._naming,
            keeps_offsets=self._keeps_offsets,
        )
        self._written = batch.next_offsets
        now = self._clock.monotonic()
        self._observer.hands_over(batch, now - (now if batch.started_at is None else batch.started_at))
        self._writing = executor.submit(self._write, tables)

    def _tell_lag_now_and_then(self) -> None:
        """Ask for the ends of the logs although nothing came: it may be us who read nothing."""
        if self._keeps_offsets and self._clock.monotonic() - self._lag_told_at >= LAG_SECONDS:
            self._tell_lag(self._source.end_offsets())

    def _tell_lag(self, ends: Mapping[TopicPartition, int]) -> None:
        self._lag_told_at = self._clock.monotonic()
        if ends:
            self._observer.lags({place: max(0, end - self._expected.get(place, 0)) for place, end in ends.items()})

    def _write(self, tables: dict[str, Table]) -> None:
        """Write a batch and publish if it is time. Runs on the writer's thread."""
        self._observer.writes()
        try:
            if tables:
                self._write_batch(tables)
            if self._aside is not None and self._aside.write():
                self._unpublished = True
            if self._is_late():
                self._publish_now()
        finally:
            self._observer.rests()

    def _write_batch(self, tables: dict[str, Table]) -> None:
        began = self._clock.monotonic()
        self._store.write(tables)
        self._unpublished = True
        if self._acknowledge is not None:
            self._acknowledge(self._written)
        self._write_seconds = self._clock.monotonic() - began
        self._observer.wrote(sum(map(count_of, tables.values())), self._write_seconds)

    def _publish_now(self) -> None:
        self._unpublished = False  # first: what is noted while publishing may not be published
        began = self._clock.monotonic()
        self._publish()
        ended = self._clock.monotonic()
        # As often as was asked for, though a batch is written before; but half of the time is for writing, however long
        # publishing takes.
        next_at = began + self._limits.publish_seconds - self._write_seconds
        self._publication_due_at = max(next_at, ended + (ended - began))
        self._observer.published(ended - began)

    def _await_writer(self) -> None:
        """Wait for the batch on its way, staying in the group meanwhile, and raise what went wrong with it."""
        if self._writing is None:
            return
        if self._keeps_offsets and not self._writing.done():
            self._source.pause()
            while not self._writing.done() and self._source.generation == self._generation:
                self._source.poll(POLL_SECONDS / 4)
                self._observer.turned()
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


def _place(gap: Gap) -> dict[str, object]:
    """Return what a log says of a gap, besides the sentence."""
    return {
        "topic": gap.topic,
        "partition": gap.partition,
        "offset": gap.first_offset,
        "next_offset": gap.next_offset,
        "reason": gap.reason,
    }


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
