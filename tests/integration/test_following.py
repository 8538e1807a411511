"""`consume --dqops`: a folder that DQOps rewrites while it is followed loses nothing and invents nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dqops_home import NOON, DqopsHome, check, parquet
from headwater.cli.running import run_loop
from headwater.clock import SystemClock
from headwater.fold import Folder
from headwater.following import Follower
from headwater.importing import Importing
from headwater.loop import Limits, Loop
from headwater.names import TopicPartition
from headwater.settings import settings
from headwater.sources import Gap, Record
from headwater.store import ImportTables, Reader, Store

RESULTS = "SELECT name, severity FROM store.imported_check_result ORDER BY ALL"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "live.duckdb") as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> DqopsHome:
    return DqopsHome(tmp_path / "dqops")


def follower(store: Store, folder: Path, said: list[str] | None = None) -> Follower:
    importing = Importing("dqops", ImportTables(store), SystemClock())
    return Follower(importing, folder, seconds=0.01, say=(said if said is not None else []).append)


def rows(store: Store) -> list[tuple[Any, ...]]:
    return store.database.rows(RESULTS)


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that must come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def writing_until(following: Follower, condition: Callable[[], object]) -> None:
    """Write what the follower has read, as the loop does, until something comes true."""

    def step() -> object:
        following.write()
        return condition()

    until(step)


def partition(home: DqopsHome, table: str, round_: int) -> tuple[Path, bytes]:
    """Return a partition file and what DQOps writes into it in some round: two checks, run again."""
    at = NOON + timedelta(seconds=round_)
    found = [
        check("sales", f"s.{table}", name, round_ % 4, executed_at=at, day=NOON, actual_value=float(round_))
        for name in ("daily_duplicate_count", "daily_nulls_count")
    ]
    path = home.data / "check_results" / "c=sales" / f"t=s.{table}" / "m=2026-11-01" / "check_results.0.parquet"
    return path, parquet(home.tables["check_results"].schema, found)


def test_what_is_there_is_written_and_what_changes_after_it(store: Store, home: DqopsHome) -> None:
    (file,) = home.write("check_results", [check("sales", "s.orders", "daily_row_count", 0)])
    with follower(store, home.path) as following:
        writing_until(following, following.caught_up)
        assert rows(store) == [("s.orders", "valid")]
        home.write("check_results", [check("sales", "s.orders", "daily_row_count", 3)])
        writing_until(following, lambda: rows(store) == [("s.orders", "fatal")])
        file.unlink()
        writing_until(following, lambda: rows(store) == [])
        home.write("check_results", [check("sales", "s.orders", "daily_row_count", 1)])
        writing_until(following, lambda: rows(store) == [("s.orders", "warning")])


def rewrite(home: DqopsHome, tables: Sequence[str], rounds: int) -> None:
    """Write every file again and again, truncated and then filled, as DQOps does it."""
    for round_ in range(1, rounds + 1):
        for table in tables:
            path, body = partition(home, table, round_)
            with path.open("wb", buffering=0) as file:
                for start in range(0, len(body), 4096):
                    file.write(body[start : start + 4096])
                    time.sleep(0.001)


def test_a_folder_that_is_rewritten_in_place_while_it_is_followed(store: Store, home: DqopsHome) -> None:
    """Every state that is seen of a table is one that DQOps wrote whole, in order, and the last one stays."""
    tables, rounds = ["orders", "customers", "items"], 25
    for table in tables:
        path, body = partition(home, table, 0)
        path.parent.mkdir(parents=True)
        path.write_bytes(body)
    seen: list[dict[str, list[int]]] = []

    def look() -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for name, actual in store.database.rows("SELECT name, actual FROM store.imported_check_result"):
            found.setdefault(name, []).append(int(actual))
        seen.append(found)
        return found

    with follower(store, home.path) as following:
        writing_until(following, following.caught_up)
        dqops = threading.Thread(target=rewrite, args=(home, tables, rounds))
        dqops.start()
        while dqops.is_alive():
            following.write()
            look()
        dqops.join()
        last = {f"s.{table}": [rounds, rounds] for table in tables}
        writing_until(following, lambda: look() == last)

    for table in tables:
        states = [found[f"s.{table}"] for found in seen]
        assert all(len(state) == 2 and state[0] == state[1] for state in states)  # both checks, of one round, always
        assert states == sorted(states)
    replaced = store.database.rows("SELECT count(*) FROM replaced_check_result")
    kept = store.database.rows("SELECT count(*) - 2 * 3 FROM store.imported_result")
    assert replaced == kept


def test_a_folder_that_is_away_for_a_while_takes_nothing_with_it(store: Store, home: DqopsHome, tmp_path: Path) -> None:
    home.write("check_results", [check("sales", "s.orders", "daily_row_count", 2)])
    said: list[str] = []
    with follower(store, home.path, said) as following:
        writing_until(following, following.caught_up)
        home.path.rename(tmp_path / "away")
        writing_until(following, lambda: said)
        assert rows(store) == [("s.orders", "error")]
        (tmp_path / "away").rename(home.path)
        home.write("check_results", [check("sales", "s.orders", "daily_row_count", 0)])
        writing_until(following, lambda: rows(store) == [("s.orders", "valid")])
    # Once it is gone, or on its way; said once, not at each look.
    assert 1 <= len(said) <= 2
    assert all(sentence.startswith(f"headwater: {home.path}") for sentence in said)
    assert all(sentence.endswith(" It is looked for again.") for sentence in said)


def test_a_file_that_stays_broken_is_named_once(store: Store, home: DqopsHome) -> None:
    (file,) = home.write("check_results", [check("sales", "s.orders", "daily_row_count", 2)])
    file.write_bytes(file.read_bytes()[:100])
    said: list[str] = []
    with follower(store, home.path, said) as following:
        writing_until(following, lambda: said)
        time.sleep(0.2)
    assert len(said) == 1
    assert said[0].startswith(f"headwater: {file}: this is not a whole Parquet file: ")


def test_a_fault_of_the_follower_ends_the_loop_that_writes(store: Store, home: DqopsHome) -> None:
    home.write("check_results", [check("sales", "s.orders", "daily_row_count", 2)])
    following = follower(store, home.path)
    following._importing.prepare = None  # type: ignore[method-assign,assignment]
    with following:
        until(following.ready)
        with pytest.raises(TypeError):
            writing_until(following, lambda: False)


class Topic:
    """A topic of one partition that brings an event at each poll."""

    generation = 0
    exhausted = False

    def __init__(self) -> None:
        self.offset = 0

    def poll(self, timeout: float) -> list[Record]:
        time.sleep(0.001)
        if self.generation == 0:
            self.generation = 1
            return []
        self.offset += 1
        return [Record("t", 0, self.offset - 1, event(self.offset))]

    def seek(self, next_offsets: Mapping[TopicPartition, int], log_ids: Mapping[TopicPartition, str] = {}) -> list[Gap]:
        return []

    def log_ids(self) -> dict[TopicPartition, str]:
        return {}

    def take_gaps(self) -> Sequence[Gap]:
        return ()

    def end_offsets(self) -> dict[TopicPartition, int]:
        return {TopicPartition("t", 0): self.offset}

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None: ...

    def close(self) -> None: ...


def event(number: int) -> bytes:
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": "2026-11-22T06:00:00Z",
            "run": {"runId": f"run-{number}"},
            "job": {"namespace": "jobs", "name": "load"},
            "outputs": [{"namespace": "postgres://db:5432", "name": "shop.s.orders"}],
        }
    ).encode()


def test_the_loop_writes_what_the_follower_read_between_its_batches(store: Store, home: DqopsHome) -> None:
    home.write("check_results", [check("sales", "s.orders", "daily_row_count", 2)])
    topic = Topic()
    published: list[int] = []
    deadline = time.monotonic() + 60
    with follower(store, home.path) as following:
        loop = Loop(
            topic,
            store,
            clock=SystemClock(),
            limits=Limits(seconds=0.01, publish_seconds=0.01),
            folder=Folder(),
            publish=lambda: published.append(topic.offset),
            stopping=lambda: (following.caught_up() and topic.offset > 50) or time.monotonic() > deadline,
            say=lambda _: None,
            keeps_offsets=True,
            aside=following,
        )
        done = loop.run()
    assert time.monotonic() < deadline
    assert store.database.rows("SELECT count(*) FROM event") == [(done.events,)]
    found = store.database.rows("SELECT namespace, name, severity FROM store.imported_check_result")
    assert found == [("postgres://db:5432", "shop.s.orders", "error")]
    assert published


def test_the_sidecar_publishes_what_the_folder_holds(tmp_path: Path, home: DqopsHome) -> None:
    home.write("check_results", [check("sales", "s.orders", "daily_row_count", 2)])
    chosen = settings(store=tmp_path / "lineage.duckdb", publish_every=0.05, dqops_every=0.05)
    deadline = time.monotonic() + 60
    topic = Topic()

    def is_published() -> bool:
        if not chosen.store.exists():
            return False
        with Reader(chosen.store) as reader:
            return reader.query("FROM store.imported_check_result").num_rows == 1

    run_loop(
        chosen,
        topic,
        keeps_offsets=True,
        stopping=lambda: is_published() or time.monotonic() > deadline,
        dqops=home.path,
    )
    assert is_published()
