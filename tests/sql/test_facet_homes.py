"""Every facet of the spec has a typed home: a view and columns where its values can be asked for.

The table below has a row for each facet definition of OpenLineage 1.54, those of its registry included. A new release
of ``openlineage-python`` with a facet or a field that we do not read fails here.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import attr
import pytest
from headwater.facets import MODELS, Entity, Facet
from headwater.store import Store
from openlineage.client import facet_v2
from openlineage.client.generated import base
from support import write_all

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Home(NamedTuple):
    """Where a facet can be asked for.

    Attributes:
        definition: its name in the spec.
        sql: a query on its view; everything in the event of this case is called CASE.
    """

    definition: str
    entity: Entity
    key: str
    body: dict[str, Any]
    sql: str
    rows: list[tuple[Any, ...]]


HOMES = [
    Home(
        "InputSubsetInputDatasetFacet",
        "input",
        "subset",
        {
            "inputCondition": {
                "type": "partition",
                "partitions": [
                    {"identifier": "day=1", "dimensions": {"day": 1, "country": "CA"}},
                    {"dimensions": {"day": 2}},
                ],
            }
        },
        "SELECT run_id, direction, name, kind, partition, dimensions, location, condition FROM dataset_subset "
        "WHERE run_id = 'CASE' ORDER BY partition",
        [
            ("CASE", "input", "CASE.in", "partition", "day=1", {"day": "1", "country": "CA"}, None, None),
            ("CASE", "input", "CASE.in", "partition", None, {"day": "2"}, None, None),
        ],
    ),
    Home(
        "OutputSubsetOutputDatasetFacet",
        "output",
        "subset",
        {"outputCondition": {"type": "LOCATION", "locations": ["/a/1", "/a/2"]}},
        "SELECT direction, name, kind, location, condition FROM dataset_subset WHERE run_id = 'CASE' ORDER BY location",
        [("output", "CASE.out", "location", "/a/1", None), ("output", "CASE.out", "location", "/a/2", None)],
    ),
    Home(
        "CatalogDatasetFacet",
        "dataset",
        "catalog",
        {
            "framework": "iceberg",
            "type": "hive",
            "name": "main",
            "metadataUri": "hive://m",
            "warehouseUri": "s3://w",
            "source": "spark",
            "catalogProperties": {"a.b": "c"},
        },
        "SELECT * FROM dataset_catalog WHERE name = 'CASE.out'",
        [("db", "CASE.out", "iceberg", "hive", "main", "hive://m", "s3://w", "spark", {"a.b": "c"})],
    ),
    Home(
        "ColumnLineageDatasetFacet",
        "dataset",
        "columnLineage",
        {
            "fields": {
                "x": {
                    "inputFields": [
                        {
                            "namespace": "db",
                            "name": "CASE.in",
                            "field": "a",
                            "transformations": [{"type": "direct", "subtype": "Aggregation", "masking": True}],
                        }
                    ]
                },
                "y": {
                    "inputFields": [{"namespace": "db", "name": "CASE.in", "field": "a"}],
                    "transformationType": "MASKED",
                },
            },
            "dataset": [{"namespace": "db", "name": "CASE.in", "field": "b"}],
        },
        "SELECT upstream_name, upstream_field, downstream_name, downstream_field, transformation_type, "
        "transformation_subtype, masking FROM column_edge WHERE downstream_name = 'CASE.out' ORDER BY downstream_field",
        [
            ("CASE.in", "a", "CASE.out", "x", "DIRECT", "AGGREGATION", True),
            ("CASE.in", "a", "CASE.out", "y", "DIRECT", None, True),
            ("CASE.in", "b", "CASE.out", None, None, None, None),
        ],
    ),
    Home(
        "DataQualityAssertionsDatasetFacet",
        "input",
        "dataQualityAssertions",
        {
            "assertions": [
                {
                    "assertion": "not_null",
                    "success": False,
                    "column": "a",
                    "severity": "warn",
                    "name": "a_not_null",
                    "description": "d",
                    "expected": [0],
                    "actual": 12,
                    "content": "select 1",
                    "contentType": "sql",
                    "params": {"p": 1},
                }
            ]
        },
        "FROM assertion WHERE run_id = 'CASE'",
        [
            (
                "input",
                "db",
                "CASE.in",
                "CASE",
                "not_null",
                "a_not_null",
                "a",
                False,
                "warn",
                "[0]",
                "12",
                "d",
                "select 1",
                "sql",
                '{"p":1}',
                NOON,
            )
        ],
    ),
    Home(
        "DataQualityMetricsDatasetFacet",
        "dataset",
        "dataQualityMetrics",
        {
            "rowCount": 9007199254740993,
            "bytes": "12",
            "fileCount": 2,
            "lastUpdated": "2026-01-01T11:00:00Z",
            "captureDate": "2026-01-01T11:30:00+00:00",
            "columnMetrics": {},
        },
        "FROM dataset_profile WHERE name = 'CASE.out'",
        [
            (
                "db",
                "CASE.out",
                None,
                9007199254740993,
                12,
                2,
                NOON.replace(hour=11),
                NOON.replace(hour=11, minute=30),
                NOON,
            )
        ],
    ),
    Home(
        "DataQualityMetricsInputDatasetFacet",
        "input",
        "dataQualityMetrics",
        {
            "columnMetrics": {
                "a": {
                    "nullCount": 1,
                    "distincCount": 2,
                    "sum": 3.5,
                    "count": 4,
                    "min": -1,
                    "max": 2.5,
                    "quantiles": {"0.5": 1, "0.9": 2.25},
                },
                "b": None,
            }
        },
        "FROM field_profile WHERE run_id = 'CASE'",
        [("db", "CASE.in", "a", "CASE", 1, 2, 3.5, 4.0, -1.0, 2.5, {"0.5": 1.0, "0.9": 2.25}, NOON)],
    ),
    Home(
        "DatasetTypeDatasetFacet",
        "dataset",
        "datasetType",
        {"datasetType": "TABLE", "subType": "EXTERNAL"},
        "SELECT dataset_type, dataset_sub_type FROM dataset WHERE name = 'CASE.out'",
        [("TABLE", "EXTERNAL")],
    ),
    Home(
        "DatasetVersionDatasetFacet",
        "dataset",
        "version",
        {"datasetVersion": 3776200000000000001},
        "SELECT dataset.dataset_version, run_dataset.dataset_version AS written "
        "FROM dataset JOIN run_dataset USING (name) WHERE name = 'CASE.out'",
        [("3776200000000000001", "3776200000000000001")],
    ),
    Home(
        "DatasourceDatasetFacet",
        "dataset",
        "dataSource",
        {"name": "shop", "uri": "postgres://db:5432/shop"},
        "SELECT data_source, data_source_uri FROM dataset WHERE name = 'CASE.out'",
        [("shop", "postgres://db:5432/shop")],
    ),
    Home(
        "DocumentationDatasetFacet",
        "dataset",
        "documentation",
        {"description": "# Orders", "contentType": "text/markdown"},
        "SELECT description, description_content_type FROM dataset WHERE name = 'CASE.out'",
        [("# Orders", "text/markdown")],
    ),
    Home(
        "DocumentationJobFacet",
        "job",
        "documentation",
        {"description": "loads", "contentType": "text/plain"},
        "SELECT description, description_content_type FROM job WHERE name = 'CASE'",
        [("loads", "text/plain")],
    ),
    Home(
        "EnvironmentVariablesRunFacet",
        "run",
        "environmentVariables",
        {"environmentVariables": [{"name": "LANG", "value": "C"}, {"value": "nameless"}]},
        "FROM run_parameter WHERE run_id = 'CASE'",
        [("CASE", "jobs", "CASE", "environment", "LANG", "C", None, None)],
    ),
    Home(
        "ErrorMessageRunFacet",
        "run",
        "errorMessage",
        {"message": "boom", "programmingLanguage": "python", "stackTrace": "at line 1"},
        "SELECT run.error_message, run_detail.error_message AS in_full, error_language, error_stack_trace "
        "FROM run JOIN run_detail USING (run_id) WHERE run_id = 'CASE'",
        [("boom", "boom", "python", "at line 1")],
    ),
    Home(
        "ExecutionParametersRunFacet",
        "run",
        "executionParameters",
        {"parameters": [{"key": "day", "name": "Day", "description": "which day", "value": "1"}]},
        "FROM run_parameter WHERE run_id = 'CASE'",
        [("CASE", "jobs", "CASE", "parameter", "day", "1", "Day", "which day")],
    ),
    Home(
        "ExternalQueryRunFacet",
        "run",
        "externalQuery",
        {"externalQueryId": "q1", "source": "bigquery"},
        "SELECT external_query_id, external_query_source FROM run_detail WHERE run_id = 'CASE'",
        [("q1", "bigquery")],
    ),
    Home(
        "ExtractionErrorRunFacet",
        "run",
        "extractionError",
        {
            "totalTasks": 2,
            "failedTasks": 1,
            "errors": [{"errorMessage": "no", "stackTrace": "s", "task": "select", "taskNumber": 1}],
        },
        "FROM extraction_error WHERE run_id = 'CASE'",
        [("CASE", "jobs", "CASE", 2, 1, "no", "s", "select", 1)],
    ),
    Home(
        "HierarchyDatasetFacet",
        "dataset",
        "hierarchy",
        {"hierarchy": [{"type": "DATABASE", "name": "shop"}, {"type": "SCHEMA", "name": "public"}]},
        "SELECT hierarchy FROM dataset WHERE name = 'CASE.out'",
        [([{"type": "DATABASE", "name": "shop"}, {"type": "SCHEMA", "name": "public"}],)],
    ),
    Home(
        "InputStatisticsInputDatasetFacet",
        "input",
        "inputStatistics",
        {"rowCount": "12", "size": 4294967296, "fileCount": 3},
        "SELECT row_count, bytes, file_count FROM run_dataset WHERE name = 'CASE.in'",
        [(12, 4294967296, 3)],
    ),
    Home(
        "JobDependenciesRunFacet",
        "run",
        "jobDependencies",
        {
            "upstream": [
                {
                    "job": {"namespace": "jobs", "name": "before"},
                    "run": {"runId": "b"},
                    "dependency_type": "DIRECT_INVOCATION",
                    "sequence_trigger_rule": "FINISH_TO_START",
                    "status_trigger_rule": "EXECUTE_ON_SUCCESS",
                },
                {"run": {"runId": "nameless"}},
            ],
            "downstream": [{"job": {"namespace": "jobs", "name": "after"}}],
            "trigger_rule": "ALL_SUCCESS",
        },
        "FROM job_dependency WHERE run_id = 'CASE' ORDER BY direction DESC",
        [
            (
                "CASE",
                "jobs",
                "CASE",
                "upstream",
                "jobs",
                "before",
                "b",
                "DIRECT_INVOCATION",
                "FINISH_TO_START",
                "EXECUTE_ON_SUCCESS",
                "ALL_SUCCESS",
            ),
            ("CASE", "jobs", "CASE", "downstream", "jobs", "after", None, None, None, None, "ALL_SUCCESS"),
        ],
    ),
    Home(
        "JobTypeJobFacet",
        "job",
        "jobType",
        {
            "processingType": "streaming",
            "integration": "FLINK",
            "jobType": "Query",
            "emissionPattern": {
                "eventTrigger": "PERIODIC",
                "eventContentMode": "COMPLETE_SNAPSHOT",
                "windowDuration": 60,
            },
        },
        "SELECT job_type, processing_type, integration, event_trigger, event_content_mode, window_seconds FROM job "
        "WHERE name = 'CASE'",
        [("QUERY", "STREAMING", "FLINK", "PERIODIC", "COMPLETE_SNAPSHOT", 60)],
    ),
    Home(
        "LifecycleStateChangeDatasetFacet",
        "dataset",
        "lifecycleStateChange",
        {"lifecycleStateChange": "rename", "previousIdentifier": {"namespace": "db", "name": "CASE.in"}},
        "SELECT name, renamed_to_name, lifecycle_state_change, lifecycle_changed_at FROM dataset "
        "WHERE name LIKE 'CASE.%' ORDER BY name",
        [("CASE.in", "CASE.out", None, None), ("CASE.out", None, "RENAME", NOON)],
    ),
    Home(
        "LineageDatasetFacet",
        "dataset",
        "lineage",
        {
            "inputs": [],
            "fields": {
                "x": {
                    "inputs": [
                        {
                            "namespace": "db",
                            "name": "CASE.in",
                            "type": "DATASET",
                            "field": "a",
                            "transformations": [{"type": "DIRECT", "subtype": "IDENTITY"}],
                        }
                    ]
                }
            },
        },
        "FROM explicit_lineage WHERE downstream_name = 'CASE.out' ORDER BY downstream_field",
        [
            (
                "DATASET",
                "db",
                "CASE.in",
                "a",
                None,
                "DATASET",
                "db",
                "CASE.out",
                "x",
                None,
                [{"type": "DIRECT", "subtype": "IDENTITY", "description": None, "masking": None}],
                NOON,
            ),
            (None, None, None, None, None, "DATASET", "db", "CASE.out", None, None, None, NOON),
        ],
    ),
    Home(
        "LineageJobFacet",
        "job",
        "lineage",
        {
            "entries": [
                {
                    "namespace": "db",
                    "name": "CASE.out",
                    "type": "DATASET",
                    "inputs": [{"namespace": "db", "name": "CASE.in", "type": "DATASET"}],
                },
                {"type": "JOB", "inputs": [{"type": "JOB", "namespace": "jobs", "name": "other", "runId": "o"}]},
            ]
        },
        "FROM explicit_lineage WHERE downstream_name LIKE 'CASE%' ORDER BY downstream_type",
        [
            ("DATASET", "db", "CASE.in", None, None, "DATASET", "db", "CASE.out", None, None, None, NOON),
            ("JOB", "jobs", "other", None, "o", "JOB", "jobs", "CASE", None, None, None, NOON),
        ],
    ),
    Home(
        "NominalTimeRunFacet",
        "run",
        "nominalTime",
        {"nominalStartTime": "2026-01-01T00:00:00Z", "nominalEndTime": "2026-01-01T11:00:00Z"},
        "SELECT nominal_start_at, nominal_end_at FROM run WHERE run_id = 'CASE'",
        [(NOON.replace(hour=0), NOON.replace(hour=11))],
    ),
    Home(
        "OutputStatisticsOutputDatasetFacet",
        "output",
        "outputStatistics",
        {"rowCount": 12, "size": "many", "fileCount": 1},
        "SELECT row_count, bytes, file_count FROM run_dataset WHERE name = 'CASE.out'",
        [(12, None, 1)],
    ),
    Home(
        "OwnershipDatasetFacet",
        "dataset",
        "ownership",
        {"owners": [{"name": "team:data", "type": "MAINTAINER"}, {"type": "nameless"}]},
        "SELECT owner.*, dataset.owners FROM owner JOIN dataset USING (name) WHERE name = 'CASE.out'",
        [("dataset", "db", "CASE.out", "team:data", "MAINTAINER", ["team:data"])],
    ),
    Home(
        "OwnershipJobFacet",
        "job",
        "ownership",
        {"owners": [{"name": "ann"}]},
        "SELECT owner.*, job.owners FROM owner JOIN job USING (name) WHERE name = 'CASE'",
        [("job", "jobs", "CASE", "ann", None, ["ann"])],
    ),
    Home(
        "ParentRunFacet",
        "run",
        "parent",
        {
            "run": {"runId": "p"},
            "job": {"namespace": "jobs", "name": "dag"},
            "root": {"run": {"runId": "r"}, "job": {"namespace": "jobs", "name": "root"}},
        },
        "SELECT parent_run_id, root_run_id, parent_namespace, parent_name FROM run JOIN job ON job.name = run.job_name "
        "WHERE run_id = 'CASE'",
        [("p", "r", "jobs", "dag")],
    ),
    Home(
        "ProcessingEngineRunFacet",
        "run",
        "processing_engine",
        {"version": "3.5.1", "name": "spark", "openlineageAdapterVersion": "1.23.0"},
        "SELECT engine_name, engine_version, adapter_version FROM run_detail WHERE run_id = 'CASE'",
        [("spark", "3.5.1", "1.23.0")],
    ),
    Home(
        "SQLJobFacet",
        "job",
        "sql",
        {"query": "select 1", "dialect": "duckdb"},
        "FROM source_code WHERE name = 'CASE'",
        [("jobs", "CASE", "sql", "duckdb", "select 1", NOON)],
    ),
    Home(
        "SchemaDatasetFacet",
        "dataset",
        "schema",
        {
            "fields": [
                {"name": "b", "type": "INT", "ordinal_position": 2},
                {"type": "nameless"},
                {
                    "name": "a",
                    "type": "STRUCT",
                    "description": "d",
                    "ordinal_position": 1,
                    "fields": [{"name": "x", "type": "INT"}],
                },
            ]
        },
        "SELECT field, ordinal, type, description FROM field WHERE name = 'CASE.out' ORDER BY ordinal",
        [("a", 0, "STRUCT", "d"), ("a.x", 1, "INT", None), ("b", 2, "INT", None)],
    ),
    Home(
        "SourceCodeJobFacet",
        "job",
        "sourceCode",
        {"language": "python", "sourceCode": "print(1)"},
        "FROM source_code WHERE name = 'CASE'",
        [("jobs", "CASE", "source_code", "python", "print(1)", NOON)],
    ),
    Home(
        "SourceCodeLocationJobFacet",
        "job",
        "sourceCodeLocation",
        {
            "type": "git",
            "url": "https://g/blob/abc/x.sql",
            "repoUrl": "https://g",
            "path": "x.sql",
            "version": "abc",
            "tag": "v1",
            "branch": "main",
            "pullRequestNumber": 12,
        },
        "SELECT job.source_url, job.source_version, run.source_version AS ran, source_type, source_repository_url, "
        "source_path, source_branch, source_tag, source_pull_request FROM job JOIN run ON job.name = run.job_name "
        "WHERE run_id = 'CASE'",
        [("https://g/blob/abc/x.sql", "abc", "abc", "git", "https://g", "x.sql", "main", "v1", "12")],
    ),
    Home(
        "StorageDatasetFacet",
        "dataset",
        "storage",
        {"storageLayer": "iceberg", "fileFormat": "parquet"},
        "SELECT storage_layer, file_format FROM dataset WHERE name = 'CASE.out'",
        [("iceberg", "parquet")],
    ),
    Home(
        "SymlinksDatasetFacet",
        "dataset",
        "symlinks",
        {"identifiers": [{"namespace": "s3", "name": "CASE/path", "type": "LOCATION"}]},
        "SELECT name, alias_namespace, alias_name, alias_type FROM dataset_alias WHERE name = 'CASE.out'",
        [("CASE.out", "s3", "CASE/path", "LOCATION")],
    ),
    Home(
        "TagsDatasetFacet",
        "dataset",
        "tags",
        {"tags": [{"key": "pii", "value": "true", "source": "USER", "field": "email"}]},
        "FROM tag WHERE name = 'CASE.out'",
        [("dataset", "db", "CASE.out", None, "email", "pii", "true", "USER")],
    ),
    Home(
        "TagsJobFacet",
        "job",
        "tags",
        {"tags": [{"key": "team", "value": "data"}, {"value": "keyless"}]},
        "FROM tag WHERE entity = 'job' AND name = 'CASE'",
        [("job", "jobs", "CASE", None, None, "team", "data", None)],
    ),
    Home(
        "TagsRunFacet",
        "run",
        "tags",
        {"tags": [{"key": "client", "value": "1.54.0", "source": "OPENLINEAGE_CLIENT"}]},
        "FROM tag WHERE run_id = 'CASE'",
        [("run", "jobs", "CASE", "CASE", None, "client", "1.54.0", "OPENLINEAGE_CLIENT")],
    ),
    Home(
        "TestRunFacet",
        "run",
        "test",
        {
            "tests": [
                {
                    "name": "t",
                    "status": "FAIL",
                    "severity": "error",
                    "type": "not_null",
                    "description": "d",
                    "expected": "0",
                    "actual": "3",
                    "content": "select 1",
                    "contentType": "sql",
                    "params": {"tested_table": "orders"},
                }
            ]
        },
        "FROM test_execution WHERE run_id = 'CASE'",
        [
            (
                "CASE",
                "jobs",
                "CASE",
                "t",
                "fail",
                "error",
                "not_null",
                "0",
                "3",
                "d",
                "select 1",
                "sql",
                '{"tested_table":"orders"}',
                NOON,
            )
        ],
    ),
    Home(
        "GcpComposerJobFacet",
        "job",
        "gcp_composer_job",
        {
            "environmentName": "e",
            "dagId": "d",
            "operator": "o",
            "taskId": "t",
            "airflowVersion": "2",
            "composerVersion": "3",
        },
        "SELECT name, environment_name, dag_id, task_id, operator, airflow_version, composer_version FROM gcp_job "
        "WHERE name = 'CASE'",
        [("CASE", "e", "d", "t", "o", "2", "3")],
    ),
    Home(
        "GcpComposerRunFacet",
        "run",
        "gcp_composer_run",
        {"dagRunId": "manual"},
        "SELECT run_id, dag_run_id, project_id FROM gcp_run WHERE run_id = 'CASE'",
        [("CASE", "manual", None)],
    ),
    Home(
        "GcpDataprocRunFacet",
        "run",
        "gcp_dataproc",
        {
            "appId": "1",
            "appName": "2",
            "batchId": "3",
            "batchUuid": "4",
            "clusterName": "5",
            "clusterUuid": "6",
            "jobId": "7",
            "jobUuid": "8",
            "projectId": "9",
            "queryNodeName": "10",
            "jobType": "11",
            "sessionId": "12",
            "sessionUuid": "13",
        },
        "FROM gcp_run WHERE run_id = 'CASE'",
        [("CASE", "jobs", "CASE", None, "9", "1", "2", "5", "6", "7", "8", "3", "4", "12", "13", "11", "10")],
    ),
    Home(
        "GcpLineageJobFacet",
        "job",
        "gcp_lineage",
        {"displayName": "Load", "origin": {"sourceType": "COMPOSER", "name": "projects/p"}},
        "SELECT display_name, origin_type, origin_name FROM gcp_job WHERE name = 'CASE'",
        [("Load", "COMPOSER", "projects/p")],
    ),
    Home(
        "IcebergCommitReportOutputDatasetFacet",
        "output",
        "icebergCommitReport",
        {
            "snapshotId": 3776207205136740581,
            "sequenceNumber": 7,
            "operation": "append",
            "commitMetrics": {"totalDuration": 12, "addedRecords": 9007199254740993, "attempts": "1"},
            "metadata": {"iceberg-version": "1.6"},
        },
        "FROM iceberg_report WHERE run_id = 'CASE'",
        [
            (
                "CASE",
                "commit",
                "db",
                "CASE.out",
                3776207205136740581,
                7,
                "append",
                None,
                None,
                None,
                {"addedRecords": 9007199254740993, "attempts": 1, "totalDuration": 12},
                '{"iceberg-version":"1.6"}',
            )
        ],
    ),
    Home(
        "IcebergScanReportInputDatasetFacet",
        "input",
        "icebergScanReport",
        {
            "snapshotId": 3776207205136740581,
            "filterDescription": "a > 1",
            "schemaId": 0,
            "projectedFieldNames": ["a", "b"],
            "scanMetrics": {"resultDataFiles": 3},
            "metadata": {},
        },
        "FROM iceberg_report WHERE run_id = 'CASE'",
        [
            (
                "CASE",
                "scan",
                "db",
                "CASE.in",
                3776207205136740581,
                None,
                None,
                0,
                "a > 1",
                ["a", "b"],
                {"resultDataFiles": 3},
                "{}",
            )
        ],
    ),
]

# Keys of other times, which are read like their successors: what carries them, the old key, the case of the new one.
OLD_KEYS: list[tuple[Entity, str, str]] = [
    ("run", "parentRun", "ParentRunFacet"),
    ("run", "gcp_dataproc_spark", "GcpDataprocRunFacet"),
    ("output", "iceberg_commit_report", "IcebergCommitReportOutputDatasetFacet"),
    ("input", "iceberg_scan_report", "IcebergScanReportInputDatasetFacet"),
]

# What an installed client has no classes for: facets of the spec's registry.
REGISTRY = {
    "GcpComposerJobFacet",
    "GcpComposerRunFacet",
    "GcpDataprocRunFacet",
    "GcpLineageJobFacet",
    "IcebergCommitReportOutputDatasetFacet",
    "IcebergScanReportInputDatasetFacet",
}

# Copies of facets of other runs and jobs, which are "not a source of truth" (ParentRunFacet 1-2-0).
NOT_READ = {"Run.facets", "Job.facets", "RootRun.facets", "RootJob.facets"}

BY_DEFINITION = {home.definition: home for home in HOMES}
CASES = [(home.definition, home) for home in HOMES] + [
    (f"{definition}.{key}", BY_DEFINITION[definition]._replace(key=key)) for _, key, definition in OLD_KEYS
]


def event_of(case: str, home: Home, body: Any, time: str = "2026-01-01T12:00:00Z") -> bytes:
    """Return an event in which one thing has one facet."""

    def facets(*entities: Entity) -> dict[str, Any]:
        return {home.key: body} if home.entity in entities else {}

    event = {
        "eventType": "COMPLETE",
        "eventTime": time,
        "producer": "https://example.com",
        "run": {"runId": case, "facets": facets("run")},
        "job": {"namespace": "jobs", "name": case, "facets": facets("job")},
        "inputs": [{"namespace": "db", "name": f"{case}.in", "inputFacets": facets("input")}],
        "outputs": [
            {
                "namespace": "db",
                "name": f"{case}.out",
                "facets": facets("dataset"),
                "outputFacets": facets("output"),
            }
        ],
    }
    return json.dumps(event).replace("CASE", case).encode()


def found(store: Store, case: str, sql: str) -> list[tuple[Any, ...]]:
    rows = [
        tuple(row.values())
        for row in store.database.table(sql.replace("CASE", case)).to_pylist(maps_as_pydicts="strict")
    ]
    free: list[tuple[Any, ...]] = json_free(rows, case)
    return free


def json_free(value: Any, case: str) -> Any:
    """Return rows with the name of their case as the table has it."""
    if isinstance(value, str):
        return value.replace(case, "CASE")
    if isinstance(value, list | tuple):
        return type(value)(json_free(item, case) for item in value)
    return value


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Yield a store of one event for each case."""
    with Store(tmp_path_factory.mktemp("homes") / "live.duckdb") as opened:
        write_all(opened, [[event_of(case, home, home.body) for case, home in CASES]])
        yield opened


