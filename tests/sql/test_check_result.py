"""What events say about checks: each outcome once, where it belongs, and as bad as it was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from headwater.store import Store
from support import SHARED, arrangements, empty, values_of, write_all

DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
DATASET = {"namespace": "db", "name": "shop.orders"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("checks") / "live.duckdb") as store:
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    empty(opened)
    return opened


def shared(*names: str) -> list[bytes]:
    """Return recorded events that lie beside the project, or skip."""
    paths = [SHARED / name for name in names]
    for path in paths:
        if not path.exists():
            pytest.skip(f"the recorded events {path.name} do not lie beside the project")
    return values_of(*paths)


def event(
    kind: str | None = "COMPLETE",
    *,
    run: str = "r1",
    time: str = "2026-01-01T00:00:00Z",
    producer: str = "https://example.org/checker",
    job_type: str | None = "TEST",
    processing: str = "BATCH",
    inputs: list[dict[str, Any]] = [],
    outputs: list[dict[str, Any]] = [],
    **run_facets: Any,
) -> bytes:
    facets = {"jobType": {"processingType": processing, "integration": "X", "jobType": job_type}}
    return json.dumps(
        {
            "eventType": kind,
            "eventTime": time,
            "producer": producer,
            "run": {"runId": run, "facets": run_facets},
            "job": {"namespace": "jobs", "name": "check", "facets": facets},
            "inputs": inputs,
            "outputs": outputs,
        }
    ).encode()


def asserting(*said: dict[str, Any], place: str = "facets", **dataset: str) -> dict[str, Any]:
    """Return a dataset with the outcomes *said* under one of its maps of facets."""
    return {**DATASET, **dataset, place: {"dataQualityAssertions": {"assertions": list(said)}}}


def outcome(success: bool = False, **more: Any) -> dict[str, Any]:
    return {"assertion": "unique", "success": success, "column": "id", **more}


def named(success: bool = False, **more: Any) -> dict[str, Any]:
    """Return an outcome as dbt words it."""
    return outcome(success, name="unique_orders_id", **more)


def one_test(status: str, **more: Any) -> dict[str, Any]:
    """Return a `test` facet of one test."""
    return {"tests": [{"name": "orders_are_unique", "status": status, **more}]}


def results(store: Store, columns: str = "status, severity") -> list[tuple[Any, ...]]:
    return store.database.rows(f"SELECT {columns} FROM check_result ORDER BY ALL")


# Recorded by dbt


@pytest.mark.parametrize("mode", ["dbt_ol_build", "dbt_ol_build_structured_logs"])
def test_a_dbt_build_has_the_outcomes_that_dbt_printed(store: Store, mode: str) -> None:
    """In both of dbt-ol's modes: 1 failure, 1 warning, 8 skipped, as in run_results.json, of ten `success: false`."""
    write_all(store, [shared(f"quality_samples/openlineage/{mode}.jsonl")])
    truth = json.loads((SHARED / "quality_samples/dbt/build/run_results.json").read_text())
    words = {"pass": "valid", "warn": "warning", "fail": "error", "skipped": "skipped"}
    printed = {
        result["unique_id"].split(".")[2]: words[result["status"]]
        for result in truth["results"]
        if result["unique_id"].startswith("test.")
    }

    assert dict(results(store, "check_name, coalesce(severity, status)")) == printed
    assert Counter(printed.values()) == {"valid": 9, "skipped": 8, "error": 1, "warning": 1}


def test_dbt_warns_below_its_error_if(store: Store) -> None:
    write_all(store, [shared("quality_samples/openlineage/dbt_ol_run_then_test.jsonl")])

    failed = store.database.rows(
        "SELECT check_name, severity, expected, actual FROM check_result WHERE status = 'failed' ORDER BY ALL"
    )
    assert failed == [
        ("assert_dim_customers_no_duplicate_rows", "error", "0", "1"),
        ("source_not_null_landing_customers_ca_raw_email", "warning", "0", "1"),
        ("source_unique_landing_customers_ca_raw_customer_id", "error", "0", "1"),
        ("unique_customers_customer_id", "error", "0", "1"),
        ("unique_dim_customers_customer_id", "warning", ">100", "1"),
    ]


def test_a_test_that_reads_no_table_is_kept_without_a_dataset(store: Store) -> None:
    write_all(store, [shared("events/gen_dbt_1.54/build_artifact.ndjson")])

    found = store.database.rows("SELECT check_name, namespace, status, tool FROM check_result WHERE name IS NULL")
    assert found == [("no_refs", None, "passed", "dbt")]


