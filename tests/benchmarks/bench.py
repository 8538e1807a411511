"""Measures Headwater against the least that the same work could cost, and writes results.json beside this file.

    python tests/benchmarks/bench.py [--events 40000] [--pairs 3] [--only replay|core|consume] [--memory]
    python tests/benchmarks/bench.py --size [--events 200000]

**replay**: ``headwater replay FILE`` against DuckDB reading the same file with ``read_json`` in the same number of
threads. DuckDB is told all columns: the whole envelope is typed, down to the datasets, and facets are JSON; nothing is
detected. Every column is used, so that none is skipped, and nothing is stored, which favours DuckDB.

**core**: the same replay with Python doing the work of the compiled core, against the compiled one, where there is one.

**consume**: ``headwater consume --until-caught-up`` against a bare loop of kafka-python that polls the same topic of
three partitions to its end, with fetches as large, and looks at no value. The broker is that of the tests.

**memory** (``--memory``, some minutes): the peak of ``headwater replay`` on a file of 1 GB.

**size** (``--size``, and nothing else): how large a store of so many events is, by million events: as replay leaves it,
compacted, and compacted without the bodies of events (``--retain-events``).

Both sides are whole processes, from start to exit; they take turns after a warm-up, and each pair gives a ratio. Beside
it stand what the work alone took inside the process, without starting Python and importing, and what the processor was
busy with, which other processes disturb least. Nothing here asserts a time: seconds of two machines, or of a busy one,
cannot be compared. Ratios can, with care.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import events
from headwater.core import is_compiled

if TYPE_CHECKING:
    from broker import Broker

RESULTS = Path(__file__).with_name("results.json")
PARTITIONS = 3
THREADS = 2  # of DuckDB, on both sides
GIGABYTE = 10**9
PACKAGES = ("headwater", "duckdb", "kafka-python", "msgspec", "pyarrow")

DATASET = "STRUCT(namespace VARCHAR, name VARCHAR, facets JSON, {side}Facets JSON)[]"
ENVELOPE = {
    "eventTime": "VARCHAR",
    "eventType": "VARCHAR",
    "producer": "VARCHAR",
    "schemaURL": "VARCHAR",
    "run": "STRUCT(runId VARCHAR, facets JSON)",
    "job": "STRUCT(namespace VARCHAR, name VARCHAR, facets JSON)",
    "inputs": DATASET.format(side="input"),
    "outputs": DATASET.format(side="output"),
}
READ_JSON = """
    SELECT
        count(*) AS events,
        sum(
            strlen(eventTime) + strlen(eventType) + strlen(producer) + strlen(schemaURL)
            + strlen(run.runId) + strlen(run.facets::VARCHAR)
            + strlen(job.namespace) + strlen(job.name) + strlen(job.facets::VARCHAR)
            + coalesce(list_sum([
                strlen(d.namespace) + strlen(d.name) + strlen(d.facets::VARCHAR) + strlen(d.inputFacets::VARCHAR)
                FOR d IN inputs
            ]), 0)
            + coalesce(list_sum([
                strlen(d.namespace) + strlen(d.name) + strlen(d.facets::VARCHAR) + strlen(d.outputFacets::VARCHAR)
                FOR d IN outputs
            ]), 0)
        ) AS bytes
    FROM read_json($path, format = 'newline_delimited', columns = $columns)
"""


@dataclass(frozen=True)
class Sample:
    """One process: how long it took, what it used, and how long its work alone took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    work_seconds: float


@dataclass(frozen=True)
class Side:
    """What one side of a comparison does on average, by the median of its processes."""

    events_per_second: float
    mb_per_second: float
    seconds: float
    cpu_seconds: float
    work_seconds: float
    work_events_per_second: float
    peak_mb: float


@dataclass(frozen=True)
class Comparison:
    """Headwater against a baseline.

    Attributes:
        ratios: of the seconds of each pair, Headwater's by the baseline's.
    """

    events: int
    megabytes: float
    headwater: Side
    baseline: Side
    ratios: list[float]
    ratio: float
    work_ratio: float
    cpu_ratio: float

    def lines(self, name: str, baseline: str) -> Iterator[str]:
        """Yield the comparison, for people."""
        yield f"{name}: {self.events:,} events, {self.megabytes:,.0f} MB, {len(self.ratios)} pairs"
        yield f"  {'':<20}{'events/s':>10}{'MB/s':>8}{'seconds':>9}{'CPU s':>8}{'work s':>8}{'peak MB':>9}"
        for who, side in ("headwater", self.headwater), (baseline, self.baseline):
            yield (
                f"  {who:<20}{side.events_per_second:>10,.0f}{side.mb_per_second:>8.1f}{side.seconds:>9.2f}"
                f"{side.cpu_seconds:>8.2f}{side.work_seconds:>8.2f}{side.peak_mb:>9.0f}"
            )
        pairs = ", ".join(f"{ratio:.1f}" for ratio in self.ratios)
        yield f"  {self.ratio:.1f} times as long ({pairs}); CPU {self.cpu_ratio:.1f}, work alone {self.work_ratio:.1f}"


