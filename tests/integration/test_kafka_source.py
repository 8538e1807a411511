"""What happens to a topic and its broker, and what the source makes of it."""

from __future__ import annotations

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from broker import Broker, free_port
from confluent_kafka import Consumer, Producer
from headwater.errors import BrokerRefused, SettingsError, TopicMissing
from headwater.sources import Gap, Record, TopicPartition
from headwater.sources.captured import Message, decode, encode
from headwater.sources.kafka import KafkaSource, capture, cluster

if TYPE_CHECKING:
    from conftest import MakeTopic

PATIENCE = 40.0


class Reader:
    """Reads as the loop does, and writes everything at once."""

    def __init__(self, source: KafkaSource, next_offsets: Mapping[TopicPartition, int] | None = None) -> None:
        self.source = source
        self.next_offsets = dict(next_offsets or {})
        self.records: list[Record] = []
        self.gaps: list[Gap] = []
        self.generation = 0

    def step(self, timeout: float = 0.2) -> None:
        found = self.source.poll(timeout)
        if self.source.generation != self.generation:
            self.generation = self.source.generation
            self.gaps += self.source.seek(self.next_offsets)
            return
        self.records += found
        self.next_offsets |= {TopicPartition(*record[:2]): record.offset + 1 for record in found}
        for gap in self.source.take_gaps():
            self.gaps.append(gap)
            self.next_offsets[TopicPartition(gap.topic, gap.partition)] = gap.next_offset

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (len(self.records), self.gaps, self.generation)
            self.step()

    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]

    def lag(self) -> int:
        ends = self.source.end_offsets()
        return sum(end - self.next_offsets.get(place, 0) for place, end in ends.items())


@pytest.fixture(autouse=True)
def untidy() -> Iterator[None]:
    """Collect the sockets that kafka-python leaves open when it cannot connect, where it is not told off."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        yield
        gc.collect()


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def source(broker: Broker, notices: list[str]) -> Iterator[Callable[..., KafkaSource]]:
    """Yield a function that makes a source of a topic, in a group of this test's own."""
    made: list[KafkaSource] = []
    group = f"group-{uuid4().hex}"

    def make(*topics: str, **options: object) -> KafkaSource:
        made.append(
            KafkaSource(broker.bootstrap_servers, topics, group, options=fast | options, on_waiting=notices.append)
        )
        return made[-1]

    fast: dict[str, object] = {"metadata_max_age_ms": 1000, "heartbeat_interval_ms": 300}
    yield make
    for source in made:
        source.close()


Make = Callable[..., KafkaSource]


def produce(broker: Broker, topic: str, values: list[bytes], partition: int = 0, **record: Any) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 0})
    for value in values:
        producer.produce(topic, value, partition=partition, **record)
    assert producer.flush(PATIENCE) == 0


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


# Rebalances


def test_partitions_move_to_a_member_that_joins_and_back_when_it_leaves(
    broker: Broker, topic: MakeTopic, source: Make
) -> None:
    name = topic(partitions=4)
    for partition in range(4):
        produce(broker, name, numbers(10), partition)
    one = Reader(source(name))
    one.until(lambda: len(one.records) == 40)

    other = Reader(source(name), one.next_offsets)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: other.until(stop.is_set))
    thread.start()
    one.until(lambda: one.generation > 1 and len(one.source.end_offsets()) == 2)
    for partition in range(4):
        produce(broker, name, numbers(10, 10), partition)
    one.until(lambda: len(one.records) >= 60 and len(other.records) >= 20)
    stop.set()
    thread.join()

    shared = one.records[40:] + other.records
    assert sorted((record.partition, record.value) for record in shared) == sorted(
        (partition, value) for partition in range(4) for value in numbers(10, 10)
    )
    for place, offset in other.next_offsets.items():  # as if they had one store
        one.next_offsets[place] = max(offset, one.next_offsets[place])
    other.source.close()
    left_at = time.monotonic()
    one.until(lambda: len(one.source.end_offsets()) == 4)
    assert time.monotonic() - left_at < 10  # it left; it was not missed
    produce(broker, name, numbers(1, 20), 3)
    one.until(lambda: b"20" in one.values())
    assert len(one.records) == 61
    assert one.gaps == other.gaps == []


