"""Which edges events make (said outright, by column lineage, by inputs times outputs) and when they hold."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    DIRECT,
    JOB_EDGE,
    JSON,
    STREAMING,
    column,
    dataset,
    dataset_event,
    entry,
    explicit,
    job_event,
    made_from,
    run_event,
    source,
)
from support import Told, recorded

SAID = "explicit"
GUESSED = "inputs_outputs"


# What is said outright


def test_what_is_said_outright_replaces_column_lineage_and_guesses(told: Told) -> None:
    told(
        run_event(
            "COMPLETE",
            1,
            inputs=["a", "b", "c"],
            outputs=[dataset("x", columnLineage=made_from(k=["b.k"])), "y"],
            job_facets=explicit(entry("x", "a"), entry("y", "b")),
        )
    )

    assert told.edges() == {("a", "x", "j", SAID, True), ("b", "y", "j", SAID, True)}
    assert told.column_edges() == set()


def test_an_output_without_an_entry_has_no_upstream_once_anything_is_said_outright(told: Told) -> None:
    told(run_event("COMPLETE", 1, inputs=["a"], outputs=["x", "dangling"], job_facets=explicit(entry("x", "a"))))

    assert told.edges() == {("a", "x", "j", SAID, True)}
    assert told.rows("SELECT direction, name FROM run_dataset") == [
        ("input", "a"),
        ("output", "dangling"),
        ("output", "x"),
    ]


def test_entries_may_name_datasets_that_are_in_no_array(told: Told) -> None:
    told(run_event("COMPLETE", 1, job_facets=explicit(entry("x", "a"))))

    assert told.edges() == {("a", "x", "j", SAID, True)}
    assert told.rows("SELECT name FROM dataset") == [("a",), ("x",)]


def test_entries_of_a_runs_events_come_together(told: Told) -> None:
    told(
        run_event("START", 1, job_facets=explicit(entry("x", "a"))),
        run_event("RUNNING", 2, job_facets=explicit(entry("x", "b"), entry("y", "c"))),
        run_event("COMPLETE", 3),
    )

    assert told.edges() == {("a", "x", "j", SAID, True), ("b", "x", "j", SAID, True), ("c", "y", "j", SAID, True)}


def test_the_entries_of_the_next_run_replace_those_of_the_one_before(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", job_facets=explicit(entry("x", "a"))),
        run_event("COMPLETE", 2, "r2", job_facets=explicit(entry("x", "b"))),
    )

    assert told.edges() == {("a", "x", "j", SAID, False), ("b", "x", "j", SAID, True)}


def test_the_entries_of_a_job_event_replace_those_of_the_one_before(told: Told) -> None:
    told(
        job_event(1, job_facets=explicit(entry("x", "a"), entry("y", "a"))),
        job_event(2, job_facets=explicit(entry("x", "b"))),
    )

    assert told.edges() == {
        ("a", "x", "j", SAID, False),
        ("a", "y", "j", SAID, False),
        ("b", "x", "j", SAID, True),
    }


def test_the_lineage_of_a_dataset_event_replaces_that_of_the_one_before(told: Told) -> None:
    told(
        dataset_event(1, "view", lineage={"inputs": [source("a"), source("b")]}),
        dataset_event(2, "view", lineage={"inputs": [source("b"), source("c")]}),
    )

    assert told.edges() == {
        ("a", "view", None, SAID, False),
        ("b", "view", None, SAID, True),
        ("c", "view", None, SAID, True),
    }


def test_a_dataset_events_lineage_beats_its_column_lineage(told: Told) -> None:
    said = {"inputs": [source("a")], "fields": {"k": {"inputs": [source("a.k")]}}}
    told(dataset_event(1, "view", lineage=said, columnLineage=made_from(k=["b.k"])))

    assert told.edges() == {("a", "view", None, SAID, True)}
    assert told.column_edges() == {("a", "k", "view", "k", None)}


def test_no_inputs_said_outright_is_no_upstream(told: Told) -> None:
    """An empty list says that nothing feeds it; that nothing is said is something else."""
    told(run_event("COMPLETE", 1, inputs=["a"], outputs=["x"], job_facets=explicit(entry("x"))))

    assert told.edges() == set()
    assert told.rows("FROM upstream('db', 'x')") == []


def test_no_inputs_said_outright_ends_what_was_before(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", inputs=["a"], outputs=["x"]),
        run_event("COMPLETE", 2, "r2", outputs=["x"], job_facets=explicit(entry("x"))),
    )

    assert told.edges() == {("a", "x", "j", GUESSED, False)}


def test_columns_said_outright_are_column_edges(told: Told) -> None:
    total = source("a.amount") | {"transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": True}]}
    told(
        run_event(
            "COMPLETE",
            1,
            job_facets=explicit(entry("x", "a.day", fields={"total": [total], "unknown": ["b"], "constant": []})),
        )
    )

    assert told.edges() == {("a", "x", "j", SAID, True), ("b", "x", "j", SAID, True)}
    assert told.rows(
        "SELECT upstream_name, upstream_field, downstream_field, transformation_type, transformation_subtype, masking "
        "FROM column_edge"
    ) == [
        # day decides about all of x; which column of b feeds unknown is not known
        ("a", "amount", "total", "DIRECT", "AGGREGATION", True),
        ("a", "day", None, None, None, None),
        ("b", None, "unknown", None, None, None),
    ]


def test_a_job_that_feeds_a_dataset_from_nowhere_makes_no_edge(told: Told) -> None:
    """An extraction from outside: the event's own job is the source."""
    own = {"type": "JOB", "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}]}
    told(
        run_event("COMPLETE", 1, inputs=["a"], outputs=["x"], job_facets=explicit(entry("x", fields={"total": [own]})))
    )

    assert told.edges() == set()
    assert told.rows("SELECT name FROM dataset") == [("a",), ("x",)]


def test_a_job_that_only_reads_a_dataset_makes_no_edge(told: Told) -> None:
    told(run_event("COMPLETE", 1, inputs=["a"], job_facets=explicit({"type": "JOB", "inputs": [source("a")]})))

    assert told.edges() == set()
    assert told.rows("SELECT direction, name FROM run_dataset") == [("input", "a")]


def test_one_job_that_follows_another_is_an_edge_between_jobs(told: Told) -> None:
    told(
        job_event(
            1,
            "dag_b",
            job_facets=explicit(
                {
                    "namespace": "jobs",
                    "name": "dag_b.task_1",
                    "type": "JOB",
                    "inputs": [{"namespace": "jobs", "name": "dag_a.task_3", "type": "JOB"}],
                }
            ),
        )
    )

    assert told.edges() == set()
    assert told.rows(f"SELECT upstream_name, downstream_name FROM {JOB_EDGE}") == [("dag_a.task_3", "dag_b.task_1")]
    assert told.rows("SELECT name FROM job") == [("dag_a.task_3",), ("dag_b",), ("dag_b.task_1",)]


@pytest.mark.parametrize(
    "broken",
    [
        {"entries": None},
        {"entries": []},
        {"entries": [None]},
        {"entries": "x"},
        {"entries": [{"type": "DATASET"}]},
        {
            "entries": [
                {"namespace": "db", "name": "x", "type": "NEW_KIND", "inputs": [{"namespace": "db", "name": "a"}]}
            ]
        },
    ],
)
def test_a_lineage_that_says_nothing_readable_leaves_the_rest_in_force(told: Told, broken: JSON) -> None:
    told(run_event("COMPLETE", 1, inputs=["a"], outputs=["x"], job_facets={"lineage": broken}))

    assert told.edges() == {("a", "x", "j", GUESSED, True)}


@pytest.mark.parametrize("entity", ["job", "dataset"])
def test_a_lineage_that_was_deleted_says_nothing_any_more(told: Told, entity: str) -> None:
    if entity == "job":
        told(
            job_event(1, job_facets=explicit(entry("x", "a"))),
            job_event(2, job_facets={"lineage": {"_deleted": True}}),
        )
    else:
        told(
            dataset_event(1, "x", lineage={"inputs": [source("a")]}), dataset_event(2, "x", lineage={"_deleted": True})
        )

    assert [edge[4] for edge in told.edges()] == [False]


def test_the_examples_of_the_proposal_that_carry_a_time_are_read(told: Told) -> None:
    """The other fourteen have no eventTime."""
    told(*recorded("ol_docs_examples/proposals__explicit_lineage_facet"))

    assert told.edges() == {
        ("public.customers", "public.customer_view", None, SAID, True),
        ("public.orders", "public.customer_view", None, SAID, True),
    }
    assert told.rows("SELECT reason, count(*) FROM dead_letter GROUP BY reason") == [("no_event_time", 14)]


# Column lineage


OLDEST = {"fields": {"x": {"inputFields": [{"namespace": "db", "name": "a", "field": "x"}]}}}


@pytest.mark.parametrize(
    ("facet", "expected"),
    [
        pytest.param(OLDEST, {("a", "x", "b", "x", None)}, id="1-0-0"),
        pytest.param(
            made_from(x=[column("a.x", DIRECT, {"type": "INDIRECT", "subtype": "JOIN"})]),
            {("a", "x", "b", "x", "DIRECT"), ("a", "x", "b", "x", "INDIRECT")},
            id="1-1-0",
        ),
        pytest.param(
            made_from(column("a.day", {"type": "INDIRECT", "subtype": "FILTER"}), x=["a.x"]),
            {("a", "x", "b", "x", None), ("a", "day", "b", None, "INDIRECT")},
            id="1-2-0",
        ),
        pytest.param({"dataset": [column("a.day")]}, {("a", "day", "b", None, None)}, id="dataset alone"),
        pytest.param({"fields": {"x": {"inputFields": []}}}, set(), id="a column made from nothing"),
    ],
)
def test_every_version_of_column_lineage_is_read(told: Told, facet: JSON, expected: set[Any]) -> None:
    told(run_event("COMPLETE", 1, outputs=[dataset("b", columnLineage=facet)]))

    assert told.column_edges() == expected


def test_one_bad_field_does_not_take_the_others_with_it(told: Told) -> None:
    """The rest of the facet is good, and it is the only thing that says where b comes from."""
    facet = {"fields": {"x": {"inputFields": [column("a.x")]}, "y": {"inputFields": [{"namespace": "db"}, 7]}, "z": 3}}
    told(run_event("COMPLETE", 1, outputs=[dataset("b", columnLineage=facet)]))

    assert told.column_edges() == {("a", "x", "b", "x", None)}
    assert told.edges() == {("a", "b", "j", "column", True)}


def test_a_column_edge_ends_when_the_next_run_does_not_have_it(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", outputs=[dataset("b", columnLineage=made_from(x=["a.x"]))]),
        run_event("COMPLETE", 2, "r2", outputs=[dataset("b", columnLineage=made_from(x=["a.y"]))]),
    )

    assert told.rows("SELECT upstream_field, is_current, last_run_id FROM column_edge") == [
        ("x", False, "r1"),
        ("y", True, "r2"),
    ]


def test_a_run_that_only_names_its_datasets_keeps_no_column_edge_current(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", inputs=["a"], outputs=[dataset("b", columnLineage=made_from(x=["a.x"]))]),
        run_event("COMPLETE", 2, "r2", inputs=["a"], outputs=["b"]),
    )

    assert told.rows("SELECT upstream_field, is_current FROM column_edge") == [("x", False)]
    assert told.edges() == {("a", "b", "j", GUESSED, True)}


def test_column_lineage_that_comes_before_the_inputs_is_kept(told: Told) -> None:
    """The reference backend drops it."""
    told(
        run_event("START", 1, outputs=[dataset("b", columnLineage=made_from(x=["a.x"]))]),
        run_event("COMPLETE", 2, inputs=["a"]),
    )

    assert told.column_edges() == {("a", "x", "b", "x", None)}
    assert told.edges() == {("a", "b", "j", "column", True)}


# When an edge is current


def test_a_stream_is_judged_by_its_newest_event_even_when_that_is_its_failure(told: Told) -> None:
    """The reference backend once lost a stream's whole graph to its FAIL."""
    told(
        run_event("START", 1, inputs=["a"], outputs=["b"], job_facets=STREAMING),
        run_event("FAIL", 5, job_facets=STREAMING),
    )

    assert told.states() == {"r": "FAIL"}
    assert told.edges() == {("a", "b", "j", GUESSED, True)}


def test_the_next_run_of_a_stream_takes_over_with_its_first_event(told: Told) -> None:
    told(
        run_event("RUNNING", 1, "r1", inputs=["a"], outputs=["b"], job_facets=STREAMING),
        run_event("START", 2, "r2", inputs=["c"], outputs=["b"], job_facets=STREAMING),
    )

    assert told.edges() == {("a", "b", "j", GUESSED, False), ("c", "b", "j", GUESSED, True)}


def test_a_late_event_of_an_old_stream_does_not_take_over(told: Told) -> None:
    told(
        run_event("RUNNING", 5, "r2", inputs=["c"], outputs=["b"], job_facets=STREAMING),
        run_event("RUNNING", 1, "r1", inputs=["a"], outputs=["b"], job_facets=STREAMING),
    )

    assert told.edges() == {("a", "b", "j", GUESSED, False), ("c", "b", "j", GUESSED, True)}


def test_an_accumulating_stream_keeps_what_its_earlier_events_said(told: Told) -> None:
    told(
        run_event("RUNNING", 1, inputs=["a"], outputs=["b"], job_facets=emitting("ACCUMULATIVE")),
        run_event("RUNNING", 2, inputs=["c"], outputs=["b"], job_facets=emitting("ACCUMULATIVE")),
    )

    assert told.edges() == {("a", "b", "j", GUESSED, True), ("c", "b", "j", GUESSED, True)}


def test_a_complete_snapshot_replaces_the_one_before(told: Told) -> None:
    told(
        run_event("RUNNING", 2, inputs=["c"], outputs=["b"], job_facets=emitting("COMPLETE_SNAPSHOT")),
        run_event("RUNNING", 1, inputs=["a"], outputs=["b"], job_facets=emitting("COMPLETE_SNAPSHOT")),
    )

    assert told.edges() == {("a", "b", "j", GUESSED, False), ("c", "b", "j", GUESSED, True)}
    assert told.rows("SELECT direction, name FROM run_dataset") == [("input", "a"), ("input", "c"), ("output", "b")]


def emitting(mode: str) -> JSON:
    pattern = {"eventTrigger": "PERIODIC", "eventContentMode": mode, "windowDuration": 60}
    return {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "emissionPattern": pattern}}


