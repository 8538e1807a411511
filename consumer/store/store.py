"""The live store: opened by one process, migrated when it is opened, written a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from types import TracebackType
from typing import Self

from ..errors import StoreDamaged, StoreTooNew
from ..names import TopicPartition
from ..rows import Row
from .arrow import TABLES, arrow_table
from .database import Database
from .scripts import Script, scripts

# What a write needs in the batch, where that is not rows of the table that it is named after.
_NEEDS = {"duplicate": "event", "lineage": "event", "lineage_edge": "event"}


def live_path(published: Path) -> Path:
    """Return where the private live file of a published store is: beside it, hidden."""
    return published.with_name(f".{published.stem}.live{published.suffix}")


class Store:
    """The private live file. Readers never open it: they open the snapshot that is published from it.

    Attributes:
        path: the live file.
        migrated: names of the migrations that opening it applied.
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
        if not path.exists() and seed is not None and seed.exists():
            _seed(path, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = Database(path, memory_limit=memory_limit, threads=threads)
        self._bound: dict[str, bool] = {}  # by table, whether what is bound has rows
        # Each publication checkpoints; one of DuckDB's own in between would only cost.
        self._database.run("SET wal_autocheckpoint = '1GB'")
        try:
            self.migrated = migrate(self._database)
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Write a batch in one transaction: all of it is there afterwards, or nothing.

        Args:
            tables: rows by table, as `headwater.batch.Batch.tables` gives them.

        Raises:
            StoreFull: the disk is full; the store must be closed and opened again.
        """
        if not any(tables.values()):
            return
        for name in TABLES:
            self._bind(name, tables.get(name, ()))
        with self._database.transaction():
            # One call: between two, this thread would wait for the one that folds to let go of the interpreter.
            needed = (script.sql for script in scripts("writes") if tables.get(_NEEDS.get(script.name, script.name)))
            self._database.run("\n".join(needed))

    def _bind(self, table: str, rows: Sequence[Row]) -> None:
        """Make the rows of a table visible to the writes as ``batch_TABLE``. Most tables are empty most of the time."""
        if rows or self._bound.get(table, True):
            self._database.register(f"batch_{table}", arrow_table(table, rows))
        self._bound[table] = bool(rows)

    def next_offsets(self) -> dict[TopicPartition, int]:
        """Return the first offset of each partition that is not in the store yet."""
        rows = self._database.rows("SELECT topic, partition, next_offset FROM store.kafka_offset")
        return {TopicPartition(topic, partition): next_offset for topic, partition, next_offset in rows}

    def log_ids(self) -> dict[TopicPartition, str]:
        """Return which log of its name each partition was, where that is known."""
        rows = self._database.rows("SELECT topic, partition, log_id FROM store.kafka_offset WHERE log_id IS NOT NULL")
        return {TopicPartition(topic, partition): log_id for topic, partition, log_id in rows}

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
    """Bring the tables up to date, then drop and rebuild all views and macros.

    Each migration and the record of it are one transaction, and so is the rebuild, which takes some 50 ms.

    Returns:
        The names of the migrations that were applied.

    Raises:
        StoreTooNew: the store has a migration that this Headwater does not know.
        StoreDamaged: the file is a database of something else, or a migration was changed after it was applied.
    """
    pending = _pending(database)
    for script in pending:
        _apply(database, script)
    _rebuild(database)
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


def _rebuild(database: Database) -> None:
    with database.transaction():
        for schema, name in database.rows(
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY view_oid DESC"
        ):
            database.run(f'DROP VIEW IF EXISTS "{schema}"."{name}"')
        for schema, name in database.rows(
            "SELECT DISTINCT schema_name, function_name FROM duckdb_functions() WHERE NOT internal"
        ):
            database.run(f'DROP MACRO TABLE IF EXISTS "{schema}"."{name}"')
        for script in scripts("views", "macros"):
            database.run(script.sql)


def _seed(path: Path, seed: Path) -> None:
    """Start a live file from a published store, whole or not at all."""
    part = path.with_suffix(".part")
    copyfile(seed, part)
    part.replace(path)
