"""The laws of the fold: the store is a function of the set of events, not of their arrival.

Order-blind, idempotent, splittable: each holds for events that hypothesis makes up, with as many collisions of times,
runs and datasets as it likes, and for every recorded corpus.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headwater.fold import Folder
from headwater.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import SALES, arrangements, corpus_parameters, digest_of, empty, values_of, write_all

TIMES = st.integers(0, 5).map(lambda second: f"2026-01-01T00:00:0{second}Z")
NAMES = st.sampled_from("abc")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("laws") / "live.duckdb") as opened:
        yield opened


def digest(store: Store, batches: list[list[bytes]], folder: Folder | None = None) -> dict[str, tuple[int, str]]:
    empty(store)
    write_all(store, batches, folder)
    return digest_of(store)


def facets(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return maps that hold any of some facets."""
    return st.fixed_dictionaries({}, optional=choices)


def dataset_of(name: str) -> dict[str, str]:
    return {"namespace": "db", "name": name}


column_lineage = st.lists(st.tuples(NAMES, st.sampled_from(["x", "y"])), max_size=2).map(
    lambda sources: {
        "fields": {
            "x": {
                "inputFields": [dataset_of(name) | {"field": field, "transformations": []} for name, field in sources]
            }
        }
    }
)
schema = st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=3).map(
    lambda names: {"fields": [{"name": name, "type": "INT"} for name in names]}
)
assertions = st.booleans().map(
    lambda success: {"assertions": [{"assertion": "unique", "success": success, "column": "x", "actual": "1"}]}
)
metrics = st.integers(0, 2).map(lambda rows: {"rowCount": rows, "columnMetrics": {"x": {"nullCount": rows}}})
dataset_facets = facets(
    schema=schema,
    dataQualityMetrics=metrics,
    columnLineage=column_lineage,
    dataQualityAssertions=assertions,
    version=st.integers(0, 2).map(lambda version: {"datasetVersion": str(version)}),
    documentation=st.sampled_from([{"description": "a"}, {"description": "b"}, {"_deleted": True}]),
    symlinks=NAMES.map(lambda name: {"identifiers": [{"namespace": "hive", "name": name, "type": "TABLE"}]}),
    lifecycleStateChange=st.sampled_from([{"lifecycleStateChange": "DROP"}, {"lifecycleStateChange": "CREATE"}]),
    vendor=st.sampled_from([{"a": 1.10}, {"a": 2}, [1], "x", None]),
)
inputs = st.builds(lambda name, facets: dataset_of(name) | {"facets": facets}, NAMES, dataset_facets)
outputs = st.builds(
    lambda name, facets, rows: (
        dataset_of(name) | {"facets": facets, "outputFacets": {"outputStatistics": {"rowCount": rows}}}
    ),
    NAMES,
    dataset_facets,
    st.integers(0, 2),
)
jobs = st.builds(
    lambda name, facets: {"namespace": "jobs", "name": name, "facets": facets},
    st.sampled_from(["p", "q"]),
    facets(
        jobType=st.sampled_from(
            [
                {"processingType": "BATCH", "integration": "X", "jobType": "TEST"},
                {"processingType": "STREAMING", "integration": "X"},
            ]
        ),
        sourceCodeLocation=st.sampled_from([{"version": "1"}, {"version": "2"}]),
        sql=st.sampled_from([{"query": "select 1"}, {"query": "select 2"}]),
    ),
)
run_facets = facets(
    parent=st.sampled_from(["r", "s"]).map(
        lambda run: {"run": {"runId": run}, "job": {"namespace": "jobs", "name": "dag"}}
    ),
    nominalTime=TIMES.map(lambda time: {"nominalStartTime": time}),
    errorMessage=st.sampled_from([{"message": "m"}, {"message": None}]),
    test=st.builds(
        lambda status, table: {
            "tests": [{"name": "unique", "type": "unique", "status": status, "params": {"tested_table": table}}]
        },
        st.sampled_from(["pass", "fail", "skip"]),
        st.sampled_from(["a", "b", None]),
    ),
)
run_events = st.fixed_dictionaries(
    {
        "eventTime": TIMES,
        "run": st.builds(lambda run, facets: {"runId": run, "facets": facets}, st.sampled_from("rst"), run_facets),
        "job": jobs,
    },
    optional={
        "eventType": st.sampled_from(["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", "NEW"]),
        "inputs": st.lists(inputs, max_size=3),
        "outputs": st.lists(outputs, max_size=2),
        "producer": st.sampled_from(["https://x/integration/dbt", "y"]),
    },
)
job_events = st.fixed_dictionaries(
    {"eventTime": TIMES, "job": jobs, "inputs": st.lists(inputs, max_size=2), "outputs": st.lists(outputs, max_size=2)}
)
dataset_events = st.fixed_dictionaries({"eventTime": TIMES, "dataset": inputs})
events = st.one_of(run_events, run_events, run_events, job_events, dataset_events)
values = st.lists(events.map(lambda event: json.dumps(event).encode()), min_size=1, max_size=8)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=values, seed=st.integers(0, 999))
def test_arrival_makes_no_difference(store: Store, values: list[bytes], seed: int) -> None:
    arrived = random.Random(seed)
    cut = arrived.randint(0, len(values))
    shuffled = arrived.sample(values, len(values))
    more = shuffled + arrived.choices(values, k=3)

    expected = digest(store, [values])

    assert digest(store, [shuffled[:cut], shuffled[cut:]]) == expected
    assert digest(store, [more[:cut], more[cut:]], folder=Folder()) == expected


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=values)
def test_what_a_folder_remembers_makes_no_difference(store: Store, values: list[bytes]) -> None:
    one_by_one = [[value] for value in values]
    expected = digest(store, one_by_one)

    assert digest(store, one_by_one, folder=Folder(cache_bytes=1)) == expected
    assert digest(store, [values], folder=Folder(cache_bytes=0)) == expected


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=values, seed=st.integers(0, 999))
def test_white_space_and_the_order_of_keys_make_no_difference(store: Store, values: list[bytes], seed: int) -> None:
    expected = digest(store, [values])

    assert digest(store, [[rewritten(value, random.Random(seed)) for value in values]]) == expected


def rewritten(value: bytes, chance: random.Random) -> bytes:
    """Return the same JSON value in another spelling."""

    def shuffle(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: shuffle(item[key]) for key in chance.sample(list(item), len(item))}
        return [shuffle(element) for element in item] if isinstance(item, list) else item

    return json.dumps(shuffle(json.loads(value)), indent=chance.choice([None, 1]), ensure_ascii=False).encode()


@pytest.mark.slow
@pytest.mark.parametrize("path", corpus_parameters())
def test_the_laws_hold_for_recorded_events(store: Store, path: Path) -> None:
    recorded = values_of(path)
    digests = {name: digest(store, batches) for name, batches in arrangements(recorded)}

    assert digests == dict.fromkeys(digests, digests["in order"])


@pytest.mark.slow
def test_the_laws_hold_for_the_sales_platform(store: Store) -> None:
    recorded = values_of(*sorted((SALES / "events").glob("*.ndjson")))
    digests = {name: digest(store, batches) for name, batches in arrangements(recorded)}

    assert digests == dict.fromkeys(digests, digests["in order"])


def test_the_digest_tells_different_events_apart(store: Store) -> None:
    (healthy, broken) = (values_of(SALES / "events" / f"{day}_day.ndjson") for day in ("healthy", "broken"))

    assert digest(store, [healthy]) != digest(store, [broken])
    assert digest(store, [broken]) != digest(store, [broken[:-1]])