def test_an_old_run_that_ends_last_is_the_newest_finished_one(told: Told) -> None:
    """What counts is when a run finished, not when it started."""
    told(
        run_event("START", 1, "long", inputs=["a"], outputs=["x"]),
        run_event("START", 2, "short", inputs=["b"], outputs=["x"]),
        run_event("COMPLETE", 3, "short"),
        run_event("COMPLETE", 9, "long"),
    )

    assert told.edges() == {("a", "x", "j", GUESSED, True), ("b", "x", "j", GUESSED, False)}


def test_a_running_run_takes_nothing_away_from_the_finished_one(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", inputs=["a"], outputs=["x"]),
        run_event("START", 2, "r2", inputs=["b"], outputs=["x"]),
    )

    assert told.edges() == {("a", "x", "j", GUESSED, True), ("b", "x", "j", GUESSED, False)}


def test_events_of_a_finished_run_that_come_late_still_count(told: Told) -> None:
    told(
        run_event("COMPLETE", 5, inputs=["a"], outputs=["x"]),
        run_event("RUNNING", 3, inputs=["b"]),
    )

    assert told.edges() == {("a", "x", "j", GUESSED, True), ("b", "x", "j", GUESSED, True)}


def test_a_walk_goes_on_through_a_dataset_that_is_named_as_a_whole(told: Told) -> None:
    """Whole b feeds c.x: what is behind any column of b is behind c.x, and c.x is made from each of them."""
    told(
        run_event("COMPLETE", 1, "r1", "one", job_facets=explicit(entry("b", fields={"k": ["a.k"]}))),
        run_event("COMPLETE", 2, "r2", "two", job_facets=explicit(entry("c", fields={"x": ["b"]}))),
    )

    assert told.rows("SELECT name, field, depth FROM column_upstream('db', 'c', 'x')") == [
        ("a", "k", 2),
        ("b", None, 1),
    ]
    assert told.rows("SELECT name, field, depth FROM column_downstream('db', 'a', 'k')") == [
        ("b", "k", 1),
        ("c", "x", 2),
    ]
