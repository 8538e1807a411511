"""Where records come from: one Protocol, so that the loop cannot tell a topic from a file.

A source is *positioned* by next offsets: the first offset of each partition that is not in the store yet. The store is
the only truth about positions; a source forgets them when it closes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from ..names import TopicPartition

__all__ = ["Gap", "Record", "Source", "TopicPartition"]


class Record(NamedTuple):
    """One message as it was received.

    Attributes:
        topic: the Kafka topic, or ``file:NAME``.
        partition: the Kafka partition; 0 for a file.
        offset: the Kafka offset; the line of a file, from 1.
        value: the bytes, untouched; None is a tombstone.
        element: place inside the enclosing JSON array, when a source has already split one; else 0.
    """

    topic: str
    partition: int
    offset: int
    value: bytes | None
    element: int = 0


class Gap(NamedTuple):
    """Records that we needed and the source no longer has.

    Attributes:
        first_offset: where we stood: the next offset we needed.
        next_offset: where reading goes on.
        reason: ``expired`` (those from *first_offset* up to *next_offset* were deleted) or ``recreated`` (it is
            another log of the same name: the topic was deleted and made again. It is read from its beginning,
            so that *next_offset* is usually 0 and before *first_offset*).
    """

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    reason: Literal["expired", "recreated"]


class Source(Protocol):
    """A positioned stream of records.

    The caller's side of the contract: after every change of *generation* it throws away what it polled and did not
    write, and calls `seek` before it polls again. All calls come from one thread.
    """

    @property
    def generation(self) -> int:
        """Grows by one whenever the set of assigned partitions changed. Starts at 0 with nothing assigned."""

    @property
    def exhausted(self) -> bool:
        """True once `poll` can never return anything more: the end of the files. A topic is never exhausted."""

    def poll(self, timeout: float) -> Sequence[Record]:
        """Return the next records in offset order within each partition, or nothing after *timeout* seconds.

        Blocks for no longer than *timeout* plus a moment, keeps a group membership alive, and returns nothing
        when the generation changed during the call.

        Raises:
            SourceError: the source cannot be read; a transient fault of a broker is retried inside instead.
        """

    def seek(
        self, next_offsets: Mapping[TopicPartition, int], log_ids: Mapping[TopicPartition, str] = {}
    ) -> Sequence[Gap]:
        """Continue each assigned partition at its next offset; one that is not named starts at its beginning.

        Returns what we need and the source no longer has. Never raises for a gap.
        """

    def log_ids(self) -> Mapping[TopicPartition, str]:
        """Return which log of its name each assigned partition is, where the source can tell."""

    def pause(self) -> None:
        """Return nothing from `poll` until `resume`, yet stay in the group. May be called twice."""

    def resume(self) -> None:
        """Undo `pause`. May be called twice."""

    def take_gaps(self) -> Sequence[Gap]:
        """Return, once, the gaps that opened while polling (retention overtook us)."""

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """Return the end of every assigned partition: the offset that the next record to arrive will get."""

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the source how far the store has come, for its own lag displays. A courtesy: never raises."""

    def close(self) -> None:
        """Leave the group and let go of every resource. May be called twice."""
