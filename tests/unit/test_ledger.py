"""Merging what is said about one run is a join: associative, commutative, idempotent. Every ledger merges the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from headwater.batch import Batch
from headwater.core import is_compiled
from headwater.ledger import AnyLedger, Ledger, count_of, merge_runs
from headwater.rows import EventRow, PassingFacetRow, RunRow
from headwater.store.arrow import rows_of
from hypothesis import given
from hypothesis import strategies as st

moments = st.integers(0, 3)
ids = st.sampled_from([b"a" * 16, b"b" * 16])
optional_moments = st.none() | moments


@st.composite
def runs(draw: st.DrawFn) -> RunRow:
    """Return what one event says about a run. Two events with one stamp are one event, so they say the same."""
    moment, event_id = draw(moments), draw(ids)
    stamp: tuple[Any, ...] = (moment, event_id)
    said = sum(event_id) + moment
    return RunRow(
        run_key=b"k" * 16,
        run_id="r",
        first_at=moment,
        started_at=moment if said % 2 else None,
        last_at=moment,
        state=(said % 3, *stamp, "COMPLETE") if said % 4 else None,
        job=(*stamp, said),
        producer=(*stamp, None if said % 5 else "p"),
        nominal=(*stamp, None, said) if said % 2 else None,
        parent=(*stamp, "p", None, "j", None) if said % 3 else None,
        error=None,
        source=(*stamp, str(said)) if said % 5 else None,
    )


@given(runs(), runs())
def test_merging_is_commutative(left: RunRow, right: RunRow) -> None:
    assert merge_runs(left, right) == merge_runs(right, left)


@given(runs(), runs(), runs())
def test_merging_is_associative(one: RunRow, two: RunRow, three: RunRow) -> None:
    assert merge_runs(one, merge_runs(two, three)) == merge_runs(merge_runs(one, two), three)


@given(runs(), runs())
def test_merging_is_idempotent(left: RunRow, right: RunRow) -> None:
    both = merge_runs(left, right)

    assert merge_runs(both, left) == both


Saying = Callable[[AnyLedger], object]


@st.composite
def sayings(draw: st.DrawFn) -> Saying:
    """Return one thing that is said to a ledger."""
    moment, event_id, number = draw(moments), draw(ids), draw(st.integers(0, 1))
    run = draw(runs())
    event = EventRow(event_id, "run", "START", moment, None, number, "t", 0, moment, 0, moment, "{}")
    facet = PassingFacetRow("output", b"k" * 16, "output", number, None, "rows", moment, event_id, event_id)
    measurement = draw(st.booleans())
    ways: list[Saying] = [
        lambda ledger: ledger.add_event(event),
        lambda ledger: ledger.see_run(run),
        lambda ledger: ledger.see_shape(number, (moment, event_id)),
        lambda ledger: ledger.see_passing_facet(facet, measurement),
        lambda ledger: ledger.add_document(event_id, str(event_id), False),
    ]
    return draw(st.sampled_from(ways))


def rows_by_table(ledger: AnyLedger) -> dict[str, list[str]]:
    """Return all rows, as text, of the tables that have any."""
    told = Batch(ledger).tables(0, {})
    return {table: sorted(map(repr, rows_of(table, rows))) for table, rows in told.items() if count_of(rows)}


@pytest.mark.skipif(not is_compiled(), reason="the core is not compiled")
@given(st.lists(sayings(), max_size=30))
def test_the_compiled_ledger_is_the_same(said: list[Saying]) -> None:
    from headwater import _core

    ours, compiled = Ledger(), _core.Ledger()
    assert [say(ours) for say in said] == [say(compiled) for say in said]

    assert ours.event_times() == compiled.event_times()
    assert ours.received() == compiled.received()
    assert ours.duplicates() == compiled.duplicates()
    assert rows_by_table(compiled) == rows_by_table(ours)
