"""Small events for small stories: what a producer says, with everything left out that the story is not about.

Names without a namespace are in ``db`` for datasets and in ``jobs`` for jobs; times are seconds after midnight.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

# Views that hold what no view of the design does.
JOB_EDGE = "job_edge"  # upstream and downstream job of each job-to-job entry
RUN_ROLLUP = "run_rollup"  # what a run and all the runs below it read and wrote
UNFINISHED = "unfinished_run"  # runs without an end for longer than they may take

# Lines of headwater.toml.
NAIVE_IN_LONDON = 'naive_time_zone = "Europe/London"\n'
REDSHIFT_IGNORES_CASE = 'case_insensitive_namespaces = ["redshift://*"]\n'
TRIMMED_PARTITIONS = 'trim_partitions = ["s3://*"]\n'
ONE_NAME_FOR_THE_HOST = '[namespace_map]\n"postgres://10.0.0.7:5432" = "postgres://db.prod:5432"\n'

TEST = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "TEST"}}
STREAMING = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}
DIRECT = {"type": "DIRECT", "subtype": "IDENTITY"}


def at(second: int) -> str:
    """Return the time of a story's event."""
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


def dataset(name: str, namespace: str = "db", *, own: JSON | None = None, **facets: Any) -> JSON:
    """Return a dataset with facets; *own* is members beside them, such as ``inputFacets``."""
    return {"namespace": namespace, "name": name, **({"facets": facets} if facets else {}), **(own or {})}


def run_event(
    event_type: str | None,
    second: int,
    run: str = "r",
    job: str = "j",
    *,
    inputs: list[Any] = [],
    outputs: list[Any] = [],
    run_facets: JSON = {},
    job_facets: JSON = {},
    **members: Any,
) -> JSON:
    """Return a run event; inputs and outputs are datasets or plain names, *members* replace or add to the envelope."""
    event = {
        "eventType": event_type,
        "eventTime": at(second),
        "run": {"runId": run, "facets": run_facets},
        "job": {"namespace": "jobs", "name": job, "facets": job_facets},
        "inputs": [_dataset(item) for item in inputs],
        "outputs": [_dataset(item) for item in outputs],
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    if event_type is None:
        del event["eventType"]
    return event | members


def job_event(
    second: int, job: str = "j", *, inputs: list[Any] = [], outputs: list[Any] = [], job_facets: JSON = {}
) -> JSON:
    """Return a job event: what a job declares outside any run."""
    return {
        "eventTime": at(second),
        "job": {"namespace": "jobs", "name": job, "facets": job_facets},
        "inputs": [_dataset(item) for item in inputs],
        "outputs": [_dataset(item) for item in outputs],
    }


def dataset_event(second: int, name: str, namespace: str = "db", **facets: Any) -> JSON:
    """Return a dataset event: what a catalogue declares outside any job."""
    return {"eventTime": at(second), "dataset": dataset(name, namespace, **facets)}


def column(place: str, *transformations: JSON, **members: Any) -> JSON:
    """Return the input field ``dataset.field``; without transformations how it gets there is not said."""
    name, _, field = place.rpartition(".")
    said = {"transformations": list(transformations)} if transformations else {}
    return {"namespace": "db", "name": name, "field": field, **said, **members}


def made_from(*wide: JSON, **fields: list[Any]) -> JSON:
    """Return a columnLineage facet: the input fields of each field, and those of the dataset as a whole."""
    facet: JSON = {
        "fields": {name: {"inputFields": [_column(item) for item in behind]} for name, behind in fields.items()}
    }
    return facet | ({"dataset": list(wide)} if wide else {})


def entry(target: str, *inputs: Any, fields: JSON | None = None) -> JSON:
    """Return an entry of an explicit lineage facet: a dataset and what feeds it."""
    named: JSON = {"namespace": "db", "name": target, "type": "DATASET", "inputs": [source(item) for item in inputs]}
    if fields is not None:
        named["fields"] = {name: {"inputs": [source(item) for item in behind]} for name, behind in fields.items()}
    return named


def source(item: Any) -> JSON:
    """Return a dataset that feeds an entry; ``dataset.field`` is one of its columns."""
    if not isinstance(item, str):
        return dict(item)
    name, _, field = item.partition(".")
    return {"namespace": "db", "name": name, "type": "DATASET", **({"field": field} if field else {})}


def explicit(*entries: JSON) -> JSON:
    """Return the job facets that hold an explicit lineage."""
    return {"lineage": {"entries": list(entries)}}


def symlinks(*identifiers: tuple[str, str, str]) -> JSON:
    """Return a symlinks facet of (namespace, name, type)."""
    return {"identifiers": [{"namespace": space, "name": name, "type": kind} for space, name, kind in identifiers]}


def lifecycle(change: str, previous: str | None = None) -> JSON:
    """Return a lifecycleStateChange facet."""
    facet: JSON = {"lifecycleStateChange": change}
    return facet if previous is None else facet | {"previousIdentifier": {"namespace": "db", "name": previous}}


def schema(**types: str) -> JSON:
    """Return a schema facet."""
    return {"fields": [{"name": name, "type": kind} for name, kind in types.items()]}


def assertions(*said: JSON) -> JSON:
    """Return a dataQualityAssertions facet."""
    return {"assertions": list(said)}


def parent(run: str, job: str, root: tuple[str, str] | None = None) -> JSON:
    """Return a parent facet, with the root of the hierarchy if it is given as (run, job)."""
    facet: JSON = {"run": {"runId": run}, "job": {"namespace": "jobs", "name": job}}
    if root is not None:
        facet["root"] = {"run": {"runId": root[0]}, "job": {"namespace": "jobs", "name": root[1]}}
    return facet


def _dataset(item: Any) -> JSON:
    return dataset(item) if isinstance(item, str) else dict(item)


def _column(item: Any) -> JSON:
    return column(item) if isinstance(item, str) else dict(item)
