"""DQOps: the Parquet files of its data folder, its connections, and the lineage written in its table files.

Format: the tables ``check_results``, ``errors``, ``sensor_readouts`` and ``incidents`` of DQOps 1.x, one file for each
connection, table and month; ``sources/CONNECTION/connection.dqoconnection.yaml`` and ``SCHEMA.TABLE.dqotable.yaml``.

A document of a partition is ``{"table": ..., "connection": ..., "rows": [...]}``: incidents have no column that names
their connection, only their folder does. Error samples and statistics hold values out of the checked data and are not
read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from ..event import micros
from ..rows import CheckResult, ImportedIncidentRow, ImportedMetricRow
from .importer import (
    Document,
    Findings,
    Lineage,
    Said,
    Severity,
    details,
    dimension_of,
    identified,
    malformed,
    number,
    read,
    result,
    short,
)

# The tables that are read: the name of the file in each of their partitions. Some versions of DQOps call the first one
# rule_results.0.parquet.
TABLES = {
    "check_results": ("check_results.0.parquet", "rule_results.0.parquet"),
    "errors": ("errors.0.parquet",),
    "sensor_readouts": ("sensor_readout.0.parquet",),
    "incidents": ("incidents.0.parquet",),
}

OURS = "headwater"  # who wrote a source of a table, when 'headwater export' did: that is no news

_SEVERITIES: tuple[Severity, ...] = ("valid", "warning", "error", "fatal")
_NO_GROUP = "no grouping"
_ENVIRONMENT = "${"  # begins a reference to a variable of DQOps' environment


class _Readout(Said):
    """A row of ``sensor_readouts``, and what the other two tables share with it."""

    id: str
    check_name: str
    schema_name: str
    table_name: str
    executed_at: datetime
    connection_name: str | None = None
    column_name: str | None = None
    actual_value: float | None = None
    expected_value: float | None = None
    time_period: datetime | None = None
    time_gradient: str | None = None
    data_group_name: str | None = None
    check_type: str | None = None
    check_category: str | None = None
    check_display_name: str | None = None
    table_comparison: str | None = None
    table_stage: str | None = None
    table_priority: int | None = None
    quality_dimension: str | None = None
    sensor_name: str | None = None
    time_series_id: str | None = None


class _CheckResult(_Readout):
    severity: int | None = None
    incident_hash: int | None = None
    include_in_kpi: bool | None = None
    reference_connection: str | None = None
    reference_schema: str | None = None
    reference_table: str | None = None
    reference_column: str | None = None
    fatal_lower_bound: float | None = None
    fatal_upper_bound: float | None = None
    error_lower_bound: float | None = None
    error_upper_bound: float | None = None
    warning_lower_bound: float | None = None
    warning_upper_bound: float | None = None


class _Error(_Readout):
    error_message: str | None = None
    error_source: str | None = None


class _Incident(Said):
    id: str
    schema_name: str
    table_name: str
    status: str
    first_seen: datetime
    last_seen: datetime | None = None
    incident_until: datetime | None = None
    highest_severity: int | None = None
    minimum_severity: int | None = None
    failed_checks_count: int | None = None
    quality_dimension: str | None = None
    check_category: str | None = None
    check_type: str | None = None
    check_name: str | None = None
    data_group_name: str | None = None
    issue_url: str | None = None
    resolved_by: str | None = None


class _ColumnSources(Said):
    source_columns: list[str] = []


class _SourceTable(Said):
    data_lineage_source_tool: str | None = None
    source_connection: str
    source_schema: str
    source_table: str
    columns: dict[str, _ColumnSources] = {}


class _TableFile(Said):
    """The ``spec`` of a ``SCHEMA.TABLE.dqotable.yaml``."""

    connection: str
    name: str
    source_tables: list[_SourceTable] = []


class _Partition(Said):
    table: Literal["check_results", "errors", "sensor_readouts", "incidents"]
    connection: str
    rows: list[Any]


_MODELS: dict[str, type[Said]] = {
    "check_results": _CheckResult,
    "errors": _Error,
    "sensor_readouts": _Readout,
    "incidents": _Incident,
}


class DqopsImporter:
    """Reads partitions of DQOps' data folder."""

    tool: Literal["dqops"] = "dqops"

    def is_document(self, body: Any) -> bool:
        """Tell whether this is a partition that is read."""
        return isinstance(body, dict) and (str(body.get("table")) in TABLES or "source_tables" in body)

    def findings(self, document: Document) -> Findings:
        """Return what a partition holds, or what a table's file says of its lineage."""
        if isinstance(document.body, dict) and "source_tables" in document.body:
            return Findings(lineage=[_lineage(read(_TableFile, document.body, document.path))])
        partition = read(_Partition, document.body, document.path)
        path, rows = document.path, enumerate(partition.rows, 1)
        match partition.table:
            case "check_results":
                said = [(place, read(_CheckResult, _known(row), path, f"row {place}")) for place, row in rows]
                # DQOps' own status leaves rows without a severity out: no rule has judged them yet.
                return Findings(
                    [_result(path, place, row, partition.connection) for place, row in said if row.severity is not None]
                )
            case "errors":
                return Findings(
                    [
                        _error(read(_Error, _known(row), path, f"row {place}"), partition.connection)
                        for place, row in rows
                    ]
                )
            case "sensor_readouts":
                readouts = [read(_Readout, _known(row), path, f"row {place}") for place, row in rows]
                return Findings(
                    metrics=[
                        _metric(row, row.actual_value, partition.connection)
                        for row in readouts
                        if row.actual_value is not None
                    ]
                )
        return Findings(
            incidents=[
                _incident(read(_Incident, _known(row), path, f"row {place}"), partition.connection)
                for place, row in rows
            ]
        )


