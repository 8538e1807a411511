"""The live store: opened by one process, migrated when it is opened, written a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..batch import without_runs
from ..errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreTooNew
from ..ledger import Table, count_of
from ..names import TopicPartition
from .arrow import TABLES, arrow_table, rows_of, with_values
from .blank import copy_blank, copy_whole, forget_blank
from .database import VERSION, Database
from .incidents import NEWEST_RULE, NOTICES, STATEMENTS, IncidentRecord, parameters
from .scripts import Script, scripts

# What a write needs in the batch, where that is not rows of the table that it is named after.
_NEEDS = {
    "duplicate": "event",
    "lifecycle_facet": "passing_facet",
    "lineage": "event",
    "lineage_edge": "event",
    "mirrored_row": "import_file",
    "run_job": "run",
    "run_known": "event",
    "seen_too_often": "shape_seen",
    "told": "event",
    "lineage_shape": "run",
}
# Any of these may say what the names in imported lineage mean.
_NAMING = frozenset({"alias", "dataset", "imported_name", "source_namespace"})
_LATE_NAMES = "placed_dataset"
# What imports of other tools' files say.
_IMPORTED = frozenset(
    {
        "import_file",
        "imported_incident",
        "imported_metric",
        "imported_name",
        "imported_result",
        "mirrored_row",
        "source_namespace",
    }
)


# What events say, and nothing else does; the rest of the tables is taken over as it is.
_FOLDED = frozenset(TABLES) - _IMPORTED - {"duplicate", "dead_letter", "gap", "kafka_offset", "late_event"} | {
    "declaration",
    "lifecycle_facet",
    "lineage",
    "lineage_column",
    "lineage_edge",
    "lineage_explicit",
    "lineage_shape",
    "migration",
    "views",
    "run_job",
    "placed_dataset",
}

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store'"

_IMPORTED_LINEAGE = "SELECT 1 FROM store.dataset WHERE starts_with(namespace, 'dqops://') LIMIT 1"


# DuckDB 1.5 cannot push a join's filter on a UUID down into Arrow.
_FORGOTTEN_RUNS = """
WITH batch AS MATERIALIZED (SELECT run_key FROM batch_run)
SELECT run_key FROM batch SEMI JOIN store.forgotten_run USING (run_key)
"""

_KEPT = "SELECT coalesce(max(rowid), -1), count(*) FILTER (skeleton IS NULL) FROM store.event"

_KEPT_EVENTS = """
SELECT topic, partition, source_offset, element, epoch_us(received_at), body
FROM store.kept_event($first, $last)
"""


class KeptEvent(NamedTuple):
    """An event as the store keeps it, and where it came from; *received_at* is in microseconds since 1970."""

    topic: str
    partition: int
    source_offset: int
    element: int
    received_at: int
    body: bytes


def live_path(published: Path) -> Path:
    """Return where the private live file of a published store is: beside it, hidden."""
    return published.with_name(f".{published.stem}.live{published.suffix}")


class Store:
    """The private live file. Readers never open it: they open the snapshot that is published from it.

    Attributes:
        path: the live file.
        migrated: names of the migrations that opening it applied.
        has_forgotten: runs were forgotten because of their age, so that events of them may come late.
    """

    def __init__(
        self, path: Path, *, seed: Path | None = None, memory_limit: str | None = None, threads: int | None = None
    ) -> None:
        """Open *path*, making or migrating it as needed.

        Args:
            path: the live file.
            seed: a published store to start from, when there is no live file yet.
            memory_limit: DuckDB's own limit, such as ``256MB``.
            threads: how many threads DuckDB uses.

        Raises:
            StoreBusy: another process has it open.
            StoreTooNew: a newer Headwater or DuckDB wrote it.
            StoreDamaged: it is not a Headwater store.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._bound: dict[str, bool] = {}  # by table, whether what is bound has rows
        self._has_imported_lineage: bool | None = None  # not known yet
        if not path.exists() and seed is not None and seed.exists():
            copy_whole(seed, path)
        is_blank = not path.exists() and copy_blank(path, _version()[:32], _make)
        try:
            self._open(memory_limit, threads, is_blank=is_blank)
        except (StoreBusy, StoreFull):
            raise
        except StoreError:
            if not is_blank:
                raise
            forget_blank()
            for useless in (path, path.with_name(f"{path.name}.wal")):
                useless.unlink(missing_ok=True)
            self._open(memory_limit, threads, is_blank=False)

    def _open(self, memory_limit: str | None, threads: int | None, *, is_blank: bool) -> None:
        self._database = Database(self.path, memory_limit=memory_limit, threads=threads)
        try:
            # Each publication checkpoints; one of DuckDB's own in between would only cost.
            self._database.run("SET wal_autocheckpoint = '1GB'")
            self.migrated = migrate(self._database)
            if is_blank:
                self._database.run("UPDATE store.migration SET applied_at = $now", {"now": datetime.now(UTC)})
                self.migrated = list(_applied(self._database))
            # Most stores have forgotten nothing, and need not ask.
            self.has_forgotten = bool(self._database.rows("SELECT 1 FROM store.forgotten_run LIMIT 1"))
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, tables: Mapping[str, Table]) -> None:
        """Write a batch in one transaction: all of it is there afterwards, or nothing.

        Args:
            tables: rows by table, as `headwater.batch.Batch.tables` gives them.

        Raises:
            StoreFull: the disk is full; the store must be closed and opened again.
        """
        if not any(map(count_of, tables.values())):
            return
        forgotten = self._forgotten(tables.get("run", ()))
        if forgotten:
            tables = without_runs({name: rows_of(name, table) for name, table in tables.items()}, forgotten)
        for name in TABLES:
            self._bind(name, tables.get(name, ()))
        there = {name for name, rows in tables.items() if count_of(rows)}
        with self._database.transaction():
            needed = [script for script in scripts("writes") if _NEEDS.get(script.name, script.name) in there]
            in_order = (part for script in needed for part in script.parts)
            for table, parts in groupby(in_order, attrgetter("needs")):
                if table is None or self._database.rows(f"SELECT 1 FROM {table} LIMIT 1"):
                    # One call: between two, this thread would wait for the one that folds to let go of the interpreter.
                    self._database.run("\n".join(part.sql for part in parts))
            if there & _NAMING:
                self._name_imported_lineage(may_be_first="imported_name" in there)

    def _name_imported_lineage(self, *, may_be_first: bool) -> None:
        """Find out anew what the names in imported lineage mean. Most stores have none, and need not be asked again."""
        if self._has_imported_lineage is None or (may_be_first and not self._has_imported_lineage):
            self._has_imported_lineage = bool(self._database.rows(_IMPORTED_LINEAGE))
        if self._has_imported_lineage:
            self._database.run(next(script.sql for script in scripts("writes") if script.name == _LATE_NAMES))

    def _forgotten(self, runs: Table) -> set[bytes]:
        """Return which runs of a batch were forgotten because of their age: what is new of them would be half a run."""
        if not (count_of(runs) and self.has_forgotten):
            return set()
        self._bind("run", runs)
        return {key.bytes for (key,) in self._database.rows(_FORGOTTEN_RUNS)}

    def _bind(self, table: str, rows: Table) -> None:
        """Make the rows of a table visible to the writes as ``batch_TABLE``. Most tables are empty most of the time."""
        if count_of(rows) or self._bound.get(table, True):
            self._database.register(f"batch_{table}", arrow_table(table, rows))
        self._bound[table] = count_of(rows) > 0

    def next_offsets(self) -> dict[TopicPartition, int]:
        """Return the first offset of each partition that is not in the store yet."""
        rows = self._database.rows("SELECT topic, partition, next_offset FROM store.kafka_offset")
        return {TopicPartition(topic, partition): next_offset for topic, partition, next_offset in rows}

    def log_ids(self) -> dict[TopicPartition, str]:
        """Return which log of its name each partition was, where that is known."""
        rows = self._database.rows("SELECT topic, partition, log_id FROM store.kafka_offset WHERE log_id IS NOT NULL")
        return {TopicPartition(topic, partition): log_id for topic, partition, log_id in rows}

    def keep(self, record: IncidentRecord) -> None:
        """Add one record about incidents, between two batches. May be called from any thread.

        Raises:
            StoreFull: the disk is full.
        """
        self._database.run(STATEMENTS[type(record)], parameters(record))

    def keep_dimensions(self, dimensions: Mapping[str, str]) -> None:
        """Make these the dimensions that settings give to kinds of checks: others are forgotten."""
        wanted = {kind.lower(): dimension for kind, dimension in dimensions.items()}
        if wanted == dict(self._database.rows("SELECT check_kind, dimension FROM store.own_dimension")):
            return
        with self._database.transaction():
            self._database.run("DELETE FROM store.own_dimension")
            self._database.run(
                "INSERT INTO store.own_dimension SELECT unnest($kinds::VARCHAR[]), unnest($dimensions::VARCHAR[])",
                {"kinds": list(wanted), "dimensions": list(wanted.values())},
            )

    def notices(self) -> dict[str, datetime]:
        """Return when each incident was told last."""
        found = self._database.table(NOTICES).to_pylist()
        return {row["incident_id"]: row["sent_at"] for row in found}

    def reopens_within(self) -> float | None:
        """Return the seconds that were set last, if they ever were."""
        rows = self._database.rows(NEWEST_RULE)
        return float(rows[0][0]) if rows else None

    def tally(self) -> dict[str, int]:
        """Return what was counted in the tables, by what it is called; as cheap as a count of rows can be."""
        return dict(self._database.rows("SELECT what, amount FROM store.tally"))

    def kept_events(self, most: int) -> Iterator[list[KeptEvent]]:
        """Yield the events that are kept, *most* at a time, in the order in which they were written.

        Raises:
            StoreError: the bodies of some are gone.
        """
        ((last, bodiless),) = self._database.rows(_KEPT)
        if bodiless:
            raise StoreError(
                f"{bodiless:,} events of {self.path} have no body any more (retain_events): folding anew would lose "
                "what they brought. Forget their runs as well first, with 'headwater retain --retain-runs DAYS'."
            )
        for first in range(0, last + 1, most):
            rows = self._database.rows(_KEPT_EVENTS, {"first": first, "last": first + most - 1})
            yield [KeptEvent._make((*place, body.encode())) for *place, body in rows]

    def adopt(self, other: Store, *, kept_of_dead_letter: Callable[[bytes], bytes] = bytes) -> None:
        """Take over what *other* has that no event says, such as offsets and dead letters, and all at once."""
        tables = other.database.rows(_TABLES)
        with self._database.transaction():
            for (table,) in tables:
                if table not in _FOLDED:
                    rows = other.database.table(f'FROM store."{table}"')
                    if table == "dead_letter":
                        rows = with_values(rows, "value", kept_of_dead_letter)
                    self._database.register("adopted", rows)
                    self._database.run(f'INSERT INTO store."{table}" FROM adopted')
            self._name_imported_lineage(may_be_first=True)

    def checkpoint(self) -> None:
        """Bring everything that was committed into the live file itself."""
        self._database.checkpoint()

    @property
    def database(self) -> Database:
        """Return the connection, for reading what was just written."""
        return self._database

    def close(self) -> None:
        """Close the live file. May be called twice."""
        self._database.close()


