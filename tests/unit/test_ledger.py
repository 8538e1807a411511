"""Merging what is said about one run is a join: associative, commutative, idempotent."""

from typing import Any

from headwater.ledger import merge_runs
from headwater.rows import RunRow
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
