"""What Marquez, the reference backend of OpenLineage, does right, and what it does wrong done right.

In our words, from reading what it does; the numbers are those of the issues in which its users report it.
"""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    STREAMING,
    assertions,
    dataset,
    dataset_event,
    explicit,
    job_event,
    lifecycle,
    made_from,
    parent,
    run_event,
    schema,
    symlinks,
)
from support import Told, recorded

GUESSED = "inputs_outputs"


def upstream(told: Told, name: str, **options: object) -> list[tuple[str, int]]:
    said = "".join(f", {option} := {value}" for option, value in options.items())
    return told.rows(f"SELECT name, depth FROM upstream('db', '{name}'{said}) ORDER BY depth, name")


def downstream(told: Told, name: str) -> list[tuple[str, int]]:
    return told.rows(f"SELECT name, depth FROM downstream('db', '{name}') ORDER BY depth, name")


# Runs and their states


@pytest.mark.parametrize(
    ("event_types", "state"),
    [
        (["START"], "RUNNING"),
        (["RUNNING"], "RUNNING"),
        (["START", "COMPLETE"], "COMPLETE"),
        (["START", "RUNNING", "FAIL"], "FAIL"),
        (["ABORT"], "ABORT"),
        (["OTHER"], "OTHER"),
        (["OTHER", "START"], "RUNNING"),
        (["START", "OTHER"], "RUNNING"),
    ],
)
def test_a_run_has_the_state_of_its_events(told: Told, event_types: list[str], state: str) -> None:
    told(*[run_event(event_type, second) for second, event_type in enumerate(event_types)])

    assert told.states() == {"r": state}


def test_a_start_that_comes_late_reopens_nothing(told: Told) -> None:
    """#2264, #1928: there the state is that of the event handled last."""
    told(run_event("COMPLETE", 2, outputs=["b"]), run_event("START", 1, inputs=["a"]))

    assert told.rows("SELECT state, started_at::VARCHAR, ended_at::VARCHAR FROM run") == [
        ("COMPLETE", "2026-01-01 00:00:01+00", "2026-01-01 00:00:02+00")
    ]
    assert told.edges() == {("a", "b", "j", GUESSED, True)}


def test_a_complete_run_that_fails_later_has_failed(told: Told) -> None:
    """Overtaken: FAIL is newer by its clock, whichever arrives first."""
    told(run_event("FAIL", 3, inputs=["a"], outputs=["b"]), run_event("COMPLETE", 2))

    assert told.states() == {"r": "FAIL"}
    assert told.edges() == {("a", "b", "j", GUESSED, False)}
    assert told.rows("SELECT last_written_at::VARCHAR FROM dataset WHERE name = 'b'") == [(None,)]


def test_a_word_that_is_no_state_is_no_state(told: Told) -> None:
    """There FAILED, which its own tests send, is RUNNING."""
    told(run_event("FAILED", 1, inputs=["a"], outputs=["b"]))

    assert told.states() == {"r": None}


def test_an_event_without_a_type_may_have_run_facets(told: Told) -> None:
    """There it is an error 500."""
    told(run_event(None, 1, run_facets={"nominalTime": {"nominalStartTime": "2026-01-01T06:00:00Z"}}))

    assert told.rows("SELECT run_id, state, nominal_start_at::VARCHAR FROM run") == [
        ("r", None, "2026-01-01 06:00:00+00")
    ]


def test_an_event_that_comes_twice_leaves_one_row_of_everything(told: Told) -> None:
    """There it adds an event, a state and every facet once more."""
    event = run_event("COMPLETE", 1, inputs=["a"], outputs=["b"], run_facets={"x": {"y": 1}})
    told(event, event)

    assert [told.rows(f"SELECT count(*) FROM {view}") for view in ("event", "run", "facet", "edge", "run_dataset")] == [
        [(1,)],
        [(1,)],
        [(1,)],
        [(1,)],
        [(2,)],
    ]


# Jobs and their edges


def test_an_event_without_datasets_wipes_no_edges(told: Told) -> None:
    """#1513 and nine more: there a START without datasets blanks the job until it ends."""
    told(
        run_event("COMPLETE", 1, "r1", inputs=["a"], outputs=["b"]),
        run_event("START", 2, "r2"),
    )
    assert told.edges() == {("a", "b", "j", GUESSED, True)}

    told(run_event("FAIL", 3, "r2"))
    assert told.edges() == {("a", "b", "j", GUESSED, True)}

    told(run_event("COMPLETE", 4, "r3"))
    assert told.edges() == {("a", "b", "j", GUESSED, True)}


def test_an_event_with_inputs_alone_wipes_no_outputs(told: Told) -> None:
    """There "no outputs" marks every output as gone until the end of the run."""
    told(
        run_event("COMPLETE", 1, "r1", inputs=["a"], outputs=["b"]),
        run_event("START", 2, "r2", inputs=["a"]),
    )

    assert told.edges() == {("a", "b", "j", GUESSED, True)}


