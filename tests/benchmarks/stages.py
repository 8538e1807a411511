"""Shows where the time goes when events become a store: each stage by itself, in one process and one thread.

    python tests/benchmarks/stages.py FILE [--batch 10000] [--functions 25] [--warm] [--cpu]

FILE is NDJSON, such as events.py writes. The columns are the time of all batches, of the first and of the last one (a
stage whose last batch takes longer than the first grows with the store), and the share of the whole. --warm folds the
file once before, into nothing, so that the folder has seen every facet. --functions adds a profile by function of what
of the fold is Python. --cpu counts what the processors were busy with, DuckDB's threads included, for a machine that
has other work.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

from headwater.batch import Batch
from headwater.core import make_folder
from headwater.errors import UnreadableRecord
from headwater.event import decode
from headwater.fold import Folder, Origin
from headwater.settings import settings
from headwater.sources import Record
from headwater.store import Store
from headwater.store import store as store_module
from headwater.store.arrow import arrow_table


class Stages:
    """Seconds by stage and batch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Tell the time by *clock*."""
        self._clock = clock
        self.batches: list[defaultdict[str, float]] = []

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add the time inside to a stage of the current batch."""
        start = self._clock()
        try:
            yield
        finally:
            self.batches[-1][stage] += self._clock() - start

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return *function*, timed."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.timing(stage):
                return function(*args, **kwargs)

        return call

    def table(self, events: int) -> str:
        """Return the table for people."""
        total = sum(sum(batch.values()) for batch in self.batches)
        lines = [f"{'stage':<28}{'all, s':>9}{'events/s':>11}{'first, ms':>11}{'last, ms':>10}{'share':>8}"]
        for stage in dict.fromkeys(stage for batch in self.batches for stage in batch):
            seconds = sum(batch[stage] for batch in self.batches)
            rate, share = events / seconds, seconds / total
            first, last = self.batches[0][stage] * 1e3, self.batches[-1][stage] * 1e3
            lines.append(f"{stage:<28}{seconds:>9.3f}{rate:>11,.0f}{first:>11.1f}{last:>10.1f}{share:>8.1%}")
        lines.append(f"{'one after the other':<28}{total:>9.3f}{events / total:>11,.0f}")
        return "\n".join(lines)


def fold(folder: Folder, lines: Sequence[bytes], first: int, batch: Batch) -> int:
    """Decode and fold records as the loop does; return how many events they are."""
    records = [Record("file:bench", 0, offset, line) for offset, line in enumerate(lines, first)]
    unusual = folder.fold_ordinary(records, 0, sys.maxsize, batch)
    count = len(records) - len(unusual)
    for place in unusual:
        for event in decode(lines[place]):
            if not isinstance(event, UnreadableRecord):
                folder.fold(event, Origin("file:bench", 0, first + place, 0, 0), batch)
                count += 1
    return count


def batches_of(path: Path, size: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file, *size* at a time."""
    with path.open("rb") as file:
        while lines := list(islice(file, size)):
            yield lines


def stage_of(sql: str) -> str:
    """Return the stage that SQL of the store belongs to: a transaction's ends, or the writes between them."""
    verb = sql.split()[0].lower()
    return f"sql {verb}" if verb in ("begin", "commit", "checkpoint") else "sql writes"


def measure(path: Path, size: int, clock: Callable[[], float], *, warm: bool) -> tuple[Stages, int]:
    """Time each stage; return the times and the number of events."""
    stages, folder, count = Stages(clock), make_folder(), 0
    if warm:
        for lines in batches_of(path, size):
            fold(folder, lines, 0, folder.new_batch())
    chosen = settings()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = Store(directory / "live.duckdb", memory_limit=chosen.memory_limit, threads=chosen.threads)
        stack.callback(store.close)
        run, register = store.database.run, store.database.register

        def timed_run(sql: str, *rest: Any) -> None:
            with stages.timing(stage_of(sql)):
                run(sql, *rest)

        stack.enter_context(patch.object(store.database, "run", timed_run))
        stack.enter_context(patch.object(store.database, "register", stages.timed("register", register)))
        stack.enter_context(patch.object(store_module, "arrow_table", stages.timed("arrow", arrow_table)))
        for lines in batches_of(path, size):
            stages.batches.append(defaultdict(float))
            batch = folder.new_batch()
            with stages.timing("fold"):
                count += fold(folder, lines, count, batch)
            with stages.timing("tables"):
                tables = batch.tables(0, {})
            store.write(tables)
        store.checkpoint()
    return stages, count


def profile(path: Path, size: int, functions: int) -> None:
    """Print the functions that decode and fold spend most time in."""
    profiler, folder = cProfile.Profile(), make_folder()
    for lines in batches_of(path, size):
        batch = folder.new_batch()
        with profiler:
            fold(folder, lines, 0, batch)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(functions)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Shows where the time goes when events become a store.")
    parser.add_argument("file", metavar="FILE", type=Path, help="events as NDJSON")
    parser.add_argument("--batch", type=int, default=10_000, help="events in a batch (default 10000)")
    parser.add_argument("--functions", type=int, default=0, help="profile decode and fold, and print so many functions")
    parser.add_argument("--warm", action="store_true", help="let the folder see all facets beforehand")
    parser.add_argument("--cpu", action="store_true", help="count the seconds of all processors, for a busy machine")
    arguments = parser.parse_args()
    gc.disable()  # the commands look for cycles rarely, too
    clock = process_time if arguments.cpu else perf_counter
    stages, events = measure(arguments.file, arguments.batch, clock, warm=arguments.warm)
    print(stages.table(events))
    if arguments.functions:
        profile(arguments.file, arguments.batch, arguments.functions)


if __name__ == "__main__":
    main()
