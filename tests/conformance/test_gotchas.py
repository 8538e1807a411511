"""What real producers send that the specification does not prepare one for, one test or more for each.

| no. | gotcha | no. | gotcha |
|---|---|---|---|
| 1 | an event time without a zone | 22 | column lineage that does not say how |
| 2 | a time with a zone's name in brackets | 23 | INDIRECT columns flood the fields |
| 3 | fractions of 1 to 9 digits, every offset | 24 | a table made from itself |
| 4 | eventType absent or in lower case | 25 | false edges of inputs times outputs |
| 5 | schemaURL or producer absent | 26 | DAG and application runs without datasets |
| 6 | run, facets, inputs, outputs null | 27 | a parent that never sent an event, or as parentRun |
| 7 | a facet or its fields null, a type missing | 28 | symlinks either way round |
| 8 | unknown facets, keys with dots and dashes | 29 | an empty dataset name |
| 9 | a field named additionalProperties | 30 | partitions in the name |
| 10 | a run id that is no UUID | 31 | phantom datasets of tests |
| 11 | one run id under two jobs | 32 | a deleted facet |
| 12 | START and FAIL with different run ids | 33 | one check result four times |
| 13 | duplicates, several STARTs | 34 | a skipped test sent as a failure |
| 14 | out of order | 35 | a test run that succeeds while its test fails |
| 15 | events after the end | 36 | a check without a dataset |
| 16 | runs that never end | 37 | check results in three shapes |
| 17 | COMPLETE knows less than START | 38 | a test reads what it tests |
| 18 | START knew it wrong | 39 | a failed run with outputs |
| 19 | one dataset several times in one array | 40 | huge payloads |
| 20 | column lineage names what inputs do not | 41 | names that change with the producer's version |
| 21 | mixed case | 42 | a batch, no event at all, a tombstone |
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import (
    DIRECT,
    STREAMING,
    TEST,
    assertions,
    at,
    column,
    dataset,
    dataset_event,
    entry,
    explicit,
    made_from,
    parent,
    run_event,
    symlinks,
)
from headwater.batch import Batch
from headwater.sources import Record
from support import Told, recorded

DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"


def test_every_gotcha_has_a_test_that_is_named_after_it() -> None:
    said = re.findall(r"\| (\d+) \|", __doc__ or "")
    tested = re.findall(r"^def test_gotcha_(\d\d)_", Path(__file__).read_text(), re.MULTILINE)

    assert sorted(map(int, said)) == sorted({*map(int, tested)}) == list(range(1, 43))


def test_gotcha_01_a_time_without_a_zone_is_in_utc_and_kept_as_it_came(told: Told) -> None:
    """Great Expectations until August 2026, Airflow's FAIL, dbt."""
    told(run_event("COMPLETE", 0, eventTime="2026-08-01T06:07:08.123456"))

    assert told.rows("SELECT event_time::VARCHAR, body ->> 'eventTime' FROM event") == [
        ("2026-08-01 06:07:08.123456+00", "2026-08-01T06:07:08.123456")
    ]


@pytest.mark.parametrize("suffix", ["Z[Europe/London]", "+00:00[Etc/UTC]", "+01:00[Europe/Paris]"])
def test_gotcha_02_the_name_of_a_zone_in_brackets_is_passed_over(told: Told, suffix: str) -> None:
    hour = "12" if suffix.startswith("+01") else "11"
    told(run_event("COMPLETE", 0, eventTime=f"2026-08-01T{hour}:00:00.5{suffix}"))

    assert told.rows("SELECT event_time::VARCHAR FROM event") == [("2026-08-01 11:00:00.5+00",)]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-08-01T11:00:00Z", "2026-08-01 11:00:00+00"),
        ("2026-08-01T11:00:00.1Z", "2026-08-01 11:00:00.1+00"),
        ("2026-08-01T11:00:00.12Z", "2026-08-01 11:00:00.12+00"),
        ("2026-08-01T11:00:00.123Z", "2026-08-01 11:00:00.123+00"),
        ("2026-08-01T11:00:00.1234Z", "2026-08-01 11:00:00.1234+00"),
        ("2026-08-01T11:00:00.12345Z", "2026-08-01 11:00:00.12345+00"),
        ("2026-08-01T11:00:00.123456Z", "2026-08-01 11:00:00.123456+00"),
        ("2026-08-01T11:00:00.1234567Z", "2026-08-01 11:00:00.123456+00"),
        ("2026-08-01T11:00:00.12345678Z", "2026-08-01 11:00:00.123456+00"),
        ("2026-08-01T11:00:00.123456789Z", "2026-08-01 11:00:00.123456+00"),
        ("2026-08-01T21:00:00.001+10:00", "2026-08-01 11:00:00.001+00"),
        ("2026-08-01T12:00:00.001+0100", "2026-08-01 11:00:00.001+00"),
        ("2026-08-01T05:30:00-05:30", "2026-08-01 11:00:00+00"),
        ("2026-08-01t11:00:00z", "2026-08-01 11:00:00+00"),
        ("2026-08-01 11:00:00+00:00", "2026-08-01 11:00:00+00"),
        ("2026-08-01T11:00Z", "2026-08-01 11:00:00+00"),
    ],
)
def test_gotcha_03_a_time_is_one_instant_however_it_is_written(told: Told, text: str, instant: str) -> None:
    told(run_event("COMPLETE", 0, eventTime=text))

    assert told.rows("SELECT event_time::VARCHAR FROM event") == [(instant,)]


