"""What an edge is, and when it is current: each rule of the design as a small story of events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from headwater.store import Store
from support import empty, write_all

Edges = set[tuple[str, str, str | None, str, bool]]
Tell = Callable[..., Edges]


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("edges") / "live.duckdb") as opened:
        yield opened


@pytest.fixture
def store(module_store: Store) -> Store:
    empty(module_store)
    return module_store


@pytest.fixture
def tell(store: Store) -> Tell:
    """Return a function that folds events and returns the edges: upstream, downstream, job, evidence, current."""

    def fold(*events: dict[str, Any]) -> Edges:
        write_all(store, [[json.dumps(event).encode()] for event in events])
        return edges(store, "edge")

    return fold


def edges(store: Store, relation: str) -> Edges:
    rows = store.database.rows(f"SELECT upstream_name, downstream_name, job_name, evidence, is_current FROM {relation}")
    assert len(rows) == len(set(rows))
    return set(rows)


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}Z"


def dataset(name: str, *, made_from: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Return a dataset, with column lineage that names the datasets behind its columns."""
    named: dict[str, Any] = {"namespace": "db", "name": name}
    if made_from is not None:
        fields = {
            column: {"inputFields": [{"namespace": "db", "name": source, "field": "k"} for source in sources]}
            for column, sources in made_from.items()
        }
        named["facets"] = {"columnLineage": {"fields": fields}}
    return named


def run(
    kind: str,
    second: int,
    run_id: str = "r",
    job: str = "j",
    *,
    inputs: list[Any] = [],
    outputs: list[Any] = [],
    **job_type: Any,
) -> dict[str, Any]:
    def named(item: Any) -> Any:
        return dataset(item) if isinstance(item, str) else item

    return {
        "eventType": kind,
        "eventTime": at(second),
        "run": {"runId": run_id},
        "job": {"namespace": "jobs", "name": job, "facets": {"jobType": job_type} if job_type else {}},
        "inputs": [named(item) for item in inputs],
        "outputs": [named(item) for item in outputs],
    }


def test_every_input_feeds_every_output(tell: Tell) -> None:
    assert tell(run("COMPLETE", 1, inputs=["a", "b"], outputs=["c", "d"])) == {
        ("a", "c", "j", "inputs_outputs", True),
        ("a", "d", "j", "inputs_outputs", True),
        ("b", "c", "j", "inputs_outputs", True),
        ("b", "d", "j", "inputs_outputs", True),
    }


def test_inputs_and_outputs_are_the_union_over_a_runs_events(tell: Tell) -> None:
    assert tell(run("START", 1, inputs=["a"]), run("RUNNING", 2, inputs=["b"]), run("COMPLETE", 3, outputs=["c"])) == {
        ("a", "c", "j", "inputs_outputs", True),
        ("b", "c", "j", "inputs_outputs", True),
    }


def test_a_run_that_has_not_finished_makes_no_current_edge(tell: Tell) -> None:
    assert tell(run("START", 1, inputs=["a"], outputs=["b"])) == {("a", "b", "j", "inputs_outputs", False)}


@pytest.mark.parametrize("end", ["FAIL", "ABORT"])
def test_a_run_that_failed_leaves_the_edges_of_the_one_before(tell: Tell, end: str) -> None:
    assert tell(
        run("COMPLETE", 1, "r1", inputs=["a"], outputs=["b"]), run(end, 2, "r2", inputs=["x"], outputs=["b"])
    ) == {("a", "b", "j", "inputs_outputs", True), ("x", "b", "j", "inputs_outputs", False)}


def test_the_newest_finished_run_decides_even_if_it_is_heard_of_first(tell: Tell) -> None:
    assert tell(
        run("COMPLETE", 9, "new", inputs=["b"], outputs=["c"]), run("COMPLETE", 1, "old", inputs=["a"], outputs=["c"])
    ) == {("a", "c", "j", "inputs_outputs", False), ("b", "c", "j", "inputs_outputs", True)}