@pytest.mark.parametrize(("case", "home"), CASES, ids=[case for case, _ in CASES])
def test_a_facet_is_found_in_its_home(store: Store, case: str, home: Home) -> None:
    assert found(store, case, home.sql) == home.rows


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Yield a store in which every facet of a job or dataset was deleted again."""
    cases = [(case, home) for case, home in CASES if home.entity in ("job", "dataset")]
    with Store(tmp_path_factory.mktemp("emptied") / "live.duckdb") as opened:
        events = [event_of(case, home, home.body) for case, home in cases]
        tombstones = [
            event_of(case, home, home.body | {"_deleted": True}, "2026-01-01T13:00:00Z") for case, home in cases
        ]
        write_all(opened, [tombstones, events])
        yield opened


def test_a_deleted_facet_is_nowhere(emptied: Store) -> None:
    assert emptied.database.rows("FROM facet WHERE NOT (entity = 'run')") == []
    views = (
        "tag",
        "owner",
        "source_code",
        "explicit_lineage",
        "dataset_catalog",
        "dataset_profile",
        "gcp_job",
        "field",
    )
    assert {view: emptied.database.rows(f"FROM {view}") for view in views} == {view: [] for view in views}
    assert emptied.database.rows(
        """
        SELECT DISTINCT COLUMNS(* EXCLUDE (
            namespace, name, first_seen_at, last_seen_at, last_written_at, last_write_run_id
        ))
        FROM dataset
        """
    ) == [(None,) * 16]


# A new release of the spec shows itself


def spec_classes() -> dict[str, type]:
    """Return the facet classes of the installed client by name."""
    modules = [getattr(facet_v2, name) for name in facet_v2.__all__ if inspect.ismodule(getattr(facet_v2, name))]
    classes = {name: item for module in modules for name, item in vars(module).items() if inspect.isclass(item)}
    return {
        name: item
        for name, item in classes.items()
        if issubclass(item, base.BaseFacet) and item.__module__ != base.__name__
    }


def test_every_facet_of_the_installed_client_has_a_home() -> None:
    assert set(spec_classes()) | REGISTRY == set(BY_DEFINITION)


@pytest.mark.parametrize("definition", sorted(spec_classes()))
def test_every_field_of_a_facet_is_read(definition: str) -> None:
    home = BY_DEFINITION[definition]
    assert unread(spec_classes()[definition], MODELS[home.entity, home.key], set()) - NOT_READ == set()


def unread(spec: type, model: type[Facet], seen: set[type]) -> set[str]:
    """Return the fields of a class of the client, and of those inside it, that a model does not have."""
    if spec in seen:
        return set()
    seen.add(spec)
    hints = typing.get_type_hints(spec)
    ours = {field.alias or name: field for name, field in model.model_fields.items()}
    ours |= {first_alias(field.validation_alias): field for field in ours.values()}
    missing = set()
    for field in attr.fields(spec):
        if field.name in ("_producer", "_schemaURL", "_deleted"):
            continue
        if field.name not in ours:
            missing.add(f"{spec.__name__}.{field.name}")
            continue
        inside = [item for item in parts(hints[field.name]) if attr.has(item)]
        models = [item for item in parts(ours[field.name].annotation) if issubclass(item, Facet)]
        if inside and not models:
            missing.add(f"{spec.__name__}.{field.name}")
        for item in inside:
            for part in models:
                missing |= unread(item, part, seen)
    return missing


def first_alias(alias: Any) -> str:
    return str(alias.choices[0]) if hasattr(alias, "choices") else str(alias)


def parts(annotation: Any) -> Iterator[type]:
    """Yield the classes inside a type."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from parts(argument)


