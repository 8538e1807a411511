"""What producers send, what has to become of it, and the sidecar that it is sent to.

A `Stream` makes records out of the official client's own classes, the same ones for the same seed, and knows what each
of them holds. A `Feed` writes them to a topic through that client's own transport. `account` compares a store with what
was produced; it takes nothing of Headwater's for granted but the columns of the views.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

import duckdb
from broker import Broker
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import OFFSET_BEGINNING
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset
from openlineage.client.serde import Serde
from openlineage.client.transport.kafka import KafkaConfig, KafkaTransport

PRODUCER = "https://example.com/test"
JOBS = 12
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
PATIENCE = 60.0
NOBODY = "127.0.0.1:1"  # nothing listens there

T = TypeVar("T")

# Events and records


class Element(NamedTuple):
    """What one place in a record has to become: an event, known by its canonical JSON, or a dead letter."""

    event: str | None
    reason: str | None = None


class Made(NamedTuple):
    """A record; a tombstone has no value and no elements. A whole event may be sent by the client itself."""

    value: bytes | None
    elements: tuple[Element, ...]
    whole: RunEvent | None = None


def run_event(number: int, moment: int, *, complete: bool, job: int | None = None) -> RunEvent:
    """Return an event of the run *number*: each job reads the table of the one before and writes its own."""
    step = number % JOBS if job is None else job
    upstream, downstream = f"sales.table_{step}", f"sales.table_{step + 1}"
    columns = [schema_dataset.SchemaDatasetFacetFields("id", "BIGINT")]
    columns += [schema_dataset.SchemaDatasetFacetFields(f"c{number // 500}", "VARCHAR")]
    source = column_lineage_dataset.InputField("duckdb:///test.duckdb", upstream, "id")
    lineage = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={"id": column_lineage_dataset.Fields(inputFields=[source])}
    )
    facets: dict[str, Any] = {"schema": schema_dataset.SchemaDatasetFacet(fields=columns)}
    if complete:
        facets["columnLineage"] = lineage
    return RunEvent(
        eventType=RunState.COMPLETE if complete else RunState.START,
        eventTime=(BEGIN + timedelta(seconds=moment)).isoformat(),
        run=Run(str(UUID(int=number))),
        job=Job("airflow", f"job_{step}"),
        inputs=[InputDataset("duckdb:///test.duckdb", upstream)],
        outputs=[OutputDataset("duckdb:///test.duckdb", downstream, facets=facets)],
        producer=PRODUCER,
    )


def bytes_of(event: RunEvent) -> bytes:
    """Return an event as the client's transport writes it."""
    return Serde.to_json(event).encode()


def canonical(value: bytes) -> str:
    return json.dumps(json.loads(value), sort_keys=True)


def plain(number: int) -> bytes:
    """Return one event: a run of its own that starts."""
    return bytes_of(run_event(number, number, complete=False))


def made(value: bytes) -> Made:
    return Made(value, (Element(canonical(value)),))


