"""Facets of runs: why, how and under whom a run ran."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .reading import Elements, Facet, Text, Word


class EnvironmentVariable(Facet):
    """A variable of a run's environment."""

    name: Text
    value: Text | None = None


class EnvironmentVariables(Facet):
    """``environmentVariables``: the environment of a run."""

    environment_variables: Elements[EnvironmentVariable] = []


class ErrorMessage(Facet):
    """``errorMessage``: why a run failed."""

    message: Text | None = None
    programming_language: Text | None = None
    stack_trace: Text | None = None


class ExecutionParameter(Facet):
    """A parameter that a run was started with."""

    key: Text
    name: Text | None = None
    description: Text | None = None
    value: Text | None = None


class ExecutionParameters(Facet):
    """``executionParameters``: what a run was started with."""

    parameters: Elements[ExecutionParameter] = []


class ExternalQuery(Facet):
    """``externalQuery``: the query that a run started in another system."""

    external_query_id: Text | None = None
    source: Text | None = None


class ExtractionFailure(Facet):
    """One piece of work whose lineage could not be told."""

    error_message: Text | None = None
    stack_trace: Text | None = None
    task: Text | None = None
    task_number: int | None = None


class ExtractionError(Facet):
    """``extractionError``: lineage that the producer could not tell, so that what it sent is incomplete."""

    total_tasks: int | None = None
    failed_tasks: int | None = None
    errors: Elements[ExtractionFailure] = []


class RunReference(Facet):
    """A run by its id."""

    run_id: Text | None = None


class JobReference(Facet):
    """A job by its name."""

    namespace: str | None = None
    name: str | None = None


class JobDependency(Facet):
    """A job that another one waits for or starts."""

    job: JobReference
    run: RunReference | None = None
    dependency_type: Text | None = Field(default=None, alias="dependency_type")
    sequence_trigger_rule: Text | None = Field(default=None, alias="sequence_trigger_rule")
    status_trigger_rule: Text | None = Field(default=None, alias="status_trigger_rule")


class JobDependencies(Facet):
    """``jobDependencies``: the jobs before and after this one, whatever datasets they share."""

    upstream: Elements[JobDependency] = []
    downstream: Elements[JobDependency] = []
    trigger_rule: Text | None = Field(default=None, alias="trigger_rule")


class NominalTime(Facet):
    """``nominalTime``: when the run was scheduled for."""

    nominal_start_time: Text | None = None
    nominal_end_time: Text | None = None


class RootRun(Facet):
    """The outermost run of a hierarchy."""

    run: RunReference = RunReference()
    job: JobReference = JobReference()


class ParentRun(Facet):
    """``parent`` (once ``parentRun``): the run that started this one."""

    run: RunReference = RunReference()
    job: JobReference = JobReference()
    root: RootRun = RootRun()


class ProcessingEngine(Facet):
    """``processing_engine``: what ran, such as Spark, and the adapter that reports it, with their versions."""

    version: Text | None = None
    name: Text | None = None
    openlineage_adapter_version: Text | None = None


class TestExecution(Facet):
    """One outcome of a test."""

    __test__ = False  # pytest would take it for a test of ours

    name: Text
    status: Word
    severity: Text | None = None
    type: Text | None = None
    description: Text | None = None
    expected: Text | None = None
    actual: Text | None = None
    content: Text | None = None
    content_type: Text | None = None
    params: dict[str, Any] = {}


class Tests(Facet):
    """``test``: outcomes of tests, on a dataset or on none."""

    tests: Elements[TestExecution] = []


class ComposerRun(Facet):
    """``gcp_composer_run``: the DAG run of Google Cloud Composer that a run belongs to."""

    dag_run_id: Text | None = None


class Dataproc(Facet):
    """``gcp_dataproc`` (once ``gcp_dataproc_spark``): the cluster, batch or session of Google Cloud Dataproc."""

    app_id: Text | None = None
    app_name: Text | None = None
    batch_id: Text | None = None
    batch_uuid: Text | None = None
    cluster_name: Text | None = None
    cluster_uuid: Text | None = None
    job_id: Text | None = None
    job_uuid: Text | None = None
    project_id: Text | None = None
    query_node_name: Text | None = None
    job_type: Text | None = None
    session_id: Text | None = None
    session_uuid: Text | None = None
