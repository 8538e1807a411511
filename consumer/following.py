"""Follows a folder of DQOps while the loop goes on: a thread looks for files that changed and reads them.

What it has read waits in a queue for the loop's writer, the one thread that touches the store. DQOps rewrites its files
in place, so a file may be half-written when it is read: it is then read again at the next look, and what it gave before
stays until it is whole.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import FileUnreadable
from .importing import Importing, Known, Prepared, missing
from .sources.results import ResultFile, connection_files, find

Token = tuple[int, int, int]

PATIENCE = 3  # looks at a file that cannot be read until somebody is told
_WAITING = 64  # files that were read and wait for the writer, at most
_AT_ONCE = 16  # files that are written between two batches, at most


class Follower:
    """Looks at a folder again and again. `ready`, `write` and `caught_up` are for the loop."""

    def __init__(self, importing: Importing, folder: Path, *, seconds: float, say: Callable[[str], None]) -> None:
        """Make a follower of *folder* that looks every so many seconds, and reads what the store has of it already."""
        self._importing = importing
        self._folder = folder
        self._seconds = seconds
        self._say = say
        self._known = importing.known()
        self._seen: dict[bytes, Token] = {}
        self._failures: dict[bytes, int] = {}
        self._connections: object = None
        self._complaint = ""
        self._work: queue.Queue[Callable[[], object]] = queue.Queue(_WAITING)
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="headwater-follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def ready(self) -> bool:
        """Tell whether there is something to write."""
        return not self._work.empty() or self._failure is not None

    def write(self) -> bool:
        """Write some of what was read; return whether there was anything. For the thread that owns the store."""
        if self._failure is not None:
            raise self._failure
        for count in range(_AT_ONCE):
            try:
                work = self._work.get_nowait()
            except queue.Empty:
                return count > 0
            work()
            self._work.task_done()
        return True

    def sweeps(self) -> bool:
        """Tell whether `write` takes content away: never."""
        return False

    def caught_up(self) -> bool:
        """Tell whether everything was written that was there at the first look."""
        return self._looked.is_set() and self._work.unfinished_tasks == 0

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._look()
                except OSError as exc:
                    self._complain(f"{self._folder}: {exc.strerror or exc}.")
                self._looked.set()
                self._stop.wait(self._seconds)
        except BaseException as exc:  # raised again in the thread that writes
            self._failure = exc

    def _look(self) -> None:
        found = find("dqops", [self._folder])
        self._complain(" ".join(found.problems))
        if found.problems:
            return  # the folder is not there: that is no reason to forget what it held
        connections = [(str(file), _token(file)) for folder in found.folders for file in connection_files(folder)]
        if connections != self._connections:
            rows, problems = self._importing.read_settings(found.folders)
            for problem in problems:
                self._say(f"headwater: {problem}")
            self._put(partial(self._importing.write_rows, rows))
            self._connections = connections
        for file in found.files:
            if self._stop.is_set():
                return
            self._look_at(file)
        for file in missing(found, self._known):
            self._take(self._importing.prepare_gone(file))

    def _look_at(self, file: ResultFile) -> None:
        token = _token(file.path)
        if token is None or self._seen.get(file.file_id) == token:
            return
        try:
            prepared = self._importing.prepare(file, self._known.get(file.file_id), attempts=1)
        except FileUnreadable as exc:
            failures = self._failures[file.file_id] = self._failures.get(file.file_id, 0) + 1
            if failures == PATIENCE:
                self._say(f"headwater: {exc} It is looked at again.")
            return
        self._failures.pop(file.file_id, None)
        self._seen[file.file_id] = token
        if isinstance(prepared, Prepared):
            self._take(prepared)

    def _take(self, prepared: Prepared) -> None:
        file = prepared.file
        self._put(partial(self._importing.write, prepared))
        self._known[file.file_id] = Known(file.root, file.name, prepared.sha256)
        if not prepared.sha256:
            self._seen.pop(file.file_id, None)

    def _put(self, work: Callable[[], object]) -> None:
        """Wait for room in the queue, unless the end has come."""
        while not self._stop.is_set():
            try:
                self._work.put(work, timeout=0.2)
            except queue.Full:
                continue
            return

    def _complain(self, complaint: str) -> None:
        if complaint and complaint != self._complaint:
            self._say(f"headwater: {complaint} It is looked for again.")
        self._complaint = complaint


def _token(path: Path) -> Token | None:
    """Return what changes when a file is written; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
