from collections.abc import Iterator
from typing import Any

import pytest
from headwater.canonical import parse
from headwater.facets import (
    MODELS,
    ColumnLineage,
    DataQualityAssertions,
    Entity,
    Facet,
    ParentRun,
    Schema,
    Statistics,
    read_facet,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


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
        ("dataset", "schema", "x", "schema: Input should be a valid dictionary or instance of Schema"),
        ("job", "sql", {"dialect": "ansi"}, "sql.query: Field required"),
        (
            "dataset",
            "lifecycleStateChange",
            {"previousIdentifier": {"name": "a"}},
            "lifecycleStateChange.lifecycleStateChange: Field required; "
            "lifecycleStateChange.previousIdentifier.namespace: Field required",
        ),
    ],
)
def test_a_facet_without_what_it_cannot_do_without_is_left_out(
    entity: Entity, key: str, body: Any, problem: str
) -> None:
    assert read_facet(entity, key, body) == (None, problem)


@pytest.mark.parametrize(
    ("entity", "key", "body", "said", "problem"),
    [
        pytest.param(
            "dataset", "schema", {"fields": 7}, {}, "schema.fields: Input should be a valid list", id="no list"
        ),
        pytest.param(
            "output",
            "outputStatistics",
            {"rowCount": "many", "size": "12"},
            {"size": 12},
            "outputStatistics.rowCount: Input should be a valid integer, unable to parse string as an integer",
            id="a member",
        ),
        pytest.param(
            "dataset",
            "ownership",
            {"owners": [{"nam": "a"}, None, {"name": "b"}]},
            {"owners": [{"name": "b"}]},
            "ownership.owners.0.name: Field required",
            id="an element",
        ),
        pytest.param(
            "dataset",
            "schema",
            {"fields": [{"name": "a", "fields": [{"type": "INT"}, {"name": "b"}]}, {}]},
            {"fields": [{"name": "a", "fields": [{"name": "b"}]}]},
            "schema.fields.0.fields.0.name: Field required; schema.fields.1.name: Field required",
            id="elements inside elements",
        ),
        pytest.param(
            "dataset",
            "columnLineage",
            {
                "fields": {
                    "a": 3,
                    "b": {
                        "inputFields": [
                            {"name": "t", "field": "x"},
                            {"namespace": "n", "name": "t", "field": "y"},
                        ]
                    },
                },
                "dataset": "x",
            },
            {"fields": {"b": {"input_fields": [{"namespace": "n", "name": "t", "field": "y"}]}}},
            "columnLineage.fields.a: Input should be a valid dictionary or instance of OutputField; "
            "columnLineage.fields.b.inputFields.0.namespace: Field required; "
            "columnLineage.dataset: Input should be a valid list",
            id="a value of a map",
        ),
        pytest.param(
            "input",
            "dataQualityAssertions",
            {"assertions": [{"assertion": "a"}, {"assertion": "b", "success": "true"}, {"success": False}]},
            {"assertions": [{"assertion": "b", "success": True}]},
            "dataQualityAssertions.assertions.0.success: Field required; "
            "dataQualityAssertions.assertions.2.assertion: Field required",
            id="assertions",
        ),
        pytest.param(
            "input",
            "dataQualityAssertions",
            {"assertions": [{"success": "maybe"}, {"assertion": "b", "success": 1}]},
            {"assertions": [{"assertion": "b", "success": True}]},
            "dataQualityAssertions.assertions.0.assertion: Field required; "
            "dataQualityAssertions.assertions.0.success: Input should be a valid boolean, unable to interpret input",
            id="an element that is wrong twice",
        ),
        pytest.param(
            "job",
            "jobType",
            {"jobType": "model", "emissionPattern": {"windowDuration": "long", "eventTrigger": "periodic"}},
            {"job_type": "MODEL", "emission_pattern": {"event_trigger": "PERIODIC"}},
            "jobType.emissionPattern.windowDuration: Input should be a valid integer, unable to parse string as an "
            "integer",
            id="a member of a part",
        ),
        pytest.param(
            "dataset",
            "schema",
            {"fields": [{}, {}, {}, {}, {"name": "a"}]},
            {"fields": [{"name": "a"}]},
            "schema.fields.0.name: Field required; schema.fields.1.name: Field required; "
            "schema.fields.2.name: Field required; and 1 more",
            id="more than three",
        ),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(
    entity: Entity, key: str, body: Any, said: dict[str, Any], problem: str
) -> None:
    facet, why = read_facet(entity, key, body)

    assert facet is not None
    assert (facet.model_dump(exclude_defaults=True), why) == (said, problem)


@pytest.mark.parametrize(
    ("levels", "read", "problem"),
    [
        (200, 200, None),
        (
            5_000,
            255,
            "schema.fields.0.fields.0.fields.0.fields.….fields.0.fields.0.fields.0.fields.0: "
            "Recursion error - maximum validation depth exceeded",
        ),
    ],
)
def test_a_facet_may_be_nested_deeply_but_not_without_end(levels: int, read: int, problem: str | None) -> None:
    field: dict[str, Any] = {"name": "x"}
    for _ in range(levels - 1):
        field = {"name": "x", "fields": [field]}
    facet, why = read_facet("dataset", "schema", {"fields": [field]})
    assert isinstance(facet, Schema)

    depth, fields = 0, facet.fields
    while fields:
        depth, fields = depth + 1, fields[0].fields
    assert (depth, why) == (read, problem)


def test_reading_leaves_what_was_sent_as_it_is() -> None:
    body = {"fields": [None, {"name": "a", "fields": [{}]}]}
    read_facet("dataset", "schema", body)

    assert body == {"fields": [None, {"name": "a", "fields": [{}]}]}


def test_a_facet_that_says_it_is_deleted_says_nothing_else() -> None:
    assert read_facet("dataset", "schema", {"_deleted": True, "fields": [{"name": "a"}]}) == (None, None)
    assert read_facet("job", "sql", {"_deleted": True}) == (None, None)


def test_runs_inputs_and_outputs_cannot_delete_facets() -> None:
    assert read("output", "outputStatistics", {"_deleted": True, "rowCount": 1}) == {"row_count": 1}


@pytest.mark.parametrize("word", ["direct", "DIRECT", " Direct "])
def test_words_are_read_in_any_case(word: str) -> None:
    source = {"namespace": "n", "name": "t", "field": "f"}
    body = {"fields": {}, "dataset": [source | {"transformations": [{"type": word, "subtype": "identity"}]}]}

    assert read("dataset", "columnLineage", body) == {
        "dataset": [source | {"transformations": [{"type": "DIRECT", "subtype": "IDENTITY"}]}]
    }


@pytest.mark.parametrize("number", [3776207205136740581, "3776207205136740581"])
def test_integers_of_64_bits_keep_all_of_them(number: object) -> None:
    assert read("output", "icebergCommitReport", {"snapshotId": number}) == {"snapshot_id": 3776207205136740581}


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
            "empty": {"input_fields": [source], "transformation_type": ""},
            "full": {
                "input_fields": [
                    source | {"transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": True}]}
                ]
            },
        },
        "dataset": [source | {"transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}],
    }


def test_expected_and_actual_are_text_whatever_was_sent() -> None:
    """The JSON that came, not what Python calls it: true, not True."""
    body = parse(
        b'{"assertions": [{"assertion": "between", "success": false, "expected": [1, 5], "actual": 7},'
        b' {"assertion": "is", "success": false, "expected": {"b": true, "a": null}, "actual": 1.10}]}'
    )

    assert read("input", "dataQualityAssertions", body) == {
        "assertions": [
            {"assertion": "between", "success": False, "expected": "[1,5]", "actual": "7"},
            {"assertion": "is", "success": False, "expected": '{"a":null,"b":true}', "actual": "1.10"},
        ]
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


def names_in(model: type[Facet]) -> set[str]:
    """Return what the members of a model and of its parts are called on the wire."""
    return {str(name) for part in [model.model_json_schema()] for name in _keys(part)}


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for item in node.values():
            yield from _keys(item)


WORDS = sorted({name for model in MODELS.values() for name in names_in(model)})
LEAVES = st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text()
# JSON made of the words of the facets, put together in any way.
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_any_body_is_read_or_explained(body: Any) -> None:
    for entity, key in MODELS:
        facet, problem = read_facet(entity, key, body)

        assert facet is not None or problem
        assert problem is None or problem.startswith(key)