def test_the_tables_that_dbt_names_for_failed_rows_are_no_datasets(store: Store) -> None:
    write_all(store, [shared("events/gen_dbt_1.54/build_structured.ndjson")])

    assert store.database.rows("SELECT name FROM dataset ORDER BY name") == [
        ("shop.main.customer_totals",),
        ("shop.main.raw_customers",),
        ("shop.main.raw_orders",),
        ("shop.main.stg_orders",),
    ]


# Recorded by others


def test_airflows_checks_of_a_table_that_no_dataset_is_called_are_kept(store: Store) -> None:
    write_all(store, [shared("events/gen_airflow/shop_dq.ndjson")])

    assert results(store, "check_name, name, field, dimension, status, severity, tool") == [
        ("amount.min", None, "amount", "Validity", "passed", "valid", "airflow"),
        ("amount.null_check", None, "amount", "Completeness", "failed", "error", "airflow"),
        ("id.null_check", None, "id", "Completeness", "passed", "valid", "airflow"),
        ("id.unique_check", None, "id", "Uniqueness", "failed", "error", "airflow"),
        ("no_negative", None, None, "Validity", "passed", "valid", "airflow"),
        ("row_count_check", None, None, "Validity", "passed", "valid", "airflow"),
    ]


def test_great_expectations_says_it_in_its_own_facet(store: Store) -> None:
    write_all(store, [shared("events/gen_great_expectations/events.ndjson")])

    assert results(store, "check_name, name, field, status, severity, tool") == [
        ("expect_column_min_to_be_between", "dataframe", "amount", "passed", "valid", "great_expectations"),
        ("expect_column_values_to_be_unique", "dataframe", "id", "failed", "error", "great_expectations"),
        ("expect_column_values_to_not_be_null", "dataframe", "amount", "failed", "error", "great_expectations"),
        ("expect_table_row_count_to_be_between", "dataframe", None, "passed", "valid", "great_expectations"),
    ]


# Once for each check and run


def test_a_result_counts_once_wherever_and_however_often_it_is_said(store: Store) -> None:
    everywhere = [
        asserting(outcome()),
        asserting(outcome(), place="inputFacets"),
    ]
    said = [
        event("START", inputs=everywhere),
        event("COMPLETE", time="2026-01-01T00:05:00Z", inputs=everywhere, outputs=[asserting(outcome())]),
    ]
    write_all(store, [said, said])

    found = store.database.rows("SELECT status, run_id, epoch(executed_at) FROM check_result")
    assert found == [("failed", "r1", 1767225900.0)]


def test_a_run_that_never_ends_shows_its_results(store: Store) -> None:
    write_all(store, [[event("START", inputs=[asserting(outcome())])]])

    assert results(store) == [("failed", "error")]


def test_the_last_word_of_a_run_counts(store: Store) -> None:
    """A facet replaces the whole earlier facet of its key: a check that it leaves out was not run."""
    first = event("START", inputs=[asserting(outcome(), outcome(True, column="sku"))])
    last = event("COMPLETE", time="2026-01-01T00:05:00Z", inputs=[asserting(outcome(True))])
    write_all(store, [[last, first]])

    assert results(store, "field, status") == [("id", "passed")]


def test_runs_of_one_invocation_of_dbt_tell_of_one_test_once(store: Store) -> None:
    parent = {"run": {"runId": "invocation"}, "job": {"namespace": "jobs", "name": "dbt-run"}}
    bound = event("FAIL", run="r1", producer=DBT, inputs=[asserting(named(actual="2", expected="0"))], parent=parent)
    own = event(
        "FAIL",
        run="r2",
        producer=DBT,
        inputs=[DATASET],
        parent=parent,
        test={"tests": [{"name": "test.shop.unique_orders_id", "status": "fail", "actual": "2", "expected": "0"}]},
    )
    write_all(store, [[bound, own]])

    assert results(store, "check_name, name, status, actual") == [("unique_orders_id", "shop.orders", "failed", "2")]


@pytest.mark.parametrize("together", [True, False])
def test_every_dataset_event_is_a_check_of_its_own(store: Store, together: bool) -> None:
    """Two in one batch are two, as two in two batches are: neither has a run that would tell them apart."""
    said = [
        json.dumps({"eventTime": f"2026-01-0{day}T00:00:00Z", "dataset": asserting(outcome(day != 2))}).encode()
        for day in (1, 2, 3)
    ]
    write_all(store, [said] if together else [[value] for value in said])

    assert results(store, "day(executed_at), status, run_id") == [
        (1, "passed", None),
        (2, "failed", None),
        (3, "passed", None),
    ]


def test_every_event_of_a_streaming_run_is_a_check_of_its_own(store: Store) -> None:
    said = [
        event(
            "RUNNING",
            time=f"2026-01-0{day}T00:00:00Z",
            processing="STREAMING",
            job_type=None,
            inputs=[asserting(outcome(day != 2))],
        )
        for day in (1, 2, 3)
    ]
    write_all(store, [said])

    assert results(store, "day(executed_at), status") == [(1, "passed"), (2, "failed"), (3, "passed")]