@pytest.mark.parametrize(
    ("event_type", "state"),
    [("complete", "COMPLETE"), ("Start", "RUNNING"), (None, None), ("FAILED", None), ("OTHER", "OTHER")],
)
def test_gotcha_04_an_event_without_a_usual_type_is_folded_all_the_same(
    told: Told, event_type: str | None, state: str | None
) -> None:
    told(run_event(event_type, 1, inputs=["a"], outputs=["b"]))

    assert told.states() == {"r": state}
    assert told.edges() == {("a", "b", "j", "inputs_outputs", state == "COMPLETE")}


def test_gotcha_05_the_kind_of_an_event_is_told_by_its_shape(told: Told) -> None:
    """Old Airflow sends neither; a wrong schemaURL does not turn a run into anything else."""
    bare = {"eventType": "COMPLETE", "eventTime": at(1), "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}}
    wrong = run_event(
        "COMPLETE", 2, "r2", schemaURL="https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"
    )
    told(bare, wrong, {"eventTime": at(3), "job": {"namespace": "n", "name": "j"}}, dataset_event(4, "d"))

    assert told.rows("SELECT kind, run_id, name FROM event ORDER BY event_time") == [
        ("run", "r", "j"),
        ("run", "r2", "j"),
        ("job", None, "j"),
        ("dataset", None, "d"),
    ]


def test_gotcha_06_null_is_absent(told: Told) -> None:
    """The Confluent connector writes null inputs and outputs, others a null run in a job event."""
    told(
        run_event("COMPLETE", 1, inputs=["a"], outputs=["b"]),
        run_event("COMPLETE", 2, "r2") | {"inputs": None, "outputs": None, "run": {"runId": "r2", "facets": None}},
        run_event("COMPLETE", 3, "r3", "k") | {"outputs": [{"namespace": "db", "name": "c", "facets": None}, None]},
        run_event(None, 4) | {"run": None, "dataset": None, "job": {"namespace": "jobs", "name": "l", "facets": None}},
        dataset_event(5, "d") | {"run": None, "job": None, "inputs": None},
    )

    assert told.rows("SELECT kind, run_id, name FROM event ORDER BY event_time") == [
        ("run", "r", "j"),
        ("run", "r2", "j"),
        ("run", "r3", "k"),
        ("job", None, "l"),
        ("dataset", None, "d"),
    ]
    assert told.edges() == {("a", "b", "j", "inputs_outputs", True)}
    assert told.rows("SELECT name FROM dataset") == [("a",), ("b",), ("c",), ("d",)]


def test_gotcha_07_null_inside_a_facet_is_absent_too(told: Told) -> None:
    """Trino: schema and column lineage without fields, fields without a type."""
    told(
        run_event(
            "COMPLETE",
            1,
            inputs=["a"],
            outputs=[
                dataset("b", schema={"fields": None}, columnLineage={"fields": None}, documentation=None),
                dataset("c", schema={"fields": [{"name": "x"}, {"name": "y", "type": None, "fields": None}, None]}),
                dataset("d", columnLineage={"fields": {"x": None, "y": {"inputFields": None}}, "dataset": None}),
            ],
        )
    )

    assert told.edges() == {
        ("a", "b", "j", "inputs_outputs", True),
        ("a", "c", "j", "inputs_outputs", True),
        ("a", "d", "j", "inputs_outputs", True),
    }
    assert told.rows("SELECT name, field, type FROM field") == [("c", "x", None), ("c", "y", None)]
    assert told.rows("SELECT name, key, problem FROM facet WHERE problem IS NOT NULL") == []


def test_gotcha_08_every_facet_is_kept_under_its_own_key(told: Told) -> None:
    vendor = {
        "spark.logicalPlan": {"plan": [{"class": "x"}]},
        "environment-properties": {"a": 1},
        "a b\"c'd$": {"e": 2},
    }
    own: dict[str, Any] = {"columnLineage": None, "x.y-z": {"f": [1]}}
    told(run_event("COMPLETE", 1, run_facets=vendor, outputs=[dataset("b", own={"facets": own})]))

    assert told.rows("SELECT entity, name, key, body::VARCHAR FROM facet") == [
        ("dataset", "b", "x.y-z", '{"f":[1]}'),
        ("run", "j", "a b\"c'd$", '{"e":2}'),
        ("run", "j", "environment-properties", '{"a":1}'),
        ("run", "j", "spark.logicalPlan", '{"plan":[{"class":"x"}]}'),
    ]


def test_gotcha_09_additional_properties_is_a_name_like_any_other(told: Told) -> None:
    facet = {"additionalProperties": {"b": 1}, "fields": [{"name": "additionalProperties", "type": "INT"}]}
    told(run_event("COMPLETE", 1, outputs=[dataset("b", schema=facet, additionalProperties={"c": 2})]))

    assert told.rows("SELECT field, type FROM field") == [("additionalProperties", "INT")]
    assert told.rows("SELECT key, body ->> '$.c' FROM facet WHERE key != 'schema'") == [("additionalProperties", "2")]


@pytest.mark.parametrize("run", ["run_id", "test003", " ", "ünï/코드", "0", "x" * 5000])
def test_gotcha_10_a_run_id_is_any_text(told: Told, run: str) -> None:
    told(run_event("START", 1, run), run_event("COMPLETE", 2, run, inputs=["a"], outputs=["b"]))

    assert told.states() == {run: "COMPLETE"}
    assert told.rows("SELECT run_id, direction, name FROM run_dataset") == [(run, "input", "a"), (run, "output", "b")]


def test_gotcha_11_jobs_that_share_a_run_id_do_not_share_their_datasets(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r", "one", inputs=["a"], outputs=["b"]),
        run_event("COMPLETE", 2, "r", "two", inputs=["c"], outputs=["d"]),
    )

    assert told.edges() == {("a", "b", "one", "inputs_outputs", True), ("c", "d", "two", "inputs_outputs", True)}
    assert told.rows("SELECT name, last_run_id, last_run_state FROM job") == [
        ("one", "r", "COMPLETE"),
        ("two", "r", "COMPLETE"),
    ]


def test_gotcha_11_a_run_that_changes_its_jobs_name_is_one_run(told: Told) -> None:
    """Spark names the job anew once it knows what it writes."""
    told(
        run_event("START", 1, "r", "app.execute_insert", inputs=["a"], outputs=["b"]),
        run_event("COMPLETE", 2, "r", "app.execute_insert.b", inputs=["a"], outputs=["b"]),
    )

    assert told.rows("SELECT run_id, job_name, state FROM run") == [("r", "app.execute_insert.b", "COMPLETE")]
    assert ("a", "b", "app.execute_insert.b", "inputs_outputs", True) in told.edges()


def test_gotcha_12_a_start_whose_end_has_another_run_id_stays_running(told: Told) -> None:
    """Airflow before June 2024; nothing connects the two, so nothing is made up."""
    told(run_event("START", 1, "r1", inputs=["a"], outputs=["b"]), run_event("FAIL", 2, "r2"))

    assert told.states() == {"r1": "RUNNING", "r2": "FAIL"}
    assert told.edges() == {("a", "b", "j", "inputs_outputs", False)}


def test_gotcha_13_an_event_counts_once_however_often_and_wherever_it_comes(told: Told) -> None:
    event = run_event("COMPLETE", 1, inputs=["a"], outputs=["b"])
    respelled = json.dumps(event, indent=1, sort_keys=True).encode()
    told(event, event, respelled)(event)

    assert told.rows("SELECT source_offset, outcome FROM delivery ORDER BY source_offset") == [
        (0, "applied"),
        (1, "duplicate"),
        (2, "duplicate"),
        (3, "duplicate"),
    ]
    assert told.rows("SELECT count(*) FROM event") == [(1,)]


def test_gotcha_13_a_run_that_starts_five_times_started_the_first_time(told: Told) -> None:
    told(
        *[run_event("START", second) for second in (4, 2, 5, 3, 6)],
        *[run_event("COMPLETE", second) for second in (8, 9)],
    )

    assert told.rows("SELECT run_id, state, started_at::VARCHAR, ended_at::VARCHAR FROM run") == [
        ("r", "COMPLETE", "2026-01-01 00:00:02+00", "2026-01-01 00:00:09+00")
    ]


def test_gotcha_14_the_order_of_arrival_says_nothing(told: Told) -> None:
    """Airflow writes the child run of a query before its task's START."""
    child = {"parent": parent("task", "dag.task")}
    told(
        run_event("COMPLETE", 4, "query", "dag.task.query.1", run_facets=child),
        run_event("START", 3, "query", "dag.task.query.1", run_facets=child),
        run_event("COMPLETE", 5, "task", "dag.task", outputs=["b"]),
        run_event("START", 2, "task", "dag.task", inputs=["a"]),
    )

    assert told.rows("SELECT run_id, state, parent_run_id, started_at::VARCHAR, ended_at::VARCHAR FROM run") == [
        ("query", "COMPLETE", "task", "2026-01-01 00:00:03+00", "2026-01-01 00:00:04+00"),
        ("task", "COMPLETE", None, "2026-01-01 00:00:02+00", "2026-01-01 00:00:05+00"),
    ]
    assert told.edges() == {("a", "b", "dag.task", "inputs_outputs", True)}


@pytest.mark.parametrize("late", ["START", "RUNNING", "OTHER", None])
@pytest.mark.parametrize("end", ["COMPLETE", "FAIL", "ABORT"])
def test_gotcha_15_nothing_reopens_a_run(told: Told, end: str, late: str | None) -> None:
    """Flink sends RUNNING after FAIL; OTHER may bring metadata after the end, which is kept."""
    told(run_event(end, 1), run_event(late, 5, outputs=["b"], run_facets={"late": {"x": 1}}))

    assert told.rows("SELECT run_id, state, ended_at::VARCHAR FROM run") == [("r", end, "2026-01-01 00:00:01+00")]
    assert told.rows("SELECT key FROM facet WHERE entity = 'run'") == [("late",)]
    assert told.rows("SELECT direction, name FROM run_dataset") == [("output", "b")]


def test_gotcha_16_a_stream_that_never_ends_has_current_lineage(told: Told) -> None:
    """Debezium sends nothing but RUNNING; a Flink checkpoint often names no dataset."""
    told(
        run_event("RUNNING", 1, "cdc", "cdc", outputs=["topic"], inputs=["table"], job_facets=STREAMING),
        run_event("RUNNING", 9, "cdc", "cdc", job_facets=STREAMING),
    )

    assert told.rows("SELECT run_id, state, ended_at FROM run") == [("cdc", "RUNNING", None)]
    assert told.edges() == {("table", "topic", "cdc", "inputs_outputs", True)}
    assert told.rows("SELECT name, last_written_at::VARCHAR FROM dataset") == [
        ("table", None),
        ("topic", "2026-01-01 00:00:09+00"),
    ]


def test_gotcha_17_a_run_has_what_any_of_its_events_had(told: Told) -> None:
    """28 of 155 recorded runs; Spark says how many rows it wrote in a RUNNING event only."""
    counted = dataset("b", own={"outputFacets": {"outputStatistics": {"rowCount": 7, "size": 70, "fileCount": 1}}})
    told(
        run_event("START", 1, inputs=["a1", "a2"]),
        run_event("RUNNING", 2, outputs=[counted]),
        run_event("COMPLETE", 3, inputs=["a1"], outputs=["b"]),
    )

    assert told.rows("SELECT direction, name, row_count, bytes, file_count FROM run_dataset") == [
        ("input", "a1", None, None, None),
        ("input", "a2", None, None, None),
        ("output", "b", 7, 70, 1),
    ]
    assert told.edges() == {("a1", "b", "j", "inputs_outputs", True), ("a2", "b", "j", "inputs_outputs", True)}


def test_gotcha_17_spark_says_the_rows_before_the_end(told: Told) -> None:
    told(*recorded("compat_spark_simple/events"))

    assert told.rows("SELECT direction, name, row_count, bytes, file_count FROM run_dataset") == [
        ("input", "default.t1", None, None, None),
        ("output", "default.t2", 2, 8, None),
    ]


def test_gotcha_18_what_only_the_start_said_can_be_told_from_the_rest(told: Told) -> None:
    """ALTER TABLE RENAME in Airflow: START reads the old name, COMPLETE writes the new one."""
    told(run_event("START", 1, inputs=["raw_orders"]), run_event("COMPLETE", 3, outputs=["raw_orders_old"]))

    assert told.rows("SELECT direction, name, first_seen_at::VARCHAR, last_seen_at::VARCHAR FROM run_dataset") == [
        ("input", "raw_orders", "2026-01-01 00:00:01+00", "2026-01-01 00:00:01+00"),
        ("output", "raw_orders_old", "2026-01-01 00:00:03+00", "2026-01-01 00:00:03+00"),
    ]
    assert told.edges() == {("raw_orders", "raw_orders_old", "j", "inputs_outputs", True)}


def test_gotcha_19_a_dataset_that_stands_in_an_array_three_times_is_one_with_all_its_facets(told: Told) -> None:
    told(
        run_event(
            "COMPLETE",
            1,
            inputs=[
                dataset("a", documentation={"description": "orders"}),
                dataset("a", version={"datasetVersion": "3"}),
                dataset("a", own={"inputFacets": {"inputStatistics": {"rowCount": 5}}}),
            ],
            outputs=["b", "b"],
        )
    )

    assert told.rows("SELECT direction, name, row_count, dataset_version FROM run_dataset") == [
        ("input", "a", 5, "3"),
        ("output", "b", None, None),
    ]
    assert told.rows("SELECT name, description FROM dataset") == [("a", "orders"), ("b", None)]
    assert told.edges() == {("a", "b", "j", "inputs_outputs", True)}


def test_gotcha_20_a_dataset_that_only_column_lineage_names_is_upstream(told: Told) -> None:
    """Every dbt seed; 48 of 205 recorded references."""
    told(run_event("COMPLETE", 1, inputs=[], outputs=[dataset("stg", columnLineage=made_from(id=["seed.id"]))]))

    assert told.edges() == {("seed", "stg", "j", "column", True)}
    assert told.rows("SELECT name FROM dataset") == [("seed",), ("stg",)]
    assert told.rows("SELECT name, depth FROM upstream('db', 'stg')") == [("seed", 1)]


def test_gotcha_20_dbt_names_its_seeds_in_column_lineage_only(told: Told) -> None:
    told(*recorded("gen_dbt_1.54/run_artifact_catalog"))

    assert told.edges() == {
        ("shop.main.raw_customers", "shop.main.customer_totals", "shop.main.shop.customer_totals", "column", True),
        ("shop.main.raw_orders", "shop.main.stg_orders", "shop.main.shop.stg_orders", "column", True),
        ("shop.main.stg_orders", "shop.main.customer_totals", "shop.main.shop.customer_totals", "column", True),
    }


def test_gotcha_21_names_that_differ_in_case_are_two_datasets_unless_somebody_says_otherwise(told: Told) -> None:
    """Redshift: DataHub.Metadata_Aspect_V2 in inputs, lower case in column lineage. The policy is tested elsewhere."""
    lower = made_from(id=[column("dev.metadata.id")])
    told(run_event("COMPLETE", 1, inputs=["Dev.Metadata"], outputs=[dataset("out", columnLineage=lower)]))

    assert told.rows("SELECT name FROM dataset") == [("Dev.Metadata",), ("dev.metadata",), ("out",)]


@pytest.mark.parametrize("said", [{"transformations": []}, {"transformations": None}, {}])
def test_gotcha_22_how_a_column_gets_there_is_unknown_when_nobody_says(told: Told, said: dict[str, Any]) -> None:
    """Every dbt and Airflow reference: transformations [] or none at all. It is not DIRECT."""
    told(run_event("COMPLETE", 1, outputs=[dataset("b", columnLineage=made_from(x=[column("a.x") | said]))]))

    assert told.column_edges() == {("a", "x", "b", "x", None)}


def test_gotcha_22_an_empty_text_says_nothing_either(told: Told) -> None:
    """Airflow sends transformationType "" beside the empty list."""
    facet = made_from(x=[column("a.x", {"type": "", "subtype": ""})])
    facet["fields"]["x"] |= {"transformationType": "", "transformationDescription": ""}
    told(run_event("COMPLETE", 1, outputs=[dataset("b", columnLineage=facet)]))

    assert told.column_edges() == {("a", "x", "b", "x", None)}


def test_gotcha_22_the_old_word_for_it_is_read(told: Told) -> None:
    """1-0-1 says IDENTITY or MASKED beside the input fields."""
    facet = {
        "fields": {
            "x": {
                "inputFields": [column("a.x")],
                "transformationType": "IDENTITY",
                "transformationDescription": "same",
            },
            "y": {"inputFields": [column("a.y")], "transformationType": "MASKED"},
        }
    }
    told(run_event("COMPLETE", 1, outputs=[dataset("b", columnLineage=facet)]))

    assert told.rows(
        "SELECT upstream_field, transformation_type, transformation_subtype, masking FROM column_edge"
    ) == [
        ("x", "DIRECT", "IDENTITY", None),
        ("y", "DIRECT", None, True),
    ]


def test_gotcha_23_what_filters_a_whole_dataset_is_one_edge_and_can_be_left_out(told: Told) -> None:
    """Spark copies such columns into every field unless it is told not to."""
    wide = column("a.day", {"type": "INDIRECT", "subtype": "FILTER"})
    told(
        run_event(
            "COMPLETE",
            1,
            outputs=[dataset("b", columnLineage=made_from(wide, x=[column("a.x", DIRECT), wide], y=["a.y"]))],
        )
    )

    assert told.column_edges() == {
        ("a", "day", "b", None, "INDIRECT"),
        ("a", "day", "b", "x", "INDIRECT"),
        ("a", "x", "b", "x", "DIRECT"),
        ("a", "y", "b", "y", None),
    }
    walk = "SELECT field FROM column_upstream('db', 'b'"
    assert told.rows(f"{walk}, 'x', indirect := false)") == [("x",)]
    assert told.rows(f"{walk}, 'y', indirect := false)") == [("y",)]
    assert told.rows(f"{walk}, 'y')") == [("day",), ("y",)]


def test_gotcha_24_a_table_may_be_made_from_itself(told: Told) -> None:
    """UPDATE and MERGE."""
    told(
        run_event("COMPLETE", 1, "r1", "merge", inputs=["t", "s"], outputs=["t"]),
        run_event("COMPLETE", 2, "r2", "copy", inputs=["t"], outputs=["u"]),
    )

    assert told.edges() == {
        ("t", "t", "merge", "inputs_outputs", True),
        ("s", "t", "merge", "inputs_outputs", True),
        ("t", "u", "copy", "inputs_outputs", True),
    }
    assert told.rows("SELECT name, depth FROM upstream('db', 't')") == [("s", 1)]
    assert told.rows("SELECT name, depth FROM downstream('db', 't')") == [("u", 1)]


def test_gotcha_24_an_update_in_airflow_reads_what_it_writes(told: Told) -> None:
    told(*recorded("gen_airflow/shop_dq_postgres"))

    assert (
        "shop.public.order_totals",
        "shop.public.order_totals",
        "shop_dq.self_update",
        "column",
        True,
    ) in told.edges()


def test_gotcha_25_every_edge_says_what_it_rests_on(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "r1", "guess", inputs=["a", "b"], outputs=["c", "d"]),
        run_event(
            "COMPLETE",
            2,
            "r2",
            "columns",
            inputs=["a", "b"],
            outputs=[dataset("e", columnLineage=made_from(x=["a.x"]))],
        ),
        run_event("COMPLETE", 3, "r3", "said", inputs=["a", "b"], outputs=["f"], job_facets=explicit(entry("f", "b"))),
    )

    assert told.edges() == {
        ("a", "c", "guess", "inputs_outputs", True),
        ("a", "d", "guess", "inputs_outputs", True),
        ("b", "c", "guess", "inputs_outputs", True),
        ("b", "d", "guess", "inputs_outputs", True),
        ("a", "e", "columns", "column", True),
        ("b", "e", "columns", "inputs_outputs", True),
        ("b", "f", "said", "explicit", True),
    }


