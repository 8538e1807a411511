"""What every importer promises, whatever its tool."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from headwater.errors import FileUnreadable
from headwater.names import content_id
from headwater.quality import IMPORTERS, Document
from headwater.quality.importer import Severity, Status
from headwater.rows import CheckResult
from hypothesis import given, settings
from hypothesis import strategies as st

AT = "2026-11-22T06:00:00Z"

DBT = Document(
    "run_results.json",
    {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "generated_at": AT,
            "invocation_id": "i-1",
        },
        "results": [
            {"unique_id": f"test.shop.{name}", "status": status, "failures": failures, "timing": []}
            for name, status, failures in (
                ("a", "pass", 0),
                ("b", "fail", 3),
                ("c", "warn", 1),
                ("d", "skipped", None),
                ("e", "error", None),
            )
        ],
    },
    {
        "manifest.json": {
            "metadata": {"project_name": "shop"},
            "nodes": {
                "model.shop.orders": {"name": "orders", "database": "db", "schema": "mart", "alias": "orders"},
                **{
                    f"test.shop.{name}": {
                        "name": f"unique_{name}",
                        "column_name": "id",
                        "attached_node": "model.shop.orders",
                        "depends_on": {"nodes": ["model.shop.orders"]},
                        "test_metadata": {"name": "unique"},
                        "config": {"severity": "ERROR", "warn_if": "!= 0", "error_if": "!= 0"},
                    }
                    for name in "abcde"
                },
            },
        }
    },
)

GREAT_EXPECTATIONS = Document(
    "validation.json",
    {
        "success": False,
        "suite_name": "orders",
        "meta": {
            "active_batch_definition": {"datasource_name": "shop", "data_asset_name": "mart.orders"},
            "run_id": {"run_name": "nightly", "run_time": AT},
        },
        "results": [
            {
                "success": success,
                "expectation_config": {
                    "type": kind,
                    "kwargs": {"column": "id", "batch_id": "b"},
                    "severity": severity,
                    "id": f"{kind}-id",
                },
                "result": {},
                "exception_info": exception,
            }
            for success, kind, severity, exception in (
                (True, "expect_column_values_to_be_unique", "critical", {"raised_exception": False}),
                (False, "expect_column_values_to_not_be_null", "critical", {}),
                (False, "expect_column_values_to_be_in_set", "info", {}),
                (False, "expect_column_max_to_be_between", None, {"raised_exception": True, "exception_message": "x"}),
                (False, "expect_column_min_to_be_between", None, {"M(1)": {"raised_exception": True}}),
            )
        ],
    },
)

SODA = Document(
    "scan.json",
    {
        "definitionName": "orders",
        "defaultDataSource": "shop",
        "scanEndTimestamp": AT,
        "hasErrors": False,
        "metrics": [{"identity": "m-1", "metricName": "duplicate_count", "value": 1}],
        "checks": [
            {"name": name, "table": "orders", "column": "id", "metrics": ["m-1"], "outcome": outcome}
            for name, outcome in (("a", "pass"), ("b", "fail"), ("c", "warn"), ("d", None))
        ],
    },
)

ELEMENTARY = Document(
    "elementary_test_results.csv",
    [
        {
            "id": f"r-{name}",
            "test_unique_id": f"test.shop.{name}",
            "test_name": name,
            "status": status,
            "detected_at": "2026-11-22 06:00:00",
            "database_name": "db",
            "schema_name": "mart",
            "table_name": "orders",
            "column_name": "",
            "failures": "1",
        }
        for name, status in (("a", "pass"), ("b", "fail"), ("c", "warn"), ("d", "error"), ("e", "skipped"))
    ],
)

JSON = Document(
    "results.jsonl",
    [
        {"check_name": f"c{number}", "dataset": "orders", "status": status, "executed_at": AT}
        for number, status in enumerate(("passed", "failed", "skipped", "errored"))
    ],
)

DQOPS = Document(
    "check_results.0.parquet",
    {
        "table": "check_results",
        "connection": "shop",
        "rows": [
            {
                "id": f"id-{severity}",
                "check_name": f"daily_check_{severity}",
                "schema_name": "mart",
                "table_name": "orders",
                "executed_at": "2026-11-22T06:00:00+00:00",
                "severity": severity,
            }
            for severity in (0, 1, 2, 3)
        ],
    },
)

DOCUMENTS = {
    "dbt": DBT,
    "great-expectations": GREAT_EXPECTATIONS,
    "soda": SODA,
    "elementary": ELEMENTARY,
    "json": JSON,
    "dqops": DQOPS,
}
TOOLS = pytest.mark.parametrize("tool", IMPORTERS)

OUTCOMES = {
    "dbt": ["passed valid", "failed error", "failed warning", "skipped None", "errored None"],
    "great-expectations": ["passed valid", "failed error", "failed warning", "errored None", "errored None"],
    "soda": ["passed valid", "failed error", "failed warning", "skipped None"],
    "elementary": ["passed valid", "failed error", "failed warning", "errored None", "skipped None"],
    "json": ["passed valid", "failed error", "skipped None", "errored None"],
    "dqops": ["passed valid", "failed warning", "failed error", "failed fatal"],
}


def results(tool: str, document: Document | None = None) -> list[CheckResult]:
    return list(IMPORTERS[tool].findings(document or DOCUMENTS[tool]).results)


def test_every_tool_has_a_document_here() -> None:
    assert DOCUMENTS.keys() == IMPORTERS.keys() == OUTCOMES.keys()


@TOOLS
def test_the_outcomes_of_a_tool_become_ours(tool: str) -> None:
    assert [f"{row.status} {row.severity}" for row in results(tool)] == OUTCOMES[tool]


@TOOLS
def test_only_what_passed_or_failed_has_a_severity(tool: str) -> None:
    for row in results(tool):
        assert row.status in get_args(Status)
        assert (row.severity in get_args(Severity)) == (row.status in ("passed", "failed"))
        assert (row.severity == "valid") == (row.status == "passed")


@TOOLS
def test_the_same_document_gives_the_same_rows(tool: str) -> None:
    moved = DOCUMENTS[tool]._replace(path="elsewhere", body=copy.deepcopy(DOCUMENTS[tool].body))
    assert results(tool, moved) == results(tool)


@TOOLS
def test_different_results_have_different_ids(tool: str) -> None:
    ids = [row.row_id for row in results(tool)]
    assert {len(row_id) for row_id in ids} == {len(content_id(b""))}
    assert len(set(ids)) == len(ids)


@TOOLS
def test_details_are_an_object_in_json(tool: str) -> None:
    assert all(isinstance(json.loads(row.details), dict) for row in results(tool))


@TOOLS
def test_a_document_is_known_by_its_own_importer_and_by_no_other(tool: str) -> None:
    knows = {name for name, importer in IMPORTERS.items() if importer.is_document(DOCUMENTS[tool].body)}
    assert knows == {tool}


def refusal(tool: str, document: Document) -> str | None:
    """Return why a document is refused, if it is one of its tool."""
    try:
        if IMPORTERS[tool].is_document(document.body):
            IMPORTERS[tool].findings(document)
    except FileUnreadable as exc:
        return str(exc)
    return None


@TOOLS
@pytest.mark.parametrize("body", [None, 1, "text", [], {}, [1], {"results": 1, "meta": 2, "success": 3}])
def test_a_body_that_makes_no_sense_says_nothing(tool: str, body: Any) -> None:
    document = Document("strange.json", body)
    is_read = IMPORTERS[tool].is_document(body) and refusal(tool, document) is None
    assert not is_read or not any(IMPORTERS[tool].findings(document))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value inside another one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    copied = copy.deepcopy(value)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return copied


@TOOLS
@settings(deadline=None)
@given(data=st.data(), new=st.one_of(st.none(), st.integers(), st.text(), st.just([]), st.just({}), st.floats()))
def test_whatever_stands_somewhere_is_read_or_refused_with_the_name_of_the_file(
    tool: str, data: st.DataObject, new: Any
) -> None:
    document = DOCUMENTS[tool]
    place = data.draw(st.sampled_from(list(places(document.body))))
    spoilt = document._replace(path="spoilt.json", body=changed(document.body, place, new))
    why = refusal(tool, spoilt)
    assert why is None or (why.startswith("spoilt.json: ") and why.endswith("Nothing of this file was imported."))
