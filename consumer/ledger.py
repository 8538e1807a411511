"""The rows that every event brings, merged by key.

Merging obeys the laws of the fold: it is associative, commutative and idempotent. `headwater._core.Ledger` does the
same in columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from .rows import DocumentRow, DuplicateRow, EventRow, Micros, PassingFacetRow, Row, RunRow, ShapeSeenRow, Stamp

T = TypeVar("T", bound=Row)


class Columns(NamedTuple):
    """Rows of one table, a column each, as buffers in Arrow's layout; see ``core/src/columns.rs``."""

    rows: int
    buffers: Sequence[Any]


Table = Sequence[Row] | Columns
"""Rows of one table."""


def count_of(table: Table) -> int:
    """Return how many rows a table has."""
    return table.rows if isinstance(table, Columns) else len(table)


class AnyLedger(Protocol):
    """What a batch needs of a ledger."""

    def add_event(self, row: EventRow, /) -> bool:
        """Add an event; return False, and count a duplicate, if it is there already."""
        ...

    def see_run(self, row: RunRow, /) -> None:
        """Merge what an event says about its run."""
        ...

    def see_shape(self, shape_id: int, stamp: Stamp, /) -> None:
        """Note that an event had a shape."""
        ...

    def see_passing_facet(self, row: PassingFacetRow, is_measurement: bool, /) -> None:
        """Keep a passing facet if it is the newest of its key, and a measurement in any case."""
        ...

    def add_document(self, document_id: bytes, body: str, deleted: bool, /) -> None:
        """Keep a document once."""
        ...

    def event_times(self) -> list[Micros]:
        """Return the times of the events."""
        ...

    def received(self) -> list[Micros]:
        """Return when the events were received."""
        ...

    def duplicates(self) -> int:
        """Return how many records brought an event that was there already."""
        ...

    def tables(self) -> Mapping[str, Any]:
        """Return the rows by table: lists of them, or what `Columns` is made of. Empty ones may be left out."""
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


class Ledger:
    """A ledger of rows.

    Attributes:
        events: the events by id; a second one of the same id is a duplicate.
    """

    def __init__(self) -> None:
        self.events: dict[bytes, EventRow] = {}
        self.repeated: list[DuplicateRow] = []
        self.runs: dict[bytes, RunRow] = {}
        self.passing_facets: dict[Row, PassingFacetRow] = {}
        self.documents: dict[bytes, DocumentRow] = {}
        self.shapes_seen: dict[int, tuple[Micros, Stamp]] = {}

    def add_event(self, row: EventRow, /) -> bool:
        """Add an event; return False, and count a duplicate, if it is there already."""
        if row.event_id in self.events:
            self.repeated.append(
                DuplicateRow(
                    row.event_id,
                    row.event_time,
                    row.topic,
                    row.partition,
                    row.source_offset,
                    row.element,
                    row.received_at,
                )
            )
            return False
        self.events[row.event_id] = row
        return True

    def see_run(self, row: RunRow, /) -> None:
        """Merge what an event says about its run."""
        known = self.runs.get(row.run_key)
        self.runs[row.run_key] = row if known is None else merge_runs(known, row)

    def see_shape(self, shape_id: int, stamp: Stamp, /) -> None:
        """Note that an event had a shape."""
        first, newest = self.shapes_seen.get(shape_id, (stamp[0], stamp))
        self.shapes_seen[shape_id] = (min(first, stamp[0]), max(newest, stamp))

    def see_passing_facet(self, row: PassingFacetRow, is_measurement: bool, /) -> None:
        """Keep a passing facet if it is the newest of its key, and a measurement in any case."""
        key = row if is_measurement else row[:6]
        known = self.passing_facets.get(key)
        if known is None or row[6:] > known[6:]:
            self.passing_facets[key] = row

    def add_document(self, document_id: bytes, body: str, deleted: bool, /) -> None:
        """Keep a document once."""
        self.documents[document_id] = DocumentRow(document_id, body, deleted)

    def event_times(self) -> list[Micros]:
        """Return the times of the events."""
        return [event.event_time for event in self.events.values()]

    def received(self) -> list[Micros]:
        """Return when the events were received."""
        return [event.received_at for event in self.events.values()]

    def duplicates(self) -> int:
        """Return how many records brought an event that was there already."""
        return len(self.repeated)

    def tables(self) -> dict[str, list[Row]]:
        """Return the rows by table."""
        return {
            "document": [*self.documents.values()],
            "shape_seen": [ShapeSeenRow(shape, *seen) for shape, seen in self.shapes_seen.items()],
            "event": [*self.events.values()],
            "duplicate": [*self.repeated],
            "run": [*self.runs.values()],
            "passing_facet": [*self.passing_facets.values()],
        }