class Stream:
    """Records without end: 90 % events, some doubled or in arrays, 1 % unreadable, a few tombstones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._events = self._shuffled()
        self._sent: list[bytes] = []

    def __iter__(self) -> Iterator[Made]:
        while True:
            yield self._record()

    def _record(self) -> Made:
        dice = self._random.random()
        if dice < 0.005:
            return Made(None, ())
        if dice < 0.015:
            return self._unreadable()
        if dice < 0.035 and self._sent:
            return made(self._again())
        if dice < 0.075:
            return self._array()
        event = next(self._events)
        return made(self._note(bytes_of(event)))._replace(whole=event)

    def _shuffled(self) -> Iterator[RunEvent]:
        """Yield both events of each run, no two runs of which are in order."""
        waiting: list[RunEvent] = []
        number = 0
        while True:
            while len(waiting) < 60:
                waiting.append(run_event(number, number, complete=False))
                waiting.append(run_event(number, number + 40, complete=True))
                number += 1
            yield waiting.pop(self._random.randrange(len(waiting)))

    def _note(self, value: bytes) -> bytes:
        self._sent.append(value)
        return value

    def _again(self) -> bytes:
        """Return an earlier event, sometimes written differently: it is the same event all the same."""
        value = self._random.choice(self._sent)
        if self._random.random() < 0.3:
            members = list(json.loads(value).items())
            self._random.shuffle(members)
            value = json.dumps(dict(members), indent=1).encode()
        return value

    def _array(self) -> Made:
        count = self._random.randrange(2, 5)
        places = [made(self._note(bytes_of(next(self._events)))) for _ in range(count)]
        if self._random.random() < 0.3:
            places[self._random.randrange(count)] = made(self._again())
        if self._random.random() < 0.3:
            places[self._random.randrange(count)] = self._without_run_id()
        value = b"[" + b", ".join(place.value or b"" for place in places) + b"]"
        return Made(value, tuple(place.elements[0] for place in places))

    def _unreadable(self) -> Made:
        event = bytes_of(next(self._events))
        kind = self._random.randrange(6)
        if kind == 0:
            return self._without_run_id()
        values = {
            1: ("invalid_json", event[: self._random.randrange(1, len(event))]),
            2: ("invalid_utf8", event.replace(b"sales", b"sal\xff\xfees")),
            3: ("invalid_json", event.replace(b'"producer":', b'"share": NaN, "producer":', 1)),
            4: ("no_event_time", event.replace(b'"eventTime": "', b'"eventTime": "yesterday ', 1)),
            5: ("not_an_event", b'"a log line that went astray"'),
        }
        reason, value = values[kind]
        return Made(value, (Element(None, reason),))

    def _without_run_id(self) -> Made:
        event = Serde.to_dict(next(self._events))
        del event["run"]["runId"]
        return Made(json.dumps(event).encode(), (Element(None, "no_run_id"),))


# Writing to the topic


class Feed:
    """Writes to a topic, from the calling thread or, inside ``with feed.flowing(…)``, from another.

    Attributes:
        produced: how often each value was written.
        elements: what each value holds.
    """

    def __init__(self, broker: Broker, topic: str, *, seed: int = 0, partitions: int = 1) -> None:
        config = {"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": "true", "log_level": "0"}
        self.produced: Counter[bytes | None] = Counter()
        self.elements: dict[bytes | None, tuple[Element, ...]] = {}
        self._topic = topic
        self._partitions = partitions
        self._random = Random(seed)
        self._stream = iter(Stream(seed))
        self._transport = KafkaTransport(KafkaConfig(config, topic=topic, flush=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close(timeout=10)

    def send(self, record: Made, partition: int | None = None) -> None:
        """Write a record: a whole event now and then by the client, all others anywhere."""
        if record.whole is not None and partition is None and self._random.random() < 0.3:
            self._transport.emit(record.whole)
        else:
            where = self._random.randrange(self._partitions) if partition is None else partition
            assert self._transport.producer is not None
            self._transport.producer.produce(self._topic, record.value, partition=where)
            self._transport.producer.poll(0)
        self.produced[record.value] += 1
        self.elements[record.value] = record.elements

    def send_events(self, count: int, *, first: int = 0, partition: int | None = None) -> None:
        """Write plain events, and wait until the broker has them."""
        for number in range(first, first + count):
            self.send(made(plain(number)), partition)
        self.flush()

    def send_some(self, count: int) -> None:
        """Write the next records of the stream."""
        for _ in range(count):
            self.send(next(self._stream))

    def flush(self) -> None:
        assert self._transport.wait_for_completion(PATIENCE), "the broker did not take all records"

    @contextmanager
    def flowing(self, records_a_second: int) -> Iterator[None]:
        """Write the stream until the block ends; then every record is on the broker."""
        stop = threading.Event()
        failures: list[BaseException] = []

        def flow() -> None:
            try:
                while not stop.wait(0.05):
                    self.send_some(max(1, records_a_second // 20))
            except BaseException as exc:
                failures.append(exc)

        thread = threading.Thread(target=flow, name="feed")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert not failures, failures
        self.flush()


# Reading the topic


class Place(NamedTuple):
    """A record's place in its topic."""

    partition: int
    offset: int


