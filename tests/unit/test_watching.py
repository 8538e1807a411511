"""What the loop tells becomes numbers, sentences, and answers to probes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from headwater import metrics
from headwater.errors import StoreFull
from headwater.fold import Folder
from headwater.loop import LAG_SECONDS, Limits, Loop, Observer
from headwater.metrics import Metric
from headwater.names import TopicPartition
from headwater.notice import Notice
from headwater.sources import Gap
from headwater.store import Store
from headwater.watching import LOOP_SECONDS, WRITER_SECONDS, Health, Watch
from test_loop import Clock, ListSource, event

NOW = 1_767_225_700_000_000  # 2026-01-01T00:01:40Z: the events of test_loop are of the minute before
ONE = TopicPartition("t", 0)


class HandClock:
    """Time that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> int:
        return NOW + round((self.seconds - 1_000.0) * 1e6)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watch(clock: HandClock, said: list[str], tmp_path: Path) -> Watch:
    return Watch(clock, said.append, {"live": tmp_path / "live.duckdb", "wal": tmp_path / "live.duckdb.wal"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "live.duckdb") as opened:
        yield opened


def value(watch: Watch, metric: Metric, *labels: str) -> float | None:
    """Return the value of a series; of a histogram, how many observations it has."""
    watch.refresh()
    series = {sample.labels: sample.value for sample in dict(watch.numbers.samples())[metric]}
    return series.get(labels)


class Lags(Observer):
    """Remembers the lags that it is told, and nothing else."""

    def __init__(self) -> None:
        self.found: list[Mapping[TopicPartition, int]] = []

    def lags(self, lags: Mapping[TopicPartition, int]) -> None:
        self.found.append(lags)


def no_counts() -> dict[str, float]:
    return {"duplicates": 0, "imported_results": 0}


def run(source: Any, store: Any, watch: Watch, **changes: Any) -> None:
    options: dict[str, Any] = {
        "clock": Clock(),
        "limits": Limits(records=4),
        "folder": Folder(),
        "publish": lambda: None,
        "stopping": lambda: False,
        "say": lambda _: None,
        "keeps_offsets": True,
        "until_caught_up": True,
        "observer": watch,
    }
    with watch.over(store.tally):
        Loop(source, store, **(options | changes)).run()


def test_what_a_loop_does_is_counted_once_it_is_in_the_store(watch: Watch, store: Store) -> None:
    values = [event(number % 6) for number in range(10)]
    run(ListSource({ONE: [*values, None, b"{", b"[{},{}]"]}), store, watch)

    assert value(watch, metrics.RECORDS) == 13
    assert value(watch, metrics.BYTES) == sum(map(len, values)) + len(b"{[{},{}]")
    assert value(watch, metrics.EVENTS) == 10
    assert value(watch, metrics.DUPLICATES) == 4
    assert value(watch, metrics.DEAD_LETTERS, "invalid_json") == 1
    assert value(watch, metrics.DEAD_LETTERS, "not_an_event") == 2
    assert value(watch, metrics.REBALANCES) == 1
    assert value(watch, metrics.EVENT_TO_PUBLISHED) == value(watch, metrics.RECEIVED_TO_PUBLISHED)
    assert store.database.rows("SELECT count(*) FROM delivery WHERE outcome = 'duplicate'") == [(4,)]


def test_the_transactions_and_publications_are_timed(watch: Watch, store: Store) -> None:
    published: list[None] = []
    source = ListSource({ONE: [event(number) for number in range(24)]}, size=1)
    run(
        source,
        store,
        watch,
        limits=Limits(records=5, publish_seconds=0.02),
        publish=lambda: published.append(None),
    )

    writes = value(watch, metrics.WRITE_SECONDS)
    assert writes
    assert writes >= 24 / 5
    assert value(watch, metrics.BATCH_ROWS) == value(watch, metrics.BATCH_RECORDS) == writes
    assert value(watch, metrics.PUBLISH_SECONDS) == len(published) > 2


def test_a_batch_that_could_not_be_written_is_not_counted(watch: Watch, store: Store) -> None:
    class FullStore:
        next_offsets, log_ids, tally = store.next_offsets, store.log_ids, store.tally

        def write(self, _: Mapping[str, Any]) -> None:
            raise StoreFull("the disk is full")

    with pytest.raises(StoreFull):
        run(ListSource({ONE: [event(1)]}), FullStore(), watch)
    watch.failed(StoreFull("the disk is full"))

    assert value(watch, metrics.RECORDS) == 0
    assert value(watch, metrics.FAILURES, "StoreFull") == 1
    assert watch.health() == Health(True, "There is no loop just now: the store is being opened, or waits for room.")
    assert watch.readiness() == Health(False, "The store is not open.")


def test_a_gap_is_counted_and_says_where_it_is(watch: Watch, store: Store) -> None:
    said: list[str] = []
    source = ListSource({ONE: [event(1)]}, gaps=[Gap("t", 0, 5, 9, "expired")])
    polls = iter(range(10))
    run(source, store, watch, until_caught_up=False, say=said.append, stopping=lambda: next(polls) > 3)

    assert value(watch, metrics.GAPS, "expired") == 1
    [notice] = said
    assert isinstance(notice, Notice)
    assert (notice.event, notice.level, notice.fields) == (
        "gap",
        "error",
        {"topic": "t", "partition": 0, "offset": 5, "next_offset": 9, "reason": "expired"},
    )


def test_dead_letters_are_said_with_their_place_and_only_some_of_many(
    watch: Watch, store: Store, said: list[str]
) -> None:
    run(ListSource({ONE: [b"{"] * 8}, size=8), store, watch, limits=Limits(records=100))

    assert [str(notice) for notice in said] == [
        *(f"Dead letter: t-0 offset {offset}: invalid_json: Input data was truncated." for offset in range(5)),
        "Dead letters: 3 more in this batch; see 'headwater dead-letters'.",
    ]
    assert isinstance(said[2], Notice)
    assert said[2].fields == {
        "topic": "t",
        "partition": 0,
        "offset": 2,
        "element": 0,
        "reason": "invalid_json",
        "detail": "Input data was truncated",
    }


def test_the_lag_is_of_each_partition_and_goes_with_it(watch: Watch) -> None:
    watch.lags({ONE: 5, TopicPartition("t", 1): 0})
    assert value(watch, metrics.LAG, "t", "0") == 5
    assert value(watch, metrics.LAG, "t", "1") == 0
    watch.assigned()
    assert value(watch, metrics.LAG, "t", "0") is None


def test_the_lag_is_asked_for_also_while_nothing_comes(watch: Watch, store: Store, clock: HandClock) -> None:
    source = ListSource({ONE: [event(1)]})
    lags = Lags()
    turns = iter(range(60))

    def stopping() -> bool:
        clock.seconds += LAG_SECONDS / 10
        if (turn := next(turns)) == 30:
            source.pause()
            source.log[ONE] += [event(number) for number in range(5)]
        return turn >= 58

    run(source, store, watch, clock=clock, until_caught_up=False, stopping=stopping, observer=lags)

    assert {ONE: 0} in lags.found
    assert lags.found[-1] == {ONE: 5}


def test_freshness_is_from_the_event_and_from_its_arrival_to_the_publication(watch: Watch, clock: HandClock) -> None:
    watch._event_times = [NOW - 2_000_000, NOW - 3_600_000_000, NOW + 5_000_000]
    watch._received = [NOW - 100_000]
    watch.published(0.01)

    [events] = dict(watch.numbers.samples())[metrics.EVENT_TO_PUBLISHED]
    [received] = dict(watch.numbers.samples())[metrics.RECEIVED_TO_PUBLISHED]
    assert metrics.EVENT_TO_PUBLISHED.buckets == (
        *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0),
    )
    assert events.counts == (1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0)
    assert events.total == 3602.0
    assert (received.counts[0], received.total) == (1, 0.1)


