"""Measures how a batch gets slower as the store grows, and writes results.json beside this file.

    python tests/benchmarks/growth.py [--edges 10000 100000 1000000] [--days 10] [--batches 15]
    python tests/benchmarks/growth.py --edges 10000000 --days 1     # a million jobs; replays for 15 minutes first

The stores are those of ``queries.py``, kept in ``.cache/estate``. Each gets batches of a sidecar that has caught up, of
210 events each: the runs of one more day of two pipelines begin, and those that began with the batch before end and are
checked. A batch is written and published, as ``consume`` does it once a second. The first two are not counted, and
medians of the others are printed: of writing (one transaction) and of publishing (a checkpoint, and the blocks that
changed), in milliseconds.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import bench
import estate
import queries
import stages
from headwater.core import make_folder
from headwater.publish import Publisher
from headwater.settings import settings
from headwater.store import Store

PIPELINES = 2  # of a batch
UNCOUNTED = 2


def batches(pipelines: int, days: int, count: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield, for each batch, events that are in the store and have all facets of it, and the batch itself."""
    ending: list[bytes] = []
    for batch in range(count):
        chosen = [(batch * PIPELINES + place) * 7919 % pipelines for place in range(PIPELINES)]
        known = [event.encode() for event in estate.estate(chosen, [days - 1])]
        new = [event.encode() for event in estate.estate(chosen, [days + batch * PIPELINES // pipelines])]
        yield known, ending + [event for event in new if b'"START"' in event]
        ending = [event for event in new if b'"START"' not in event]


def measured(store: Path, pipelines: int, days: int, count: int) -> dict[str, float]:
    """Return the milliseconds of a batch, and what there is in the store."""
    chosen, folder, offset = settings(), make_folder(), 0
    writes: list[float] = []
    publishes: list[float] = []
    with tempfile.TemporaryDirectory(dir=store.parent) as directory:
        live = Path(directory) / "live.duckdb"
        shutil.copyfile(store, live)
        with Store(live, memory_limit=chosen.memory_limit, threads=chosen.threads) as opened:
            sizes = "SELECT (SELECT count(*) FROM store.lineage_edge), (SELECT count(*) FROM store.run)"
            ((edges, runs),) = opened.database.rows(sizes)
            publisher = Publisher(live, Path(directory) / "lineage.duckdb", checkpoint=opened.checkpoint)
            for known, new in batches(pipelines, days, UNCOUNTED + count):
                stages.fold(folder, known, 0, folder.new_batch())
                batch = folder.new_batch()
                offset += stages.fold(folder, new, offset, batch)
                tables = batch.tables(0, {})
                start = time.perf_counter()
                opened.write(tables)
                writes.append(1e3 * (time.perf_counter() - start))
                publishes.append(1e3 * publisher.publish().seconds)
        publisher.close()
    return {
        "edges": edges,
        "runs": runs,
        "store_mb": store.stat().st_size / 1e6,
        "write_ms": median(writes[UNCOUNTED:]),
        "publish_ms": median(publishes[UNCOUNTED:]),
    }


def main() -> None:
    """Measure, print and keep the results."""
    parser = argparse.ArgumentParser(description="Measures how long a batch takes by the size of the store.")
    parser.add_argument("--edges", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of stores")
    parser.add_argument("--days", type=int, default=10, help="how often each job has run (default 10)")
    parser.add_argument("--batches", type=int, default=15, help="batches that are measured of each store (default 15)")
    arguments = parser.parse_args()
    gc.disable()  # the commands look for cycles rarely, too
    for edges in arguments.edges:
        pipelines = max(edges // estate.EDGES, PIPELINES)
        store = queries.built(pipelines, arguments.days)
        result = measured(store, pipelines, arguments.days, arguments.batches)
        print(", ".join(f"{name} {value:,.0f}" for name, value in result.items()), flush=True)
        bench.keep(f"batches at {pipelines * estate.EDGES} edges, {arguments.days} days", result)


if __name__ == "__main__":
    main()
