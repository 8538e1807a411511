"""Measures how long events take from a producer to a reader of the published file, and what memory the sidecar keeps.

    python tests/benchmarks/freshness.py [--rates 100 1000 5000] [--seconds 60]
    python tests/benchmarks/freshness.py --soak 60

A producer of its own process sends realistic events at a steady rate to a topic of three partitions; ``headwater
consume`` runs as its users run it, with its default settings. Whenever the published file is another one, it is opened
as an analyst would, and the offsets in it tell which events are visible now. The age of an event is the time from the
moment the producer stamped it to the first moment at which a reader had it in hand. All share the machine's cores.

``--soak MINUTES`` runs at one rate for long, and compares the memory of the last quarter with that of the second: the
first is left out, in which caches fill.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb
import events
from bench import PARTITIONS, circumstances, keep, opened_broker

if TYPE_CHECKING:
    from broker import Broker

PATIENCE = 120  # seconds that the sidecar may take to begin, and to show the last event
SLICE = 0.01  # seconds: events are sent in so small portions
LOOK = 0.005  # seconds between two looks at the published file
SOAK_RATE = 200


@dataclass(frozen=True)
class Freshness:
    """What one run showed.

    Attributes:
        rate: events that were to be sent in a second.
        sent_rate: those that were.
        p50, p99, most: of the ages of the events, in seconds.
        snapshots: how often the published file was replaced.
        early_mb, late_mb: median resident memory of the sidecar in the second and in the last quarter.
    """

    rate: int
    events: int
    sent_rate: float
    p50: float
    p99: float
    most: float
    snapshots: int
    early_mb: float
    late_mb: float

    def line(self) -> str:
        """Return the run, for people."""
        return (
            f"{self.rate:>8,}/s {self.events:>10,} events  p50 {self.p50:.2f} s  p99 {self.p99:.2f} s  "
            f"most {self.most:.2f} s  {self.snapshots:,} snapshots  {self.early_mb:.0f} → {self.late_mb:.0f} MB"
        )


def produce(server: str, topic: str, rate: int, seconds: float) -> None:
    """Send events at a steady rate. What does not keep up with the rate is sent as fast as it goes."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": server, "linger.ms": 5})
    values = iter(events.Events(1))
    begin = time.monotonic()
    sent = 0
    while (now := time.monotonic() - begin) < seconds:
        while sent < now * rate:
            try:
                producer.produce(topic, next(values), partition=sent % PARTITIONS)
            except BufferError:
                break
            sent += 1
        producer.poll(0)
        time.sleep(SLICE)
    if left := producer.flush(PATIENCE):
        sys.exit(f"{left} events did not reach the topic")


def measure(broker: Broker, rate: int, seconds: float) -> Freshness:
    """Measure one rate on a topic of its own."""
    topic = f"headwater-freshness-{uuid4().hex}"
    broker.create_topic(topic, PARTITIONS)
    try:
        with tempfile.TemporaryDirectory(prefix="headwater-freshness-") as folder:
            store = Path(folder) / "lineage.duckdb"
            with _sidecar(broker.bootstrap_servers, topic, store) as sidecar:
                seen, memory = _watch(broker.bootstrap_servers, topic, store, sidecar.pid, rate, seconds)
        sent = _stamps(broker.bootstrap_servers, topic)
    finally:
        broker.delete_topic(topic)
    ages = sorted(_ages(sent, seen))
    cut = quantiles(ages, n=100)
    quarter = max(1, len(memory) // 4)
    stamps = [stamp for partition in sent.values() for stamp in partition]
    return Freshness(
        rate,
        len(ages),
        len(ages) / (max(stamps) - min(stamps)),
        cut[49],
        cut[98],
        ages[-1],
        len(seen),
        median(memory[quarter : 2 * quarter] or memory),
        median(memory[-quarter:]),
    )


@contextmanager
def _sidecar(server: str, topic: str, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "headwater", "consume", "--bootstrap-servers", server, "--topic", topic]
    with (
        (store.parent / "log").open("wb") as log,
        subprocess.Popen([*command, "--group-id", topic, "--store", str(store)], stderr=log) as sidecar,
    ):
        try:
            deadline = time.monotonic() + PATIENCE
            while not store.exists():
                if sidecar.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"the sidecar did not begin: {(store.parent / 'log').read_text()}")
                time.sleep(LOOK)
            yield sidecar
        finally:
            sidecar.terminate()


