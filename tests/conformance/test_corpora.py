"""How much each file of recorded events holds, counted apart from Headwater and checked by hand where it surprises.

The laws of the fold for these files are in ``tests/sql/test_laws.py``.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from support import SHARED, Told, corpora, recorded


class Found(NamedTuple):
    """What the views hold of a file.

    Attributes:
        events: and, after it, records that came again and records that are no events.
        runs: those with an event, and those that are only named, as a parent or root.
        jobs: likewise.
        datasets: by canonical name, and names beside those.
        edges: by evidence.
        current_edges: how many of them hold.
        column_edges: all of them, and how many hold.
    """

    events: tuple[int, int, int]
    runs: tuple[int, int]
    jobs: tuple[int, int]
    datasets: tuple[int, int]
    edges: dict[str, int]
    current_edges: int
    column_edges: tuple[int, int]


EXPECTED = {
    # 4 edges of the BQ tasks have column lineage; of gcs_hook 4 copy one file each and compose_task reads 4.
    # upload_for_deletion, delete and download_to_data have one side only: no edge.
    "compat_airflow/events": Found(
        events=(32, 0, 0),
        runs=(16, 0),
        jobs=(16, 0),
        datasets=(13, 0),
        edges={"column": 4, "inputs_outputs": 8},
        current_edges=12,
        column_edges=(16, 16),
    ),
    "compat_simple/events": Found(
        events=(1, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(2, 0),
        edges={"inputs_outputs": 1},
        current_edges=1,
        column_edges=(0, 0),
    ),
    # The application, parent of the one action, sent nothing here. t1 and t2 are files that link to tables.
    "compat_spark_simple/events": Found(
        events=(4, 0, 0),
        runs=(1, 1),
        jobs=(1, 1),
        datasets=(2, 2),
        edges={"column": 1},
        current_edges=1,
        column_edges=(2, 2),
    ),
    # Two runs of drop_table are one job. t1 and t2 have two table names each, one in Hive and one in the warehouse's
    # path; hdfs:// is smaller than hive://.
    "compat_spark_simple_complete/events": Found(
        events=(16, 0, 0),
        runs=(7, 0),
        jobs=(6, 0),
        datasets=(2, 4),
        edges={"column": 1},
        current_edges=1,
        column_edges=(2, 2),
    ),
    # Airflow on SQLite: no dataset at all. 2 runs of the DAG, 6 of tasks, 34 of queries inside tasks.
    "gen_airflow/shop_dq": Found(
        events=(82, 0, 0),
        runs=(42, 0),
        jobs=(26, 0),
        datasets=(0, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    # aggregate and self_update (of a table from itself) have column lineage; the START of rename reads the old name,
    # its COMPLETE writes the new one.
    "gen_airflow/shop_dq_postgres": Found(
        events=(15, 0, 0),
        runs=(8, 0),
        jobs=(8, 0),
        datasets=(3, 0),
        edges={"column": 2, "inputs_outputs": 1},
        current_edges=3,
        column_edges=(4, 4),
    ),
    # raw_orders is named in column lineage only. The tests read customer_totals and stg_orders: no edges.
    "gen_dbt_1.54/build_artifact": Found(
        events=(12, 0, 0),
        runs=(6, 0),
        jobs=(6, 0),
        datasets=(3, 0),
        edges={"column": 1},
        current_edges=1,
        column_edges=(4, 4),
    ),
    # 4 tables; those of failures (dbt_test__audit) were never made. customer_totals was skipped (ABORT).
    "gen_dbt_1.54/build_structured": Found(
        events=(70, 0, 0),
        runs=(35, 0),
        jobs=(35, 0),
        datasets=(4, 0),
        edges={"inputs_outputs": 3},
        current_edges=1,
        column_edges=(0, 0),
    ),
    "gen_dbt_1.54/docs_generate": Found(
        events=(2, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(0, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    # Both seeds are named in column lineage only.
    "gen_dbt_1.54/run_artifact_catalog": Found(
        events=(6, 0, 0),
        runs=(3, 0),
        jobs=(3, 0),
        datasets=(4, 0),
        edges={"column": 3},
        current_edges=3,
        column_edges=(8, 8),
    ),
    "gen_dbt_1.54/test_artifact": Found(
        events=(10, 0, 0),
        runs=(5, 0),
        jobs=(5, 0),
        datasets=(2, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    "gen_great_expectations/events": Found(
        events=(1, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(1, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    # One job event, one dataset event, 11 run events. The job event declares input-1 -> output-1 at the very moment at
    # which a run of that job completes with input-1 and input-2: what ran goes before what was declared.
    # The one edge that does not hold is that of a run which only started.
    "marquez_test/open_lineage": Found(
        events=(13, 0, 0),
        runs=(6, 1),
        jobs=(5, 0),
        datasets=(9, 0),
        edges={"inputs_outputs": 9},
        current_edges=8,
        column_edges=(0, 0),
    ),
    # One run: 2 inputs and 1 output while RUNNING, another of each a day later: 3 x 2.
    "marquez_test/open_lineage__listener": Found(
        events=(2, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(5, 0),
        edges={"inputs_outputs": 6},
        current_edges=6,
        column_edges=(0, 0),
    ),
    "ol_docs_examples/proposals__148": Found(
        events=(1, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(2, 0),
        edges={"column": 1},
        current_edges=1,
        column_edges=(2, 2),
    ),
    # The proposal's code blocks leave eventTime out, but for one dataset event, which stands there twice.
    "ol_docs_examples/proposals__explicit_lineage_facet": Found(
        events=(1, 1, 14),
        runs=(0, 0),
        jobs=(0, 0),
        datasets=(3, 0),
        edges={"explicit": 2},
        current_edges=2,
        column_edges=(0, 0),
    ),
    "ol_docs_examples/website__blog__openlineage-snowflake": Found(
        events=(1, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(1, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    # A template: its eventTime is {{ is_datetime(result) }}.
    "ol_docs_examples/website__docs__integrations__openlineage_compatibility__compatibility_test": Found(
        events=(0, 0, 1),
        runs=(0, 0),
        jobs=(0, 0),
        datasets=(0, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    "ol_docs_examples/website__docs__integrations__spark__quickstart": Found(
        events=(1, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(1, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    # Three jobs share the run id "..." and keep their edges apart. Two of them name a job where column lineage needs a
    # dataset: two more datasets, and what they really read is a guess.
    "ol_docs_examples/website__docs__spec": Found(
        events=(7, 0, 0),
        runs=(3, 0),
        jobs=(5, 0),
        datasets=(8, 0),
        edges={"column": 4, "inputs_outputs": 3},
        current_edges=7,
        column_edges=(7, 7),
    ),
    # Two of the three runs name parents that sent nothing; one run only started.
    "ol_docs_examples/website__docs__spec__facets": Found(
        events=(3, 0, 0),
        runs=(3, 2),
        jobs=(3, 2),
        datasets=(4, 0),
        edges={"inputs_outputs": 2},
        current_edges=1,
        column_edges=(0, 0),
    ),
    "ol_fluentd/docker": Found(
        events=(2, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(2, 0),
        edges={"inputs_outputs": 1},
        current_edges=1,
        column_edges=(0, 0),
    ),
    # Invalid on purpose: one has a run without an id. Another has a parent without a run id, which is no parent.
    # A run is named as a parent under the job of its child: a run more, no job more.
    "ol_fluentd/events": Found(
        events=(7, 0, 1),
        runs=(2, 1),
        jobs=(2, 0),
        datasets=(4, 0),
        edges={"inputs_outputs": 3},
        current_edges=3,
        column_edges=(0, 0),
    ),
    "ol_python_client/events": Found(
        events=(4, 0, 0),
        runs=(2, 1),
        jobs=(2, 0),
        datasets=(4, 0),
        edges={"inputs_outputs": 2},
        current_edges=2,
        column_edges=(0, 0),
    ),
    # A run event with a dataset in it, against the rules: it is a run event.
    "ol_spec_tests/events": Found(
        events=(1, 0, 0),
        runs=(1, 0),
        jobs=(1, 0),
        datasets=(0, 0),
        edges={},
        current_edges=0,
        column_edges=(0, 0),
    ),
    # 4 CSV files and 8 tables, each a file with a table's name. orders is in no column of customers_cleaned: a guess.
    # The last job only started, and its own child (append_data_exec_v1) has inputs and no outputs.
    "spark_delta_sandbox/lineage": Found(
        events=(46, 0, 0),
        runs=(29, 0),
        jobs=(22, 0),
        datasets=(12, 8),
        edges={"column": 10, "inputs_outputs": 1},
        current_edges=11,
        column_edges=(32, 32),
    ),
}


def test_every_recorded_file_is_counted() -> None:
    if not corpora():
        pytest.skip("no recorded events lie beside the project")

    assert {str(path.relative_to(SHARED / "events").with_suffix("")) for path in corpora()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_file_holds_this_much(told: Told, name: str) -> None:
    told(*recorded(name))

    def count(sql: str) -> int:
        return int(told.rows(f"SELECT count(*) FROM {sql}")[0][0])

    assert (
        Found(
            events=(
                count("event"),
                count("delivery WHERE outcome = 'duplicate'"),
                count("delivery WHERE outcome = 'dead_letter'"),
            ),
            runs=(count("run SEMI JOIN event USING (run_id)"), count("run ANTI JOIN event USING (run_id)")),
            jobs=(
                count("job SEMI JOIN event USING (namespace, name)"),
                count("job ANTI JOIN event USING (namespace, name)"),
            ),
            datasets=(count("dataset"), count("dataset_alias")),
            edges=dict(told.rows("SELECT evidence, count(*) FROM edge GROUP BY evidence")),
            current_edges=count("edge WHERE is_current"),
            column_edges=(count("column_edge"), count("column_edge WHERE is_current")),
        )
        == EXPECTED[name]
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_every_event_comes_out_as_it_went_in(told: Told, name: str) -> None:
    """The same JSON value: numbers keep their digits, nothing is left out, added or sorted within an array."""
    values = recorded(name)
    told(*values)
    kept = {int(offset): _exact(body) for offset, body in told.rows("SELECT source_offset, body::VARCHAR FROM event")}
    dead = {int(offset) for (offset,) in told.rows("SELECT source_offset FROM dead_letter")}
    again = {int(offset) for (offset,) in told.rows("SELECT source_offset FROM delivery WHERE outcome = 'duplicate'")}

    assert kept == {place: _exact(value) for place, value in enumerate(values) if place not in dead | again}
    assert sorted([*kept, *dead, *again]) == list(range(len(values)))


def _exact(text: str | bytes) -> Any:
    """Return a JSON value in which 1.10 and 1.1 differ, as do two orders of an array."""
    return json.loads(text, parse_float=lambda digits: ("number", digits), parse_int=lambda digits: ("number", digits))


def test_the_edges_of_a_spark_application_are_these(told: Told) -> None:
    """Checked by hand against its CREATE TABLE AS statements."""
    told(*recorded("spark_delta_sandbox/lineage"))
    storage = "datasets/"
    rows = told.rows("SELECT upstream_name, downstream_name FROM edge WHERE is_current")

    assert rows == [
        (f"{storage}customers.csv", "demo_etl.customers"),
        (f"{storage}orders.csv", "demo_etl.orders"),
        (f"{storage}products.csv", "demo_etl.products"),
        (f"{storage}sales.csv", "demo_etl.sales"),
        ("demo_etl.customers", "demo_etl.customers_cleaned"),
        ("demo_etl.orders", "demo_etl.customers_cleaned"),
        ("demo_etl.orders", "demo_etl.sales_enriched"),
        ("demo_etl.products", "demo_etl.products_enriched"),
        ("demo_etl.products", "demo_etl.sales_enriched"),
        ("demo_etl.sales", "demo_etl.sales_enriched"),
        ("demo_etl.sales_enriched", "demo_etl.customer_lifetime_value"),
    ]


def test_the_columns_behind_a_spark_table_are_these(told: Told) -> None:
    """INSERT INTO t2 SELECT a, b FROM t1."""
    told(*recorded("compat_spark_simple/events"))

    assert told.rows(
        "SELECT upstream_field, downstream_field, transformation_type, transformation_subtype FROM column_edge"
    ) == [
        ("a", "a", "DIRECT", "IDENTITY"),
        ("b", "b", "DIRECT", "IDENTITY"),
    ]