def test_gotcha_26_a_dag_without_datasets_wipes_nothing_and_leads_to_its_tasks(told: Told) -> None:
    dag = {"parent": parent("dag", "dag")}
    told(
        run_event("START", 1, "dag", "dag"),
        run_event("COMPLETE", 3, "task", "dag.task", inputs=["a"], outputs=["b"], run_facets=dag),
        run_event("COMPLETE", 4, "dag", "dag"),
    )

    assert told.edges() == {("a", "b", "dag.task", "inputs_outputs", True)}
    assert told.rows("SELECT run_id, parent_run_id, root_run_id FROM run") == [
        ("dag", None, None),
        ("task", "dag", "dag"),
    ]
    assert told.rows("SELECT name, parent_name FROM job") == [("dag", None), ("dag.task", "dag")]


@pytest.mark.parametrize("key", ["parent", "parentRun"])
def test_gotcha_27_a_parent_that_never_sent_an_event_is_a_run_all_the_same(told: Told, key: str) -> None:
    """``airflow dags test`` sends no event of the DAG; parentRun is the key before Airflow's provider 1.0."""
    told(run_event("COMPLETE", 3, "task", "dag.task", run_facets={key: parent("dag", "dag")}))

    assert told.rows("SELECT run_id, job_namespace, job_name, state, parent_run_id, root_run_id FROM run") == [
        ("dag", "jobs", "dag", None, None, None),
        ("task", "jobs", "dag.task", "COMPLETE", "dag", "dag"),
    ]
    assert told.rows("SELECT name, parent_name FROM job") == [("dag", None), ("dag.task", "dag")]


