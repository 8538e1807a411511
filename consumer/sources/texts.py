"""What a file of events holds, cut into records: the bytes unpacked, then split into lines or JSON texts.

==========================  ============================================================================
``.ndjson``, ``.jsonl``     each line is a value, whatever it holds; blank lines are skipped
``.json``                   the same if the first line is one whole JSON object. Else JSON texts one after
                            the other, however they are broken into lines; the elements of an array are
                            values of their own; bytes that are not JSON are one last value, up to the end
``.gz``, ``.zst``           any of these, compressed
anything else               read as ``.ndjson``
==========================  ============================================================================

A value that is a captured message (`headwater.sources.captured`) has the topic, partition and offset it had
in Kafka. Any other belongs to the topic ``file:NAME``, and its offset is the line at which it begins.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import BinaryIO, Protocol

import msgspec
import zstandard

from . import Record, captured

CHUNK = 1 << 20  # bytes of a file at a time
PACKED_CHUNK = 1 << 13  # of a compressed one: so much before a broken byte is lost with it

_LINES = (".ndjson", ".jsonl")
_TEXTS = (".json",)
_PACKED = (".gz", ".zst")
ENDINGS = tuple(ending + packed for ending in _LINES + _TEXTS for packed in ("", *_PACKED))

DAMAGE = (EOFError, zlib.error, zstandard.ZstdError)  # what compressed data that is damaged or breaks off raises

Block = tuple[list[Record], int]  # with the number of bytes that these records took


def blocks(name: str, stream: BinaryIO, most: int) -> Iterator[Block]:
    """Yield what the file of that *name* holds, going by its ending, in blocks of *most* records or fewer."""
    topic = f"file:{name}"
    plain, packing = _split_ending(name)
    pieces = _unpacked(stream, packing) if packing else _pieces(stream, CHUNK)
    if not plain.endswith(_TEXTS):
        yield from blocks_of_lines(topic, pieces, most)
        return
    head, holds_lines = _first_line_is_an_object(pieces)
    pieces = chain([head], pieces)
    yield from (blocks_of_lines if holds_lines else blocks_of_texts)(topic, pieces, most)


def blocks_of_lines(topic: str, pieces: Iterable[bytes], most: int) -> Iterator[Block]:
    """Return each line that is not blank."""
    number = 1
    begun: list[bytes] = []  # the pieces of a line whose end has not come yet
    for piece in pieces:
        lines = piece.split(b"\n")  # splitlines() would also cut at \r and at the vertical tab
        if len(lines) > 1:
            lines[0] = b"".join((*begun, lines[0]))
            begun.clear()
        begun.append(lines.pop())
        yield from _cut(topic, lines, number, len(piece), most)
        number += len(lines)
    yield _records(topic, [b"".join(begun)], number), 0


def blocks_of_texts(topic: str, pieces: Iterable[bytes], most: int) -> Iterator[Block]:
    """Return each JSON text, or each of its elements if it is an array."""
    records: list[Record] = []
    size = 0
    for line, element, value in _Texts(pieces).values():
        records.append(captured.decode(value) or Record(topic, 0, line, value, element))
        size += len(value)
        if len(records) >= most or size >= CHUNK:
            yield records, size
            records, size = [], 0
    yield records, size


# Bytes, unpacked


def _split_ending(name: str) -> tuple[str, str]:
    """Return *name* in lower case without its ``.gz`` or ``.zst``, and that."""
    name = name.lower()
    for packing in _PACKED:
        if name.endswith(packing):
            return name.removesuffix(packing), packing
    return name, ""


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


def _cut(topic: str, lines: list[bytes], number: int, size: int, most: int) -> Iterator[Block]:
    yield _records(topic, lines[:most], number), size
    for start in range(most, len(lines), most):
        yield _records(topic, lines[start : start + most], number + start), 0


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
