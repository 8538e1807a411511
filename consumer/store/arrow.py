"""Rows become Arrow tables, which DuckDB reads in place: no statement and no parameter a row."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa

from ..ledger import Columns, Table
from ..rows import (
    AliasRow,
    AssertionRow,
    CheckResult,
    ColumnLineageRow,
    DeadLetterRow,
    DocumentRow,
    DuplicateRow,
    EventRow,
    ExplicitLineageRow,
    FacetProblemRow,
    GapRow,
    ImportedIncidentRow,
    ImportedMetricRow,
    ImportedNameRow,
    ImportFileRow,
    JobLinkRow,
    LateEventRow,
    MetricRow,
    MirroredRow,
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
    ShapeSeenRow,
    SourceNamespaceRow,
)

TEXT = pa.string()
ID = pa.uint64()
UUID = pa.uuid()
TIME = pa.timestamp("us", tz="UTC")
BOOL = pa.bool_()
INT = pa.int64()
DOUBLE = pa.float64()
STAMP = (("event_time", TIME), ("event_id", UUID))


def _stamped(*fields: tuple[str, pa.DataType]) -> pa.StructType:
    return pa.struct([*STAMP, *fields])


# Which record each table of a batch is made of, and the types of its columns.
TABLES: dict[str, tuple[type[Any], tuple[pa.DataType, ...]]] = {
    "job": (NameRow, (ID, TEXT, TEXT)),
    "dataset": (NameRow, (ID, TEXT, TEXT)),
    "alias": (AliasRow, (ID, ID, TEXT)),
    "document": (DocumentRow, (UUID, TEXT, BOOL)),
    "facet_problem": (FacetProblemRow, (UUID, TEXT, TEXT, TEXT)),
    "schema_field": (SchemaFieldRow, (UUID, TEXT, INT, TEXT, TEXT)),
    "column_lineage": (ColumnLineageRow, (UUID, TEXT, ID, TEXT, TEXT, TEXT, BOOL)),
    "explicit_lineage": (ExplicitLineageRow, (UUID, ID, TEXT, ID, TEXT, TEXT, TEXT, BOOL)),
    "job_link": (JobLinkRow, (UUID, ID, ID)),
    "assertion": (AssertionRow, (UUID, INT, TEXT, TEXT, TEXT, BOOL, TEXT, TEXT, TEXT, TEXT, TEXT)),
    "metric": (MetricRow, (UUID, TEXT, TEXT, pa.float64())),
    "named_run": (NamedRunRow, (UUID, TEXT, ID)),
    "shape": (ShapeRow, (ID, ID, TEXT, TEXT, BOOL, BOOL)),
    "shape_dataset": (ShapeDatasetRow, (ID, TEXT, ID)),
    "shape_facet": (ShapeFacetRow, (ID, TEXT, ID, TEXT, UUID)),
    "shape_seen": (ShapeSeenRow, (ID, TIME, _stamped())),
    "event": (EventRow, (UUID, TEXT, TEXT, TIME, UUID, ID, TEXT, INT, INT, INT, TIME, TEXT)),
    "duplicate": (DuplicateRow, (UUID, TIME, TEXT, INT, INT, INT, TIME)),
    "late_event": (LateEventRow, (UUID, TEXT, INT, INT, INT, TIME)),
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
    "import_file": (ImportFileRow, (UUID, TEXT, TEXT, TEXT, TEXT, BOOL, INT, TIME)),
    "mirrored_row": (MirroredRow, (UUID, UUID)),
    "imported_result": (CheckResult, (*(TEXT,) * 9, TIME, *(TEXT,) * 5, UUID)),
    "imported_metric": (ImportedMetricRow, (TEXT, TEXT, TEXT, TEXT, TEXT, DOUBLE, TIME, TEXT, UUID)),
    "imported_incident": (
        ImportedIncidentRow,
        (TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TIME, TIME, INT, TEXT, TEXT, UUID),
    ),
    "imported_name": (ImportedNameRow, (TEXT, TEXT, TEXT, TEXT)),
    "source_namespace": (SourceNamespaceRow, (TEXT, TEXT, TEXT, TEXT)),
}


def arrow_table(table: str, rows: Table) -> pa.Table:
    """Return rows of one table as Arrow; the order of the rows is kept."""
    record, types = TABLES[table]
    if isinstance(rows, Columns):
        count, columns = rows
    else:
        values = zip(*rows, strict=True) if rows else ((),) * len(types)
        count, columns = len(rows), [_buffers(column, kind) for column, kind in zip(values, types, strict=True)]
    arrays = [_array(buffers, count, kind) for buffers, kind in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(record._fields))


def rows_of(table: str, rows: Table) -> Sequence[Row]:
    """Return the rows of one table as records, whatever form they have."""
    if not isinstance(rows, Columns):
        return rows
    record, types = TABLES[table]
    columns = arrow_table(table, rows).columns
    values = [_values_of(column.combine_chunks(), kind) for column, kind in zip(columns, types, strict=True)]
    return [record._make(row) for row in zip(*values, strict=True)]


def with_values(table: pa.Table, column: str, change: Callable[[Any], Any]) -> pa.Table:
    """Return *table* with each value of one column changed."""
    place = table.schema.get_field_index(column)
    values = [change(value) for value in table.column(place).to_pylist()]
    return table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))


def _buffers(values: Sequence[Any], kind: pa.DataType) -> tuple[Any, ...]:
    """Return values in Arrow's layout, as ``core/src/columns.rs`` does: validity, then what the type has.

    Not left to `pyarrow.array`, which imports pandas, where there is one, to see whether it was given a series.
    """
    is_there = [value is not None for value in values]
    valid = None if all(is_there) else _bits(is_there)
    if isinstance(kind, pa.StructType):
        nothing = (None,) * kind.num_fields
        columns = zip(*(value or nothing for value in values), strict=True) if values else ((),) * kind.num_fields
        return valid, [_buffers(column, field.type) for column, field in zip(columns, kind, strict=True)]
    if kind in (TEXT, pa.binary()):
        texts = [value.encode() if isinstance(value, str) else value or b"" for value in values]
        return valid, array("i", accumulate(map(len, texts), initial=0)), b"".join(texts)
    if isinstance(kind, pa.UuidType):
        return valid, b"".join([value or bytes(16) for value in values])
    if kind == BOOL:
        return valid, _bits([bool(value) for value in values])
    code = _CODES.get(kind, "q")
    return valid, array(code, [value or 0 for value in values])


_CODES = {ID: "Q", DOUBLE: "d", pa.uint8(): "B"}


def _bits(values: Sequence[bool]) -> bytes:
    """Pack a bit for each value, the lowest first."""
    text = "".join("1" if value else "0" for value in reversed(values))
    return int(text or "0", 2).to_bytes((len(values) + 7) // 8, "little")


def _array(buffers: Sequence[Any], rows: int, kind: pa.DataType) -> pa.Array[Any]:
    """Return an array over buffers, without copying them."""
    validity, *others = buffers
    valid = None if validity is None else pa.py_buffer(validity)
    if isinstance(kind, pa.StructType):
        children = [_array(child, rows, field.type) for child, field in zip(others[0], kind, strict=True)]
        return pa.StructArray.from_buffers(kind, rows, [valid], children=children)
    data = [pa.py_buffer(other) for other in others]
    if isinstance(kind, pa.UuidType):
        return pa.ExtensionArray.from_storage(kind, pa.Array.from_buffers(pa.binary(16), rows, [valid, *data]))
    return pa.Array.from_buffers(kind, rows, [valid, *data])


def _values_of(array: Any, kind: pa.DataType) -> list[Any]:
    """Return what the array was made of."""
    if isinstance(kind, pa.StructType):
        columns = [_values_of(array.field(place), field.type) for place, field in enumerate(kind)]
        there = array.is_valid().to_pylist()
        return [row if valid else None for valid, row in zip(there, zip(*columns, strict=True), strict=True)]
    if isinstance(kind, pa.UuidType):
        array = array.storage
    elif pa.types.is_timestamp(kind):
        array = array.cast(INT)
    return list(array.to_pylist())
