"""Writes recorded events to a topic, one after the other, as the pipelines did: the producer of compose.yaml.

    produce.py --bootstrap-servers kafka:9092 --topic openlineage [--seconds 20] [FILE.ndjson ...]

Makes the topic if it is not there; without files that is all. Runs in the image of the sidecar.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError

PARTITIONS = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the topic and fill it."""
    parser = argparse.ArgumentParser(description="Write recorded events to a topic.")
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--seconds", type=float, default=0.0, help="for all of the files together")
    parser.add_argument("files", nargs="*", type=Path)
    chosen = parser.parse_args(arguments)
    make_topic(chosen.bootstrap_servers, chosen.topic)
    events = [line for path in chosen.files for line in path.read_bytes().splitlines()]
    produce(chosen.bootstrap_servers, chosen.topic, events, pause=chosen.seconds / max(1, len(events)))


def make_topic(servers: str, topic: str) -> None:
    """Make the topic unless it is there."""
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        try:
            admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        except TopicAlreadyExistsError:
            return
    print(f"Made the topic {topic}.", flush=True)


def produce(servers: str, topic: str, events: Sequence[bytes], pause: float) -> None:
    """Write events with the key that OpenLineage's own transport gives them."""
    with closing(KafkaProducer(bootstrap_servers=servers, acks="all")) as producer:
        for event in events:
            producer.send(topic, value=event, key=key_of(json.loads(event))).get(timeout=30)
            print(said_of(json.loads(event)), flush=True)
            time.sleep(pause)


def key_of(event: dict[str, dict[str, str]]) -> bytes:
    """Return the key of a run's event: those of one job stay in order."""
    return f"run:{event['job']['namespace']}/{event['job']['name']}".encode()


def said_of(event: dict[str, dict[str, str]]) -> str:
    """Return an event as a line for people."""
    return f"{event['eventTime']}  {event['eventType']:8}  {event['job']['name']}"


if __name__ == "__main__":
    main()
