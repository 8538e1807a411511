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


class ExplicitLineageRow(NamedTuple):
    """One pair of a ``lineage`` facet.

    Attributes:
        downstream_id: None for the dataset that carries the facet; of a job's facet, for a job that only reads.
        downstream_field: None for the whole dataset.
        upstream_id: None when it is made from no dataset.
        upstream_field: None for the dataset as a whole, or when the producer does not know which.
    """

    document_id: bytes
    downstream_id: int | None
    downstream_field: str | None
    upstream_id: int | None
    upstream_field: str | None
    transformation_type: str | None
    transformation_subtype: str | None
    masking: bool | None


class JobLinkRow(NamedTuple):
    """A job that follows another one, by a ``lineage`` facet; None is the job that carries it."""

    document_id: bytes
    upstream_job_id: int | None
    downstream_job_id: int | None


class AssertionRow(NamedTuple):
    """One outcome of a check, of a ``dataQualityAssertions`` or ``test`` facet, in the producer's words.

    Attributes:
        status: pass, fail, skip or another word; None where a facet only has *success*.
        tested_table: the table, in a facet that is not bound to a dataset.
    """

    document_id: bytes
    ordinal: int
    assertion: str
    name: str | None
    field: str | None
    success: bool
    severity: str | None
    expected: str | None
    actual: str | None
    status: str | None
    tested_table: str | None


class MetricRow(NamedTuple):
    """One number of a ``dataQualityMetrics`` facet; no field: of the dataset as a whole."""

    document_id: bytes
    field: str | None
    metric: str
    value: float


class AliasRow(NamedTuple):
    """Another name of a dataset. The type is in upper case, and empty when the producer gave none."""

    dataset_id: int
    alias_id: int
    type: str


class ShapeRow(NamedTuple):
    """The part of an event that repeats from run to run: its job, datasets, and their lasting facets.

    Attributes:
        job_type: in upper case, such as TEST.
        processing_type: in upper case, such as STREAMING.
        stands_alone: what one event of the job says replaces what the one before said (COMPLETE_SNAPSHOT); else what
            the events of a run say adds up.
        tells_lineage: something may be made from something; without that an event is of no account for lineage.
    """

    shape_id: int
    job_id: int | None
    job_type: str | None
    processing_type: str | None
    stands_alone: bool
    tells_lineage: bool


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


class LateEventRow(NamedTuple):
    """An event that came after its run was forgotten."""

    event_id: bytes
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


class NamedRunRow(NamedTuple):
    """A run that another one names as its parent or root, and the job that it says it is of."""

    run_key: bytes
    run_id: str
    job_id: int | None


class PassingFacetRow(NamedTuple):
    """A facet that belongs to one run (or one moment) rather than to a shape.

    Of a batch's, the newest of each key; every one of a measurement.
    """

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


class ImportFileRow(NamedTuple):
    """A file of check results that was imported.

    Attributes:
        root: the folder that is mirrored; empty when the file stands for itself.
        path: the file, within the root.
        sha256: of its content, and of what was read beside it.
        mirrored: what the file held before and does not hold now is replaced.
    """

    file_id: bytes
    tool: str
    root: str
    path: str
    sha256: str
    mirrored: bool
    rows: int
    imported_at: Micros


class MirroredRow(NamedTuple):
    """A row that a mirrored file holds."""

    file_id: bytes
    row_id: bytes


class CheckResult(NamedTuple):
    """The outcome of a data quality check, as a tool's file tells it.

    Attributes:
        check_name: the check, as its tool names it.
        namespace: of the dataset, for the few tools that know it.
        name: as much of the dataset's name as the tool gives; None when the result is about no dataset in particular.
        dimension: the data quality dimension that the tool gives.
        status: passed, failed, skipped or errored.
        severity: of the outcome, not as configured: valid, warning, error or fatal; None unless passed or failed.
        details: what else is worth keeping, as JSON text; never values out of the checked data.
        check_kind: what kind of check it is, such as ``not_null``.
        source: what the tool calls the database: a connection, a data source, a project.
        row_id: the hash of all the rest; see `headwater.quality.identified`.
    """

    check_name: str
    namespace: str | None
    name: str | None
    field: str | None
    dimension: str | None
    status: str
    severity: str | None
    expected: str | None
    actual: str | None
    executed_at: Micros
    tool: str
    run_id: str | None
    details: str
    check_kind: str | None
    source: str | None
    row_id: bytes = b""


class ImportedMetricRow(NamedTuple):
    """A number that a tool measured, whether or not a check judged it."""

    tool: str
    source: str | None
    name: str
    field: str | None
    metric: str
    value: float
    measured_at: Micros
    details: str
    row_id: bytes = b""


class ImportedIncidentRow(NamedTuple):
    """An incident as its tool keeps it."""

    incident_id: str
    tool: str
    source: str | None
    name: str
    dimension: str | None
    status: str
    severity: str | None
    first_seen_at: Micros
    last_seen_at: Micros | None
    failed_checks: int | None
    issue_url: str | None
    details: str
    row_id: bytes = b""


class ImportedNameRow(NamedTuple):
    """What a tool calls a dataset; an empty text is what it does not say."""

    tool: str
    source: str
    namespace: str
    name: str


class SourceNamespaceRow(NamedTuple):
    """The OpenLineage namespace of what a tool calls a database.

    Attributes:
        tool: empty when a setting says so, for every tool.
        database: goes before a name that does not begin with it.
    """

    tool: str
    source: str
    namespace: str
    database: str | None


Row = tuple[Any, ...]