def read_topic(broker: Broker, topic: str) -> tuple[dict[Place, bytes | None], dict[int, int]]:
    """Return all records of a topic with their places, and the end of each partition, by another client than ours."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": "oracle",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in partitions
        }
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        found: dict[Place, bytes | None] = {}
        left = {number for number, end in ends.items() if end > 0}
        deadline = time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < deadline, "the topic cannot be read"
            for message in consumer.consume(1000, timeout=0.5):
                assert message.error() is None, message.error()
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                found[Place(partition, offset)] = message.value()
            places = consumer.position([TopicPartition(topic, number) for number in left])
            left -= {place.partition for place in places if place.offset >= ends[place.partition]}
    finally:
        consumer.close()
    return found, ends


# Accounting


def account(store: Path, broker: Broker, topic: str, feed: Feed) -> None:
    """Assert that a published store has exactly what was produced, each element of each record accounted for once."""
    records, ends = read_topic(broker, topic)
    assert Counter(records.values()) == feed.produced, "the producer and the topic disagree"
    with reading(store) as con:
        check_deliveries(con, topic, records, feed.elements)
        offsets = con.execute(
            "SELECT partition, next_offset, tombstones FROM kafka_offset WHERE topic = ?", [topic]
        ).fetchall()
        (gaps,) = con.execute("SELECT count(*) FROM offset_gap WHERE topic = ?", [topic]).fetchall()
    tombstones = Counter(place.partition for place, value in records.items() if value is None)
    expected = {(partition, end, tombstones[partition]) for partition, end in ends.items() if end > 0}
    assert set(offsets) == expected
    assert gaps == (0,)


def check_deliveries(
    con: duckdb.DuckDBPyConnection,
    topic: str,
    records: Mapping[Place, bytes | None],
    elements: Mapping[bytes | None, tuple[Element, ...]],
) -> None:
    expected = {
        (*place, number): element for place, value in records.items() for number, element in enumerate(elements[value])
    }
    rows = con.execute(
        """
        SELECT delivery.partition, delivery.source_offset, delivery.element, outcome, event_id::VARCHAR, reason, value
        FROM delivery
        LEFT JOIN dead_letter USING (topic, partition, source_offset, element)
        WHERE topic = ?
        """,
        [topic],
    ).fetchall()
    assert Counter(row[:3] for row in rows) == Counter(expected.keys()), "not each element of each record once"
    ids: dict[str, set[str]] = defaultdict(set)
    applied: Counter[str] = Counter()
    for partition, offset, number, outcome, event_id, reason, value in rows:
        wanted = expected[partition, offset, number]
        if wanted.event is None:
            assert (outcome, reason) == ("dead_letter", wanted.reason), (partition, offset, number)
            assert value == records[Place(partition, offset)]
        else:
            assert outcome in {"applied", "duplicate"}, (partition, offset, number, reason)
            ids[wanted.event].add(event_id)
            applied[wanted.event] += outcome == "applied"
    assert set(applied.values()) <= {1}, "an event was applied twice, or never"
    assert all(len(found) == 1 for found in ids.values()), "one event has two ids"
    assert len({tuple(found) for found in ids.values()}) == len(ids), "two events share an id"
    (counts,) = con.execute("SELECT count(*), count(DISTINCT event_id) FROM event").fetchall()
    assert counts == (len(ids), len(ids))


# The topic in the store up to some moment: every record below the next offset, and none beyond, is somewhere.
WHOLE = """
SELECT
    kafka_offset.partition,
    kafka_offset.next_offset,
    kafka_offset.tombstones + count(DISTINCT source_offset),
    coalesce(max(source_offset), -1) < kafka_offset.next_offset
