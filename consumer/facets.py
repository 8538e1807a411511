"""The facets that we read, as pydantic models of our own.

Every facet is kept as JSON, known or not; a model here gives a facet a typed home as well. The models are lenient where
producers are: null means absent, unknown fields are ignored, and almost nothing is required. Only facets whose bytes
were not seen before come this way, so their cost is paid once for each content, not once for each event.

Format: the OpenLineage facet schemas, ``spec/facets/*.json`` in the OpenLineage repository.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

Entity = Literal["job", "run", "dataset", "input", "output"]

# Facets of jobs and datasets that change from run to run. They would make every event a new shape, so they are kept
# beside the run instead, where the views look for those that they read. Any other key that is missing here costs speed
# and space only.
PASSING_KEYS = frozenset(
    {
        "dataQualityAssertions",
        "dataQualityMetrics",
        "lifecycleStateChange",
        "sourceCode",
        "sql",
        "subset",
        "version",
    }
)


class Facet(BaseModel):
    """What all facets share: camelCase on the wire, anything more than we know is ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value


def _objects(value: Any) -> Any:
    """Leave the nulls out of a list: some serialisers write them where an element was dropped."""
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _text(value: Any) -> Any:
    """Write numbers and structures as text, where the spec has text and producers send what they have."""
    return value if isinstance(value, str) or value is None else str(value)


Text = Annotated[str, BeforeValidator(_text)]


class SchemaField(Facet):
    """One field, with the fields inside it."""

    name: str
    type: Text | None = None
    description: Text | None = None
    ordinal_position: int | None = Field(default=None, alias="ordinal_position")
    fields: Annotated[list[SchemaField], BeforeValidator(_objects)] = []


class Schema(Facet):
    """``schema``: the fields of a dataset."""

    fields: Annotated[list[SchemaField], BeforeValidator(_objects)] = []


class Transformation(Facet):
    """How an input field reaches an output field."""

    type: str | None = None
    subtype: str | None = None
    masking: bool | None = None


class InputField(Facet):
    """A column of an upstream dataset."""

    namespace: str
    name: str
    field: str
    transformations: Annotated[list[Transformation], BeforeValidator(_objects)] = []


class OutputField(Facet):
    """The columns behind one column."""

    input_fields: Annotated[list[InputField], BeforeValidator(_objects)] = []


class ColumnLineage(Facet):
    """``columnLineage``: the columns behind each column, and (``dataset``) behind all of them."""

    fields: dict[str, OutputField] = {}
    dataset: Annotated[list[InputField], BeforeValidator(_objects)] = []


class Assertion(Facet):
    """One outcome of a data quality check, as its producer words it."""

    assertion: str
    success: bool
    column: str | None = None
    severity: str | None = None
    name: str | None = None
    expected: Text | None = None
    actual: Text | None = None


class DataQualityAssertions(Facet):
    """``dataQualityAssertions``: outcomes of checks on a dataset."""

    assertions: Annotated[list[Assertion], BeforeValidator(_objects)] = []


class Symlink(Facet):
    """Another name of a dataset."""

    namespace: str
    name: str
    type: str | None = None


class Symlinks(Facet):
    """``symlinks``: other names of a dataset, in no order."""

    identifiers: Annotated[list[Symlink], BeforeValidator(_objects)] = []


class JobType(Facet):
    """``jobType``: BATCH or STREAMING, and what kind of job it is."""

    processing_type: str | None = None
    integration: str | None = None
    job_type: str | None = None


class SourceCodeLocation(Facet):
    """``sourceCodeLocation``: where the code of a job is, and which version ran."""

    url: str | None = None
    version: Text | None = None


class NominalTime(Facet):
    """``nominalTime``: when the run was scheduled for."""

    nominal_start_time: str | None = None
    nominal_end_time: str | None = None


class ErrorMessage(Facet):
    """``errorMessage``: why a run failed."""

    message: Text | None = None


