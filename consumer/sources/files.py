"""Captured events replayed from files: one log per file, its offsets the lines.

Owns which files are read, in what order and how far; what is in one is for `headwater.sources.texts` to say.
A folder stands for every file in it that has a known ending, at any depth, sorted by name; ``-`` is standard
input, read as ``.ndjson``.
"""

from __future__ import annotations

import select
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import UnsupportedOperation
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import FileUnreadable
from . import Gap, Record, TopicPartition, texts

MAX_RECORDS = 5_000  # a poll returns once it has this many records
MAX_BYTES = 8 << 20  # or has read this many bytes

_STDIN = "-"
_WHAT_WE_READ = ".ndjson, .jsonl or .json (each also with .gz or .zst)"


class FileSource:
    """The Source over files, folders and standard input.

    It is assigned at the first poll and never again. `seek` starts over from the first file; standard input
    allows that only before it is read. Elements of an array that share a line share its offset, so that no
    seek falls between them.

    Attributes:
        total_bytes: the size of all files as they lie on the disk; standard input counts nothing.
    """

    def __init__(self, paths: Iterable[str | Path], *, stdin: BinaryIO | None = None) -> None:
        """Find every file, and open none yet.

        Raises:
            FileUnreadable: a path is missing or of a kind we do not read, or a folder holds nothing to read.
        """
        self._inputs = _find(paths)
        self._stdin = stdin
        self._stdin_was_read = False
        self.total_bytes = sum(file.size for file in self._inputs)
        self._generation = 0
        self._paused = False
        self._reader: _Reader | None = None
        self._begin({})

    def _begin(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        self._close_reader()
        self._next_offsets = next_offsets
        self._waiting = self._inputs[::-1]
        self._finished_bytes = 0
        self._failure: FileUnreadable | None = None

    @property
    def generation(self) -> int:
        """1 from the first poll on."""
        return self._generation

    @property
    def exhausted(self) -> bool:
        """True once everything was returned."""
        return not self._waiting and self._reader is None and self._failure is None

    @property
    def bytes_read(self) -> int:
        """How much of *total_bytes* has been read."""
        return self._finished_bytes + (self._reader.bytes_read if self._reader else 0)

    def poll(self, timeout: float) -> Sequence[Record]:
        """Return some thousands of records, or those in a few megabytes. Only standard input makes it wait.

        Raises:
            FileUnreadable: a file is damaged or breaks off; all that came before it was returned.
        """
        if self._generation == 0:
            self._generation = 1
            return ()
        if self._paused:
            return ()
        try:
            return self._gather(time.monotonic() + timeout)
        except FileUnreadable as exc:
            self._close_reader()
            self._failure = exc
            raise

    def _gather(self, deadline: float) -> list[Record]:
        if self._failure:
            raise self._failure
        records: list[Record] = []
        size = 0
        while len(records) < MAX_RECORDS and size < MAX_BYTES and not self.exhausted:
            reader = self._reader = self._reader or self._open(self._waiting.pop())
            if not reader.ready(0 if records else deadline - time.monotonic()):
                break
            try:
                found, length = next(reader.blocks, (None, 0))
            except FileUnreadable as exc:
                if not records:
                    raise
                self._failure = exc  # for the next poll: what was read before it goes first
                break
            if found is None:
                self._finish(reader)
            else:
                records += self._wanted(found)
                size += length
        return records

    def _wanted(self, records: list[Record]) -> list[Record]:
        if not self._next_offsets:
            return records
        begin = self._next_offsets.get
        return [record for record in records if record.offset >= begin(TopicPartition(*record[:2]), 0)]

    def _open(self, file: _File) -> _Reader:
        if file.path is None:
            self._stdin_was_read = True
            return _Reader(file, self._stdin or sys.stdin.buffer)
        try:
            return _Reader(file, file.path.open("rb", buffering=0))
        except OSError as exc:
            self._waiting.append(file)
            raise FileUnreadable(f"{file.path}: {exc.strerror}. Check the path and its permissions.") from exc

    def _finish(self, reader: _Reader) -> None:
        self._finished_bytes += reader.bytes_read
        self._close_reader()

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def log_ids(self) -> Mapping[TopicPartition, str]:
        """Nothing: a file has no id."""
        return {}

    def seek(
        self, next_offsets: Mapping[TopicPartition, int], log_ids: Mapping[TopicPartition, str] = {}
    ) -> Sequence[Gap]:
        """Begin again with the first file, leaving out what lies before its next offset.

        Raises:
            FileUnreadable: standard input was read already.
        """
        if self._stdin_was_read:
            raise FileUnreadable(
                "standard input cannot be read a second time. Save it as a .ndjson file and replay that."
            )
        self._begin(dict(next_offsets))
        return ()

    def pause(self) -> None:
        """Return nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Undo `pause`."""
        self._paused = False

    def take_gaps(self) -> Sequence[Gap]:
        """Return nothing: a file does not forget."""
        return ()

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """Return nothing: how many lines a file has is known when all of it was read."""
        return {}

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Do nothing: a file does not know who reads it."""

    def close(self) -> None:
        """Close the file that is open. Nothing is returned afterwards."""
        self._close_reader()
        self._waiting = []
        self._failure = None


class _File(NamedTuple):
    """A file to read; *path* is None for standard input."""

    path: Path | None
    name: str
    size: int


class _Reader:
    """One open file, as blocks of records with the number of bytes they took."""

    def __init__(self, file: _File, stream: BinaryIO) -> None:
        self._stream = stream
        self._is_stdin = file.path is None
        self.blocks = _blamed_on(file.path or "standard input", texts.blocks(file.name, stream, MAX_RECORDS))

    @property
    def bytes_read(self) -> int:
        return 0 if self._is_stdin else self._stream.tell()

    def ready(self, timeout: float) -> bool:
        """Wait until standard input has something; a file always has."""
        if not self._is_stdin:
            return True
        try:
            return bool(select.select([self._stream], [], [], max(0, timeout))[0])
        except UnsupportedOperation:  # not a stream of the operating system
            return True

    def close(self) -> None:
        if not self._is_stdin:
            self._stream.close()


def _blamed_on(where: Path | str, blocks: Iterator[texts.Block]) -> Iterator[texts.Block]:
    try:
        yield from blocks
    except texts.DAMAGE as exc:
        raise FileUnreadable(
            f"{where}: the compressed data is damaged or breaks off ({exc}). What came before it was read. "
            "Copy the file again, or capture it again."
        ) from exc
    except OSError as exc:
        raise FileUnreadable(f"{where}: {exc.strerror or exc}. Check the disk, then replay it again.") from exc


# Files, found


def _find(paths: Iterable[str | Path]) -> list[_File]:
    found: dict[Path | None, _File] = {}
    given = [None if str(path) == _STDIN else Path(path) for path in paths]
    names = Counter(path.name for path in given if path is not None)
    for path in given:
        for file in _files_at(path, twice=path is not None and names[path.name] > 1):
            found.setdefault(file.path and file.path.resolve(), file)
    return list(found.values())


def _files_at(path: Path | None, *, twice: bool) -> list[_File]:
    if path is None:
        return [_File(None, _STDIN, 0)]
    if path.is_dir():
        return _files_in(path, f"{path.as_posix()}/" if twice else "")
    if not path.exists():
        raise FileUnreadable(
            f"{path}: there is no such file or folder. Give a file of captured events, a folder of them, "
            "or - for standard input."
        )
    if not _is_known(path):
        raise FileUnreadable(
            f"{path}: its ending is none that is known. Rename it to {_WHAT_WE_READ}, or pipe it into -."
        )
    # Two files of one name must not share a log: the offsets of one would hide those of the other.
    return [_File(path, path.as_posix() if twice else path.name, path.stat().st_size)]


def _files_in(folder: Path, prefix: str) -> list[_File]:
    paths = (path for path in folder.rglob("*") if _is_known(path) and path.is_file())
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    names = [name for name in names if not name.startswith(".") and "/." not in name]
    if not names:
        raise FileUnreadable(f"{folder}: no file in this folder ends in {_WHAT_WE_READ}. Name one that has them.")
    return [_File(folder / name, prefix + name, (folder / name).stat().st_size) for name in names]


def _is_known(path: Path) -> bool:
    return path.name.lower().endswith(texts.ENDINGS)
