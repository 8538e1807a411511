"""A user home of DQOps, as DQOps 1.13 writes it: partitions in Parquet, connections and tables in YAML."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import SHARED

SCHEMAS = SHARED / "quality_samples" / "dqops" / "dqops_parquet_schemas.py"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Table(NamedTuple):
    """How DQOps writes one of its tables."""

    file: str
    keys: tuple[str, ...]
    month_column: str
    schema: pa.Schema


def tables() -> dict[str, Table]:
    """Return the tables of DQOps; skip the test if their description is absent."""
    if not SCHEMAS.exists():
        pytest.skip("the Parquet schemas of DQOps do not lie beside the project")
    spec = importlib.util.spec_from_file_location("dqops_parquet_schemas", SCHEMAS)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: Table(*table) for name, table in module.TABLES.items()}


class DqopsHome:
    """Writes what DQOps writes, in the way DQOps does: each partition file whole and in place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / ".data"
        self.tables = tables()
        self.data.mkdir(parents=True, exist_ok=True)

    def write(self, table: str, rows: Iterable[dict[str, Any]]) -> list[Path]:
        """Write the partitions that *rows* belong to, each with exactly its rows; return their files."""
        partitions: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            partitions[self._keys(table, row)].append(row)
        return [self._write_partition(table, keys, found) for keys, found in partitions.items()]

    def connection(self, name: str, **spec: Any) -> None:
        """Write a connection's file; *spec* is its ``spec``."""
        self.yaml(f"sources/{name}/connection.dqoconnection.yaml", {"kind": "source", "spec": spec})

    def table_file(self, connection: str, table: str, text: str) -> Path:
        """Write a table's file."""
        path = self.path / "sources" / connection / f"{table}.dqotable.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def yaml(self, name: str, value: Any) -> Path:
        """Write a file of YAML; JSON is YAML."""
        import json

        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2), encoding="utf-8")
        return path

    def _keys(self, table: str, row: dict[str, Any]) -> tuple[str, ...]:
        month = row[self.tables[table].month_column].strftime("%Y-%m-01")
        values = {"c": row["connection_name"], "t": f"{row['schema_name']}.{row['table_name']}", "m": month}
        return tuple(f"{key}={encoded(values[key])}" for key in self.tables[table].keys)

    def _write_partition(self, table: str, keys: tuple[str, ...], rows: list[dict[str, Any]]) -> Path:
        folder = self.data.joinpath(table, *keys)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.tables[table].file
        path.write_bytes(parquet(self.tables[table].schema, rows))
        return path


def parquet(schema: pa.Schema, rows: list[dict[str, Any]]) -> bytes:
    """Return rows as DQOps' Parquet: uncompressed, every column there, an empty text missing."""
    columns = [
        pa.array([row.get(name) or None if isinstance(row.get(name), str) else row.get(name) for row in rows], kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, compression="none", version="1.0")
    return sink.getvalue().to_pybytes()


def encoded(name: str) -> str:
    """Return a name as DQOps writes it into a path."""
    text = "".join(f"%{ord(sign):02X}" if sign in "/\\<>:\"'|?*&%" else sign for sign in name)
    return text.replace(" ", "+")


def check(
    connection: str,
    table: str,
    check_name: str,
    severity: int | None,
    *,
    column: str | None = None,
    dimension: str = "Uniqueness",
    executed_at: datetime = NOON,
    day: datetime | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a row of ``check_results``. Its id is that of the check and its period, as in DQOps."""
    schema_name, _, table_name = table.rpartition(".")
    period = (day or executed_at).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    series = f"{connection}/{table}/{column}/{check_name}/{more.get('data_group_name')}"
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{series}/{period}")),
        "time_series_id": str(uuid5(NAMESPACE_URL, series)),
        "connection_name": connection,
        "schema_name": schema_name,
        "table_name": table_name,
        "column_name": column,
        "check_name": check_name,
        "check_display_name": check_name,
        "check_type": "monitoring",
        "check_category": "uniqueness",
        "quality_dimension": dimension,
        "severity": severity,
        "actual_value": float(severity or 0),
        "executed_at": executed_at,
        "time_period": period,
        "time_period_utc": period.replace(tzinfo=UTC),
        "time_gradient": "day",
        "data_group_name": "no grouping",
        "data_grouping_configuration": "default",
        "data_group_hash": 0,
        "include_in_kpi": True,
        "created_at": executed_at,
        "updated_at": executed_at,
        **more,
    }


def error(connection: str, table: str, check_name: str, **more: Any) -> dict[str, Any]:
    """Return a row of ``errors``."""
    row = check(connection, table, check_name, None, **more)
    return {
        **row,
        "error_message": "relation does not exist",
        "error_source": "sensor",
        "error_timestamp": row["executed_at"].replace(tzinfo=None) + timedelta(seconds=1),
    }


def incident(connection: str, table: str, **more: Any) -> dict[str, Any]:
    """Return a row of ``incidents``; its connection is only in the path."""
    schema_name, _, table_name = table.rpartition(".")
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{connection}/{table}")),
        "connection_name": connection,
        "schema_name": schema_name,
        "table_name": table_name,
        "quality_dimension": "Uniqueness",
        "highest_severity": 2,
        "minimum_severity": 1,
        "first_seen": NOON,
        "last_seen": NOON,
        "incident_until": NOON + timedelta(days=60),
        "failed_checks_count": 3,
        "status": "open",
        **more,
    }
