"""What forgetting and compacting do to a store: short transactions, each of which leaves a store that is right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from .database import Database
from .reader import Reader
from .scripts import scripts
from .store import Store

# How the rows of a table are put in order when a store is written anew: what is asked for together lies together.
_ORDER = {
    "event": "event_time, event_id",
    "passing_facet": "event_time, event_id",
    "declaration": "event_time, event_id",
    "run": "first_at, run_key",
    "run_job": "first_at, run_key",
    "duplicate": "received_at",
    "late_event": "received_at",
    "dead_letter": "received_at",
    "imported_result": "executed_at",
    "imported_metric": "measured_at",
}
# Tables that grow with the number of events. What is of few rows is rewritten by every checkpoint that touches it.
GROWING = ("event", "passing_facet", "run", "document")

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store' AND database_name = current_database()"
_FORGETTABLE = "FROM store.forgettable($runs, $check_results)"
_FORGETTABLE_IMPORT = "FROM store.forgettable_import($check_results)"
_WITH_BODY = "SELECT count(*) FROM store.event WHERE skeleton IS NOT NULL AND event_time < $before"
_DONE = "INSERT INTO store.upkeep VALUES ($done_at, $kind, $horizon_at, $rows)"
_LAST = "SELECT epoch(max(done_at)) FROM store.upkeep WHERE kind {} 'compact'"
_FORGOTTEN_SINCE = """
SELECT 1
FROM store.upkeep
WHERE kind != 'compact' AND rows > 0
HAVING max(done_at) > coalesce((SELECT max(done_at) FROM store.upkeep WHERE kind = 'compact'), '-infinity')
"""


class Horizons(NamedTuple):
    """The moments before which each kind is forgotten; None keeps all of it."""

    bodies: datetime | None = None
    runs: datetime | None = None
    check_results: datetime | None = None
    duplicates: datetime | None = None
    dead_letters: datetime | None = None
    gaps: datetime | None = None


class Plan(NamedTuple):
    """What can go: runs and events without a run, the oldest first, and rows of imports."""

    runs: pa.Table
    imports: pa.Table


def plan(published: Path, horizons: Horizons) -> Plan:
    """Return what can go of a published store, which somebody may go on writing: what is needed now stays needed."""
    runs, imports = pa.table({}), pa.table({})
    with Reader(published, threads=1) as reader:
        if horizons.runs is not None:
            runs = reader.query(_FORGETTABLE, {"runs": horizons.runs, "check_results": horizons.check_results})
        if horizons.check_results is not None:
            imports = reader.query(_FORGETTABLE_IMPORT, {"check_results": horizons.check_results})
    return Plan(runs, imports)


class Upkeep:
    """The part of an open store that forgets and compacts. Call it inside a transaction of the store's database."""

    def __init__(self, store: Store) -> None:
        """Use *store*, which somebody else closes."""
        self._store = store
        self._database: Database = store.database

    def forget_runs(self, chosen: pa.Table, now: datetime) -> tuple[int, int]:
        """Forget runs with their events, and events without a run; return how many runs and how many events went."""
        self._database.register("forgettable", chosen)
        self._run("forget_runs", now=now)
        self._store.has_forgotten = True
        return self._count("chosen_run"), self._count("forgotten_event")

    def expire_bodies(self, before: datetime, most: int) -> int:
        """Take the bodies of about *most* events before a moment; return how many went, 0 once none is left."""
        self._run("expire_bodies", before=before, most=most)
        return self._count("expired_body")

    def forget_imports(self, chosen: pa.Table) -> int:
        """Forget rows of imports; return how many went."""
        self._database.register("forgettable_import", chosen)
        self._run("forget_imports")
        return self._count("forgotten_result")

    def forget_arrivals(self, horizons: Horizons, remembered_from: datetime | None) -> dict[str, int]:
        """Forget how records came in; return how many rows went of each kind."""
        before = {kind: self._arrivals(kind) for kind in ("duplicates", "dead_letters", "gaps")}
        self._run(
            "forget_arrivals",
            duplicates_before=horizons.duplicates,
            dead_letters_before=horizons.dead_letters,
            gaps_before=horizons.gaps,
            remembered_from=remembered_from,
        )
        return {kind: count - self._arrivals(kind) for kind, count in before.items()}

    def sweep(self) -> None:
        """Take away content that nothing refers to. A `Folder` that remembers any of it has to forget it before."""
        self._run("sweep_lineages")
        self._database.run(next(script.sql for script in scripts("writes") if script.name == "lineage_shape"))
        self._run("sweep_shapes", "sweep_documents", "sweep_names")

    def compact(self, table: str, most: int) -> int:
        """Write the first *most* rows of a growing table anew at its end; return how many there were."""
        self._run(f"compact_{table}", most=most)
        return self._count("moved")

    def rows_with_bodies(self, before: datetime) -> int:
        """Return how many events before a moment have a body."""
        return int(self._database.rows(_WITH_BODY, {"before": before})[0][0])

    def rows(self, table: str) -> int:
        """Return how many rows a table has."""
        return self._count(f"store.{table}")

    def note(self, done_at: datetime, kind: str, horizon_at: datetime | None, rows: int) -> None:
        """Write down what was done."""
        self._database.run(_DONE, {"done_at": done_at, "kind": kind, "horizon_at": horizon_at, "rows": rows})

    def retained_at(self) -> float | None:
        """Return when something was forgotten last, or should have been, in seconds since 1970."""
        return self._moment("!=")

    def compacted_at(self) -> float | None:
        """Return when the store was compacted last, in seconds since 1970."""
        return self._moment("=")

    def has_holes(self) -> bool:
        """Tell whether anything was forgotten since the store was compacted."""
        return bool(self._database.rows(_FORGOTTEN_SINCE))

    def _moment(self, comparison: str) -> float | None:
        found: float | None = self._database.rows(_LAST.format(comparison))[0][0]
        return found

    def _arrivals(self, kind: str) -> int:
        tables = {"duplicates": ("duplicate", "late_event"), "dead_letters": ("dead_letter",), "gaps": ("gap",)}[kind]
        return sum(self._count(f"store.{table}") for table in tables)

    def _count(self, table: str) -> int:
        return int(self._database.rows(f"SELECT count(*) FROM {table}")[0][0])

    def _run(self, *names: str, **variables: Any) -> None:
        for name, value in variables.items():
            self._database.run(f"SET VARIABLE {name} = $value", {"value": value})
        wanted: Iterable[str] = (script.sql for script in scripts("upkeep") if script.name in names)
        self._database.run("\n".join(wanted))


def write_anew(old: Path, new: Store) -> int:
    """Copy every row of a store that is closed into *new*, which is empty, in order; return how many rows there are."""
    database = new.database
    count = 0
    quoted = str(old).replace("'", "''")
    database.run(f"ATTACH '{quoted}' AS old (READ_ONLY)")
    for (table,) in database.rows(_TABLES):
        if table == "views":
            continue
        order = f"ORDER BY {_ORDER[table]}" if table in _ORDER else ""
        with database.transaction():
            database.run(f'DELETE FROM store."{table}"')
            database.run(f'INSERT INTO store."{table}" BY NAME FROM old.store."{table}" {order}')
        copied, there = (
            database.rows(f'SELECT count(*) FROM {catalog}store."{table}"')[0][0] for catalog in ("", "old.")
        )
        if copied != there:
            raise AssertionError(f"{copied} rows of {table} were copied, and there are {there}")
        count += there
    database.run("DETACH old")
    return count
