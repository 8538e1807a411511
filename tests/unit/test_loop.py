"""The loop, with a real store and a source made of lists: nothing is lost, nothing twice, whatever the source does."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from headwater.errors import StoreFull, TooManyDeadLetters
from headwater.fold import Folder
from headwater.ledger import Table
from headwater.loop import DeadLetterLimit, Limits, Loop
from headwater.names import TopicPartition
from headwater.sources import Gap, Record
from headwater.store import Store

Log = dict[TopicPartition, list[bytes | None]]
ONE = TopicPartition("t", 0)


class Clock:
    """Time that moves when it is looked at, a millisecond each."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def now(self) -> int:
        return round(self.seconds * 1e6)


class ListSource:
    """A topic made of lists; *restless* makes the group rebalance every so many polls."""

    def __init__(self, log: Log, *, restless: int = 0, gaps: Sequence[Gap] = (), size: int = 3) -> None:
        self.log = log
        self.generation = 0
        self.committed: dict[TopicPartition, int] = {}
        self.closed = False
        self._gaps = list(gaps)
        self._restless = restless
        self._size = size
        self._polls = 0
        self._at: dict[TopicPartition, int] | None = None
        self._paused = False

    exhausted = False

    def poll(self, timeout: float) -> list[Record]:
        self._polls += 1
        if self.generation == 0 or (self._restless and self._polls % self._restless == 0):
            self.generation += 1
            self._at = None
            return []
        assert self._at is not None, "polled before seek"
        if self._paused:
            return []
        records = []
        for position, values in self.log.items():
            start = self._at[position]
            taken = values[start : start + self._size]
            records += [Record(*position, start + index, value) for index, value in enumerate(taken)]
            self._at[position] = start + len(taken)
        return records

    def log_ids(self) -> Mapping[TopicPartition, str]:
        return dict.fromkeys(self.log, "the log")

    def seek(
        self, next_offsets: Mapping[TopicPartition, int], log_ids: Mapping[TopicPartition, str] = {}
    ) -> Sequence[Gap]:
        self._at = {position: next_offsets.get(position, 0) for position in self.log}
        gaps, self._gaps = self._gaps, []
        return gaps

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def take_gaps(self) -> Sequence[Gap]:
        return ()

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        return {position: len(values) for position, values in self.log.items()}

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        self.committed |= next_offsets

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "live.duckdb") as opened:
        yield opened


def event(run: int, kind: str = "COMPLETE") -> bytes:
    body = {
        "eventType": kind,
        "eventTime": f"2026-01-01T00:00:{run % 60:02}Z",
        "run": {"runId": f"r{run}"},
        "job": {"namespace": "jobs", "name": f"j{run % 3}"},
        "inputs": [{"namespace": "db", "name": f"in{run % 4}"}],
        "outputs": [{"namespace": "db", "name": f"out{run % 2}"}],
    }
    return json.dumps(body).encode()


def loop_of(source: ListSource, store: Any, limits: Limits = Limits(records=4), **changes: Any) -> Loop:
    options: dict[str, Any] = {
        "clock": Clock(),
        "limits": limits,
        "folder": Folder(),
        "publish": lambda: None,
        "stopping": lambda: False,
        "say": lambda _: None,
        "keeps_offsets": True,
        "until_caught_up": True,
    }
    return Loop(source, store, **(options | changes))


def outcomes(store: Store) -> dict[str, int]:
    return dict(store.database.rows("SELECT outcome, count(*) FROM delivery GROUP BY outcome"))


