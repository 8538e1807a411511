"""What several tests need: events on their way into a store without a loop, and where the shared corpora are."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest
from headwater.batch import Batch
from headwater.core import make_folder
from headwater.errors import UnreadableRecord
from headwater.event import decode
from headwater.fold import Folder, Origin
from headwater.sources import Record
from headwater.store import Store

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
SALES = ROOT / "tests" / "data" / "sales_platform"


def corpora() -> list[Path]:
    """Return the recorded event files that lie beside the project, if they do."""
    return sorted((SHARED / "events").glob("*/*.ndjson"))


def corpus_parameters() -> list[Any]:
    """Return the corpora as parameters of a test; one that skips, with a sentence, when they are absent."""
    found = corpora()
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip("no recorded events lie beside the project"))]
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in found]


def recorded(name: str) -> list[bytes]:
    """Return the events of the corpus *name*, a path below the recorded events; skips when it is absent."""
    path = SHARED / "events" / f"{name}.ndjson"
    if not path.exists():
        pytest.skip("no recorded events lie beside the project")
    return values_of(path)


def values_of(*paths: Path) -> list[bytes]:
    """Return the lines of event files."""
    return [line for path in paths for line in path.read_bytes().split(b"\n") if line.strip()]


def fold_all(values: Iterable[bytes], folder: Folder | None = None, topic: str = "t", first: int = 0) -> Batch:
    """Return a batch of everything that *values* say."""
    folder = folder or make_folder()
    batch = folder.new_batch()
    fold_records(batch, folder, [Record(topic, 0, offset, value) for offset, value in enumerate(values, first)])
    return batch


def fold_records(batch: Batch, folder: Folder, records: Sequence[Record]) -> None:
    """Add what records say to *batch*, as the loop does."""
    for place in folder.fold_ordinary(records, 0, sys.maxsize, batch):
        record = records[place]
        for element, event in enumerate(decode(record.value or b"")):
            try:
                if isinstance(event, UnreadableRecord):
                    raise event
                folder.fold(event, Origin(record.topic, record.partition, record.offset, element, 0), batch)
            except UnreadableRecord as why:
                batch.reject(record, element, 0, why)


def write_all(store: Store, batches: Sequence[Sequence[bytes]], folder: Folder | None = None) -> None:
    """Fold and write *values*, a transaction for each batch."""
    first = 0
    for values in batches:
        store.write(fold_all(values, folder, first=first).tables(0, {}))
        first += len(values)


def empty(store: Store) -> None:
    """Take every row out of a store, which is faster than making another one."""
    tables = store.database.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store'")
    for (table,) in tables:
        if table in ("migration", "views"):
            continue
        store.database.run(f'DELETE FROM store."{table}"')


def digest_of(store: Store) -> dict[str, tuple[int, str]]:
    """Return the digest of each view, so that a difference shows where it is."""
    rows = store.database.rows("SELECT name, rows, sum::VARCHAR FROM store.digest()")
    return {name: (count, total) for name, count, total in rows}


def digest_text(digest: dict[str, tuple[int, str]]) -> str:
    """Return what ``headwater digest`` prints for a digest."""
    return sha256(repr([(name, *digest[name]) for name in sorted(digest)]).encode()).hexdigest()


def arrangements(values: list[bytes], seed: int = 0) -> Iterator[tuple[str, list[list[bytes]]]]:
    """Yield the ways in which the same events may arrive, as batches."""
    shuffled = random.Random(seed).sample(values, len(values))
    third = -(-len(values) // 3)
    yield "in order", [values]
    yield "reversed", [values[::-1]]
    yield "shuffled", [shuffled]
    yield "doubled", [values, values]
    yield "doubled in one batch", [[value for value in values for _ in range(2)]]
    yield "split in three", [values[:third], values[third : 2 * third], values[2 * third :]]
    yield "shuffled and split in three", [shuffled[:third], shuffled[third : 2 * third], shuffled[2 * third :]]


class Told:
    """A store that is told events and asked what it made of them, through the views that users have."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._next_offset = 0

    def __call__(self, *events: Any) -> Told:
        """Tell events in this order, each in a record of its own; bytes are told as they are."""
        values = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
        self.store.write(fold_all(values, first=self._next_offset).tables(0, {}))
        self._next_offset += len(values)
        return self

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, sorted if it does not say how."""
        return self.store.database.rows(sql if "ORDER BY" in sql else f"SELECT * FROM ({sql}) ORDER BY ALL")

    def edges(self, relation: str = "edge") -> set[tuple[str, str, str | None, str, bool]]:
        """Return the edges: upstream, downstream, job, evidence, current."""
        rows = self.rows(f"SELECT upstream_name, downstream_name, job_name, evidence, is_current FROM {relation}")
        assert len(rows) == len(set(rows)), "an edge stands there twice"
        return set(rows)

    def column_edges(self) -> set[tuple[str, str | None, str, str | None, str | None]]:
        """Return the current column edges: upstream, its field, downstream, its field, transformation type."""
        return set(
            self.rows(
                "SELECT upstream_name, upstream_field, downstream_name, downstream_field, transformation_type "
                "FROM column_edge WHERE is_current"
            )
        )

    def states(self) -> dict[str, str | None]:
        """Return the state of each run."""
        rows = self.rows("SELECT run_id, state FROM run")
        assert len(rows) == len({run for run, _ in rows}), "a run stands there twice"
        return dict(rows)


def replay(folder: Path, *events: Any, settings: str = "") -> str:
    """Replay events with ``headwater replay`` into ``folder/lineage.duckdb``; *settings* is the text of headwater.toml.

    Returns:
        what the command said, if it failed; else an empty text.
    """
    (folder / "headwater.toml").write_text(settings)
    (folder / "events.ndjson").write_bytes(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    return headwater(folder, "replay", "events.ndjson")


def headwater(folder: Path, *arguments: str) -> str:
    """Run a command in *folder*; return what it said, if it failed, else an empty text."""
    done = subprocess.run([sys.executable, "-m", "headwater", *arguments], cwd=folder, capture_output=True, text=True)
    return done.stderr or f"exit {done.returncode}" if done.returncode else ""


def read(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query on the store that `replay` published."""
    with duckdb.connect(str(folder / "lineage.duckdb"), read_only=True) as store:
        return store.execute("SET TimeZone = 'UTC'").execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(1 << 12)):
            pass
    return filler
