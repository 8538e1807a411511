"""``headwater capture`` records a topic so that ``headwater replay`` folds exactly what was there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from broker import Broker
from confluent_kafka import Producer
from conftest import MakeTopic
from support import SALES, values_of


def headwater(*words: object) -> str:
    """Run a command and return what it prints on stdout."""
    command = [sys.executable, "-m", "headwater", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.fixture
def sales(broker: Broker, topic: MakeTopic) -> str:
    """Return a topic with the sales platform's events, a record that nobody can read, and a tombstone."""
    name = topic(partitions=2)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    recorded = values_of(*sorted((SALES / "events").glob("*.ndjson")))
    for number, value in enumerate([*recorded, b"\xffoops", None]):
        producer.produce(name, value=value, key=f"k{number % 5}", partition=number % 2)
    assert producer.flush(30) == 0
    return name


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_captured_topic_replays_to_the_same_facts(broker: Broker, sales: str, tmp_path: Path, ending: str) -> None:
    out, replayed, consumed = tmp_path / f"c.ndjson{ending}", tmp_path / "r.duckdb", tmp_path / "c.duckdb"
    where = ("--bootstrap-servers", broker.bootstrap_servers, "--topic", sales)
    headwater("capture", out, *where)
    headwater("replay", out, "--store", replayed)
    headwater("consume", *where, "--store", consumed, "--group-id", sales + ending, "--until-caught-up")
    places = "SELECT topic, partition, source_offset, outcome FROM delivery ORDER BY ALL"

    assert headwater("digest", "--store", replayed) == headwater("digest", "--store", consumed)
    assert headwater("query", places, "--store", replayed) == headwater("query", places, "--store", consumed)


def test_capture_to_standard_output_is_json_lines_in_offset_order(broker: Broker, sales: str) -> None:
    where = ("--bootstrap-servers", broker.bootstrap_servers, "--topic", sales)
    lines = [json.loads(line) for line in headwater("capture", "-", *where).splitlines()]
    by_partition = [[line["offset"] for line in lines if line["partition"] == number] for number in range(2)]

    assert by_partition == [list(range(35)), list(range(35))]
    assert {line["key"] for line in lines} == {"k0", "k1", "k2", "k3", "k4"}
    assert [line["value_base64"] for line in lines if "value_base64" in line] == ["/29vcHM="]
    assert sum(line.get("value", ...) is None for line in lines) == 1
