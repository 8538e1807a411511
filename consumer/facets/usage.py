"""Facets of what a run read and wrote: how much, which part, and how good it was."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field

from .reading import Elements, Facet, Text, Values, Word


class Statistics(Facet):
    """``outputStatistics`` and ``inputStatistics``: how much was written or read. ``size`` is in bytes."""

    row_count: int | None = None
    size: int | None = None
    file_count: int | None = None


class Assertion(Facet):
    """One outcome of a data quality check, as its producer words it."""

    assertion: Text
    success: bool
    column: Text | None = None
    severity: Text | None = None
    name: Text | None = None
    description: Text | None = None
    expected: Text | None = None
    actual: Text | None = None
    content: Text | None = None
    content_type: Text | None = None
    params: dict[str, Any] = {}


class DataQualityAssertions(Facet):
    """``dataQualityAssertions``: outcomes of checks on a dataset."""

    assertions: Elements[Assertion] = []


class LegacyAssertion(Facet):
    """One outcome of an expectation, as OpenLineage's action for Great Expectations words it."""

    expectation_type: Text
    success: bool
    column: Text | None = None


class GreatExpectationsAssertions(Facet):
    """``greatExpectations_assertions``: outcomes of expectations, before there was ``dataQualityAssertions``."""

    assertions: Elements[LegacyAssertion] = []


class ColumnMetrics(Facet):
    """What was measured on one column; quantiles by their rank, such as 0.25."""

    null_count: int | None = None
    # The spec's own examples have the slip.
    distinct_count: int | None = Field(default=None, validation_alias=AliasChoices("distinctCount", "distincCount"))
    sum: float | None = None
    count: float | None = None
    min: float | None = None
    max: float | None = None
    quantiles: Values[float] = {}


class DataQualityMetrics(Facet):
    """``dataQualityMetrics`` (once ``dataQuality``): what was measured on a dataset, without a judgement."""

    row_count: int | None = None
    bytes: int | None = None
    file_count: int | None = None
    last_updated: Text | None = None
    capture_date: Text | None = None
    column_metrics: Values[ColumnMetrics] = {}


class Partition(Facet):
    """A partition by the values of its dimensions."""

    identifier: Text | None = None
    dimensions: dict[str, Any] = {}


class Condition(Facet):
    """Which part of a dataset: partitions, locations, a comparison, or two conditions joined by AND or OR.

    The sides of a comparison, a field and a value, have the same shape here.
    """

    type: Word
    partitions: Elements[Partition] = []
    locations: Elements[Text] = []
    left: Condition | None = None
    right: Condition | None = None
    comparison: Word | None = None
    operator: Word | None = None
    field: Text | None = None
    value: Text | None = None


class Subset(Facet):
    """``subset``: the part of a dataset that was read or written."""

    input_condition: Condition | None = None
    output_condition: Condition | None = None


class IcebergScanReport(Facet):
    """``icebergScanReport``: which snapshot of an Iceberg table was read, and how it was planned."""

    snapshot_id: int | None = None
    filter_description: Text | None = None
    schema_id: int | None = None
    projected_field_names: Elements[Text] = []
    scan_metrics: Values[int] = {}
    metadata: dict[str, Any] = {}


class IcebergCommitReport(Facet):
    """``icebergCommitReport``: which snapshot of an Iceberg table was written, and what that changed."""

    snapshot_id: int | None = None
    sequence_number: int | None = None
    operation: Text | None = None
    commit_metrics: Values[int] = {}
    metadata: dict[str, Any] = {}
