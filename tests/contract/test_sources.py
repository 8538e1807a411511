"""What every Source promises, held against each of them."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from broker import Broker
from confluent_kafka import Producer
from headwater.sources import Gap, Record, Source, TopicPartition, files, http
from headwater.sources.captured import Message, encode
from headwater.sources.files import FileSource
from headwater.sources.kafka import KafkaSource

if TYPE_CHECKING:
    from conftest import MakeTopic

Values = Sequence[bytes | None]
PATIENCE = 30.0
EVENTS = [b'{"eventTime":"%d"}' % number for number in range(60)]
INVALID_UTF8 = b'{"eventTime":"\xff\xfe"}'
LARGE = b'{"eventTime":"' + b"x" * (2 << 20) + b'"}'


class Logs(ABC):
    """Two logs to read, and how they differ from others of their kind."""

    first_offset = 0
    ends = True  # it can be exhausted
    keeps_values = True  # another source can read it again, from anywhere
    knows_its_end_offsets = False
    holds: frozenset[bytes | None] = frozenset()  # values that others cannot hold

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.places: list[TopicPartition] = []

    def source(self) -> Source:
        source = self._source()
        self.sources.append(source)
        return source

    def write(self, *values: Values) -> dict[TopicPartition, list[Record]]:
        """Write to each log, and return the records that are to be read from it."""
        self._write(values)
        return {
            place: [Record(*place, offset, value) for offset, value in enumerate(log, self.first_offset)]
            for place, log in zip(self.places, values, strict=False)
        }

    @abstractmethod
    def _source(self) -> Source: ...

    @abstractmethod
    def _write(self, values: Sequence[Values]) -> None: ...


class PlainFiles(Logs):
    """Lines of events: a line cannot be empty or a tombstone, and is not known before it is read."""

    first_offset = 1

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.paths = [folder / "a.ndjson", folder / "b.ndjson"]
        self.places = [TopicPartition(f"file:{path.name}", 0) for path in self.paths]

    def _source(self) -> Source:
        return FileSource(self.paths)

    def _write(self, values: Sequence[Values]) -> None:
        for path, log in zip(self.paths, [*values, []], strict=False):
            path.write_bytes(b"".join((value or b"") + b"\n" for value in log))


class CapturedFile(Logs):
    """One file that holds what was captured of two partitions."""

    holds = frozenset([b"", None, b"null", b"[1,\n2]"])

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "captured.ndjson"
        self.places = [TopicPartition("openlineage", 0), TopicPartition("openlineage", 1)]

    def _source(self) -> Source:
        return FileSource([self.path])

    def _write(self, values: Sequence[Values]) -> None:
        lines = [
            encode(Message(*place, offset, None, None, [], value))
            for place, log in zip(self.places, values, strict=False)
            for offset, value in enumerate(log)
        ]
        self.path.write_bytes(b"\n".join(lines))


class Topic(Logs):
    """Two partitions of a topic, which never end."""

    ends = False
    knows_its_end_offsets = True
    holds = frozenset([b"", None, b"null", b"[1,\n2]"])

    def __init__(self, broker: Broker, name: str) -> None:
        super().__init__()
        self.broker = broker
        self.name = name
        self.group = f"group-{uuid4().hex}"
        self.places = [TopicPartition(name, 0), TopicPartition(name, 1)]

    def _source(self) -> Source:
        servers = self.broker.bootstrap_servers
        options = {"max_poll_records": 7}
        return KafkaSource(servers, [self.name], self.group, options=options, on_waiting=pytest.fail)

    def _write(self, values: Sequence[Values]) -> None:
        producer = Producer(
            {"bootstrap.servers": self.broker.bootstrap_servers, "message.max.bytes": 4 << 20, "linger.ms": 0}
        )
        for place, log in zip(self.places, values, strict=False):
            for value in log:
                producer.produce(place.topic, value, partition=place.partition)
        assert producer.flush(PATIENCE) == 0


class Requests(Logs):
    """One log, of what senders send until it is accepted: so to a source that is new, and to none twice."""

    ends = False
    keeps_values = False
    knows_its_end_offsets = True
    holds = frozenset([b"", b"null", b"[1,\n2]"])

    def __init__(self) -> None:
        super().__init__()
        self.places = [http.PLACE]
        self.unsent: list[bytes] = []
        self.receipts: list[tuple[bytes, http.Receipt]] = []

    def write(self, *values: Values) -> dict[TopicPartition, list[Record]]:
        return super().write([value for log in values for value in log])

    def _source(self) -> Source:
        source = http.HttpSource()
        again = [value for value, receipt in self.receipts if not receipt.accepted]
        self.receipts = [(value, source.offer(value)) for value in (*again, *self.unsent)]
        self.unsent = []
        return source

    def _write(self, values: Sequence[Values]) -> None:
        self.unsent += [value for value in values[0] if value is not None]


@pytest.fixture(params=["plain", "captured", "http", pytest.param("kafka", marks=pytest.mark.kafka)])
def logs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logs]:
    """Yield logs that come in several polls."""
    monkeypatch.setattr(files, "MAX_RECORDS", 7)
    monkeypatch.setattr(http, "MAX_RECORDS", 7)
    logs: Logs
    if request.param == "kafka":
        topic: MakeTopic = request.getfixturevalue("topic")
        logs = Topic(request.getfixturevalue("broker"), topic(partitions=2, max_message_bytes=4 << 20))
    elif request.param == "http":
        logs = Requests()
    else:
        logs = (PlainFiles if request.param == "plain" else CapturedFile)(tmp_path)
    yield logs
    for source in logs.sources:
        source.close()


class Reader:
    """Keeps the caller's side of the contract, as the loop does."""

    def __init__(self, source: Source, next_offsets: Mapping[TopicPartition, int] | None = None) -> None:
        self.source = source
        self.next_offsets = dict(next_offsets or {})  # what is in the store
        self.written: list[Record] = []
        self.batch: list[Record] = []
        self.gaps: list[Gap] = []
        self.generation = 0

    def step(self) -> None:
        """Poll once."""
        found = self.source.poll(0.2)
        if self.source.generation != self.generation:
            assert list(found) == []
            self.start_over()
        self.batch += found

    def start_over(self) -> None:
        """Throw away what is not written, and go on from what is."""
        self.generation = self.source.generation
        self.batch = []
        self.gaps += self.source.seek(self.next_offsets)

    def write(self) -> None:
        self.written += self.batch
        self.next_offsets |= {TopicPartition(*record[:2]): record.offset + 1 for record in self.batch}
        self.batch = []
        self.source.commit(self.next_offsets)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{len(self.batch)} records"
            self.step()

    def read(self, count: int) -> dict[TopicPartition, list[Record]]:
        """Read *count* records, and see that no more come."""
        self.until(lambda: len(self.batch) >= count)
        self.step()
        return by_place(self.batch)