def test_a_finished_run_without_datasets_wipes_nothing(tell: Tell) -> None:
    assert tell(run("COMPLETE", 1, "r1", inputs=["a"], outputs=["b"]), run("COMPLETE", 2, "r2")) == {
        ("a", "b", "j", "inputs_outputs", True)
    }


def test_a_late_start_does_not_reopen_a_run(store: Store, tell: Tell) -> None:
    found = tell(run("COMPLETE", 1, inputs=["a"], outputs=["b"]), run("START", 5))

    assert found == {("a", "b", "j", "inputs_outputs", True)}
    assert store.database.rows("SELECT run_id, state FROM run") == [("r", "COMPLETE")]


def test_another_job_has_edges_of_its_own(tell: Tell) -> None:
    assert tell(
        run("COMPLETE", 1, "r1", "j1", inputs=["a"], outputs=["b"]),
        run("COMPLETE", 2, "r2", "j2", inputs=["a"], outputs=["b"]),
    ) == {("a", "b", "j1", "inputs_outputs", True), ("a", "b", "j2", "inputs_outputs", True)}


def test_a_streaming_job_is_judged_by_its_newest_event(tell: Tell) -> None:
    streaming = {"processingType": "STREAMING", "integration": "FLINK"}

    assert tell(
        run("RUNNING", 1, "r1", inputs=["a"], outputs=["b"], **streaming),
        run("RUNNING", 2, "r2", inputs=["c"], outputs=["b"], **streaming),
    ) == {("a", "b", "j", "inputs_outputs", False), ("c", "b", "j", "inputs_outputs", True)}


FLINK: dict[str, Any] = {"processingType": "streaming", "integration": "FLINK"}
SNAPSHOTS: dict[str, Any] = FLINK | {"emissionPattern": {"eventContentMode": "complete_snapshot"}}


def test_what_the_events_of_a_streaming_run_say_adds_up(tell: Tell) -> None:
    assert tell(
        run("START", 1, inputs=["a"], outputs=["c"], **FLINK),
        run("RUNNING", 2, inputs=["b"], outputs=["c"], **FLINK),
        run("RUNNING", 3, **FLINK),
    ) == {("a", "c", "j", "inputs_outputs", True), ("b", "c", "j", "inputs_outputs", True)}


def test_a_run_whose_events_come_in_order_goes_on_from_its_lineage(tell: Tell, store: Store) -> None:
    tell(run("START", 1, inputs=["a"]), run("RUNNING", 2, outputs=["b"]))
    store.database.run("UPDATE store.event SET shape_id = 0")  # whoever reads them, finds nothing of lineage in them

    assert tell(run("COMPLETE", 3, inputs=["c"])) == {
        ("a", "b", "j", "inputs_outputs", True),
        ("c", "b", "j", "inputs_outputs", True),
    }
    assert tell(run("RUNNING", 1, inputs=["d"])) == set()


def test_a_complete_snapshot_replaces_the_one_before(tell: Tell) -> None:
    assert tell(
        run("START", 1, inputs=["a", "b"], outputs=["c"], **SNAPSHOTS),
        run("RUNNING", 2, inputs=["b"], outputs=["c"], **SNAPSHOTS),
    ) == {("a", "c", "j", "inputs_outputs", False), ("b", "c", "j", "inputs_outputs", True)}


def test_a_snapshot_without_edges_wipes_nothing(tell: Tell) -> None:
    assert tell(
        run("START", 1, inputs=["a"], outputs=["b"], **SNAPSHOTS),
        run("RUNNING", 2, outputs=["b"], **SNAPSHOTS),
        run("RUNNING", 3, **SNAPSHOTS),
    ) == {("a", "b", "j", "inputs_outputs", True)}


def test_snapshots_that_never_have_inputs_and_outputs_at_once_add_up(tell: Tell) -> None:
    assert tell(run("START", 1, inputs=["a"], **SNAPSHOTS), run("RUNNING", 2, outputs=["b"], **SNAPSHOTS)) == {
        ("a", "b", "j", "inputs_outputs", True)
    }


