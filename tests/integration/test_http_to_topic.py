"""`consume --http topic`: what is sent by HTTP is in the topic before it is answered, and comes back out of it."""

from __future__ import annotations

import gc
import json
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from _producer import NOBODY, Sidecar, clean_digest, digest, read_topic
from _producer import plain as event
from broker import Broker
from confluent_kafka import Consumer, TopicPartition
from headwater.errors import IntakeBusy, IntakeRefused
from headwater.sources.kafka.forward import CONNECT_SECONDS, Forwarder, key_of
from openlineage.client.event_v2 import DatasetEvent, Job, JobEvent, Run, RunEvent, StaticDataset
from openlineage.client.facet_v2 import parent_run
from openlineage.client.serde import Serde
from openlineage.client.transport.kafka import KafkaConfig, KafkaTransport

if TYPE_CHECKING:
    from conftest import MakeTopic

RUN_ID = "01a203e3-dfe8-79e3-b732-8bfec173f912"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def untidy() -> Iterator[None]:
    """Collect the sockets that kafka-python leaves open when it cannot connect, where it is not told off."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        yield
        gc.collect()


def run_of(**facets: Any) -> RunEvent:
    return RunEvent(
        eventTime="2026-01-01T00:00:00Z",
        producer="https://example.org",
        run=Run(runId=RUN_ID, facets=facets),
        job=Job(namespace="shop", name="load/é"),
    )


def parent(root: parent_run.Root | None = None) -> parent_run.ParentRunFacet:
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=RUN_ID), job=parent_run.Job(namespace="dags", name="daily"), root=root
    )


ROOT_RUN = parent_run.Root(run=parent_run.RootRun(runId=RUN_ID), job=parent_run.RootJob(namespace="dags", name="root"))


@pytest.mark.parametrize(
    "sent",
    [
        run_of(),
        run_of(parent=parent()),
        run_of(parent=parent(ROOT_RUN)),
        JobEvent(eventTime="2026-01-01T00:00:00Z", producer="https://example.org", job=Job(namespace="n", name="j")),
        DatasetEvent(
            eventTime="2026-01-01T00:00:00Z",
            producer="https://example.org",
            dataset=StaticDataset(namespace="db", name="t"),
        ),
    ],
    ids=["run", "run with a parent", "run with a root", "job", "dataset"],
)
def test_an_event_has_the_key_that_openlineage_gives_it(sent: RunEvent | JobEvent | DatasetEvent) -> None:
    transport = KafkaTransport(KafkaConfig(topic="t", config={}))
    expected = transport._get_message_key(sent)

    assert expected
    assert key_of(Serde.to_json(sent).encode()) == expected.encode()


@pytest.mark.parametrize("value", [b"{}", b"x", b"[]", b'{"run":null,"job":{"name":1}}', b'{"job":{"namespace":"n"}}'])
def test_what_is_no_event_has_no_key(value: bytes) -> None:
    assert key_of(value) is None


def test_a_broker_that_is_away_is_no_reason_to_wait_long_or_twice() -> None:
    begun = time.monotonic()
    forwarder = Forwarder(NOBODY, "t", max_bytes=MIB)
    for _ in range(2):
        with pytest.raises(IntakeBusy, match=r"No broker answers just now\."):
            forwarder.offer(event(1))
    assert time.monotonic() - begun < 2 * CONNECT_SECONDS
    forwarder.close()


@pytest.mark.kafka
def test_an_event_that_the_topic_does_not_take_is_refused_and_the_next_one_taken(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic(1, max_message_bytes=8_000)
    forwarder = Forwarder(broker.bootstrap_servers, name, max_bytes=MIB)
    large = json.dumps({"random": [hash((number, "x")) for number in range(2_000)]}).encode()
    with pytest.raises(IntakeRefused, match="An event is larger than the topic takes") as caught:
        forwarder.offer(large).wait(20)
    assert caught.value.status == 413
    assert forwarder.offer(event(1)).wait(20)
    forwarder.close()

    assert list(read_topic(broker, name)[0].values()) == [event(1)]


@pytest.mark.kafka
def test_each_event_of_an_array_is_a_record_with_its_key(broker: Broker, topic: MakeTopic) -> None:
    name = topic(1)
    forwarder = Forwarder(broker.bootstrap_servers, name, max_bytes=MIB)
    assert forwarder.offer(b" [ " + event(1) + b", {} ,\n" + event(2) + b"] ").wait(20)
    forwarder.close()

    assert keys_and_values(broker, name, 3) == [
        (b"run:airflow/job_1", event(1)),
        (None, b"{}"),
        (b"run:airflow/job_2", event(2)),
    ]


def keys_and_values(broker: Broker, topic: str, count: int) -> list[tuple[bytes | None, bytes | None]]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "unused"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = consumer.consume(count, timeout=20)
    consumer.close()
    return [(message.key(), message.value()) for message in messages]


class Client:
    """Sends events to a sidecar."""

    def __init__(self, sidecar: Sidecar) -> None:
        line = sidecar.until_said("Serving HTTP at ")
        self.url = f"http://{line.split()[-1].rstrip('.')}"
        self._http = urllib3.PoolManager(maxsize=8, retries=False, timeout=40)

    def post(self, path: str, body: bytes) -> int:
        headers = {"Content-Type": "application/json"}
        return self._http.request("POST", self.url + path, body=body, headers=headers).status

    def get(self, path: str) -> int:
        return self._http.request("GET", self.url + path).status


@pytest.mark.kafka
def test_what_was_accepted_is_in_the_topic_and_in_the_store_whatever_is_killed(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(2)
    options = ("--http", "topic", "--listen", "127.0.0.1:0")
    accepted: list[bytes] = []

    def send(client: Client, values: Sequence[bytes]) -> None:
        for value in values:
            try:
                if client.post("/api/v1/lineage", value) == 201:
                    accepted.append(value)
            except urllib3.exceptions.HTTPError:
                return

    with Sidecar(tmp_path, broker.bootstrap_servers, name, *options, group=f"{name}-1") as sidecar:
        client = Client(sidecar)
        threads = [
            threading.Thread(target=send, args=(client, [event(number) for number in range(start, 4_000, 4)]))
            for start in range(4)
        ]
        for thread in threads:
            thread.start()
        sidecar.until("some events are accepted", lambda: len(accepted) > 100)
        sidecar.kill()
        for thread in threads:
            thread.join()
    assert len(accepted) < 4_000, "it was killed too late to prove something"

    with Sidecar(tmp_path, broker.bootstrap_servers, name, *options, group=f"{name}-2") as sidecar:
        client = Client(sidecar)
        assert client.post("/api/v1/lineage/batch", b"[" + event(4_000) + b",{}," + event(4_001) + b"]") == 200
        records = read_topic(broker, name)[0]
        sidecar.until_published(len(records))
        sidecar.until("it is ready", lambda: client.get("/readyz") == 200)

    values = list(records.values())
    assert set(accepted) <= set(values)
    assert {event(4_000), event(4_001), b"{}"} <= set(values)
    assert digest(sidecar.store) == clean_digest(broker, name, tmp_path)