def test_gotcha_28_spark_calls_a_file_by_its_table(told: Told) -> None:
    """Spark names the file and links to the table, Hive does the reverse: the table's name is canonical."""
    table, file = ("hive://metastore:9083", "shop.orders"), ("hdfs://nn:8020", "/warehouse/orders")
    told(
        run_event(
            "COMPLETE", 1, "r1", "hive", outputs=[dataset(table[1], table[0], symlinks=symlinks((*file, "LOCATION")))]
        ),
        run_event(
            "COMPLETE",
            2,
            "r2",
            "spark",
            inputs=[dataset(file[1], file[0], symlinks=symlinks((*table, "TABLE")))],
            outputs=["b"],
        ),
    )

    assert told.rows("SELECT namespace, name FROM dataset") == [("db", "b"), table]
    assert told.edges() == {("shop.orders", "b", "spark", "inputs_outputs", True)}
    assert told.rows("FROM dataset_alias") == [(*table, *file, "LOCATION")]


def test_gotcha_29_an_empty_name_is_a_name(told: Told) -> None:
    """A bucket as a whole; it crashed the reference backend's user interface."""
    told(run_event("COMPLETE", 1, inputs=[dataset("", "gs://bucket")], outputs=["b"]))

    assert told.edges() == {("", "b", "j", "inputs_outputs", True)}
    assert told.rows("SELECT namespace, name, depth FROM upstream('db', 'b')") == [("gs://bucket", "", 1)]