@pytest.mark.parametrize("corpus", ["gen_dbt_1.54/build_artifact", "gen_airflow/shop_dq_postgres"])
def test_arrival_makes_no_difference_to_results(store: Store, corpus: str) -> None:
    recorded = shared(f"events/{corpus}.ndjson")
    found = {}
    for name, batches in arrangements(recorded):
        empty(store)
        write_all(store, batches)
        found[name] = results(store, "check_result::VARCHAR")

    assert found["in order"]
    assert found == dict.fromkeys(found, found["in order"])


# What the outcome was

LIMITS = [
    # expected, actual: severity of a failed dbt test whose configured severity is error
    ("0", "1", "error"),
    (">100", "1", "warning"),
    ("> 100", "101", "error"),
    (">= 5", "5", "error"),
    (">= 5", "4", "warning"),
    ("<10", "3", "error"),
    ("<10", "12", "warning"),
    ("= 3", "3", "error"),
    ("!= 3", "3", "warning"),
    ("between 1 and 5", "9", "error"),  # not read: the configured severity stands
]


@pytest.mark.parametrize(("expected", "actual", "severity"), LIMITS)
def test_a_dbt_failure_is_as_bad_as_its_limit_says(store: Store, expected: str, actual: str, severity: str) -> None:
    said = named(severity="error", expected=expected, actual=actual)
    write_all(store, [[event("FAIL", producer=DBT, inputs=[asserting(said)])]])

    assert results(store) == [("failed", severity)]


OUTCOMES = [
    # event type, assertion, status, severity
    pytest.param("FAIL", named(severity="error"), "skipped", None, id="no actual value"),
    pytest.param("ABORT", named(actual="0", expected="0"), "skipped", None, id="aborted"),
    pytest.param("FAIL", named(actual="0", expected="0"), "errored", None, id="failed without failures"),
    pytest.param("FAIL", named(actual="0", expected="<1"), "failed", "error", id="fails when there are too few"),
    pytest.param("COMPLETE", named(actual="3", expected="!= f(1)"), "failed", "warning", id="completes: it warned"),
    pytest.param("COMPLETE", outcome(), "failed", "error", id="an old dbt sends no name and no values"),
    pytest.param(
        "FAIL", named(severity="warn", actual="7", expected="0"), "failed", "warning", id="configured to warn"
    ),
    pytest.param("COMPLETE", named(True, actual="0", expected="0"), "passed", "valid", id="passed"),
]


@pytest.mark.parametrize(("kind", "said", "status", "severity"), OUTCOMES)
def test_dbt_says_success_false_for_more_than_failures(
    store: Store, kind: str, said: dict[str, Any], status: str, severity: str | None
) -> None:
    write_all(store, [[event(kind, producer=DBT, inputs=[asserting(said)])]])

    assert results(store) == [(status, severity)]


@pytest.mark.parametrize(
    ("configured", "severity"),
    [(None, "error"), ("error", "error"), ("WARN", "warning"), ("info", "warning"), ("fatal", "fatal")],
)
def test_others_fail_as_badly_as_they_are_configured(store: Store, configured: str | None, severity: str) -> None:
    write_all(store, [[event("FAIL", inputs=[asserting(outcome(severity=configured))])]])

    assert results(store) == [("failed", severity)]


@pytest.mark.parametrize(
    ("said", "status", "severity"),
    [
        ("pass", "passed", "valid"),
        ("fail", "failed", "error"),
        ("skip", "skipped", None),
        ("warn", "failed", "warning"),
        ("error", "errored", None),
    ],
)
def test_the_test_facet_has_words_for_it(store: Store, said: str, status: str, severity: str | None) -> None:
    write_all(store, [[event(test=one_test(said))]])

    assert results(store) == [(status, severity)]


def test_a_skip_that_only_the_run_tells_of_is_believed(store: Store) -> None:
    """The facet of a dataset has no word for it."""
    said = named(actual="0", expected="0")
    run = {"tests": [{"name": "test.shop.unique_orders_id", "status": "skip"}]}
    write_all(store, [[event("COMPLETE", producer=DBT, inputs=[asserting(said)], test=run)]])

    assert results(store, "name, status") == [("shop.orders", "skipped")]


# Whose result it is


@pytest.mark.parametrize("table", ["orders", "shop.orders", "SHOP.ORDERS"])
def test_a_table_that_a_test_names_is_the_dataset_that_ends_in_it(store: Store, table: str) -> None:
    params = {"tested_table": table, "tested_column": "id"}
    write_all(
        store, [[event(test=one_test("fail", type="unique", params=params), inputs=[DATASET, other("eu.items")])]]
    )

    assert results(store, "namespace, name, field, dimension") == [("db", "shop.orders", "id", "Uniqueness")]