def test_what_a_stream_had_at_a_moment_stays_known(tell: Tell, store: Store) -> None:
    tell(
        run("START", 1, inputs=["a"], outputs=["c"], **SNAPSHOTS),
        run("RUNNING", 5, inputs=["b"], outputs=["c"], **SNAPSHOTS),
    )

    as_of = f"(SELECT * FROM lineage_as_of('{at(3)}') WHERE is_current)"
    assert edges(store, as_of) == {("a", "c", "j", "inputs_outputs", True)}


def test_a_test_job_makes_no_edges(tell: Tell) -> None:
    assert tell(run("COMPLETE", 1, inputs=["a"], outputs=["b"], jobType="TEST", integration="DBT")) == set()


def test_column_lineage_beats_inputs_times_outputs(tell: Tell) -> None:
    """b is named for d only, so it does not feed c; x is named nowhere, so it may feed both."""
    outputs = [dataset("c", made_from={"k": ["a"]}), dataset("d", made_from={"k": ["b"]})]

    assert tell(run("COMPLETE", 1, inputs=["a", "b", "x"], outputs=outputs)) == {
        ("a", "c", "j", "column", True),
        ("b", "d", "j", "column", True),
        ("x", "c", "j", "inputs_outputs", True),
        ("x", "d", "j", "inputs_outputs", True),
    }


def test_a_dataset_that_only_column_lineage_names_is_upstream_all_the_same(store: Store, tell: Tell) -> None:
    assert tell(run("COMPLETE", 1, outputs=[dataset("b", made_from={"k": ["seed"]})])) == {
        ("seed", "b", "j", "column", True)
    }
    assert store.database.rows("SELECT name FROM dataset ORDER BY name") == [("b",), ("seed",)]


def test_the_newest_column_lineage_of_a_run_replaces_the_one_before(tell: Tell) -> None:
    assert tell(
        run("COMPLETE", 2, outputs=[dataset("b", made_from={"k": ["new"]})]),
        run("START", 1, outputs=[dataset("b", made_from={"k": ["old"]})]),
    ) == {("new", "b", "j", "column", True)}


def test_a_dataset_may_be_made_from_itself(tell: Tell) -> None:
    assert tell(run("COMPLETE", 1, inputs=["a"], outputs=["a"])) == {("a", "a", "j", "inputs_outputs", True)}


def test_what_a_job_event_declares_holds_until_a_run_finishes(tell: Tell) -> None:
    declared = run("", 1, inputs=["a"], outputs=["b"])
    del declared["run"], declared["eventType"]

    assert tell(declared) == {("a", "b", "j", "inputs_outputs", True)}
    assert tell(run("COMPLETE", 2, inputs=["c"], outputs=["b"])) == {
        ("a", "b", "j", "inputs_outputs", False),
        ("c", "b", "j", "inputs_outputs", True),
    }


def test_what_a_dataset_event_declares_holds_until_the_next_one(tell: Tell) -> None:
    first = {"eventTime": at(1), "dataset": dataset("b", made_from={"k": ["a"]})}
    second = {"eventTime": at(2), "dataset": dataset("b", made_from={"k": ["c"]})}
    silent = {"eventTime": at(3), "dataset": dataset("b")}

    assert tell(first, second, silent) == {("a", "b", None, "column", False), ("c", "b", None, "column", True)}


def test_the_graph_is_known_as_it_stood(store: Store, tell: Tell) -> None:
    tell(
        run("START", 1, "r1", inputs=["a"], outputs=["c"]),
        run("COMPLETE", 3, "r1"),
        run("COMPLETE", 9, "r2", inputs=["b"], outputs=["c"]),
    )

    def at_second(second: int) -> Edges:
        return edges(store, f"lineage_as_of('{at(second)}'::TIMESTAMPTZ)")

    assert at_second(0) == set()
    assert at_second(2) == {("a", "c", "j", "inputs_outputs", False)}
    assert at_second(5) == {("a", "c", "j", "inputs_outputs", True)}
    assert at_second(9) == edges(store, "edge")