def test_gotcha_30_partitions_in_a_name_are_kept_unless_somebody_says_otherwise(told: Told) -> None:
    """See test_dataset_identity for the setting."""
    told(run_event("COMPLETE", 1, inputs=["/lake/orders/day=2026-01-01", "/lake/orders/day=2026-01-02"], outputs=["b"]))

    assert told.rows("SELECT name FROM dataset") == [
        ("/lake/orders/day=2026-01-01",),
        ("/lake/orders/day=2026-01-02",),
        ("b",),
    ]


def test_gotcha_31_the_output_of_a_test_is_no_data(told: Told) -> None:
    """dbt's structured logs give a test a table of failures that was never made."""
    told(
        run_event("COMPLETE", 1, "w", "load", inputs=["raw"], outputs=["orders"]),
        run_event(
            "COMPLETE", 2, "t", "test", inputs=["orders"], outputs=["dbt_test__audit.unique_id"], job_facets=TEST
        ),
    )

    assert told.edges() == {("raw", "orders", "load", "inputs_outputs", True)}
    assert told.rows("SELECT name, last_written_at::VARCHAR FROM dataset WHERE name != 'raw'") == [
        ("orders", "2026-01-01 00:00:01+00")
    ]
    assert told.rows("FROM downstream('db', 'orders')") == []


