"""The broker of the tests does what they take for granted."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from broker import Broker, NoBrokerError, open_broker
from confluent_kafka import Producer
from kafka import KafkaConsumer, TopicPartition
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.kafka import KafkaConfig, KafkaTransport

if TYPE_CHECKING:
    from conftest import MakeTopic


def produce(broker: Broker, topic: str, values: list[bytes], partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(30) == 0


def consume(broker: Broker, topic: str, partition: int = 0) -> list[Any]:
    """Return the records of one partition, from its beginning to its present end."""
    here = TopicPartition(topic, partition)
    records: list[Any] = []
    with closing(KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)) as consumer:
        consumer.assign([here])
        consumer.seek_to_beginning(here)
        end = consumer.end_offsets([here])[here]
        while consumer.position(here) < end:
            records += consumer.poll(timeout_ms=500).get(here, [])
    return records


def test_a_topic_has_the_partitions_it_was_asked_for(broker: Broker, topic: MakeTopic) -> None:
    name = topic(partitions=3)
    with closing(KafkaConsumer(name, bootstrap_servers=broker.bootstrap_servers)) as consumer:
        assert consumer.partitions_for_topic(name) == {0, 1, 2}


def test_what_one_client_writes_another_reads(broker: Broker, topic: MakeTopic) -> None:
    name = topic(partitions=2)
    produce(broker, name, [b"a", b"b", b"c"], partition=1)
    assert [record.value for record in consume(broker, name, 1)] == [b"a", b"b", b"c"]
    assert consume(broker, name, 0) == []


def test_an_event_of_the_openlineage_client_arrives(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    transport = KafkaTransport(KafkaConfig({"bootstrap.servers": broker.bootstrap_servers}, topic=name))
    event = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=datetime.now(UTC).isoformat(),
        run=Run(str(uuid4())),
        job=Job("sales", "load_customers"),
        outputs=[OutputDataset("sales", "landing.customers_ca_raw")],
        producer="https://example.com/test",
    )
    with closing(OpenLineageClient(transport=transport)) as client:
        client.emit(event)
    (record,) = consume(broker, name)
    arrived = json.loads(record.value)
    assert arrived["run"]["runId"] == event.run.runId
    assert arrived["outputs"][0]["name"] == "landing.customers_ca_raw"
    assert record.key == b"run:sales/load_customers"


def test_a_stopped_broker_comes_back_with_its_address_and_its_data(broker: Broker, topic: MakeTopic) -> None:
    name, address = topic(), broker.bootstrap_servers
    produce(broker, name, [b"before"])
    broker.stop()
    producer = Producer({"bootstrap.servers": address, "message.timeout.ms": 300, "log_level": 0})
    producer.produce(name, b"while away")
    producer.flush(5)
    del producer
    broker.start()
    produce(broker, name, [b"after"])
    assert broker.bootstrap_servers == address
    assert [record.value for record in consume(broker, name)] == [b"before", b"after"]


def test_starting_and_stopping_twice_does_no_harm(broker: Broker, topic: MakeTopic) -> None:
    broker.stop()
    broker.stop()
    broker.start()
    broker.start()
    assert consume(broker, topic()) == []


def test_a_test_may_leave_the_broker_stopped(broker: Broker, topic: MakeTopic) -> None:
    topic()
    broker.stop()


def test_deleted_records_move_the_beginning(broker: Broker, topic: MakeTopic) -> None:
    name = topic(partitions=2)
    produce(broker, name, [b"0", b"1", b"2"])
    produce(broker, name, [b"0", b"1"], partition=1)
    broker.delete_records(name, {0: 2, 1: -1})
    with closing(KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)) as consumer:
        both = [TopicPartition(name, 0), TopicPartition(name, 1)]
        assert list(consumer.beginning_offsets(both).values()) == [2, 2]
    assert [record.offset for record in consume(broker, name)] == [2]


def test_a_deleted_topic_can_be_made_again_and_is_empty(broker: Broker) -> None:
    name = f"headwater-{uuid4().hex}"
    broker.create_topic(name)
    produce(broker, name, [b"old"])
    broker.delete_topic(name)
    broker.create_topic(name)
    assert consume(broker, name) == []
    broker.delete_topic(name)


def test_a_topic_takes_settings(broker: Broker, topic: MakeTopic) -> None:
    name = topic(max_message_bytes=2000)
    refused: list[Any] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    producer.produce(name, bytes(4000), on_delivery=lambda error, _: refused.append(error))
    producer.flush(30)
    assert [error.name() for error in refused] == ["MSG_SIZE_TOO_LARGE"]


def test_a_machine_with_nothing_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("HEADWATER_TEST_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(NoBrokerError) as caught:
        open_broker()
    assert str(caught.value).split("; ") == [
        "no Docker engine answers",
        "there is no Java for a local process",
        "HEADWATER_TEST_BOOTSTRAP_SERVERS is not set",
    ]
