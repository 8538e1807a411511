"""The rows inside a facet that is a small table of its own: schemas, column lineage, assertions, symlinks."""

from __future__ import annotations

from .batch import Batch
from .facets import (
    Assertion,
    ColumnLineage,
    DataQualityAssertions,
    Facet,
    InputField,
    Schema,
    SchemaField,
    Symlinks,
)
from .names import DatasetName, name_id
from .rows import AssertionRow, ColumnLineageRow, NameRow, SchemaFieldRow, SymlinkRow


def add_contents(document_id: bytes, content: Facet, batch: Batch) -> None:
    """Add the rows inside *content*, the facet of a document, to *batch*."""
    if isinstance(content, Schema):
        batch.schema_fields[document_id] = _schema_fields(document_id, content.fields)
    elif isinstance(content, ColumnLineage):
        batch.column_lineage[document_id] = _column_lineage(document_id, content, batch)
    elif isinstance(content, DataQualityAssertions):
        batch.assertions[document_id] = [
            _assertion(document_id, ordinal, said) for ordinal, said in enumerate(content.assertions)
        ]
    elif isinstance(content, Symlinks):
        batch.symlinks[document_id] = [
            SymlinkRow(document_id, link.namespace, link.name, link.type) for link in content.identifiers
        ]


def _schema_fields(
    document_id: bytes, fields: list[SchemaField], prefix: str = "", start: int = 0
) -> list[SchemaFieldRow]:
    rows: list[SchemaFieldRow] = []
    for field in fields:
        name = prefix + field.name
        rows.append(SchemaFieldRow(document_id, name, start + len(rows), field.type, field.description))
        rows.extend(_schema_fields(document_id, field.fields, f"{name}.", start + len(rows)))
    return rows


def _column_lineage(document_id: bytes, content: ColumnLineage, batch: Batch) -> list[ColumnLineageRow]:
    pairs: list[tuple[str | None, InputField]] = [(None, source) for source in content.dataset]
    for field, output in content.fields.items():
        pairs.extend((field, source) for source in output.input_fields)
    rows = set()
    for downstream_field, source in pairs:
        upstream = DatasetName(source.namespace, source.name)
        upstream_id = name_id(upstream)
        batch.datasets[upstream_id] = NameRow(upstream_id, *upstream)
        # A column without transformations is an edge all the same: how it gets there was not said.
        ways = {(t.type or None, t.subtype or None, t.masking) for t in source.transformations}
        for way in ways or {(None, None, None)}:
            rows.add(ColumnLineageRow(document_id, downstream_field, upstream_id, source.field, *way))
    return list(rows)


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
    )