def test_a_field_that_we_do_not_read_shows_itself() -> None:
    @attr.define
    class Inner:
        name: str
        brand_new: str

    @attr.define
    class NewFacet(base.DatasetFacet):
        owners: list[Inner]
        since: str

    Inner.__module__ = NewFacet.__module__ = __name__
    NewFacet.__annotations__ = {"owners": list[Inner], "since": str}
    model = MODELS["dataset", "ownership"]
    assert unread(NewFacet, model, set()) == {"NewFacet.since", "Inner.brand_new"}


def test_the_view_of_known_facets_is_that_of_the_models(store: Store) -> None:
    assert store.database.rows("FROM store.known_facet") == sorted(MODELS)


def test_every_key_has_a_case() -> None:
    cases = {(home.entity, home.key) for _, home in CASES}
    # The same model and view on another entity, or by an old key; test_check_result.py has those of checks and metrics.
    elsewhere = {
        ("dataset", "dataQuality"),
        ("dataset", "dataQualityAssertions"),
        ("dataset", "greatExpectations_assertions"),
        ("input", "dataQuality"),
        ("input", "greatExpectations_assertions"),
        ("output", "dataQualityAssertions"),
        ("output", "dataQualityMetrics"),
    }
    assert set(MODELS) - cases == elsewhere
