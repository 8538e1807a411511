"""Forwards what is sent by HTTP into a topic: the topic stays the one log that everybody reads, us included.

An event is durable once all brokers that must have it said so (``acks=all``). It gets the key that OpenLineage's Kafka
transports give it, so that the events of a pipeline share a partition, whichever way they came.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from ...errors import IntakeBusy, IntakeRefused, SourceError
from ...event import Fields, elements_of, fields_of, job_of
from . import cluster

SEND_SECONDS = 20.0  # that an event may wait for the brokers; who sends it waits as long
CONNECT_SECONDS = 5.0  # to find a broker, and between two tries
_SPACE = b"\xef\xbb\xbf \t\r\n"


class Forwarder:
    """Produces records to one topic. Making one touches no network: the first record looks for a broker."""

    def __init__(
        self, bootstrap_servers: str, topic: str, *, options: Mapping[str, object] = {}, max_bytes: int
    ) -> None:
        """Take down where to produce.

        Args:
            bootstrap_servers: ``host:port``, several of them with commas.
            topic: what to produce to.
            options: settings of kafka-python's clients, such as ``security_protocol``.
            max_bytes: the largest event; the brokers have a limit of their own.
        """
        self._topic = topic
        # What it would say of a broker that is away, the source of the same brokers says.
        self._cluster = cluster.Cluster(bootstrap_servers, options, on_waiting=lambda _: None, stopping=cluster.never)
        self._config = {
            "acks": "all",
            # With it, one event that is too large would be fatal to the producer. Without it, one that the client tries
            # again may be there twice, as may one that its sender sends again; the store does not mind.
            "enable_idempotence": False,
            "compression_type": "gzip",
            "max_request_size": max_bytes + (1 << 16),  # with room for what surrounds it
            "max_block_ms": int(CONNECT_SECONDS * 1000),
            "delivery_timeout_ms": int(SEND_SECONDS * 1000),
            "request_timeout_ms": int(SEND_SECONDS / 2 * 1000),
        }
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._retry_at = 0.0

    def offer(self, value: bytes) -> Delivery:
        """Produce an event, or each event of an array.

        Raises:
            IntakeBusy: no broker takes it just now.
            IntakeRefused: an event is larger than the topic takes.
        """
        producer = self._connected()
        try:
            return Delivery([producer.send(self._topic, part, key_of(part)) for part in _parts(value)])
        except KafkaError as exc:
            raise _explained(exc) from exc

    def close(self) -> None:
        """Wait a moment for what is on its way, and let go of the brokers."""
        with self._lock:
            producer, self._producer = self._producer, None
            self._retry_at = float("inf")
        if producer is not None:
            producer.close(timeout=CONNECT_SECONDS)

    def _connected(self) -> KafkaProducer:
        with self._lock:
            if self._producer is None:
                if time.monotonic() < self._retry_at:
                    raise IntakeBusy("No broker answers just now.")
                try:
                    self._cluster.greet()
                    self._producer = self._cluster.client(KafkaProducer, **self._config)
                except SourceError as exc:
                    self._retry_at = time.monotonic() + CONNECT_SECONDS
                    raise IntakeBusy("No broker answers just now.") from exc
            return self._producer


class Delivery:
    """The receipt for records on their way to the brokers."""

    def __init__(self, futures: Sequence[Any]) -> None:
        self._futures = futures

    def wait(self, seconds: float) -> bool:
        """Return whether the brokers have all of it, after so many seconds at most.

        Raises:
            IntakeBusy: the brokers do not take it just now.
            IntakeRefused: an event is larger than the topic takes.
        """
        until = time.monotonic() + seconds
        try:
            for future in self._futures:
                future.get(timeout=max(0.0, until - time.monotonic()))
        except kafka_errors.KafkaTimeoutError:
            return False
        except KafkaError as exc:
            raise _explained(exc) from exc
        return True


def key_of(event: bytes) -> bytes | None:
    """Return the key that OpenLineage's Kafka transports give an event; None for what is no event.

    Format: ``run:NAMESPACE/NAME`` of the job at the root of the run, else of the parent's, else of its own;
    ``job:…`` and ``dataset:…`` for the events that are about those (openlineage.client.transport.kafka).
    """
    fields = _fields(event)
    kind = next((kind for kind in ("run", "job", "dataset") if kind in fields), "")
    named = [fields.get("job" if kind == "run" else kind)]
    if kind == "run":
        parent = _within(fields, "run", "facets", "parent")
        named = [_within(parent, "root").get("job"), parent.get("job"), *named]
    name = next(filter(None, map(job_of, named)), None)
    return None if name is None else f"{kind}:{name.namespace}/{name.name}".encode()


def _fields(event: bytes) -> Fields:
    try:
        return {name: raw for name, raw in (fields_of(msgspec.Raw(event)) or {}).items() if bytes(raw) != b"null"}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _within(fields: Fields, *names: str) -> Fields:
    for name in names:
        fields = fields_of(fields.get(name)) or {}
    return fields


def _parts(value: bytes) -> list[bytes]:
    if value.lstrip(_SPACE)[:1] != b"[":
        return [value]
    return [bytes(part) for part in elements_of(msgspec.Raw(value.lstrip(_SPACE))) or ()]


def _explained(exc: KafkaError) -> IntakeBusy | IntakeRefused:
    if isinstance(exc, kafka_errors.MessageSizeTooLargeError):
        return IntakeRefused(413, f"An event is larger than the topic takes: {exc}.")
    return IntakeBusy(f"The brokers do not take it just now: {exc}.")
