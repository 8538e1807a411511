"""The sidecar forgets and compacts between batches, and what it folds meanwhile is whole."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from headwater import upkeep
from headwater.cli.running import Live
from headwater.errors import StoreError
from headwater.fold import Folder
from headwater.loop import Asides, Limits, Loop
from headwater.names import TopicPartition
from headwater.publish import Publisher
from headwater.store import Store
from headwater.upkeep import Ages, Housekeeper, Planning
from support import digest_of, fold_all
from test_loop import ONE, ListSource

NOW = datetime(2027, 1, 1, tzinfo=UTC)


class Calendar:
    """A clock that is right about seconds and stands still on a day."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> int:
        return round(NOW.timestamp() * 1e6)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    store = Store(tmp_path / ".lineage.live.duckdb")
    publisher = Publisher(store.path, tmp_path / "lineage.duckdb", checkpoint=store.checkpoint)
    publisher.publish()
    yield Live(store, publisher)
    store.close()
    publisher.close()


def event(number: int, before: timedelta, note: str) -> bytes:
    """Return an event of a run of its own; facets of one *note* are the same to the byte."""
    facets = {"schema": {"fields": [{"name": note, "type": "INT"}]}, "documentation": {"description": note * 50}}
    body = {
        "eventType": "COMPLETE",
        "eventTime": (NOW - before + timedelta(minutes=number)).isoformat(),
        "run": {"runId": str(number), "facets": {"seen_by_nobody": {"note": note}}},
        "job": {"namespace": "jobs", "name": "load"},
        "outputs": [{"namespace": "db", "name": "t", "facets": facets}],
    }
    return json.dumps(body).encode()


def test_what_was_swept_while_a_folder_remembered_it_comes_again_with_the_next_event(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_LOOK", 0.05)
    monkeypatch.setattr(upkeep, "RUNS", 3)
    monkeypatch.setattr(upkeep, "ROWS", 2)
    old, fresh = timedelta(days=200), timedelta(days=2)
    first = [event(n, old, "forgotten") for n in range(8)] + [event(8, old, "replaced")]
    second = [event(20 + n, fresh, "forgotten") for n in range(4)]
    log: dict[TopicPartition, list[bytes | None]] = {ONE: [*first]}
    said: list[str] = []
    deadline = time.monotonic() + 120

    def done(kind: str) -> bool:
        return bool(live.store.database.rows(f"SELECT 1 FROM store.upkeep WHERE kind = '{kind}'"))

    def stopping() -> bool:
        assert time.monotonic() < deadline, said
        if len(log[ONE]) == len(first) and done("runs"):
            log[ONE] += second
        return done("compact") and live.store.next_offsets()[ONE] == len(first) + len(second)

    keeper = Housekeeper(
        live.store,
        tmp_path / "lineage.duckdb",
        Ages(runs=90),
        clock=Calendar(),
        retain_every=60,
        compact_every=60,
        say=said.append,
    )
    with keeper:
        Loop(
            ListSource(log, size=len(first)),
            live.store,
            clock=Calendar(),
            limits=Limits(seconds=0.01, publish_seconds=0.05),
            folder=Folder(),
            publish=live.publisher.publish,
            stopping=stopping,
            say=said.append,
            keeps_offsets=True,
            aside=Asides([keeper]),
        ).run()

    assert said == ["Forgot 8 runs, 8 run events."]
    with Store(tmp_path / "expected.duckdb") as expected:
        expected.write(fold_all([first[-1], *second]).tables(0, {}))
        assert digest_of(live.store) == digest_of(expected)
    # The runs that were kept, whole: nothing of them was swept.
    kept = [kept.body for events in live.store.kept_events(100) for kept in events]
    assert sorted(map(json.dumps, map(json.loads, kept))) == sorted(
        json.dumps(json.loads(value), sort_keys=True) for value in [first[-1], *second]
    )


def test_what_cannot_be_worked_out_is_said(tmp_path: Path) -> None:
    planning = Planning(tmp_path / "lineage.duckdb", Ages(runs=1).horizons(NOW))
    with pytest.raises(StoreError, match="There is no store at"):
        planning.plan()
