from typing import Any

import pytest
from headwater.facets import (
    ColumnLineage,
    DataQualityAssertions,
    Entity,
    Facet,
    ParentRun,
    Schema,
    Statistics,
    read_facet,
)


def read(entity: Entity, key: str, body: Any) -> dict[str, Any]:
    facet, problem = read_facet(entity, key, body)
    assert problem is None
    assert facet is not None
    return facet.model_dump(exclude_defaults=True)


def test_a_facet_that_is_not_known_is_no_problem() -> None:
    assert read_facet("run", "spark.logicalPlan", {"plan": []}) == (None, None)


def test_the_same_key_means_something_else_on_another_entity() -> None:
    assert read_facet("job", "schema", {"fields": 7}) == (None, None)


@pytest.mark.parametrize(
    ("entity", "key", "body", "problem"),
    [
        ("dataset", "schema", {"fields": 7}, "schema.fields: Input should be a valid list"),
        ("dataset", "schema", "x", "schema: Input should be a valid dictionary or instance of Schema"),
        (
            "output",
            "outputStatistics",
            {"rowCount": "many"},
            "outputStatistics.rowCount: Input should be a valid integer, unable to parse string as an integer",
        ),
        ("dataset", "ownership", {"owners": [{"nam": "a"}]}, "ownership.owners.0.name: Field required"),
    ],
)
def test_a_known_facet_that_cannot_be_read_says_where(entity: Entity, key: str, body: Any, problem: str) -> None:
    assert read_facet(entity, key, body) == (None, problem)


@pytest.mark.parametrize("empty", [{}, {"fields": None}, {"fields": []}, {"fields": [None]}])
def test_null_and_empty_are_absent(empty: dict[str, Any]) -> None:
    assert read_facet("dataset", "schema", empty) == (Schema(), None)


def test_a_nested_schema_keeps_its_nesting() -> None:
    body = {"fields": [{"name": "a", "type": "struct", "fields": [{"name": "b", "type": None}]}]}

    assert read("dataset", "schema", body) == {"fields": [{"name": "a", "type": "struct", "fields": [{"name": "b"}]}]}


def test_column_lineage_is_read_with_and_without_transformations() -> None:
    source = {"namespace": "n", "name": "t", "field": "f"}
    body = {
        "fields": {
            "plain": {"inputFields": [source]},
            "empty": {"inputFields": [source | {"transformations": []}], "transformationType": ""},
            "full": {
                "inputFields": [
                    source | {"transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": True}]}
                ]
            },
        },
        "dataset": [source | {"transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}],
    }

    assert read("dataset", "columnLineage", body) == {
        "fields": {
            "plain": {"input_fields": [source]},
            "empty": {"input_fields": [source]},
            "full": {
                "input_fields": [
                    source | {"transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": True}]}
                ]
            },
        },
        "dataset": [source | {"transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}],
    }


def test_expected_and_actual_are_text_whatever_was_sent() -> None:
    body = {"assertions": [{"assertion": "between", "success": False, "expected": [1, 5], "actual": 7}]}

    assert read("input", "dataQualityAssertions", body) == {
        "assertions": [{"assertion": "between", "success": False, "expected": "[1, 5]", "actual": "7"}]
    }


@pytest.mark.parametrize("key", ["parent", "parentRun"])
def test_a_parent_is_read_under_its_old_key_too(key: str) -> None:
    body = {"run": {"runId": "p"}, "job": {"namespace": "n", "name": "dag"}}
    facet, problem = read_facet("run", key, body)

    assert problem is None
    assert isinstance(facet, ParentRun)
    assert (facet.run.run_id, facet.job.namespace, facet.job.name, facet.root.run.run_id) == ("p", "n", "dag", None)


def test_models_ignore_what_they_do_not_know() -> None:
    facets: list[tuple[Entity, str, type[Facet]]] = [
        ("dataset", "columnLineage", ColumnLineage),
        ("dataset", "dataQualityAssertions", DataQualityAssertions),
        ("output", "outputStatistics", Statistics),
    ]

    for entity, key, model in facets:
        assert read_facet(entity, key, {"_producer": "p", "_schemaURL": "s", "new": 1}) == (model(), None)