def by_place(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    found: dict[TopicPartition, list[Record]] = {}
    for record in records:
        found.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return found


def test_each_log_is_read_in_its_order_from_its_beginning(logs: Logs) -> None:
    expected = logs.write(EVENTS, EVENTS[:20])
    assert Reader(logs.source()).read(80) == expected


@pytest.mark.parametrize(
    "value",
    [INVALID_UTF8, b"{", b" \xf0\x9f", b"[1, 2]", b"\r{}\r", LARGE, b"", None, b"null", b"[1,\n2]"],
    ids=lambda value: "large" if value and len(value) > 100 else repr(value),
)
def test_a_value_comes_with_its_exact_bytes(logs: Logs, value: bytes | None) -> None:
    if value in frozenset([b"", None, b"[1,\n2]"]) - logs.holds:
        pytest.skip(f"no line of a file, or no request, is {value!r}")
    expected = logs.write([EVENTS[0], value, EVENTS[1]])
    assert Reader(logs.source()).read(3) == expected


def test_elements_are_not_split_by_a_source_that_does_not_look_inside(logs: Logs) -> None:
    logs.write([b"[{},{}]"])
    (records,) = Reader(logs.source()).read(1).values()
    assert [record.element for record in records] == [0]


def test_seek_continues_at_the_next_offset_and_elsewhere_at_the_beginning(logs: Logs) -> None:
    skip_unless_it_keeps_values(logs)
    expected = logs.write(EVENTS, EVENTS[:20])
    first, second = logs.places
    reader = Reader(logs.source(), {first: logs.first_offset + 50})
    assert reader.read(30) == {first: expected[first][50:], second: expected[second]}
    assert reader.gaps == []


def skip_unless_it_keeps_values(logs: Logs) -> None:
    if not logs.keeps_values:
        pytest.skip("what is sent by HTTP is numbered when it is read, and kept by its sender until it is written")


def test_seek_to_the_end_waits_for_what_comes(logs: Logs) -> None:
    skip_unless_it_keeps_values(logs)
    logs.write(EVENTS)
    reader = Reader(logs.source(), {logs.places[0]: logs.first_offset + len(EVENTS)})
    assert reader.read(0) == {}
    reader.step()
    assert reader.batch == []
    assert reader.gaps == []


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_or_doubled_wherever_the_caller_starts_over(logs: Logs, seed: int) -> None:
    expected = logs.write(EVENTS, EVENTS[:20])
    chance = random.Random(seed)
    reader = Reader(logs.source())
    cuts = 0
    while len(reader.written) < 80 and cuts < 40:
        cuts += 1
        for _ in range(chance.randrange(1, 5)):
            reader.step()
        match chance.choice(["write", "write", "start over", "crash"]):
            case "write":
                reader.write()
            case "start over":
                reader.start_over()
            case "crash":
                reader.source.close()
                reader = resumed(reader, logs.source())
    reader.until(lambda: len(reader.written) + len(reader.batch) >= 80)
    reader.write()
    assert by_place(reader.written) == expected
    assert reader.gaps == []


def resumed(reader: Reader, source: Source) -> Reader:
    """Return the reader of another process on the same store."""
    other = Reader(source, reader.next_offsets)
    other.written = reader.written
    return other


def test_a_paused_source_returns_nothing_until_it_is_resumed(logs: Logs) -> None:
    expected = logs.write(EVENTS, EVENTS[:20])
    reader = Reader(logs.source())
    reader.until(lambda: bool(reader.batch))
    reader.source.pause()
    reader.source.pause()
    begun = len(reader.batch)
    for _ in range(4):
        reader.step()
    assert len(reader.batch) == begun
    assert not reader.source.exhausted
    reader.source.resume()
    reader.source.resume()
    assert reader.read(80) == expected


def test_a_pause_outlives_a_seek(logs: Logs) -> None:
    expected = logs.write(EVENTS)
    reader = Reader(logs.source())
    reader.source.pause()
    for _ in range(4):
        reader.step()
    reader.start_over()
    reader.step()
    assert reader.batch == []
    reader.source.resume()
    assert reader.read(60) == expected


def test_only_what_has_an_end_is_exhausted(logs: Logs) -> None:
    logs.write(EVENTS)
    reader = Reader(logs.source())
    assert not reader.source.exhausted
    reader.read(60)
    assert reader.source.exhausted is logs.ends


def test_nothing_is_assigned_at_first(logs: Logs) -> None:
    logs.write(EVENTS)
    source = logs.source()
    assert source.generation == 0
    assert source.end_offsets() == {}
    Reader(source).read(60)
    assert source.generation > 0


def test_end_offsets_are_those_of_the_next_record_to_arrive(logs: Logs) -> None:
    written = logs.write(EVENTS, EVENTS[:20])
    reader = Reader(logs.source())
    reader.until(lambda: bool(reader.batch))
    ends = {place: records[-1].offset + 1 for place, records in written.items()}
    expected = ends if logs.knows_its_end_offsets else {}
    assert reader.source.end_offsets() == expected


def test_a_commit_never_fails(logs: Logs) -> None:
    logs.write(EVENTS)
    source = logs.source()
    source.commit({logs.places[0]: 1})
    Reader(source).read(60)
    source.commit({logs.places[0]: 1, TopicPartition("elsewhere", 9): 3})
    source.close()
    source.commit({logs.places[0]: 1})


def test_there_are_no_gaps_where_nothing_was_deleted(logs: Logs) -> None:
    logs.write(EVENTS)
    reader = Reader(logs.source())
    reader.read(60)
    assert list(reader.source.take_gaps()) == []
    assert reader.gaps == []


def test_closing_twice_does_no_harm(logs: Logs) -> None:
    logs.write(EVENTS)
    with closing(logs.source()) as source:
        Reader(source).until(lambda: source.generation > 0)
        source.close()
        assert list(source.poll(0)) == []


def test_a_source_that_never_polled_can_be_closed(logs: Logs) -> None:
    logs.write(EVENTS)
    logs.source().close()
