"""Captured events replayed from files: one log per file, its offsets the lines.

==========================  ============================================================================
``.ndjson``, ``.jsonl``     each line is a value, whatever it holds; blank lines are skipped
``.json``                   the same if the first line is one whole JSON object. Else JSON texts one after
                            the other, however they are broken into lines; the elements of an array are
                            values of their own; bytes that are not JSON are one last value, up to the end
``.gz``, ``.zst``           any of these, compressed
a folder                    every such file in it, at any depth, sorted by name
``-``                       standard input, read as ``.ndjson``
==========================  ============================================================================

A value that is a captured message (`headwater.sources.captured`) has the topic, partition and offset it had
in Kafka. Any other belongs to the topic ``file:NAME``, and its offset is the line at which it begins.
"""

from __future__ import annotations

import json
import re
import select
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import UnsupportedOperation
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import msgspec
import zstandard

from ..errors import FileUnreadable
from . import Gap, Record, TopicPartition, captured

CHUNK = 1 << 20  # bytes of a file at a time
PACKED_CHUNK = 1 << 13  # of a compressed one: so much before a broken byte is lost with it
MAX_RECORDS = 5_000  # a poll returns once it has this many records
MAX_BYTES = 8 << 20  # or has read this many bytes

_STDIN = "-"
_LINES = (".ndjson", ".jsonl")
_TEXTS = (".json",)
_PACKED = (".gz", ".zst")
_ENDINGS = tuple(ending + packed for ending in _LINES + _TEXTS for packed in ("", *_PACKED))
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
            records = self._gather(time.monotonic() + timeout)
        except FileUnreadable as exc:
            self._close_reader()
            self._failure = exc
            raise
        return records

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
        self.blocks = _blamed_on(file.path or "standard input", _blocks(file, stream))

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


_Block = tuple[list[Record], int]


def _blocks(file: _File, stream: BinaryIO) -> Iterator[_Block]:
    topic = f"file:{file.name}"
    plain, packing = _split_ending(file.name)
    pieces = _unpacked(stream, packing) if packing else _pieces(stream, CHUNK)
    if file.path is None or not plain.endswith(_TEXTS):
        return _blocks_of_lines(topic, pieces)
    head, holds_lines = _first_line_is_an_object(pieces)
    pieces = chain([head], pieces)
    return _blocks_of_lines(topic, pieces) if holds_lines else _blocks_of_texts(topic, pieces)


def _blamed_on(where: Path | str, blocks: Iterator[_Block]) -> Iterator[_Block]:
    try:
        yield from blocks
    except (EOFError, zlib.error, zstandard.ZstdError) as exc:
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
    return path.name.lower().endswith(_ENDINGS)


def _split_ending(name: str) -> tuple[str, str]:
    """Return *name* in lower case without its ``.gz`` or ``.zst``, and that."""
    name = name.lower()
    for packing in _PACKED:
        if name.endswith(packing):
            return name.removesuffix(packing), packing
    return name, ""


# Bytes, unpacked


