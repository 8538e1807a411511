"""What is old is forgotten whole, what is current needs no age, and what is left is what folding it would make."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any
from uuid import UUID

import pytest
from headwater.errors import StoreError
from headwater.fold import Folder
from headwater.ledger import Ledger
from headwater.store import Store
from headwater.upkeep import Ages, compact, compacting, retain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Told, digest_of, empty, fold_all, write_all
from test_laws import values

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1).total_seconds() / 86_400  # in days


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("upkeep") / "live.duckdb") as opened:
        yield opened


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("expected") / "live.duckdb") as opened:
        yield opened


def forget(store: Store, ages: Ages, now: datetime) -> Counter[str]:
    """Retain a store that nobody else has open."""
    store.checkpoint()
    published = store.path.with_name("published.duckdb")
    copyfile(store.path, published)
    return retain(store, published, ages, now)


def ledger_of(value: bytes) -> Ledger:
    """Return the rows that an event brings."""
    ledger = fold_all([value], Folder()).ledger
    assert isinstance(ledger, Ledger)
    return ledger


def ids_of(told: list[bytes]) -> dict[str, bytes]:
    """Return each event by its id."""
    return {event_id.hex(): value for value in told for event_id in ledger_of(value).events}


def kept_by(store: Store, told: list[bytes]) -> list[bytes]:
    """Return the events that a store still has."""
    known = ids_of(told)
    return [known[event_id.hex] for (event_id,) in store.database.rows("SELECT event_id FROM store.event")]


def fold_anew(other: Store, store: Store, told: list[bytes]) -> dict[str, tuple[int, str]]:
    """Return the digest of what folding *told* makes, with the names that *store* knows to hang together."""
    empty(other)
    for table in ("dataset", "alias"):
        other.database.register("names", store.database.table(f"FROM store.{table}"))
        other.database.run(f"INSERT INTO store.{table} FROM names")
    write_all(other, [told])
    return digest_of(other)


# What is kept twice and is not the same.
UNLIKE = """
WITH passing AS (SELECT * EXCLUDE (key) FROM store.passing_facet WHERE key = 'lifecycleStateChange')
(FROM passing EXCEPT ALL FROM store.lifecycle_facet) UNION ALL (FROM store.lifecycle_facet EXCEPT ALL FROM passing)
"""

seconds = st.one_of(st.none(), st.integers(0, 7))


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=values, runs=st.integers(0, 7), results=seconds, seed=st.integers(0, 999))
def test_a_store_that_forgot_is_what_folding_the_rest_makes(
    store: Store, other: Store, told: list[bytes], runs: int, results: int | None, seed: int
) -> None:
    empty(store)
    arrived = random.Random(seed).sample(told, len(told))
    write_all(store, [arrived[:3], arrived[3:]])
    now = START + timedelta(seconds=8)

    forget(store, Ages(runs=(8 - runs) * SECOND, check_results=results and (8 - results) * SECOND), now)

    kept = kept_by(store, told)
    assert digest_of(store) == fold_anew(other, store, kept)
    assert store.database.rows(UNLIKE) == []
    # ... and goes on as if nothing had been.
    write_all(store, [kept])
    assert digest_of(store) == fold_anew(other, store, kept)


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=values, late=values, runs=st.integers(0, 7), seed=st.integers(0, 999))
def test_what_comes_late_of_a_forgotten_run_is_not_half_a_run(
    store: Store, other: Store, told: list[bytes], late: list[bytes], runs: int, seed: int
) -> None:
    empty(store)
    write_all(store, [told])
    age, now = Ages(runs=(8 - runs) * SECOND, check_results=(8 - runs) * SECOND), START + timedelta(seconds=8)
    forget(store, age, now)
    forgotten = {key for (key,) in store.database.rows("SELECT run_key::VARCHAR FROM store.forgotten_run")}
    had = kept_by(store, told)

    arrived = random.Random(seed).sample(late, len(late))
    write_all(store, [arrived[:2], arrived[2:]])

    fresh = [value for value in late if not run_keys(value) & forgotten]
    assert sorted(set(kept_by(store, told + late))) == sorted(set(had + fresh))
    forget(store, age, now)
    kept = kept_by(store, told + late)
    assert digest_of(store) == fold_anew(other, store, kept)


def run_keys(value: bytes) -> set[str]:
    return {str(UUID(bytes=key)) for key in ledger_of(value).runs}


# What is current has no age

LATER = datetime(2027, 1, 1, tzinfo=UTC)
DAY = Ages(runs=1, check_results=1)


def run(
    run_id: str,
    second: int,
    kind: str = "COMPLETE",
    *,
    job: str = "load",
    reads: str = "raw",
    writes: str | None = "clean",
    schema: str = "x",
    check: bool | None = None,
    parent: str | None = None,
) -> dict[str, Any]:
    """Return an event of a run; *check* is the outcome of a check of what it reads."""
    fields = {"schema": {"fields": [{"name": schema, "type": "INT"}]}}
    read: dict[str, Any] = {"namespace": "db", "name": reads}
    if check is not None:
        outcome = {"assertion": "unique", "success": check, "column": "x"}
        read["inputFacets"] = {"dataQualityAssertions": {"assertions": [outcome]}}
    started_by = {"parent": {"run": {"runId": parent}, "job": {"namespace": "jobs", "name": "dag"}}} if parent else {}
    return {
        "eventType": kind,
        "eventTime": (START + timedelta(seconds=second)).isoformat(),
        "run": {"runId": run_id, "facets": started_by},
        "job": {"namespace": "jobs", "name": job},
        "inputs": [read],
        "outputs": [{"namespace": "db", "name": writes, "facets": fields}] if writes else [],
    }


def runs(told: Told) -> list[str]:
    return [run_id for (run_id,) in told.rows("SELECT run_id FROM run WHERE last_event_at IS NOT NULL")]


def test_the_newest_completed_run_of_a_job_and_its_newest_run_stay(told: Told) -> None:
    told(run("1", 1), run("2", 2), run("3", 3, "FAIL"), run("4", 4, "FAIL"))
    current = told.edges()

    gone = forget(told.store, DAY, LATER)

    assert gone == {"runs": 2, "run_events": 2, "check_results": 0}
    assert runs(told) == ["2", "4"]
    assert told.edges() == current
    assert told.rows("SELECT name, last_write_run_id FROM dataset") == [("clean", "2"), ("raw", None)]
    assert told.rows("SELECT kind, rows FROM upkeep") == [("check_results", 0), ("run_events", 2), ("runs", 2)]


def test_lineage_that_was_replaced_goes_with_what_only_it_named(told: Told) -> None:
    told(run("1", 1, reads="old", schema="a"), run("2", 2, schema="b"))

    forget(told.store, DAY, LATER)

    assert told.rows("SELECT name FROM dataset") == [("clean",), ("raw",)]
    assert told.rows("SELECT name, field FROM field") == [("clean", "b")]
    assert told.edges() == {("raw", "clean", "load", "inputs_outputs", True)}
    left = {
        table: told.rows(f"SELECT count(*) FROM store.{table}")[0][0]
        for table in ("document", "schema_field", "shape", "shape_facet", "lineage", "lineage_edge", "dataset")
    }
    assert left == {
        "document": 1,
        "schema_field": 1,
        "shape": 1,
        "shape_facet": 1,
        "lineage": 1,
        "lineage_edge": 1,
        "dataset": 2,
    }


def test_what_nobody_said_again_stays_however_old(told: Told) -> None:
    declared = {
        "eventTime": START.isoformat(),
        "dataset": {"namespace": "db", "name": "raw", "facets": {"documentation": {"description": "As it came."}}},
    }
    told(declared, declared | {"eventTime": (START + timedelta(seconds=1)).isoformat()}, run("1", 2))

    gone = forget(told.store, DAY, LATER)

    assert gone == {"runs": 0, "run_events": 1, "check_results": 0}
    assert told.rows("SELECT name, description FROM dataset") == [("clean", None), ("raw", "As it came.")]


def test_a_run_stays_as_long_as_what_it_started(told: Told) -> None:
    told(
        run("dag", 1, job="dag", writes=None),
        run("task", 2, parent="dag"),
        run("dag2", 3, job="dag", writes=None),
        run("task2", 4, parent="dag2"),
        run("dag3", 5, job="dag", writes=None, reads="x"),
    )

    forget(told.store, DAY, LATER)

    assert runs(told) == ["dag2", "dag3", "task2"]
    assert told.rows("SELECT run_id, root_run_id FROM run WHERE run_id = 'task2'") == [("task2", "dag2")]


def test_the_newest_result_of_a_check_stays(told: Told) -> None:
    told(*(run(str(n), n, job="test", writes=None, check=True) for n in range(4)), run("9", 9, job="test", writes=None))

    forget(told.store, DAY, LATER)

    assert told.rows("SELECT run_id, status FROM check_result") == [("3", "passed")]
    assert runs(told) == ["3", "9"]


def test_results_are_kept_longer_than_runs_with_the_runs_that_brought_them(told: Told) -> None:
    told(
        run("1", 1), run("2", 2, job="test", writes=None, check=True), run("3", 3, job="test", writes=None, check=True)
    )
    told(run("4", 4))

    forget(told.store, Ages(runs=1), LATER)

    assert runs(told) == ["2", "3", "4"]


def incident_of(told: Told) -> list[Any]:
    return told.rows("SELECT status, name, failing_checks, first_seen_at::VARCHAR FROM incident")


def test_an_open_incident_keeps_what_explains_it(told: Told) -> None:
    before = [run(f"old {n}", n) for n in range(3)]
    told(*before, run("good", 10), run("pass", 11, job="test", reads="clean", writes=None, check=True))
    told(run("bad", 20), run("fail", 21, job="test", reads="clean", writes=None, check=False))
    told(*(run(f"worse {n}", 30 + n) for n in range(3)))
    incident = incident_of(told)
    assert [row[0] for row in incident] == ["open"]
    cause = told.rows("SELECT rank, name, kind FROM root_cause('db', 'clean') WHERE rank = 1")
    assert cause

    forget(told.store, DAY, LATER)

    assert runs(told) == ["bad", "fail", "good", "pass", "worse 0", "worse 1", "worse 2"]
    assert incident_of(told) == incident
    assert told.rows("SELECT rank, name, kind FROM root_cause('db', 'clean') WHERE rank = 1")

    told(run("passes", 60, job="test", reads="clean", writes=None, check=True))
    forget(told.store, DAY, LATER)

    assert runs(told) == ["passes", "worse 2"]
    assert incident_of(told) == []


def test_without_an_age_nothing_goes(told: Told) -> None:
    told(*(run(str(n), n, check=True) for n in range(4)))
    before = digest_of(told.store)

    assert forget(told.store, Ages(), LATER) == {}
    assert digest_of(told.store) == before


def test_forgetting_twice_is_forgetting_once(told: Told) -> None:
    told(*(run(str(n), n % 7, job=f"load {n % 3}", check=True) for n in range(20)))
    assert forget(told.store, DAY, LATER)["runs"] > 5
    before = digest_of(told.store)

    assert forget(told.store, DAY, LATER) == {"runs": 0, "run_events": 0, "check_results": 0}
    assert digest_of(told.store) == before


def test_an_event_of_a_forgotten_run_is_late_and_counted(told: Told) -> None:
    told(run("1", 2), run("2", 3))
    forget(told.store, DAY, LATER)

    told(run("1", 1, "START"), run("3", 1, "START"), run("1", 400 * 86_400))

    assert runs(told) == ["2", "3"]
    assert told.rows("SELECT outcome, source_offset FROM delivery") == [
        ("applied", 1),
        ("applied", 3),
        ("late", 2),
        ("late", 4),
    ]


def test_what_only_a_late_event_names_goes_the_next_time(told: Told) -> None:
    told(run("1", 2), run("2", 3))
    forget(told.store, DAY, LATER)

    told(run("1", 4, job="other", reads="elsewhere", writes=None))
    forget(told.store, DAY, LATER)

    assert told.rows("SELECT name FROM job") == [("load",)]
    assert told.rows("SELECT name FROM store.dataset") == [("clean",), ("raw",)]


def test_bodies_go_and_facts_stay(told: Told) -> None:
    told(run("1", 1, parent="dag"), run("2", 2, check=True))
    facts = ("run", "edge", "check_result", "field", "dataset", "job", "event")
    before = {view: digest_of(told.store)[view] for view in facts}

    gone = forget(told.store, Ages(bodies=1), LATER)

    assert gone == {"bodies": 2}
    assert told.rows("SELECT DISTINCT body FROM event") == [(None,)]
    assert {view: digest_of(told.store)[view] for view in facts} == before
    with pytest.raises(StoreError, match=r"2 events of .* have no body any more"):
        list(told.store.kept_events(10))


def test_how_records_came_in_goes_by_the_time_of_arrival(told: Told) -> None:
    told(run("1", 1), run("1", 1), b"nonsense")  # received in 1970
    assert len(told.rows("SELECT outcome FROM delivery")) == 3

    gone = forget(told.store, Ages(duplicates=1, dead_letters=1, gaps=1), LATER)

    assert gone == {"duplicates": 1, "dead_letters": 1, "gaps": 0}
    assert told.rows("SELECT outcome FROM delivery") == [("applied",)]


# The file


def test_a_compacted_store_says_the_same_in_less_room(tmp_path: Path) -> None:
    path, fresh = tmp_path / "live.duckdb", tmp_path / "fresh.duckdb"
    with Store(path) as store:
        for first in range(0, 3_000, 500):
            told = [json.dumps(run(f"{n:04}", n, check=n % 2 == 0)).encode() for n in range(first, first + 500)]
            store.write(fold_all(told, first=first).tables(0, {}))
            store.checkpoint()
        forget(store, DAY, START + timedelta(days=1, seconds=2_500))
        before = digest_of(store)
        tables = {t: store.database.rows(f"SELECT count(*) FROM store.{t}") for t in ("event", "run", "forgotten_run")}

    compact(path, fresh, LATER)

    with Store(fresh) as store:
        assert store.migrated == []
        assert digest_of(store) == before
        assert {t: store.database.rows(f"SELECT count(*) FROM store.{t}") for t in tables} == tables
        times = store.database.rows("SELECT epoch_us(event_time) FROM store.event ORDER BY rowid")
        assert times == sorted(times)
    assert fresh.stat().st_size < path.stat().st_size


def test_a_store_that_is_compacted_by_parts_says_the_same(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.upkeep.ROWS", 3)
    told(*(run(str(n), 100 - n, check=n % 2 == 0) for n in range(10)))
    before = digest_of(told.store)

    for step in compacting(told.store, LATER):
        with told.store.database.transaction():
            step.work()
        assert digest_of(told.store) == before

    assert told.rows("SELECT kind, rows FROM upkeep") == [("compact", 10 + 10 + 10 + 3)]


def test_when_shapes_were_seen_is_joined_when_most_of_it_says_nothing_any_more(store: Store) -> None:
    def event(hour: int) -> bytes:
        return json.dumps(
            {
                "eventTime": f"2026-01-01T{hour:02}:00:00Z",
                "eventType": "COMPLETE",
                "run": {"runId": "r"},
                "job": {"namespace": "jobs", "name": "j"},
            }
        ).encode()

    def seen() -> tuple[int, list[Any]]:
        ((rows,),) = store.database.rows("SELECT count(*) FROM store.shape_seen")
        return rows, store.database.rows("SELECT first_seen_at::VARCHAR, last_seen_at::VARCHAR FROM job")

    empty(store)
    write_all(store, [[event(6)], [event(7)]])
    assert seen() == (2, [("2026-01-01 06:00:00+00", "2026-01-01 07:00:00+00")])

    store.database.run("INSERT INTO store.shape_seen SELECT seen.* FROM store.shape_seen AS seen, range(10_000)")
    assert seen() == (20_002, [("2026-01-01 06:00:00+00", "2026-01-01 07:00:00+00")])

    write_all(store, [[event(5)]])
    assert seen() == (1, [("2026-01-01 05:00:00+00", "2026-01-01 07:00:00+00")])
