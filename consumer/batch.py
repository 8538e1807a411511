"""The unit of one transaction: rows merged by key, dead letters, and how far each partition has come.

Merging obeys the laws of the fold: it is associative, commutative and idempotent, so the order of the events in a
batch, a doubled event and a batch cut in two make no difference to what is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from .errors import UnreadableRecord
from .names import TopicPartition
from .rows import (
    AssertionRow,
    ColumnLineageRow,
    DeadLetterRow,
    DocumentRow,
    DuplicateRow,
    EventRow,
    FacetProblemRow,
    GapRow,
    Micros,
    NameRow,
    OffsetRow,
    PassingFacetRow,
    Row,
    RunRow,
    SchemaFieldRow,
    ShapeDatasetRow,
    ShapeFacetRow,
    ShapeRow,
    ShapeSeenRow,
    Stamp,
    SymlinkRow,
)

T = TypeVar("T", bound=Row)


class Arrival(Protocol):
    """Where a record came from, and what it is; a `headwater.sources.Record` is one."""

    @property
    def topic(self) -> str:
        """The topic."""
        ...

    @property
    def partition(self) -> int:
        """The partition."""
        ...

    @property
    def offset(self) -> int:
        """The offset."""
        ...

    @property
    def value(self) -> bytes | None:
        """The bytes; None is a tombstone."""
        ...


def greatest(left: T | None, right: T | None) -> T | None:
    """Return the greater of two stamped values, None being less than any."""
    if left is None:
        return right
    return left if right is None or left >= right else right


def least(left: Micros | None, right: Micros | None) -> Micros | None:
    """Return the earlier of two moments, None being no moment."""
    if left is None:
        return right
    return left if right is None or left <= right else right


def merge_runs(left: RunRow, right: RunRow) -> RunRow:
    """Return what two rows about one run say together; ``schemas/writes/150_run.sql`` does it to the stored row."""
    return RunRow(
        left.run_key,
        left.run_id,
        min(left.first_at, right.first_at),
        least(left.started_at, right.started_at),
        max(left.last_at, right.last_at),
        greatest(left.state, right.state),
        max(left.job, right.job),
        max(left.producer, right.producer),
        greatest(left.nominal, right.nominal),
        greatest(left.parent, right.parent),
        greatest(left.error, right.error),
        greatest(left.source, right.source),
    )


class Batch:
    """Rows on their way to the store.

    Attributes:
        events: the events by id; a second one of the same id is a duplicate.
        bytes: how many bytes of records went in.
        started_at: when the first record came, on the caller's clock; None while empty.
    """

    def __init__(self) -> None:
        self.events: dict[bytes, EventRow] = {}
        self.duplicates: list[DuplicateRow] = []
        self.dead_letters: list[DeadLetterRow] = []
        self.runs: dict[bytes, RunRow] = {}
        self.passing_facets: dict[Row, PassingFacetRow] = {}
        self.jobs: dict[int, NameRow] = {}
        self.datasets: dict[int, NameRow] = {}
        self.documents: dict[bytes, DocumentRow] = {}
        self.facet_problems: set[FacetProblemRow] = set()
        # The rows inside a document, by its id: the same document may come twice with other white space.
        self.schema_fields: dict[bytes, list[SchemaFieldRow]] = {}
        self.column_lineage: dict[bytes, list[ColumnLineageRow]] = {}
        self.assertions: dict[bytes, list[AssertionRow]] = {}
        self.symlinks: dict[bytes, list[SymlinkRow]] = {}
        self.shapes: dict[int, ShapeRow] = {}
        self.shape_datasets: list[ShapeDatasetRow] = []
        self.shape_facets: list[ShapeFacetRow] = []
        self.shapes_seen: dict[int, tuple[Micros, Stamp]] = {}
        self.gaps: list[GapRow] = []
        self.next_offsets: dict[TopicPartition, int] = {}
        self.tombstones: dict[TopicPartition, int] = {}
        self.records = 0
        self.bytes = 0
        self.started_at: float | None = None

    def __len__(self) -> int:
        """Return how many records went in."""
        return self.records

    def receive(self, record: Arrival, now: float) -> None:
        """Note that a record was read, whatever comes of it: its offset is covered by this batch."""
        if self.started_at is None:
            self.started_at = now
        self.records += 1
        position = TopicPartition(record.topic, record.partition)
        self.next_offsets[position] = record.offset + 1
        if record.value is None:
            self.tombstones[position] = self.tombstones.get(position, 0) + 1
        else:
            self.bytes += len(record.value)

    def reject(self, record: Arrival, element: int, received_at: Micros, why: UnreadableRecord) -> None:
        """Keep a record that cannot be read, with the reason."""
        self.dead_letters.append(
            DeadLetterRow(
                record.topic,
                record.partition,
                record.offset,
                element,
                received_at,
                why.reason,
                why.detail,
                record.value or b"",
            )
        )

    def add_event(self, event: EventRow) -> bool:
        """Add an event; return False, and count a duplicate, if the batch has it already."""
        if event.event_id in self.events:
            self.duplicates.append(
                DuplicateRow(
                    event.event_id,
                    event.event_time,
                    event.topic,
                    event.partition,
                    event.source_offset,
                    event.element,
                    event.received_at,
                )
            )
            return False
        self.events[event.event_id] = event
        return True

    def see_run(self, run: RunRow) -> None:
        """Merge what an event says about its run."""
        known = self.runs.get(run.run_key)
        self.runs[run.run_key] = run if known is None else merge_runs(known, run)

    def see_shape(self, shape_id: int, stamp: Stamp) -> None:
        """Note that an event had a shape."""
        known = self.shapes_seen.get(shape_id)
        if known is None:
            self.shapes_seen[shape_id] = (stamp[0], stamp)
        else:
            self.shapes_seen[shape_id] = (min(known[0], stamp[0]), max(known[1], stamp))

    def see_passing_facet(self, row: PassingFacetRow) -> None:
        """Keep a passing facet if it is the newest of its key."""
        key = row[:6]
        known = self.passing_facets.get(key)
        if known is None or row[6:] > known[6:]:
            self.passing_facets[key] = row

    def tables(
        self,
        updated_at: Micros,
        end_offsets: Mapping[TopicPartition, int],
        log_ids: Mapping[TopicPartition, str] = {},
        *,
        keeps_offsets: bool = True,
    ) -> dict[str, list[Row]]:
        """Return the rows to write by table, the empty ones left out.

        Args:
            updated_at: now.
            end_offsets: the ends of the partitions, for the view of the lag.
            log_ids: which log of its name each partition is, where the source knows.
            keeps_offsets: write how far each partition is folded.
        """
        offsets = [
            OffsetRow(
                *position,
                next_offset,
                end_offsets.get(position),
                log_ids.get(position),
                self.tombstones.get(position, 0),
                updated_at,
            )
            for position, next_offset in (self.next_offsets if keeps_offsets else {}).items()
        ]
        tables: dict[str, list[Row]] = {
            "job": [*self.jobs.values()],
            "dataset": [*self.datasets.values()],
            "document": [*self.documents.values()],
            "facet_problem": sorted(self.facet_problems),
            "schema_field": _flat(self.schema_fields),
            "column_lineage": _flat(self.column_lineage),
            "assertion": _flat(self.assertions),
            "symlink": _flat(self.symlinks),
            "shape": [*self.shapes.values()],
            "shape_dataset": [*self.shape_datasets],
            "shape_facet": [*self.shape_facets],
            "shape_seen": [ShapeSeenRow(shape, *seen) for shape, seen in self.shapes_seen.items()],
            "event": [*self.events.values()],
            "duplicate": [*self.duplicates],
            "run": [*self.runs.values()],
            "passing_facet": [*self.passing_facets.values()],
            "dead_letter": [*self.dead_letters],
            "gap": [*self.gaps],
            "kafka_offset": [*offsets],
        }
        return {name: rows for name, rows in tables.items() if rows}


def _flat(rows_by_document: Mapping[bytes, Iterable[Row]]) -> list[Row]:
    return [row for rows in rows_by_document.values() for row in rows]