@pytest.mark.parametrize("table", ["rders", "orders_2", "warehouse.orders"])
def test_a_table_that_only_looks_alike_is_another(store: Store, table: str) -> None:
    params = {"tested_table": table}
    write_all(store, [[event(test=one_test("fail", params=params), inputs=[DATASET])]])

    assert results(store, "namespace, name") == [(None, None)]


def test_a_table_that_two_datasets_may_be_is_neither(store: Store) -> None:
    params = {"tested_table": "orders"}
    write_all(store, [[event(test=one_test("fail", params=params), inputs=[DATASET, other("archive.orders")])]])

    assert results(store, "namespace, name, status") == [(None, None, "failed")]


def test_a_test_that_names_no_table_is_about_the_only_one_that_its_run_reads(store: Store) -> None:
    audit = other("dbt_test__audit.orders_are_unique")
    write_all(store, [[event(test=one_test("fail"), inputs=[DATASET], outputs=[audit])]])

    assert results(store, "name, status") == [("shop.orders", "failed")]


def test_a_test_in_a_job_that_writes_is_about_no_dataset_that_we_know(store: Store) -> None:
    said = event(test=one_test("fail"), job_type=None, inputs=[DATASET], outputs=[other("shop.totals")])
    write_all(store, [[said]])

    assert results(store, "name, status") == [(None, "failed")]


def other(name: str) -> dict[str, str]:
    return {"namespace": "db", "name": name}


# Metrics

METRICS = {
    "rowCount": 1000,
    "bytes": 1048576,
    "fileCount": 5,
    "columnMetrics": {
        "amount": {
            "nullCount": 1,
            "distincCount": 7,
            "sum": 9.5,
            "count": 6,
            "min": 0.5,
            "max": 4,
            "quantiles": {"0.5": 2},
        },
        "note": None,
    },
}
NUMBERS = [
    ("amount", "count", 6.0),
    ("amount", "distinct_count", 7.0),
    ("amount", "max", 4.0),
    ("amount", "min", 0.5),
    ("amount", "null_count", 1.0),
    ("amount", "quantile_0.5", 2.0),
    ("amount", "sum", 9.5),
    (None, "bytes", 1048576.0),
    (None, "file_count", 5.0),
    (None, "row_count", 1000.0),
]


@pytest.mark.parametrize(
    ("place", "key"),
    [("inputFacets", "dataQualityMetrics"), ("inputFacets", "dataQuality"), ("facets", "dataQualityMetrics")],
)
def test_metrics_are_rows(store: Store, place: str, key: str) -> None:
    write_all(store, [[event(inputs=[{**DATASET, place: {key: METRICS}}])]])

    assert store.database.rows("SELECT field, metric, value FROM dataset_metric ORDER BY ALL") == NUMBERS


def test_metrics_of_a_run_count_once_and_those_of_dataset_events_each_time(store: Store) -> None:
    twice = {**DATASET, "facets": {"dataQualityMetrics": METRICS}, "inputFacets": {"dataQuality": METRICS}}
    days = [
        json.dumps(
            {"eventTime": f"2026-01-0{day}T00:00:00Z", "dataset": {**DATASET, "facets": twice["facets"]}}
        ).encode()
        for day in (2, 3)
    ]
    write_all(store, [[event("START", inputs=[twice]), event(inputs=[twice]), *days]])

    found = "SELECT run_id, day(executed_at) FROM dataset_metric WHERE metric = 'row_count' ORDER BY ALL"
    assert store.database.rows(found) == [("r1", 1), (None, 2), (None, 3)]


def test_a_recorded_event_has_metrics(store: Store) -> None:
    write_all(store, [shared("events/gen_great_expectations/events.ndjson")])

    assert store.database.rows("SELECT namespace, name, field, metric, value FROM dataset_metric ORDER BY ALL") == [
        ("memory://pandas", "dataframe", "amount", "min", 1.0),
        ("memory://pandas", "dataframe", "amount", "null_count", 1.0),
        ("memory://pandas", "dataframe", None, "row_count", 3.0),
    ]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (2**53 + 1, [(float(2**53),)]),  # the nearest that a DOUBLE holds
        (10**400, []),  # there is none
        (0, [(0.0,)]),
    ],
)
def test_a_number_that_is_too_big_stops_nothing(store: Store, said: int, value: list[tuple[float]]) -> None:
    facets = {"dataQualityMetrics": {"rowCount": said, "columnMetrics": {}}}
    write_all(store, [[event(inputs=[{**DATASET, "facets": facets}])]])

    assert store.database.rows("SELECT value FROM dataset_metric WHERE metric = 'row_count'") == value
