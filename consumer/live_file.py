"""The live file as plain bytes: how it is laid out, and which of its blocks DuckDB may have written when.

Owns the one descriptor of the live file. Reads and never writes, knows no SQL and never imports duckdb.

A file of DuckDB is three headers of 4 KB and then blocks of 256 KB, each of which begins with its *checksum*
of 8 bytes. A block is *loose* while it is free or used for metadata, so that DuckDB may write it. It writes no
other, by the law that lets it survive a crash: what the header on disk names is not written again before a
newer header is on disk.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import NamedTuple

from .errors import StoreError

HEADERS = 3 * 4096  # the main header, then two database headers that take turns

_STORAGE_VERSIONS = range(64, 69)  # what the main header says for 'v1.0.0' to 'v1.5.0'
_BLOCK_SIZES = {1 << n for n in range(14, 19)}  # 256 KB, unless the file was made with another BLOCK_SIZE
_BLOCK = (1 << 56) - 1  # a place is a block, and in the high byte which of its 64 parts
_NOWHERE = (1 << 64) - 1  # where a chain of metadata ends
_FLOCK = struct.Struct("hhqqi4x")  # struct flock: type, whence, start, length, pid

Stamp = tuple[int, int, int, int]  # see `stamp`


class Layout(NamedTuple):
    """What the headers say."""

    block_size: int
    blocks: int  # in the file
    named: int  # as of the last checkpoint; those beyond are not in use
    iteration: int  # grows by one with each checkpoint
    metadata: int  # the place where the catalogue begins
    free_list: int  # the place where the list of free blocks begins


class Image(NamedTuple):
    """What the live file held at one look; without a layout if it is unfamiliar."""

    headers: bytes
    size: int
    look: int = 0  # counts from 1
    layout: Layout | None = None
    checksums: tuple[bytes, ...] = ()
    free: frozenset[int] = frozenset()


class LiveFile:
    """The one descriptor of the live file, and which of its blocks were loose when."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # A bare number, not closed even if the check fails: a file object, collected, drops DuckDB's lock.
        self.fd = os.open(path, os.O_RDONLY)
        self._looks = 0
        self._unbroken_since = 1  # the look since which no checkpoint has escaped us
        self._last = Layout(0, 0, 0, -1, 0, 0)
        self._loose_at: dict[int, int] = {}  # block → the last look at which it was loose
        self.check()

    def check(self) -> None:
        """Raise unless this is the file at the path, and this process has the lock on it."""
        ours = os.fstat(self.fd)
        if (stamp(self.path) or ())[:2] != (ours.st_dev, ours.st_ino):
            raise StoreError(f"{self.path} was moved or replaced while open. Put it back, or start again.")
        if not _is_locked_by_us(self.fd):
            raise StoreError(
                f"This process has no lock on {self.path}, so another could write. Open the store before its "
                "publisher. If it was open, something here opened and closed that file too: start again."
            )

    def close(self) -> None:
        """Let go of the file, unless DuckDB still has it open. Twice is fine."""
        if self.fd >= 0 and not _is_locked_by_us(self.fd):  # rather leak it than drop DuckDB's lock
            os.close(self.fd)
        self.fd = -1

    def headers(self) -> bytes:
        """Return the three headers as they are now."""
        return os.pread(self.fd, HEADERS, 0)

    def read(self, start: int, count: int) -> bytes:
        """Return *count* bytes from *start* on, or fewer at the end."""
        return os.pread(self.fd, count, start)

    def look(self) -> Image:
        """Return what the file holds now, and note which blocks are loose."""
        self._looks += 1
        headers, size = self.headers(), os.fstat(self.fd).st_size
        layout = parse_layout(headers, size)
        if layout is None:
            self._unbroken_since = self._looks + 1
            return Image(headers, size, self._looks)
        checksums = tuple(self.read(start, 8) for start in range(HEADERS, size, layout.block_size))
        return Image(headers, size, self._looks, layout, checksums, self._note_loose(layout))

    def doubtful(self, held: Image) -> Container[int]:
        """Return the blocks that may have been written since *held*, whatever their checksums say."""
        if held.look < self._unbroken_since:
            return range(1 << 62)  # all there can be
        return {block for block, look in self._loose_at.items() if look >= held.look}

    def _note_loose(self, layout: Layout) -> frozenset[int]:
        if layout.iteration - self._last.iteration not in {0, 1}:
            self._unbroken_since = self._looks
        free, metadata = frozenset[int](), frozenset[int]()
        try:
            free, metadata = read_loose_blocks(layout, self.read)
        except ValueError:
            self._unbroken_since = self._looks + 1
        unnamed = range(layout.named, max(layout.blocks, self._last.blocks))
        cut_off = range(layout.blocks, self._last.blocks)
        self._loose_at.update(dict.fromkeys([*free, *metadata, *unnamed, *cut_off], self._looks))
        self._last = layout
        return free