class _Frame(Protocol):
    """The decompressor of one stretch of compressed data; a file may hold several."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_FRAMES: Mapping[str, Callable[[], _Frame]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    # Below the buffer of a stream, read() returns what a pipe has and does not wait to fill the piece.
    read = getattr(stream, "raw", stream).read
    while piece := read(size):
        yield piece


def _unpacked(stream: BinaryIO, packing: str) -> Iterator[bytes]:
    # Neither library's file object will do: gzip's drops what it unpacked before the damage, and zstandard's
    # takes a file that breaks off for a complete one.
    frame = _FRAMES[packing]()
    for piece in _pieces(stream, PACKED_CHUNK):
        while piece:
            if frame.eof:
                frame = _FRAMES[packing]()
            yield frame.decompress(piece)
            piece = frame.unused_data.lstrip(b"\0") if frame.eof else b""  # tar and tape pad with zeros
    if not frame.eof:
        raise EOFError("its end is missing")


# Lines


def _blocks_of_lines(topic: str, pieces: Iterable[bytes]) -> Iterator[_Block]:
    number = 1
    begun: list[bytes] = []  # the pieces of a line whose end has not come yet
    for piece in pieces:
        lines = piece.split(b"\n")  # splitlines() would also cut at \r and at the vertical tab
        if len(lines) > 1:
            lines[0] = b"".join((*begun, lines[0]))
            begun.clear()
        begun.append(lines.pop())
        yield from _cut(topic, lines, number, len(piece))
        number += len(lines)
    yield _records(topic, [b"".join(begun)], number), 0


def _cut(topic: str, lines: list[bytes], number: int, size: int) -> Iterator[_Block]:
    yield _records(topic, lines[:MAX_RECORDS], number), size
    for start in range(MAX_RECORDS, len(lines), MAX_RECORDS):
        yield _records(topic, lines[start : start + MAX_RECORDS], number + start), 0


def _records(topic: str, lines: list[bytes], number: int) -> list[Record]:
    decode = captured.decode
    return [
        decode(line) or Record(topic, 0, number, line)
        for number, line in enumerate(lines, number)
        if line and not line.isspace()
    ]


# JSON texts

_is_json = msgspec.json.Decoder(msgspec.Raw).decode


def _first_line_is_an_object(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """Read on until that can be told, and return what was read with the answer."""
    head = line = b""
    for piece in pieces:
        head += piece
        line, newline, _ = head.lstrip().partition(b"\n")
        if newline or (line and not line.startswith(b"{")):
            break
    if not line.startswith(b"{"):
        return head, False
    try:
        _is_json(line)
    except (msgspec.DecodeError, RecursionError):
        return head, False
    return head, True


def _blocks_of_texts(topic: str, pieces: Iterable[bytes]) -> Iterator[_Block]:
    records: list[Record] = []
    size = 0
    for line, element, value in _Texts(pieces).values():
        records.append(captured.decode(value) or Record(topic, 0, line, value, element))
        size += len(value)
        if len(records) >= MAX_RECORDS or size >= CHUNK:
            yield records, size
            records, size = [], 0
    yield records, size


class _Texts:
    """Cuts JSON texts out of a stream, holding little more than one of them.

    The scanner of the standard library is the only fast one that says where a text ends. It wants a str;
    decoded as Latin-1, one character is one byte, and what is in the strings does not matter here.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._at = 0  # where to scan on
        self._kept = 0  # where the next value begins: nothing from here on is returned yet
        self._line = 1  # of _at

    def values(self) -> Iterator[tuple[int, int, bytes]]:
        """Return the line, the place in its array and the bytes of each value."""
        while char := self._skip_space():
            self._kept = self._at
            if char == "[":
                yield from self._elements()
                continue
            line, value = self._line, self._value()
            yield line, 0, self._rest() if value is None else value

    def _elements(self) -> Iterator[tuple[int, int, bytes]]:
        begin, element = self._line, 0
        self._move(self._at + 1)
        while (char := self._skip_space()) != "]":
            if element:
                self._move(self._at + (char == ","))
                self._skip_space()
                begin, self._kept = self._line, self._at
            line = self._line
            value = self._value() if char == "," or not element else None
            if value is None:  # broken; before the first element the rest begins with the bracket
                yield begin, element, self._rest()
                return
            yield line, element, value
            element += 1
        self._move(self._at + 1)

    def _value(self) -> bytes | None:
        while True:
            try:
                _, end = _scan(self._text, self._at)
            except (ValueError, RecursionError):
                end = 0
            # What fails may only be incomplete, and so may a number at the very end.
            if 0 < end < len(self._text) or not self._more():
                break
        if not end:
            return None
        value = self._text[self._at : end].encode("latin-1")
        self._move(end)
        self._kept = end
        return value

    def _rest(self) -> bytes:
        while self._more():
            pass
        rest = self._text[self._kept :].encode("latin-1")
        self._move(len(self._text))
        return rest

    def _skip_space(self) -> str:
        """Return the character after the space, or nothing at the end of the stream."""
        while True:
            self._move(_SPACE.match(self._text, self._at).end())  # type: ignore[union-attr]  # matches the empty string
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _move(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Read on: as much again as is held, so that a long value is not scanned from its start too often."""
        held = self._text[self._kept :]
        read: list[str] = []
        missing = max(CHUNK, len(held))
        while missing > 0 and (piece := next(self._pieces, None)) is not None:
            read.append(piece.decode("latin-1"))
            missing -= len(piece)
        self._text = "".join((held, *read))
        self._at -= self._kept
        self._kept = 0
        return bool(read)


def _nothing(_: str) -> None:
    """Make nothing of a number: one of 5,000 digits is an error to int()."""


_scan = json.JSONDecoder(strict=False, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing).raw_decode
_SPACE = re.compile(r"[ \t\r\n]*")