def columns_of(table: str) -> frozenset[str]:
    """Return the columns of a table that are read."""
    return frozenset(_MODELS[table].model_fields)


def _lineage(file: _TableFile) -> Lineage:
    return Lineage(
        file.connection,
        file.name,
        [
            (
                source.source_connection,
                f"{source.source_schema}.{source.source_table}",
                {column: said.source_columns for column, said in source.columns.items()},
            )
            for source in file.source_tables
            if source.data_lineage_source_tool != OURS
        ],
    )


def _known(row: Any) -> Any:
    """Return a row without what is missing: DQOps' files have no empty text, and NaN for no number."""
    if not isinstance(row, dict):
        return row
    return {k: v for k, v in row.items() if v is not None and not (isinstance(v, float) and math.isnan(v))}


def _result(path: str, place: int, row: _CheckResult, connection: str) -> CheckResult:
    if row.severity is None or not 0 <= row.severity < len(_SEVERITIES):
        raise malformed(path, f"row {place}.severity", f"{row.severity} is none of 0, 1, 2, 3")
    severity = _SEVERITIES[row.severity]
    reference = (row.reference_connection, row.reference_schema, row.reference_table, row.reference_column)
    return result(
        tool="dqops",
        check_name=_check_name(row),
        name=f"{row.schema_name}.{row.table_name}",
        field=row.column_name,
        dimension=row.quality_dimension,
        status="failed" if row.severity else "passed",
        severity=severity,
        expected=_expected(row),
        actual=number(row.actual_value),
        executed_at=micros(_utc(row.executed_at)),
        said={
            **_said(row),
            "incident_hash": row.incident_hash,
            "include_in_kpi": row.include_in_kpi,
            "reference": [part for part in reference if part],
        },
        check_kind=row.check_name,
        source=row.connection_name or connection,
    )


def _error(row: _Error, connection: str) -> CheckResult:
    return result(
        tool="dqops",
        check_name=_check_name(row),
        name=f"{row.schema_name}.{row.table_name}",
        field=row.column_name,
        dimension=row.quality_dimension,
        status="errored",
        actual=number(row.actual_value),
        executed_at=micros(_utc(row.executed_at)),
        said={**_said(row), "message": short(row.error_message), "error_source": row.error_source},
        check_kind=row.check_name,
        source=row.connection_name or connection,
    )


def _metric(row: _Readout, value: float, connection: str) -> ImportedMetricRow:
    """Return a readout. A sensor is named ``table/volume/row_count``; its last part says what was measured."""
    return identified(
        ImportedMetricRow(
            tool="dqops",
            source=row.connection_name or connection,
            name=f"{row.schema_name}.{row.table_name}",
            field=row.column_name,
            metric=(row.sensor_name or row.check_name).rpartition("/")[2],
            value=value,
            measured_at=micros(_utc(row.executed_at)),
            details=details({**_said(row), "check_name": row.check_name}),
        )
    )


