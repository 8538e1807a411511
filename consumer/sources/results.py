"""Files of check results: which ones there are, and what is in each.

Owns finding, reading and parsing; what a document means is for `headwater.quality` to say. A file is read whole and
once, so that its hash is that of what was parsed.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ..errors import FileUnreadable
from ..names import content_id
from ..quality import Document, dqops, elementary

_T = TypeVar("_T")

_RECORDS = (".parquet", ".csv", ".jsonl", ".ndjson", ".json")
_LINES = (".jsonl", ".ndjson")
_CONNECTION = "connection.dqoconnection.yaml"
_TABLE = ".dqotable.yaml"
ATTEMPTS = 6  # how often a file is read again that somebody is writing
_PAUSE = 0.25  # seconds between two attempts


class ResultFile(NamedTuple):
    """A file of results.

    Attributes:
        tool: as users type it.
        path: where it is.
        root: the folder that is mirrored, empty when the file stands for itself.
        beside: the files that are read with it, by the name that its importer knows them by.
        is_named: the user named this very file; else it was found in a folder, among others.
        parse: makes the document of its bytes and of those beside it.
        tells_lineage: it says what a table is made from.
    """

    tool: str
    path: Path
    root: str
    beside: Mapping[str, Path]
    is_named: bool
    parse: Callable[[ResultFile, Content], Document]
    tells_lineage: bool = False

    @property
    def name(self) -> str:
        """The path within the root."""
        return self.path.relative_to(self.root).as_posix() if self.root else str(self.path)

    @property
    def file_id(self) -> bytes:
        """The id of the file, whatever it holds."""
        return file_id(self.tool, self.root, self.name)


class Content(NamedTuple):
    """What a file held when it was read, and its hash with all that is beside it."""

    body: bytes
    beside: Mapping[str, bytes]
    sha256: str


def file_id(tool: str, root: str, name: str) -> bytes:
    """Return the id of a file."""
    return content_id("\0".join((tool, root, name)).encode())


class Found(NamedTuple):
    """What there is to import.

    Attributes:
        folders: of DQOps, each of which is mirrored as a whole.
        problems: a sentence for each path that holds nothing of the tool.
    """

    files: list[ResultFile]
    folders: list[DqopsFolder]
    problems: list[str]


def find(tool: str, paths: Iterable[str | Path]) -> Found:
    """Return the files of results at *paths*, none twice."""
    files: dict[Path, ResultFile] = {}
    folders: list[DqopsFolder] = []
    problems: list[str] = []
    for path in map(Path, paths):
        try:
            if not path.exists():
                raise FileUnreadable(f"{path}: there is no such file or folder.")
            found = dqops_folders(path.resolve()) if tool == "dqops" else []
            for file in _FINDERS[tool](tool, path.resolve()):
                files.setdefault(file.path, file)
        except FileUnreadable as exc:
            problems.append(str(exc))
        else:
            folders += found
    return Found([*files.values()], folders, problems)


def read(file: ResultFile) -> Content:
    """Return what a file holds now.

    Raises:
        FileUnreadable: it cannot be read.
    """
    body = _bytes_of(file.path)
    beside = {name: _bytes_of(path) for name, path in file.beside.items()}
    digest = sha256(body)
    for name, what in sorted(beside.items()):
        digest.update(b"\0" + name.encode() + b"\0" + what)
    return Content(body, beside, digest.hexdigest())


def load(file: ResultFile, known: str | None = None, *, attempts: int = ATTEMPTS) -> tuple[Content, Document | None]:
    """Return what a file holds, and its document; None instead of a document if its hash is *known*.

    A mirrored file may be half-written when it is read: DQOps writes in place. Then it is read again, a few times.

    Raises:
        FileUnreadable: it cannot be read, or is still not whole after all attempts.
    """
    for attempt in range(1, attempts + 1):
        content = read(file)
        if content.sha256 == known:
            return content, None
        try:
            return content, file.parse(file, content)
        except FileUnreadable:
            if not file.root or attempt == attempts:
                raise
            time.sleep(_PAUSE)
    raise ValueError("there must be one attempt")


def _bytes_of(path: Path) -> bytes:
    """Return what a file holds, all of it at one moment: a file that changes meanwhile is read again."""
    try:
        for _ in range(ATTEMPTS):
            before = path.stat()
            body = path.read_bytes()
            after = path.stat()
            if (before.st_ino, before.st_mtime_ns, len(body)) == (after.st_ino, after.st_mtime_ns, after.st_size):
                return body
            time.sleep(_PAUSE)
    except OSError as exc:
        raise FileUnreadable(f"{path}: {exc.strerror}. Check the path and its permissions.") from exc
    raise FileUnreadable(f"{path}: somebody keeps writing it. Import it again later.")


# Finding


def _dbt_files(tool: str, path: Path) -> Iterator[ResultFile]:
    if path.is_file():
        yield _dbt_file(tool, path, is_named=True)
        return
    found = sorted(path.rglob("run_results.json"))
    if not found:
        raise FileUnreadable(f"{path}: there is no run_results.json in this folder. Name dbt's target folder.")
    for file in found:
        yield _dbt_file(tool, file, is_named=True)


def _dbt_file(tool: str, path: Path, *, is_named: bool) -> ResultFile:
    manifest = path.with_name("manifest.json")
    beside = {manifest.name: manifest} if manifest.is_file() else {}
    return ResultFile(tool, path, "", beside, is_named, _json_document)


def _json_files(tool: str, path: Path) -> Iterator[ResultFile]:
    if path.is_file():
        yield ResultFile(tool, path, "", {}, True, _json_document)
        return
    found = [file for file in sorted(path.rglob("*.json")) if not _is_hidden(file, path)]
    if not found:
        raise FileUnreadable(f"{path}: there is no .json file in this folder.")
    for file in found:
        yield ResultFile(tool, file, "", {}, False, _json_document)


def _elementary_files(tool: str, path: Path) -> Iterator[ResultFile]:
    files = [path] if path.is_file() else sorted(path.rglob(f"{elementary.RESULTS}.*"))
    files = [file for file in files if file.suffix.lower() in _RECORDS]
    if not files:
        raise FileUnreadable(
            f"{path}: there is no {elementary.RESULTS} in {', '.join(_RECORDS)}. Export the table, as with COPY "
            f"{elementary.RESULTS} TO '{elementary.RESULTS}.parquet'."
        )
    for file in files:
        tests = [
            found for found in (file.with_name(elementary.TESTS + ending) for ending in _RECORDS) if found.is_file()
        ]
        yield ResultFile(tool, file, "", {test.name: test for test in tests[:1]}, True, _elementary_document)


def _record_files(tool: str, path: Path) -> Iterator[ResultFile]:
    endings = (*_LINES, ".json")
    if path.is_file():
        yield ResultFile(tool, path, "", {}, True, _records_document)
        return
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in endings and file.is_file() and not _is_hidden(file, path)
    ]
    if not found:
        raise FileUnreadable(f"{path}: no file in this folder ends in {', '.join(endings)}.")
    for file in found:
        yield ResultFile(tool, file, "", {}, False, _records_document)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


_FINDERS: dict[str, Callable[[str, Path], Iterable[ResultFile]]] = {
    "dbt": _dbt_files,
    "great-expectations": _json_files,
    "soda": _json_files,
    "elementary": _elementary_files,
    "json": _record_files,
    "dqops": lambda tool, path: [file for folder in dqops_folders(path) for file in dqops_files(tool, folder)],
}


# Parsing


def _json_document(file: ResultFile, content: Content) -> Document:
    beside = {name: _json(file.beside[name], body) for name, body in content.beside.items()}
    return Document(str(file.path), _json(file.path, content.body), beside)


def _elementary_document(file: ResultFile, content: Content) -> Document:
    records, places = _records(file.path, content.body)
    tests = [test for name, body in content.beside.items() for test in _records(file.beside[name], body)[0]]
    return Document(str(file.path), records, {elementary.TESTS: tests}, places)


def _records_document(file: ResultFile, content: Content) -> Document:
    records, places = _records(file.path, content.body)
    return Document(str(file.path), records, {}, places)


def _records(path: Path, body: bytes) -> tuple[list[Any], list[str]]:
    """Return the records of a file of any kind, and where each of them is."""
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _parquet(path, body), []
    if ending == ".csv":
        return _csv(path, body)
    if ending in _LINES:
        lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
        return [_json(path, line, number) for number, line in lines], [f"line {number}" for number, _ in lines]
    value = _json(path, body)
    return value if isinstance(value, list) else [value], []


def _writable(value: _T) -> _T:
    """Return a parsed file as it is, if all of its texts can be written.

    Raises:
        UnicodeEncodeError: a text has half a character.
    """
    json.dumps(value, ensure_ascii=False, default=str, skipkeys=True).encode()
    return value


def _json(path: Path, body: bytes, line: int | None = None) -> Any:
    try:
        return _writable(json.loads(body.decode("utf-8-sig")))
    except UnicodeEncodeError as exc:
        where = "" if line is None else f"line {line}: "
        raise FileUnreadable(
            f"{path}: {where}there is half a character (a lone surrogate). Nothing of this file was imported."
        ) from exc
    except UnicodeDecodeError as exc:
        where = f"byte {exc.start}" if line is None else f"line {line}, byte {exc.start}"
        raise FileUnreadable(f"{path}: {where}: this is not UTF-8. Nothing of this file was imported.") from exc
    except json.JSONDecodeError as exc:
        where = f"line {line or exc.lineno}, column {exc.colno}"
        raise FileUnreadable(
            f"{path}: {where}: this is not JSON: {exc.msg}. Nothing of this file was imported."
        ) from exc
    except ValueError as exc:
        where = "" if line is None else f"line {line}: "
        raise FileUnreadable(f"{path}: {where}a number is too long. Nothing of this file was imported.") from exc
    except RecursionError as exc:
        raise FileUnreadable(f"{path}: the JSON is nested too deep. Nothing of this file was imported.") from exc


def _csv(path: Path, body: bytes) -> tuple[list[Any], list[str]]:
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        rows, places = [], []
        for row in reader:
            rows.append({name: value for name, value in row.items() if name is not None})
            places.append(f"line {reader.line_num}")
        return rows, places
    except (UnicodeDecodeError, csv.Error) as exc:
        raise FileUnreadable(f"{path}: this is not CSV in UTF-8: {exc}. Nothing of this file was imported.") from exc


def _parquet(path: Path, body: bytes, wanted: frozenset[str] | None = None) -> list[Any]:
    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        names = [name for name in file.schema_arrow.names if wanted is None or name in wanted]
        rows: list[Any] = file.read(columns=names).to_pylist()
        return rows
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise FileUnreadable(
            f"{path}: this is not a whole Parquet file: {str(exc).splitlines()[0]} Nothing of this file was imported."
        ) from exc


# DQOps


class DqopsFolder(NamedTuple):
    """A data domain of DQOps.

    Attributes:
        data: the folder of Parquet files.
        sources: the folder of connections and tables; None when only the data folder was named.
    """

    data: Path
    sources: Path | None


def dqops_folders(path: Path) -> list[DqopsFolder]:
    """Return the data domains of a user home, or the one whose data folder *path* is.

    Raises:
        FileUnreadable: this is neither.
    """
    if any((path / table).is_dir() for table in dqops.TABLES):
        home = path.parent if path.name == ".data" else None
        return [DqopsFolder(path, home / "sources" if home and (home / "sources").is_dir() else None)]
    homes = [path, *sorted((path / "domains").glob("*/"))]
    found = [
        DqopsFolder(home / ".data", home / "sources" if (home / "sources").is_dir() else None)
        for home in homes
        if any((home / ".data" / table).is_dir() for table in dqops.TABLES)
    ]
    if not found:
        raise FileUnreadable(
            f"{path}: this is no user home of DQOps (it has no .data folder with {', '.join(dqops.TABLES)}), nor such "
            "a data folder."
        )
    return found


def dqops_sources(path: Path) -> list[DqopsFolder]:
    """Return the data domains of a user home that have tables, with results or without.

    Raises:
        FileUnreadable: there are none.
    """
    homes = [path, *sorted((path / "domains").glob("*/"))]
    found = [DqopsFolder(home / ".data", home / "sources") for home in homes if (home / "sources").is_dir()]
    if not found:
        raise FileUnreadable(f"{path}: this is no user home of DQOps: it has no folder sources.")
    return found


def dqops_files(tool: str, folder: DqopsFolder) -> Iterator[ResultFile]:
    """Yield the partitions of a data domain, then its tables that may have lineage."""
    for table, names in dqops.TABLES.items():
        for file in sorted((folder.data / table).rglob("*.parquet")):
            if file.name in names:
                yield ResultFile(tool, file, str(folder.data), {}, False, _partition_document)
    for file, _, _ in dqops_table_files(folder):
        yield ResultFile(tool, file, str(folder.sources), {}, False, _table_document, True)


def dqops_table_files(folder: DqopsFolder) -> list[tuple[Path, str, str]]:
    """Return the files of the tables of a data domain, each with its connection and ``schema.table``."""
    if folder.sources is None:
        return []
    files = sorted(folder.sources.glob(f"*/*{_TABLE}"))
    return [(file, *dqops_table_of(file.relative_to(folder.sources).as_posix())) for file in files]


def missing_dqops_file(root: str, name: str) -> ResultFile:
    """Return a file that was there once; it cannot be read any more."""
    is_table = name.endswith(_TABLE)
    parse = _table_document if is_table else _partition_document
    return ResultFile("dqops", Path(root, name), root, {}, False, parse, is_table)


def connection_files(folder: DqopsFolder) -> list[Path]:
    """Return the files of the connections of a data domain."""
    return sorted(folder.sources.glob(f"*/{_CONNECTION}")) if folder.sources else []


def dqops_places(folder: DqopsFolder) -> tuple[dict[str, dqops.Place], list[str]]:
    """Return where the connections of a data domain lead, as far as their files say, and what was wrong with some."""
    places: dict[str, dqops.Place] = {}
    problems = []
    for file in connection_files(folder):
        try:
            said = yaml_of(file, _bytes_of(file))
        except FileUnreadable as exc:
            problems.append(str(exc))
            continue
        spec = said.get("spec") if isinstance(said, dict) else None
        place = dqops.place_of(spec) if isinstance(spec, dict) else None
        if place:
            places[unquote_plus(file.parent.name)] = place
    return places, problems


def _partition_document(file: ResultFile, content: Content) -> Document:
    # check_results/c=CONNECTION/t=SCHEMA.TABLE/m=MONTH/check_results.0.parquet
    table, connection = file.name.split("/")[:2]
    rows = _parquet(file.path, content.body, dqops.columns_of(table))
    return Document(
        str(file.path), {"table": table, "connection": unquote_plus(connection.removeprefix("c=")), "rows": rows}
    )


def _table_document(file: ResultFile, content: Content) -> Document:
    sources: Any = []
    # Most tables have no lineage, and reading YAML is slow.
    if b"source_tables" in content.body:
        said = yaml_of(file.path, content.body)
        spec = said.get("spec") if isinstance(said, dict) else None
        sources = (spec.get("source_tables") if isinstance(spec, dict) else None) or []
    connection, name = dqops_table_of(file.name)
    return Document(str(file.path), {"connection": connection, "name": name, "source_tables": sources})


def dqops_table_of(name: str) -> tuple[str, str]:
    """Return the connection and the ``schema.table`` that a table's file is about, by its name in the folder."""
    connection, table = name.split("/")[:2]
    return unquote_plus(connection), unquote_plus(table.removesuffix(_TABLE))


def yaml_of(path: Path, body: bytes) -> Any:
    """Return a YAML file as plain objects.

    Raises:
        FileUnreadable: it is not YAML.
    """
    try:
        return _writable(YAML(typ="safe", pure=True).load(body))
    except RecursionError as exc:
        raise FileUnreadable(f"{path}: the YAML is nested too deep. Nothing of this file was imported.") from exc
    except (YAMLError, UnicodeError, ValueError) as exc:
        problem = re.sub(r"\s+", " ", str(exc)).strip()
        raise FileUnreadable(f"{path}: this is not YAML: {problem}. Nothing of this file was imported.") from exc
