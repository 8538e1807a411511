"""The only door to DuckDB: connections, statements, and DuckDB's errors turned into ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb
import pyarrow as pa

from ..errors import QueryError, StoreBusy, StoreDamaged, StoreError, StoreFull, StoreMissing, StoreTooNew

# 1.5 can read what 2.0 wrote only if this is set when a file is made; from 1.4.0 on a stray write-ahead log is refused
# rather than replayed into a file that it does not belong to.
STORAGE_VERSION = "v1.5.0"


VERSION: str = duckdb.__version__


class Database:
    """A connection to one DuckDB file.

    Attributes:
        path: the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        memory_limit: str | None = None,
        threads: int | None = None,
    ) -> None:
        """Open *path*; when writing, make it if it is not there.

        Raises:
            StoreMissing: there is no such file, and *read_only*.
            StoreBusy: another process is writing to it.
            StoreTooNew: a newer DuckDB wrote it.
            StoreDamaged: it is not a DuckDB file.
        """
        self.path = path
        if read_only and not path.exists():
            raise StoreMissing(
                f"There is no store at {path}. Make one with 'headwater replay PATH…' or 'headwater consume', or name "
                "another with --store."
            )
        config: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": STORAGE_VERSION}
        if read_only:
            # A query is the user's own SQL: it reads the store and nothing else of the machine or of this process.
            config = {
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            }
        if memory_limit is not None:
            config["memory_limit"] = memory_limit
        if threads is not None:
            config["threads"] = threads
        # Batches come from one thread, what people and webhooks do from others; a transaction is one thread's.
        self._turn = RLock()
        with _errors(path):
            self._connection = duckdb.connect(path, read_only=read_only, config=config)
            self._connection.execute("SET TimeZone = 'UTC'")
            if read_only:
                self._connection.execute("SET lock_configuration = true")  # none of this can be undone

    def run(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> None:
        """Execute one statement, or several without parameters, and throw their results away."""
        with self._turn, _errors(self.path):
            self._connection.execute(sql, parameters).fetchall()

    def rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query. For values that Python has a type for; use `table` for times."""
        with self._turn, _errors(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def table(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> pa.Table:
        """Return the result of a query as Arrow.

        Raises:
            QueryError: the SQL is wrong.
        """
        with self._turn, _errors(self.path):
            relation: duckdb.DuckDBPyRelation | None = self._connection.sql(sql, params=parameters)
            if relation is None:  # a statement that has no result
                return pa.table({})
            result: pa.Table = relation.to_arrow_table()
            return result

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table visible to SQL under *name*, instead of one that had the name before."""
        with self._turn, _errors(self.path):
            self._connection.register(name, table)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or nothing of it. Other threads wait meanwhile."""
        with self._turn:
            self.run("BEGIN TRANSACTION")
            try:
                yield
                self.run("COMMIT")
            except BaseException:
                self._rollback()
                raise

    def checkpoint(self) -> None:
        """Bring everything that was committed into the main file."""
        self.run("CHECKPOINT")

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._connection.close()

    def _rollback(self) -> None:
        # It may be over already, or the database has to be opened again.
        with suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into ours, the original being the cause."""
    try:
        yield
    except duckdb.Error as exc:
        raise _explained(path, exc) from exc


def _explained(path: Path, exc: duckdb.Error) -> StoreError:
    text = str(exc)
    if "Could not set lock" in text:
        return StoreBusy(
            f"Another process is writing to {path}: only one sidecar can own a store. End that process, or give this "
            f"one a store of its own with --store. (DuckDB: {_first_line(text)})"
        )
    if "No space left" in text or "checkpoint failed" in text or "disk quota" in text.lower():
        return StoreFull(
            f"The disk that holds {path} is full. What was committed is safe. Make room and start again: reading goes "
            f"on where the store ends. (DuckDB: {_first_line(text)})"
        )
    if "version number" in text:
        return StoreTooNew(
            f"{path} was written by a DuckDB newer than this one ({duckdb.__version__}). Upgrade with 'pip install -U "
            f"duckdb headwater'. (DuckDB: {_first_line(text)})"
        )
    if "not a valid DuckDB database file" in text or isinstance(exc, duckdb.FatalException | duckdb.InternalException):
        return StoreDamaged(
            f"{path} is not a DuckDB file, or is broken. Restore it from a copy, or name another with --store and "
            f"replay the events into it. (DuckDB: {_first_line(text)})"
        )
    if isinstance(exc, duckdb.IOException):
        return StoreError(f"{path} cannot be read or written. (DuckDB: {_first_line(text)})")
    return QueryError(text)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
