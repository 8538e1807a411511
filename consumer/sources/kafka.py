"""Records from Kafka topics. The one place that imports `kafka`; its errors become ours here.

Positions are never left to the client. It has no reset policy, so that an offset that the broker no longer
has comes up as an error and not as a jump; and it commits nothing by itself, so that `seek` alone says where
to go on.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka import errors as kafka_errors
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from tenacity import AttemptManager, Retrying, retry_if_exception_type, wait_random_exponential

from ..errors import BrokerRefused, BrokerUnavailable, SettingsError, SourceError, TopicMissing
from . import Gap, Record, TopicPartition
from .captured import Message

SECONDS_BETWEEN_NOTICES = 60.0
QUIET_SECONDS = 5.0  # nothing came for so long: ask whether a broker is still there
BOOTSTRAP_SECONDS = 5.0  # for TLS and SASL on a slow line; a stop may have to wait for it
ANSWER_SECONDS = 3.0  # for a question about offsets
CLOSE_SECONDS = 3.0
MAX_BACKOFF_SECONDS = 30.0

_DEFAULTS: Mapping[str, object] = {
    "client_id": "headwater",
    "max_poll_records": 5_000,
    # How much is asked for at a time; one batch comes whole, however much larger it is. Asking for 4 MB took 25
    # to 36 % more processor time for the same records.
    "max_partition_fetch_bytes": 1 << 20,
    "fetch_max_bytes": 32 << 20,
    # What an aborted transaction wrote never happened. Where nobody uses transactions this costs nothing.
    "isolation_level": "read_committed",
    "metadata_max_age_ms": 60_000,  # so soon a topic that was made again is noticed
    "reconnect_backoff_max_ms": 5_000,  # so soon a broker that is back is noticed
    "metrics_enabled": False,
    "session_timeout_ms": 10_000,  # so soon the group misses a member that was killed, and its successor can read
}
_OURS: Mapping[str, object] = {
    "auto_offset_reset": "none",
    "enable_auto_commit": False,
    "allow_auto_create_topics": False,  # by default, asking for a topic makes it
    "bootstrap_timeout_ms": int(BOOTSTRAP_SECONDS * 1000),
}
_RESERVED = {
    *_OURS,
    "bootstrap_servers",
    "group_id",
    "check_crcs",
    "kafka_client",
    "key_deserializer",
    "value_deserializer",
    "partition_assignment_strategy",  # a cooperative one tells of what was added, not of what was taken
}

_SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")

_REFUSALS = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.SecurityDisabledError,
    FileNotFoundError,  # a certificate is not where the settings say
    PermissionError,
)
_HOPELESS = (
    kafka_errors.CorruptRecordError,  # and the next poll would spin for ever
    kafka_errors.UnsupportedCodecError,
    kafka_errors.UnsupportedVersionError,
    kafka_errors.FencedInstanceIdError,
    kafka_errors.InconsistentGroupProtocolError,
    kafka_errors.InvalidGroupIdError,
    kafka_errors.InvalidSessionTimeoutError,
    kafka_errors.KafkaConfigurationError,
    kafka_errors.IllegalStateError,
)

_Made = TypeVar("_Made")


def _never() -> bool:
    return False


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
        stopping: Callable[[], bool] = _never,
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
        self._cluster = _Cluster(bootstrap_servers, options, on_waiting, stopping)
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

    def _connected(self, deadline: float) -> bool:
        if self._consumer is None:
            self._consumer = self._cluster.try_until(deadline, self._open)
        return self._consumer is not None

    def _open(self) -> KafkaConsumer:
        self._cluster.check(self._topics)
        consumer = self._cluster.client(KafkaConsumer, group_id=self._group_id)
        consumer.subscribe(self._topics, listener=_Listener(self._take))
        # Joining before the partitions are known gets none of them, and another rebalance a moment later.
        until = time.monotonic() + ANSWER_SECONDS
        while _unknown(consumer, self._topics) and time.monotonic() < until:
            time.sleep(0.005)
        return consumer

    def _take(self, partitions: Iterable[KafkaPartition]) -> None:
        # On the client's own thread, while poll() waits for it. A partition with a position, any, is not
        # set to the group's committed offset; one that is paused is not read before seek() was called.
        assert self._consumer is not None
        for partition in partitions:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self._next = {}
        self._unplaced = {}
        self._generation += 1

    def _fetch(self, timeout: float) -> list[Record]:
        assert self._consumer is not None
        before = self._generation
        batches: Mapping[KafkaPartition, Sequence[Any]] = {}
        with self._faults():
            batches = self._consumer.poll(int(timeout * 1000))
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
        assert self._consumer is not None
        for partition in partitions:
            self._consumer.pause(partition)
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
        known, present = self._topic_ids.get(partition), self._topic_id(partition.topic)
        return known is not None and present is not None and known != present

    def _topic_id(self, topic: str) -> object:
        assert self._consumer is not None
        return self._consumer._cluster.topic_id(topic)  # there is no public way; None before Kafka 2.8

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
        assert self._consumer is not None
        begins: Mapping[KafkaPartition, int] = {}
        ends: Mapping[KafkaPartition, int] = {}
        with self._faults():
            begins = self._consumer.beginning_offsets(self._unplaced, timeout_ms=ANSWER_SECONDS * 1000)
            ends = self._consumer.end_offsets(self._unplaced, timeout_ms=ANSWER_SECONDS * 1000)
        placed = [self._place_one(partition, begins[partition], end) for partition, end in ends.items()]
        return [gap for gap in placed if gap]

    def _place_one(self, partition: KafkaPartition, begin: int, end: int) -> Gap | None:
        assert self._consumer is not None
        wish = self._unplaced.pop(partition)
        offset, reason = wish.among(begin, end, another_log=self._is_another_log(partition))
        self._consumer.seek(partition, offset)
        self._next[partition] = offset
        self._topic_ids[partition] = self._topic_id(partition.topic) or self._topic_ids.get(partition)
        if not self._paused:
            self._consumer.resume(partition)
        if reason is None or wish.offset is None:
            return None
        return Gap(partition.topic, partition.partition, wish.offset, offset, reason)

    def _ask_for_a_sign(self) -> None:
        assert self._consumer is not None
        partitions = self._consumer.assignment()
        if partitions:
            self._consumer.end_offsets(partitions, timeout_ms=ANSWER_SECONDS * 1000)
            return
        self._cluster.greet()
        if unknown := _unknown(self._consumer, self._topics):
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
                ends = self._consumer.end_offsets(self._consumer.assignment(), timeout_ms=ANSWER_SECONDS * 1000)
        return {TopicPartition(*partition): self._end(partition, end) for partition, end in ends.items()}

    def _end(self, partition: KafkaPartition, end: int) -> int:
        assert self._consumer is not None
        skipped = False
        if partition in self._next and partition not in self._unplaced:
            with self._faults():
                skipped = self._consumer.position(partition, timeout_ms=0) >= end
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
            _close(consumer)


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


# Capture


def capture(
    bootstrap_servers: str | Sequence[str],
    topics: Sequence[str],
    *,
    follow: bool = False,
    options: Mapping[str, object] = {},
    on_waiting: Callable[[str], None],
    stopping: Callable[[], bool] = _never,
) -> Iterator[Sequence[Message]]:
    """Return every message of *topics*, some at a time, from their beginnings to the ends they have now.

    With *follow* it goes on until *stopping*. No group is joined and nothing is committed.

    Raises:
        TopicMissing: a topic does not exist.
        BrokerRefused: wrong credentials, or no permission.
        SourceError: messages expired before they were captured, or one is damaged.
    """
    cluster = _Cluster(bootstrap_servers, options, on_waiting, stopping)
    opened = None
    while opened is None and not stopping():
        opened = cluster.try_until(time.monotonic() + 1, lambda: _open_whole(cluster, topics))
    if opened is None:
        return
    consumer, ends = opened
    try:
        while (follow or not _reached(consumer, ends)) and not stopping():
            messages = list(_next_messages(consumer, cluster, {} if follow else ends))
            if messages:
                yield messages
            if follow:
                _take_new_partitions(consumer, topics)
    finally:
        _close(consumer)


def _open_whole(cluster: _Cluster, topics: Sequence[str]) -> tuple[KafkaConsumer, Mapping[KafkaPartition, int]]:
    """Return a consumer that stands at the beginning of every partition, and where they end."""
    partitions = cluster.check(topics)
    with ExitStack() as left_behind:
        consumer = cluster.client(KafkaConsumer, group_id=None)
        left_behind.callback(_close, consumer)
        try:
            consumer.assign(partitions)
            for partition, begin in consumer.beginning_offsets(partitions, ANSWER_SECONDS * 1000).items():
                consumer.seek(partition, begin)
            ends = consumer.end_offsets(partitions, ANSWER_SECONDS * 1000)
        except KafkaError as exc:
            raise cluster.explained(exc) from exc
        left_behind.pop_all()
    return consumer, ends


def _reached(consumer: KafkaConsumer, ends: Mapping[KafkaPartition, int]) -> bool:
    return all(consumer.position(partition, timeout_ms=0) >= end for partition, end in ends.items())


def _next_messages(consumer: KafkaConsumer, cluster: _Cluster, ends: Mapping[KafkaPartition, int]) -> Iterator[Message]:
    batches: Mapping[KafkaPartition, Sequence[Any]] = {}
    try:
        batches = consumer.poll(timeout_ms=500)
    except (kafka_errors.OffsetOutOfRangeError, kafka_errors.LogTruncationError) as exc:
        raise SourceError(f"messages were deleted before they were captured ({exc}). Capture the topic again.") from exc
    except KafkaError as exc:
        cluster.judge(exc)
    cluster.listen(lambda: consumer.end_offsets(consumer.assignment(), ANSWER_SECONDS * 1000), heard=bool(batches))
    for partition, batch in batches.items():
        end = ends.get(partition)
        yield from (_message(record) for record in batch if end is None or record.offset < end)


def _message(record: Any) -> Message:
    timestamp = None if record.timestamp < 0 else record.timestamp
    return Message(record.topic, record.partition, record.offset, timestamp, record.key, record.headers, record.value)


def _take_new_partitions(consumer: KafkaConsumer, topics: Sequence[str]) -> None:
    partitions = {KafkaPartition(topic, number) for topic in topics for number in _partitions(consumer, topic) or ()}
    assigned = consumer.assignment()
    if new := partitions - assigned:
        consumer.assign(list(assigned | new))
        for partition in new:
            consumer.seek(partition, 0)  # it is new: nothing of it has expired yet


# The way to the brokers


class _Cluster:
    """How to reach the brokers, and what it means when something fails there."""

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str],
        options: Mapping[str, object],
        on_waiting: Callable[[str], None],
        stopping: Callable[[], bool],
    ) -> None:
        _check_options(options)
        self._servers = bootstrap_servers
        self._config = {**_DEFAULTS, **options, **_OURS, "bootstrap_servers": bootstrap_servers}
        self._on_waiting = on_waiting
        self._stopping = stopping
        self._said_at = -SECONDS_BETWEEN_NOTICES
        self._heard_at = time.monotonic()
        self._trouble: Exception | None = None
        # The pauses are tenacity's, but poll() has only so much time: it waits them out over several calls.
        self._retry_at = 0.0
        self._attempts: Iterator[AttemptManager] = iter(
            Retrying(
                retry=retry_if_exception_type(BrokerUnavailable),
                wait=wait_random_exponential(multiplier=0.5, max=MAX_BACKOFF_SECONDS),
                before_sleep=lambda state: self._say(str(state.outcome and state.outcome.exception())),
                sleep=self._put_off,
                reraise=True,
            )
        )
        self._attempt = next(self._attempts)

    def __str__(self) -> str:
        return self._servers if isinstance(self._servers, str) else ",".join(self._servers)

    def _put_off(self, seconds: float) -> None:
        self._retry_at = time.monotonic() + seconds

    def _may_say(self) -> bool:
        return time.monotonic() - self._said_at >= SECONDS_BETWEEN_NOTICES

    def _say(self, what: str) -> None:
        if self._may_say():
            self._said_at = time.monotonic()
            self._on_waiting(f"{what} Still trying; reading goes on by itself.")

    # Getting there

    def try_until(self, deadline: float, make: Callable[[], _Made]) -> _Made | None:
        """Return what *make* makes, or None if no broker answered before *deadline*."""
        while not self._stopping():
            self._nap(min(self._retry_at, deadline))
            if time.monotonic() < self._retry_at:
                return None
            made = None
            with self._attempt:
                made = make()
            if made is not None:
                return made
            self._attempt = next(self._attempts)  # or raises, if it is not worth another try
        return None

    def _nap(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0 and not self._stopping():
            time.sleep(min(left, 0.1))

    def client(self, kind: Callable[..., _Made], **config: object) -> _Made:
        """Return a KafkaConsumer or a KafkaAdminClient that is connected."""
        with ExitStack() as left_behind:  # a constructor that fails does not end its thread

            def net(**config: object) -> KafkaNetClient:
                made = KafkaNetClient(**config)
                left_behind.callback(made.close)
                return made

            try:
                made = kind(kafka_client=net, **self._known(kind), **config)
            except KafkaError as exc:
                raise self.explained(exc) from exc
            left_behind.pop_all()
        return made

    def _known(self, kind: object) -> dict[str, object]:
        known = kind.DEFAULT_CONFIG  # type: ignore[attr-defined]
        return {key: value for key, value in self._config.items() if key in known}

    def check(self, topics: Sequence[str]) -> list[KafkaPartition]:
        """Return the partitions of *topics*, all of which must be there."""
        self.greet()
        with closing(self.client(KafkaAdminClient)) as admin:
            try:
                found = admin.describe_topics(list(topics))
                missing = [topic["name"] for topic in found if topic["error_code"] == _UNKNOWN_TOPIC]
                others = admin.list_topics() if missing else []
            except KafkaError as exc:
                raise self.explained(exc) from exc
        if missing:
            raise TopicMissing(_about_missing(missing, others, str(self)))
        for topic in found:
            if topic["error_code"]:
                error = kafka_errors.for_code(topic["error_code"])
                raise self.explained(error(f"the topic {topic['name']}"))
        return [
            KafkaPartition(topic["name"], partition["partition_index"])
            for topic in found
            for partition in topic["partitions"]
        ]

    def greet(self) -> None:
        """Connect once, or raise: a client that cannot connect only says, in the end, that its time was over."""
        reason: Exception = ValueError("no address was given")
        with closing(KafkaNetClient(**self._known(KafkaAdminClient))) as net:
            net._net.start()
            for broker in net.cluster.bootstrap_brokers():
                try:
                    net._manager.run(net._manager.get_connection, broker.node_id, BOOTSTRAP_SECONDS * 1000)
                except Exception as exc:
                    reason = exc
                else:
                    return
        raise self.explained(reason) from reason

    # What it means

    def explained(self, exc: BaseException) -> SourceError:
        """Return our error for one of the client's."""
        if isinstance(exc, _REFUSALS) or _is_refused_handshake(exc.__context__):
            return BrokerRefused(
                f"{self} refuses us: {exc}. Check the user, the password and the certificates, and the "
                "permissions: to describe and read the topics, and to read the group."
            )
        if isinstance(exc, _HOPELESS):
            return SourceError(f"{self} cannot be read: {exc}. Check the settings and the health of the broker.")
        return BrokerUnavailable(f"No broker answers at {self}: {exc}.")

    def judge(self, exc: KafkaError) -> None:
        """Raise ours for *exc*, unless it passes by itself."""
        explained = self.explained(exc)
        if not isinstance(explained, BrokerUnavailable):
            raise explained from exc
        self._trouble = explained

    def listen(self, ask: Callable[[], object], *, heard: bool) -> None:
        """After a silence, *ask* for a sign of life: the client would wait without a word."""
        now = time.monotonic()
        if heard:
            self._heard_at, self._trouble = now, None
        if now - self._heard_at < QUIET_SECONDS:
            return
        self._heard_at = now
        try:
            ask()
        except KafkaError as exc:
            self.judge(exc)
        except BrokerUnavailable as exc:
            self._trouble = exc
        if self._trouble and self._may_say():
            self._say(str(self._why(self._trouble)))
        self._trouble = None

    def _why(self, trouble: Exception) -> Exception:
        try:
            self.greet()
        except BrokerUnavailable as exc:  # says it better than a timeout does
            return exc
        return trouble


