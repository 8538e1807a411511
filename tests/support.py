"""What several tests need: events on their way into a store without a loop, and where the shared corpora are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from headwater.batch import Batch
from headwater.errors import UnreadableRecord
from headwater.event import decode
from headwater.fold import Folder, Origin
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


def values_of(*paths: Path) -> list[bytes]:
    """Return the lines of event files."""
    return [line for path in paths for line in path.read_bytes().split(b"\n") if line.strip()]


def fold_all(values: Iterable[bytes], folder: Folder | None = None, topic: str = "t", first: int = 0) -> Batch:
    """Return a batch of everything that *values* say."""
    batch = Batch()
    folder = folder or Folder()
    for offset, value in enumerate(values, first):
        for element, event in enumerate(decode(value)):
            try:
                if isinstance(event, UnreadableRecord):
                    raise event
                folder.fold(event, Origin(topic, 0, offset, element, 0), batch)
            except UnreadableRecord as why:
                batch.reject(_Record(topic, 0, offset, value), element, 0, why)
    return batch


class _Record:
    def __init__(self, topic: str, partition: int, offset: int, value: bytes) -> None:
        self.topic, self.partition, self.offset, self.value = topic, partition, offset, value


def write_all(store: Store, batches: Sequence[Sequence[bytes]], folder: Folder | None = None) -> None:
    """Fold and write *values*, a transaction for each batch."""
    first = 0
    for values in batches:
        store.write(fold_all(values, folder, first=first).tables(0, {}))
        first += len(values)


def empty(store: Store) -> None:
    """Take every row out of a store, which is faster than making another one."""
    tables = store.database.rows(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store' AND table_name != 'migration'"
    )
    for (table,) in tables:
        store.database.run(f'DELETE FROM store."{table}"')


def digest_of(store: Store) -> dict[str, tuple[int, str]]:
    """Return the digest of each view, so that a difference shows where it is."""
    rows = store.database.rows("SELECT name, rows, sum::VARCHAR FROM store.digest")
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
