"""Runs inside runs: DAGs and their tasks, applications and their actions, dbt invocations and their models."""

from __future__ import annotations

import pytest
from builders import RUN_ROLLUP, dataset, parent, run_event
from support import Told, recorded

FAMILY = "SELECT run_id, job_name, state, parent_run_id, root_run_id FROM run"


def test_a_child_names_its_parent_and_its_root(told: Told) -> None:
    told(
        run_event(
            "COMPLETE", 1, "c", "dag.task.query", run_facets={"parent": parent("b", "dag.task", root=("a", "dag"))}
        ),
        run_event("COMPLETE", 2, "b", "dag.task", run_facets={"parent": parent("a", "dag")}),
        run_event("COMPLETE", 3, "a", "dag"),
    )

    assert told.rows(FAMILY) == [
        ("a", "dag", "COMPLETE", None, None),
        ("b", "dag.task", "COMPLETE", "a", "a"),
        ("c", "dag.task.query", "COMPLETE", "b", "a"),
    ]
    assert told.rows("SELECT name, parent_name FROM job") == [
        ("dag", None),
        ("dag.task", "dag"),
        ("dag.task.query", "dag.task"),
    ]


def test_a_root_that_nobody_names_is_found_by_going_up(told: Told) -> None:
    """Old Spark and old Airflow name the parent only."""
    told(
        run_event("COMPLETE", 1, "c", "c", run_facets={"parent": parent("b", "b")}),
        run_event("COMPLETE", 2, "b", "b", run_facets={"parent": parent("a", "a")}),
        run_event("COMPLETE", 3, "a", "a"),
    )

    assert told.rows("SELECT run_id, root_run_id FROM run") == [("a", None), ("b", "a"), ("c", "a")]


def test_parents_and_roots_that_never_sent_an_event_are_placeholders(told: Told) -> None:
    told(run_event("COMPLETE", 1, "c", "c", run_facets={"parent": parent("b", "b", root=("a", "a"))}))

    assert told.rows(
        "SELECT run_id, job_name, state, started_at::VARCHAR, ended_at::VARCHAR FROM run WHERE run_id != 'c'"
    ) == [
        ("a", "a", None, None, None),
        ("b", "b", None, None, None),
    ]
    assert ("c", "c", "COMPLETE", "b", "a") in told.rows(FAMILY)
    assert told.rows("SELECT name FROM job") == [("a",), ("b",), ("c",)]


def test_a_placeholder_becomes_a_run_when_its_event_comes(told: Told) -> None:
    told(run_event("COMPLETE", 2, "task", "dag.task", run_facets={"parent": parent("dag", "dag")}))
    told(run_event("START", 1, "dag", "dag"), run_event("FAIL", 3, "dag", "dag"))

    assert told.rows(FAMILY) == [
        ("dag", "dag", "FAIL", None, None),
        ("task", "dag.task", "COMPLETE", "dag", "dag"),
    ]
    assert told.rows("SELECT run_id, started_at::VARCHAR, ended_at::VARCHAR FROM run WHERE run_id = 'dag'") == [
        ("dag", "2026-01-01 00:00:01+00", "2026-01-01 00:00:03+00")
    ]


def test_a_parent_is_in_the_namespace_that_it_says(told: Told) -> None:
    """The reference backend makes unknown parents in the namespace of the child."""
    elsewhere = parent("dag", "dag")
    elsewhere["job"]["namespace"] = "airflow://prod"
    told(run_event("COMPLETE", 1, "spark", "app", run_facets={"parent": elsewhere}))

    assert told.rows("SELECT run_id, job_namespace, job_name FROM run") == [
        ("dag", "airflow://prod", "dag"),
        ("spark", "jobs", "app"),
    ]
    assert told.rows("SELECT namespace, name, parent_namespace, parent_name FROM job") == [
        ("airflow://prod", "dag", None, None),
        ("jobs", "app", "airflow://prod", "dag"),
    ]


def test_an_event_without_a_parent_leaves_the_parent_in_place(told: Told) -> None:
    told(
        run_event("START", 1, "task", "dag.task", run_facets={"parent": parent("dag", "dag")}),
        run_event("COMPLETE", 2, "task", "dag.task"),
    )

    assert ("task", "dag.task", "COMPLETE", "dag", "dag") in told.rows(FAMILY)


def test_parent_goes_before_its_old_name(told: Told) -> None:
    both = {"parentRun": parent("old", "old"), "parent": parent("new", "new")}
    told(run_event("COMPLETE", 1, "task", "task", run_facets=both))

    assert told.rows("SELECT parent_run_id FROM run WHERE run_id = 'task'") == [("new",)]


