"""Our lineage into the YAML of DQOps' tables, where its Data lineage tab shows it.

Each ``sources/CONNECTION/SCHEMA.TABLE.dqotable.yaml`` has the list ``spec.source_tables``. What people or other tools
wrote there stays, and so does the rest of the file with its comments; entries whose ``data_lineage_source_tool`` is
ours are replaced by what is current.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .errors import FileUnreadable, UnknownDataset
from .names import DatasetName
from .quality.dqops import OURS, Place
from .sources.results import DqopsFolder, dqops_places, dqops_table_files

_EDGES = """
SELECT DISTINCT upstream_namespace, upstream_name, downstream_namespace, downstream_name
FROM edge
WHERE is_current AND job_namespace != 'dqops'
"""

# A column that only filters or sorts is none that the other is made of.
_COLUMNS = """
SELECT DISTINCT
    upstream_namespace, upstream_name, upstream_field, downstream_namespace, downstream_name, downstream_field
FROM column_edge
WHERE is_current AND job_namespace != 'dqops' AND downstream_field IS NOT NULL
    AND transformation_type IS DISTINCT FROM 'INDIRECT'
"""

Pair = tuple[DatasetName, DatasetName]


class LineageReader(Protocol):
    """What an export asks of a store."""

    def query(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> pa.Table:
        """Return the result of a query."""
        ...

    def find_dataset(self, name: str, namespace: str | None = None) -> DatasetName:
        """Return the one dataset that has a name or its ending."""
        ...


class Table(NamedTuple):
    """A table that DQOps knows: its file, and what it is called there."""

    file: Path
    connection: str
    schema: str
    name: str


class ExportSummary(NamedTuple):
    """What came of an export: files that were written, those that were so already, tables that no dataset is."""

    written: int = 0
    unchanged: int = 0
    unknown: int = 0
    problems: tuple[str, ...] = ()

    def plus(self, other: ExportSummary) -> ExportSummary:
        """Return what came of both."""
        return ExportSummary(
            self.written + other.written,
            self.unchanged + other.unchanged,
            self.unknown + other.unknown,
            (*self.problems, *other.problems),
        )


class DqopsExport:
    """Writes the direct sources of each table that both sides know."""

    def __init__(self, reader: LineageReader, folder: DqopsFolder, namespaces: Mapping[str, str] = {}) -> None:
        """Read the lineage of a store, and find which dataset each table of *folder* is."""
        self._reader = reader
        self._set = namespaces
        self._places, problems = dqops_places(folder)
        self._datasets: dict[Table, DatasetName] = {}
        self._tables: dict[DatasetName, list[Table]] = {}
        unknown = 0
        for file, connection, name in dqops_table_files(folder):
            schema, _, table_name = name.partition(".")
            table = Table(file, connection, schema, table_name)
            dataset = self._dataset_of(connection, name)
            if dataset is None:
                unknown += 1
                continue
            self._datasets[table] = dataset
            self._tables.setdefault(dataset, []).append(table)
        self._upstream, self._columns = _lineage(reader)
        self._done = ExportSummary(unknown=unknown, problems=tuple(problems))

    def run(self) -> ExportSummary:
        """Write the files that change."""
        done = self._done
        for table, dataset in self._datasets.items():
            try:
                if _rewrite(table.file, self._entries(table, dataset)):
                    done = done._replace(written=done.written + 1)
                else:
                    done = done._replace(unchanged=done.unchanged + 1)
            except FileUnreadable as exc:
                done = done._replace(problems=(*done.problems, str(exc)))
        return done

    def _dataset_of(self, connection: str, name: str) -> DatasetName | None:
        place = self._places.get(connection, Place("", None))
        full = f"{place.database}.{name}" if place.database else name
        set_ = self._set.get(connection)
        # A file may name the host in another way than the events do; a setting means what it says.
        namespaces = [set_] if set_ else [*([place.namespace] if place.namespace else []), None]
        for namespace in namespaces:
            try:
                return self._reader.find_dataset(full, namespace)
            except UnknownDataset:
                continue
        return None

    def _entries(self, table: Table, dataset: DatasetName) -> list[dict[str, Any]]:
        """Return what DQOps should be told about a table, in a stable order."""
        entries = []
        for upstream in sorted(self._upstream.get(dataset, ())):
            # A dataset that two connections lead to is the one of the table's own connection.
            found = sorted(self._tables.get(upstream, ()), key=lambda t: (t.connection != table.connection, t))
            if not found:
                continue
            columns = self._columns.get((upstream, dataset), {})
            entries.append(
                {
                    "source_connection": found[0].connection,
                    "source_schema": found[0].schema,
                    "source_table": found[0].name,
                    "data_lineage_source_tool": OURS,
                    **(
                        {"columns": {name: {"source_columns": sorted(columns[name])} for name in sorted(columns)}}
                        if columns
                        else {}
                    ),
                }
            )
        return entries


def _lineage(
    reader: LineageReader,
) -> tuple[dict[DatasetName, set[DatasetName]], dict[Pair, dict[str, set[str]]]]:
    """Return the direct upstream of each dataset, and for each pair the columns behind each column."""
    upstream: dict[DatasetName, set[DatasetName]] = {}
    for row in reader.query(_EDGES).to_pylist():
        above, below = _pair(row)
        upstream.setdefault(below, set()).add(above)
    columns: dict[Pair, dict[str, set[str]]] = {}
    for row in reader.query(_COLUMNS).to_pylist():
        columns.setdefault(_pair(row), {}).setdefault(row["downstream_field"], set()).add(row["upstream_field"])
    return upstream, columns


def _pair(row: Mapping[str, str]) -> Pair:
    return (
        DatasetName(row["upstream_namespace"], row["upstream_name"]),
        DatasetName(row["downstream_namespace"], row["downstream_name"]),
    )


def _rewrite(file: Path, entries: list[dict[str, Any]]) -> bool:
    """Make the entries of a table's file that are ours the given ones. Return whether that changed anything.

    Raises:
        FileUnreadable: it is not the YAML of a table, or cannot be written.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000  # lines stay as long as they are
    try:
        document = yaml.load(file.read_bytes())
        spec = document.setdefault("spec", {}) if isinstance(document, dict) else None
        if not isinstance(spec, dict):
            raise FileUnreadable(f"{file}: this is not the file of a table: it has no spec. It was left as it is.")
        known = list(spec.get("source_tables") or [])
        others = [entry for entry in known if not _is_ours(entry)]
        named = {_source(entry) for entry in others}
        wanted = [*others, *(entry for entry in entries if _source(entry) not in named)]
        if wanted == known:
            return False
        if wanted:
            _replace(spec, known, wanted)
        else:
            del spec["source_tables"]
        text = io.BytesIO()
        yaml.dump(document, text)
        _write(file, text.getvalue())
        return True
    except (YAMLError, UnicodeDecodeError) as exc:
        problem = " ".join(str(exc).split())
        raise FileUnreadable(f"{file}: this is not YAML: {problem}. It was left as it is.") from exc
    except OSError as exc:
        raise FileUnreadable(f"{file}: {exc.strerror}. It was left as it is.") from exc


def _replace(spec: Any, known: list[Any], wanted: list[Any]) -> None:
    """Put the wanted entries into the list that is there, so that comments on the others stay with them."""
    entries = spec.get("source_tables")
    if not isinstance(entries, list):
        spec["source_tables"] = wanted
        return
    for place in reversed(range(len(known))):
        if _is_ours(known[place]):
            del entries[place]
    entries.extend(wanted[len(entries) :])


def _is_ours(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("data_lineage_source_tool") == OURS


def _source(entry: Any) -> tuple[Any, ...]:
    said = entry if isinstance(entry, dict) else {}
    return tuple(said.get(name) for name in ("source_connection", "source_schema", "source_table"))


def _write(file: Path, body: bytes) -> None:
    """Write a file whole or not at all: DQOps may read it at any moment."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(body)
    part.chmod(file.stat().st_mode)
    part.replace(file)
