"""Rows become Arrow tables, which DuckDB reads in place: no statement and no parameter a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..rows import (
    AssertionRow,
    ColumnLineageRow,
    DeadLetterRow,
    DocumentRow,
    DuplicateRow,
    EventRow,
    FacetProblemRow,
    GapRow,
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
    SymlinkRow,
)

TEXT = pa.string()
ID = pa.uint64()
UUID = pa.uuid()
TIME = pa.timestamp("us", tz="UTC")
BOOL = pa.bool_()
INT = pa.int64()
STAMP = (("event_time", TIME), ("event_id", UUID))


def _stamped(*fields: tuple[str, pa.DataType]) -> pa.StructType:
    return pa.struct([*STAMP, *fields])


# Which record each table of a batch is made of, and the types of its columns.
TABLES: dict[str, tuple[type[Any], tuple[pa.DataType, ...]]] = {
    "job": (NameRow, (ID, TEXT, TEXT)),
    "dataset": (NameRow, (ID, TEXT, TEXT)),
    "document": (DocumentRow, (UUID, TEXT, BOOL)),
    "facet_problem": (FacetProblemRow, (UUID, TEXT, TEXT, TEXT)),
    "schema_field": (SchemaFieldRow, (UUID, TEXT, INT, TEXT, TEXT)),
    "column_lineage": (ColumnLineageRow, (UUID, TEXT, ID, TEXT, TEXT, TEXT, BOOL)),
    "assertion": (AssertionRow, (UUID, INT, TEXT, TEXT, TEXT, BOOL, TEXT, TEXT, TEXT)),
    "symlink": (SymlinkRow, (UUID, TEXT, TEXT, TEXT)),
    "shape": (ShapeRow, (ID, ID, TEXT, TEXT)),
    "shape_dataset": (ShapeDatasetRow, (ID, TEXT, ID)),
    "shape_facet": (ShapeFacetRow, (ID, TEXT, ID, TEXT, UUID)),
    "shape_seen": (ShapeSeenRow, (ID, TIME, _stamped())),
    "event": (EventRow, (UUID, TEXT, TEXT, TIME, UUID, ID, TEXT, INT, INT, INT, TIME, TEXT)),
    "duplicate": (DuplicateRow, (UUID, TIME, TEXT, INT, INT, INT, TIME)),
    "passing_facet": (PassingFacetRow, (TEXT, UUID, TEXT, ID, ID, TEXT, TIME, UUID, UUID)),
    "run": (
        RunRow,
        (
            UUID,
            TEXT,
            TIME,
            TIME,
            TIME,
            pa.struct([("rank", pa.uint8()), *STAMP, ("name", TEXT)]),
            _stamped(("job_id", ID)),
            _stamped(("uri", TEXT)),
            _stamped(("start_at", TIME), ("end_at", TIME)),
            _stamped(("run_id", TEXT), ("job_namespace", TEXT), ("job_name", TEXT), ("root_run_id", TEXT)),
            _stamped(("message", TEXT)),
            _stamped(("version", TEXT)),
        ),
    ),
    "dead_letter": (DeadLetterRow, (TEXT, INT, INT, INT, TIME, TEXT, TEXT, pa.binary())),
    "gap": (GapRow, (TEXT, INT, INT, INT, TEXT, TIME)),
    "kafka_offset": (OffsetRow, (TEXT, INT, INT, INT, TEXT, INT, TIME)),
}


def arrow_table(table: str, rows: Sequence[Row]) -> pa.Table:
    """Return rows of one table as Arrow; the order of the rows is kept."""
    record, types = TABLES[table]
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    arrays = [_array(values, kind) for values, kind in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(record._fields))


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    if isinstance(kind, pa.StructType):
        return _structs(values, kind)
    if isinstance(kind, pa.UuidType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, pa.binary(16)))
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def _structs(values: Sequence[tuple[Any, ...] | None], kind: pa.StructType) -> pa.Array[Any]:
    fields = list(kind)
    nothing = (None,) * len(fields)
    columns = zip(*(value or nothing for value in values), strict=True) if values else ((),) * len(fields)
    arrays = [_array(column, field.type) for column, field in zip(columns, fields, strict=True)]
    mask = pa.array([value is None for value in values], BOOL)
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=mask)
