"""Check results of other tools on their way into the store: a transaction for each file, and nothing half-imported.

Importing is idempotent by content: a file whose hash the store knows is not read any further, and a row that is there
already is not added again. The files of DQOps are *mirrored*: what a file held before and holds no more is replaced,
and so is all of a file that is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from .batch import Batch
from .clock import Clock
from .errors import FileUnreadable
from .event import decode
from .fold import Folder, Origin
from .ledger import Table
from .names import DatasetName
from .naming import Naming
from .quality import IMPORTERS, Findings, Lineage
from .rows import (
    ImportedNameRow,
    ImportFileRow,
    Micros,
    MirroredRow,
    Row,
    SourceNamespaceRow,
)
from .sources.results import (
    ATTEMPTS,
    DqopsFolder,
    Found,
    ResultFile,
    dqops_places,
    dqops_table_of,
    load,
    missing_dqops_file,
)

PRODUCER = "https://github.com/headwater-lineage/headwater"
_SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"
_FACET_URL = "https://openlineage.io/spec/facets/{}#/$defs/{}"
_encode = msgspec.json.Encoder(order="sorted").encode


class ImportStore(Protocol):
    """What an import needs of a store."""

    def write(self, tables: Mapping[str, Table]) -> None:
        """Write rows in one transaction."""
        ...

    def imported_files(self) -> Mapping[bytes, tuple[str, str, str, str]]:
        """Return tool, root, path and hash of each file that was imported, by its id."""
        ...


class Summary(NamedTuple):
    """What came of an import.

    Attributes:
        files: that were imported.
        unchanged: files that the store had already.
        others: files in the folders that are none of this tool's results.
        removed: mirrored files that are gone.
        results: in the imported files.
        problems: a sentence for each file that could not be imported.
    """

    files: int = 0
    unchanged: int = 0
    others: int = 0
    removed: int = 0
    results: int = 0
    problems: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the store has something new."""
        return bool(self.files or self.removed)


class Known(NamedTuple):
    """A file as the store knows it; without a hash it is gone."""

    root: str
    path: str
    sha256: str


class Prepared(NamedTuple):
    """What a file says, on its way into the store.

    Attributes:
        at: since when it says so.
    """

    file: ResultFile
    sha256: str
    findings: Findings
    at: Micros


Reason = Literal["unchanged", "other", "nothing"]


