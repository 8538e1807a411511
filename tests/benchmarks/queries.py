"""Measures how long questions take that are asked of small and large stores, and writes results.json beside this file.

    python tests/benchmarks/queries.py [--edges 1000 10000 100000] [--days 10] [--rounds 9]
    python tests/benchmarks/queries.py --edges 100000 --days 100     # 10,000 jobs, a million runs and check results

The events of ``estate.py`` are replayed into a store for each size, which is kept in ``.cache/estate``. The answer to
each question is as large whatever the size of the store, so this shows whether the cost grows with the answer or with
the store. The published file is opened read-only with two threads; each question is asked once unmeasured, and the
median of the rounds counts: planning and running, till the whole answer is there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import bench
import duckdb
import estate

CACHE = Path(__file__).parents[2] / ".cache" / "estate"
TOP, BOTTOM = estate.table(0, 0, 0), estate.table(0, *estate.SYMPTOM)
QUESTIONS = {
    "upstream": f"FROM upstream('{estate.NAMESPACE}', '{BOTTOM}')",
    "downstream": f"FROM downstream('{estate.NAMESPACE}', '{TOP}')",
    "column_upstream": f"FROM column_upstream('{estate.NAMESPACE}', '{BOTTOM}', 'amount')",
    "root_cause": f"FROM root_cause('{estate.NAMESPACE}', '{BOTTOM}')",
    "blast_radius": f"FROM blast_radius('{estate.NAMESPACE}', '{TOP}')",
}


def built(pipelines: int, days: int) -> Path:
    """Return the store of an estate, replayed if it is not there."""
    folder = CACHE / f"{pipelines}-{days}"
    store = folder / "lineage.duckdb"
    if not store.exists():
        folder.mkdir(parents=True, exist_ok=True)
        size = ("--pipelines", str(pipelines), "--days", str(days))
        with subprocess.Popen(
            [sys.executable, estate.__file__, *size], stdout=subprocess.PIPE, env=bench.clean_environment()
        ) as events:
            replay = [sys.executable, "-m", "headwater", "replay", "-", "--store", str(store)]
            # The same facets come each day: enough memory for all of them, as whoever runs such an estate would give.
            environment = bench.clean_environment() | {"HEADWATER_CACHE_MEMORY": "1024"}
            subprocess.run(replay, stdin=events.stdout, check=True, env=environment)
    return store


def measured(store: Path, rounds: int) -> dict[str, float]:
    """Return the milliseconds of each question, and what there is in the store."""
    with duckdb.connect(str(store), read_only=True, config={"threads": bench.THREADS}) as connection:
        counts = "SELECT (SELECT count(*) FROM edge), (SELECT count(*) FROM run), (SELECT count(*) FROM check_result)"
        result = dict(zip(("edges", "runs", "check_results"), connection.execute(counts).fetchall()[0], strict=True))
        for name, question in QUESTIONS.items():
            connection.execute(question)
            seconds = []
            for _ in range(rounds):
                start = time.perf_counter()
                connection.execute(question)
                seconds.append(time.perf_counter() - start)
            result[name] = 1e3 * median(seconds)
    return result


def main() -> None:
    """Measure, print and keep the results."""
    parser = argparse.ArgumentParser(description="Measures how long questions take by the size of the store.")
    parser.add_argument("--edges", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="sizes of stores")
    parser.add_argument("--days", type=int, default=10, help="how often each job has run (default 10)")
    parser.add_argument("--rounds", type=int, default=9, help="how often each question is asked (default 9)")
    arguments = parser.parse_args()
    for edges in arguments.edges:
        pipelines = max(edges // estate.EDGES, 1)
        result = measured(built(pipelines, arguments.days), arguments.rounds)
        print(", ".join(f"{name} {value:,.0f}" for name, value in result.items()), flush=True)
        bench.keep(f"questions of {pipelines * estate.EDGES} edges, {arguments.days} days", result)


if __name__ == "__main__":
    main()
