"""What people do about incidents while a sidecar owns the store: a folder of small files that the owner empties.

Only one process can write to a store, and that is the sidecar, nearly always. So whoever acts on an incident leaves a
file beside the store, complete or not at all, and the sidecar writes it down. A file goes away once its action is in
the store; an action that is there twice, because somebody died in between, means the same as once.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from .errors import HeadwaterError
from .store import IncidentAction

_ACTION = TypeAdapter(IncidentAction)


def inbox_path(store: Path) -> Path:
    """Return the folder of a published store: beside it, hidden."""
    return store.with_name(f".{store.stem}.inbox")


def leave(store: Path, action: IncidentAction) -> None:
    """Leave an action for the owner of *store*.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = inbox_path(store)
    folder.mkdir(exist_ok=True)
    path = folder / f"{uuid4().hex}.json"
    part = path.with_suffix(".part")
    part.write_bytes(_ACTION.dump_json(action))
    part.replace(path)


def take(store: Path, keep: Callable[[IncidentAction], None], say: Callable[[str], None]) -> int:
    """Give every action that was left to *keep*; return how many there were.

    A file that is no action is put aside, and said.
    """
    taken = 0
    for path in sorted(inbox_path(store).glob("*.json")):
        try:
            action = _ACTION.validate_json(path.read_bytes())
        except ValidationError as exc:
            aside = path.replace(path.with_suffix(".bad"))
            say(f"headwater: {aside} is no action on an incident: {exc.errors(include_url=False)[0]['msg']}")
            continue
        keep(action)
        path.unlink()
        taken += 1
    return taken


@contextlib.contextmanager
def emptying(
    store: Path,
    keep: Callable[[IncidentAction], None],
    *,
    on_taken: Callable[[int], None],
    say: Callable[[str], None],
    every: float,
) -> Iterator[None]:
    """Empty the inbox of *store* every so many seconds, in a thread; tell *on_taken* how much there was, if any."""
    stopping = threading.Event()

    def look() -> None:
        try:
            if taken := take(store, keep, say):
                on_taken(taken)
        except (HeadwaterError, OSError) as exc:
            say(f"headwater: what was left in {inbox_path(store)} is tried again later: {exc}")

    def run() -> None:
        look()
        while not stopping.wait(every):
            look()

    thread = threading.Thread(target=run, name="headwater-inbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
