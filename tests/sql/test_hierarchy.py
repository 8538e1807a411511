"""Runs inside runs: who started whom, and what they did together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from headwater.store import Store
from support import digest_of, empty, write_all


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("hierarchy") / "live.duckdb") as opened:
        yield opened


@pytest.fixture
def store(module_store: Store) -> Store:
    empty(module_store)
    return module_store


def named(*names: str) -> list[dict[str, str]]:
    return [{"namespace": "db", "name": name} for name in names]


def run(
    run_id: str,
    *,
    second: int = 1,
    kind: str = "COMPLETE",
    parent: str | None = None,
    root: str | None = None,
    key: str = "parent",
    inputs: list[Any] = [],
    outputs: list[Any] = [],
) -> bytes:
    facets: dict[str, Any] = {}
    if parent is not None:
        facets[key] = {"run": {"runId": parent}, "job": {"namespace": "airflow", "name": f"{parent} job"}}
    if root is not None:
        facets[key]["root"] = {"run": {"runId": root}, "job": {"namespace": "airflow", "name": f"{root} job"}}
    return json.dumps(
        {
            "eventType": kind,
            "eventTime": f"2026-01-01T00:00:{second:02}Z",
            "run": {"runId": run_id, "facets": facets},
            "job": {"namespace": "airflow", "name": f"{run_id} job"},
            "inputs": inputs,
            "outputs": outputs,
        }
    ).encode()


LOAD = run("load", parent="dag", inputs=named("raw"), outputs=named("orders"))
QUERY = run("query", parent="load", root="dag", inputs=named("raw", "rates"))
REPORT = run("report", second=2, parent="dag", inputs=named("orders"), outputs=named("report"))
DAG = run("dag", second=3)


@pytest.mark.parametrize("key", ["parent", "parentRun"])
def test_a_parent_that_was_never_heard_of_is_a_placeholder(store: Store, key: str) -> None:
    write_all(store, [[run("load", parent="task", root="dag", key=key)]])

    assert store.database.rows(
        "SELECT run_id, job_name, state, parent_run_id, root_run_id FROM run ORDER BY run_id"
    ) == [
        ("dag", "dag job", None, None, None),
        ("load", "load job", "COMPLETE", "task", "dag"),
        ("task", "task job", None, None, None),
    ]
    assert store.database.rows("SELECT name, first_seen_at IS NULL FROM job ORDER BY name") == [
        ("dag job", True),
        ("load job", False),
        ("task job", True),
    ]


def test_an_event_of_its_own_makes_a_run_of_a_placeholder(store: Store) -> None:
    write_all(store, [[LOAD], [DAG]])

    assert store.database.rows("SELECT run_id, state FROM run ORDER BY run_id") == [
        ("dag", "COMPLETE"),
        ("load", "COMPLETE"),
    ]


def test_a_run_has_the_datasets_of_its_children(store: Store) -> None:
    write_all(store, [[LOAD, QUERY, REPORT, DAG]])

    assert store.database.rows("FROM run_children('dag')") == [
        ("load", "airflow", "load job", "COMPLETE", 1),
        ("report", "airflow", "report job", "COMPLETE", 1),
        ("query", "airflow", "query job", "COMPLETE", 2),
    ]
    assert store.database.rows("SELECT direction, name, run_id, depth FROM run_datasets('dag')") == [
        ("input", "orders", "report", 1),
        ("input", "rates", "query", 2),
        ("input", "raw", "load", 1),
        ("input", "raw", "query", 2),
        ("output", "orders", "load", 1),
        ("output", "report", "report", 1),
    ]


def test_runs_that_name_each_other_as_parents_are_listed_once(store: Store) -> None:
    write_all(store, [[run("a", parent="b"), run("b", parent="a")]])

    assert store.database.rows("SELECT run_id, depth FROM run_children('a')") == [("b", 1)]


def test_the_order_in_which_parents_and_children_come_makes_no_difference(store: Store) -> None:
    digests = set()
    for arrived in permutations([LOAD, QUERY, DAG]):
        empty(store)
        write_all(store, [[value] for value in arrived])
        digests.add(str(digest_of(store)))

    assert len(digests) == 1


def test_jobs_that_share_a_run_id_count_what_it_wrote_once(store: Store) -> None:
    def wrote(job: str, rows: int, second: int) -> bytes:
        event = json.loads(run("r", second=second))
        event["job"]["name"] = job
        event["outputs"] = named("x")
        event["outputs"][0] |= {
            "facets": {"version": {"datasetVersion": f"v{rows}"}},
            "outputFacets": {"outputStatistics": {"rowCount": rows}},
        }
        return json.dumps(event).encode()

    write_all(store, [[wrote("one", 5, 1), wrote("two", 7, 2)]])

    assert store.database.rows("SELECT direction, name, row_count, dataset_version FROM run_dataset") == [
        ("output", "x", 7, "v7")
    ]


ROOTS = "SELECT run_id, root_run_id FROM run WHERE parent_run_id IS NOT NULL ORDER BY run_id"


@pytest.mark.parametrize("order", [1, -1], ids=["upwards", "downwards"])
def test_a_root_that_nobody_names_is_at_the_end_of_the_chain(store: Store, order: int) -> None:
    chain = [run("r0"), *(run(f"r{depth}", parent=f"r{depth - 1}") for depth in range(1, 9))]
    write_all(store, [[value] for value in chain[::order]])

    assert store.database.rows(ROOTS) == [(f"r{depth}", "r0") for depth in range(1, 9)]
    assert store.database.rows("SELECT run_id, depth FROM run_children('r0')") == [(f"r{d}", d) for d in range(1, 9)]


def test_a_chain_ends_at_a_run_that_was_never_heard_of(store: Store) -> None:
    write_all(store, [[run("c", parent="b"), run("b", parent="a")]])

    assert store.database.rows(ROOTS) == [("b", "a"), ("c", "a")]


def test_a_root_that_one_on_the_way_names_is_that_of_all_below(store: Store) -> None:
    write_all(store, [[run("d", parent="c"), run("c", parent="b"), run("b", parent="a", root="top"), run("a")]])

    assert store.database.rows(ROOTS) == [("b", "top"), ("c", "top"), ("d", "top")]


def test_runs_in_a_circle_have_no_root_nor_have_those_below_it(store: Store) -> None:
    write_all(
        store, [[run("a", parent="b"), run("b", parent="a"), run("below", parent="a"), run("self", parent="self")]]
    )

    assert store.database.rows(ROOTS) == [("a", None), ("b", None), ("below", None), ("self", None)]


def test_a_root_has_what_ran_below_a_parent_that_sent_nothing(store: Store) -> None:
    """Of the run between nothing is known but that it ran for this root."""
    write_all(
        store,
        [[run("model", parent="invocation", root="dag", outputs=named("orders")), run("test", parent="invocation")]],
    )

    assert store.database.rows(ROOTS) == [("model", "dag"), ("test", "dag")]
    assert store.database.rows("SELECT run_id, depth FROM run_children('dag')") == [("model", 2), ("test", 2)]
    assert store.database.rows("SELECT run_id, name FROM run_rollup ORDER BY ALL") == [
        ("dag", "orders"),
        ("invocation", "orders"),
        ("model", "orders"),
    ]