def test_it_is_alive_while_the_loop_goes_round(watch: Watch, clock: HandClock) -> None:
    with watch.over(no_counts):
        clock.seconds += LOOP_SECONDS
        assert watch.health() == Health(True, "The loop goes round.")
        clock.seconds += 1
        assert watch.health() == Health(False, "The loop has not gone round for 61 seconds.")
        watch.turned()
        assert watch.health().well


def test_a_writer_may_take_long_but_not_for_ever(watch: Watch, clock: HandClock) -> None:
    with watch.over(no_counts):
        watch.writes()
        clock.seconds += WRITER_SECONDS
        watch.turned()
        assert watch.health().well
        clock.seconds += 1
        assert watch.health() == Health(False, "The writer has been at one piece of work for 601 seconds.")
        watch.rests()
        watch.turned()
        assert watch.health().well


def test_it_is_ready_once_partitions_are_assigned_and_a_snapshot_is_published(watch: Watch) -> None:
    def ready() -> tuple[Health, float | None]:
        return watch.readiness(), value(watch, metrics.READY)

    assert ready() == ((False, "The store is not open."), 0)
    with watch.over(no_counts):
        waiting = "No partitions were assigned yet: the broker or the group has not answered."
        assert ready() == ((False, waiting), 0)
        watch.assigned()
        assert ready() == ((False, "Nothing was published yet."), 0)
        watch.published(0.01)
        assert ready() == ((True, "The store is open, partitions are assigned, and a snapshot is published."), 1)
    assert ready() == ((False, "The store is not open."), 0)