def test_gotcha_32_a_deleted_facet_is_gone_and_brings_nothing_back(told: Told) -> None:
    told(
        dataset_event(2, "a", documentation={"_deleted": True}),
        dataset_event(1, "a", documentation={"description": "old"}, ownership={"owners": [{"name": "ann"}]}),
    )

    assert told.rows("SELECT name, description, owners FROM dataset") == [("a", None, ["ann"])]
    assert told.rows("SELECT key FROM facet") == [("ownership",)]

    told(dataset_event(3, "a", documentation={"description": "new"}))

    assert told.rows("SELECT name, description FROM dataset") == [("a", "new")]


def test_gotcha_32_the_facets_of_a_run_cannot_be_deleted(told: Told) -> None:
    told(
        run_event("START", 1, run_facets={"errorMessage": {"message": "m"}}),
        run_event("FAIL", 2, run_facets={"errorMessage": {"message": "n", "_deleted": True}}),
    )

    assert told.rows("SELECT run_id, error_message FROM run") == [("r", "n")]
    assert told.rows("SELECT key FROM facet WHERE entity = 'run'") == [("errorMessage",)]


def test_gotcha_33_one_check_result_that_is_sent_four_times_is_one(told: Told) -> None:
    """dbt from its artifacts: START and the end, facets and inputFacets."""
    said = assertions({"assertion": "unique", "column": "id", "success": False, "actual": "2"})
    checked = dataset("a", dataQualityAssertions=said, own={"inputFacets": {"dataQualityAssertions": said}})
    told(
        run_event("START", 1, inputs=[checked], job_facets=TEST, producer=DBT),
        run_event("FAIL", 2, inputs=[checked], job_facets=TEST, producer=DBT),
    )

    assert told.rows(
        "SELECT check_name, name, field, status, severity, actual, executed_at::VARCHAR FROM check_result"
    ) == [("unique", "a", "id", "failed", "error", "2", "2026-01-01 00:00:02+00")]