@pytest.mark.parametrize("restless", [0, 2, 3, 7])
def test_every_record_is_folded_once_however_restless_the_group(store: Store, restless: int) -> None:
    chance = random.Random(restless)
    log: Log = {
        TopicPartition("t", number): [*(event(chance.randrange(30)) for _ in range(20)), None, b"{"]
        for number in range(3)
    }
    source = ListSource(log, restless=restless)
    loop_of(source, store).run()
    accounted = store.database.rows(
        "SELECT partition, source_offset, count(*) FROM delivery GROUP BY ALL HAVING count(*) > 1"
    )

    assert accounted == []
    assert store.next_offsets() == source.committed == source.end_offsets()
    assert store.database.rows("SELECT sum(tombstones)::INTEGER FROM kafka_offset") == [(3,)]
    distinct = len({value for values in log.values() for value in values if value and value != b"{"})
    assert outcomes(store) == {"applied": distinct, "duplicate": 60 - distinct, "dead_letter": 3}


def test_reading_goes_on_where_the_store_ends(store: Store) -> None:
    log: Log = {ONE: [event(number) for number in range(5)]}
    loop_of(ListSource(log), store).run()
    log[ONE] += [event(number) for number in range(5, 9)]
    done = loop_of(ListSource(log), store).run()

    assert done.records == 4
    assert outcomes(store) == {"applied": 9}


def test_the_group_learns_of_the_last_batch_though_nothing_more_comes(store: Store) -> None:
    source = ListSource({ONE: [event(number) for number in range(5)]})
    deadline = time.monotonic() + 20

    def is_told() -> bool:
        assert time.monotonic() < deadline, f"only {source.committed} was told"
        return source.committed == source.end_offsets()

    loop_of(source, store, until_caught_up=False, stopping=is_told).run()


def test_it_stops_between_two_polls_and_keeps_what_it_has(store: Store) -> None:
    source = ListSource({ONE: [event(number) for number in range(100)]})
    polls = iter(range(10))
    loop_of(source, store, until_caught_up=False, stopping=lambda: next(polls) > 6).run()
    (next_offset,) = store.next_offsets().values()

    assert 0 < next_offset < 100
    assert outcomes(store) == {"applied": next_offset}


def test_an_array_is_a_batch_whose_elements_are_judged_one_by_one(store: Store) -> None:
    loop_of(ListSource({ONE: [b"[" + event(1) + b",{}," + event(2) + b"," + event(1) + b"]"]}), store).run()

    assert store.database.rows("SELECT source_offset, element, outcome FROM delivery ORDER BY ALL") == [
        (0, 0, "applied"),
        (0, 1, "dead_letter"),
        (0, 2, "applied"),
        (0, 3, "duplicate"),
    ]


def test_an_unreadable_record_is_kept_with_its_bytes_and_its_place(store: Store) -> None:
    loop_of(ListSource({ONE: [event(1), b"\xffoops"]}), store).run()

    assert store.database.rows("SELECT topic, partition, source_offset, reason, detail, value FROM dead_letter") == [
        ("t", 0, 1, "invalid_utf8", "byte 0 of 5 is not UTF-8", b"\xffoops")
    ]


def test_too_many_unreadable_records_stop_it_after_they_are_kept(store: Store) -> None:
    source = ListSource({ONE: [b"not json"] * 50})
    limits = Limits(records=4, dead_letter_run=10)

    with pytest.raises(TooManyDeadLetters, match=r"Stopped: the last 1[0-2] records are all unreadable"):
        loop_of(source, store, limits).run()
    (next_offset,) = store.next_offsets().values()
    assert outcomes(store) == {"dead_letter": next_offset}


def test_a_gap_is_said_and_recorded(store: Store) -> None:
    said: list[str] = []
    source = ListSource({ONE: [event(1)]}, gaps=[Gap("t", 0, 5, 9, "expired")])
    polls = iter(range(10))
    loop_of(source, store, until_caught_up=False, say=said.append, stopping=lambda: next(polls) > 3).run()

    assert store.database.rows("SELECT topic, partition, first_offset, next_offset, reason FROM offset_gap") == [
        ("t", 0, 5, 9, "expired")
    ]
    assert said == [
        "LOST: t-0 no longer has the offsets 5 to 8 (expired). Reading goes on after them; the gap is in the view "
        "offset_gap. Replay what is missing from a capture if there is one."
    ]


