"""The Source over what is sent by HTTP: every request is a record of one log, which exists nowhere else.

Kafka keeps what it was sent; a request that was accepted is kept by nobody but us. So whoever sends waits:
`Receipt.wait` returns once the transaction that holds the record is committed, and not before. What is lost before that
(we die, the store is full, time is over) was never accepted: it is still the sender's, who sends it again. Should it
have been written all the same, the second one is a duplicate.

The loop reads this log as it reads a topic. A record gets its offset when it is polled, and the store keeps the next
one, so that ``delivery`` has a row for each request, as for each record of a topic. It cannot be read a second time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from ..errors import IntakeBusy
from . import Gap, Record, TopicPartition

PLACE = TopicPartition("http:lineage", 0)  # no topic of Kafka can be called so
MAX_BYTES = 64 << 20  # that wait for the store, in all
MAX_RECORDS = 5_000  # of one poll


class Receipt:
    """What the sender of a record holds until it is in the store."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.offset: int | None = None
        self.accepted = False
        self._settled = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Return whether the record is in the store, after so many seconds at most."""
        self._settled.wait(seconds)
        return self.accepted

    def settle(self, *, accepted: bool) -> None:
        """Tell whoever waits; the first word counts."""
        if not self._settled.is_set():
            self.accepted = accepted
            self._settled.set()


class HttpSource:
    """The Source over requests. `offer` and `acknowledge` may be called from any thread, the rest from one.

    `poll` does not wait for company while somebody waits for the store: what comes meanwhile is the next batch.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        """Make a source that lets *max_bytes* wait for the store."""
        self._max_bytes = max_bytes
        self._generation = 0
        self._next = 0
        self._paused = False
        self._closed = False
        self._returned_some = False
        self._changed = threading.Condition()
        self._waiting: deque[Receipt] = deque()  # not polled yet
        self._polled: deque[Receipt] = deque()  # and not in the store yet, by offset
        self._bytes = 0

    def offer(self, value: bytes) -> Receipt:
        """Take a record; it is accepted once its receipt says so.

        Raises:
            IntakeBusy: too much waits already, or we are about to end; the sender should try again.
        """
        receipt = Receipt(value)
        with self._changed:
            if self._closed:
                raise IntakeBusy("The sidecar is stopping, or waits for room on its disk. Send it again later.")
            if self._bytes and self._bytes + len(value) > self._max_bytes:
                raise IntakeBusy(f"{self._bytes:,} bytes wait for the store already. Send it again in a moment.")
            self._bytes += len(value)
            self._waiting.append(receipt)
            self._changed.notify()
        return receipt

    @property
    def waiting_bytes(self) -> int:
        """How many bytes were offered and are not in the store yet."""
        return self._bytes

    def acknowledge(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the senders of all records before the next offset that the store has them."""
        with self._changed:
            self._settle(next_offsets.get(PLACE, 0))

    def _settle(self, next_offset: int) -> None:
        while self._polled and (self._polled[0].offset or 0) < next_offset:
            receipt = self._polled.popleft()
            self._bytes -= len(receipt.value)
            receipt.settle(accepted=True)

    @property
    def generation(self) -> int:
        """1 from the first poll on."""
        return self._generation

    @property
    def exhausted(self) -> bool:
        """Never: somebody may always send more."""
        return False

    def poll(self, timeout: float) -> Sequence[Record]:
        """Return what was offered, or nothing after *timeout* seconds; at once if the last poll returned something."""
        if self._generation == 0:
            self._generation = 1
            return ()
        with self._changed:
            if self._is_silent() and not self._returned_some:
                self._changed.wait(timeout)
            records = () if self._is_silent() else self._take()
            self._returned_some = bool(records)
        return records

    def _is_silent(self) -> bool:
        return self._paused or self._closed or not self._waiting

    def _take(self) -> list[Record]:
        records = []
        for _ in range(min(len(self._waiting), MAX_RECORDS)):
            receipt = self._waiting.popleft()
            receipt.offset = self._next
            self._polled.append(receipt)
            records.append(Record(*PLACE, self._next, receipt.value))
            self._next += 1
        return records

    def seek(
        self, next_offsets: Mapping[TopicPartition, int], log_ids: Mapping[TopicPartition, str] = {}
    ) -> Sequence[Gap]:
        """Number what comes from the next offset on; what was polled and is not in the store comes again."""
        with self._changed:
            next_offset = next_offsets.get(PLACE, 0)
            if self._polled:
                self._settle(next_offset)
            self._waiting.extendleft(reversed(self._polled))
            self._polled.clear()
            self._next = next_offset
        return ()

    def log_ids(self) -> Mapping[TopicPartition, str]:
        """Return nothing: there is only one such log."""
        return {}

    def pause(self) -> None:
        """Return nothing until `resume`; it can still be offered something."""
        self._paused = True

    def resume(self) -> None:
        """Undo `pause`."""
        self._paused = False

    def take_gaps(self) -> Sequence[Gap]:
        """Return nothing: what was not accepted is still the sender's."""
        return ()

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """Return the offset after all that was offered; nothing before the first poll."""
        with self._changed:
            return {PLACE: self._next + len(self._waiting)} if self._generation else {}

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Do what `acknowledge` does, if nobody did."""
        self.acknowledge(next_offsets)

    def close(self) -> None:
        """Accept nothing more, and tell everybody who still waits that nothing was accepted."""
        with self._changed:
            self._closed = True
            for receipt in (*self._polled, *self._waiting):
                receipt.settle(accepted=False)
            self._polled.clear()
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify_all()
