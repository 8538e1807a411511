from __future__ import annotations

from pathlib import Path

import estate
from headwater.store import Store
from queries import BOTTOM, QUESTIONS
from support import write_all


def test_a_small_estate_answers_all_questions(tmp_path: Path) -> None:
    events = [event.encode() for event in estate.estate(pipelines=range(2), days=range(6), broken_day=5)]
    assert len(events) == 2 * 6 * (2 * estate.JOBS + estate.LAYERS)

    with Store(tmp_path / "live.duckdb") as store:
        write_all(store, [events])
        answers = {name: store.database.rows(f"SELECT count(*) FROM ({sql})")[0][0] for name, sql in QUESTIONS.items()}
        first = f"SELECT name, kind FROM root_cause('{estate.NAMESPACE}', '{BOTTOM}') LIMIT 1"
        assert store.database.rows("SELECT count(*) FROM edge") == [(2 * estate.EDGES,)]
        assert store.database.rows("SELECT count(*) FROM dead_letter") == [(0,)]
        assert store.database.rows(first) == [(estate.table(0, *estate.CAUSE), "failed_check")]
    assert answers == {"upstream": 50, "downstream": 40, "column_upstream": 20, "root_cause": 51, "blast_radius": 40}
