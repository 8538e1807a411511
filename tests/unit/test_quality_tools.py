"""What each tool's files mean: the traps, and the recorded results of the sales platform's day."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import Any

import pytest
from headwater.errors import FileUnreadable
from headwater.event import micros_of
from headwater.quality import IMPORTERS, Document, dqops
from headwater.rows import CheckResult
from support import SHARED

SAMPLES = SHARED / "quality_samples"
NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded results do not lie beside the project")
CUSTOMERS = "sales.landing.customers_ca_raw"
DIM = "sales.data_mart.dim_customers"


def results(tool: str, body: Any, beside: dict[str, Any] | None = None) -> list[CheckResult]:
    return list(IMPORTERS[tool].findings(Document("file.json", body, beside or {})).results)


def loaded(*parts: str) -> Any:
    path = SAMPLES.joinpath(*parts)
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    return json.loads(path.read_text(encoding="utf-8"))


def dbt(command: str) -> list[CheckResult]:
    return results(
        "dbt",
        loaded("dbt", command, "run_results.json"),
        {"manifest.json": loaded("dbt", command, "manifest.json")},
    )


def refused(tool: str, body: Any, beside: dict[str, Any] | None = None) -> str:
    with pytest.raises(FileUnreadable) as caught:
        results(tool, body, beside)
    return str(caught.value)


def verdicts(rows: list[CheckResult]) -> Counter[str | None]:
    return Counter(row.severity if row.status == "failed" else row.status for row in rows)


def bad(rows: list[CheckResult]) -> set[tuple[str | None, str | None, str | None]]:
    """Return dataset, field and severity of what failed."""
    return {(row.name, row.field, row.severity) for row in rows if row.status == "failed"}


# dbt


@NEEDS_SAMPLES
def test_what_dbt_build_skipped_did_not_fail() -> None:
    rows = dbt("build")
    assert verdicts(rows) == {"passed": 9, "error": 1, "warning": 1, "skipped": 8}
    assert bad(rows) == {(CUSTOMERS, "customer_id", "error"), (CUSTOMERS, "email", "warning")}


@NEEDS_SAMPLES
def test_dbt_test_finds_the_duplicate_in_every_table_and_warns_where_it_is_told_to() -> None:
    rows = dbt("test")
    assert verdicts(rows) == {"passed": 14, "error": 3, "warning": 2}
    assert bad(rows) == {
        (CUSTOMERS, "customer_id", "error"),
        (CUSTOMERS, "email", "warning"),
        ("sales.cleansing.customers", "customer_id", "error"),
        (DIM, "customer_id", "warning"),
        (DIM, None, "error"),
    }


@NEEDS_SAMPLES
def test_the_runs_of_models_are_no_check_results() -> None:
    assert dbt("run") == []


@NEEDS_SAMPLES
def test_a_result_of_dbt_has_what_its_test_says() -> None:
    (row,) = [row for row in dbt("test") if row.check_name == "unique_dim_customers_customer_id"]
    assert row._replace(row_id=b"") == CheckResult(
        check_name="unique_dim_customers_customer_id",
        namespace=None,
        name=DIM,
        field="customer_id",
        dimension=None,
        status="failed",
        severity="warning",
        expected="warn_if >0",
        actual="1",
        executed_at=micros_of("2026-11-22T05:58:24.842618Z") or 0,
        tool="dbt",
        run_id="e4aefd6c-6ea0-4e94-881d-ebfb320b86cf",
        details='{"configured_severity":"error","message":"Got 1 result, configured to warn if >0",'
        '"unique_id":"test.sales_platform.unique_dim_customers_customer_id.15c9f1e2fd"}',
        check_kind="unique",
        source="sales_platform",
    )


def manifest(depends_on: list[str], parents: dict[str, list[str]] = {}) -> dict[str, Any]:
    """Return a manifest with a singular test that reads some models."""
    models = {
        f"model.shop.{name}": {"name": name, "database": "db", "schema": "mart", "alias": name}
        for name in ("raw", "clean", "other")
    }
    test = {"name": "no_gap", "depends_on": {"nodes": depends_on}, "config": {}}
    return {
        "manifest.json": {
            "metadata": {"project_name": "shop"},
            "nodes": {**models, "test.shop.no_gap": test},
            "parent_map": parents,
        }
    }


def run_results(**result: Any) -> dict[str, Any]:
    return {
        "metadata": {"dbt_schema_version": "dbt/run-results/v6.json", "generated_at": "2026-11-22T06:00:00Z"},
        "results": [{"unique_id": "test.shop.no_gap", "status": "fail", "failures": 1, **result}],
    }


def test_a_singular_test_is_about_the_most_downstream_table_that_it_reads() -> None:
    beside = manifest(["model.shop.raw", "model.shop.clean"], {"model.shop.clean": ["model.shop.raw"]})
    assert [row.name for row in results("dbt", run_results(), beside)] == ["db.mart.clean"]


def test_a_singular_test_of_tables_that_do_not_hang_together_is_about_each() -> None:
    beside = manifest(["model.shop.clean", "model.shop.other"])
    assert [row.name for row in results("dbt", run_results(), beside)] == ["db.mart.clean", "db.mart.other"]


def test_a_singular_test_of_no_table_is_kept() -> None:
    assert [row.name for row in results("dbt", run_results(), manifest([]))] == [None]


def test_what_dbt_compile_leaves_behind_is_no_result() -> None:
    assert results("dbt", run_results(status="success", failures=None), manifest([])) == []


@pytest.mark.parametrize(
    ("said", "beside", "refusal"),
    [
        ({"status": "odd"}, manifest([]), "results.0.status: 'odd' is none of pass, fail, warn"),
        ({}, None, "manifest.json: this file is missing beside it"),
        ({"unique_id": "test.shop.x"}, manifest([]), "results.0.unique_id: test.shop.x is not in manifest.json"),
        ({"status": 7}, manifest([]), "results.0.status: Input should be a valid string"),
        ({"failures": "many"}, manifest([]), "results.0.failures: Input should be a valid integer"),
    ],
)
def test_a_result_of_dbt_that_makes_no_sense_is_named(
    said: dict[str, Any], beside: dict[str, Any] | None, refusal: str
) -> None:
    assert refused("dbt", run_results(**said), beside).startswith(f"file.json: {refusal}")


# Great Expectations


def recorded(file: str) -> list[CheckResult]:
    return results("great-expectations", loaded("great_expectations", file))


@NEEDS_SAMPLES
@pytest.mark.parametrize("result_format", ["BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE"])
@pytest.mark.parametrize("table", ["landing.customers_ca_raw", "data_mart.dim_customers"])
def test_great_expectations_says_the_same_in_every_result_format(table: str, result_format: str) -> None:
    rows = recorded(f"{table}.validation_result.{result_format}.json")
    assert verdicts(rows) == {"passed": 2, "error": 1, "warning": 1, "errored": 1}
    assert bad(rows) == {(table, "customer_id", "error"), (table, "email", "warning")}
    assert {row.source for row in rows} == {"duckdb_frames"}
    assert [row.dimension for row in rows if row.field == "customer_id"] == ["Uniqueness"]


@NEEDS_SAMPLES
def test_the_values_that_great_expectations_found_are_not_kept() -> None:
    rows = recorded("landing.customers_ca_raw.validation_result.COMPLETE.json")
    assert not any("102" in f"{row.details}{row.actual}{row.expected}" for row in rows)
    assert [row.actual for row in rows if row.status == "failed"] == ["50 % unexpected", "25 % unexpected"]


@NEEDS_SAMPLES
def test_an_expectation_that_raised_an_exception_is_errored_with_its_message() -> None:
    rows = recorded("data_mart.dim_customers.validation_result.BASIC.json")
    (row,) = [row for row in rows if row.status == "errored"]
    assert json.loads(row.details)["message"] == 'Error: The column "no_such_column" in BatchData does not exist.'


@NEEDS_SAMPLES
@NEEDS_SAMPLES
@pytest.mark.parametrize("shape", ["1.x", "0.18", "a list"])
def test_the_result_of_a_checkpoint_has_those_of_all_of_its_validations(shape: str) -> None:
    tables = ("landing.customers_ca_raw", "data_mart.dim_customers")
    alone = [loaded("great_expectations", f"{table}.validation_result.COMPLETE.json") for table in tables]
    run = {"run_name": None, "run_time": "2026-11-22T06:00:00+00:00"}
    body: Any = alone
    if shape != "a list":
        found = [said if shape == "1.x" else {"validation_result": said, "actions_results": {}} for said in alone]
        body = {"run_id": run, "run_results": dict(zip("ab", found, strict=True)), "success": False}
    importer = IMPORTERS["great-expectations"]

    assert importer.is_document(body)
    together = importer.findings(Document("checkpoint.json", body)).results
    assert together == [row for said in alone for row in importer.findings(Document("validation.json", said)).results]


def test_what_is_wrong_with_one_validation_of_a_checkpoint_is_named_with_its_place() -> None:
    body = {"run_results": {"a": {"success": True, "results": [], "meta": {}}}, "success": True}
    assert refused("great-expectations", body).startswith("file.json: run_results.a.meta.run_id.run_time: is missing")


@NEEDS_SAMPLES
def test_the_description_of_a_checkpoint_is_no_result() -> None:
    body = loaded("great_expectations", "data_mart.dim_customers.validation.checkpoint_describe.json")
    assert not IMPORTERS["great-expectations"].is_document(body)


def validation(*configs: dict[str, Any], batch_spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "success": False,
        "results": [{"success": False, "expectation_config": config} for config in configs],
        "meta": {
            "batch_spec": batch_spec,
            "active_batch_definition": {"datasource_name": "shop", "data_asset_name": "my orders"},
            "validation_time": "2026-11-22T06:00:00Z",
        },
    }


def test_a_table_that_was_queried_goes_before_what_the_user_called_it() -> None:
    config = {"type": "expect_table_row_count_to_equal"}
    asset = results("great-expectations", validation(config))
    table = results(
        "great-expectations", validation(config, batch_spec={"schema_name": "mart", "table_name": "orders"})
    )
    assert [row.name for row in (*asset, *table)] == ["my orders", "mart.orders"]


def test_two_expectations_of_one_kind_about_one_column_are_two_checks() -> None:
    config = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "age"}}
    rows = results("great-expectations", validation({**config, "id": "1234567890"}, {**config, "id": "abcdefghij"}))
    assert [row.check_name for row in rows] == [
        "expect_column_values_to_be_between 12345678",
        "expect_column_values_to_be_between abcdefgh",
    ]


# Soda


@NEEDS_SAMPLES
def test_a_scan_of_soda_3() -> None:
    rows = results("soda", loaded("soda", "landing_customers_ca_raw.scan_results.json"))
    assert {row.name for row in rows} == {"customers_ca_raw"}
    assert [(row.check_name, row.field, row.severity, row.expected, row.actual) for row in rows] == [
        ("row_count > 0", None, "valid", "fail when <= 0", "4"),
        ("customer_id must be unique", "customer_id", "error", "fail when > 0 or < 0", "1"),
        ("email mostly present", "email", "warning", "warn when > 10, fail when > 50", "25"),
        ("invalid_count(country) = 0", "country", "valid", "fail when > 0 or < 0", "0"),
    ]
    assert [row.check_kind for row in rows] == ["row_count", "duplicate_count", "missing_percent", "invalid_count"]
    assert [row.dimension for row in rows] == [None, "Uniqueness", None, None]


@NEEDS_SAMPLES
def test_soda_finds_the_duplicate_in_the_data_mart() -> None:
    rows = results("soda", loaded("soda", "data_mart_dim_customers.scan_results.json"))
    assert ("dim_customers", "customer_id", "error") in bad(rows)


@NEEDS_SAMPLES
def test_a_scan_that_broke_off_is_one_errored_result_with_its_log() -> None:
    (row,) = results("soda", loaded("soda", "landing_customers_ca_raw.scan_error.json"))
    assert (row.check_name, row.name, row.status, row.severity) == (
        "scan landing_customers_ca_raw",
        None,
        "errored",
        None,
    )
    assert json.loads(row.details)["message"].startswith("Query execution error in 3.sales.customers_ca_raw")


@NEEDS_SAMPLES
@pytest.mark.parametrize("file", ["contract_verification_result.json", "publish_payload.json"])
def test_soda_4_says_the_same_as_an_object_and_as_what_it_sends(file: str) -> None:
    rows = results("soda", loaded("soda4", file))
    assert [(row.check_name, row.name, row.field, row.status, row.severity) for row in rows] == [
        ("No missing values", CUSTOMERS, "customer_id", "passed", "valid"),
        ("customer_id must be unique", CUSTOMERS, "customer_id", "failed", "error"),
        ("No missing values", CUSTOMERS, "email", "failed", "warning"),
        ("Row count meets expected threshold", CUSTOMERS, None, "passed", "valid"),
        ("Schema matches expected structure", CUSTOMERS, None, "skipped", None),
    ]
    assert {row.source for row in rows} == {"sales"}


def test_a_check_that_soda_could_not_evaluate_is_errored_if_the_scan_had_errors() -> None:
    scan = {"scanEndTimestamp": "2026-11-22T06:00:00Z", "hasErrors": True, "checks": [{"name": "a", "outcome": None}]}
    assert [row.status for row in results("soda", scan)] == ["errored"]
    assert [row.status for row in results("soda", {**scan, "hasErrors": False})] == ["skipped"]


def test_an_outcome_that_soda_does_not_have_is_named() -> None:
    scan = {"scanEndTimestamp": "2026-11-22T06:00:00Z", "checks": [{"name": "a", "outcome": "maybe"}]}
    assert refused("soda", scan).startswith("file.json: checks.0.outcome: 'maybe' is none of pass, ")


# Elementary


@NEEDS_SAMPLES
def test_elementary_says_what_dbt_says_and_knows_dimensions() -> None:
    rows = results(
        "elementary",
        loaded("elementary", "elementary_test_results.csv"),
        {"dbt_tests": loaded("elementary", "dbt_tests.csv")},
    )
    ours = {(row.check_name, row.name, row.field, row.status, row.severity, row.actual) for row in rows}
    assert ours == {(row.check_name, row.name, row.field, row.status, row.severity, row.actual) for row in dbt("test")}
    assert {row.dimension for row in rows if row.check_kind == "unique"} == {"Uniqueness"}


# Our own lines


def test_a_line_of_our_own_may_say_everything() -> None:
    line = {
        "check_name": "orders_unique",
        "dataset": "shop.public.orders",
        "namespace": "postgres://db:5432",
        "source": "shop",
        "field": "id",
        "status": "failed",
        "severity": "fatal",
        "executed_at": "2026-11-22T07:00:00+01:00",
        "dimension": "uniqueness",
        "check_kind": "unique",
        "expected": 0,
        "actual": 2.5,
        "tool": "ours",
        "run_id": "r-1",
        "details": {"owner": "ann"},
    }
    (row,) = results("json", [line])
    assert row._replace(row_id=b"") == CheckResult(
        check_name="orders_unique",
        namespace="postgres://db:5432",
        name="shop.public.orders",
        field="id",
        dimension="Uniqueness",
        status="failed",
        severity="fatal",
        expected="0",
        actual="2.5",
        executed_at=micros_of("2026-11-22T06:00:00Z") or 0,
        tool="ours",
        run_id="r-1",
        details='{"owner":"ann"}',
        check_kind="unique",
        source="shop",
    )


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"status": "ok"}, "record 1.status: Input should be 'passed', 'failed', 'skipped' or 'errored'"),
        ({"severity": "error"}, "record 1: Value error, the severity error does not go with the status passed"),
        (
            {"executed_at": "soon"},
            "record 1.executed_at: Value error, 'soon' is not a time such as 2026-11-22T06:00:00Z",
        ),
        ({"colum": "id"}, "record 1.colum: Extra inputs are not permitted"),
        ({"dataset": ""}, "record 1.dataset: String should have at least 1 character"),
    ],
)
def test_a_line_of_our_own_that_makes_no_sense_is_named(said: dict[str, Any], refusal: str) -> None:
    line = {"check_name": "c", "dataset": "orders", "status": "passed", "executed_at": "2026-11-22T06:00:00Z", **said}
    assert refused("json", [line]) == f"file.json: {refusal}. Nothing of this file was imported."


# DQOps


def partition(**row: Any) -> dict[str, Any]:
    said = {"id": "i", "check_name": "daily_nulls", "schema_name": "mart", "table_name": "orders", "severity": 0}
    return {
        "table": "check_results",
        "connection": "shop",
        "rows": [{**said, "executed_at": "2026-11-22T06:00:00+00:00", **row}],
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, None),
        ({"severity": 0, "warning_upper_bound": 5.0, "error_upper_bound": 9.0}, "<= 5"),
        ({"severity": 2, "warning_upper_bound": 5.0, "error_upper_bound": 9.0}, "<= 9"),
        ({"severity": 3, "fatal_lower_bound": 1.0, "fatal_upper_bound": 2.5}, ">= 1 and <= 2.5"),
        ({"severity": 1, "expected_value": 4.0, "warning_upper_bound": float("nan")}, "= 4"),
    ],
)
def test_dqops_expects_the_range_of_the_rule_that_failed_or_else_the_strictest(
    row: dict[str, Any], expected: str | None
) -> None:
    assert [found.expected for found in results("dqops", partition(**row))] == [expected]


def test_a_comparison_of_tables_is_a_check_of_its_own() -> None:
    rows = results("dqops", partition(table_comparison="with_source"))
    assert [row.check_name for row in rows] == ["daily_nulls/with_source"]


def test_a_row_that_no_rule_has_judged_yet_is_no_result() -> None:
    assert results("dqops", partition(severity=None)) == []


def test_a_severity_that_dqops_does_not_have_is_named() -> None:
    assert refused("dqops", partition(severity=9)).startswith("file.json: row 1.severity: 9 is none of 0, 1, 2, 3.")


@pytest.mark.parametrize(
    ("provider", "block", "place"),
    [
        ("postgresql", {"host": "db", "database": "shop"}, ("postgres://db:5432", "shop")),
        ("postgresql", {"host": "db", "port": 5433, "database": "shop"}, ("postgres://db:5433", "shop")),
        ("postgresql", {"host": "${PG_HOST}", "database": "shop"}, None),
        ("redshift", {"host": "c.eu.redshift", "database": "dev"}, ("redshift://c.eu.redshift:5439", "dev")),
        ("sqlserver", {"host": "ms", "database": "shop"}, ("mssql://ms:1433", "shop")),
        ("mysql", {"host": "my", "database": "shop"}, ("mysql://my:3306", None)),
        ("bigquery", {"source_project_id": "proj"}, ("bigquery", "proj")),
        ("snowflake", {"account": "org-acc", "database": "SHOP"}, ("snowflake://org-acc", "SHOP")),
        ("trino", {"host": "tr", "catalog": "hive"}, ("trino://tr:8080", "hive")),
        ("databricks", {"host": "adb.net", "catalog": "main"}, ("unitycatalog://adb.net", "main")),
        ("duckdb", {"database": "/srv/sales.duckdb"}, ("duckdb:///srv/sales.duckdb", "sales")),
        ("duckdb", {"read_mode": "in_memory"}, None),
        ("clickhouse", {"host": "ch"}, None),
    ],
)
def test_a_connection_of_dqops_suggests_a_namespace(
    provider: str, block: dict[str, Any], place: tuple[str, str | None] | None
) -> None:
    assert dqops.place_of({"provider_type": provider, provider: block}) == place


@NEEDS_SAMPLES
def test_the_columns_that_are_read_of_dqops_are_columns_that_it_writes() -> None:
    from dqops_home import tables

    written = tables()
    for name, files in dqops.TABLES.items():
        assert dqops.columns_of(name) <= set(written[name].schema.names)
        assert written[name].file in files


@NEEDS_SAMPLES
def test_the_dimensions_of_dqops_own_checks_are_the_nine() -> None:
    said = {row["quality_dimension"] for row in loaded("dqops", "dqops_checks.csv")}
    nine = {"Accuracy", "Availability", "Completeness", "Consistency", "Integrity", "Reasonableness", "Timeliness"}
    assert said - {"None", ""} <= nine | {"Uniqueness", "Validity"}