def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> Sample:
    """Run this script as a child that does *arguments*, and measure it from outside."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, __file__, *map(str, arguments)],
            stdout=out,
            stderr=errors,
            env=environment or clean_environment(),
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if child.returncode:
            sys.exit(f"{' '.join(map(str, arguments))} ended with {child.returncode}:\n{errors.read().decode()}")
        work = float(out.read().split()[-1])
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6, work)


def clean_environment() -> dict[str, str]:
    """Return the environment without a developer's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}


def compare(
    events_count: int, size: int, pairs: int, headwater: Callable[[], Sample], baseline: Callable[[], Sample]
) -> Comparison:
    """Let both take turns, after one turn each that does not count."""
    headwater()
    baseline()
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for _ in range(pairs):
        ours.append(headwater())
        theirs.append(baseline())
    couples = list(zip(ours, theirs, strict=True))
    ratios = [our.seconds / their.seconds for our, their in couples]
    return Comparison(
        events_count,
        size / 1e6,
        _side(ours, events_count, size),
        _side(theirs, events_count, size),
        ratios,
        median(ratios),
        median(our.work_seconds / their.work_seconds for our, their in couples),
        median(our.cpu_seconds / their.cpu_seconds for our, their in couples),
    )


def _side(samples: list[Sample], events_count: int, size: int) -> Side:
    seconds, work = median(s.seconds for s in samples), median(s.work_seconds for s in samples)
    return Side(
        events_count / seconds,
        size / 1e6 / seconds,
        seconds,
        median(s.cpu_seconds for s in samples),
        work,
        events_count / work,
        median(s.peak_mb for s in samples),
    )


@contextmanager
def event_file(**amount: int) -> Iterator[tuple[Path, int, int]]:
    """Yield a file of events, how many they are and how many bytes."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        path = Path(folder) / "events.ndjson"
        with path.open("wb", 1 << 20) as out:
            made, size = events.write(out, events=amount.get("events"), size=amount.get("size"))
        yield path, made, size


def stores(folder: Path) -> Iterator[Path]:
    """Yield paths of stores that are not there yet."""
    for number in count():
        yield folder / str(number) / "lineage.duckdb"


def measure_replay(path: Path, events_count: int, size: int, pairs: int) -> Comparison:
    """Measure replay against read_json."""
    replay = replaying(path, path.parent / "replay")
    return compare(events_count, size, pairs, lambda: replay({}), lambda: run("read-json", path))


def measure_core(path: Path, events_count: int, size: int, pairs: int) -> Comparison:
    """Measure replay with Python's core against replay with the compiled one."""
    replay = replaying(path, path.parent / "core")
    return compare(events_count, size, pairs, lambda: replay({"HEADWATER_CORE": "python"}), lambda: replay({}))


def replaying(path: Path, folder: Path) -> Callable[[dict[str, str]], Sample]:
    """Return what replays a file into a new store in *folder*, with some variables set."""
    fresh = stores(folder)

    def replay(variables: dict[str, str]) -> Sample:
        where = ("--store", _made(next(fresh)), "--threads", str(THREADS))
        return run("headwater", "replay", path, *where, environment=clean_environment() | variables)

    return replay


def measure_consume(path: Path, events_count: int, size: int, pairs: int, broker: Broker) -> Comparison:
    """Measure consume against a bare poll loop."""
    topic, server, fresh = f"headwater-bench-{uuid4().hex}", broker.bootstrap_servers, stores(path.parent / "kafka")
    broker.create_topic(topic, PARTITIONS)
    try:
        produce(server, topic, path)
        where = ("--bootstrap-servers", server, "--topic", topic, "--threads", str(THREADS))
        return compare(
            events_count,
            size,
            pairs,
            lambda: run("headwater", "consume", "--until-caught-up", *where, "--store", _made(next(fresh))),
            lambda: run("poll-loop", server, topic),
        )
    finally:
        broker.delete_topic(topic)


def _made(store: Path) -> Path:
    store.parent.mkdir(parents=True)
    return store


