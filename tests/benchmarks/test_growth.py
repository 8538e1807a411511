from __future__ import annotations

from pathlib import Path

import estate
import growth
from headwater.store import Store
from support import write_all


def test_batches_begin_and_end_runs_of_jobs_that_are_known(tmp_path: Path) -> None:
    live = tmp_path / "live.duckdb"
    with Store(live) as store:
        write_all(store, [[event.encode() for event in estate.estate(range(2), range(2))]])
        store.checkpoint()

    (_, first), (_, second), (_, third) = growth.batches(pipelines=2, days=2, count=3)
    assert [len(first), len(second), len(third)] == [100, 210, 210]

    with Store(live) as store:
        write_all(store, [first, second, third])
        states = "SELECT state, count(*) FROM run WHERE run_id NOT NULL GROUP BY ALL ORDER BY ALL"
        assert store.database.rows(states) == [("COMPLETE", 2 * (2 + 2) * (50 + 5)), ("RUNNING", 2 * 50)]
        assert store.database.rows("SELECT count(*) FROM edge") == [(2 * estate.EDGES,)]

    measured = growth.measured(live, pipelines=2, days=2, count=1)
    assert (measured["edges"], measured["runs"]) == (1000, 2 * (2 + 2) * (50 + 5) + 100)
