"""The published file: a copy of the private live file that anybody may open while we write.

Owns the path ``lineage.duckdb`` and the snapshots ``.lineage.duckdb.snap-N`` beside it. Knows no SQL and never
imports duckdb: after the store's checkpoint all of this is plain file I/O::

    live ── blocks that changed ──▶ spare snapshot ── link, rename ──▶ published ── retires ──▶ spare snapshot

A spare lacks a block of the live file (`headwater.live_file`) for one of two reasons:

* its checksum is not what it was when the spare was filled; or
* it was loose since then, so that DuckDB may have written it, and its bytes differ. Checksums are blind to
  order (an XOR over words): a column that is only sorted again may find its old checksum in the block that an
  older copy of it has left. Believing checksums alone published rows put together from two versions.

No other block can differ. So a commit meanwhile cannot tear a snapshot, it is only not in it yet; and a
checkpoint meanwhile shows in the headers, which are read before and after.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from .errors import SettingsError, StoreError, StoreFull
from .live_file import HEADERS, Image, Layout, LiveFile, Stamp, stamp, whole_file

_SIDE_FILES = (".wal", ".wal.checkpoint", ".wal.recovery")
_TRIES = 3  # a checkpoint during a publish is a broken promise; one may be an accident, three are not
_IDLE = 60  # publishes that a spare sits out before it goes; sooner, and busy readers make us copy again
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_KERNEL_COPY = {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM}
_NOTHING = Image(b"", 0)  # what a new snapshot holds


@dataclass(frozen=True, slots=True)
class Publication:
    """What one publish did.

    Attributes:
        method: ``blocks`` (what changed) or ``copy`` (the whole file: a new snapshot, an unfamiliar layout).
        blocks_changed: blocks written; 0 if nothing had changed.
        blocks: blocks in the file; 0 if its layout is unfamiliar.
        bytes_written: to the snapshot, headers included; 0 if the published file stayed as it was.
        seconds: from the start of the checkpoint to the end of the publish.
        checkpoint_seconds: the part of it that was the checkpoint.
    """

    method: Literal["blocks", "copy"]
    blocks_changed: int
    blocks: int
    bytes_written: int
    seconds: float = 0.0
    checkpoint_seconds: float = 0.0


class Publisher:
    """Publishes a live file.

    *The caller's side.* Make it after DuckDB has opened the live file and close it after DuckDB has closed
    it: DuckDB's lock is of the POSIX kind, so closing any descriptor of that file, anywhere in the process,
    drops it. Nothing else here may open the live file; each publish checks that the lock is still held. All
    calls come from the thread that writes to the store, and nothing writes to it between the start of
    *checkpoint* and the end of `publish`. (A commit of another thread would only miss this snapshot; a whole
    checkpoint of it would cost a second try, and the third time a `StoreError`.) Put DuckDB's automatic
    checkpoints far off: after one that we did not see every block is compared (0.05 ms each), and a reader on
    either side of a rename (`_Snapshot.fill`) could meet a mixture. Whether a file that is already at
    *published* may be replaced is for the store to judge: it will be.

    *What readers see.* One snapshot, whole; an open connection keeps its own for ever, for a snapshot is not
    written while somebody has it open: their lock refuses ours. Who writes into one harms that one only.

    *What it costs.* The first two publishes copy the whole file (0.8 s for 0.5 GB, many times that under busy
    readers), so let them happen at the start. On disk: two snapshots, and one for each older version in use.

    Args:
        live: the file that DuckDB has open for writing.
        published: the path for readers, on a local file system with hard links. A symlink is followed.
        checkpoint: makes the live file complete. Each publish begins with it; its errors pass through.
        keep: how many snapshots may have a name at once, the published one included.
        mode: permission bits of the published file; by default 0644 less the umask. With 0666, in a directory
            that only we may write, `duckdb lineage.duckdb` works without ``-readonly`` and writing is still
            refused; in any other directory 0666 lets everybody write, so it has to be asked for.

    Raises:
        SettingsError: the arguments make no sense together.
        StoreError: the live file is not open for writing in this process, or the directory cannot be used.
    """

    def __init__(
        self,
        live: Path,
        published: Path,
        *,
        checkpoint: Callable[[], object],
        keep: int = 4,
        mode: int | None = None,
    ) -> None:
        if keep < 2:
            raise SettingsError(
                f"keep={keep} is too few: one snapshot is read while another is filled. Keep at least 2."
            )
        self._published = published.resolve()
        if self._published == live.resolve():
            raise SettingsError(f"{published} is the live file; publish it under another name.")
        self._checkpoint = checkpoint
        self._keep = keep
        self._mode = mode
        self._numbers = itertools.count(1)
        self._shown = 0
        self._current: _Snapshot | None = None
        self._spares: list[_Snapshot] = []  # in the order in which they retired
        with self._explained():
            self._live = LiveFile(live.resolve())  # before the sweep, as it proves that the old names are ours
            self._sweep()

    def publish(self) -> Publication:
        """Show at the published path all that is committed. Blocks for as long as that takes.

        Raises:
            StoreFull: no room; readers keep the last snapshot, and the next publish starts afresh.
            StoreError: something else is in the way, with the same consequences.
        """
        began = time.perf_counter()
        self._checkpoint()
        checkpointed = time.perf_counter()
        with self._explained():
            self._live.check()
            self._drop_side_files()  # the old file's before the rename, and after it what appeared meanwhile
            publication = self._unchanged() or self._renew()
            self._drop_side_files()
        ended = time.perf_counter()
        return replace(publication, seconds=ended - began, checkpoint_seconds=checkpointed - began)

    def close(self) -> None:
        """Remove the spares and let go of the live file, which DuckDB has closed by now. Twice is fine."""
        while self._spares:
            self._spares.pop().discard()
        if self._current is not None:
            self._current.discard()
        self._current = None
        self._live.close()

    def _unchanged(self) -> Publication | None:
        """Return that nothing is to do: our last snapshot is in place, and the live headers are its own."""
        current = self._current
        if current is None or current.image.layout is None or self._live.headers() != current.image.headers:
            return None
        in_place = stamp(self._published) == current.stamp
        return Publication("blocks", 0, current.image.layout.blocks, 0) if in_place else None

    def _renew(self) -> Publication:
        for _ in range(_TRIES):
            image = self._live.look()
            snapshot = self._take_spare()
            try:
                publication = snapshot.fill(self._live, image, self._current)
                if self._live.headers() == image.headers:
                    self._show(snapshot)
                    return publication
            finally:
                if snapshot is not self._current:  # it may be torn; nobody has seen it, and nobody will
                    snapshot.discard()
        raise StoreError(
            f"Cannot publish {self._published}: {_TRIES} times in a row another checkpoint came between. "
            "Write to the store only from the thread that publishes it."
        )

    def _show(self, snapshot: _Snapshot) -> None:
        link = self._beside("next")
        link.hardlink_to(snapshot.path)  # it keeps its own name as well, to be a spare by when it retires
        snapshot.unlock()
        try:
            link.replace(self._published)
        finally:
            link.unlink(missing_ok=True)
        _sync_directory(self._published.parent)
        if self._current is not None:
            self._spares.append(self._current)
        self._current = snapshot
        self._shown += 1
        snapshot.shown_at = self._shown
        self._prune()

    def _take_spare(self) -> _Snapshot:
        """Return a locked snapshot that nobody reads and that is on no list any more."""
        for spare in self._spares[::-1]:  # the youngest first: it lacks least
            if spare.lock():
                self._spares.remove(spare)
                if spare.is_untouched():
                    return spare
                spare.discard()
        if len(self._spares) + 2 > self._keep:
            self._drop(self._spares[0])  # whoever reads it keeps it; it only loses its name
        return _Snapshot(self._beside(next(self._numbers)), self._mode)

    def _prune(self) -> None:
        for spare in self._spares[:]:
            if self._shown - spare.shown_at > _IDLE and spare.lock():
                self._drop(spare)

    def _drop(self, spare: _Snapshot) -> None:
        self._spares.remove(spare)
        spare.discard()

    def _beside(self, suffix: object) -> Path:
        return self._published.with_name(f".{self._published.name}.snap-{suffix}")

    def _sweep(self) -> None:
        """Remove the names that an earlier life left, unread: one of them is the published file."""
        for path in self._published.parent.iterdir():
            if path.name.startswith(self._beside("").name):
                path.unlink()

    def _drop_side_files(self) -> None:
        """Remove the log of somebody who wrote into an older snapshot: nobody could open the new one."""
        for suffix in _SIDE_FILES:
            self._published.with_name(self._published.name + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            where = self._published.parent
            safe = "What was committed is safe, and readers keep the last snapshot."
            if exc.errno in _NO_ROOM:
                raise StoreFull(
                    f"No room to publish {self._published}: {exc.strerror}. {safe} "
                    f"Make room in {where}; it has to hold two copies of the store, and {self._keep} at most."
                ) from exc
            raise StoreError(
                f"Cannot publish {self._published}: {exc}. {safe} "
                f"Check that {where} exists, is local, has hard links, and may be written by this user."
            ) from exc


class _Snapshot:
    """A file that will be, is, or was published. Its descriptor stays open: closing it drops locks, too."""

    def __init__(self, path: Path, mode: int | None) -> None:
        self.path = path
        self.image = _NOTHING
        self.stamp: Stamp | None = None
        self.shown_at = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644 if mode is None else mode)
        if mode is not None:
            os.fchmod(self._fd, mode)  # as asked for, whatever the umask

    def fill(self, live: LiveFile, image: Image, last: _Snapshot | None) -> Publication:
        """Make this file hold *image*, on disk, and all that the headers of the *last* snapshot name besides.

        DuckDB 2.0.0 reads the headers, closes the file, and opens the path again for the blocks. A reader whose
        two opens are on either side of our rename so reads the last version out of this file; it needs the
        blocks that have just become free, and those that the live file was just shortened by.
        """
        shown = last.image if last else _NOTHING
        if image.layout is None or self.image.layout is None:
            publication = self._copy_all(live, image)
        else:
            publication = self._copy_blocks(live, image, image.layout, unread=image.free & shown.free)
        if last and shown.size > image.size:
            _copy(last._fd, self._fd, image.size, shown.size - image.size)
        _write(self._fd, image.headers, 0)
        os.ftruncate(self._fd, max(image.size, shown.size))
        os.fdatasync(self._fd)  # before the rename: or a power cut could leave the name and not the content
        self.image, self.stamp = image, stamp(self.path)
        return publication

    def _copy_all(self, live: LiveFile, image: Image) -> Publication:
        _copy(live.fd, self._fd, 0, image.size)
        blocks = len(image.checksums)
        return Publication("copy", blocks, blocks, image.size)

    def _copy_blocks(self, live: LiveFile, image: Image, layout: Layout, unread: frozenset[int]) -> Publication:
        size, changed = layout.block_size, 0
        for block in self._lacks(live, image, size, unread):
            _copy(live.fd, self._fd, HEADERS + block * size, size)
            changed += 1
        return Publication("blocks", changed, layout.blocks, HEADERS + changed * size)

    def _lacks(self, live: LiveFile, image: Image, size: int, unread: frozenset[int]) -> Iterator[int]:
        """Yield the blocks of *image* that this file does not hold; *unread* ones only if their checksum tells."""
        doubtful = live.doubtful(self.image)
        pairs = itertools.zip_longest(image.checksums, self.image.checksums[: len(image.checksums)])
        for block, (checksum, known) in enumerate(pairs):
            start = HEADERS + block * size
            if checksum != known or (
                block in doubtful and block not in unread and live.read(start, size) != os.pread(self._fd, size, start)
            ):
                yield block

    def is_untouched(self) -> bool:
        return stamp(self.path) == self.stamp

    def lock(self) -> bool:
        """Take the file unless somebody has it open; never, if this kernel cannot tell.

        DuckDB refuses a reader who had opened the file and not yet locked it: an error, not torn data.
        """
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, whole_file(fcntl.F_WRLCK))
        except OSError:
            return False
        return True

    def unlock(self) -> None:
        with contextlib.suppress(OSError):  # where there are no such locks, we have none
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, whole_file(fcntl.F_UNLCK))

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._fd)


def _copy(source: int, target: int, start: int, count: int) -> None:
    """Copy a range to the same place; in the kernel if it can (XFS and Btrfs then share it instead)."""
    while count > 0:
        try:
            done = os.copy_file_range(source, target, count, start, start)
        except OSError as exc:
            if exc.errno not in _NO_KERNEL_COPY:
                raise
            done = _write(target, os.pread(source, min(count, 1 << 20), start), start)
        if done == 0:  # the source has shrunk meanwhile: the headers will tell
            break
        start, count = start + done, count - done


def _write(fd: int, data: bytes, start: int) -> int:
    """Write all of *data*: on a nearly full disk, one call may write less."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], start + done)
    return done


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