def test_a_write_that_fails_leaves_its_offsets_unwritten(store: Store) -> None:
    class FullStore:
        """A store on a disk that fills up at the second batch."""

        next_offsets = store.next_offsets
        log_ids = store.log_ids

        def __init__(self) -> None:
            self.writes = 0

        def write(self, tables: Mapping[str, Table]) -> None:
            self.writes += 1
            if self.writes == 2:
                raise StoreFull("the disk is full")
            store.write(tables)

    source = ListSource({ONE: [event(number) for number in range(12)]})
    with pytest.raises(StoreFull):
        loop_of(source, FullStore()).run()
    (next_offset,) = store.next_offsets().values()
    assert outcomes(store) == {"applied": next_offset}

    loop_of(ListSource(source.log), store).run()
    assert outcomes(store) == {"applied": 12}


def test_it_publishes_at_the_start_and_the_end_and_in_between_when_it_is_time(store: Store) -> None:
    published: list[int] = []

    def publish() -> None:
        ((count,),) = store.database.rows("SELECT count(*) FROM event")
        published.append(count)

    source = ListSource({ONE: [event(number) for number in range(24)]}, size=1)
    loop_of(source, store, Limits(records=5, publish_seconds=0.02), publish=publish).run()

    assert published == sorted(published)
    assert len(published) > 2
    assert published[-1] == 24


class SlowSource(ListSource):
    """A source that leaves the writer time between two polls."""

    def poll(self, timeout: float) -> list[Record]:
        time.sleep(0.03)
        return super().poll(timeout)


class NotedStore:
    """A store that notes when it is written."""

    def __init__(self, store: Store, done: list[str]) -> None:
        self.next_offsets = store.next_offsets
        self.log_ids = store.log_ids
        self._store = store
        self._done = done

    def write(self, tables: Mapping[str, Table]) -> None:
        self._done.append("written")
        self._store.write(tables)


def test_a_batch_is_written_when_it_can_be_published(store: Store) -> None:
    done: list[str] = []
    source = SlowSource({ONE: [event(number) for number in range(40)]}, size=1)
    limits = Limits(seconds=0.001, publish_seconds=0.02)
    loop_of(source, NotedStore(store, done), limits, publish=lambda: done.append("published")).run()

    assert done.count("written") > 2
    assert "written written" not in " ".join(done)


def test_a_batch_is_written_at_once_when_a_sender_waits_for_that(store: Store) -> None:
    done: list[str] = []
    source = SlowSource({ONE: [event(number) for number in range(40)]}, size=1)
    limits = Limits(seconds=0.001, publish_seconds=60)
    loop_of(source, NotedStore(store, done), limits, acknowledge=lambda _: done.append("acknowledged")).run()

    assert done.count("written") > 2
    assert done == ["written", "acknowledged"] * (len(done) // 2)


@pytest.mark.parametrize(
    ("readable", "sentence"),
    [
        ([True] * 2000, None),
        ([False] * 9, None),
        ([False] * 10, "the last 10 records are all unreadable"),
        ([False, True] * 49, None),  # too few to judge a share by
        ([False, False, True] * 40, "67 of the last 100 records are unreadable"),
        ([True] * 3000 + [False, False, True] * 249, None),  # a share of the last thousand, not of all
        ([True] * 3000 + [False, False, True] * 251, "501 of the last 1,000 records are unreadable"),
    ],
)
def test_the_limit_of_dead_letters(readable: list[bool], sentence: str | None) -> None:
    limit = DeadLetterLimit(share=0.5, run=10)
    sentences = []
    for is_readable, items in groupby(readable):
        count = len(list(items))
        if is_readable:
            limit.see_readable(count)
        else:
            sentences += [found for _ in range(count) if (found := limit.see_unreadable())]

    assert (sentences[0] if sentences else None) == sentence


_: Callable[..., Any] = ListSource  # the Protocol is checked where a Loop is made