def migrate(database: Database) -> list[str]:
    """Bring the tables up to date, then drop and rebuild all views and macros unless they are the same.

    Each migration and the record of it are one transaction, and so is the rebuild, which takes some 300 ms.

    Returns:
        The names of the migrations that were applied.

    Raises:
        StoreTooNew: the store has a migration that this Headwater does not know.
        StoreDamaged: the file is a database of something else, or a migration was changed after it was applied.
    """
    pending = _pending(database)
    for script in pending:
        _apply(database, script)
    version = _views_version()
    if database.rows("SELECT version FROM store.views") != [(version,)]:
        _rebuild(database, version)
    # After any DDL: replaying it from the write-ahead log is where DuckDB has had bugs (duckdb#22044, #25928).
    database.checkpoint()
    return [script.file for script in pending]


def pending_migrations(database: Database) -> list[str]:
    """Return the names of the migrations that `migrate` would apply.

    Raises:
        StoreTooNew: the store has a migration that this Headwater does not know.
        StoreDamaged: as for `migrate`.
    """
    return [script.file for script in _pending(database)]


def _pending(database: Database) -> list[Script]:
    known = {script.file: script for script in scripts("migrations")}
    applied = _applied(database)
    for name, sha in applied.items():
        if name not in known:
            raise StoreTooNew(
                f"{database.path} was written by a newer Headwater: it has the migration {name}. Upgrade with "
                "'pip install -U headwater'."
            )
        if known[name].sha256 != sha:
            raise StoreDamaged(
                f"The migration {name} of {database.path} is not the one that this Headwater has. Make a new store "
                f"with --store and replay the events into it."
            )
    return [script for name, script in known.items() if name not in applied]


