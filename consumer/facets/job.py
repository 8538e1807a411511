"""Facets of jobs: what a job does, and with which code."""

from __future__ import annotations

from .reading import Facet, Text, Word


class EmissionPattern(Facet):
    """When events come and what they hold: everything so far, or a complete snapshot of a window of some seconds."""

    event_trigger: Word | None = None
    event_content_mode: Word | None = None
    window_duration: int | None = None


class JobType(Facet):
    """``jobType``: BATCH or STREAMING, and what kind of job it is."""

    processing_type: Word | None = None
    integration: Text | None = None
    job_type: Word | None = None
    emission_pattern: EmissionPattern | None = None


class SourceCode(Facet):
    """``sourceCode``: the code of a job."""

    language: Text | None = None
    source_code: Text | None = None


class SourceCodeLocation(Facet):
    """``sourceCodeLocation``: where the code of a job is, and which version ran."""

    type: Text | None = None
    url: Text | None = None
    repo_url: Text | None = None
    path: Text | None = None
    version: Text | None = None
    tag: Text | None = None
    branch: Text | None = None
    pull_request_number: Text | None = None


class Sql(Facet):
    """``sql``: the query of a job."""

    query: Text
    dialect: Text | None = None


class ComposerJob(Facet):
    """``gcp_composer_job``: the Airflow task of Google Cloud Composer that a job is."""

    environment_name: Text | None = None
    dag_id: Text | None = None
    operator: Text | None = None
    task_id: Text | None = None
    airflow_version: Text | None = None
    composer_version: Text | None = None


class GcpOrigin(Facet):
    """The Google Cloud service that a job runs in, and its resource there."""

    source_type: Text | None = None
    name: Text | None = None


class GcpLineage(Facet):
    """``gcp_lineage``: how Google Cloud shows a job."""

    display_name: Text | None = None
    origin: GcpOrigin | None = None