def test_what_a_failed_run_got_hold_of_is_not_the_lineage(told: Told) -> None:
    """There the partial inputs of a failed run are the lineage of its job from then on."""
    told(
        run_event("COMPLETE", 1, "r1", inputs=["a", "b"], outputs=["c"]),
        run_event("FAIL", 2, "r2", inputs=["a"], outputs=["c", "tmp"]),
    )

    assert told.edges() == {
        ("a", "c", "j", GUESSED, True),
        ("b", "c", "j", GUESSED, True),
        ("a", "tmp", "j", GUESSED, False),
    }
    assert upstream(told, "c") == [("a", 1), ("b", 1)]


def test_a_job_that_changes_its_tables_keeps_its_past(told: Told) -> None:
    """#2492, #2060: there only the last run's tables can be seen, and the past cannot be asked for (#1519, #3065)."""
    told(
        run_event("COMPLETE", 1, "r1", inputs=["monday"], outputs=["out"]),
        run_event("COMPLETE", 5, "r2", inputs=["tuesday"], outputs=["out"]),
    )

    assert told.edges() == {("monday", "out", "j", GUESSED, False), ("tuesday", "out", "j", GUESSED, True)}
    assert told.edges("lineage_as_of('2026-01-01T00:00:03Z')") == {("monday", "out", "j", GUESSED, True)}
    assert told.edges("lineage_as_of('2026-01-01T00:00:00Z')") == set()
    assert upstream(told, "out", as_of="TIMESTAMPTZ '2026-01-01T00:00:03Z'") == [("monday", 1)]
    assert upstream(told, "out") == [("tuesday", 1)]


def test_the_past_is_not_rewritten_by_events_that_come_late(told: Told) -> None:
    told(run_event("COMPLETE", 5, "r2", inputs=["b"], outputs=["out"]))
    told(run_event("COMPLETE", 1, "r1", inputs=["a"], outputs=["out"]))

    assert told.edges("lineage_as_of('2026-01-01T00:00:03Z')") == {("a", "out", "j", GUESSED, True)}
    assert told.edges() == {("a", "out", "j", GUESSED, False), ("b", "out", "j", GUESSED, True)}


def test_two_jobs_that_write_one_table_are_both_upstream(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", "old", inputs=["a"], outputs=["out"]),
        run_event("COMPLETE", 2, "r2", "new", inputs=["b"], outputs=["out"]),
    )

    assert upstream(told, "out") == [("a", 1), ("b", 1)]


def test_a_declared_job_has_edges_at_once_and_a_declared_dataset_has_none(told: Told) -> None:
    told(job_event(1, inputs=["a"], outputs=["b"]), dataset_event(2, "c", schema=schema(id="INT")))

    assert told.edges() == {("a", "b", "j", GUESSED, True)}
    assert told.rows("SELECT name, field, type FROM field") == [("c", "id", "INT")]
    assert told.rows("FROM run") == []


def test_a_stream_has_edges_while_it_runs(told: Told) -> None:
    """#3066: batch jobs have theirs when they end."""
    told(
        run_event("START", 1, "s", "stream", inputs=["topic"], outputs=["lake"], job_facets=STREAMING),
        run_event("START", 1, "b", "batch", inputs=["lake"], outputs=["mart"]),
    )

    assert told.edges() == {("topic", "lake", "stream", GUESSED, True), ("lake", "mart", "batch", GUESSED, False)}


def test_the_end_of_a_stream_without_datasets_changes_no_edges(told: Told) -> None:
    """#2767."""
    for second, end in enumerate(["COMPLETE", "FAIL", "ABORT"], 2):
        told(
            run_event("RUNNING", 1, end, end, inputs=["topic"], outputs=["lake"], job_facets=STREAMING),
            run_event(end, second, end, end, job_facets=STREAMING),
        )

    assert told.edges() == {("topic", "lake", end, GUESSED, True) for end in ("COMPLETE", "FAIL", "ABORT")}


# Walks


def test_a_walk_goes_one_way_and_leaves_siblings_out(told: Told) -> None:
    """There every other reader of a shared table is in the graph too."""
    told(
        run_event("COMPLETE", 1, "r1", "load", inputs=["raw"], outputs=["orders"]),
        run_event("COMPLETE", 2, "r2", "report", inputs=["orders"], outputs=["report"]),
        run_event("COMPLETE", 3, "r3", "sibling", inputs=["orders", "rates"], outputs=["other"]),
    )

    assert upstream(told, "report") == [("orders", 1), ("raw", 2)]
    assert downstream(told, "raw") == [("orders", 1), ("other", 2), ("report", 2)]
    assert downstream(told, "rates") == [("other", 1)]


