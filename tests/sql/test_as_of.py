"""The past as it was: what the graph was at a moment is what the events up to it make of an empty store.

One thing is not of its moment: the names of datasets are those known today, in the past too, so that a dataset is found
there under whichever of its names one asks. Renaming goes by today as well: whether a rename counts (its run may fail
later, the old name be written again) is judged by all that is known, so made-up events rename nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from headwater.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import corpus_parameters, empty, values_of, write_all

Rows = list[tuple[Any, ...]]
AS_TEXT = "SELECT COLUMNS(*)::VARCHAR FROM {} ORDER BY ALL"  # Python has no time zones of its own


class Past:
    """A store of all events, and one that only ever holds those up to a moment."""

    def __init__(self, folder: Path) -> None:
        self.whole = Store(folder / "whole.duckdb")
        self.then = Store(folder / "then.duckdb")

    def learn(self, batches: Sequence[Sequence[bytes]]) -> None:
        """Begin anew with these events."""
        empty(self.whole)
        write_all(self.whole, batches)

    def moments(self) -> list[str]:
        """Return the times at which anything happened, as SQL text."""
        rows = self.whole.database.rows("SELECT DISTINCT event_time::VARCHAR FROM event ORDER BY ALL")
        return [moment for (moment,) in rows]

    def replay_until(self, moment: str) -> None:
        """Put into the other store the events up to *moment*, and the names of today."""
        empty(self.then)
        rows = self.whole.database.rows(
            "SELECT body::VARCHAR FROM event WHERE event_time <= $moment ORDER BY event_id", {"moment": moment}
        )
        write_all(self.then, [[body.encode() for (body,) in rows]])
        self.then.database.register("named", self.whole.database.table("FROM store.dataset"))
        self.then.database.run("DELETE FROM store.dataset; INSERT INTO store.dataset FROM named")

    def close(self) -> None:
        self.whole.close()
        self.then.close()


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    opened = Past(tmp_path_factory.mktemp("as_of"))
    yield opened
    opened.close()


def assert_as_it_was(past: Past, moment: str) -> None:
    past.replay_until(moment)
    told = {"ts": moment}

    now, then = past.whole.database, past.then.database
    for kind in ("edge", "column_edge"):
        expected = then.rows(AS_TEXT.format(f"store.{kind}_now"))
        found = now.rows(AS_TEXT.format(f"store.{kind}_at($ts::TIMESTAMPTZ, NULL, NULL, false)"), told)
        assert found == expected, f"{kind} as of {moment}"


WALK = """
WITH step AS (
    SELECT DISTINCT {start}_id AS from_id, {end}_id AS to_id
    FROM store.edge_at($ts::TIMESTAMPTZ, NULL, NULL, false)
    WHERE is_current
)
FROM store.walk('step', $ns, $ds, NULL)
"""
COLUMN_WALK = """
WITH step AS (
    SELECT
        {start}_id AS from_id, {start}_field AS from_field,
        {end}_id AS to_id, {end}_field AS to_field,
        transformation_type
    FROM store.column_edge_at($ts::TIMESTAMPTZ, NULL, NULL, false)
    WHERE is_current
)
FROM store.column_walk('step', $ns, $ds, $field, true, NULL)
"""
DIRECTIONS = {"upstream": ("downstream", "upstream"), "downstream": ("upstream", "downstream")}


def assert_reaches_all(past: Past, moment: str | None, chance: random.Random) -> None:
    """Assert that a walk, which looks up only what it may need, reaches what a walk over everything reaches."""
    fields = "SELECT namespace, name, field FROM field UNION SELECT namespace, name, NULL FROM dataset ORDER BY ALL"
    known = past.whole.database.rows(fields)
    for namespace, name, field in chance.sample(known, min(len(known), 1)):
        asked = {"ns": namespace, "ds": name, "ts": moment}
        for macro, (start, end) in DIRECTIONS.items():
            expected = past.whole.database.rows(WALK.format(start=start, end=end), asked)
            found = past.whole.database.rows(f"FROM {macro}($ns, $ds, as_of := $ts)", asked)
            assert found == expected, f"{macro} of {name} as of {moment}"
            asked_field = {**asked, "field": field}
            expected = past.whole.database.rows(COLUMN_WALK.format(start=start, end=end), asked_field)
            found = past.whole.database.rows(f"FROM column_{macro}($ns, $ds, $field, as_of := $ts)", asked_field)
            assert found == expected, f"column_{macro} of {name}.{field} as of {moment}"


@pytest.mark.slow
@pytest.mark.parametrize("path", corpus_parameters())
def test_the_past_of_recorded_events_is_what_was_said_by_then(past: Past, path: Path) -> None:
    past.learn([values_of(path)])
    moments = past.moments()

    chance = random.Random(1)
    for moment in chance.sample(moments, min(len(moments), 6)):
        assert_as_it_was(past, moment)
    assert_reaches_all(past, None, chance)
    assert_reaches_all(past, chance.choice([None, *moments]), chance)


NAMES = st.sampled_from("abcd")
KINDS = ["START", "RUNNING", "COMPLETE", "FAIL", "OTHER", None]
JOB_FACETS: list[dict[str, Any]] = [
    {},
    {"jobType": {"processingType": "STREAMING"}},
    {"jobType": {"processingType": "STREAMING", "emissionPattern": {"eventContentMode": "COMPLETE_SNAPSHOT"}}},
    {"jobType": {"processingType": "BATCH", "jobType": "TEST"}},
]


def source_of(name: str, **more: str) -> dict[str, str]:
    return {"namespace": "db", "name": name, **more}


column_lineage = st.lists(NAMES, max_size=2).map(
    lambda names: {"fields": {"x": {"inputFields": [source_of(name, field="x") for name in names]}}}
)
own_lineage = st.lists(NAMES, max_size=2).map(
    lambda names: {"inputs": [source_of(name, type="DATASET") for name in names]}
)
lifecycle = st.sampled_from([{"lifecycleStateChange": "DROP"}, {"lifecycleStateChange": "TRUNCATE"}])
datasets = st.builds(
    lambda name, facets: source_of(name) | {"facets": facets},
    NAMES,
    st.fixed_dictionaries(
        {},
        optional={
            "columnLineage": column_lineage,
            "lineage": own_lineage,
            "lifecycleStateChange": lifecycle,
            "symlinks": NAMES.map(lambda name: {"identifiers": [source_of(name, type="TABLE")]}),
        },
    ),
)
plain = NAMES.map(source_of)
sides = {"inputs": st.lists(plain, max_size=2), "outputs": st.lists(plain | plain | datasets, max_size=2)}
job_lineage = st.tuples(NAMES, NAMES).map(
    lambda pair: {
        "lineage": {"entries": [source_of(pair[0], type="DATASET") | {"inputs": [source_of(pair[1], type="DATASET")]}]}
    }
)
jobs = st.builds(
    lambda name, facets, more: {"namespace": "jobs", "name": name, "facets": facets | more},
    st.sampled_from(["p", "p", "q"]),
    st.sampled_from(JOB_FACETS),
    st.just({}) | st.just({}) | job_lineage,
)
times = st.integers(0, 9).map(lambda second: f"2026-01-01T00:00:0{second}Z")
events = st.one_of(
    *[
        st.fixed_dictionaries(
            {
                "eventType": st.sampled_from(KINDS),
                "eventTime": times,
                "run": st.sampled_from("rst").map(lambda run: {"runId": run}),
                "job": jobs,
                **sides,
            }
        )
    ]
    * 3,
    st.fixed_dictionaries({"eventTime": times, "job": jobs, **sides}),
    st.fixed_dictionaries({"eventTime": times, "dataset": datasets}),
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(events, min_size=2, max_size=8), chance=st.randoms(use_true_random=False))
def test_the_past_is_what_was_said_by_then(past: Past, told: list[Any], chance: random.Random) -> None:
    values = [json.dumps(event).encode() for event in told]
    past.learn([[value] for value in values] if chance.random() < 0.5 else [values])

    for moment in chance.sample(past.moments(), min(2, len(past.moments()))):
        assert_as_it_was(past, moment)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(events, min_size=2, max_size=10), chance=st.randoms(use_true_random=False))
def test_a_walk_reaches_all(past: Past, told: list[Any], chance: random.Random) -> None:
    def renaming(event: Any) -> bytes:
        rename = {"lifecycleStateChange": "RENAME", "previousIdentifier": source_of(chance.choice("abcd"))}
        return json.dumps(event).replace('{"lifecycleStateChange": "TRUNCATE"}', json.dumps(rename)).encode()

    past.learn([[renaming(event) for event in told]])

    assert_reaches_all(past, chance.choice([None, *past.moments()]), chance)


STREAMING = {"jobType": {"processingType": "STREAMING"}}


def told_at(second: int, kind: str, inputs: str, outputs: str, run: str = "r", job_facets: Any = None) -> bytes:
    """Return an event of one job; each letter is a dataset."""
    return json.dumps(
        {
            "eventType": kind,
            "eventTime": f"2026-01-01T00:00:0{second}Z",
            "run": {"runId": run},
            "job": {"namespace": "jobs", "name": "p", "facets": job_facets or {}},
            "inputs": [source_of(name) for name in inputs],
            "outputs": [source_of(name) for name in outputs],
        }
    ).encode()


def edges_at(past: Past, second: int) -> list[tuple[Any, ...]]:
    return past.whole.database.rows(
        "SELECT upstream_name || ' to ' || downstream_name, is_current, second(last_seen_at) "
        "FROM lineage_as_of($ts) ORDER BY ALL",
        {"ts": f"2026-01-01T00:00:0{second}Z"},
    )


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_a_stream_had_what_it_had_named_by_then(past: Past, together: bool) -> None:
    values = [
        told_at(1, "START", "a", "x", job_facets=STREAMING),
        told_at(4, "RUNNING", "b", "x", job_facets=STREAMING),
    ]
    past.learn([values] if together else [[value] for value in values])

    assert edges_at(past, 0) == []
    assert edges_at(past, 3) == [("a to x", True, 1)]
    assert edges_at(past, 4) == [("a to x", True, 4), ("b to x", True, 4)]
    asked = "SELECT name FROM upstream('db', 'x', as_of := '2026-01-01T00:00:03Z')"
    assert past.whole.database.rows(asked) == [("a",)]


def test_a_run_that_completed_twice_was_complete_from_the_first_time(past: Past) -> None:
    past.learn([[told_at(1, "START", "a", "x"), told_at(2, "COMPLETE", "a", "x"), told_at(4, "COMPLETE", "b", "x")]])

    assert edges_at(past, 1) == [("a to x", False, 1)]
    assert edges_at(past, 3) == [("a to x", True, 2)]


def test_of_runs_that_go_on_the_one_that_spoke_last_is_current(past: Past) -> None:
    past.learn(
        [
            [
                told_at(2, "RUNNING", "a", "x", run="z", job_facets=STREAMING),
                told_at(3, "RUNNING", "b", "x", run="y", job_facets=STREAMING),
                told_at(9, "RUNNING", "a", "x", run="z", job_facets=STREAMING),
                told_at(9, "RUNNING", "b", "x", run="y", job_facets=STREAMING),
            ]
        ]
    )

    assert edges_at(past, 5) == [("a to x", False, 2), ("b to x", True, 3)]


def test_what_a_catalogue_says_of_a_dataset_replaces_what_it_said_under_its_other_name(past: Past) -> None:
    def said(second: int, name: str, source: str, **more: Any) -> bytes:
        lineage = {"inputs": [source_of(source, type="DATASET")]}
        facets = {"lineage": lineage, **more}
        return json.dumps(
            {"eventTime": f"2026-01-01T00:00:0{second}Z", "dataset": source_of(name) | {"facets": facets}}
        ).encode()

    link = {"identifiers": [source_of("x", type="TABLE")]}
    past.learn([[said(1, "x", "a"), said(2, "y", "b", symlinks=link)]])

    assert edges_at(past, 3) == [("a to x", False, 1), ("b to x", True, 2)]
