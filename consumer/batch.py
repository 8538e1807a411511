"""The unit of one transaction: rows merged by key, dead letters, and how far each partition has come.

Merging obeys the laws of the fold: it is associative, commutative and idempotent, so the order of the events in a
batch, a doubled event and a batch cut in two make no difference to what is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from .errors import UnreadableRecord
from .ledger import AnyLedger, Columns, Ledger, Table, count_of
from .names import DatasetName, JobName, TopicPartition, name_id
from .naming import Naming
from .rows import (
    AliasRow,
    AssertionRow,
    ColumnLineageRow,
    DeadLetterRow,
    EventRow,
    ExplicitLineageRow,
    FacetProblemRow,
    GapRow,
    JobLinkRow,
    LateEventRow,
    MetricRow,
    Micros,
    NamedRunRow,
    NameRow,
    OffsetRow,
    PassingFacetRow,
    Row,
    RunRow,
    SchemaFieldRow,
    ShapeDatasetRow,
    ShapeFacetRow,
    ShapeRow,
)


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

    @property
    def element(self) -> int:
        """The place inside the enclosing JSON array, when that was split already; else 0."""
        ...


class Batch:
    """Rows on their way to the store.

    Attributes:
        ledger: the rows that every event brings.
        bytes: how many bytes of records went in.
        started_at: when the first record came, on the caller's clock; None while empty.
    """

    def __init__(self, ledger: AnyLedger | None = None) -> None:
        """Begin a batch; rows that come with every event go into *ledger*, by default one of Python's."""
        self.ledger: AnyLedger = Ledger() if ledger is None else ledger
        self.dead_letters: list[DeadLetterRow] = []
        self.jobs: dict[int, NameRow] = {}
        self.datasets: dict[int, NameRow] = {}
        self.aliases: set[AliasRow] = set()
        self.facet_problems: set[FacetProblemRow] = set()
        # The rows inside a document, by its id: the same document may come twice with other white space.
        self.schema_fields: dict[bytes, list[SchemaFieldRow]] = {}
        self.column_lineage: dict[bytes, list[ColumnLineageRow]] = {}
        self.explicit_lineage: dict[bytes, list[ExplicitLineageRow]] = {}
        self.job_links: dict[bytes, list[JobLinkRow]] = {}
        self.assertions: dict[bytes, list[AssertionRow]] = {}
        self.metrics: dict[bytes, list[MetricRow]] = {}
        self.named_runs: set[NamedRunRow] = set()
        self.shapes: dict[int, ShapeRow] = {}
        self.shape_datasets: list[ShapeDatasetRow] = []
        self.shape_facets: list[ShapeFacetRow] = []
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

    def reject(
        self, record: Arrival, element: int, received_at: Micros, why: UnreadableRecord, value: bytes | None = None
    ) -> None:
        """Keep a record that cannot be read, with the reason; of its bytes *value*, if that is not all of them."""
        self.dead_letters.append(
            DeadLetterRow(
                record.topic,
                record.partition,
                record.offset,
                element,
                received_at,
                why.reason,
                why.detail,
                (record.value or b"") if value is None else value,
            )
        )

    def name_job(self, name: JobName) -> int:
        """Note that a job has a name; return its id."""
        job_id = name_id(name)
        self.jobs[job_id] = NameRow(job_id, *name)
        return job_id

    def name_dataset(self, name: DatasetName) -> int:
        """Note that a dataset has a name; return its id."""
        dataset_id = name_id(name)
        self.datasets[dataset_id] = NameRow(dataset_id, *name)
        return dataset_id

    def tables(
        self,
        updated_at: Micros,
        end_offsets: Mapping[TopicPartition, int],
        log_ids: Mapping[TopicPartition, str] = {},
        *,
        naming: Naming = Naming(),  # noqa: B008  # it never changes
        keeps_offsets: bool = True,
    ) -> dict[str, Table]:
        """Return the rows to write by table, the empty ones left out.

        Args:
            updated_at: now.
            end_offsets: the ends of the partitions, for the view of the lag.
            log_ids: which log of its name each partition is, where the source knows.
            naming: the rules that join datasets by their names.
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
        self._apply(naming)
        tables: dict[str, Table] = {
            **{name: _table(rows) for name, rows in self.ledger.tables().items()},
            "job": [*self.jobs.values()],
            "dataset": [*self.datasets.values()],
            "alias": sorted(self.aliases),
            "facet_problem": sorted(self.facet_problems),
            "schema_field": _flat(self.schema_fields),
            "column_lineage": _flat(self.column_lineage),
            "explicit_lineage": _flat(self.explicit_lineage),
            "job_link": _flat(self.job_links),
            "assertion": _flat(self.assertions),
            "metric": _flat(self.metrics),
            "named_run": [*self.named_runs],
            "shape": [*self.shapes.values()],
            "shape_dataset": [*self.shape_datasets],
            "shape_facet": [*self.shape_facets],
            "dead_letter": [*self.dead_letters],
            "gap": [*self.gaps],
            "kafka_offset": [*offsets],
        }
        return {name: rows for name, rows in tables.items() if count_of(rows)}

    def _apply(self, naming: Naming) -> None:
        """Join each dataset with the name that the rules give it, and that name with the one that it gets in turn."""
        fresh = list(self.datasets.values())
        while fresh:
            row = fresh.pop()
            alias = naming.alias(DatasetName(row.namespace, row.name))
            if alias is not None:
                alias_id = name_id(alias.name)
                self.aliases.add(AliasRow(row.id, alias_id, alias.rule))
                if alias_id not in self.datasets:
                    self.name_dataset(alias.name)
                    fresh.append(self.datasets[alias_id])


def _flat(rows_by_document: Mapping[bytes, Iterable[Row]]) -> list[Row]:
    return [row for rows in rows_by_document.values() for row in rows]


def _table(rows: Table | tuple[int, Sequence[Any]]) -> Table:
    return Columns._make(rows) if isinstance(rows, tuple) else rows


def without_runs(tables: Mapping[str, Sequence[Row]], forgotten: Collection[bytes]) -> dict[str, Sequence[Row]]:
    """Return the rows of a batch without what its events say about some runs; those events are late.

    The content that they share with other events stays: it is there for whoever refers to it.

    Args:
        tables: rows by table, as `Batch.tables` gives them.
        forgotten: the keys of the runs.
    """
    events = cast("Sequence[EventRow]", tables.get("event", ()))
    runs = cast("Sequence[RunRow]", tables.get("run", ()))
    facets = cast("Sequence[PassingFacetRow]", tables.get("passing_facet", ()))
    kept = Ledger()
    for event in events:
        if event.run_key not in forgotten:
            kept.see_shape(event.shape_id, (event.event_time, event.event_id))
    late = [
        LateEventRow(e.event_id, e.topic, e.partition, e.source_offset, e.element, e.received_at)
        for e in events
        if e.run_key in forgotten
    ]
    return {
        **tables,
        "event": [event for event in events if event.run_key not in forgotten],
        "late_event": late,
        "run": [run for run in runs if run.run_key not in forgotten],
        "passing_facet": [facet for facet in facets if facet.run_key not in forgotten],
        "shape_seen": kept.tables()["shape_seen"],
    }