def parse_layout(headers: bytes, size: int) -> Layout | None:
    """Return what the headers of a file of *size* bytes say, or None if it is not laid out as we know it."""
    if len(headers) < HEADERS or headers[8:12] != b"DUCK":
        return None
    version, *flags = struct.unpack_from("<5Q", headers, 12)
    newest = max(struct.unpack_from("<5Q", headers, start + 8) for start in (4096, 8192))
    iteration, metadata, free_list, named, block_size = newest
    if version not in _STORAGE_VERSIONS or any(flags) or block_size not in _BLOCK_SIZES:  # a flag: encrypted
        return None
    blocks, rest = divmod(size - HEADERS, block_size)
    return None if rest else Layout(block_size, blocks, named, iteration, metadata, free_list)


def read_loose_blocks(layout: Layout, read: Callable[[int, int], bytes]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the free blocks, and those of metadata: DuckDB fills the gaps of these in place.

    Raises:
        ValueError: the list makes no sense.
    """
    if layout.metadata == _NOWHERE and layout.named == 0:
        return frozenset(), frozenset()
    try:
        data = b"".join(_chain(layout, read))
        (count,) = struct.unpack_from("<Q", data)
        free = frozenset(struct.unpack_from(f"<{count}Q", data, 8))
        (shared,) = struct.unpack_from("<Q", data, at := 8 + 8 * count)  # then (block, uses) of each
        (count,) = struct.unpack_from("<Q", data, at := at + 8 + 12 * shared)  # then (block, gaps) of each
        metadata = frozenset(struct.unpack_from(f"<{2 * count}Q", data, at + 8)[::2])
    except (struct.error, OverflowError, MemoryError) as exc:
        raise ValueError("the list of free blocks breaks off") from exc
    if not {layout.metadata & _BLOCK, layout.free_list & _BLOCK} <= metadata:
        raise ValueError("the list of free blocks does not name its own block")
    return free, metadata


def stamp(path: Path) -> Stamp | None:
    """Return what changes when somebody replaces the file or writes into it; None if it is gone."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def whole_file(kind: int) -> bytes:
    """Return what asks the kernel for a lock of *kind* on a file from its beginning to whatever its end."""
    return _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)


def _is_locked_by_us(fd: int) -> bool:
    """Say whether a lock of this process keeps others from the file; yes, if this kernel cannot tell."""
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, whole_file(fcntl.F_RDLCK))
    except OSError:
        return True
    kind, _, _, _, pid = _FLOCK.unpack(answer)
    return bool(kind == fcntl.F_WRLCK and pid == os.getpid())


def _chain(layout: Layout, read: Callable[[int, int], bytes]) -> Iterator[bytes]:
    """Yield the parts of the free list; each begins with the place of the next."""
    length = (layout.block_size - 8) // 64 // 8 * 8
    place = layout.free_list
    for _ in range(64 * layout.blocks):  # no chain is longer, unless it bites its own tail
        if place == _NOWHERE:
            return
        part = read(HEADERS + (place & _BLOCK) * layout.block_size + 8 + (place >> 56) * length, length)
        (place,) = struct.unpack_from("<Q", part)
        yield part[8:]
