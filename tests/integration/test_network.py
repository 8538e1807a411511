"""Brokers that change places and networks that fail: everything is folded once all the same."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from _producer import Feed, Sidecar, account, clean_digest, digest
from _proxy import Proxy
from broker import Broker, Extras, NoBrokerError, OwnBroker, ProcessBroker, open_own_broker
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 3
PATIENCE = 300  # times a tenth of a second


def give_up(reason: object) -> None:
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no Kafka broker for this: {reason}.")


def is_complete(folder: Path, broker: Broker, topic: str, feed: Feed) -> None:
    """Assert that every element of every record is accounted for, and that the facts are those of a plain replay."""
    store = folder / "lineage.duckdb"
    account(store, broker, topic, feed)
    assert digest(store) == clean_digest(broker, topic, folder)


# The network


class Behind(NamedTuple):
    """A broker, and the network in front of it."""

    broker: OwnBroker
    proxy: Proxy

    def topic(self) -> str:
        name = f"headwater-{uuid4().hex}"
        self.broker.create_topic(name, PARTITIONS)
        return name


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    """Yield a broker that sends its clients to a proxy, also those that ask where to go next."""
    with closing(Proxy()) as proxy:
        extras = Extras({"BEHIND": "PLAINTEXT"}, advertised={"BEHIND": proxy.address})
        try:
            broker = open_own_broker(extras)
        except NoBrokerError as reason:
            give_up(reason)
        proxy.target = broker.addresses["BEHIND"]
        with closing(broker):
            yield Behind(broker, proxy)


def test_a_network_that_stalls_is_told_and_nothing_is_missing_when_it_is_back(behind: Behind, tmp_path: Path) -> None:
    name = behind.topic()
    with (
        Feed(behind.broker, name, seed=21, partitions=PARTITIONS) as feed,
        Sidecar(tmp_path, behind.proxy.address, name) as sidecar,
    ):
        feed.send_some(300)
        feed.flush()
        sidecar.until_published(300)
        with behind.proxy.stalled():
            feed.send_some(300)
            feed.flush()
            sidecar.until_said("Still trying")
        sidecar.until_published(600)
        assert "Traceback" not in "\n".join(sidecar.said)
        is_complete(tmp_path, behind.broker, name, feed)


def test_a_network_that_is_cut_again_and_again_loses_nothing(behind: Behind, tmp_path: Path) -> None:
    name = behind.topic()
    with (
        Feed(behind.broker, name, seed=22, partitions=PARTITIONS) as feed,
        Sidecar(tmp_path, behind.proxy.address, name) as sidecar,
    ):
        for round_ in range(1, 4):
            feed.send_some(200)
            feed.flush()
            sidecar.until_published(200 * round_)
            before = behind.proxy.connections
            with behind.proxy.cut():
                sidecar.until("it connects in vain", lambda since=before: behind.proxy.connections > since)  # type: ignore[misc]
        feed.send_some(200)
        feed.flush()
        sidecar.until_published(800)
        is_complete(tmp_path, behind.broker, name, feed)


def test_a_slow_network_only_takes_longer(behind: Behind, tmp_path: Path) -> None:
    name = behind.topic()
    with Feed(behind.broker, name, seed=23, partitions=PARTITIONS) as feed:
        feed.send_some(300)
        feed.flush()
        with behind.proxy.slow(150_000), Sidecar(tmp_path, behind.proxy.address, name) as sidecar:
            before = behind.proxy.passed
            sidecar.until_published(300)
            assert behind.proxy.passed - before > 300_000, "it was over before it was slow"
            is_complete(tmp_path, behind.broker, name, feed)


# The leaders


class Nodes(NamedTuple):
    """Two nodes of one cluster; the first is the controller too."""

    first: OwnBroker
    second: OwnBroker

    @property
    def servers(self) -> str:
        return f"{self.first.bootstrap_servers},{self.second.bootstrap_servers}"

    def coordinator(self, group: str) -> int:
        """Return which node coordinates a group."""
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        for _ in range(PATIENCE):
            with suppress(KafkaException):  # the topic of the groups is just being made
                described = admin.describe_consumer_groups([group], request_timeout=30)[group].result()
                return int(described.coordinator.id)
            time.sleep(0.1)
        raise AssertionError(f"nobody coordinates {group}")


@contextmanager
def two_nodes(copies: int) -> Iterator[Nodes]:
    """Start two nodes that keep so many copies of what groups have read; it is made when a group first comes."""
    settings = {"offsets.topic.replication.factor": str(copies), "offsets.topic.num.partitions": "8"}
    try:
        first = ProcessBroker(Extras(settings=settings))
    except NoBrokerError as reason:
        give_up(reason)
    with closing(first):
        second = {
            "node.id": "2",
            "process.roles": "broker",
            "controller.quorum.voters": f"1@{first.controller}",
        }
        with closing(ProcessBroker(Extras(settings=settings | second))) as other:
            yield Nodes(first, other)


def leaders(broker: Broker, topic: str) -> list[int]:
    """Return the node that leads each partition."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    return [
        partition.leader
        for _, partition in sorted(admin.list_topics(topic, timeout=10).topics[topic].partitions.items())
    ]


def test_partitions_that_get_another_leader_are_read_on(tmp_path: Path) -> None:
    """The group's coordinator goes with the leader of two partitions."""
    with two_nodes(copies=2) as nodes:
        reads_on(nodes, tmp_path)


def reads_on(nodes: Nodes, tmp_path: Path) -> None:
    first, second = nodes
    name = topic_led_by(nodes, [2, 1], [1, 2], [2, 1])
    with (
        Feed(first, name, seed=24, partitions=PARTITIONS) as feed,
        Sidecar(tmp_path, nodes.servers, name, group=group_of(nodes, 2)) as sidecar,
    ):
        with feed.flowing(200):
            sidecar.until_published(200)
            second.stop()
            sidecar.until("the first node leads all", lambda: leaders(first, name) == [1, 1, 1])
            led_by_one = feed.produced.total()
            sidecar.until_published(led_by_one + 200)
        sidecar.until_published(feed.produced.total())
        assert "Traceback" not in "\n".join(sidecar.said)
        is_complete(tmp_path, first, name, feed)


def test_a_group_that_nobody_coordinates_any_more_is_told(tmp_path: Path) -> None:
    with two_nodes(copies=1) as nodes:
        name = topic_led_by(nodes, [1])
        with (
            Feed(nodes.first, name, seed=25, partitions=1) as feed,
            Sidecar(tmp_path, nodes.servers, name, group=(group := group_of(nodes, 2))) as sidecar,
        ):
            feed.send_some(50)
            feed.flush()
            sidecar.until_published(50)
            nodes.second.stop()
            sidecar.until_said(f"coordinates the group {group}, and reading waits for one.")
            nodes.second.start()
            feed.send_some(50)
            feed.flush()
            sidecar.until_published(100)
            is_complete(tmp_path, nodes.first, name, feed)


def topic_led_by(nodes: Nodes, *copies: list[int]) -> str:
    """Return a new topic: for each partition, the nodes that have a copy of it, the leader first."""
    name = f"headwater-{uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": nodes.first.bootstrap_servers, "log_level": 0})
    admin.create_topics([NewTopic(name, len(copies), replica_assignment=list(copies))])[name].result(30)
    nodes.first._until(lambda: leaders(nodes.first, name) == [nodes_[0] for nodes_ in copies], "the leaders to lead")
    return name


def group_of(nodes: Nodes, node: int) -> str:
    """Return the name of a group that a node coordinates."""
    return next(name for number in count() if nodes.coordinator(name := f"headwater-{number}") == node)