def test_a_walk_from_what_nobody_knows_is_empty(told: Told) -> None:
    told(run_event("COMPLETE", 1, inputs=["a"], outputs=["b"]))

    assert upstream(told, "nothing") == []


@pytest.mark.parametrize(
    "namespace", ["arn:aws:glue:eu-west-1:42", "gs://bucket", "a:b:c#d", "snowflake://org-acc", "мир 'x'"]
)
def test_a_namespace_may_hold_any_character(told: Told, namespace: str) -> None:
    """#2921: there colons break the ids of nodes, and odd characters become underscores."""
    told(run_event("COMPLETE", 1, inputs=[dataset("a:b", namespace)], outputs=["c"]))

    assert told.rows("SELECT namespace, name FROM upstream('db', 'c')") == [(namespace, "a:b")]


def test_a_run_read_what_was_there_when_it_read(told: Told) -> None:
    """There it is whatever was there when the event was handled, so a late event changes the past."""
    told(
        run_event("COMPLETE", 5, "w2", "load", outputs=["t"]),
        run_event("START", 3, "r", "report", inputs=["t"]),
        run_event("COMPLETE", 4, "r", "report", outputs=["out"]),
        run_event("COMPLETE", 1, "w1", "load", outputs=["t"]),
    )

    assert told.rows("SELECT run_id, depth FROM run_upstream('r')") == [("w1", 1)]


# Columns


def test_columns_are_read_without_a_schema_and_before_the_inputs(told: Told) -> None:
    """There both must have come first, or the lineage of the column is dropped."""
    told(run_event("START", 1, outputs=[dataset("b", columnLineage=made_from(x=["a.k"]))]), run_event("COMPLETE", 2))

    assert told.column_edges() == {("a", "k", "b", "x", None)}


def test_how_a_column_is_transformed_and_masked_is_kept(told: Told) -> None:
    """#3114: there both are always null."""
    how = {"type": "DIRECT", "subtype": "AGGREGATION", "description": "sum", "masking": True}
    source = {"namespace": "db", "name": "a", "field": "k", "transformations": [how]}
    told(run_event("COMPLETE", 1, outputs=[dataset("b", columnLineage=made_from(x=[source]))]))

    assert told.rows(
        "SELECT upstream_field, downstream_field, transformation_type, transformation_subtype, masking FROM column_edge"
    ) == [("k", "x", "DIRECT", "AGGREGATION", True)]


def test_a_column_edge_of_a_job_that_moved_on_does_not_hold(told: Told) -> None:
    """There it stays for ever."""
    told(
        run_event("COMPLETE", 1, "r1", outputs=[dataset("b", columnLineage=made_from(x=["a.old"]))]),
        run_event("COMPLETE", 2, "r2", outputs=[dataset("b", columnLineage=made_from(x=["a.new"]))]),
    )

    assert told.rows("SELECT field FROM column_upstream('db', 'b', 'x')") == [("new",)]
    early = "as_of := TIMESTAMPTZ '2026-01-01T00:00:01Z'"
    assert told.rows(f"SELECT field FROM column_upstream('db', 'b', 'x', {early})") == [("old",)]


# Datasets


def test_a_field_without_a_type_is_one_field(told: Told) -> None:
    """#3083: there it is another one with every event."""
    for second in (1, 2, 3):
        told(run_event("COMPLETE", second, f"r{second}", outputs=[dataset("b", schema={"fields": [{"name": "x"}]})]))

    assert told.rows("SELECT name, field, type FROM field") == [("b", "x", None)]
    assert told.rows("FROM schema_change") == []


def test_two_names_of_a_dataset_that_were_both_known_are_joined(told: Told) -> None:
    """#2738: never there, once both have been seen."""
    told(
        run_event("COMPLETE", 1, "r1", "load", inputs=["raw"], outputs=["path"]),
        run_event("COMPLETE", 2, "r2", "report", inputs=["table"], outputs=["out"]),
        dataset_event(3, "path", symlinks=symlinks(("db", "table", "TABLE"))),
    )

    assert upstream(told, "out") == [("table", 1), ("raw", 2)]
    assert downstream(told, "path") == [("out", 1)]


def test_a_rename_is_a_rename(told: Told) -> None:
    """There it is a state without consequences."""
    told(
        run_event("COMPLETE", 1, "r1", "load", outputs=["old"]),
        run_event(
            "COMPLETE", 2, "r2", "alter", outputs=[dataset("new", lifecycleStateChange=lifecycle("RENAME", "old"))]
        ),
    )

    assert told.rows("SELECT name, renamed_to_namespace, renamed_to_name FROM dataset") == [
        ("new", None, None),
        ("old", "db", "new"),
    ]