def _incident(row: _Incident, connection: str) -> ImportedIncidentRow:
    known = row.highest_severity is not None and 0 <= row.highest_severity < len(_SEVERITIES)
    return identified(
        ImportedIncidentRow(
            incident_id=row.id,
            tool="dqops",
            source=connection,
            name=f"{row.schema_name}.{row.table_name}",
            dimension=dimension_of(row.quality_dimension),
            status=row.status,
            severity=_SEVERITIES[row.highest_severity] if known and row.highest_severity is not None else None,
            first_seen_at=micros(_utc(row.first_seen)),
            last_seen_at=micros(_utc(row.last_seen)) if row.last_seen else None,
            failed_checks=row.failed_checks_count,
            issue_url=row.issue_url,
            details=details(
                {
                    "connection": connection,
                    "check_category": row.check_category,
                    "check_type": row.check_type,
                    "check_name": row.check_name,
                    "data_group": row.data_group_name,
                    "until": _utc(row.incident_until).isoformat() if row.incident_until else None,
                    "resolved_by": row.resolved_by,
                }
            ),
        )
    )


def _check_name(row: _Readout) -> str:
    """Return the name that DQOps' own status goes by: a comparison of tables has one for each comparison."""
    return f"{row.check_name}/{row.table_comparison}" if row.table_comparison else row.check_name


def _said(row: _Readout) -> dict[str, Any]:
    return {
        "id": row.id,
        "check_type": row.check_type,
        "check_category": row.check_category,
        "display_name": row.check_display_name if row.check_display_name != row.check_name else None,
        "data_group": row.data_group_name if row.data_group_name != _NO_GROUP else None,
        # The time of the data source, which may be in any zone.
        "time_period": row.time_period.replace(tzinfo=None).isoformat() if row.time_period else None,
        "time_gradient": row.time_gradient,
        "table_stage": row.table_stage,
        "table_priority": row.table_priority,
        "time_series_id": row.time_series_id,
    }


def _expected(row: _CheckResult) -> str | None:
    """Return the range of values of the rule that failed, or of the strictest one when none did."""
    bounds = {
        "warning": (row.warning_lower_bound, row.warning_upper_bound),
        "error": (row.error_lower_bound, row.error_upper_bound),
        "fatal": (row.fatal_lower_bound, row.fatal_upper_bound),
    }
    failed = bounds.get(_SEVERITIES[row.severity or 0])
    for lower, upper in [failed] if failed else bounds.values():
        ends = [f"{sign} {number(end)}" for sign, end in ((">=", lower), ("<=", upper)) if end is not None]
        if ends:
            return " and ".join(ends)
    return None if row.expected_value is None else f"= {number(row.expected_value)}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


# Connections


class Place(NamedTuple):
    """Where a connection leads.

    Attributes:
        database: goes before ``schema.table``; None when the schema is the database.
    """

    namespace: str
    database: str | None


def place_of(spec: Mapping[str, Any]) -> Place | None:
    """Return the OpenLineage namespace that a connection's ``spec`` suggests, or None if it does not say enough.

    The names are those of OpenLineage's naming conventions (``spec/Naming.md``); DuckDB's is what dbt's events use.
    """
    provider = spec.get("provider_type")
    block = spec.get(provider) if isinstance(provider, str) else None
    if not isinstance(provider, str) or not isinstance(block, Mapping):
        return None

    def said(name: str, default: str | None = None) -> str | None:
        value = block.get(name)
        text = default if value is None or value == "" else str(value)
        return None if text is None or _ENVIRONMENT in text else text

    host, database = said("host"), said("database")
    match provider:
        case "postgresql" | "redshift" | "sqlserver" | "oracle":
            scheme, port = {
                "postgresql": ("postgres", "5432"),
                "redshift": ("redshift", "5439"),
                "sqlserver": ("mssql", "1433"),
                "oracle": ("oracle", "1521"),
            }[provider]
            port_said = said("port", port)
            return Place(f"{scheme}://{host}:{port_said}", database) if host and port_said and database else None
        case "mysql" | "mariadb" | "single_store_db":
            port_said = said("port", "3306")
            return Place(f"mysql://{host}:{port_said}", None) if host and port_said else None
        case "bigquery":
            project = said("source_project_id")
            return Place("bigquery", project) if project else None
        case "snowflake":
            account = said("account")
            return Place(f"snowflake://{account}", database) if account and database else None
        case "trino" | "presto":
            catalog, port_said = said("catalog") or said("trino_catalog"), said("port", "8080")
            return Place(f"{provider}://{host}:{port_said}", catalog) if host and port_said and catalog else None
        case "databricks":
            catalog = said("catalog")
            return Place(f"unitycatalog://{host}", catalog) if host and catalog else None
        case "duckdb":
            in_file = database if database and database.startswith("/") else None
            return Place(f"duckdb://{in_file}", _stem(in_file)) if in_file else None
    return None


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]