def produce(server: str, topic: str, path: Path) -> None:
    """Put a file's lines on a topic, spread over its partitions."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": server, "linger.ms": 50, "batch.size": 1 << 20})
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            while True:
                try:
                    producer.produce(topic, line.rstrip(), partition=number % PARTITIONS)
                    break
                except BufferError:
                    producer.poll(0.1)
    if left := producer.flush(60):
        sys.exit(f"{left} events did not reach the topic")


def measure_memory() -> dict[str, float]:
    """Measure the peak memory of a replay of 1 GB."""
    with event_file(size=GIGABYTE) as (path, made, size):
        store = _made(path.parent / "store" / "lineage.duckdb")
        sample = run("headwater", "replay", path, "--store", store, "--threads", str(THREADS))
        return {"events": made, "megabytes": size / 1e6, "store_mb": store.stat().st_size / 1e6, **asdict(sample)}


def measure_size(events_count: int) -> dict[str, float]:
    """Measure how large a store is, in MB for a million events."""
    with event_file(events=events_count) as (path, made, size):
        store = _made(path.parent / "store" / "lineage.duckdb")
        where = ("--store", store)
        sizes: dict[str, float] = {"events": made, "event_bytes": size / made}
        for name, command in (
            ("replayed", ("replay", path, *where)),
            ("compacted", ("compact", *where)),
            ("without_bodies", ("retain", "--retain-events", "0.001", *where)),  # their time is long past
            ("without_bodies", ("compact", *where)),
        ):
            run("headwater", *command)
            sizes[f"{name}_mb_by_million"] = store.stat().st_size / made
        return sizes


# What the children do. Each prints how long its work took, when everything was imported.


def run_headwater(*arguments: str) -> None:
    """Do what the command of that name does."""
    import headwater.cli.running
    import headwater.sources.files
    import headwater.sources.kafka  # noqa: F401
    from headwater.cli import main

    start = time.perf_counter()
    try:
        sys.argv = ["headwater", *arguments]
        main()
    finally:
        print(time.perf_counter() - start)


def run_read_json(path: str) -> None:
    """Read a file of events with nothing but DuckDB."""
    import duckdb

    start = time.perf_counter()
    with duckdb.connect(config={"threads": THREADS}) as connection:
        rows = connection.execute(READ_JSON, {"path": path, "columns": ENVELOPE}).fetchall()
    seconds = time.perf_counter() - start
    print(*rows, seconds)


def run_poll_loop(server: str, topic: str) -> None:
    """Read a topic to its end with nothing but kafka-python."""
    from kafka import KafkaConsumer, TopicPartition

    start = time.perf_counter()
    consumer = KafkaConsumer(
        bootstrap_servers=server,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=64 << 20,
        max_partition_fetch_bytes=16 << 20,
        max_poll_records=10_000,
    )
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    received = size = 0
    while received < sum(ends.values()):
        for records in consumer.poll(timeout_ms=1000).values():
            received += len(records)
            size += sum(len(record.value) for record in records)
    consumer.close()
    print(received, size, time.perf_counter() - start)


CHILDREN: dict[str, Callable[..., None]] = {
    "headwater": run_headwater,
    "read-json": run_read_json,
    "poll-loop": run_poll_loop,
}


def circumstances() -> dict[str, Any]:
    """Return what the numbers depend on."""
    return {
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": THREADS,
        "compiled": is_compiled(),
    }


def main() -> None:
    """Measure, print and keep the results."""
    if len(sys.argv) > 1 and sys.argv[1] in CHILDREN:
        CHILDREN[sys.argv[1]](*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description="Measures Headwater against the least that the work could cost.")
    parser.add_argument("--events", type=int, default=events.EVENTS, help=f"how many (default {events.EVENTS})")
    parser.add_argument("--pairs", type=int, default=3, help="how often both sides take turns (default 3)")
    parser.add_argument("--only", choices=("replay", "core", "consume"), help="measure only this")
    parser.add_argument("--memory", action="store_true", help="measure the memory that 1 GB takes as well; slow")
    parser.add_argument("--size", action="store_true", help="measure only how large a store of the events is")
    arguments = parser.parse_args()
    if arguments.size:
        sizes = measure_size(arguments.events)
        print(*(f"{name}: {value:,.0f}" for name, value in sizes.items()), sep="\n")
        keep("size", sizes)
        return
    keep("circumstances", circumstances())
    with event_file(events=arguments.events) as (path, made, size):
        if arguments.only in (None, "replay"):
            comparison = measure_replay(path, made, size, arguments.pairs)
            print(*comparison.lines("replay", "duckdb read_json"), sep="\n", flush=True)
            keep("replay", asdict(comparison))
        if arguments.only in (None, "core") and is_compiled():
            comparison = measure_core(path, made, size, arguments.pairs)
            print(*comparison.lines("replay with Python's core", "compiled core"), sep="\n", flush=True)
            keep("core", asdict(comparison))
        if arguments.only in (None, "consume"):
            with opened_broker() as broker:
                if broker:
                    comparison = measure_consume(path, made, size, arguments.pairs, broker)
                    print(*comparison.lines("consume", "kafka-python poll"), sep="\n", flush=True)
                    keep("consume", {"broker": broker.way, **asdict(comparison)})
    if arguments.memory:
        memory = measure_memory()
        keep("memory", memory)
        print(f"memory: {memory['peak_mb']:,.0f} MB at most for {memory['megabytes']:,.0f} MB of events")


@contextmanager
def opened_broker() -> Iterator[Broker | None]:
    """Yield the broker of the tests, or None and say why there is none."""
    sys.path.append(str(Path(__file__).parents[1]))
    from broker import NoBrokerError, open_broker

    try:
        broker = open_broker()
    except NoBrokerError as reason:
        print(f"consume: not measured, there is no Kafka broker: {reason}.")
        yield None
        return
    with closing(broker):
        yield broker


def keep(name: str, result: dict[str, Any]) -> None:
    """Put a result in place of the one that was there."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = _rounded(result)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(f"{name}: written to {RESULTS.name}.", file=sys.stderr)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