@pytest.mark.parametrize(
    "broken",
    [
        {"run": None, "job": None},
        {"run": {"runId": None}, "job": {"namespace": "jobs", "name": "dag"}},
        {"job": {"namespace": "jobs", "name": "dag"}},
        {"run": "dag"},
        {},
    ],
)
def test_a_parent_without_a_run_is_no_parent(told: Told, broken: object) -> None:
    told(run_event("COMPLETE", 1, "task", "task", run_facets={"parent": broken}))

    assert told.rows("SELECT run_id, state, parent_run_id, root_run_id FROM run") == [("task", "COMPLETE", None, None)]


def test_a_parent_without_a_job_is_a_parent(told: Told) -> None:
    """A consumer that requires every field drops the event (OpenMetadata #24213)."""
    told(run_event("COMPLETE", 1, "task", "task", run_facets={"parent": {"run": {"runId": "dag"}}}))

    assert told.rows("SELECT run_id, job_name, state, parent_run_id FROM run") == [
        ("dag", None, None, None),
        ("task", "task", "COMPLETE", "dag"),
    ]


def test_runs_that_are_each_others_parents_do_not_hang_anything(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "self", "self", run_facets={"parent": parent("self", "self")}),
        run_event("COMPLETE", 2, "x", "x", run_facets={"parent": parent("y", "y")}),
        run_event("COMPLETE", 3, "y", "y", run_facets={"parent": parent("x", "x")}),
    )

    assert told.rows("SELECT run_id, parent_run_id FROM run") == [("self", "self"), ("x", "y"), ("y", "x")]


def test_a_jobs_last_run_is_its_own_and_not_its_parents(told: Told) -> None:
    """The reference backend shows the parent's."""
    told(
        run_event("FAIL", 3, "dag", "dag"),
        run_event("COMPLETE", 2, "task", "dag.task", run_facets={"parent": parent("dag", "dag")}),
    )

    assert told.rows("SELECT name, last_run_id, last_run_state FROM job") == [
        ("dag", "dag", "FAIL"),
        ("dag.task", "task", "COMPLETE"),
    ]


def test_a_dag_has_the_datasets_of_its_tasks(told: Told) -> None:
    """What one task writes and another reads is inside; it is both."""
    told(
        run_event("COMPLETE", 1, "dag", "dag"),
        run_event(
            "COMPLETE", 2, "t1", "dag.t1", inputs=["a"], outputs=["b"], run_facets={"parent": parent("dag", "dag")}
        ),
        run_event(
            "COMPLETE", 3, "t2", "dag.t2", inputs=["b"], outputs=["c"], run_facets={"parent": parent("dag", "dag")}
        ),
        run_event("COMPLETE", 4, "q", "dag.t2.q", inputs=["d"], run_facets={"parent": parent("t2", "dag.t2")}),
    )

    assert told.rows(f"SELECT run_id, direction, name FROM {RUN_ROLLUP} WHERE run_id IN ('dag', 't2')") == [
        ("dag", "input", "a"),
        ("dag", "input", "b"),
        ("dag", "input", "d"),
        ("dag", "output", "b"),
        ("dag", "output", "c"),
        ("t2", "input", "b"),
        ("t2", "input", "d"),
        ("t2", "output", "c"),
    ]


def test_the_dags_of_airflow_have_the_datasets_of_their_tasks(told: Told) -> None:
    """Three DAG runs; the one called dag has a task without datasets. Counted by hand in the recorded events."""
    told(*recorded("compat_airflow/events"))

    assert told.rows(
        f"SELECT job_name, direction, count(*) FROM {RUN_ROLLUP} JOIN run USING (run_id) JOIN job "
        "ON (job.namespace, job.name) = (job_namespace, job_name) WHERE job_type = 'DAG' GROUP BY ALL"
    ) == [("BQ", "input", 4), ("BQ", "output", 3), ("gcs_hook", "input", 6), ("gcs_hook", "output", 7)]


def test_one_run_id_under_two_jobs_is_two_stories(told: Told) -> None:
    """Colliding ids: neither job gets what the other read, and neither ends the other's edges."""
    told(
        run_event("COMPLETE", 1, "r", "one", inputs=["a"], outputs=["b"]),
        run_event("FAIL", 2, "r", "two", inputs=[dataset("c")], outputs=["d"]),
    )

    assert told.edges() == {
        ("a", "b", "one", "inputs_outputs", True),
        ("c", "d", "two", "inputs_outputs", False),
    }
