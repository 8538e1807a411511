"""The rows inside a facet that is a small table of its own: schemas, lineage, outcomes of checks, metrics."""

from __future__ import annotations

from math import isfinite
from typing import Any

from .batch import Batch
from .facets import (
    Assertion,
    ColumnLineage,
    DataQualityAssertions,
    DataQualityMetrics,
    DatasetLineage,
    Facet,
    GreatExpectationsAssertions,
    InputField,
    JobLineage,
    LegacyAssertion,
    LineageEntry,
    LineageInput,
    OutputField,
    Schema,
    SchemaField,
    TestExecution,
    Tests,
)
from .names import DatasetName, JobName
from .rows import AssertionRow, ColumnLineageRow, ExplicitLineageRow, JobLinkRow, MetricRow, SchemaFieldRow

# How a column reaches another: type, subtype, masking; None is not said.
_Way = tuple[str | None, str | None, bool | None]
_NOT_SAID: _Way = (None, None, None)
_OLD_WAYS: dict[str, _Way] = {"IDENTITY": ("DIRECT", "IDENTITY", None), "MASKED": ("DIRECT", None, True)}


def add_contents(document_id: bytes, content: Facet, batch: Batch) -> bool:
    """Add the rows inside *content*, the facet of a document, to *batch*; return False if its kind never has any."""
    if isinstance(content, Schema):
        batch.schema_fields[document_id] = _schema_fields(document_id, content.fields)
    elif isinstance(content, ColumnLineage):
        batch.column_lineage[document_id] = _column_lineage(document_id, content, batch)
    elif isinstance(content, JobLineage):
        _add_lineage(document_id, content.entries, batch)
    elif isinstance(content, DatasetLineage):
        batch.explicit_lineage[document_id] = list(_pairs(document_id, None, content, batch))
    elif isinstance(content, DataQualityAssertions):
        batch.assertions[document_id] = [
            _assertion(document_id, ordinal, said) for ordinal, said in enumerate(content.assertions)
        ]
    elif isinstance(content, GreatExpectationsAssertions):
        batch.assertions[document_id] = [
            _legacy_assertion(document_id, ordinal, said) for ordinal, said in enumerate(content.assertions)
        ]
    elif isinstance(content, Tests):
        batch.assertions[document_id] = [
            _test_execution(document_id, ordinal, said) for ordinal, said in enumerate(content.tests)
        ]
    elif isinstance(content, DataQualityMetrics):
        batch.metrics[document_id] = _metrics(document_id, content)
    else:
        return False
    return True


def _schema_fields(
    document_id: bytes, fields: list[SchemaField], prefix: str = "", start: int = 0
) -> list[SchemaFieldRow]:
    rows: list[SchemaFieldRow] = []
    for field in _in_order(fields):
        name = prefix + field.name
        rows.append(SchemaFieldRow(document_id, name, start + len(rows), field.type, field.description))
        rows.extend(_schema_fields(document_id, field.fields, f"{name}.", start + len(rows)))
    return rows


def _in_order(fields: list[SchemaField]) -> list[SchemaField]:
    """Return fields in the order that their producer numbers them in, if it numbers all of them."""
    positions = [field.ordinal_position for field in fields if field.ordinal_position is not None]
    if len(positions) < len(fields):
        return fields
    return [fields[place] for place in sorted(range(len(fields)), key=positions.__getitem__)]


def _column_lineage(document_id: bytes, content: ColumnLineage, batch: Batch) -> list[ColumnLineageRow]:
    pairs: list[tuple[str | None, InputField, _Way]] = [(None, source, _NOT_SAID) for source in content.dataset]
    for field, output in content.fields.items():
        pairs.extend((field, source, _old_way(output)) for source in output.input_fields)
    rows = set()
    for downstream_field, source, old_way in pairs:
        upstream_id = batch.name_dataset(DatasetName(source.namespace, source.name))
        # A column without transformations is an edge all the same.
        for way in _ways(source) or {old_way}:
            rows.add(ColumnLineageRow(document_id, downstream_field, upstream_id, source.field, *way))
    return list(rows)


def _ways(source: InputField | LineageInput) -> set[_Way]:
    return {(said.type or None, said.subtype or None, said.masking) for said in source.transformations}


def _old_way(output: OutputField) -> _Way:
    """Return what is said for all inputs at once, as it was before 1-1-0, in the words of today."""
    return _OLD_WAYS.get(output.transformation_type or "", _NOT_SAID)


