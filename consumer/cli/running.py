"""Putting the pieces together for the verbs that write: store, publisher, loop, signals."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, TextIO

import pyarrow as pa

from ..clock import SystemClock
from ..core import make_folder
from ..errors import StoreBusy, StoreError
from ..inbox import emptying
from ..loop import Aside, Asides, Limits, Loop, Observer, Progress
from ..names import TopicPartition
from ..publish import Publisher
from ..settings import Settings
from ..sources import Source
from ..store import ImportTables, IncidentRule, Reader, Store, live_path
from .output import say, saying

if TYPE_CHECKING:
    from ..following import Follower
    from ..upkeep import Ages, Housekeeper
    from ..watching import Watch

READABLE = 0o644  # the published file, unless the umask says less
COLLECTION = 60.0  # seconds between two looks for cycles of objects that nobody can reach


class Live(NamedTuple):
    """An open store and what shows it to readers."""

    store: Store
    publisher: Publisher


@contextlib.contextmanager
def _private_files() -> Iterator[int]:
    """Make what is made meanwhile nobody else's; yield the umask that was there.

    Whoever may open the live file for reading can lock the sidecar out of it, and whoever may write to it can do worse.
    DuckDB makes its files as the umask says, the log of the live file again and again.
    """
    before = os.umask(0o077)
    try:
        yield before
    finally:
        os.umask(before)


def _lock_file(store: Path, path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")
    except OSError as exc:
        if path.exists() and isinstance(exc, PermissionError):
            raise StoreError(
                f"{path} cannot be written: only the user that the sidecar runs as may write to the store. Run as that "
                "user, or name another store with --store."
            ) from exc
        raise StoreError(
            f"The folder of {store} cannot be written by this user (number {os.getuid()}): {exc.strerror}. Give the "
            "folder to that user, or name another file with --store."
        ) from exc


@contextlib.contextmanager
def owned(chosen: Settings) -> Iterator[int]:
    """Own the store that the settings name: no other Headwater writes to it meanwhile, whether it is open or not.

    Yields:
        The permissions of the published file. Everything else that is made meanwhile is ours alone.

    Raises:
        StoreBusy: another process owns it.
        StoreError: nothing can be written where it is.
    """
    path = live_path(chosen.store).with_suffix(".lock")
    with _private_files() as umask, _lock_file(chosen.store, path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise StoreBusy(
                f"Another process is writing to {chosen.store}: only one sidecar can own a store. End that process, or "
                "give this one a store of its own with --store."
            ) from exc
        yield READABLE & ~umask if chosen.store_mode is None else chosen.store_mode


@contextlib.contextmanager
def open_store(chosen: Settings) -> Iterator[Live]:
    """Own and open the live store behind the published one that the settings name, and close it again."""
    with owned(chosen) as mode, open_owned_store(chosen, mode) as live:
        yield live


@contextlib.contextmanager
def open_owned_store(chosen: Settings, mode: int) -> Iterator[Live]:
    """Open a store that is `owned` already, and publish it with the permissions *mode*."""
    _refuse_foreign_file(chosen)
    with contextlib.suppress(OSError):  # it is not there yet, or somebody else's
        live_path(chosen.store).chmod(0o600)
    for left in live_path(chosen.store).parent.glob(f"{live_path(chosen.store).stem}.compact*"):
        left.unlink()  # of a compaction that was killed
    store = Store(live_path(chosen.store), seed=chosen.store, memory_limit=chosen.memory_limit, threads=chosen.threads)
    publisher = None
    try:
        # After the store was opened, and closed after it: the publisher's descriptor guards DuckDB's lock.
        publisher = Publisher(store.path, chosen.store, checkpoint=store.checkpoint, mode=mode)
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
    dqops: Path | None = None,
    tells: bool = False,
    watch: Watch | None = None,
    acknowledge: Callable[[Mapping[TopicPartition, int]], None] | None = None,
) -> Progress:
    """Move records from *source* into the store until told to stop, and close both; follow DQOps and tell besides."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(source))
        live = stack.enter_context(open_store(chosen))
        keep_settings(chosen, live.store)
        if tells and (url := chosen.secret("webhook_url")) is not None:
            stack.enter_context(_teller(chosen, url, live.store, watch))
        stack.enter_context(tuned_interpreter())
        asides: list[Aside] = [stack.enter_context(_follower(chosen, live, dqops))] if dqops else []
        if keeps_offsets:  # it goes on for long
            asides.append(stack.enter_context(_housekeeper(chosen, live)))
        loop = Loop(
            source,
            live.store,
            clock=SystemClock(),
            limits=limits or limits_of(chosen),
            folder=make_folder(chosen.cache_memory << 20, chosen.naive_zone, chosen.redaction),
            naming=chosen.naming,
            naive_zone=chosen.naive_zone,
            publish=live.publisher.publish,
            stopping=stopping,
            say=say,
            keeps_offsets=keeps_offsets,
            until_caught_up=until_caught_up,
            on_progress=on_progress,
            acknowledge=acknowledge,
            observer=watch or Observer(),
            aside=Asides(asides) if asides else None,
        )

        def note_taken(actions: int) -> None:
            loop.note_change()
            if watch:
                watch.took_from_inbox(actions)

        stack.enter_context(
            emptying(
                chosen.store,
                live.store.keep,
                on_taken=note_taken,
                say=saying("inbox"),
                every=min(1.0, chosen.publish_every),
            )
        )
        if watch:
            stack.enter_context(watch.over(live.store.tally))
        return loop.run()