def test_a_walk_ends_in_a_cycle_and_leaves_its_start_out(store: Store, tell: Tell) -> None:
    tell(
        run("COMPLETE", 1, "r1", "j1", inputs=["a"], outputs=["b"]),
        run("COMPLETE", 2, "r2", "j2", inputs=["b"], outputs=["c"]),
        run("COMPLETE", 3, "r3", "j3", inputs=["c"], outputs=["a"]),
    )

    assert store.database.rows("SELECT name, depth FROM upstream('db', 'c')") == [("b", 1), ("a", 2)]
    assert store.database.rows("SELECT name, depth FROM downstream('db', 'c')") == [("a", 1), ("b", 2)]
    assert store.database.rows("SELECT name, depth FROM upstream('db', 'c', max_depth := 1)") == [("b", 1)]


def test_a_walk_finds_the_shortest_distance_in_a_diamond(store: Store, tell: Tell) -> None:
    tell(
        run("COMPLETE", 1, "r1", "j1", inputs=["a"], outputs=["b", "z"]),
        run("COMPLETE", 2, "r2", "j2", inputs=["b"], outputs=["c"]),
        run("COMPLETE", 3, "r3", "j3", inputs=["c", "a"], outputs=["z"]),
    )

    assert store.database.rows("SELECT name, depth FROM upstream('db', 'z')") == [("a", 1), ("c", 1), ("b", 2)]


def column(name: str, field: str, *transformations: dict[str, Any]) -> dict[str, Any]:
    return {"namespace": "db", "name": name, "field": field, "transformations": list(transformations)}


def test_columns_are_followed_with_what_happens_to_them_on_the_way(store: Store, tell: Tell) -> None:
    direct = {"type": "DIRECT", "subtype": "IDENTITY"}
    masked = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
    joined = {"type": "INDIRECT", "subtype": "JOIN"}
    first = dataset("b") | {
        "facets": {
            "columnLineage": {
                "fields": {"id": {"inputFields": [column("a", "id", direct), column("a", "key", joined)]}},
                "dataset": [column("a", "day", {"type": "INDIRECT", "subtype": "FILTER"})],
            }
        }
    }
    second = dataset("c") | {
        "facets": {"columnLineage": {"fields": {"id": {"inputFields": [column("b", "id", masked)]}}}}
    }
    tell(run("COMPLETE", 1, "r1", "j1", outputs=[first]), run("COMPLETE", 2, "r2", "j2", outputs=[second]))

    assert store.database.rows(
        "SELECT upstream_name, upstream_field, downstream_name, downstream_field, transformation_type, "
        "transformation_subtype, masking FROM column_edge ORDER BY ALL"
    ) == [
        ("a", "day", "b", None, "INDIRECT", "FILTER", None),
        ("a", "id", "b", "id", "DIRECT", "IDENTITY", None),
        ("a", "key", "b", "id", "INDIRECT", "JOIN", None),
        ("b", "id", "c", "id", "DIRECT", "TRANSFORMATION", True),
    ]
    columns = "SELECT name, field, depth, transformation_type FROM"
    assert store.database.rows(f"{columns} column_upstream('db', 'c', 'id')") == [
        ("b", "id", 1, "DIRECT"),
        ("a", "day", 2, "INDIRECT"),
        ("a", "id", 2, "DIRECT"),
        ("a", "key", 2, "INDIRECT"),
    ]
    assert store.database.rows(f"{columns} column_upstream('db', 'c', 'id', indirect := false)") == [
        ("b", "id", 1, "DIRECT"),
        ("a", "id", 2, "DIRECT"),
    ]
    assert store.database.rows(f"{columns} column_downstream('db', 'a', 'id')") == [
        ("b", "id", 1, "DIRECT"),
        ("c", "id", 2, "DIRECT"),
    ]
    assert store.database.rows(f"{columns} column_downstream('db', 'a', 'day')") == [
        ("b", None, 1, "INDIRECT"),
        ("c", "id", 2, "INDIRECT"),
    ]