def _watch(
    server: str, topic: str, store: Path, pid: int, rate: int, seconds: float
) -> tuple[list[tuple[float, dict[int, int]]], list[float]]:
    """Return when which offsets were visible first, and the sidecar's memory in MB each second."""
    seen: list[tuple[float, dict[int, int]]] = []
    memory: list[float] = []
    known, sampled, visible, ended = 0, 0.0, 0, 0.0
    with subprocess.Popen([sys.executable, __file__, "produce", server, topic, str(rate), str(seconds)]) as producer:
        while True:
            inode = store.stat().st_ino
            if inode != known:
                known = inode
                offsets = _visible_offsets(store)
                if sum(offsets.values()) > visible:
                    visible = sum(offsets.values())
                    seen.append((time.time(), offsets))
            if time.monotonic() - sampled >= 1:
                sampled = time.monotonic()
                memory.append(_resident_mb(pid))
            if producer.poll() is not None:
                if producer.returncode:
                    sys.exit("the producer failed")
                ended = ended or time.monotonic()
                if visible >= _end(server, topic):
                    return seen, memory
                if time.monotonic() - ended > PATIENCE:
                    sys.exit(f"{visible} events are visible, which are not all")
            time.sleep(LOOK)


def _visible_offsets(store: Path) -> dict[int, int]:
    with duckdb.connect(str(store), read_only=True) as connection:
        return dict(connection.execute("SELECT partition, next_offset FROM kafka_offset").fetchall())


def _resident_mb(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024 / 1e6


def _end(server: str, topic: str) -> int:
    """Return how many events there are."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": server, "group.id": f"{topic}-watch"})
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return int(sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places))
    finally:
        consumer.close()


def _stamps(server: str, topic: str) -> dict[int, list[float]]:
    """Return when each event was sent, in seconds since 1970, by partition and offset."""
    from confluent_kafka import Consumer, TopicPartition

    found: dict[int, list[float]] = {number: [] for number in range(PARTITIONS)}
    left = _end(server, topic)
    consumer = Consumer({"bootstrap.servers": server, "group.id": f"{topic}-stamps", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        while left:
            for message in consumer.consume(1000, timeout=10):
                partition = message.partition()
                assert partition is not None
                found[partition].append(message.timestamp()[1] / 1000)
                left -= 1
    finally:
        consumer.close()
    return found


def _ages(sent: dict[int, list[float]], seen: list[tuple[float, dict[int, int]]]) -> Iterator[float]:
    for partition, stamps in sent.items():
        first = 0
        for moment, offsets in seen:
            end = offsets.get(partition, 0)
            yield from (moment - stamp for stamp in stamps[first:end])
            first = max(first, end)


def main() -> None:
    """Measure, print and keep the results."""
    if sys.argv[1:2] == ["produce"]:
        produce(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description="Measures how long an event takes to its readers.")
    parser.add_argument("--rates", type=int, nargs="+", default=[100, 1000, 5000], help="events in a second")
    parser.add_argument("--seconds", type=float, default=60, help="how long each rate is kept up (default 60)")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help=f"keep {SOAK_RATE} events/s up for long instead")
    arguments = parser.parse_args()
    rates = [SOAK_RATE] if arguments.soak else arguments.rates
    seconds = arguments.soak * 60 if arguments.soak else arguments.seconds
    runs = []
    with opened_broker() as broker:
        if broker is None:
            sys.exit(1)
        for rate in rates:
            runs.append(measure(broker, rate, seconds))
            print(runs[-1].line(), flush=True)
        name = "soak" if arguments.soak else "freshness"
        keep(name, {"broker": broker.way, "seconds": seconds, "runs": [asdict(run) for run in runs], **circumstances()})


if __name__ == "__main__":
    main()