def _teller(chosen: Settings, url: str, store: Store, watch: Watch | None) -> AbstractContextManager[object]:
    from .telling import telling

    return telling(chosen, url, store, watch.told) if watch else telling(chosen, url, store)


def _follower(chosen: Settings, live: Live, folder: Path) -> Follower:
    from ..following import Follower
    from ..importing import Importing

    importing = Importing(
        "dqops",
        ImportTables(live.store),
        SystemClock(),
        namespaces=chosen.source_namespaces or {},
        naming=chosen.naming,
    )
    return Follower(importing, folder, seconds=chosen.dqops_every, say=saying("dqops"))


def keep_settings(chosen: Settings, store: Store) -> None:
    """Keep in the store what settings say about its views.

    The dimensions of checks are those that are set, and no others. When incidents reopen is set seldom: what nobody set
    leaves it as it is.
    """
    store.keep_dimensions(_spelled(chosen.check_dimensions or {}))
    seconds = chosen.incident_reopens_within
    if "incident_reopens_within" in chosen.model_fields_set and seconds != store.reopens_within():
        store.keep(IncidentRule(seconds, datetime.now(UTC)))


def _housekeeper(chosen: Settings, live: Live) -> Housekeeper:
    from ..upkeep import Housekeeper

    return Housekeeper(
        live.store,
        chosen.store,
        ages_of(chosen),
        clock=SystemClock(),
        retain_every=chosen.retain_every,
        compact_every=chosen.compact_every,
        say=saying("upkeep", "info"),
    )


def roomy(chosen: Settings) -> Settings:
    """Return the settings for work that goes through the whole store, with nobody beside it that needs the memory."""
    return chosen if "memory_limit" in chosen.model_fields_set else chosen.model_copy(update={"memory_limit": "1GB"})


def in_bulk(chosen: Settings) -> Settings:
    """Return the settings for events that are all there already: larger batches cost less, and nobody waits for one."""
    doubled = {name: 2 * getattr(chosen, name) for name in ("batch_events", "batch_bytes")}
    return chosen.model_copy(update={key: most for key, most in doubled.items() if key not in chosen.model_fields_set})


def ages_of(chosen: Settings) -> Ages:
    """Return for how long the settings keep what."""
    from ..upkeep import Ages

    return Ages(
        bodies=chosen.retain_events,
        runs=chosen.retain_runs,
        check_results=chosen.retain_check_results,
        duplicates=chosen.retain_duplicates,
        dead_letters=chosen.retain_dead_letters,
        gaps=chosen.retain_gaps,
    )


def _spelled(dimensions: Mapping[str, str]) -> dict[str, str]:
    """Return dimensions in the spelling of those that are known."""
    if not dimensions:
        return {}
    from ..quality.importer import dimension_of  # most settings have none

    return {kind: dimension_of(name) or name for kind, name in dimensions.items()}


def limits_of(chosen: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    return Limits(
        records=chosen.batch_events,
        bytes=chosen.batch_bytes,
        seconds=chosen.batch_seconds,
        dead_letter_share=chosen.dead_letter_share,
        dead_letter_run=chosen.dead_letter_run,
        publish_seconds=chosen.publish_every,
        record_bytes=chosen.max_record_bytes,
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
def tuned_interpreter() -> Iterator[None]:
    """Set Python up for two busy threads and many small objects; each figure is of a replay of 40,000 events."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    # A batch is some hundred thousand tuples and not one cycle: looking for cycles took 40 % of the time. But Kafka's
    # client leaves 3 MB of them a minute, so they are looked for by the clock rather than by the number of objects.
    gc.freeze()
    gc.set_threshold(2_000_000, 10, 10)
    done = threading.Event()
    collector = threading.Thread(target=_collect_until, args=[done], name="headwater-collector", daemon=True)
    collector.start()
    # The thread that writes wants the interpreter for a moment, often, and waits this long for it each time: 12 %.
    sys.setswitchinterval(0.0005)
    # A batch's Arrow tables are short-lived; other pools keep 40 MB of them.
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        done.set()
        collector.join()
        gc.set_threshold(*threshold)
        gc.unfreeze()
        sys.setswitchinterval(interval)


def _collect_until(done: threading.Event) -> None:
    while not done.wait(COLLECTION):
        gc.collect()


def _refuse_foreign_file(chosen: Settings) -> None:
    """Raise if the published path holds a database of something else: publishing would replace it."""
    if chosen.store.exists():
        # Somebody may have our own file open in a mode that locks it; publishing does not mind.
        with contextlib.suppress(StoreBusy):
            Reader(chosen.store).close()
