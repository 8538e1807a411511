"""Keeping a store small for years: what is old is forgotten, and the file is written anew without the holes.

Both are chains of short steps. A command takes them at once; the sidecar takes one between two batches, so that ingest
never waits for more than one. What can go is worked out on the published file, which nobody waits for.

What is forgotten is always whole: a run with all of its events, or an event without a run. So a store that forgot is
the store that folding the events which are left makes. ``schemas/macros/700_forgettable.sql`` says what is kept
however old it is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa

from .clock import Clock
from .errors import StoreError
from .store import Store
from .store.upkeep import GROWING, Horizons, Plan, Upkeep, plan, write_anew

RUNS = 2_000  # forgotten in one step
BODIES = 10_000  # taken in one step
ROWS = 30_000  # written anew in one step

_LOOK = 60.0  # seconds between two looks at the calendar


class Ages(NamedTuple):
    """For how many days each kind is kept; None is for ever."""

    bodies: float | None = None
    runs: float | None = None
    check_results: float | None = None
    duplicates: float | None = None
    dead_letters: float | None = None
    gaps: float | None = None

    def horizons(self, now: datetime) -> Horizons:
        """Return the moments before which things are too old."""
        return Horizons(*(None if days is None else _before(now, days) for days in self))


class Step(NamedTuple):
    """A part of the work that is one transaction.

    Attributes:
        work: does it.
        sweeps: it takes away content that a folder may remember.
    """

    work: Callable[[], object]
    sweeps: bool = False


def retaining(store: Store, found: Plan, ages: Ages, now: datetime, counts: Counter[str]) -> Iterator[Step]:
    """Yield the steps that forget what is too old; each must be done before the next is asked for.

    Args:
        store: what forgets.
        found: what can go.
        ages: how long things are kept.
        now: the present.
        counts: how many rows went, by kind; filled by the steps.
    """
    upkeep, horizons = Upkeep(store), ages.horizons(now)
    came_late = upkeep.rows("late_event") > 0  # what only these events name is nobody's

    def forget(first: int) -> None:
        runs, events = upkeep.forget_runs(found.runs.slice(first, RUNS), now)
        counts.update(runs=runs, run_events=events)

    def take_bodies(before: datetime) -> None:
        counts["bodies"] += upkeep.expire_bodies(before, BODIES)

    def forget_imports() -> None:
        counts["check_results"] += upkeep.forget_imports(found.imports)

    def forget_arrivals(remembered_from: datetime | None) -> None:
        counts.update(upkeep.forget_arrivals(horizons, remembered_from))

    for first in range(0, found.runs.num_rows, RUNS):
        yield Step(partial(forget, first))
    if horizons.bodies is not None:
        left = upkeep.rows_with_bodies(horizons.bodies)
        for _ in range(0, left, BODIES):
            yield Step(partial(take_bodies, horizons.bodies))
    if found.imports.num_rows:
        yield Step(forget_imports)
    # Who came late is remembered for as long again as the run was kept.
    remembered_from = horizons.runs and horizons.runs - (now - horizons.runs)
    yield Step(partial(forget_arrivals, remembered_from))
    if counts["runs"] or counts["run_events"] or counts["bodies"] or came_late:
        yield Step(upkeep.sweep, sweeps=True)
    yield Step(partial(_note, upkeep, horizons, now, counts))


def _asked(horizons: Horizons) -> dict[str, datetime]:
    """Return the kinds that have an age, each with its horizon."""
    kinds = {**horizons._asdict(), "run_events": horizons.runs}
    return {kind: horizon for kind, horizon in kinds.items() if horizon is not None}


def _note(upkeep: Upkeep, horizons: Horizons, now: datetime, counts: Counter[str]) -> None:
    for kind, horizon in _asked(horizons).items():
        upkeep.note(now, kind, horizon, counts[kind])


def compacting(store: Store, now: datetime) -> Iterator[Step]:
    """Yield the steps that write what grows anew, without holes and in order, a part at a time.

    The room of the holes is used again; the file itself gets shorter when its end happens to be free.
    """
    upkeep = Upkeep(store)
    moved: Counter[str] = Counter()

    def move(table: str, most: int) -> None:
        moved[table] += upkeep.compact(table, most)

    for table in GROWING:
        rows = upkeep.rows(table)
        for first in range(0, rows, ROWS):
            yield Step(partial(move, table, min(ROWS, rows - first)))
    yield Step(partial(_note_compaction, upkeep, now, moved))


def _note_compaction(upkeep: Upkeep, now: datetime, moved: Counter[str]) -> None:
    upkeep.note(now, "compact", None, moved.total())


def retain(store: Store, published: Path, ages: Ages, now: datetime) -> Counter[str]:
    """Forget what is too old in one transaction; return how many rows went, by kind.

    Args:
        store: what forgets; nobody folds into it meanwhile.
        published: a file that holds what the store holds.
        ages: how long things are kept.
        now: the present.
    """
    horizons = ages.horizons(now)
    found = plan(published, horizons)
    counts = Counter(dict.fromkeys(_asked(horizons), 0))
    with store.database.transaction():
        for step in retaining(store, found, ages, now, counts):
            step.work()
    return Counter({kind: counts[kind] for kind in _asked(horizons)})


class Planning:
    """Works out what can go in a process of its own.

    In ours, a second look at the published file would share the locks of the first, and lose them with it; and the
    memory that it takes goes back when it ends.
    """

    def __init__(self, published: Path, horizons: Horizons) -> None:
        """Begin."""
        asked = json.dumps([None if moment is None else moment.isoformat() for moment in horizons])
        self._found = tempfile.TemporaryFile()  # noqa: SIM115  # open until `close`
        self._complaint = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(published), asked],
            stdin=subprocess.DEVNULL,
            stdout=self._found,
            stderr=self._complaint,
            start_new_session=True,  # Ctrl-C is for the sidecar, which ends this
        )

    def is_done(self) -> bool:
        """Tell whether `plan` returns at once."""
        return self._process.poll() is not None

    def plan(self) -> Plan:
        """Return what can go.

        Raises:
            StoreError: it could not be worked out.
        """
        try:
            if self._process.wait():
                self._complaint.seek(0)
                lines = self._complaint.read().decode(errors="replace").strip().splitlines()
                raise StoreError(lines[-1] if lines else f"the process ended with {self._process.returncode}")
            self._found.seek(0)
            with pa.ipc.open_stream(self._found) as runs:
                first = runs.read_all()
            with pa.ipc.open_stream(self._found) as imports:
                return Plan(first, imports.read_all())
        finally:
            self.close()

    def close(self) -> None:
        """End it, if it goes on. Twice is fine."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._found.close()
        self._complaint.close()


