"""What makes a cause: each kind of evidence as a small story of events, and the laws of time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from headwater.store import Store
from support import ROOT, empty, values_of, write_all

Tell = Callable[[list[dict[str, Any]]], None]
APPLES = ROOT / "tests" / "stories" / "apples_and_pies" / "events.ndjson"


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("causes") / "live.duckdb") as opened:
        yield opened


@pytest.fixture
def store(module_store: Store) -> Store:
    empty(module_store)
    return module_store


@pytest.fixture
def tell(store: Store) -> Tell:
    """Return a function that folds events."""
    return lambda events: write_all(store, [[json.dumps(event).encode() for event in events]])


def event(
    kind: str,
    at: str,
    run: str,
    job: str,
    inputs: list[dict[str, Any]] | None = None,
    outputs: list[dict[str, Any]] | None = None,
    **facets: Any,
) -> dict[str, Any]:
    """Return a run event on a day of March 2026, *at* being like ``03T06:00``; facets belong to the job but for two."""
    of_run = {key: facets.pop(key) for key in ("errorMessage", "extractionError") if key in facets}
    return {
        "eventType": kind,
        "eventTime": f"2026-03-{at}:00Z",
        "run": {"runId": run, "facets": of_run},
        "job": {"namespace": "jobs", "name": job, "facets": facets},
        "inputs": inputs or [],
        "outputs": outputs or [],
    }


def table(
    name: str, made_from: dict[str, list[tuple[str, str]]] | None = None, rows: int | None = None
) -> dict[str, Any]:
    """Return a dataset; *made_from* gives, for each of its columns, the columns behind it."""
    named: dict[str, Any] = {"namespace": "db", "name": name}
    if made_from is not None:
        named["facets"] = {
            "columnLineage": {
                "fields": {
                    column: {
                        "inputFields": [
                            {"namespace": "db", "name": source, "field": field, "transformations": [{"type": "DIRECT"}]}
                            for source, field in sources
                        ]
                    }
                    for column, sources in made_from.items()
                }
            }
        }
    if rows is not None:
        named["outputFacets"] = {"outputStatistics": {"rowCount": rows}}
    return named


def ran(
    day: int, job: str, inputs: list[str], output: dict[str, Any], start: str, end: str, **facets: Any
) -> list[Any]:
    read = [table(name) for name in inputs]
    return [
        event("START", f"{day:02}T{start}", f"{job}-{day}", job, read),
        event("COMPLETE", f"{day:02}T{end}", f"{job}-{day}", job, read, [output], **facets),
    ]


def checked(day: int, at: str, name: str, **results: bool) -> dict[str, Any]:
    """Return the test of a dataset: by column, whether its values were as they should be."""
    said = {"assertions": [{"assertion": "sound", "column": column, "success": ok} for column, ok in results.items()]}
    tested = table(name) | {"inputFacets": {"dataQualityAssertions": said}}
    return event(
        "COMPLETE", f"{day:02}T{at}", f"test-{name}-{day}-{at}", f"test_{name}", [tested], jobType={"jobType": "TEST"}
    )


def a_day(day: int, *, bad: tuple[str, ...] = (), skip: tuple[str, ...] = (), **facets: Any) -> list[dict[str, Any]]:
    """Return a day of ``a -> b -> mart <- c``, each made and tested; checks of the datasets in *bad* fail."""
    events: list[dict[str, Any]] = []
    if "a" not in skip:
        events += ran(day, "load_a", [], table("a"), "01:00", "01:10", **facets)
    events += ran(day, "load_c", [], table("c"), "01:00", "01:10")
    events += ran(day, "build_b", ["a"], table("b", {"x": [("a", "x")], "y": [("a", "y")]}), "02:00", "02:10")
    mart = table("mart", {"x": [("b", "x")], "z": [("c", "z")]})
    events += ran(day, "build_mart", ["b", "c"], mart, "03:00", "03:10")
    events += [checked(day, "01:20", "a", x="a.x" not in bad, y="a.y" not in bad)]
    events += [checked(day, "01:20", "c", z="c.z" not in bad)]
    events += [checked(day, "03:20", "mart", x="mart.x" not in bad)]
    return events


def healthy_days(count: int) -> list[dict[str, Any]]:
    return [event for day in range(1, count + 1) for event in a_day(day)]


def causes(store: Store, dataset: str = "mart", **named: Any) -> list[dict[str, Any]]:
    given = "".join(f", {name} := ${name}" for name in named)
    return store.database.table(f"FROM root_cause('db', '{dataset}'{given})", named).to_pylist()


def test_the_cause_is_where_the_failing_column_comes_from(store: Store, tell: Tell) -> None:
    tell(healthy_days(3) + a_day(4, bad=("a.x", "mart.x")))
    first = causes(store, fld="x")[0]
    assert {
        key: first[key] for key in ("kind", "name", "field", "job_name", "run_id", "depth", "path", "evidence")
    } == {
        "kind": "failed_check",
        "name": "a",
        "field": "x",
        "job_name": "load_a",
        "run_id": "load_a-4",
        "depth": 2,
        "path": ["a", "b", "mart"],
        "evidence": "a has failed sound(x) since the load of 2026-03-04 01:10 UTC; b and mart were built from it",
    }


def test_a_failure_of_a_column_that_leads_nowhere_is_no_cause(store: Store, tell: Tell) -> None:
    tell(healthy_days(3) + a_day(4, bad=("a.x", "c.z", "mart.x")))
    assert causes(store)[0]["name"] == "a"


def test_one_failing_check_with_sound_data_upstream_is_not_explained(store: Store, tell: Tell) -> None:
    tell(healthy_days(6) + a_day(7, bad=("mart.x",)))
    assert "a" not in [cause["name"] for cause in causes(store) if cause["rank"] == 1]


def test_what_fails_after_it_was_read_is_no_cause(store: Store, tell: Tell) -> None:
    """The input is loaded again and is bad, but the failing data was built from the load before."""
    late = [
        event("COMPLETE", "04T04:00", "load_c-late", "load_c", [], [table("c")]),
        checked(4, "04:10", "c", z=False),
    ]
    tell(healthy_days(3) + a_day(4, bad=("a.x", "mart.x")) + late)
    found = {cause["name"]: cause for cause in causes(store)}
    assert found["a"]["rank"] == 1
    assert found["c"]["kind"] != "failed_check"


def test_a_failed_run_that_left_old_data_is_the_cause_and_says_why(store: Store, tell: Tell) -> None:
    failed = [
        event("START", "04T01:00", "load_a-4", "load_a", [], [table("a")]),
        event("FAIL", "04T01:10", "load_a-4", "load_a", [], [table("a")], errorMessage={"message": "disk full"}),
    ]
    tell(healthy_days(3) + a_day(4, bad=("mart.x",), skip=("a",)) + failed)
    first = causes(store)[0]
    assert (first["kind"], first["name"], first["run_id"]) == ("run_failed", "a", "load_a-4")
    assert first["evidence"] == (
        "load_a failed at 2026-03-04 01:10 UTC (disk full), so a was not written; b and mart were built from it"
    )


def test_a_run_that_should_have_been_is_the_cause(store: Store, tell: Tell) -> None:
    tell(healthy_days(5) + a_day(6, bad=("mart.x",), skip=("a",)))
    first = causes(store)[0]
    assert (first["kind"], first["name"], first["job_name"], first["run_id"]) == ("run_missing", "a", "load_a", None)
    assert first["evidence"].startswith("load_a was due at about 2026-03-06 01:00 UTC and did not run")


def test_new_code_is_evidence(store: Store, tell: Tell) -> None:
    def days(version: str) -> list[dict[str, Any]]:
        git = {"type": "git", "url": "https://example.com", "version": version}
        return [event for day in range(1, 9) for event in a_day(day, sourceCodeLocation=git)]

    changed = {"type": "git", "url": "https://example.com", "version": "2"}
    tell(days("1") + a_day(9, bad=("mart.x",), sourceCodeLocation=changed))
    parts = {cause["name"]: json.loads(cause["evidence_detail"])["parts"]["code_changed"] for cause in causes(store)}
    assert parts["a"] > 0
    assert {name: part for name, part in parts.items() if name != "a"} == dict.fromkeys(set(parts) - {"a"}, 0)


def test_lineage_that_a_run_could_not_tell_is_evidence(store: Store, tell: Tell) -> None:
    def day(number: int, *, sound: bool = True, **facets: Any) -> list[dict[str, Any]]:
        return [
            *ran(number, "load_a", [], table("a"), "01:00", "01:10"),
            *ran(number, "build_b", ["a"], table("b"), "02:00", "02:10", **facets),
            *ran(number, "build", ["b"], table("mart"), "03:00", "03:10"),
            checked(number, "01:20", "a", x=True),
            checked(number, "03:20", "mart", x=sound),
        ]

    half_told = {"totalTasks": 2, "failedTasks": 1, "errors": [{"errorMessage": "what is a LATERAL?"}]}
    tell([event for number in range(1, 7) for event in day(number)] + day(7, sound=False, extractionError=half_told))
    by_name = {cause["name"]: cause for cause in causes(store)}
    assert (by_name["b"]["kind"], by_name["b"]["run_id"]) == ("lineage_incomplete", "build_b-7")
    assert by_name["b"]["evidence"] == (
        "it is not known what else build_b read when it wrote b at 2026-03-07 02:10 UTC; mart was built from it"
    )
    parts = {name: json.loads(cause["evidence_detail"])["parts"] for name, cause in by_name.items()}
    assert {name: part["lineage_incomplete"] > 0 for name, part in parts.items()} == {
        name: name == "b" for name in parts
    }


def test_lost_rows_are_an_anomaly(store: Store, tell: Tell) -> None:
    def day(number: int, rows: int, *, sound: bool) -> list[dict[str, Any]]:
        return [
            *ran(number, "load_a", [], table("a", rows=rows), "01:00", "01:10"),
            *ran(number, "load_c", [], table("c", rows=70 + number % 3), "01:00", "01:10"),
            *ran(number, "build", ["a", "c"], table("mart"), "03:00", "03:10"),
            checked(number, "03:20", "mart", x=sound),
        ]

    good = [event for number in range(1, 8) for event in day(number, 100 + number % 3, sound=True)]
    tell(good + day(8, 12, sound=False))
    first = causes(store)[0]
    assert (first["kind"], first["name"], first["run_id"]) == ("anomaly", "a", "load_a-8")
    assert first["evidence"].startswith("rows of a was 12 at 2026-03-08 01:10 UTC, usually it is about 101")


def test_an_input_that_only_the_sql_names_is_followed(store: Store, tell: Tell) -> None:
    def day(number: int, *, sound: bool) -> list[dict[str, Any]]:
        return [
            *ran(number, "load_secret", [], table("secret"), "01:00", "01:10"),
            checked(number, "01:20", "secret", x=sound),
            *ran(number, "build", [], table("mart"), "03:00", "03:10", sql={"query": "SELECT x FROM secret"}),
            checked(number, "03:20", "mart", x=sound),
        ]

    tell([event for number in range(1, 5) for event in day(number, sound=number < 4)])
    assert causes(store)[0]["name"] == "secret"


def test_a_cycle_ends(store: Store, tell: Tell) -> None:
    days = [
        *ran(1, "ping", ["b"], table("a"), "01:00", "01:10"),
        *ran(1, "pong", ["a"], table("b"), "02:00", "02:10"),
        *ran(2, "ping", ["b"], table("a"), "01:00", "01:10"),
        checked(2, "01:20", "a", x=False),
    ]
    tell(days)
    assert causes(store, "a", fld="x")[0]["name"] == "a"


def test_nothing_is_blamed_while_all_checks_pass(store: Store, tell: Tell) -> None:
    tell(healthy_days(4))
    assert causes(store) == []
    assert causes(store, fld="x") == []


def test_an_unknown_dataset_has_no_causes(store: Store) -> None:
    assert causes(store, "nowhere") == []


@pytest.mark.parametrize(
    "moment", ["2026-03-02 09:00:00Z", "2026-03-03 08:20:00Z", "2026-03-04 12:00:00Z", "2026-03-09 00:00:00Z"]
)
def test_what_came_later_does_not_matter(store: Store, moment: str) -> None:
    """The answer at a moment is the one of a store that never heard of what came later."""
    ask = f"""
        SELECT * EXCLUDE (evidence_detail), evidence_detail ->> 'parts' AS parts
        FROM root_cause('kitchen', 'pies', as_of := TIMESTAMPTZ '{moment}')
    """
    values = values_of(APPLES)
    write_all(store, [values])
    knowing = store.database.table(ask).to_pylist()
    empty(store)
    write_all(
        store, [[value for value in values if json.loads(value)["eventTime"] <= f"{moment[:10]}T{moment[11:16]}"]]
    )
    assert store.database.table(ask).to_pylist() == knowing


def test_the_answer_does_not_depend_on_the_order_of_events(store: Store) -> None:
    answers = []
    for values in (values_of(APPLES), values_of(APPLES)[::-1]):
        empty(store)
        write_all(store, [values])
        answers.append(causes_of_pies(store))
    assert answers[0] == answers[1] != []


def test_drivers_can_give_parameters(tmp_path: Path) -> None:
    with Store(tmp_path / "live.duckdb") as store:
        write_all(store, [values_of(APPLES)])
        store.checkpoint()
    with duckdb.connect(tmp_path / "live.duckdb", read_only=True) as connection:
        ask = "SELECT name FROM root_cause(?, ?, fld := ?, as_of := ?::TIMESTAMPTZ) WHERE rank = 1"
        assert connection.execute(ask, ["kitchen", "pies", "taste", "2026-03-04 12:00:00Z"]).fetchall() == [("apples",)]
        connection.execute("PREPARE why AS SELECT name FROM root_cause(?, ?) WHERE rank = 1")
        assert connection.execute("EXECUTE why('kitchen', 'pies')").fetchall() == [("apples",)]


def test_scores_are_chances(store: Store) -> None:
    write_all(store, [values_of(APPLES)])
    scores = [cause["score"] for cause in causes_of_pies(store)]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 < sum(scores) <= 1


def causes_of_pies(store: Store) -> list[dict[str, Any]]:
    return store.database.table("FROM root_cause('kitchen', 'pies')").to_pylist()


def test_every_weight_has_a_reason_and_every_part_a_weight(store: Store) -> None:
    write_all(store, [values_of(APPLES)])
    weights = dict(store.database.rows("SELECT evidence, reason FROM root_cause_weight"))
    assert [name for name, reason in weights.items() if not reason.endswith(".")] == []
    assert set(json.loads(causes_of_pies(store)[0]["evidence_detail"])["parts"]) <= set(weights)


# The runs behind a run, and what is affected


def test_a_run_that_reads_what_it_writes_does_not_stop_the_walk_at_itself(store: Store, tell: Tell) -> None:
    def one_event(at: str, run: str, inputs: list[str], output: str) -> dict[str, Any]:
        return event("COMPLETE", at, run, run[:-2], [table(name) for name in inputs], [table(output)])

    tell([one_event("01T01:00", "load-1", [], "t"), one_event("01T02:00", "grow-1", ["t"], "t")])
    tell([one_event("01T03:00", "grow-2", ["t"], "t")])
    assert store.database.rows("SELECT run_id, depth FROM run_upstream('grow-2')") == [("grow-1", 1), ("load-1", 2)]


def test_tests_write_nothing(store: Store, tell: Tell) -> None:
    tell(a_day(1))
    writes = "FROM store.write_of(store.every_dataset(), 'store.lifecycle_change')"
    assert store.database.rows(f"SELECT count(*), count(run_key), count(job_id) {writes}") == [(4, 4, 4)]


def test_the_blast_radius_knows_the_severity_and_the_moment(store: Store, tell: Tell) -> None:
    tell(healthy_days(2) + a_day(3, bad=("mart.x",)))
    ask = "SELECT name, field, depth, current_severity FROM blast_radius('db', 'a'{})"
    assert store.database.rows(ask.format("")) == [("b", None, 1, None), ("mart", None, 2, "error")]
    assert store.database.rows(ask.format(", as_of := TIMESTAMPTZ '2026-03-02 12:00:00Z'")) == [
        ("b", None, 1, None),
        ("mart", None, 2, "valid"),
    ]
    assert store.database.rows(ask.format(", fld := 'x'")) == [("b", "x", 1, None), ("mart", "x", 2, "error")]
