"""How to reach the brokers: clients that are connected, what to ask them, and what it means when that fails."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TypeVar

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka import errors as kafka_errors
from kafka.errors import KafkaError
from tenacity import AttemptManager, Retrying, retry_if_exception_type, wait_random_exponential

from ...errors import BrokerRefused, BrokerUnavailable, SettingsError, SourceError, TopicMissing
from .security import NetClient, check_files, hint, refusal, secured

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
    # A fetch costs what it costs, however little it brings, so the broker waits a moment for more. At 200 events/s that
    # halves what the sidecar needs.
    "fetch_min_bytes": 1 << 18,
    "fetch_max_wait_ms": 100,
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

_UNKNOWN_TOPIC = kafka_errors.UnknownTopicOrPartitionError.errno
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


class Cluster:
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
        self._config = {**_DEFAULTS, **secured(options), **_OURS, "bootstrap_servers": bootstrap_servers}
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

            def net(**config: object) -> NetClient:
                made = NetClient(**config)
                left_behind.callback(made.close)
                return made

            with self.explaining():
                made = kind(kafka_client=net, **self._known(kind), **config)
            left_behind.pop_all()
        return made

    def _known(self, kind: object) -> dict[str, object]:
        known = kind.DEFAULT_CONFIG  # type: ignore[attr-defined]
        return {key: value for key, value in self._config.items() if key in known}

    def check(self, topics: Sequence[str]) -> list[KafkaPartition]:
        """Return the partitions of *topics*, all of which must be there."""
        self.greet()
        with closing(self.client(KafkaAdminClient)) as admin, self.explaining():
            found = admin.describe_topics(list(topics))
            missing = [topic["name"] for topic in found if topic["error_code"] == _UNKNOWN_TOPIC]
            others = admin.list_topics() if missing else []
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
        check_files(self._config)
        reason: Exception = ValueError("no address was given")
        with closing(NetClient(**self._known(KafkaAdminClient))) as net:
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

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Turn any error of the client into ours."""
        try:
            yield
        except KafkaError as exc:
            raise self.explained(exc) from exc

    def explained(self, exc: BaseException) -> SourceError:
        """Return our error for one of the client's."""
        if isinstance(exc, SourceError):  # of ours, about a token
            return exc
        if why := refusal(exc):
            return BrokerRefused(f"{self} refuses us: {why}")
        if isinstance(exc, _REFUSALS) or _is_refused_handshake(exc.__context__):
            return BrokerRefused(
                f"{self} refuses us: {exc}. Check the user, the password and the certificates, and the "
                "permissions: to describe and read the topics, and to read the group."
            )
        if isinstance(exc, _HOPELESS):
            return SourceError(f"{self} cannot be read: {exc}. Check the settings and the health of the broker.")
        return BrokerUnavailable(f"No broker answers at {self}: {exc}.{hint(exc, self._config)}")

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


def never() -> bool:
    """Return False: nothing asks us to stop."""
    return False


# What to ask a consumer


def beginnings(consumer: KafkaConsumer, partitions: Collection[KafkaPartition]) -> Mapping[KafkaPartition, int]:
    """Return the first offset that each partition still has."""
    found: Mapping[KafkaPartition, int] = consumer.beginning_offsets(partitions, timeout_ms=ANSWER_SECONDS * 1000)
    return found


def ends(consumer: KafkaConsumer, partitions: Collection[KafkaPartition]) -> Mapping[KafkaPartition, int]:
    """Return the offset that the next record of each partition will get."""
    found: Mapping[KafkaPartition, int] = consumer.end_offsets(partitions, timeout_ms=ANSWER_SECONDS * 1000)
    return found


def partitions_of(consumer: KafkaConsumer, topic: str) -> Collection[int] | None:
    """Return what the client knows of *topic* without asking: the public way may block for ever."""
    partitions: Collection[int] | None = consumer._cluster.partitions_for_topic(topic)
    return partitions


def unknown(consumer: KafkaConsumer, topics: Iterable[str]) -> list[str]:
    """Return those of *topics* that the client knows nothing of."""
    return [topic for topic in topics if partitions_of(consumer, topic) is None]


def wait_until_known(consumer: KafkaConsumer, topics: Sequence[str]) -> None:
    """Wait for the client to hear of all *topics*, for as long as an answer may take."""
    until = time.monotonic() + ANSWER_SECONDS
    while unknown(consumer, topics) and time.monotonic() < until:
        time.sleep(0.005)


def topic_id(consumer: KafkaConsumer, topic: str) -> object:
    """Return the id of *topic*, which another one of that name would not have; None before Kafka 2.8."""
    return consumer._cluster.topic_id(topic)  # there is no public way


def has_coordinator(consumer: KafkaConsumer) -> bool:
    """Tell whether a broker is known that coordinates the group: without one, `poll` returns nothing."""
    return not consumer._coordinator.coordinator_unknown()


def finish_joining(consumer: KafkaConsumer) -> None:
    """Have the next poll finish a rebalance that the one before had no time for.

    kafka-python (3.0.12) forgets one that began because a topic went or came: it compares what it knows of the
    topics with what it knew when it last joined, and that is the same again while the answer of the coordinator is
    on its way. The partitions would then wait for ever.
    """
    if consumer._coordinator.rejoining:
        consumer._coordinator.request_rejoin()


def close(consumer: KafkaConsumer) -> None:
    """Leave the group and end the client's thread, whether or not a broker answers."""
    try:
        with suppress(Exception):  # the group notices by itself, only later
            consumer.close(autocommit=False, timeout_ms=CLOSE_SECONDS * 1000)
    finally:
        consumer._client.close()  # close() does not come so far if the group could not be left


# Details


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