def _add_lineage(document_id: bytes, entries: list[LineageEntry], batch: Batch) -> None:
    """Add what the entries of a job's facet say. One of a kind that we don't know says nothing."""
    rows: set[ExplicitLineageRow] = set()
    links: set[JobLinkRow] = set()
    for entry in entries:
        if entry.type == "JOB":
            job_id = _job(entry, batch)
            for source in entry.inputs or ():
                if source.type == "JOB":
                    links.add(JobLinkRow(document_id, _job(source, batch), job_id))
                elif source.type == "DATASET":
                    # It is read, and nothing is made from it.
                    rows.add(ExplicitLineageRow(document_id, None, None, _dataset(source, batch), None, *_NOT_SAID))
        elif entry.type == "DATASET":
            downstream_id = _dataset(entry, batch)
            if downstream_id is not None:
                rows |= _pairs(document_id, downstream_id, entry, batch)
    batch.explicit_lineage[document_id] = list(rows)
    batch.job_links[document_id] = list(links)


def _pairs(
    document_id: bytes, downstream_id: int | None, said: LineageEntry | DatasetLineage, batch: Batch
) -> set[ExplicitLineageRow]:
    """Return what a dataset is made from; that it is made from nothing is a row too, if it is said."""
    pairs: list[tuple[str | None, LineageInput]] = [(None, source) for source in said.inputs or ()]
    for field, behind in said.fields.items():
        pairs.extend((field, source) for source in behind.inputs)
    rows = {
        ExplicitLineageRow(document_id, downstream_id, field, upstream_id, source.field, *way)
        for field, source in pairs
        if source.type == "DATASET" and (upstream_id := _dataset(source, batch)) is not None
        for way in _ways(source) or {_NOT_SAID}
    }
    if not rows and (said.inputs is not None or said.fields):
        return {ExplicitLineageRow(document_id, downstream_id, None, None, None, *_NOT_SAID)}
    return rows


def _dataset(named: LineageEntry | LineageInput, batch: Batch) -> int | None:
    if named.namespace is None or named.name is None:
        return None
    return batch.name_dataset(DatasetName(named.namespace, named.name))


def _job(named: LineageEntry | LineageInput, batch: Batch) -> int | None:
    """Return the id of a job, or None for the one that carries the facet."""
    if named.namespace is None or named.name is None:
        return None
    return batch.name_job(JobName(named.namespace, named.name))


def _assertion(document_id: bytes, ordinal: int, said: Assertion) -> AssertionRow:
    return AssertionRow(
        document_id,
        ordinal,
        said.assertion,
        said.name,
        said.column,
        said.success,
        said.severity,
        said.expected,
        said.actual,
        None,
        None,
    )


def _legacy_assertion(document_id: bytes, ordinal: int, said: LegacyAssertion) -> AssertionRow:
    return AssertionRow(
        document_id, ordinal, said.expectation_type, None, said.column, said.success, None, None, None, None, None
    )


def _test_execution(document_id: bytes, ordinal: int, said: TestExecution) -> AssertionRow:
    status = said.status.lower()
    return AssertionRow(
        document_id,
        ordinal,
        said.type or said.name,
        said.name,
        # Airflow and dbt say so here, for want of a dataset that could carry the result.
        _text_in(said.params, "tested_column", "column_name"),
        status in ("pass", "passed", "success"),
        said.severity,
        said.expected,
        said.actual,
        status,
        _text_in(said.params, "tested_table"),
    )


def _text_in(params: dict[str, Any], *keys: str) -> str | None:
    return next((value for key in keys if isinstance(value := params.get(key), str) and value), None)


def _metrics(document_id: bytes, content: DataQualityMetrics) -> list[MetricRow]:
    said: dict[tuple[str | None, str], float | None] = {
        (None, "row_count"): content.row_count,
        (None, "bytes"): content.bytes,
        (None, "file_count"): content.file_count,
    }
    for field, column in content.column_metrics.items():
        for metric in ("null_count", "distinct_count", "sum", "count", "min", "max") if column else ():
            said[field, metric] = getattr(column, metric)
        for quantile, value in column.quantiles.items() if column else ():
            said[field, f"quantile_{quantile}"] = value
    numbers = {place: _number(value) for place, value in said.items() if value is not None}
    return [MetricRow(document_id, *place, number) for place, number in numbers.items() if number is not None]


def _number(value: float) -> float | None:
    """Return the nearest number that a column of the store holds; None if none is near."""
    try:
        number = float(value)  # JSON has whole numbers of any length
    except OverflowError:
        return None
    return number if isfinite(number) else None