@pytest.mark.parametrize(("end", "actual"), [("FAIL", {}), ("ABORT", {"actual": "0"})])
def test_gotcha_34_a_test_that_was_skipped_did_not_fail(told: Told, end: str, actual: dict[str, str]) -> None:
    """dbt: success false and no actual value from artifacts; an ABORT with actual 0 from structured logs."""
    said = assertions({"assertion": "unique", "name": "unique", "column": "id", "success": False, **actual})
    told(run_event(end, 1, inputs=[dataset("a", dataQualityAssertions=said)], job_facets=TEST, producer=DBT))

    assert told.rows("SELECT check_name, status, severity FROM check_result") == [("unique", "skipped", None)]


def test_gotcha_35_what_a_check_found_is_in_its_facet_not_in_the_end_of_its_run(told: Told) -> None:
    """A dbt warning and a failed Great Expectations validation are runs that COMPLETE."""
    warned = {"assertion": "accepted_values", "column": "s", "success": False, "severity": "warn", "actual": "1"}
    passed = {"assertion": "unique", "column": "id", "success": True, "actual": "0"}
    told(
        run_event(
            "COMPLETE", 1, "r1", inputs=[dataset("a", dataQualityAssertions=assertions(warned))], job_facets=TEST
        ),
        run_event("FAIL", 2, "r2", inputs=[dataset("b", dataQualityAssertions=assertions(passed))], job_facets=TEST),
    )

    assert told.rows("SELECT name, check_name, status, severity FROM check_result") == [
        ("a", "accepted_values", "failed", "warning"),
        ("b", "unique", "passed", "valid"),
    ]


def test_gotcha_36_a_check_without_a_dataset_is_a_check(told: Told) -> None:
    """A singular dbt test without refs says its outcome in the test facet of its run only."""
    tests = [{"name": "no_refs", "status": "fail", "severity": "error", "type": "singular", "actual": "3"}]
    told(
        run_event(
            "FAIL", 1, job="test.shop.no_refs", run_facets={"test": {"tests": tests}}, job_facets=TEST, producer=DBT
        )
    )

    assert told.rows(
        "SELECT check_name, namespace, name, field, status, severity, actual, run_id FROM check_result"
    ) == [("no_refs", None, None, None, "failed", "error", "3", "r")]


def test_gotcha_36_dbt_tests_without_refs_are_kept(told: Told) -> None:
    told(*recorded("gen_dbt_1.54/test_artifact"))

    assert told.rows("SELECT namespace, name, status, run_id FROM check_result WHERE check_name LIKE '%no_refs'") == [
        (None, None, "passed", "01a201dc-c854-7fc5-9683-83391978b10e")
    ]


def test_gotcha_37_the_shape_of_great_expectations_is_read(told: Told) -> None:
    told(*recorded("gen_great_expectations/events"))

    assert told.rows("SELECT check_name, namespace, name, field, status, tool FROM check_result") == [
        ("expect_column_min_to_be_between", "memory://pandas", "dataframe", "amount", "passed", "great_expectations"),
        ("expect_column_values_to_be_unique", "memory://pandas", "dataframe", "id", "failed", "great_expectations"),
        (
            "expect_column_values_to_not_be_null",
            "memory://pandas",
            "dataframe",
            "amount",
            "failed",
            "great_expectations",
        ),
        ("expect_table_row_count_to_be_between", "memory://pandas", "dataframe", None, "passed", "great_expectations"),
    ]


def test_gotcha_37_the_shape_of_airflow_names_the_table_inside_the_check(told: Told) -> None:
    """Airflow's SQL checks, when no dataset of the task matches the table that they name."""
    tests = [
        {
            "name": "id_null_check",
            "status": "fail",
            "type": "null_check",
            "params": {"tested_table": "orders", "tested_column": "id"},
        },
        {"name": "rows", "status": "pass", "type": "row_count", "params": {"tested_table": "orders"}},
        {"name": "later", "status": "skip", "type": "x", "params": {"tested_table": "orders"}},
    ]
    told(
        run_event("COMPLETE", 1, "w", "load", outputs=["shop.public.orders"]),
        run_event("FAIL", 2, "c", "check", run_facets={"test": {"tests": tests}}, inputs=["shop.public.orders"]),
    )

    assert told.rows("SELECT check_name, name, field, status FROM check_result") == [
        ("id_null_check", "shop.public.orders", "id", "failed"),
        ("later", "shop.public.orders", None, "skipped"),
        ("rows", "shop.public.orders", None, "passed"),
    ]


def test_gotcha_38_a_test_is_nobodys_downstream(told: Told) -> None:
    said = assertions({"assertion": "unique", "column": "id", "success": True})
    told(
        run_event("COMPLETE", 1, "w", "load", inputs=["raw"], outputs=["orders"]),
        run_event(
            "COMPLETE",
            2,
            "t",
            "test",
            inputs=[dataset("orders", dataQualityAssertions=said)],
            outputs=["x"],
            job_facets=TEST,
        ),
    )

    assert told.edges() == {("raw", "orders", "load", "inputs_outputs", True)}
    assert told.rows("SELECT name FROM downstream('db', 'raw')") == [("orders",)]
    assert told.rows("SELECT check_name, name, status FROM check_result") == [("unique", "orders", "passed")]