def test_only_a_rebalance_after_the_first_is_said(watch: Watch, said: list[str]) -> None:
    with watch.over(no_counts):
        watch.assigned()
        assert said == []
        watch.assigned()

    assert said == ["Partitions were assigned anew; reading goes on where the store ends."]


def test_what_only_the_store_knows_is_counted_at_each_publication(watch: Watch) -> None:
    counts = iter(
        [
            {"duplicates": 7, "imported_results": 0},
            {"duplicates": 9, "imported_results": 40, "files:dbt": 2, "files:dqops": 3},
            {"duplicates": 1, "imported_results": 40, "files:dbt": 2},
        ]
    )
    with watch.over(lambda: next(counts)):
        watch.published(0.01)
        assert value(watch, metrics.DUPLICATES) == 2
        assert value(watch, metrics.IMPORTED_RESULTS) == 40
        assert value(watch, metrics.IMPORTED_FILES, "dqops") == 3
        watch.published(0.01)

    assert value(watch, metrics.DUPLICATES) == 2, "they were tidied away"
    assert value(watch, metrics.IMPORTED_FILES, "dqops") is None


def test_the_sizes_are_those_of_the_files_that_are_there(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "live.duckdb").write_bytes(b"x" * 123)

    assert value(watch, metrics.STORE_BYTES, "live") == 123
    assert value(watch, metrics.STORE_BYTES, "wal") is None


def test_what_others_tell_is_counted(watch: Watch) -> None:
    tellings: list[Callable[[], None]] = [
        lambda: watch.took_from_inbox(3),
        lambda: watch.told(True),
        lambda: watch.told(False),
        lambda: watch.answered(201),
    ]
    for telling in tellings:
        telling()
    watch.show(metrics.WAITING, lambda: 17)

    assert value(watch, metrics.INBOX) == 3
    assert value(watch, metrics.TOLD, "told") == 1
    assert value(watch, metrics.TOLD, "failed") == 1
    assert value(watch, metrics.REQUESTS, "201") == 1
    assert value(watch, metrics.WAITING) == 17


def test_a_notice_is_its_sentence() -> None:
    notice = Notice("The disk is full.", "store_full", "error", path="/srv")

    assert notice == "The disk is full."
    assert json.dumps(notice) == '"The disk is full."'
    assert f"{notice}" == "The disk is full."