_UNKNOWN_TOPIC = kafka_errors.UnknownTopicOrPartitionError.errno


def _check_options(options: Mapping[str, object]) -> None:
    for option in options:
        if option in _RESERVED:
            raise SettingsError(f"the Kafka option {option} is not free to set: Headwater relies on its own.")
        if option not in KafkaConsumer.DEFAULT_CONFIG:
            raise SettingsError(
                f"there is no Kafka option {option}. They are those of kafka-python's KafkaConsumer, in its "
                "spelling: security_protocol, not security.protocol."
            )
    protocol = options.get("security_protocol", "PLAINTEXT")
    if protocol not in _SECURITY_PROTOCOLS:  # kafka-python would take it for PLAINTEXT
        raise SettingsError(
            f"there is no Kafka security_protocol {protocol}. It is one of {', '.join(_SECURITY_PROTOCOLS)}."
        )


def _is_refused_handshake(exc: BaseException | None) -> bool:
    # One that breaks off may be a broker that is just going away.
    return isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError)


def _about_missing(missing: Sequence[str], others: Iterable[str], servers: str) -> str:
    theirs = sorted(topic for topic in others if not topic.startswith("__"))
    some = f"It has {', '.join(theirs[:5])}" if theirs else "It has none yet"
    more = f" and {len(theirs) - 5} more" if len(theirs) > 5 else ""
    return (
        f"{servers} has no topic {' and no topic '.join(missing)}. {some}{more}. "
        "Create the topic, or name another with --topic."
    )


def _partitions(consumer: KafkaConsumer, topic: str) -> Collection[int] | None:
    """Return what the client knows of *topic* without asking: the public way may block for ever."""
    partitions: Collection[int] | None = consumer._cluster.partitions_for_topic(topic)
    return partitions


def _unknown(consumer: KafkaConsumer, topics: Iterable[str]) -> list[str]:
    return [topic for topic in topics if _partitions(consumer, topic) is None]


def _close(consumer: KafkaConsumer) -> None:
    try:
        with suppress(Exception):  # the group notices by itself, only later
            consumer.close(autocommit=False, timeout_ms=CLOSE_SECONDS * 1000)
    finally:
        consumer._client.close()  # close() does not come so far if the group could not be left