def test_a_run_read_what_the_newest_run_before_it_wrote(store: Store, tell: Tell) -> None:
    tell(
        run("COMPLETE", 1, "load-1", "load", outputs=["a"]),
        run("START", 2, "build-1", "build", inputs=["a"], outputs=["b"]),
        run("COMPLETE", 3, "build-1", "build"),
        run("COMPLETE", 4, "load-2", "load", outputs=["a"]),
        run("FAIL", 5, "load-3", "load", outputs=["a"]),
        run("START", 6, "build-2", "build", inputs=["a"], outputs=["b"]),
        run("START", 7, "report", "report", inputs=["b"]),
    )

    walk = "SELECT run_id, job_name, state, depth FROM run_upstream"
    assert store.database.rows(f"{walk}('build-2')") == [("load-2", "load", "COMPLETE", 1)]
    assert store.database.rows(f"{walk}('report')") == [
        ("build-1", "build", "COMPLETE", 1),
        ("load-1", "load", "COMPLETE", 2),
    ]


def checked(second: int, name: str, *assertions: dict[str, Any]) -> dict[str, Any]:
    """Return a test run's end, with what it found out about a dataset."""
    found = dataset(name) | {"inputFacets": {"dataQualityAssertions": {"assertions": list(assertions)}}}
    return run("COMPLETE", second, f"test-{second}", "test", inputs=[found], jobType="TEST", integration="X")


def test_a_check_that_failed_is_not_hidden_by_one_of_the_same_name_that_passed(store: Store, tell: Tell) -> None:
    between = {"assertion": "between", "column": "c"}
    tell(checked(1, "x", between | {"success": False, "expected": "0..10"}, between | {"success": True}))

    assert store.database.rows("SELECT check_name, field, status, expected FROM check_result") == [
        ("between", "c", "failed", "0..10")
    ]


def test_a_root_cause_names_the_run_that_broke_the_check_that_was_asked_about(store: Store, tell: Tell) -> None:
    email, unique = {"assertion": "email", "column": "e"}, {"assertion": "unique", "column": "id"}
    tell(
        run("COMPLETE", 1, "w1", "load", outputs=["x"]),
        checked(2, "x", email | {"success": False, "severity": "warn"}, unique | {"success": True}),
        run("COMPLETE", 3, "w2", "load", outputs=["x"]),
        checked(4, "x", email | {"success": False, "severity": "warn"}, unique | {"success": False}),
    )

    def causes(**asked: str) -> list[tuple[Any, ...]]:
        named = "".join(f", {name} := '{value}'" for name, value in asked.items())
        return store.database.rows(f"SELECT name, field, run_id FROM root_cause('db', 'x'{named})")

    assert causes(fld="id") == causes(check_name="unique") == [("x", "id", "w2")]
    assert causes(fld="e") == [("x", "e", "w1")]


def test_a_run_that_names_another_output_with_each_event_leaves_no_trail(tell: Tell, store: Store) -> None:
    """Each event makes its lineage longer; without tidying up the store would grow with the square of their number."""
    for second in range(40):
        tell(run("RUNNING", second, inputs=["a"], outputs=[f"b{second}"]))

    ((shapes,),) = store.database.rows("SELECT count(*) FROM store.lineage_shape")
    assert shapes < 40 + 17 * 17
    assert len(edges(store, "edge")) == 40


def test_a_stream_that_starts_anew_takes_nothing_away_until_it_makes_an_edge(tell: Tell) -> None:
    assert tell(
        run("RUNNING", 1, "r1", inputs=["a"], outputs=["b"], **FLINK), run("START", 2, "r2", inputs=["c"], **FLINK)
    ) == {("a", "b", "j", "inputs_outputs", True)}


def test_what_one_output_says_outright_says_nothing_about_the_others(tell: Tell) -> None:
    told = dataset("o1") | {"facets": {"lineage": {"inputs": [dataset("z") | {"type": "DATASET"}]}}}

    assert tell(run("COMPLETE", 1, inputs=["a"], outputs=[told, "o2"])) == {
        ("z", "o1", "j", "explicit", True),
        ("a", "o2", "j", "inputs_outputs", True),
    }