class RunReference(Facet):
    """A run by its id."""

    run_id: Text | None = None


class JobReference(Facet):
    """A job by its name."""

    namespace: str | None = None
    name: str | None = None


class RootRun(Facet):
    """The outermost run of a hierarchy."""

    run: RunReference = RunReference()
    job: JobReference = JobReference()


class ParentRun(Facet):
    """``parent`` (once ``parentRun``): the run that started this one."""

    run: RunReference = RunReference()
    job: JobReference = JobReference()
    root: RootRun = RootRun()


class Statistics(Facet):
    """``outputStatistics`` and ``inputStatistics``: how much was written or read. ``size`` is in bytes."""

    row_count: int | None = None
    size: int | None = None
    file_count: int | None = None


class DatasetVersion(Facet):
    """``version``: which version of the data."""

    dataset_version: Text | None = None


class Documentation(Facet):
    """``documentation``: what a job or dataset is for."""

    description: Text | None = None


class Owner(Facet):
    """Somebody who answers for a job or dataset."""

    name: str
    type: str | None = None


class Ownership(Facet):
    """``ownership``: who answers for a job or dataset."""

    owners: Annotated[list[Owner], BeforeValidator(_objects)] = []


class DatasetType(Facet):
    """``datasetType``: table, view, file, topic, ..."""

    dataset_type: str | None = None
    sub_type: str | None = None


class Lifecycle(Facet):
    """``lifecycleStateChange``: created, dropped, renamed, ..."""

    lifecycle_state_change: str
    previous_identifier: JobReference | None = None


class Sql(Facet):
    """``sql``: the query of a job."""

    query: str


_MODELS: dict[tuple[Entity, str], type[Facet]] = {
    ("dataset", "columnLineage"): ColumnLineage,
    ("dataset", "dataQualityAssertions"): DataQualityAssertions,
    ("dataset", "datasetType"): DatasetType,
    ("dataset", "documentation"): Documentation,
    ("dataset", "lifecycleStateChange"): Lifecycle,
    ("dataset", "ownership"): Ownership,
    ("dataset", "schema"): Schema,
    ("dataset", "symlinks"): Symlinks,
    ("dataset", "version"): DatasetVersion,
    ("input", "dataQualityAssertions"): DataQualityAssertions,
    ("input", "inputStatistics"): Statistics,
    ("job", "documentation"): Documentation,
    ("job", "jobType"): JobType,
    ("job", "ownership"): Ownership,
    ("job", "sourceCodeLocation"): SourceCodeLocation,
    ("job", "sql"): Sql,
    ("output", "dataQualityAssertions"): DataQualityAssertions,
    ("output", "outputStatistics"): Statistics,
    ("run", "errorMessage"): ErrorMessage,
    ("run", "nominalTime"): NominalTime,
    ("run", "parent"): ParentRun,
    ("run", "parentRun"): ParentRun,
}


def read_facet(entity: Entity, key: str, body: Any) -> tuple[Facet | None, str | None]:
    """Return what a facet says, or why that cannot be told.

    Args:
        entity: what carries the facet.
        key: the facet's key, such as ``schema``.
        body: the facet as Python objects.

    Returns:
        The model and None; or None and a sentence, when the facet is one that we know and its body is not as the spec
        has it; or twice None, when we don't know the facet.
    """
    model = _MODELS.get((entity, key))
    if model is None:
        return None, None
    try:
        return model.model_validate(body), None
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return None, f"{key}.{where}: {first['msg']}" if where else f"{key}: {first['msg']}"


def parse_time(text: str) -> datetime:
    """Return the instant that an OpenLineage time names; a time without zone is in UTC.

    Accepts RFC 3339 and ISO 8601 with any number of fraction digits (kept to the microsecond), ``+0100`` and the
    bracketed zone that Java adds (``Z[Europe/London]``).

    Raises:
        ValueError: the text is not a time.
    """
    from datetime import UTC

    moment = datetime.fromisoformat(text.partition("[")[0].strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