def _answer(published: str, asked: str) -> None:
    """Be the process of a `Planning`: write two Arrow streams to standard output."""
    moments = [None if text is None else datetime.fromisoformat(text) for text in json.loads(asked)]
    for table in plan(Path(published), Horizons(*moments)):
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, table.schema) as stream:
            stream.write_table(table)
        sys.stdout.buffer.write(buffer.getvalue())


def compact(old: Path, new: Path, now: datetime, *, memory_limit: str | None = None, threads: int | None = None) -> int:
    """Write a store anew that nobody has open, in order and without holes; return how many rows it has.

    Args:
        old: the live file.
        new: where to write; what an earlier try left there is removed. It is on disk when this returns.
        now: the present.
        memory_limit: DuckDB's own limit.
        threads: how many threads DuckDB uses.
    """
    for left in (new, new.with_name(f"{new.name}.wal")):
        left.unlink(missing_ok=True)
    with Store(new, memory_limit=memory_limit, threads=threads) as fresh:
        rows = write_anew(old, fresh)
        Upkeep(fresh).note(now, "compact", None, rows)
        fresh.checkpoint()
    return rows


class Housekeeper:
    """Forgets and compacts between two batches, when it is time. `ready`, `write`, ... are for the loop."""

    def __init__(
        self,
        store: Store,
        published: Path,
        ages: Ages,
        *,
        clock: Clock,
        retain_every: float,
        compact_every: float,
        say: Callable[[str], None],
    ) -> None:
        """Make a housekeeper.

        Args:
            store: what it keeps.
            published: where the store is published: what can go is worked out there.
            ages: how long things are kept.
            clock: tells the time.
            retain_every: seconds between two times of forgetting, whoever did it.
            compact_every: seconds between two times of compacting, if anything was forgotten.
            say: takes sentences for people.
        """
        self._store = store
        self._published = published
        self._ages = ages
        self._clock = clock
        self._retain_every = retain_every
        self._compact_every = compact_every
        self._say = say
        self._looked_at = clock.monotonic()  # what is published now may be of an older Headwater
        self._planning: Planning | None = None
        self._steps: Iterator[Step] | None = None
        self._step: Step | None = None
        self._counts: Counter[str] = Counter()
        self._folder_forgot = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._planning is not None:
            self._planning.close()

    def ready(self) -> bool:
        """Tell whether there is something to do."""
        if self._planning is not None:
            return self._planning.is_done()
        return self._step is not None or self._clock.monotonic() - self._looked_at >= _LOOK

    def sweeps(self) -> bool:
        """Tell whether the next `write` takes away content that a folder may remember; the caller lets it forget."""
        self._folder_forgot = self._step is not None and self._step.sweeps
        return self._folder_forgot

    def caught_up(self) -> bool:
        """Tell whether nothing is under way."""
        return self._planning is None and self._step is None

    def write(self) -> bool:
        """Take one step; return whether anything was written. For the thread that owns the store."""
        if not self.ready():
            return False
        step = self._step
        if step is None:
            self._begin()
            return False
        if step.sweeps and not self._folder_forgot:
            return False
        with self._store.database.transaction():
            step.work()
        self._advance()
        return True

    def _begin(self) -> None:
        """See what is due: forgetting first, for compacting closes the holes that it leaves."""
        now = _datetime(self._clock)
        if self._planning is not None:
            planning, self._planning = self._planning, None
            self._looked_at = self._clock.monotonic()
            try:
                found = planning.plan()
            except StoreError as exc:
                self._say(f"headwater: what is too old stays for now: {exc}")
                return
            self._counts = Counter()
            self._steps = retaining(self._store, found, self._ages, now, self._counts)
            self._advance()
            return
        self._looked_at = self._clock.monotonic()
        upkeep = Upkeep(self._store)
        if any(self._ages) and _is_due(upkeep.retained_at(), now, self._retain_every):
            self._planning = Planning(self._published, self._ages.horizons(now))
        elif upkeep.has_holes() and _is_due(upkeep.compacted_at(), now, self._compact_every):
            self._counts = Counter()
            self._steps = compacting(self._store, now)
            self._advance()

    def _advance(self) -> None:
        assert self._steps is not None
        self._step = next(self._steps, None)
        if self._step is None:
            self._steps = None
            gone = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in self._counts.items() if count)
            if gone:
                self._say(f"Forgot {gone}.")


def _is_due(last: float | None, now: datetime, every: float) -> bool:
    return last is None or now.timestamp() - last >= every


def _datetime(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now() / 1e6, UTC)


def _before(now: datetime, days: float) -> datetime:
    try:
        return now - timedelta(days=days)
    except OverflowError:  # longer ago than the calendar knows
        return datetime.min.replace(tzinfo=UTC)


if __name__ == "__main__":
    try:
        _answer(*sys.argv[1:])
    except StoreError as exc:
        sys.exit(str(exc))