@pytest.mark.parametrize("end", ["FAIL", "ABORT"])
def test_gotcha_39_what_a_failed_run_wrote_is_kept_and_is_no_write(told: Told, end: str) -> None:
    told(run_event(end, 1, inputs=["a"], outputs=["b"], run_facets={"errorMessage": {"message": "boom"}}))

    assert told.edges() == {("a", "b", "j", "inputs_outputs", False)}
    assert told.rows("SELECT run_id, state, error_message FROM run") == [("r", end, "boom")]
    assert told.rows("SELECT direction, name FROM run_dataset") == [("input", "a"), ("output", "b")]
    assert told.rows("SELECT name, last_written_at FROM dataset") == [("a", None), ("b", None)]
    assert told.rows("FROM upstream('db', 'b')") == []


def test_gotcha_40_a_payload_of_megabytes_is_an_event_like_any_other(told: Told) -> None:
    query, plan = "SELECT '" + "é" * 1_000_000 + "'", [{"class": "x", "children": list(range(200_000))}]
    told(
        run_event(
            "COMPLETE",
            1,
            inputs=["a"],
            outputs=["b"],
            job_facets={"sql": {"query": query}},
            run_facets={"spark.logicalPlan": {"plan": plan}},
        )
    )

    assert told.edges() == {("a", "b", "j", "inputs_outputs", True)}
    assert told.rows("SELECT length(body ->> '$.query') FROM facet WHERE key = 'sql'") == [(len(query),)]
    assert told.rows(
        "SELECT json_array_length(body, '$.plan[0].children') FROM facet WHERE key = 'spark.logicalPlan'"
    ) == [(200_000,)]


def test_gotcha_41_one_model_under_three_names_is_three_jobs_that_write_one_table(told: Told) -> None:
    """dbt names a job by its command; which version of which tool said so is kept with the run."""
    names = ["shop.main.shop.orders", "shop.main.shop.orders.build.run", "model.shop.orders"]
    for second, name in enumerate(names):
        engine = {"processing_engine": {"version": f"1.{second}", "name": "dbt", "openlineageAdapterVersion": "1.54.0"}}
        told(
            run_event(
                "COMPLETE",
                second,
                f"r{second}",
                name,
                inputs=["raw"],
                outputs=["orders"],
                run_facets=engine,
                producer=DBT,
            )
        )

    assert told.edges() == {("raw", "orders", name, "inputs_outputs", True) for name in names}
    assert told.rows("SELECT run_id, producer FROM run") == [("r0", DBT), ("r1", DBT), ("r2", DBT)]
    assert told.rows("SELECT run_id, body ->> '$.version' FROM facet WHERE key = 'processing_engine'") == [
        ("r0", "1.0"),
        ("r1", "1.1"),
        ("r2", "1.2"),
    ]


def test_gotcha_42_each_element_of_a_batch_is_an_event(told: Told) -> None:
    told(json.dumps([run_event("START", 1), 7, run_event("COMPLETE", 2, inputs=["a"], outputs=["b"])]).encode())

    assert told.rows("SELECT element, outcome FROM delivery ORDER BY element") == [
        (0, "applied"),
        (1, "dead_letter"),
        (2, "applied"),
    ]
    assert told.edges() == {("a", "b", "j", "inputs_outputs", True)}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "invalid_json"),
        (b"hello", "invalid_json"),
        (b"\xff\xfe", "invalid_utf8"),
        (b"[]", "not_an_event"),
        (b"null", "not_an_event"),
        (b'"text"', "not_an_event"),
        (b"{}", "not_an_event"),
        (b'{"a": NaN}', "invalid_json"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "n", "name": "j"}', "invalid_json"),
        (b'{"eventTime": "yesterday", "job": {"namespace": "n", "name": "j"}}', "no_event_time"),
        (b'{"job": {"namespace": "n", "name": "j"}}', "no_event_time"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "run": {}, "job": {"namespace": "n", "name": "j"}}', "no_run_id"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "r"}}', "no_job"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "r"}, "job": {"name": "j"}}', "no_job"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "dataset": {"name": "d"}}', "not_an_event"),
    ],
)
def test_gotcha_42_what_is_no_event_is_a_dead_letter_with_its_offset_reason_and_bytes(
    told: Told, value: bytes, reason: str
) -> None:
    told(run_event("COMPLETE", 1), value)

    assert told.rows("SELECT source_offset, reason, value FROM dead_letter") == [(1, reason, value)]
    assert told.rows("SELECT count(*) FROM event") == [(1,)]


def test_gotcha_42_a_tombstone_is_counted_and_passed_over(told: Told) -> None:
    """A compacted topic deletes a key by a record without a value."""
    batch = Batch()
    batch.receive(Record("t", 0, 41, None), 0.0)
    told.store.write(batch.tables(0, {}))

    assert told.rows("SELECT next_offset, tombstones FROM kafka_offset") == [(42, 1)]
    assert told.rows("FROM delivery") == []
