"""Topics copied whole: every message with all that the broker keeps about it, outside of any group."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from ...errors import SourceError
from ..captured import Message
from .cluster import Cluster, beginnings, close, ends, never, partitions_of


def capture(
    bootstrap_servers: str | Sequence[str],
    topics: Sequence[str],
    *,
    follow: bool = False,
    options: Mapping[str, object] = {},
    on_waiting: Callable[[str], None],
    stopping: Callable[[], bool] = never,
) -> Generator[Sequence[Message], None, None]:
    """Return every message of *topics*, some at a time, from their beginnings to the ends they have now.

    With *follow* it goes on until *stopping*. No group is joined and nothing is committed.

    Raises:
        TopicMissing: a topic does not exist.
        BrokerRefused: wrong credentials, or no permission.
        SourceError: messages expired before they were captured, or one is damaged.
    """
    cluster = Cluster(bootstrap_servers, options, on_waiting, stopping)
    opened = None
    while opened is None and not stopping():
        opened = cluster.try_until(time.monotonic() + 1, lambda: _open_whole(cluster, topics))
    if opened is None:
        return
    consumer, stops = opened
    try:
        while (follow or not _reached(consumer, stops)) and not stopping():
            messages = list(_next_messages(consumer, cluster, {} if follow else stops))
            if messages:
                yield messages
            if follow:
                _take_new_partitions(consumer, topics)
    finally:
        close(consumer)


def _open_whole(cluster: Cluster, topics: Sequence[str]) -> tuple[KafkaConsumer, Mapping[KafkaPartition, int]]:
    """Return a consumer that stands at the beginning of every partition, and where they end."""
    partitions = cluster.check(topics)
    with ExitStack() as left_behind:
        consumer = cluster.client(KafkaConsumer, group_id=None)
        left_behind.callback(close, consumer)
        with cluster.explaining():
            consumer.assign(partitions)
            for partition, begin in beginnings(consumer, partitions).items():
                consumer.seek(partition, begin)
            stops = ends(consumer, partitions)
        left_behind.pop_all()
    return consumer, stops


def _reached(consumer: KafkaConsumer, stops: Mapping[KafkaPartition, int]) -> bool:
    return all(consumer.position(partition, timeout_ms=0) >= end for partition, end in stops.items())


def _next_messages(consumer: KafkaConsumer, cluster: Cluster, stops: Mapping[KafkaPartition, int]) -> Iterator[Message]:
    batches: Mapping[KafkaPartition, Sequence[Any]] = {}
    try:
        batches = consumer.poll(timeout_ms=500)
    except (kafka_errors.OffsetOutOfRangeError, kafka_errors.LogTruncationError) as exc:
        raise SourceError(f"messages were deleted before they were captured ({exc}). Capture the topic again.") from exc
    except KafkaError as exc:
        cluster.judge(exc)
    cluster.listen(lambda: ends(consumer, consumer.assignment()), heard=bool(batches))
    for partition, batch in batches.items():
        end = stops.get(partition)
        yield from (_message(record) for record in batch if end is None or record.offset < end)


def _message(record: Any) -> Message:
    timestamp = None if record.timestamp < 0 else record.timestamp
    return Message(record.topic, record.partition, record.offset, timestamp, record.key, record.headers, record.value)


def _take_new_partitions(consumer: KafkaConsumer, topics: Sequence[str]) -> None:
    partitions = {KafkaPartition(topic, number) for topic in topics for number in partitions_of(consumer, topic) or ()}
    assigned = consumer.assignment()
    if new := partitions - assigned:
        consumer.assign(list(assigned | new))
        for partition in new:
            consumer.seek(partition, 0)  # it is new: nothing of it has expired yet
