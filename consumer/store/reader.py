"""Reading the published store: the walks, the root cause, the digest, and the user's own SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyarrow as pa

from ..errors import StoreDamaged, UnknownDataset
from ..names import DatasetName
from .database import Database

_CLOSEST = 5  # how many names a message suggests


class Documented(NamedTuple):
    """A view or macro with what the catalogue says about it.

    Attributes:
        kind: ``view`` or ``macro``.
        columns: name, type and meaning of each column of a view; the parameters of a macro.
    """

    kind: str
    name: str
    comment: str
    columns: list[tuple[str, str, str]]


class Reader:
    """Asks a published store; never changes it, and never sees a half-written batch."""

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Open *path* for reading only.

        Raises:
            StoreMissing: there is no store.
            StoreDamaged: the file is a database of something else.
        """
        self._database = Database(path, read_only=True, threads=threads)
        if not self._database.rows(
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'store' AND table_name = 'event'"
        ):
            self._database.close()
            raise StoreDamaged(
                f"{path} is a DuckDB database, but not a Headwater store. Name another file with --store."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def query(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> pa.Table:
        """Return the result of a query as Arrow.

        Raises:
            QueryError: the SQL is wrong.
        """
        return self._database.table(sql, parameters)

    def digest(self) -> str:
        """Return one hash of the store's facts: equal for stores that folded the same set of events."""
        rows = self._database.rows("SELECT name, rows, sum::VARCHAR FROM store.digest() ORDER BY name")
        return sha256(repr(rows).encode()).hexdigest()

    def find_dataset(self, name: str, namespace: str | None = None) -> DatasetName:
        """Return the dataset one of whose names is *name* or ends in it at a dot or slash.

        Raises:
            UnknownDataset: there is none, or more than one; the message lists what is near.
        """
        rows = self._database.rows(_FIND_DATASET, {"name": name, "namespace": namespace})
        exact = [DatasetName(*canonical) for *canonical, known_as in rows if known_as == name]
        found = list(dict.fromkeys(exact or [DatasetName(*canonical) for *canonical, _ in rows]))
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownDataset(
                f"{len(found)} datasets are called {name!r}: {_listed(found)}. Give more of the name, or --namespace."
            )
        where = "" if namespace is None else f" of the namespace {namespace!r}"
        raise UnknownDataset(f"No dataset{where} is called {name!r}. {self._suggestion(name)}")

    def documentation(self) -> list[Documented]:
        """Return the views and macros for users, with their comments, as the catalogue has them."""
        views = self._database.rows(
            "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' ORDER BY "
            "view_name"
        )
        macros = self._database.rows(
            "SELECT function_name, any_value(comment), any_value(parameters) FROM duckdb_functions() "
            "WHERE NOT internal AND schema_name = 'main' GROUP BY function_name ORDER BY function_name"
        )
        columns = self._database.rows(
            "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
            "WHERE NOT internal AND schema_name = 'main' ORDER BY table_name, column_index"
        )
        return [
            Documented("view", name, comment or "", [(c, t, m or "") for view, c, t, m in columns if view == name])
            for name, comment in views
        ] + [
            Documented("macro", name, comment or "", [(parameter, "", "") for parameter in parameters])
            for name, comment, parameters in macros
        ]

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._database.close()

    def _suggestion(self, name: str) -> str:
        rows = self._database.rows(_CLOSEST_DATASETS, {"name": name, "most": _CLOSEST})
        if not rows:
            return "The store is empty: fold events with 'headwater replay PATH…' or 'headwater consume'."
        return f"The closest are: {_listed([DatasetName(*row) for row in rows])}."


# As near as the whole name or its last part is.
_CLOSEST_DATASETS = """
SELECT namespace, name FROM dataset
ORDER BY
    greatest(
        jaro_winkler_similarity(name, $name), jaro_winkler_similarity(regexp_extract(name, '[^./]*$'), $name)
    ) DESC,
    name,
    namespace
LIMIT $most
"""

_FIND_DATASET = """
WITH known AS (
    SELECT namespace, name, namespace AS known_in, name AS known_as FROM dataset
    UNION ALL
    SELECT namespace, name, alias_namespace, alias_name FROM dataset_alias
)
SELECT namespace, name, known_as FROM known
WHERE (known_as = $name OR ends_with(known_as, '.' || $name) OR ends_with(known_as, '/' || $name))
  AND ($namespace IS NULL OR known_in = $namespace)
ORDER BY namespace, name
"""


def _listed(names: Sequence[DatasetName]) -> str:
    shown = ", ".join(f"{name.name} ({name.namespace})" for name in names[:_CLOSEST])
    return shown if len(names) <= _CLOSEST else f"{shown}, …"
