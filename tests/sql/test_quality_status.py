"""The quality status is what DQOps' rules make of the check results, worked out here a second time, in Python."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from headwater.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import SHARED, empty, values_of, write_all

TABLES = ("orders", "items", "unchecked")
WORDS = ["valid", "warning", "error", "fatal"]
DIMENSIONS = {"not_null": "Completeness", "unique": "Uniqueness", "house_rule": None}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("status") / "live.duckdb") as store:
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    empty(opened)
    return opened


class Check(NamedTuple):
    """One test of a run: what it is, and how it went."""

    table: str | None
    field: str | None
    kind: str
    status: str  # pass, fail, skip or error
    severity: str  # configured; that of the outcome when it fails
    hour: int


def event_of(number: int, check: Check) -> bytes:
    """Return the event of a run that reports one test."""
    params = {"tested_table": check.table, "tested_column": check.field}
    said = {"name": check.kind, "type": check.kind, "status": check.status, "severity": check.severity}
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": moment(check.hour).isoformat(),
            "producer": "https://example.org/checker",
            "run": {"runId": f"run {number}", "facets": {"test": {"tests": [said | {"params": params}]}}},
            "job": {"namespace": "jobs", "name": "check"},
            "inputs": [{"namespace": "db", "name": name} for name in TABLES],
        }
    ).encode()


def moment(hour: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)


class Status(NamedTuple):
    """A row of quality_status, without its dataset's namespace."""

    name: str
    field: str | None
    dimension: str | None
    current_severity: str | None
    highest_severity: str | None
    last_hour: float | None
    executed_checks: int
    valid: int
    warnings: int
    errors: int
    fatals: int
    execution_errors: int
    kpi: float | None


def expected_status(checks: list[Check]) -> set[Status]:
    """Return what the rules make of *checks*. Level 4 is an execution error, as in DQOps."""
    history: dict[tuple[str, str | None, str], list[tuple[int, int]]] = defaultdict(list)
    for check in checks:
        if check.table in TABLES and check.status != "skip":
            history[check.table, check.field, check.kind].append((check.hour, level_of(check)))
    members: dict[tuple[str, str | None, str | None], list[list[tuple[int, int]]]] = defaultdict(list)
    for table in TABLES:
        members[table, None, None] = []
    for (table, field, kind), executions in history.items():
        members[table, None, None].append(executions)
        if DIMENSIONS[kind]:
            members[table, None, DIMENSIONS[kind]].append(executions)
        if field:
            members[table, field, None].append(executions)
    return {rolled_up(*key, executions) for key, executions in members.items()}


def level_of(check: Check) -> int:
    if check.status == "error":
        return 4
    return 0 if check.status == "pass" else WORDS.index(check.severity)


def rolled_up(name: str, field: str | None, dimension: str | None, histories: list[list[tuple[int, int]]]) -> Status:
    newest = [max(history)[0] for history in histories]
    now = [max(level for hour, level in history if hour == max(history)[0]) for history in histories]
    ever = [level for history in histories for _, level in history if level < 4]
    found = [level for level in now if level < 4]
    return Status(
        name,
        field,
        dimension,
        WORDS[max(found)] if found else None,
        WORDS[max(ever)] if ever else None,
        max(newest) if newest else None,
        len(histories),
        now.count(0),
        now.count(1),
        now.count(2),
        now.count(3),
        now.count(4),
        100 * sum(level < 2 for level in found) / len(found) if found else None,
    )


checks = st.lists(
    st.builds(
        Check,
        table=st.sampled_from(["orders", "items", "no such table", None]),
        field=st.sampled_from(["id", "note", None]),
        kind=st.sampled_from(list(DIMENSIONS)),
        status=st.sampled_from(["pass", "fail", "skip", "error"]),
        severity=st.sampled_from(["warning", "error", "fatal"]),
        hour=st.integers(0, 3),
    ),
    max_size=12,
).map(lambda found: [Check(None, None, "unique", "pass", "error", 0), *found])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(checks=checks)
def test_the_status_is_what_the_rules_make_of_the_results(opened: Store, checks: list[Check]) -> None:
    empty(opened)
    # A result that names no table would be its run's only input's: these runs have three.
    write_all(opened, [[event_of(number, check) for number, check in enumerate(checks)]])

    assert set(statuses(opened)) == expected_status(checks)


def statuses(store: Store) -> list[Status]:
    rows = store.database.rows(
        "SELECT * EXCLUDE (namespace, last_executed_at) "
        "REPLACE (kpi::DOUBLE AS kpi), epoch(last_executed_at) / 3600 FROM quality_status"
    )
    hours = moment(0).timestamp() / 3600
    return [Status._make((*row[:5], None if row[-1] is None else row[-1] - hours, *row[5:-1])) for row in rows]


def check(status: str = "fail", severity: str = "error", hour: int = 0, **changes: Any) -> Check:
    return Check("orders", "id", "unique", status, severity, hour)._replace(**changes)


def test_a_dataset_without_checks_is_not_valid_but_unknown(store: Store) -> None:
    write_all(store, [[event_of(0, check("skip"))]])

    assert sorted(statuses(store)) == [
        Status(name, None, None, None, None, None, 0, 0, 0, 0, 0, 0, None) for name in ("items", "orders", "unchecked")
    ]