def test_a_drop_is_undone_by_the_next_write_and_not_by_a_read(told: Told) -> None:
    """There any later event that names the dataset, even one that reads it, brings it back."""
    told(
        run_event("COMPLETE", 1, "r1", "drop", outputs=[dataset("t", lifecycleStateChange=lifecycle("DROP"))]),
        run_event("FAIL", 2, "r2", "read", inputs=["t"]),
    )
    assert told.rows("SELECT dropped_at::VARCHAR FROM dataset") == [("2026-01-01 00:00:01+00",)]

    told(run_event("COMPLETE", 3, "r3", "load", outputs=["t"]))
    assert told.rows("SELECT dropped_at::VARCHAR FROM dataset") == [(None,)]


def test_the_checks_of_one_checker_do_not_replace_those_of_another(told: Told) -> None:
    """There the newest assertions of a dataset replace all before them, whoever made them and of whatever column."""

    def checked(second: int, job: str, column: str, success: bool) -> dict[str, Any]:
        said = assertions({"assertion": "not_null", "column": column, "success": success})
        tested = dataset("t", own={"inputFacets": {"dataQualityAssertions": said}})
        return run_event("COMPLETE", second, job, job, inputs=[tested])

    told(checked(1, "soda", "a", False), checked(2, "dbt", "b", True))

    assert told.rows("SELECT name, field, status, run_id FROM check_result") == [
        ("t", "a", "failed", "soda"),
        ("t", "b", "passed", "dbt"),
    ]


def test_statistics_of_a_run_are_its_own(told: Told) -> None:
    """#1746, #2320: there they cannot be had of the dataset."""
    for second, rows in ((1, 10), (2, 20)):
        statistics = {"outputFacets": {"outputStatistics": {"rowCount": rows, "size": rows * 8}}}
        told(run_event("COMPLETE", second, f"r{second}", outputs=[dataset("t", own=statistics)]))

    assert told.rows("SELECT run_id, name, row_count, bytes FROM run_dataset") == [
        ("r1", "t", 10, 80),
        ("r2", "t", 20, 160),
    ]


# Jobs and jobs


def test_a_childs_job_keeps_its_name_and_its_own_newest_run(told: Told) -> None:
    """There a task is renamed to dag.task, or has its name cut, and shows the run of its DAG."""
    told(
        run_event("START", 1, "dag", "dag"),
        run_event("COMPLETE", 2, "task", "task", run_facets={"parent": parent("dag", "dag")}),
        run_event("COMPLETE", 3, "dotted", "dag.dotted", run_facets={"parent": parent("dag", "dag")}),
    )

    assert told.rows("SELECT name, parent_name, last_run_id, last_run_state FROM job") == [
        ("dag", None, "dag", "RUNNING"),
        ("dag.dotted", "dag", "dotted", "COMPLETE"),
        ("task", "dag", "task", "COMPLETE"),
    ]


def test_one_job_after_another_is_known_without_a_dataset_between_them(told: Told) -> None:
    """#2484: there only a shared dataset connects jobs."""
    after = {
        "namespace": "jobs",
        "name": "b",
        "type": "JOB",
        "inputs": [{"namespace": "jobs", "name": "a", "type": "JOB"}],
    }
    told(job_event(1, "b", job_facets=explicit(after)))

    assert told.edges() == set()
    assert told.rows("SELECT name FROM job") == [("a",), ("b",)]


# Its own fixtures


def test_its_fixtures_are_read_to_the_last_one(told: Told) -> None:
    """Nanoseconds, no zone, no schemaURL, a spider in a job's name, a namespace of S3, a job and a dataset event."""
    told(*recorded("marquez_test/open_lineage"))

    assert told.rows("FROM dead_letter") == []
    assert told.rows("SELECT DISTINCT event_time::VARCHAR FROM event WHERE run_id LIKE '%19b36670'") == [
        ("2020-12-28 19:51:01.641+00",),
        ("2020-12-28 19:51:01.641499+00",),
    ]
    assert told.rows("SELECT name FROM job WHERE name LIKE '%buggy%'") == [("myjob.buggy_task🕷",)]
    assert told.rows("SELECT namespace FROM dataset WHERE namespace LIKE 's3%'") == [
        ("s3://blob-sink",),
        ("s3://blob-source",),
    ]


def test_inputs_and_outputs_of_its_two_part_run_come_together(told: Told) -> None:
    """Half of the files are in the RUNNING event, half in the COMPLETE a day later."""
    told(*recorded("marquez_test/open_lineage__listener"))
    folder = "file://localhost/"

    assert told.rows("SELECT direction, name FROM run_dataset") == [
        ("input", f"{folder}in_file1.txt"),
        ("input", f"{folder}in_file2.txt"),
        ("input", f"{folder}in_file3.txt"),
        ("output", f"{folder}out_file1.txt"),
        ("output", f"{folder}out_file2.txt"),
    ]