def _applied(database: Database) -> dict[str, str]:
    schemas = database.rows("SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name = 'store'")
    if not schemas:
        if database.rows("SELECT table_name FROM duckdb_tables() WHERE NOT internal LIMIT 1"):
            raise StoreDamaged(
                f"{database.path} is a DuckDB database, but not a Headwater store: it has tables of something else. "
                f"Name another file with --store."
            )
        return {}
    rows = database.rows("SELECT name, sha256 FROM store.migration")
    return dict(rows)


def _apply(database: Database, script: Script) -> None:
    with database.transaction():
        database.run(script.sql)
        database.run(
            "INSERT INTO store.migration VALUES ($name, $sha256, $applied_at)",
            {"name": script.file, "sha256": script.sha256, "applied_at": datetime.now(UTC)},
        )


def _views_version() -> str:
    """Return what tells whether the views and macros of a store are those of this Headwater, on this DuckDB."""
    return sha256("".join(script.sql for script in scripts("views", "macros")).encode()).hexdigest() + VERSION


def _rebuild(database: Database, version: str) -> None:
    with database.transaction():
        for schema, name in database.rows(
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY view_oid DESC"
        ):
            database.run(f'DROP VIEW IF EXISTS "{schema}"."{name}"')
        for schema, name, kind in database.rows(
            "SELECT DISTINCT schema_name, function_name, function_type FROM duckdb_functions() WHERE NOT internal"
        ):
            database.run(f'DROP {"MACRO TABLE" if kind == "table_macro" else "MACRO"} "{schema}"."{name}"')
        for script in scripts("views", "macros"):
            database.run(script.sql)
        database.run("DELETE FROM store.views")
        database.run("INSERT INTO store.views VALUES ($version)", {"version": version})


def _version() -> str:
    """Return what tells whether an empty store is the same as one that was made before."""
    tables = "".join(script.sha256 for script in scripts("migrations"))
    return sha256((tables + _views_version()).encode()).hexdigest()


def _make(path: Path) -> None:
    """Make an empty store."""
    database = Database(path)
    try:
        migrate(database)
    finally:
        database.close()
