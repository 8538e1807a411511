"""Putting the pieces together for the verbs that write: store, publisher, loop, signals."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NamedTuple

import pyarrow as pa

from ..clock import SystemClock
from ..errors import StoreBusy
from ..fold import Folder
from ..loop import Limits, Loop, Progress
from ..publish import Publisher
from ..settings import Settings
from ..sources import Source
from ..store import Reader, Store, live_path
from .output import say


class Live(NamedTuple):
    """An open store and what shows it to readers."""

    store: Store
    publisher: Publisher


@contextlib.contextmanager
def open_store(chosen: Settings) -> Iterator[Live]:
    """Open the live store behind the published one that the settings name, and close it again."""
    _refuse_foreign_file(chosen)
    store = Store(live_path(chosen.store), seed=chosen.store, memory_limit=chosen.memory_limit, threads=chosen.threads)
    publisher = None
    try:
        # After the store was opened, and closed after it: the publisher's descriptor guards DuckDB's lock.
        publisher = Publisher(store.path, chosen.store, checkpoint=store.checkpoint)
        yield Live(store, publisher)
    finally:
        store.close()
        if publisher is not None:
            publisher.close()


def run_loop(
    chosen: Settings,
    source: Source,
    *,
    keeps_offsets: bool,
    stopping: Callable[[], bool],
    limits: Limits | None = None,
    until_caught_up: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Move records from *source* into the store until told to stop, and close both."""
    with contextlib.closing(source), open_store(chosen) as live, _tuned_interpreter():
        loop = Loop(
            source,
            live.store,
            clock=SystemClock(),
            limits=limits or limits_of(chosen),
            folder=Folder(chosen.cache_memory << 20),
            publish=live.publisher.publish,
            stopping=stopping,
            say=say,
            keeps_offsets=keeps_offsets,
            until_caught_up=until_caught_up,
            on_progress=on_progress,
        )
        return loop.run()


def limits_of(chosen: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    return Limits(
        records=chosen.batch_events,
        bytes=chosen.batch_bytes,
        seconds=chosen.batch_seconds,
        dead_letter_share=chosen.dead_letter_share,
        dead_letter_run=chosen.dead_letter_run,
        publish_seconds=chosen.publish_every,
    )


@contextlib.contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set. A second signal ends the process as it always would."""
    stop = threading.Event()
    numbers: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _tuned_interpreter() -> Iterator[None]:
    """Set Python up for two busy threads and many small objects; each figure is of a replay of 40,000 events."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    # A batch is some hundred thousand tuples and not one cycle: looking for cycles took 40 % of the time.
    gc.freeze()
    gc.set_threshold(2_000_000, 10, 10)
    # The thread that writes wants the interpreter for a moment, often, and waits this long for it each time: 12 %.
    sys.setswitchinterval(0.0005)
    # A batch's Arrow tables are short-lived; other pools keep 40 MB of them.
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
        sys.setswitchinterval(interval)


def _refuse_foreign_file(chosen: Settings) -> None:
    """Raise if the published path holds a database of something else: publishing would replace it."""
    if chosen.store.exists():
        # Somebody may have our own file open in a mode that locks it; publishing does not mind.
        with contextlib.suppress(StoreBusy):
            Reader(chosen.store).close()