class Importing:
    """Brings files of one tool into a store."""

    def __init__(
        self,
        tool: str,
        store: ImportStore,
        clock: Clock,
        *,
        namespaces: Mapping[str, str] = {},
        naming: Naming = Naming(),  # noqa: B008  # it never changes
    ) -> None:
        """Put the pieces together.

        Args:
            tool: as users type it.
            store: where the rows go.
            clock: tells when something was imported.
            namespaces: OpenLineage namespaces, by what the tools call their databases.
            naming: the rules that join datasets by their names.
        """
        self._tool = tool
        self._importer = IMPORTERS[tool]
        self._store = store
        self._clock = clock
        self._namespaces = namespaces
        self._naming = naming

    def run(
        self,
        found: Found,
        *,
        on_file: Callable[[int], None] = lambda _: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Summary:
        """Import what was found, and forget the mirrored files that are gone.

        Raises:
            StoreError: the store cannot be written. What was imported by then is in it.
        """
        done = Summary(problems=(*found.problems, *self.write_settings(found.folders)))
        known = self.known()
        for number, file in enumerate(found.files, 1):
            if stopping():
                return done
            try:
                done = self._import(file, known.get(file.file_id), done)
            except FileUnreadable as exc:
                done = done._replace(problems=(*done.problems, str(exc)))
            on_file(number)
        gone = missing(found, known)
        for file in gone:
            self.write(self.prepare_gone(file))
        return done._replace(removed=len(gone))

    def known(self) -> dict[bytes, Known]:
        """Return the files of this tool that the store has, by id."""
        files = self._store.imported_files()
        return {id_: Known(*file[1:]) for id_, file in files.items() if file[0] == self._tool}

    def prepare(self, file: ResultFile, known: Known | None, *, attempts: int | None = None) -> Prepared | Reason:
        """Read a file that may have changed, without touching the store.

        Returns:
            What to write, or why there is nothing to write.

        Raises:
            FileUnreadable: the file is not whole, or not what the tool writes.
        """
        content, document = load(file, known.sha256 if known else None, attempts=attempts or ATTEMPTS)
        if document is None:
            return "unchanged"
        if not self._importer.is_document(document.body):
            if file.is_named:
                raise FileUnreadable(f"{file.path}: this is not a file of results of {self._tool}.")
            return "other"
        findings = self._importer.findings(document)
        if known is None and file.root and not _says_anything(findings):
            return "nothing"  # most tables have no lineage
        # What a file says is so since it was written; one that was put back from a copy says so since now.
        at = _written_at(file) if known is None else max(self._clock.now(), _written_at(file))
        return Prepared(file, content.sha256, findings, at)

    def prepare_gone(self, file: ResultFile) -> Prepared:
        """Return what to write about a mirrored file that is there no more."""
        lineage = [Lineage(*dqops_table_of(file.name), [])] if file.tells_lineage else []
        return Prepared(file, "", Findings(lineage=lineage), self._clock.now())

    def write(self, prepared: Prepared) -> None:
        """Write what a file says, in one transaction."""
        now = self._clock.now()
        file, findings = prepared.file, prepared.findings
        tables: dict[str, Table] = {**_tables(self._importer.tool, findings)}
        if findings.lineage:
            events = [_event(said, prepared.at) for said in findings.lineage]
            tables.update(_folded(file, events, now, self._naming))
        rows = [
            *(row.row_id for row in findings.results),
            *(row.row_id for row in findings.metrics),
            *(row.row_id for row in findings.incidents),
        ]
        tables["import_file"] = [
            ImportFileRow(
                file.file_id, self._tool, file.root, file.name, prepared.sha256, bool(file.root), len(rows), now
            )
        ]
        if file.root:
            tables["mirrored_row"] = [MirroredRow(file.file_id, row_id) for row_id in dict.fromkeys(rows)]
        self._store.write(tables)

    def _import(self, file: ResultFile, known: Known | None, done: Summary) -> Summary:
        prepared = self.prepare(file, known)
        match prepared:
            case "unchanged":
                return done._replace(unchanged=done.unchanged + 1)
            case "other":
                return done._replace(others=done.others + 1)
            case "nothing":
                return done
        self.write(prepared)
        return done._replace(files=done.files + 1, results=done.results + len(prepared.findings.results))

    def write_settings(self, folders: Iterable[DqopsFolder]) -> list[str]:
        """Write where sources are; return what is wrong with files that say so."""
        tables, problems = self.read_settings(folders)
        self.write_rows(tables)
        return problems

    def read_settings(self, folders: Iterable[DqopsFolder]) -> tuple[dict[str, list[Row]], list[str]]:
        """Return rows about where sources are, without touching the store."""
        rows = [SourceNamespaceRow("", source, namespace, None) for source, namespace in self._namespaces.items()]
        problems: list[str] = []
        for folder in folders:
            places, wrong = dqops_places(folder)
            problems += wrong
            rows += [SourceNamespaceRow(self._importer.tool, source, *place) for source, place in places.items()]
        return {"source_namespace": [*rows]}, problems

    def write_rows(self, tables: Mapping[str, Table]) -> None:
        """Write rows in one transaction."""
        self._store.write(tables)


def missing(found: Found, known: Mapping[bytes, Known]) -> list[ResultFile]:
    """Return the mirrored files that the store has something of and that are not in their folders any more.

    A folder may be taken away while it is looked at: that says nothing about the files in it.
    """
    here = {file.file_id for file in found.files}
    roots = {str(root) for folder in found.folders for root in (folder.data, folder.sources) if root}
    gone = [
        missing_dqops_file(file.root, file.path)
        for id_, file in known.items()
        if id_ not in here and file.root in roots and file.sha256
    ]
    return [file for file in gone if not file.path.exists() and Path(file.root).is_dir()]


def _says_anything(findings: Findings) -> bool:
    return bool(
        findings.results or findings.metrics or findings.incidents or any(said.upstream for said in findings.lineage)
    )


def _tables(tool: str, findings: Findings) -> dict[str, list[Row]]:
    about = {
        ImportedNameRow(row.tool, row.source or "", row.namespace or "", row.name)
        for row in findings.results
        if row.name is not None
    }
    about |= {ImportedNameRow(row.tool, row.source or "", "", row.name) for row in findings.metrics}
    about |= {ImportedNameRow(row.tool, row.source or "", "", row.name) for row in findings.incidents}
    for said in findings.lineage:
        about.add(ImportedNameRow(tool, said.source, "", said.name))
        about |= {ImportedNameRow(tool, source, "", name) for source, name, _ in said.upstream}
    return {
        "imported_result": [*findings.results],
        "imported_metric": [*findings.metrics],
        "imported_incident": [*findings.incidents],
        "imported_name": sorted(about),
    }


# Lineage


def _written_at(file: ResultFile) -> Micros:
    """Return when a file was written: what it says is so since then."""
    return file.path.stat().st_mtime_ns // 1000


def _event(said: Lineage, at: Micros) -> bytes:
    """Return an OpenLineage event that declares what a table is made from: explicitly, and in the older facet too.

    The names are DQOps' own, each connection a namespace. Which datasets they mean is for the store to find out,
    whenever there is something new to know (``schemas/writes/380_placed_dataset.sql``).
    """

    def named(source: str, name: str) -> dict[str, str]:
        return DatasetName(f"dqops://{source}", name)._asdict()

    columns: dict[str, list[dict[str, Any]]] = {}
    for source, name, made_from in said.upstream:
        for column, upstream in made_from.items():
            columns.setdefault(column, []).extend({**named(source, name), "field": field} for field in upstream)
    target = named(said.source, said.name)
    inputs = [named(source, name) for source, name, _ in said.upstream]
    entry = {
        **target,
        "type": "DATASET",
        "inputs": [{**item, "type": "DATASET"} for item in inputs],
        "fields": {
            column: {"inputs": [{**item, "type": "DATASET"} for item in items]} for column, items in columns.items()
        },
    }
    facets = {
        "columnLineage": _facet(
            "1-2-0/ColumnLineageDatasetFacet.json",
            fields={column: {"inputFields": items} for column, items in columns.items()},
        )
    }
    return _encode(
        {
            "eventTime": datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(),
            "producer": PRODUCER,
            "schemaURL": _SCHEMA_URL,
            "job": {
                "namespace": "dqops",
                "name": f"{said.source}.{said.name}",
                "facets": {
                    "jobType": _facet(
                        "2-0-3/JobTypeJobFacet.json", processingType="BATCH", integration="DQOPS", jobType="LINEAGE"
                    ),
                    "lineage": _facet("1-0-0/LineageJobFacet.json", entries=[entry]),
                },
            },
            "inputs": inputs,
            "outputs": [{**target, "facets": facets if columns else {}}],
        }
    )


def _facet(schema: str, **members: Any) -> dict[str, Any]:
    name = schema.rpartition("/")[2].removesuffix(".json")
    return {"_producer": PRODUCER, "_schemaURL": _FACET_URL.format(schema, name), **members}


def _folded(file: ResultFile, events: Sequence[bytes], now: Micros, naming: Naming) -> dict[str, Table]:
    """Return the rows of events that a file stands for, folded as any other events are."""
    batch = Batch()
    folder = Folder(1 << 20)
    for offset, value in enumerate(events, 1):
        for event in decode(value):
            if not isinstance(event, Exception):
                folder.fold(event, Origin(f"file:{file.path.name}", 0, offset, 0, now), batch)
    return batch.tables(now, {}, naming=naming, keeps_offsets=False)
