"""The Source over topics that the members of a group share, and where each partition goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal, NamedTuple
from uuid import UUID

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from ...errors import BrokerUnavailable
from .. import Gap, Record, TopicPartition
from . import cluster


class KafkaSource:
    """The Source over topics that the members of a group share.

    Making one touches no network: the first polls look for a broker, for as long as it takes. One that goes
    away later is waited for in the same way. *on_waiting* is told why we wait, at most once a minute.
    """

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str],
        topics: Sequence[str],
        group_id: str,
        *,
        options: Mapping[str, object] = {},
        on_waiting: Callable[[str], None],
        stopping: Callable[[], bool] = cluster.never,
    ) -> None:
        """Take down what to read.

        Args:
            bootstrap_servers: ``host:port``, several of them with commas or as a list.
            topics: what to subscribe to.
            group_id: the group.
            options: further settings of kafka-python's KafkaConsumer, such as ``security_protocol``.
            on_waiting: is called with a sentence while no broker answers.
            stopping: once it is true, `poll` does not wait for a broker any longer.

        Raises:
            SettingsError: there is no such option, or it is not the user's to set.
        """
        self._topics = tuple(topics)
        self._cluster = cluster.Cluster(bootstrap_servers, options, on_waiting, stopping)
        self._group_id = group_id
        self._consumer: KafkaConsumer | None = None
        self._closed = False
        self._generation = 0
        self._paused = False
        self._gaps: list[Gap] = []
        self._next: dict[KafkaPartition, int] = {}  # after the last record returned, where a position is known
        self._unplaced: dict[KafkaPartition, _Wish] = {}  # paused until we know where they go on
        self._topic_ids: dict[KafkaPartition, object] = {}

    @property
    def generation(self) -> int:
        """Grows by one with every rebalance, even if it gave us the same partitions again."""
        return self._generation

    @property
    def exhausted(self) -> bool:
        """Never: a topic can always grow."""
        return False

    def poll(self, timeout: float) -> Sequence[Record]:
        """Return the next records, or nothing after *timeout* seconds.

        Raises:
            TopicMissing: at the start, a topic does not exist.
            BrokerRefused: wrong credentials, or no permission for a topic or the group.
            SourceError: a record is damaged, or the group cannot be joined.
        """
        deadline = time.monotonic() + timeout
        if self._closed or not self._connected(deadline):
            return ()
        before = self._generation
        records = self._fetch(max(0.0, deadline - time.monotonic()))
        if self._generation != before:
            return ()
        self._look_for_other_logs()
        self._gaps += self._place()
        self._cluster.listen(self._ask_for_a_sign, heard=bool(records))
        return records

    @property
    def _client(self) -> KafkaConsumer:
        """The consumer, where there can be no doubt that there is one."""
        assert self._consumer is not None
        return self._consumer

    def _connected(self, deadline: float) -> bool:
        if self._consumer is None:
            self._consumer = self._cluster.try_until(deadline, self._open)
        return self._consumer is not None

    def _open(self) -> KafkaConsumer:
        self._cluster.check(self._topics)
        consumer = self._cluster.client(KafkaConsumer, group_id=self._group_id)
        consumer.subscribe(self._topics, listener=_Listener(self._take))
        # Joining before the partitions are known gets none of them, and another rebalance a moment later.
        cluster.wait_until_known(consumer, self._topics)
        return consumer

    def _take(self, partitions: Iterable[KafkaPartition]) -> None:
        # On the client's own thread, while poll() waits for it. A partition with a position, any, is not
        # set to the group's committed offset; one that is paused is not read before seek() was called.
        consumer = self._client
        for partition in partitions:
            consumer.pause(partition)
            consumer.seek(partition, 0)
        self._next = {}
        self._unplaced = {}
        self._generation += 1

    def _fetch(self, timeout: float) -> list[Record]:
        before = self._generation
        batches: Mapping[KafkaPartition, Sequence[Any]] = {}
        with self._faults():
            cluster.finish_joining(self._client)
            batches = self._client.poll(int(timeout * 1000))
        records: list[Record] = []
        for partition, batch in batches.items() if self._generation == before else ():
            topic, number = partition
            records += [Record(topic, number, record.offset, record.value) for record in batch]
            self._next[partition] = batch[-1].offset + 1
        return records

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn an error of the client into a gap, one of ours, or a notice that we wait."""
        try:
            yield
        except kafka_errors.OffsetOutOfRangeError as exc:
            self._lose(exc.args[0])
        except kafka_errors.LogTruncationError as exc:
            # The log once ended before our position: the topic was made again, or a replica that lagged took
            # over. Either way it is not the log that we read, and it is read from its beginning.
            self._lose(exc.divergent_offsets, another_log=True)
        except KafkaError as exc:
            self._cluster.judge(exc)

    def _lose(self, partitions: Iterable[KafkaPartition], *, another_log: bool = False) -> None:
        consumer = self._client
        for partition in partitions:
            consumer.pause(partition)
            self._unplaced[partition] = _Wish(self._next.get(partition), another_log)

    def _look_for_other_logs(self) -> None:
        # A topic that was made again and already has more records than the old one had shows itself only so.
        self._lose(
            [
                partition
                for partition in self._next
                if partition not in self._unplaced and self._is_another_log(partition)
            ],
            another_log=True,
        )

    def _is_another_log(self, partition: KafkaPartition) -> bool:
        known, present = self._topic_ids.get(partition), cluster.topic_id(self._client, partition.topic)
        return known is not None and present is not None and known != present

    def log_ids(self) -> Mapping[TopicPartition, str]:
        """Return the id of the topic of each partition; nothing from a broker before Kafka 2.8."""
        return {TopicPartition(*partition): str(found) for partition, found in self._topic_ids.items() if found}

    def seek(
        self, next_offsets: Mapping[TopicPartition, int], log_ids: Mapping[TopicPartition, str] = {}
    ) -> Sequence[Gap]:
        """Continue each assigned partition at its next offset; one that is not named starts at its beginning.

        If no broker answers just now, `poll` returns nothing until the positions are found, and `take_gaps`
        returns the gaps that show then.
        """
        if self._consumer is None:
            return ()
        partitions = self._consumer.assignment()
        self._consumer.pause(*partitions)
        self._unplaced = {
            partition: _Wish(next_offsets.get(TopicPartition(*partition)), another_log=False)
            for partition in partitions
        }
        # What the store was written from counts, not what was read since.
        self._topic_ids |= {
            partition: UUID(log_ids[position])
            for partition in partitions
            if (position := TopicPartition(*partition)) in log_ids
        }
        return self._place()

    def _place(self) -> list[Gap]:
        """Let each partition that waits for it go on, if the broker says from where to where its log goes."""
        if not self._unplaced:
            return []
        begins: Mapping[KafkaPartition, int] = {}
        ends: Mapping[KafkaPartition, int] = {}
        with self._faults():
            begins = cluster.beginnings(self._client, self._unplaced)
            ends = cluster.ends(self._client, self._unplaced)
        placed = [self._place_one(partition, begins[partition], end) for partition, end in ends.items()]
        return [gap for gap in placed if gap]

    def _place_one(self, partition: KafkaPartition, begin: int, end: int) -> Gap | None:
        wish = self._unplaced.pop(partition)
        offset, reason = wish.among(begin, end, another_log=self._is_another_log(partition))
        self._client.seek(partition, offset)
        self._next[partition] = offset
        self._topic_ids[partition] = cluster.topic_id(self._client, partition.topic) or self._topic_ids.get(partition)
        if not self._paused:
            self._client.resume(partition)
        if reason is None or wish.offset is None:
            return None
        return Gap(partition.topic, partition.partition, wish.offset, offset, reason)

    def _ask_for_a_sign(self) -> None:
        partitions = self._client.assignment()
        if partitions:
            cluster.ends(self._client, partitions)
            if not cluster.has_coordinator(self._client):
                raise BrokerUnavailable(
                    f"No broker at {self._cluster} coordinates the group {self._group_id}, and reading waits for one. "
                    "If that lasts, see whether the topic __consumer_offsets has a copy on a broker that is there "
                    "(offsets.topic.replication.factor)."
                )
            return
        self._cluster.greet()
        if unknown := cluster.unknown(self._client, self._topics):
            raise kafka_errors.UnknownTopicOrPartitionError(f"{' and '.join(unknown)} does not exist any more")

    def pause(self) -> None:
        """Return nothing until `resume`, and stay in the group: `poll` must go on being called."""
        self._paused = True
        if self._consumer is not None:
            self._consumer.pause(*self._consumer.assignment())

    def resume(self) -> None:
        """Undo `pause`."""
        self._paused = False
        if self._consumer is not None:
            self._consumer.resume(*(self._next.keys() - self._unplaced.keys()))

    def take_gaps(self) -> Sequence[Gap]:
        """Return, once, the gaps that opened while polling."""
        gaps, self._gaps = self._gaps, []
        return gaps

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """Return the end of every assigned partition, or nothing at all if no broker answers just now.

        What lies between the last record and the end need not be records: a transaction ends with a marker.
        Once that was passed, the end of the records is returned, so that a lag can become zero.
        """
        ends: Mapping[KafkaPartition, int] = {}
        if self._consumer is not None:
            with self._faults():
                ends = cluster.ends(self._consumer, self._consumer.assignment())
        return {TopicPartition(*partition): self._end(partition, end) for partition, end in ends.items()}

    def _end(self, partition: KafkaPartition, end: int) -> int:
        skipped = False
        if partition in self._next and partition not in self._unplaced:
            with self._faults():
                skipped = self._client.position(partition, timeout_ms=0) >= end
        return self._next[partition] if skipped else end

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the group how far the store has come, without waiting for the answer."""
        if self._consumer is None:
            return
        assigned = self._consumer.assignment()
        offsets = {
            KafkaPartition(*partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in next_offsets.items()
            if partition in assigned
        }
        if offsets:
            with suppress(Exception):  # a courtesy; the store has the truth
                self._consumer.commit_async(offsets, callback=lambda *_: None)

    def close(self) -> None:
        """Leave the group, so that others get the partitions at once."""
        self._closed = True
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            cluster.close(consumer)


class _Wish(NamedTuple):
    """Where a partition should go on; None is the beginning."""

    offset: int | None
    another_log: bool

    def among(self, begin: int, end: int, *, another_log: bool) -> tuple[int, Literal["expired", "recreated"] | None]:
        """Return where it goes on, given the ends of its log, and why not where it should."""
        if self.offset is None:
            return begin, None
        if self.another_log or another_log or self.offset > end:
            return begin, "recreated"
        if self.offset < begin:
            return begin, "expired"
        return self.offset, None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    def __init__(self, take: Callable[[Iterable[KafkaPartition]], None]) -> None:
        self._take = take

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        """Do nothing: what was read of them may still be written."""

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        self._take(assigned)