def test_what_was_polled_and_not_written_comes_again_after_a_rebalance(
    broker: Broker, topic: MakeTopic, source: Make
) -> None:
    name = topic()
    produce(broker, name, numbers(5))
    polling = source(name)
    deadline = time.monotonic() + PATIENCE
    while polling.generation == 0:
        assert list(polling.poll(0.1)) == []
        assert time.monotonic() < deadline
    assert list(polling.poll(0.3)) == []  # it was not told where to begin
    assert list(polling.seek({TopicPartition(name, 0): 3})) == []
    found: list[Record] = []
    while len(found) < 2 and time.monotonic() < deadline:
        found += polling.poll(0.1)
    assert [record.offset for record in found] == [3, 4]


def test_a_paused_source_stays_in_its_group(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic()
    reader = Reader(source(name, session_timeout_ms=2000))
    reader.until(lambda: reader.generation)
    reader.source.pause()
    produce(broker, name, numbers(3))
    until = time.monotonic() + 4
    reader.until(lambda: time.monotonic() > until)
    assert (reader.generation, reader.records) == (1, [])
    reader.source.resume()
    reader.until(lambda: len(reader.records) == 3)


def test_the_group_learns_how_far_the_store_has_come_and_does_not_decide_it(
    broker: Broker, topic: MakeTopic, source: Make
) -> None:
    name = topic()
    produce(broker, name, numbers(5))
    first = source(name)
    reader = Reader(first)
    reader.until(lambda: len(reader.records) == 5)
    first.commit(reader.next_offsets)
    group = first._group_id

    def committed() -> bool:
        consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": group})
        from confluent_kafka import TopicPartition as Theirs

        with closing(consumer):
            return bool(consumer.committed([Theirs(name, 0)], timeout=5)[0].offset == 5)

    reader.until(committed)
    first.close()
    again = Reader(source(name))
    again.until(lambda: len(again.records) == 5)


# Gaps


def test_records_that_expired_before_the_start_are_a_gap(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic(partitions=2)
    produce(broker, name, numbers(10))
    produce(broker, name, numbers(10), 1)
    broker.delete_records(name, {0: 7, 1: 7})
    reader = Reader(source(name), {TopicPartition(name, 0): 4})
    reader.until(lambda: len(reader.records) == 6)
    assert reader.gaps == [Gap(name, 0, 4, 7, "expired")]  # partition 1 was never read: nothing is missing
    assert reader.lag() == 0


def test_records_that_expire_while_reading_are_a_gap(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic()
    produce(broker, name, numbers(10))
    reader = Reader(source(name, max_poll_records=2, max_partition_fetch_bytes=1, fetch_max_bytes=1))
    reader.until(lambda: reader.records)
    reader.source.pause()
    produce(broker, name, numbers(10, 10))
    broker.delete_records(name, {0: 15})
    reader.source.resume()
    reader.until(lambda: reader.records[-1].value == b"19")
    offsets = [record.offset for record in reader.records]
    (gap,) = reader.gaps
    assert (gap.next_offset, gap.reason) == (15, "expired")
    assert offsets == [*range(gap.first_offset), *range(15, 20)]


def test_all_records_may_expire(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic()
    produce(broker, name, numbers(10))
    broker.delete_records(name, {0: -1})
    reader = Reader(source(name), {TopicPartition(name, 0): 4})
    reader.until(lambda: reader.gaps)
    assert reader.gaps == [Gap(name, 0, 4, 10, "expired")]
    produce(broker, name, numbers(1))
    reader.until(lambda: reader.records)
    assert reader.records == [Record(name, 0, 10, b"0")]


def test_holes_of_transactions_are_no_gaps_and_no_lag(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic()
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": name})
    producer.init_transactions(PATIENCE)
    for number, end in enumerate([producer.commit_transaction, producer.abort_transaction] * 2):
        producer.begin_transaction()
        producer.produce(name, b"%d" % number, partition=0)
        producer.flush(PATIENCE)
        end()
    reader = Reader(source(name))
    reader.until(lambda: len(reader.records) == 2)
    assert reader.values() == [b"0", b"2"]
    reader.until(lambda: reader.lag() == 0)
    assert reader.gaps == []


def test_a_topic_that_was_made_again_before_the_start_is_read_from_its_beginning(
    broker: Broker, topic: MakeTopic, source: Make
) -> None:
    name = topic()
    produce(broker, name, numbers(2))
    reader = Reader(source(name), {TopicPartition(name, 0): 100})
    reader.until(lambda: len(reader.records) == 2)
    assert reader.gaps == [Gap(name, 0, 100, 0, "recreated")]


@pytest.mark.parametrize("count", [0, 3, 10, 40], ids=["empty", "shorter", "as long", "longer"])
def test_a_topic_that_is_made_again_while_reading_is_read_from_its_beginning(
    broker: Broker, topic: MakeTopic, source: Make, count: int
) -> None:
    name = topic()
    produce(broker, name, numbers(10))
    reader = Reader(source(name))
    reader.until(lambda: len(reader.records) == 10)
    broker.delete_topic(name)
    broker.create_topic(name)
    produce(broker, name, numbers(count, 100))
    # Before it was noticed, some records at the old position may have been read too; they come again.
    wanted = numbers(count, 100) + numbers(5, 200)
    if count:
        reader.until(lambda: reader.gaps and reader.values()[-count:] == wanted[:count])
    else:
        reader.until(lambda: reader.gaps)
    produce(broker, name, numbers(5, 200))
    reader.until(lambda: reader.values()[-count - 5 :] == wanted)
    assert {(gap.next_offset, gap.reason) for gap in reader.gaps} == {(0, "recreated")}
    assert reader.gaps[0].first_offset >= 10


# Brokers that are not there


def test_a_rebalance_that_takes_longer_than_a_poll_is_finished_by_a_later_one(
    broker: Broker, topic: MakeTopic, source: Make
) -> None:
    name = topic()
    produce(broker, name, numbers(10))
    reader = Reader(source(name))
    reader.until(lambda: len(reader.records) == 10)
    for change, seconds in (broker.delete_topic, 2.0), (broker.create_topic, 2.0):  # the client asks once a second
        change(name)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            reader.step(0.0)  # no answer of the coordinator can be there yet
            time.sleep(0.02)
    produce(broker, name, numbers(20))
    reader.until(lambda: len(reader.records) == 30)


def test_a_topic_that_does_not_exist_is_told_with_those_that_do(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic()
    with pytest.raises(TopicMissing, match=r"has no topic openlineage-of-another\. It has .*Create the topic"):
        source(name, "openlineage-of-another").poll(10)


def test_a_missing_topic_is_not_made_by_asking_for_it(broker: Broker, source: Make) -> None:
    for _ in range(2):
        with pytest.raises(TopicMissing):
            source("openlineage-of-another").poll(10)


def test_a_broker_that_is_away_at_the_start_is_waited_for(
    broker: Broker, topic: MakeTopic, source: Make, notices: list[str]
) -> None:
    name = topic()
    produce(broker, name, numbers(3))
    broker.stop()
    reader = Reader(source(name))
    begun = time.monotonic()
    for _ in range(5):
        reader.step()
    assert time.monotonic() - begun < 3
    assert reader.generation == 0
    assert reader.source.end_offsets() == {}
    (notice,) = notices
    assert notice.startswith(f"No broker answers at {broker.bootstrap_servers}: ")
    assert notice.endswith("Still trying; reading goes on by itself.")
    broker.start()
    reader.until(lambda: len(reader.records) == 3)


def test_nothing_is_lost_when_the_broker_goes_away_and_comes_back(
    broker: Broker, topic: MakeTopic, source: Make, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "QUIET_SECONDS", 1.0)
    name = topic(partitions=2)
    produce(broker, name, numbers(10))
    reader = Reader(source(name, max_poll_records=3))
    reader.until(lambda: len(reader.records) >= 6)
    broker.stop()
    reader.until(lambda: notices)
    reader.source.commit(reader.next_offsets)
    assert reader.source.end_offsets() == {}
    broker.start()
    produce(broker, name, numbers(10, 10))
    produce(broker, name, numbers(10, 20), 1)
    reader.until(lambda: len(reader.records) == 30)
    by_partition = [
        [record.value for record in reader.records if record.partition == partition] for partition in (0, 1)
    ]
    assert by_partition == [numbers(20), numbers(10, 20)]
    assert reader.gaps == []
    assert reader.lag() == 0
    assert len(notices) == 1


def test_a_source_closes_promptly_while_the_broker_is_away(broker: Broker, topic: MakeTopic, source: Make) -> None:
    name = topic()
    reader = Reader(source(name))
    reader.until(lambda: reader.generation)
    broker.stop()
    reader.step()
    begun = time.monotonic()
    reader.source.close()
    assert time.monotonic() - begun < 2 * cluster.CLOSE_SECONDS


def test_a_position_that_cannot_be_found_now_is_found_later(
    broker: Broker, topic: MakeTopic, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.5)
    name = topic()
    produce(broker, name, numbers(10))
    broker.delete_records(name, {0: 4})
    reader = Reader(source(name), {TopicPartition(name, 0): 2})
    reader.until(lambda: reader.generation)
    broker.stop()
    assert list(reader.source.seek(reader.next_offsets)) == []
    reader.gaps.clear()  # of the seek before
    reader.step()
    broker.start()
    reader.until(lambda: len(reader.records) == 6)
    assert reader.gaps == [Gap(name, 0, 2, 4, "expired")]


def waiting(servers: str, **options: object) -> KafkaSource:
    return KafkaSource(servers, ["openlineage"], "group", options=options, on_waiting=lambda _: None)


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of something that listens, says its line, and hangs up."""
    line = getattr(request, "param", b"")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def hang_up() -> None:
            while not stop.is_set():
                with suppress(TimeoutError), server.accept()[0] as connection:
                    connection.sendall(line)
                    connection.recv(1000)

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield "{}:{}".format(*server.getsockname())
        stop.set()
        thread.join()


def test_a_stranger_on_the_port_is_waited_for_without_leaving_threads(stranger: str) -> None:
    before = threading.active_count()
    with closing(waiting(stranger)) as source:
        for _ in range(5):
            assert list(source.poll(0.5)) == []
    assert threading.active_count() == before


def test_a_stop_ends_the_wait() -> None:
    started = time.monotonic()
    source = KafkaSource(
        f"127.0.0.1:{free_port()}",
        ["openlineage"],
        "group",
        on_waiting=lambda _: None,
        stopping=lambda: time.monotonic() > started + 0.5,
    )
    assert list(source.poll(20)) == []
    assert time.monotonic() - started < 5


def test_a_certificate_that_is_not_there_is_told_at_once(broker: Broker) -> None:
    source = waiting(broker.bootstrap_servers, security_protocol="SSL", ssl_cafile="/nowhere/ca.pem")
    with pytest.raises(BrokerRefused, match=r"ssl_cafile: /nowhere/ca.pem cannot be read: No such file"):
        source.poll(1)


def test_a_broker_that_wants_no_password_is_told_at_once(broker: Broker) -> None:
    user: dict[str, object] = {"sasl_plain_username": "a", "sasl_plain_password": "b"}
    options = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", **user}
    with pytest.raises(BrokerRefused, match=r"refuses us: .*Check the user, the password"):
        waiting(broker.bootstrap_servers, **options).poll(1)


@pytest.mark.parametrize("stranger", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], indirect=True)
def test_a_handshake_that_fails_is_told_at_once(stranger: str) -> None:
    with pytest.raises(BrokerRefused, match=r"Handshake failed: .*WRONG_VERSION_NUMBER"):
        waiting(stranger, security_protocol="SSL").poll(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auto_offset_reset": "latest"}, "auto_offset_reset is not free to set"),
        ({"security.protocol": "SSL"}, r"there is no Kafka option security\.protocol"),
        ({"security_protocol": "SASL-SSL"}, "there is no Kafka security_protocol SASL-SSL"),
    ],
)
def test_options_that_make_no_sense_are_told_when_they_are_given(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        waiting("localhost:9092", **options)


# Capture


def test_a_capture_is_the_topic_as_it_is_now(broker: Broker, topic: MakeTopic, notices: list[str]) -> None:
    name = topic(partitions=2)
    headers = [("trace", b"\xff"), ("empty", None)]
    produce(broker, name, [b"{}", b"\xff"], key=b"run:n/j", headers=headers, timestamp=1767225600000)
    produce(broker, name, numbers(1), 1, timestamp=1)
    messages = capture(broker.bootstrap_servers, [name], on_waiting=notices.append)
    found = sorted((message for some in messages for message in some), key=lambda message: message[:3])
    assert found == [
        Message(name, 0, 0, 1767225600000, b"run:n/j", headers, b"{}"),
        Message(name, 0, 1, 1767225600000, b"run:n/j", headers, b"\xff"),
        Message(name, 1, 0, 1, None, [], b"0"),
    ]
    assert decode(encode(found[1])) == Record(name, 0, 1, b"\xff")
    assert notices == []


def test_a_capture_of_an_empty_topic_ends(broker: Broker, topic: MakeTopic) -> None:
    assert list(capture(broker.bootstrap_servers, [topic()], on_waiting=pytest.fail)) == []


def test_a_capture_that_follows_goes_on_until_it_is_stopped(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    produce(broker, name, numbers(1))
    found: list[bytes | None] = []

    def enough() -> bool:
        return len(found) > 1

    servers = broker.bootstrap_servers
    for messages in capture(servers, [name], follow=True, on_waiting=pytest.fail, stopping=enough):
        found += [message.value for message in messages]
        if len(found) == 1:
            produce(broker, name, numbers(1, 1))
    assert found == numbers(2)
