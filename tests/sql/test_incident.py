"""Incidents: what is one, what it is put down to, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from headwater.store import IncidentAction, IncidentNotice, IncidentRule, Store, failures_of
from support import SALES, arrangements, empty, values_of, write_all


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("incident") / "live.duckdb") as store:
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    empty(opened)
    return opened


def moment(hour: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)


def checked(table: str, hour: float, severity: str | None = "error", kind: str = "unique", **said: Any) -> bytes:
    """Return the event of a check of a column of *table*; it passed if there is no severity."""
    outcome = {"assertion": kind, "success": severity is None, "severity": severity, "column": "id", **said}
    facets = {"dataQualityAssertions": {"assertions": [outcome]}}
    dataset = {"namespace": "db", "name": table, "facets": facets}
    return json.dumps({"eventTime": moment(hour).isoformat(), "dataset": dataset}).encode()


def lineage(*edges: tuple[str, str]) -> list[bytes]:
    """Return events of runs that each make one dataset from another."""
    return [
        json.dumps(
            {
                "eventType": "COMPLETE",
                "eventTime": moment(0).isoformat(),
                "run": {"runId": f"{upstream} to {downstream}"},
                "job": {"namespace": "jobs", "name": f"{upstream} to {downstream}"},
                "inputs": [{"namespace": "db", "name": upstream}],
                "outputs": [{"namespace": "db", "name": downstream}],
            }
        ).encode()
        for upstream, downstream in edges
    ]


CHAIN = lineage(("landing", "cleansing"), ("cleansing", "mart"))


def incidents(store: Store, columns: str = "name, failing_checks, affected_datasets, status") -> list[tuple[Any, ...]]:
    return store.database.rows(f"SELECT {columns} FROM incident ORDER BY first_seen_at, name, dimension")


def act(store: Store, action: Any, hour: float, name: str | None = None) -> str:
    """Do something about the incident of a cause, or the only one, and return its id."""
    (found,) = seen(store, name)
    store.keep(IncidentAction(found["incident_id"], action, moment(hour), "ada", "looking", failures_of(found)))
    return str(found["incident_id"])


def tell(store: Store, hour: float, name: str | None = None) -> str:
    """Write down that the webhook was told, and return the id."""
    (found,) = seen(store, name)
    store.keep(IncidentNotice(found["incident_id"], moment(hour), failures_of(found)))
    return str(found["incident_id"])


def seen(store: Store, name: str | None) -> list[dict[str, Any]]:
    """Return what somebody sees who looks at the incident of a cause, or at the only one."""
    rows: list[dict[str, Any]] = store.database.table("FROM store.incident_state").to_pylist()
    return [row for row in rows if name is None or row["name"] == name]


def status(store: Store) -> str:
    ((found,),) = incidents(store, "status")
    return str(found)


# What is one incident


def test_failures_along_a_path_are_one_incident_of_the_dataset_furthest_upstream(store: Store) -> None:
    failures = [checked("landing", 3), checked("cleansing", 2, "fatal"), checked("mart", 1, "warning")]
    write_all(store, [[*CHAIN, *failures]])

    columns = (
        "namespace, name, field, kind, dimension, severity, failing_checks, affected_datasets, status, "
        "epoch(first_seen_at), epoch(last_seen_at), resolved_at"
    )
    first, last = moment(1).timestamp(), moment(3).timestamp()
    assert incidents(store, columns) == [
        ("db", "landing", "id", "failed_check", "Uniqueness", "fatal", 3, 3, "open", first, last, None)
    ]


def test_a_dataset_in_between_need_not_be_checked(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("mart", 2)]])

    assert incidents(store) == [("landing", 2, 2, "open")]


def test_failures_of_different_dimensions_are_different_incidents(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1, kind="not_null"), checked("mart", 2)]])

    assert incidents(store, "name, dimension") == [("landing", "Completeness"), ("mart", "Uniqueness")]


def test_a_check_of_unknown_kind_may_be_a_symptom_of_any(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("mart", 1, kind="house_rule")]])

    assert incidents(store) == [("landing", 2, 2, "open")]


def test_two_failing_sources_are_two_incidents_and_what_both_may_explain_is_of_one(store: Store) -> None:
    edges = lineage(("left", "mart"), ("right", "mart"))
    write_all(store, [[*edges, checked("left", 1), checked("right", 1, "fatal"), checked("mart", 2)]])

    assert incidents(store) == [("left", 1, 1, "open"), ("right", 2, 2, "open")]


def test_failures_in_a_cycle_are_one_incident(store: Store) -> None:
    edges = lineage(("a", "b"), ("b", "c"), ("c", "a"))
    write_all(store, [[*edges, checked("b", 1), checked("a", 2), checked("c", 3)]])

    assert incidents(store) == [("b", 3, 3, "open")]


def test_what_was_over_before_the_failure_began_explains_nothing(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("landing", 2, None), checked("mart", 9)]])

    assert incidents(store) == [("landing", 1, 1, "resolved"), ("mart", 1, 1, "open")]


def test_what_began_more_than_a_day_after_the_failure_explains_nothing(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("mart", 1), checked("landing", 26)]])

    assert incidents(store) == [("mart", 1, 1, "open"), ("landing", 1, 1, "open")]


def test_a_failure_that_names_no_dataset_is_an_incident_of_its_own(store: Store) -> None:
    said = {"tests": [{"name": name, "status": "fail"} for name in ("one", "two")]}
    event = {
        "eventType": "FAIL",
        "eventTime": moment(1).isoformat(),
        "run": {"runId": "r", "facets": {"test": said}},
        "job": {"namespace": "jobs", "name": "test"},
    }
    write_all(store, [[json.dumps(event).encode()]])

    assert incidents(store) == [(None, 1, 0, "open"), (None, 1, 0, "open")]


def test_skipped_and_passed_checks_are_no_incidents(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1, None)]])

    assert incidents(store) == []


def test_the_owners_are_those_of_all_its_datasets(store: Store) -> None:
    owned = [
        json.dumps(
            {
                "eventTime": moment(0).isoformat(),
                "dataset": {
                    "namespace": "db",
                    "name": name,
                    "facets": {"ownership": {"owners": [{"name": owner} for owner in owners]}},
                },
            }
        ).encode()
        for name, owners in {"landing": ["vendor desk", "ada"], "cleansing": ["bob"], "mart": ["ada"]}.items()
    ]
    write_all(store, [[*CHAIN, *owned, checked("landing", 1), checked("mart", 1)]])

    assert incidents(store, "owners") == [(["ada", "vendor desk"],)]


def test_the_broken_day_of_the_sales_platform_has_two_incidents(store: Store) -> None:
    write_all(store, [values_of(*sorted((SALES / "events").glob("*.ndjson")))])

    assert incidents(store, "name, field, severity, dimension, failing_checks, affected_datasets") == [
        ("sales.landing.customers_ca_raw", "email", "warning", "Completeness", 2, 2),
        ("sales.landing.customers_ca_raw", "customer_id", "error", "Uniqueness", 4, 3),
    ]


def test_arrival_makes_no_difference_to_incidents(store: Store) -> None:
    events = [*CHAIN, *(checked(name, hour) for hour, name in enumerate(["mart", "landing", "cleansing"], 1))]
    events += [checked(name, 5, None) for name in ("mart", "landing", "cleansing")]
    events += [checked("landing", 9)]
    found = {}
    for name, batches in arrangements(events):
        empty(store)
        write_all(store, batches)
        found[name] = incidents(store, "incident::VARCHAR")

    assert len(found["in order"]) == 2
    assert found == dict.fromkeys(found, found["in order"])


# What becomes of it


def test_it_is_resolved_when_the_last_check_passes_again(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("mart", 2), checked("landing", 3, None)]])
    before = incidents(store, "status, resolved_at")
    write_all(store, [[checked("mart", 4, None)]])

    assert before == [("open", None)]
    assert incidents(store, "status, epoch(resolved_at), failing_checks") == [("resolved", moment(4).timestamp(), 2)]


def test_it_keeps_its_id_while_it_goes_on(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1)]])
    before = incidents(store, "incident_id")
    write_all(store, [[checked("landing", 2), checked("cleansing", 3), checked("landing", 4, None)]])

    assert incidents(store, "incident_id, status") == [(*before[0], "open")]


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        pytest.param(2.9, [("open",)], id="soon: the same, reopened"),
        pytest.param(3.1, [("resolved",), ("open",)], id="later: another"),
    ],
)
def test_one_that_comes_back_within_the_hour_is_the_same(store: Store, hour: float, expected: Any) -> None:
    write_all(store, [[checked("mart", 1), checked("mart", 2, None), checked("mart", hour)]])

    assert incidents(store, "status") == expected


def test_how_soon_is_a_setting(store: Store) -> None:
    write_all(store, [[checked("mart", 1), checked("mart", 2, None), checked("mart", 20)]])
    apart = len(incidents(store))
    store.keep(IncidentRule(24 * 3600, moment(0)))

    assert (apart, len(incidents(store)), store.reopens_within()) == (2, 1, 24 * 3600)


@pytest.mark.parametrize("action", ["acknowledged", "muted"])
def test_what_people_said_holds_while_it_fails(store: Store, action: str) -> None:
    write_all(store, [[checked("mart", 1)]])
    act(store, action, 2)
    write_all(store, [[checked("mart", 3)]])

    assert incidents(store, "status, actor, note, resolved_at") == [(action, "ada", "looking", None)]


def test_the_last_thing_that_people_said_holds(store: Store) -> None:
    write_all(store, [[checked("mart", 1)]])
    act(store, "muted", 3)
    act(store, "acknowledged", 2)

    assert status(store) == "muted"


def test_what_somebody_resolved_opens_again_when_a_check_fails_after_that(store: Store) -> None:
    write_all(store, [[checked("mart", 1)]])
    act(store, "resolved", 2)
    resolved = incidents(store, "status, epoch(resolved_at)")
    write_all(store, [[checked("mart", 3)]])

    assert resolved == [("resolved", moment(2).timestamp())]
    assert incidents(store, "status, resolved_at") == [("open", None)]


def test_a_muted_one_is_resolved_when_it_passes(store: Store) -> None:
    write_all(store, [[checked("mart", 1)]])
    act(store, "muted", 2)
    write_all(store, [[checked("mart", 3, None)]])

    assert status(store) == "resolved"


# What becomes of it when more comes to light


@pytest.mark.parametrize("action", ["acknowledged", "muted", "resolved"])
def test_what_people_did_holds_when_an_earlier_cause_comes_to_light(store: Store, action: str) -> None:
    write_all(store, [[*CHAIN, checked("mart", 2)]])
    before = act(store, action, 3)
    write_all(store, [[checked("landing", 1)]])  # it comes late

    ((incident_id, *found),) = incidents(store, "incident_id, name, status, actor, note, former_ids")
    assert found == ["landing", action, "ada", "looking", [before]]
    assert incident_id != before


def test_it_keeps_its_id_when_a_later_failure_turns_out_to_be_the_cause(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("mart", 1)]])
    before = act(store, "acknowledged", 2)
    write_all(store, [[checked("landing", 3)]])

    assert incidents(store, "incident_id, name, status, former_ids") == [(before, "landing", "acknowledged", [])]


def test_what_was_done_about_one_holds_for_the_two_that_turn_out_to_be_one(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("cleansing", 2), checked("landing", 1, kind="not_null")]])
    act(store, "acknowledged", 3, "cleansing")
    apart = incidents(store, "name, status")
    write_all(store, [[checked("landing", 1.5)]])

    assert apart == [("landing", "open"), ("cleansing", "acknowledged")]
    assert incidents(store, "name, dimension, failing_checks, status") == [
        ("landing", "Completeness", 1, "open"),
        ("landing", "Uniqueness", 2, "acknowledged"),
    ]


def test_of_two_that_turn_out_to_be_one_the_newest_word_counts(store: Store) -> None:
    write_all(store, [[*lineage(("top", "left"), ("top", "right")), checked("left", 2), checked("right", 3)]])
    former = [act(store, "acknowledged", 4, "left"), act(store, "muted", 5, "right")]
    write_all(store, [[checked("top", 1)]])

    assert incidents(store, "name, failing_checks, status, former_ids") == [("top", 3, "muted", sorted(former))]


@pytest.mark.parametrize(("severity", "expected"), [("error", "muted"), ("fatal", "open")])
def test_what_nobody_saw_to_opens_it_again_if_it_is_worse(store: Store, severity: str, expected: str) -> None:
    write_all(store, [[*CHAIN, checked("mart", 2)]])
    act(store, "muted", 3)
    write_all(store, [[checked("landing", 1, severity)]])

    assert incidents(store, "name, status") == [("landing", expected)]


def test_what_was_done_about_one_holds_for_both_that_it_falls_apart_into(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("mart", 5)]])
    act(store, "acknowledged", 6)
    write_all(store, [[checked("landing", 2, None)]])  # it comes late: landing was repaired long before

    assert incidents(store, "name, status, resolved_at IS NULL") == [
        ("landing", "resolved", False),
        ("mart", "acknowledged", True),
    ]


def test_what_was_done_says_nothing_about_the_next_time(store: Store) -> None:
    write_all(store, [[checked("mart", 1)]])
    act(store, "muted", 2)
    write_all(store, [[checked("mart", 3, None), checked("mart", 30)]])

    assert incidents(store, "status, actor") == [("resolved", "ada"), ("open", None)]


def test_an_incident_that_was_told_is_not_told_again_under_another_id(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("mart", 2)]])
    before = tell(store, 3)
    write_all(store, [[checked("landing", 1)]])

    assert incidents(store, "name, former_ids") == [("landing", [before])]
    assert untold(store) == []


def test_one_that_opens_again_because_it_got_worse_is_told_again_once(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("mart", 2)]])
    tell(store, 3)
    act(store, "acknowledged", 4)
    write_all(store, [[checked("landing", 1, "fatal")]])
    reopened = untold(store)
    tell(store, 5)

    assert reopened == [("landing", 2)]
    assert untold(store) == []


def test_an_action_by_an_id_alone_is_about_all_that_the_incident_has(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("mart", 2)]])
    ((incident_id,),) = incidents(store, "incident_id")
    store.keep(IncidentAction(incident_id, "muted", moment(3), None, None))

    assert incidents(store, "status, former_ids") == [("muted", [])]


# Who is told


def untold(store: Store) -> list[tuple[Any, ...]]:
    return store.database.rows("SELECT name, len(checks) FROM store.incident_to_tell ORDER BY ALL")


def test_an_open_incident_is_told_once(store: Store) -> None:
    write_all(store, [[*CHAIN, checked("landing", 1), checked("mart", 2)]])
    before = untold(store)
    incident_id = tell(store, 3)
    write_all(store, [[checked("cleansing", 4)]])

    assert before == [("landing", 2)]
    assert untold(store) == []
    assert store.notices() == {incident_id: moment(3)}


@pytest.mark.parametrize("action", ["acknowledged", "resolved", "muted"])
def test_what_somebody_sees_to_is_not_told(store: Store, action: str) -> None:
    write_all(store, [[checked("mart", 1)]])
    act(store, action, 2)

    assert untold(store) == []


def test_what_comes_back_after_somebody_resolved_it_is_told_again(store: Store) -> None:
    write_all(store, [[checked("mart", 1)]])
    tell(store, 2)
    act(store, "resolved", 3)
    write_all(store, [[checked("mart", 4)]])

    assert untold(store) == [("mart", 1)]
