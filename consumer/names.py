"""What jobs, datasets, runs and partitions are called, and the short ids that stand for those names inside the store.

An id is a hash of the name, so that two sidecars, two batches and two replays agree on it without asking the store.
64 bits are enough for names (one collision in a thousand stores of six million datasets each); what is counted in
hundreds of millions (runs, events, documents) gets 128.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple


class DatasetName(NamedTuple):
    """A dataset as OpenLineage names it: the namespace says where it is, the name which one."""

    namespace: str
    name: str


class JobName(NamedTuple):
    """A job as OpenLineage names it."""

    namespace: str
    name: str


class TopicPartition(NamedTuple):
    """One ordered log of records. A file is the partition 0 of the topic ``file:NAME``."""

    topic: str
    partition: int


def name_id(name: DatasetName | JobName) -> int:
    """Return the 64-bit id of a name."""
    # A NUL ends the namespace: no namespace that was ever seen has one, so ("a", "bc") and ("ab", "c") differ.
    digest = blake2b(f"{name.namespace}\0{name.name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def run_key(run_id: str) -> bytes:
    """Return the 128-bit id of a run. Producers send run ids that are not UUIDs, so every one of them is hashed."""
    return blake2b(run_id.encode(), digest_size=16).digest()


def content_id(content: bytes) -> bytes:
    """Return the 128-bit id of a canonical JSON text."""
    return blake2b(content, digest_size=16).digest()


def content_id_64(content: bytes) -> int:
    """Return the 64-bit id of a canonical text of which there are not many, such as a shape."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")
