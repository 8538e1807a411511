"""The facets that we read, as pydantic models of our own.

Every facet is kept as JSON, known or not; a model here gives a facet a typed home as well. The models are lenient where
producers are: null means absent, unknown members are ignored, almost nothing is required, and what cannot be read is
left out as narrowly as can be (`headwater.facets.reading`). Only facets whose bytes were not seen before come this
way, so their cost is paid once for each content, not once for each event.

Format: the OpenLineage facet schemas, ``spec/facets/*.json`` and ``spec/registry/*/facets/*.json`` in the OpenLineage
repository.
"""

from __future__ import annotations

from typing import Any, Literal

from .dataset import (
    Catalog,
    ColumnLineage,
    DatasetType,
    DatasetVersion,
    DataSource,
    Hierarchy,
    InputField,
    Lifecycle,
    OutputField,
    Schema,
    SchemaField,
    Storage,
    Symlink,
    Symlinks,
    Transformation,
)
from .job import ComposerJob, GcpLineage, JobType, SourceCode, SourceCodeLocation, Sql
from .reading import Facet, read
from .run import (
    ComposerRun,
    Dataproc,
    EnvironmentVariables,
    ErrorMessage,
    ExecutionParameters,
    ExternalQuery,
    ExtractionError,
    JobDependencies,
    NominalTime,
    ParentRun,
    ProcessingEngine,
    TestExecution,
    Tests,
)
from .shared import DatasetLineage, Documentation, JobLineage, LineageEntry, LineageInput, Ownership, Tags
from .times import parse_time
from .usage import (
    Assertion,
    DataQualityAssertions,
    DataQualityMetrics,
    GreatExpectationsAssertions,
    IcebergCommitReport,
    IcebergScanReport,
    LegacyAssertion,
    Statistics,
    Subset,
)

__all__ = [
    "MEASURING_KEYS",
    "MODELS",
    "PASSING_KEYS",
    "PASSING_RUN_KEYS",
    "Assertion",
    "ColumnLineage",
    "DataQualityAssertions",
    "DataQualityMetrics",
    "DatasetLineage",
    "Entity",
    "ErrorMessage",
    "Facet",
    "GreatExpectationsAssertions",
    "InputField",
    "JobLineage",
    "JobType",
    "LegacyAssertion",
    "Lifecycle",
    "LineageEntry",
    "LineageInput",
    "NominalTime",
    "OutputField",
    "ParentRun",
    "Schema",
    "SchemaField",
    "SourceCodeLocation",
    "Statistics",
    "Symlink",
    "Symlinks",
    "TestExecution",
    "Tests",
    "Transformation",
    "parse_time",
    "read_facet",
]

Entity = Literal["job", "run", "dataset", "input", "output"]

# Facets of jobs and datasets that change from run to run. They would make every event a new shape, so they are kept
# beside the run instead, where the views look for those that they read. Any other key that is missing here costs speed
# and space only.
PASSING_KEYS = frozenset(
    {
        "dataQuality",
        "dataQualityAssertions",
        "dataQualityMetrics",
        "greatExpectations_assertions",
        "lifecycleStateChange",
        "sourceCode",
        "sql",
        "subset",
        "version",
    }
)

# Facets of runs that are kept in the same way. A run's other facets are in its events only.
PASSING_RUN_KEYS = frozenset({"extractionError", "test"})

# Passing facets that are measurements. Each one that came counts, not only the newest: a dataset event has no run that
# would tell one measurement from the next, and a run that never ends measures again and again.
MEASURING_KEYS = frozenset(
    {"dataQuality", "dataQualityAssertions", "dataQualityMetrics", "greatExpectations_assertions", "test"}
)

# By what carries it and its key; keys that are not the spec's any more are read like their successors.
MODELS: dict[tuple[Entity, str], type[Facet]] = {
    ("dataset", "catalog"): Catalog,
    ("dataset", "columnLineage"): ColumnLineage,
    ("dataset", "dataQuality"): DataQualityMetrics,
    ("dataset", "dataQualityAssertions"): DataQualityAssertions,
    ("dataset", "dataQualityMetrics"): DataQualityMetrics,
    ("dataset", "dataSource"): DataSource,
    ("dataset", "datasetType"): DatasetType,
    ("dataset", "documentation"): Documentation,
    ("dataset", "greatExpectations_assertions"): GreatExpectationsAssertions,
    ("dataset", "hierarchy"): Hierarchy,
    ("dataset", "lifecycleStateChange"): Lifecycle,
    ("dataset", "lineage"): DatasetLineage,
    ("dataset", "ownership"): Ownership,
    ("dataset", "schema"): Schema,
    ("dataset", "storage"): Storage,
    ("dataset", "symlinks"): Symlinks,
    ("dataset", "tags"): Tags,
    ("dataset", "version"): DatasetVersion,
    ("input", "dataQuality"): DataQualityMetrics,
    ("input", "dataQualityAssertions"): DataQualityAssertions,
    ("input", "dataQualityMetrics"): DataQualityMetrics,
    ("input", "greatExpectations_assertions"): GreatExpectationsAssertions,
    ("input", "icebergScanReport"): IcebergScanReport,
    ("input", "iceberg_scan_report"): IcebergScanReport,
    ("input", "inputStatistics"): Statistics,
    ("input", "subset"): Subset,
    ("job", "documentation"): Documentation,
    ("job", "gcp_composer_job"): ComposerJob,
    ("job", "gcp_lineage"): GcpLineage,
    ("job", "jobType"): JobType,
    ("job", "lineage"): JobLineage,
    ("job", "ownership"): Ownership,
    ("job", "sourceCode"): SourceCode,
    ("job", "sourceCodeLocation"): SourceCodeLocation,
    ("job", "sql"): Sql,
    ("job", "tags"): Tags,
    ("output", "dataQualityAssertions"): DataQualityAssertions,
    ("output", "dataQualityMetrics"): DataQualityMetrics,
    ("output", "icebergCommitReport"): IcebergCommitReport,
    ("output", "iceberg_commit_report"): IcebergCommitReport,
    ("output", "outputStatistics"): Statistics,
    ("output", "subset"): Subset,
    ("run", "environmentVariables"): EnvironmentVariables,
    ("run", "errorMessage"): ErrorMessage,
    ("run", "executionParameters"): ExecutionParameters,
    ("run", "externalQuery"): ExternalQuery,
    ("run", "extractionError"): ExtractionError,
    ("run", "gcp_composer_run"): ComposerRun,
    ("run", "gcp_dataproc"): Dataproc,
    ("run", "gcp_dataproc_spark"): Dataproc,
    ("run", "jobDependencies"): JobDependencies,
    ("run", "nominalTime"): NominalTime,
    ("run", "parent"): ParentRun,
    ("run", "parentRun"): ParentRun,
    ("run", "processing_engine"): ProcessingEngine,
    ("run", "tags"): Tags,
    ("run", "test"): Tests,
}


def read_facet(entity: Entity, key: str, body: Any) -> tuple[Facet | None, str | None]:
    """Return what a facet says, and what of it could not be read.

    Args:
        entity: what carries the facet.
        key: the facet's key, such as ``schema``.
        body: the facet, as `headwater.canonical.parse` returns it.

    Returns:
        The model, None if nothing of the facet could be read; and a sentence that names what is left out because it is
        not as the spec has it, None if nothing is. Twice None, when we don't know the facet or it says that it is
        deleted.
    """
    model = MODELS.get((entity, key))
    if model is None or (entity in ("job", "dataset") and isinstance(body, dict) and body.get("_deleted") is True):
        return None, None
    return read(model, key, body)
