"""What happened when, by the clocks of those it happened to; never by when we heard of it."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from builders import NAIVE_IN_LONDON, UNFINISHED, at, run_event
from support import Told, digest_of, empty, read, replay


def test_a_run_lasts_from_its_first_start_to_its_end(told: Told) -> None:
    told(
        run_event("OTHER", 1),
        run_event("START", 2),
        run_event("RUNNING", 3),
        run_event("COMPLETE", 5),
        run_event("OTHER", 9),
    )

    assert told.rows("SELECT started_at::VARCHAR, ended_at::VARCHAR FROM run") == [
        ("2026-01-01 00:00:02+00", "2026-01-01 00:00:05+00")
    ]


def test_a_run_without_a_start_began_with_its_first_event(told: Told) -> None:
    """Great Expectations and many home-made producers send COMPLETE alone."""
    told(run_event("COMPLETE", 5))

    assert told.rows("SELECT started_at::VARCHAR, ended_at::VARCHAR FROM run") == [
        ("2026-01-01 00:00:05+00", "2026-01-01 00:00:05+00")
    ]


@pytest.mark.parametrize(("first", "second"), [("COMPLETE", "FAIL"), ("FAIL", "COMPLETE"), ("ABORT", "COMPLETE")])
def test_the_newest_end_holds_in_whichever_order_they_come(told: Told, first: str, second: str) -> None:
    told(run_event(second, 4), run_event(first, 2))

    assert told.rows("SELECT state, ended_at::VARCHAR FROM run") == [(second, "2026-01-01 00:00:04+00")]


def test_two_ends_at_one_instant_are_settled_alike_whichever_comes_first(told: Told) -> None:
    ends = [run_event(end, 4) for end in ("COMPLETE", "FAIL", "ABORT")]
    found = set()
    for order in permutations(ends):
        empty(told.store)
        told(*order)
        found.add(str(digest_of(told.store)))

    assert len(found) == 1


def test_no_clock_of_ours_is_in_what_is_told(told: Told) -> None:
    told(run_event("COMPLETE", 0, inputs=["a"], outputs=["b"], eventTime="1999-12-31T23:59:59.999999Z"))

    assert told.rows(
        "SELECT name, first_seen_at::VARCHAR, last_seen_at::VARCHAR, last_written_at::VARCHAR FROM dataset"
    ) == [
        ("a", "1999-12-31 23:59:59.999999+00", "1999-12-31 23:59:59.999999+00", None),
        ("b", "1999-12-31 23:59:59.999999+00", "1999-12-31 23:59:59.999999+00", "1999-12-31 23:59:59.999999+00"),
    ]
    assert told.rows("SELECT first_seen_at::VARCHAR, last_seen_at::VARCHAR FROM edge") == [
        ("1999-12-31 23:59:59.999999+00", "1999-12-31 23:59:59.999999+00")
    ]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1969-12-31T23:59:59Z", "1969-12-31 23:59:59+00"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31 23:59:59.999999+00"),
        ("2024-02-29T12:00:00+14:00", "2024-02-28 22:00:00+00"),
        ("2026-03-29T01:30:00+01:00", "2026-03-29 00:30:00+00"),
    ],
)
def test_odd_times_are_times(told: Told, text: str, instant: str) -> None:
    told(run_event("COMPLETE", 0, eventTime=text))

    assert told.rows("SELECT event_time::VARCHAR FROM event") == [(instant,)]
    assert told.rows("SELECT ended_at::VARCHAR FROM run") == [(instant,)]


@pytest.mark.parametrize(
    "text",
    ["", " ", "now", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "1767225600", "{{ RUN_START_TIME }}", "Z[UTC]"],
)
def test_what_is_no_time_is_a_dead_letter_that_quotes_it(told: Told, text: str) -> None:
    told(run_event("COMPLETE", 0, eventTime=text))

    assert told.rows("SELECT reason, contains(detail, '" + text + "') FROM dead_letter") == [("no_event_time", True)]


@pytest.mark.parametrize("moment", [1767225600000, None, True, {"t": 1}, ["2026-01-01T00:00:00Z"]])
def test_a_time_that_is_no_text_is_a_dead_letter(told: Told, moment: object) -> None:
    told(run_event("COMPLETE", 0, eventTime=moment))

    assert told.rows("SELECT reason FROM dead_letter") == [("no_event_time",)]


def test_the_time_a_run_was_meant_for_is_kept(told: Told) -> None:
    """The reference backend stopped keeping it in 2023. An end that is null is no end; naive times are in UTC."""
    told(
        run_event(
            "START", 1, "r1", run_facets={"nominalTime": {"nominalStartTime": at(60), "nominalEndTime": at(120)}}
        ),
        run_event("COMPLETE", 2, "r1"),
        run_event(
            "COMPLETE",
            3,
            "r2",
            run_facets={"nominalTime": {"nominalStartTime": "2026-01-01T02:00:00", "nominalEndTime": None}},
        ),
        run_event(
            "COMPLETE", 4, "r3", run_facets={"nominalTime": {"nominalStartTime": "soon", "nominalEndTime": at(120)}}
        ),
    )

    assert told.rows("SELECT run_id, nominal_start_at::VARCHAR, nominal_end_at::VARCHAR FROM run") == [
        ("r1", "2026-01-01 00:01:00+00", "2026-01-01 00:02:00+00"),
        ("r2", "2026-01-01 02:00:00+00", None),
        ("r3", None, "2026-01-01 00:02:00+00"),
    ]


def test_the_newest_facet_holds_in_whichever_order_they_come(told: Told) -> None:
    told(
        run_event(
            "COMPLETE",
            5,
            "r1",
            outputs=[{"namespace": "db", "name": "b", "facets": {"documentation": {"description": "new"}}}],
        ),
        run_event(
            "COMPLETE",
            3,
            "r2",
            outputs=[{"namespace": "db", "name": "b", "facets": {"documentation": {"description": "old"}}}],
        ),
    )

    assert told.rows("SELECT name, description FROM dataset") == [("b", "new")]


def test_naive_times_are_in_the_zone_that_was_set(tmp_path: Path) -> None:
    """Half past eleven in a summer's London is half past ten in UTC; a time that has a zone stays as it is."""
    said = replay(
        tmp_path,
        run_event("COMPLETE", 0, "naive", eventTime="2026-07-01T11:30:00"),
        run_event("COMPLETE", 0, "zoned", eventTime="2026-07-01T11:30:00Z"),
        run_event("COMPLETE", 0, "winter", eventTime="2026-01-01T11:30:00"),
        settings=NAIVE_IN_LONDON,
    )

    assert said == ""
    assert read(tmp_path, "SELECT run_id, ended_at::VARCHAR FROM run") == [
        ("naive", "2026-07-01 10:30:00+00"),
        ("winter", "2026-01-01 11:30:00+00"),
        ("zoned", "2026-07-01 11:30:00+00"),
    ]


def test_a_run_that_never_ends_is_listed_and_stays_as_it_is(told: Told) -> None:
    """A limit is a way of looking, not a state: nobody knows that the run died."""
    told(run_event("START", 1, "lost"), run_event("START", 1, "done"), run_event("COMPLETE", 2, "done"))

    assert told.rows(f"SELECT run_id FROM {UNFINISHED}") == [("lost",)]
    assert told.states() == {"done": "COMPLETE", "lost": "RUNNING"}