FROM kafka_offset
LEFT JOIN delivery USING (topic, partition)
GROUP BY kafka_offset.partition, kafka_offset.next_offset, kafka_offset.tombstones
"""


def check_whole(con: duckdb.DuckDBPyConnection) -> int:
    """Assert that what a reader sees is the state after a batch, and return how many records that covers."""
    rows = con.execute(WHOLE).fetchall()
    for partition, next_offset, accounted, is_below in rows:
        assert (accounted, is_below) == (next_offset, True), f"partition {partition}"
    return sum(row[1] for row in rows)


@contextmanager
def reading(store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(store), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


# Headwater


def headwater(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end, which must be a good one."""
    command = [sys.executable, "-m", "headwater", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done


def digest(store: Path) -> str:
    return headwater("digest", "--store", store, cwd=store.parent).stdout.strip()


def clean_digest(broker: Broker, topic: str, folder: Path) -> str:
    """Return the digest of a plain replay of what the topic has now, read by another client than ours."""
    captured, store = folder / "captured.ndjson", folder / "clean" / "lineage.duckdb"
    store.parent.mkdir()
    records, _ = read_topic(broker, topic)
    with captured.open("w") as lines:
        for place, value in records.items():
            held = {"value": None} if value is None else {"value_base64": b64encode(value).decode()}
            lines.write(json.dumps({"topic": topic, **place._asdict(), **held}) + "\n")
    headwater("replay", captured, "--store", store, cwd=folder)
    return digest(store)


class Sidecar:
    """A ``headwater consume`` as a process, and what it says.

    Attributes:
        said: its lines on stderr so far.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap_servers: str,
        topic: str,
        *options: object,
        group: str | None = None,
        program: Sequence[object] = ("-m", "headwater"),
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.store = folder / "lineage.duckdb"
        self.said: list[str] = []
        command = [sys.executable, *map(str, program), "consume"]
        command += ["--bootstrap-servers", bootstrap_servers, "--topic", topic, "--group-id", group or topic]
        command += ["--store", str(self.store), "--batch-seconds", "0.05", "--publish-every", "0.1"]
        command += map(str, options)
        self._process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._listener = threading.Thread(target=self._listen, name="sidecar")
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self.said.append(line.rstrip("\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._end()

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return the exit code; a process that does not end is killed, and that is an error."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {seconds} s; it said {self.said}") from None
        self._end()
        return self._process.returncode

    def _end(self) -> None:
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def until(self, what: str, condition: Callable[[], T], seconds: float = PATIENCE) -> T:
        """Return the first true value of *condition*; it is an error if the sidecar ends before that."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.is_alive, f"it ended while we waited until {what}: {self.said}"
            assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}; it said {self.said}"
            time.sleep(0.05)
        return found

    def until_said(self, word: str, seconds: float = PATIENCE) -> str:
        """Return the line that has *word* in it."""
        return self.until(
            f"it says {word!r}", lambda: next((line for line in list(self.said) if word in line), ""), seconds
        )

    def until_published(self, records: int, seconds: float = PATIENCE) -> None:
        """Wait until readers can see so many records."""
        self.until(f"{records} records are published", lambda: published(self.store) >= records, seconds)


def published(store: Path) -> int:
    """Return how many records the published store covers; -1 if there is none yet."""
    if not store.exists():
        return -1
    with reading(store) as con:
        return check_whole(con)


def members(broker: Broker, group: str) -> int:
    """Return how many members a group has."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    described = admin.describe_consumer_groups([group], request_timeout=30)[group].result()
    return len(described.members)


def committed(broker: Broker, group: str, topic: str) -> int:
    """Return how many records of a topic the group was told are in the store."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    asked = [ConsumerGroupTopicPartitions(group)]
    [answer] = [future.result() for future in admin.list_consumer_group_offsets(asked, request_timeout=30).values()]
    found = [place for place in answer.topic_partitions if place.topic == topic]
    return sum(max(place.offset, 0) for place in found)
