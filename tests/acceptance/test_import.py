"""`headwater import`: results of other tools beside those of events, whole files or nothing of them."""

from __future__ import annotations

import json
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dqops_home import NOON, DqopsHome, check, error, incident
from headwater.cli import main
from headwater.cli.running import run_loop
from headwater.settings import settings
from headwater.sources.files import FileSource
from headwater.store import Reader, Store, live_path
from support import SALES, SHARED

SAMPLES = SHARED / "quality_samples"
DAYS = [SALES / "events" / f"{day}_day.ndjson" for day in ("healthy", "broken")]
SALES_DB = "duckdb:///srv/sales.duckdb"
NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded results do not lie beside the project")

FAILED = """
SELECT name, field, severity
FROM store.imported_check_result
WHERE status = 'failed' AND tool = $tool AND namespace = 'duckdb:///srv/sales.duckdb'
"""


KINDS = """
SELECT DISTINCT split_part(check_name, '_', 1) AS kind, dimension
FROM store.imported_check_result
WHERE check_name NOT LIKE 'source%'
"""


def headwater(*arguments: object, code: int = 0) -> str:
    """Run a command in this process; return what it says."""
    result = CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def rows(store: Path, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    with Reader(store) as reader:
        return reader.query(sql, parameters or None).to_pylist()


def contents(store: Path) -> list[dict[str, Any]]:
    """Return the results that are in force, without what only says where they came from."""
    return rows(store, "FROM store.imported_check_result ORDER BY ALL")


def line(**said: Any) -> str:
    """Return a line of our own format."""
    whole = {"check_name": "c", "dataset": "orders", "status": "failed", "executed_at": "2026-11-22T06:00:00Z", **said}
    return json.dumps(whole)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "lineage.duckdb"


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of two days of the sales platform."""
    path = tmp_path_factory.mktemp("sales") / "lineage.duckdb"
    headwater("replay", *DAYS, "--store", path)
    return path


@pytest.fixture
def lineage(sales: Path, store: Path) -> Path:
    """Return a store of this test's own that knows the datasets of the sales platform."""
    shutil.copy(sales, store)
    return store


@pytest.fixture
def home(tmp_path: Path) -> DqopsHome:
    return DqopsHome(tmp_path / "dqops")


def duplicates(severity: int, at: datetime = NOON) -> dict[str, Any]:
    return check(
        "sales", "landing.customers_ca_raw", "daily_duplicate_count", severity, column="customer_id", executed_at=at
    )


# Every tool tells the same of the same day


@NEEDS_SAMPLES
@pytest.mark.parametrize(
    ("tool", "paths", "name", "said"),
    [
        ("dbt", ["dbt/test"], "dbt", "Imported 19 results of 1 files"),
        ("elementary", ["elementary"], "elementary", "Imported 19 results of 1 files"),
        (
            "great-expectations",
            ["great_expectations"],
            "great_expectations",
            "Imported 40 results of 8 files, 2 of another kind",
        ),
        ("soda", ["soda"], "soda", "Imported 8 results of 3 files"),
        ("soda", ["soda4"], "soda", "Imported 10 results of 2 files"),
    ],
)
def test_each_tool_finds_the_duplicate_and_the_missing_address(
    lineage: Path, tool: str, paths: list[str], name: str, said: str
) -> None:
    output = headwater("import", tool, *(SAMPLES / path for path in paths), "--store", lineage)
    assert output == f"{said} into {lineage}.\n"
    found = {(row["name"], row["field"], row["severity"]) for row in rows(lineage, FAILED, tool=name)}
    assert {
        ("sales.landing.customers_ca_raw", "customer_id", "error"),
        ("sales.landing.customers_ca_raw", "email", "warning"),
    } <= found
    if paths != ["soda4"]:  # that contract is about the landing table alone
        assert ("sales.data_mart.dim_customers", "customer_id") in {(name, field) for name, field, _ in found}


def verdicts(store: Path, view: str, tool: str) -> list[tuple[Any, ...]]:
    """Return what a tool says of each check."""
    sql = f"SELECT namespace, name, field, check_name, status, severity, actual FROM {view} WHERE tool = $tool"
    return [tuple(row.values()) for row in rows(store, f"{sql} ORDER BY ALL", tool=tool)]


@NEEDS_SAMPLES
@pytest.mark.parametrize(
    ("run", "artifacts", "counts"),
    [
        (
            "build",
            "build",
            {("failed", "error"): 1, ("failed", "warning"): 1, ("passed", "valid"): 9, ("skipped", None): 8},
        ),
        ("run_then_test", "test", {("failed", "error"): 3, ("failed", "warning"): 2, ("passed", "valid"): 14}),
    ],
)
def test_dbt_says_the_same_of_each_check_in_events_in_artifacts_and_through_elementary(
    tmp_path: Path, run: str, artifacts: str, counts: dict[tuple[str, str | None], int]
) -> None:
    """One row a check: the same dataset, field, status, severity and number, whoever tells it."""
    told = {}
    for events in sorted((SAMPLES / "openlineage").glob(f"dbt_ol_{run}*.jsonl")):
        headwater("replay", events, "--store", tmp_path / f"{events.stem}.duckdb")
        told[events.stem] = verdicts(tmp_path / f"{events.stem}.duckdb", "check_result", "dbt")
    imported = tmp_path / "imported.duckdb"
    headwater("replay", SAMPLES / "openlineage" / f"dbt_ol_{run}.jsonl", "--store", imported)
    headwater("import", "dbt", SAMPLES / "dbt" / artifacts, "--store", imported)
    told["artifacts"] = verdicts(imported, "store.imported_check_result", "dbt")
    if run == "run_then_test":
        headwater("import", "elementary", SAMPLES / "elementary", "--store", imported)
        told["elementary"] = verdicts(imported, "store.imported_check_result", "elementary")

    assert len(told) == 3
    assert told == dict.fromkeys(told, told["artifacts"])
    found = [(row[4], row[5]) for row in told["artifacts"]]
    assert {verdict: found.count(verdict) for verdict in found} == counts


@NEEDS_SAMPLES
def test_great_expectations_and_soda_agree_with_dbt_on_what_they_check_too(lineage: Path) -> None:
    for tool, folder in (("dbt", "dbt/test"), ("great-expectations", "great_expectations"), ("soda", "soda")):
        headwater("import", tool, SAMPLES / folder, "--store", lineage)
    headwater("import", "soda", SAMPLES / "soda4", "--store", lineage)
    about = """
    SELECT DISTINCT name, field, dimension, status, severity
    FROM store.imported_check_result
    WHERE tool = $tool AND dimension IN ('Uniqueness', 'Validity', 'Completeness') AND field IS NOT NULL
        AND status IN ('passed', 'failed')
    """
    told: dict[str, dict[tuple[str, ...], set[tuple[str, ...]]]] = {}
    for tool in ("dbt", "great_expectations", "soda"):
        for name, field, dimension, *verdict in (tuple(row.values()) for row in rows(lineage, about, tool=tool)):
            told.setdefault(tool, {}).setdefault((name, field, dimension), set()).add(tuple(verdict))
    # dbt only warns of the duplicate in the data mart: its test says error_if ">100".
    mart = ("sales.data_mart.dim_customers", "customer_id", "Uniqueness")
    assert {tool: said.pop(mart) for tool, said in told.items()} == {
        "dbt": {("failed", "warning")},
        "great_expectations": {("failed", "error")},
        "soda": {("failed", "error")},
    }
    for tool in ("great_expectations", "soda"):
        shared = told["dbt"].keys() & told[tool].keys()
        assert len(shared) >= 2
        assert {about: told[tool][about] for about in shared} == {about: told["dbt"][about] for about in shared}


@NEEDS_SAMPLES
def test_what_dbt_build_skipped_is_neither_passed_nor_failed(lineage: Path) -> None:
    headwater("import", "dbt", SAMPLES / "dbt" / "build", "--store", lineage)
    found = rows(
        lineage, "SELECT status, severity, count(*) AS n FROM store.imported_check_result GROUP BY ALL ORDER BY ALL"
    )
    assert [tuple(row.values()) for row in found] == [
        ("failed", "error", 1),
        ("failed", "warning", 1),
        ("passed", "valid", 9),
        ("skipped", None, 8),
    ]


@NEEDS_SAMPLES
def test_a_tool_that_knows_no_dimensions_is_given_them(lineage: Path) -> None:
    headwater("import", "dbt", SAMPLES / "dbt" / "test", "--store", lineage)
    found = rows(lineage, KINDS)
    assert {row["kind"]: row["dimension"] for row in found} == {
        "accepted": "Validity",
        "assert": None,
        "not": "Completeness",
        "relationships": "Integrity",
        "unique": "Uniqueness",
    }


# Nothing changes twice


@NEEDS_SAMPLES
def test_importing_twice_changes_nothing(lineage: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(SAMPLES / "dbt" / "build", copy)
    headwater("import", "dbt", copy, "--store", lineage)
    once = contents(lineage)
    assert (
        headwater("import", "dbt", copy, "--store", lineage)
        == f"Imported 0 results of 0 files, 1 unchanged into {lineage}.\n"
    )
    headwater("import", "dbt", SAMPLES / "dbt" / "build", "--store", lineage)
    assert contents(lineage) == once


def test_a_file_that_is_overwritten_by_the_next_run_adds_to_the_one_before(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    for hour in (6, 7):
        file.write_text(line(executed_at=f"2026-11-22T0{hour}:00:00Z"))
        headwater("import", "json", file, "--store", store)
    assert [row["executed_at"].hour for row in contents(store)] == [6, 7]


def test_a_result_that_a_file_says_twice_is_one(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(f"{line()}\n\n{line()}\n")
    headwater("import", "json", file, "--store", store)
    assert len(contents(store)) == 1


# Malformed files


def test_a_malformed_file_is_named_and_the_rest_is_imported(store: Path, tmp_path: Path) -> None:
    for name, text in (
        ("a_good.jsonl", line(check_name="a")),
        ("b_half.jsonl", f"{line(check_name='b')}\n{line(check_name='b2')[:-9]}"),
        ("c_odd.jsonl", f"{line(check_name='c')}\n\n{line(check_name='c2', status='odd')}"),
        ("d_good.json", f"[{line(check_name='d')}]"),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "e_binary.jsonl").write_bytes(b"\xff\xfe")
    output = headwater("import", "json", tmp_path, tmp_path / "none.jsonl", "--store", store, code=1)
    nothing = "Nothing of this file was imported."
    assert output.splitlines() == [
        f"headwater: {tmp_path}/none.jsonl: there is no such file or folder.",
        f"headwater: {tmp_path}/b_half.jsonl: line 2, column 78: this is not JSON: Unterminated string starting at. "
        f"{nothing}",
        f"headwater: {tmp_path}/c_odd.jsonl: line 3.status: Input should be 'passed', 'failed', 'skipped' or "
        f"'errored'. {nothing}",
        f"headwater: {tmp_path}/e_binary.jsonl: line 1, byte 0: this is not UTF-8. {nothing}",
        f"Imported 2 results of 2 files, 4 not readable into {store}.",
    ]
    assert [row["check_name"] for row in contents(store)] == ["a", "d"]


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("dbt", "there is no run_results.json in this folder. Name dbt's target folder."),
        ("soda", "there is no .json file in this folder."),
        ("great-expectations", "there is no .json file in this folder."),
        ("json", "no file in this folder ends in .jsonl, .ndjson, .json."),
        (
            "elementary",
            "there is no elementary_test_results in .parquet, .csv, ",
        ),
        ("dqops", "this is no user home of DQOps"),
    ],
)
def test_a_folder_with_nothing_in_it_is_named(store: Path, tmp_path: Path, tool: str, said: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"headwater: {empty}: {said}" in headwater("import", tool, empty, "--store", store, code=1)


def test_a_file_of_another_kind_is_passed_over_in_a_folder_and_refused_when_named(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_text('{"name": "x"}')
    assert "0 files, 1 of another kind" in headwater("import", "soda", tmp_path, "--store", store)
    assert "is not a file of results of soda" in headwater("import", "soda", file, "--store", store, code=1)


def test_a_store_that_a_sidecar_owns_is_busy(store: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    file = tmp_path / "results.jsonl"
    file.write_text(line())
    with Store(live_path(store)):
        done = subprocess.run(
            [sys.executable, "-m", "headwater", "import", "json", file, "--store", store],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"headwater: Another process is writing to {live_path(store)}: only one sidecar can")


# Names


def test_a_result_finds_its_dataset_whenever_that_becomes_known(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(
        "\n".join([line(dataset="DIM_CUSTOMERS"), line(dataset="mart.unheard_of"), line(dataset="customers")])
    )
    headwater("import", "json", file, "--store", store)
    assert {(row["namespace"], row["name"]) for row in contents(store)} == {
        (None, "DIM_CUSTOMERS"),
        (None, "mart.unheard_of"),
        (None, "customers"),
    }
    headwater("replay", *DAYS, "--store", store)
    assert {(row["namespace"], row["name"]) for row in contents(store)} == {
        (SALES_DB, "sales.data_mart.dim_customers"),
        (None, "mart.unheard_of"),
        (SALES_DB, "sales.cleansing.customers"),
    }


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ('SHOP."Public"."Größe"', "public.GRÖße"),
        ("SHOP.Public.日本 語", '"public"."日本 語"'),
        ("/lake/shop/orders [new]", "[shop].[orders [new]]]"),
        ("s3/it's.orders", "it's.orders"),
    ],
)
def test_a_name_is_the_same_in_any_case_quotes_and_script(store: Path, tmp_path: Path, dataset: str, said: str) -> None:
    event = {"eventTime": "2026-11-22T06:00:00Z", "dataset": {"namespace": "n", "name": dataset}}
    (tmp_path / "events.ndjson").write_text(json.dumps(event))
    (tmp_path / "results.jsonl").write_text(line(dataset=said))
    headwater("import", "json", tmp_path / "results.jsonl", "--store", store)
    headwater("replay", tmp_path / "events.ndjson", "--store", store)

    assert [(row["namespace"], row["name"]) for row in contents(store)] == [("n", dataset)]


@pytest.mark.parametrize("tool", ["json", "dqops"])
def test_what_was_done_about_an_incident_holds_when_its_dataset_becomes_known(
    store: Path, tmp_path: Path, home: DqopsHome, tool: str
) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(line(dataset="landing.customers_ca_raw", field="customer_id"))
    home.write("check_results", [duplicates(2)])
    headwater("import", tool, {"json": file, "dqops": home.path}[tool], "--store", store)
    (before,) = rows(store, "FROM incident")
    headwater("incidents", "ack", before["incident_id"], "--actor", "ada", "--store", store)
    headwater("replay", DAYS[0], "--store", store)
    headwater("incidents", "show", before["incident_id"], "--store", store)  # its old id finds it

    (found,) = rows(store, "SELECT namespace, name, status, actor, former_ids FROM incident")
    assert found == {
        "namespace": SALES_DB,
        "name": "sales.landing.customers_ca_raw",
        "status": "acknowledged",
        "actor": "ada",
        "former_ids": [before["incident_id"]],
    }


def test_an_ending_that_two_datasets_have_is_no_name(lineage: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    events.write_text(DAYS[0].read_text().replace(SALES_DB, "duckdb:///srv/other.duckdb"))
    headwater("replay", events, "--store", lineage)
    file = tmp_path / "results.jsonl"
    file.write_text(
        "\n".join([line(dataset="dim_customers"), line(dataset="dim_customers", source="shop", field="id")])
    )
    headwater("import", "json", file, "--store", lineage, "--source-namespaces", f"shop={SALES_DB}")
    assert {(row["namespace"], row["name"], row["field"]) for row in contents(lineage)} == {
        (None, "dim_customers", None),
        (SALES_DB, "sales.data_mart.dim_customers", "id"),
    }


def test_a_namespace_that_is_set_holds_for_results_that_are_there_already(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(line(dataset="shop.orders", source="wh"))
    headwater("import", "json", file, "--store", store)
    headwater("import", "json", file, "--store", store, "--source-namespaces", "wh=postgres://db:5432")
    assert [(row["namespace"], row["name"]) for row in contents(store)] == [("postgres://db:5432", "shop.orders")]


def test_namespaces_and_dimensions_come_from_headwater_toml(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headwater.toml").write_text(
        '[source_namespaces]\n"my wh" = "postgres://db:5432"\n\n'
        '[check_dimensions]\nnot_null = "Validity"\nours = "Timeliness"\n'
    )
    lines = [
        line(source="my wh", check_kind=kind, check_name=kind) for kind in ("not_null", "Ours", "unique", "theirs")
    ]
    (tmp_path / "results.jsonl").write_text("\n".join(lines))
    headwater("import", "json", "results.jsonl", "--store", store)
    assert {row["check_name"]: row["dimension"] for row in contents(store)} == {
        "not_null": "Validity",
        "Ours": "Timeliness",
        "unique": "Uniqueness",
        "theirs": None,
    }
    assert {row["namespace"] for row in contents(store)} == {"postgres://db:5432"}


DIMENSIONS = "SELECT check_name, dimension FROM check_result WHERE tool = 'json' ORDER BY ALL"


@pytest.mark.parametrize("verb", ["import", "replay", "consume"])
def test_dimensions_hold_for_whatever_writes_until_they_are_taken_back(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results.jsonl").write_text(
        "\n".join(line(check_name=kind, check_kind=kind) for kind in ("not_null", "is_valid_iban", "is_valid_bic"))
    )
    headwater("import", "json", "results.jsonl", "--store", store)

    def write(text: str) -> list[tuple[str, str | None]]:
        """Change the settings, write with the verb, and return the dimensions of the checks."""
        (tmp_path / "headwater.toml").write_text(text)
        if verb == "import":
            headwater("import", "json", "results.jsonl", "--store", store)
        elif verb == "replay":
            headwater("replay", DAYS[0], "--store", store)
        else:  # as consume does, without a broker
            run_loop(settings(store=store), FileSource([DAYS[0]]), keeps_offsets=False, stopping=lambda: False)
        return [(row["check_name"], row["dimension"]) for row in rows(store, DIMENSIONS)]

    both = write('[check_dimensions]\nIS_VALID_IBAN = "validity"\nnot_null = "Integrity"\n')
    one = write('[check_dimensions]\nis_valid_bic = "Validity"\n')
    none = write("")

    assert both == [("is_valid_bic", None), ("is_valid_iban", "Validity"), ("not_null", "Integrity")]
    assert one == [("is_valid_bic", "Validity"), ("is_valid_iban", None), ("not_null", "Completeness")]
    assert none == [("is_valid_bic", None), ("is_valid_iban", None), ("not_null", "Completeness")]


def test_the_dimensions_of_all_kinds_of_checks_are_a_table_of_dqops_nine_that_users_extend(store: Path) -> None:
    headwater("replay", DAYS[0], "--store", store, "--check-dimensions", "is_valid_iban=Validity,unique=Our Own")
    found = rows(store, "FROM check_dimension ORDER BY check_kind")

    assert [tuple(row.values()) for row in found if row["is_own"]] == [
        ("is_valid_iban", "Validity", True),
        ("unique", "Our Own", True),
    ]
    assert len({row["check_kind"] for row in found}) == len(found) > 100
    assert {row["dimension"] for row in found if not row["is_own"]} <= {
        "Accuracy",
        "Availability",
        "Completeness",
        "Consistency",
        "Integrity",
        "Reasonableness",
        "Timeliness",
        "Uniqueness",
        "Validity",
    }
    sent = "SELECT DISTINCT dimension FROM check_result WHERE check_name LIKE 'unique_%'"
    assert rows(store, sent) == [{"dimension": "Our Own"}]


def test_pairs_that_are_none_are_refused(store: Path, tmp_path: Path) -> None:
    output = headwater("import", "json", tmp_path, "--store", store, "--source-namespaces", "sales", code=2)
    assert "The setting source_namespaces makes no sense: Value error, write NAME=VALUE" in output


# DQOps


def test_a_dqops_folder_is_mirrored_and_what_it_overwrites_is_kept_apart(lineage: Path, home: DqopsHome) -> None:
    home.connection("sales", provider_type="duckdb", duckdb={"database": "/srv/sales.duckdb"})
    (file,) = home.write("check_results", [duplicates(2)])
    home.write("errors", [error("sales", "data_mart.dim_customers", "daily_nulls_count", dimension="Completeness")])
    headwater("import", "dqops", home.path, "--store", lineage)
    assert [(row["namespace"], row["name"], row["status"], row["severity"]) for row in contents(lineage)] == [
        (SALES_DB, "sales.landing.customers_ca_raw", "failed", "error"),
        (SALES_DB, "sales.data_mart.dim_customers", "errored", None),
    ]

    home.write("check_results", [duplicates(0, NOON + timedelta(hours=2))])  # repaired, and checked again the same day
    headwater("import", "dqops", home.data, "--store", lineage)
    assert sorted(row["status"] for row in contents(lineage)) == ["errored", "passed"]
    replaced = "SELECT name, severity, executed_at FROM replaced_check_result"
    assert rows(lineage, replaced) == [
        {"name": "sales.landing.customers_ca_raw", "severity": "error", "executed_at": NOON}
    ]

    shutil.rmtree(file.parent)  # DQOps removes a partition that is empty
    assert "1 unchanged, 1 gone" in headwater("import", "dqops", home.path, "--store", lineage)
    assert [row["status"] for row in contents(lineage)] == ["errored"]

    home.write("check_results", [duplicates(2)])  # restored from a copy
    headwater("import", "dqops", home.path, "--store", lineage)
    assert sorted(row["status"] for row in contents(lineage)) == ["errored", "failed"]
    assert [row["severity"] for row in rows(lineage, replaced)] == ["valid"]


def test_a_half_written_partition_is_named_and_leaves_what_it_gave_before(store: Path, home: DqopsHome) -> None:
    (file,) = home.write("check_results", [duplicates(2)])
    home.write("check_results", [check("other", "a.b", "daily_row_count", 0)])
    headwater("import", "dqops", home.path, "--store", store)
    before = contents(store)
    file.write_bytes(file.read_bytes()[:-20])
    output = headwater("import", "dqops", home.path, "--store", store, code=1)
    assert f"headwater: {file}: this is not a whole Parquet file: " in output
    assert "1 unchanged, 1 not readable" in output
    assert contents(store) == before


def test_incidents_and_readouts_of_dqops(lineage: Path, home: DqopsHome) -> None:
    home.write("incidents", [incident("my sales", "data_mart.dim_customers", status="acknowledged")])
    readout = check(
        "my sales", "data_mart.dim_customers", "daily_row_count", None, sensor_name="table/volume/row_count"
    )
    home.write("sensor_readouts", [{**readout, "actual_value": 6.0}])
    headwater("import", "dqops", home.path, "--store", lineage)
    (found,) = rows(lineage, "FROM imported_incident")
    assert (found["namespace"], found["name"]) == (SALES_DB, "sales.data_mart.dim_customers")
    assert (found["status"], found["severity"], found["failed_checks"]) == ("acknowledged", "error", 3)
    (found,) = rows(lineage, "SELECT name, metric, value FROM store.imported_dataset_metric")
    assert found == {"name": "sales.data_mart.dim_customers", "metric": "row_count", "value": 6.0}


def test_every_data_domain_of_a_home_is_read(store: Path, home: DqopsHome) -> None:
    home.write("check_results", [check("a", "s.t", "daily_row_count", 0)])
    domain = DqopsHome(home.path / "domains" / "finance")
    domain.write("check_results", [check("b", "s.t", "daily_row_count", 1)])
    headwater("import", "dqops", home.path, "--store", store)
    assert {(row["namespace"], row["severity"]) for row in contents(store)} == {
        ("dqops://a", "valid"),
        ("dqops://b", "warning"),
    }


CHECKS = [("daily_duplicate_count", "Uniqueness"), ("daily_nulls_count", "Completeness")]
CURRENT = """
WITH
    result AS (
        SELECT *, max(executed_at) OVER (PARTITION BY namespace, name, field, check_name) AS last_at
        FROM store.imported_check_result
        WHERE details ->> '$.check_type' != 'profiling'
    ),
    checked AS (
        SELECT
            namespace,
            name,
            dimension,
            max(array_position(['valid', 'warning', 'error', 'fatal'], severity)) FILTER (executed_at = last_at) - 1
                AS severity
        FROM result
        GROUP BY namespace, name, field, check_name, dimension
    )
SELECT namespace, name, dimension, max(severity) AS severity FROM checked GROUP BY ALL
"""


def expected_status(found: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """Return the current severity of each table and dimension, as DQOps' documentation has it."""
    newest: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        if row["check_type"] == "profiling":
            continue
        key = tuple(row[name] for name in ("connection_name", "schema_name", "table_name", "column_name", "check_name"))
        if newest[key] and newest[key][0]["executed_at"] < row["executed_at"]:
            newest[key] = []
        if not newest[key] or newest[key][0]["executed_at"] == row["executed_at"]:
            newest[key].append(row)
    status: dict[tuple[str, str, str], int] = {}
    for row in (row for batch in newest.values() for row in batch):
        table = f"{row['schema_name']}.{row['table_name']}"
        about = (f"dqops://{row['connection_name']}", table, row["quality_dimension"])
        status[about] = max(status.get(about, 0), row["severity"])
    return status


@pytest.mark.parametrize("seed", range(2))
def test_the_status_is_that_of_the_folder_however_it_was_rewritten(store: Path, home: DqopsHome, seed: int) -> None:
    """Many connections, severities, data groups, months, re-runs in one period, deletions: an import now and then."""
    random_ = random.Random(seed)
    held: dict[str, dict[str, Any]] = {}
    written: set[Path] = set()
    start = datetime(2026, 9, 1, tzinfo=UTC)
    for step in range(12):
        for _ in range(random_.randrange(1, 15)):
            connection = random_.choice(["pg", "my warehouse", "a/b"])
            name, dimension = random_.choice(CHECKS)
            row = check(
                connection,
                random_.choice(["public.orders", "public.customers"]),
                name,
                random_.randrange(4),
                column=random_.choice([None, "id", "e mail"]),
                dimension=dimension,
                executed_at=start + timedelta(days=random_.randrange(4) * 20, seconds=step * 60 + random_.randrange(3)),
                data_group_name=random_.choice(["no grouping", "CA"]),
                check_type=random_.choice(["monitoring", "monitoring", "profiling"]),
            )
            held[row["id"]] = row
        if random_.random() < 0.3:
            held.pop(random_.choice(sorted(held)))
        now = set(home.write("check_results", held.values()))
        for gone in written - now:
            gone.unlink()
        written = now
        if random_.random() < 0.6:
            headwater("import", "dqops", home.path, "--store", store)
    headwater("import", "dqops", home.path, "--store", store)

    ids = sorted(json.loads(row["details"])["id"] for row in contents(store))
    assert ids == sorted(held)
    status = {tuple(row.values())[:3]: row["severity"] for row in rows(store, CURRENT)}
    assert status == expected_status(held.values())


LINEAGE = """\
# written by hand
apiVersion: dqo/v1
kind: table
spec:
  source_tables:
  - source_connection: sales
    source_schema: cleansing
    source_table: customers
    columns:
      customer_id:
        source_columns: [customer_id]
  - source_connection: crm
    source_schema: public
    source_table: accounts
"""
EDGES = """
SELECT upstream_namespace, upstream_name, downstream_name
FROM edge
WHERE job_namespace = 'dqops' AND is_current
ORDER BY ALL
"""


def test_the_lineage_of_dqops_becomes_edges_until_it_is_taken_back(store: Path, home: DqopsHome) -> None:
    home.write("check_results", [duplicates(2)])
    home.connection("sales", provider_type="duckdb", duckdb={"database": "/srv/sales.duckdb"})
    file = home.table_file("sales", "data_mart.dim_customers", LINEAGE)
    home.table_file("sales", "cleansing.customers", "spec: {}\n")
    headwater("import", "dqops", home.path, "--store", store)
    assert [tuple(row.values()) for row in rows(store, EDGES)] == [
        ("dqops://crm", "public.accounts", "sales.data_mart.dim_customers"),
        (SALES_DB, "sales.cleansing.customers", "sales.data_mart.dim_customers"),
    ]
    assert {row["evidence"] for row in rows(store, "FROM edge")} == {"explicit"}
    columns = "SELECT upstream_name, upstream_field, downstream_field FROM column_edge WHERE is_current"
    assert rows(store, columns) == [
        {
            "upstream_name": "sales.cleansing.customers",
            "upstream_field": "customer_id",
            "downstream_field": "customer_id",
        }
    ]
    events = rows(store, "SELECT count(*) AS n FROM event")

    headwater("import", "dqops", home.path, "--store", store)
    assert rows(store, "SELECT count(*) AS n FROM event") == events

    headwater("import", "dqops", home.path, "--store", store, "--source-namespaces", "crm=postgres://crm:5432")
    assert [row["upstream_namespace"] for row in rows(store, EDGES)] == [SALES_DB, "postgres://crm:5432"]

    file.unlink()
    headwater("import", "dqops", home.path, "--store", store)
    assert rows(store, EDGES) == []


def whole_home(home: DqopsHome) -> None:
    """Write a home with something of everything, about tables of the sales platform by the names that DQOps has."""
    home.write("check_results", [duplicates(2)])
    home.write("errors", [error("sales", "cleansing.customers", "daily_nulls_count")])
    home.write("incidents", [incident("sales", "data_mart.dim_customers")])
    readout = check("sales", "landing.customers_ca_raw", "daily_row_count", None, sensor_name="table/volume/row_count")
    home.write("sensor_readouts", [{**readout, "actual_value": 6.0}])
    home.table_file("sales", "data_mart.dim_customers", LINEAGE)


EVERYTHING = """
SELECT 'result' AS what, namespace, name, field FROM store.imported_check_result
UNION ALL SELECT 'metric', namespace, name, field FROM store.imported_dataset_metric
UNION ALL SELECT 'incident', namespace, name, NULL FROM imported_incident
UNION ALL
SELECT 'edge', upstream_namespace || ' → ' || downstream_namespace, upstream_name || ' → ' || downstream_name, NULL
FROM edge WHERE job_namespace = 'dqops' AND is_current
UNION ALL
SELECT 'column', upstream_namespace, upstream_name, downstream_name || '.' || downstream_field
FROM column_edge WHERE job_namespace = 'dqops' AND is_current
ORDER BY ALL
"""


@pytest.mark.parametrize(
    "connection",
    [
        pytest.param(None, id="a connection of which nothing is known"),
        pytest.param({"database": "/srv/sales.duckdb"}, id="one whose file says where it leads"),
        pytest.param({"database": "/mnt/other/sales.duckdb"}, id="one whose file says so in another way than events"),
    ],
)
def test_names_of_dqops_mean_the_same_whether_events_came_before_or_after(
    tmp_path: Path, home: DqopsHome, connection: dict[str, str] | None
) -> None:
    whole_home(home)
    if connection:
        home.connection("sales", provider_type="duckdb", duckdb=connection)
    before, after, twice = (tmp_path / f"{name}.duckdb" for name in ("before", "after", "twice"))
    headwater("replay", *DAYS, "--store", before)
    headwater("import", "dqops", home.path, "--store", before)
    headwater("import", "dqops", home.path, "--store", after)
    headwater("replay", *DAYS, "--store", after)
    for day in DAYS:
        headwater("import", "dqops", home.path, "--store", twice)
        headwater("replay", day, "--store", twice)

    assert [tuple(row.values())[1:3] for row in rows(before, EVERYTHING)] == [
        (SALES_DB, "sales.cleansing.customers"),
        (f"dqops://crm → {SALES_DB}", "public.accounts → sales.data_mart.dim_customers"),
        (f"{SALES_DB} → {SALES_DB}", "sales.cleansing.customers → sales.data_mart.dim_customers"),
        (SALES_DB, "sales.data_mart.dim_customers"),
        (SALES_DB, "sales.landing.customers_ca_raw"),
        (SALES_DB, "sales.cleansing.customers"),
        (SALES_DB, "sales.landing.customers_ca_raw"),
    ]
    assert rows(after, EVERYTHING) == rows(before, EVERYTHING)
    assert len({headwater("digest", "--store", store) for store in (before, after, twice)}) == 1


def test_a_name_that_a_second_dataset_gets_means_neither_any_more(lineage: Path, home: DqopsHome) -> None:
    whole_home(home)
    headwater("import", "dqops", home.path, "--store", lineage)
    first = rows(lineage, EDGES)
    other = home.path / "other.ndjson"
    other.write_text(DAYS[0].read_text().replace(SALES_DB, "duckdb:///srv/other.duckdb"))
    headwater("replay", other, "--store", lineage)
    ambiguous = rows(lineage, EDGES)
    headwater("import", "dqops", home.path, "--store", lineage, "--source-namespaces", f"sales={SALES_DB}")

    assert [row["downstream_name"] for row in first] == ["sales.data_mart.dim_customers"] * 2
    assert [row["upstream_namespace"] for row in ambiguous] == ["dqops://crm", "dqops://sales"]
    assert rows(lineage, EDGES) == first


def test_what_was_imported_before_is_named_anew_when_the_store_is_folded_anew(
    lineage: Path, home: DqopsHome, tmp_path: Path
) -> None:
    whole_home(home)
    home.connection("crm", provider_type="postgresql", postgresql={"host": "crm", "port": "5432", "database": "crm"})
    headwater("import", "dqops", home.path, "--store", lineage)
    once = rows(lineage, EVERYTHING)
    digest = headwater("digest", "--store", lineage)
    headwater("migrate", "--refold", "--store", lineage)

    assert ("edge", f"postgres://crm:5432 → {SALES_DB}") in [tuple(row.values())[:2] for row in once]
    assert rows(lineage, EVERYTHING) == once
    assert headwater("digest", "--store", lineage) == digest


def test_a_table_file_that_is_not_yaml_is_named(store: Path, home: DqopsHome) -> None:
    home.write("check_results", [duplicates(2)])
    file = home.table_file("sales", "a.b", "spec:\n  source_tables: [")
    output = headwater("import", "dqops", home.path, "--store", store, code=1)
    assert f"headwater: {file}: this is not YAML: " in output
    assert "Imported 1 results of 1 files, 1 not readable" in output


# Export

BEFORE = """\
# our landing zone
apiVersion: dqo/v1
kind: table
spec:
  timestamp_columns: {}   # none yet
  source_tables:
  # from the CRM, by hand
  - source_connection: crm
    source_schema: public
    source_table: accounts
  columns:
    customer_id:
      type_snapshot:
        column_type: "VARCHAR"
"""
AFTER = BEFORE.replace(
    """\
    source_table: accounts
""",
    """\
    source_table: accounts
  - source_connection: sales
    source_schema: landing
    source_table: customers_ca_raw
    data_lineage_source_tool: headwater
    columns:
      country:
        source_columns:
        - country
      customer_id:
        source_columns:
        - customer_id
      email:
        source_columns:
        - email
      name:
        source_columns:
        - name
""",
)


def test_export_writes_our_lineage_into_the_tables_of_dqops_and_leaves_the_rest_as_it_was(
    lineage: Path, home: DqopsHome
) -> None:
    home.connection("sales", provider_type="duckdb", duckdb={"database": "/srv/sales.duckdb"})
    home.table_file("sales", "landing.customers_ca_raw", "spec: {}\n")
    home.table_file("sales", "elsewhere.unheard_of", "spec: {}\n")
    file = home.table_file("sales", "cleansing.customers", BEFORE)
    assert headwater("export", "dqops", home.path, "--store", lineage) == (
        f"Wrote the lineage of 1 tables into {home.path}; 1 had it already, 1 are no dataset of {lineage}.\n"
    )
    assert file.read_text() == AFTER
    again = headwater("export", "dqops", home.path, "--store", lineage)
    assert again.startswith("Wrote the lineage of 0 tables into ")
    assert file.read_text() == AFTER

    # What is exported is no news when it is imported: the edges by hand are.
    home.write("check_results", [duplicates(2)])
    headwater("import", "dqops", home.path, "--store", lineage)
    assert [row["upstream_name"] for row in rows(lineage, EDGES)] == ["public.accounts"]

    home.table_file("sales", "landing.customers_ca_raw", "spec: {}\n").unlink()
    headwater("export", "dqops", home.path, "--store", lineage)
    assert file.read_text() == BEFORE


def test_export_leaves_a_file_alone_that_it_cannot_read(lineage: Path, home: DqopsHome) -> None:
    file = home.table_file("sales", "cleansing.customers", "spec: [")
    output = headwater("export", "dqops", home.path, "--store", lineage, code=1)
    assert f"headwater: {file}: this is not YAML: " in output
    assert file.read_text() == "spec: ["


def test_export_needs_a_user_home(lineage: Path, tmp_path: Path) -> None:
    output = headwater("export", "dqops", tmp_path, "--store", lineage, code=1)
    assert output == f"headwater: {tmp_path}: this is no user home of DQOps: it has no folder sources.\n"