def test_an_execution_error_sets_no_severity_and_hides_no_failure_of_another_check(store: Store) -> None:
    write_all(store, [[event_of(0, check(hour=0)), event_of(1, check("error", hour=1, kind="not_null"))]])

    assert statuses_of(store, "orders", None) == [
        Status("orders", None, None, "error", "error", 1, 2, 0, 0, 1, 0, 1, 0.0),
        Status("orders", None, "Completeness", None, None, 1, 1, 0, 0, 0, 0, 1, None),
        Status("orders", None, "Uniqueness", "error", "error", 0, 1, 0, 0, 1, 0, 0, 0.0),
    ]


def test_a_skipped_check_is_as_it_was_before(store: Store) -> None:
    write_all(store, [[event_of(0, check(hour=0)), event_of(1, check("skip", hour=1))]])

    assert [status.current_severity for status in statuses_of(store, "orders", "id")] == ["error"]


def statuses_of(store: Store, name: str, field: str | None) -> list[Status]:
    found = [status for status in statuses(store) if (status.name, status.field) == (name, field)]
    return sorted(found, key=lambda status: status.dimension or "")


def test_a_check_of_another_tool_that_passes_hides_no_failure(store: Store) -> None:
    passed = json.loads(event_of(1, check("pass", hour=1)))
    passed["producer"] = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3"
    write_all(store, [[event_of(0, check(hour=0)), json.dumps(passed).encode()]])

    assert [status[:9] for status in statuses_of(store, "orders", "id")] == [
        ("orders", "id", None, "error", "error", 1, 2, 1, 0)
    ]


# Along the edges


def lineage(*edges: tuple[str, str]) -> list[bytes]:
    """Return events of runs that each make one dataset from another."""
    return [
        json.dumps(
            {
                "eventType": "COMPLETE",
                "eventTime": moment(0).isoformat(),
                "producer": "https://example.org/etl",
                "run": {"runId": f"{upstream} to {downstream}"},
                "job": {"namespace": "jobs", "name": f"{upstream} to {downstream}"},
                "inputs": [{"namespace": "db", "name": upstream}],
                "outputs": [{"namespace": "db", "name": downstream}],
            }
        ).encode()
        for upstream, downstream in edges
    ]


def asserted(table: str, severity: str | None, kind: str = "unique") -> bytes:
    """Return the event of a check of *table*; it passed if there is no severity."""
    said = {"assertion": kind, "success": severity is None, "severity": severity}
    facets = {"dataQualityAssertions": {"assertions": [said]}}
    return json.dumps(
        {"eventTime": moment(1).isoformat(), "dataset": {"namespace": "db", "name": table, "facets": facets}}
    ).encode()


def edges(store: Store, where: str = "dimension IS NULL") -> list[tuple[Any, ...]]:
    return store.database.rows(
        "SELECT upstream_name, downstream_name, upstream_severity, downstream_severity, upstream_combined_severity "
        f"FROM edge_quality WHERE {where} ORDER BY ALL"
    )


def test_an_edge_carries_the_worst_of_everything_upstream(store: Store) -> None:
    events = lineage(("a", "b"), ("b", "c"), ("x", "c"))
    write_all(store, [[*events, asserted("a", "error"), asserted("b", None), asserted("c", "warning")]])

    assert edges(store) == [
        ("a", "b", "error", "valid", "error"),
        ("b", "c", "valid", "warning", "error"),
        ("x", "c", None, "warning", None),
    ]


def test_a_cycle_of_edges_ends(store: Store) -> None:
    write_all(store, [[*lineage(("a", "b"), ("b", "a")), asserted("a", "warning"), asserted("b", "fatal")]])

    assert edges(store) == [
        ("a", "b", "warning", "fatal", "fatal"),
        ("b", "a", "fatal", "warning", "fatal"),
    ]


def test_each_dimension_flows_by_itself(store: Store) -> None:
    events = lineage(("a", "b"), ("b", "c"))
    write_all(store, [[*events, asserted("a", "error"), asserted("b", "warning", "not_null"), asserted("c", None)]])

    assert edges(store, "dimension = 'Uniqueness'") == [
        ("a", "b", "error", None, "error"),
        ("b", "c", None, "valid", "error"),
    ]
    assert edges(store, "dimension = 'Completeness'") == [
        ("a", "b", None, "warning", None),
        ("b", "c", "warning", None, "warning"),
    ]


def test_the_sales_platform_fails_from_its_landing_table_on(store: Store) -> None:
    path = SHARED / "quality_samples" / "openlineage" / "dbt_ol_run_then_test.jsonl"
    if not path.exists():
        pytest.skip("the recorded events of the sales platform do not lie beside the project")
    write_all(store, [values_of(path)])

    assert edges(store, "dimension = 'Uniqueness' AND upstream_combined_severity != 'valid'") == [
        ("sales.cleansing.customers", "sales.data_mart.dim_customers", "error", "warning", "error"),
        ("sales.landing.customers_ca_raw", "sales.cleansing.customers", "error", "error", "error"),
    ]
