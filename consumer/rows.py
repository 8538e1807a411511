"""One record for each table: what can be written, and nothing else.

The fields of a record are the columns of the relation that ``schemas/writes`` reads, in the same order; a test holds
them against the catalogue. Times are whole microseconds since 1970 in UTC. Ids of 8 bytes are ints, ids of 16 are
bytes.

A *stamp* is the (event_time, event_id) of an event: the newest wins, and the id breaks a tie the same way everywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Micros = int
Stamp = tuple[Micros, bytes]


class NameRow(NamedTuple):
    """A job or dataset and the id that stands for it."""

    id: int
    namespace: str
    name: str


class DocumentRow(NamedTuple):
    """A facet's body, kept once however many events carry it.

    Attributes:
        body: canonical JSON text (keys sorted, no spaces).
        deleted: the body says ``_deleted``, a tombstone.
    """

    document_id: bytes
    body: str
    deleted: bool


class FacetProblemRow(NamedTuple):
    """Why a facet of a kind that we know could not be read. Its body is kept all the same."""

    document_id: bytes
    entity: str
    key: str
    problem: str


class SchemaFieldRow(NamedTuple):
    """One field of a ``schema`` facet; nested fields are named ``a.b``."""

    document_id: bytes
    field: str
    ordinal: int
    type: str | None
    description: str | None


class ColumnLineageRow(NamedTuple):
    """One pair of columns of a ``columnLineage`` facet.

    Attributes:
        downstream_field: None when the upstream column influences the whole dataset.
        transformation_type: DIRECT, INDIRECT, or None when the producer did not say.
    """

    document_id: bytes
    downstream_field: str | None
    upstream_id: int
    upstream_field: str
    transformation_type: str | None
    transformation_subtype: str | None
    masking: bool | None


class AssertionRow(NamedTuple):
    """One assertion of a ``dataQualityAssertions`` facet, in the producer's words."""

    document_id: bytes
    ordinal: int
    assertion: str
    name: str | None
    field: str | None
    success: bool
    severity: str | None
    expected: str | None
    actual: str | None


class SymlinkRow(NamedTuple):
    """One other name in a ``symlinks`` facet."""

    document_id: bytes
    namespace: str
    name: str
    type: str | None


class ShapeRow(NamedTuple):
    """The part of an event that repeats from run to run: its job, datasets, and their lasting facets."""

    shape_id: int
    job_id: int | None
    job_type: str | None
    processing_type: str | None


class ShapeSeenRow(NamedTuple):
    """When a batch saw a shape: the earliest and the newest of its events."""

    shape_id: int
    first_seen_at: Micros
    newest: Stamp


class ShapeDatasetRow(NamedTuple):
    """A dataset of a shape. The direction is ``input``, ``output``, or ``dataset`` in a dataset event."""

    shape_id: int
    direction: str
    dataset_id: int


class ShapeFacetRow(NamedTuple):
    """A lasting facet of a shape's job (no dataset) or of one of its datasets."""

    shape_id: int
    direction: str | None
    dataset_id: int | None
    key: str
    document_id: bytes


class DuplicateRow(NamedTuple):
    """A record, or an element of one, whose event was there already."""

    event_id: bytes
    event_time: Micros
    topic: str
    partition: int
    source_offset: int
    element: int
    received_at: Micros


class EventRow(NamedTuple):
    """One event, with the facets taken out of its JSON (`skeleton`) and put into documents."""

    event_id: bytes
    kind: str
    event_type: str | None
    event_time: Micros
    run_key: bytes | None
    shape_id: int
    topic: str
    partition: int
    source_offset: int
    element: int
    received_at: Micros
    skeleton: str


class RunRow(NamedTuple):
    """What the events of a batch say about a run. Each structure begins with a stamp: the greatest one wins."""

    run_key: bytes
    run_id: str
    first_at: Micros
    started_at: Micros | None
    last_at: Micros
    state: tuple[int, Micros, bytes, str] | None
    job: tuple[Micros, bytes, int]
    producer: tuple[Micros, bytes, str | None]
    nominal: tuple[Micros, bytes, Micros | None, Micros | None] | None
    parent: tuple[Micros, bytes, str | None, str | None, str | None, str | None] | None
    error: tuple[Micros, bytes, str | None] | None
    source: tuple[Micros, bytes, str | None] | None


class PassingFacetRow(NamedTuple):
    """A facet that belongs to one run (or one moment) rather than to a shape; the newest of its key in a batch."""

    entity: str
    run_key: bytes | None
    direction: str | None
    dataset_id: int | None
    job_id: int | None
    key: str
    event_time: Micros
    event_id: bytes
    document_id: bytes


class DeadLetterRow(NamedTuple):
    """A record that could not be read, as it came."""

    topic: str
    partition: int
    source_offset: int
    element: int
    received_at: Micros
    reason: str
    detail: str
    value: bytes


class OffsetRow(NamedTuple):
    """How far a partition is folded: the next offset to read, and what was met on the way since the last batch."""

    topic: str
    partition: int
    next_offset: int
    end_offset: int | None
    log_id: str | None
    tombstones: int
    updated_at: Micros


class GapRow(NamedTuple):
    """Offsets that were needed and that the broker no longer had."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    reason: str
    noticed_at: Micros


Row = tuple[Any, ...]
