from __future__ import annotations

from functools import cache
from itertools import accumulate, islice

import pytest
from events import Events
from headwater.batch import Batch
from headwater.errors import UnreadableRecord
from headwater.event import decode
from headwater.fold import Folder, Origin
from measure import measure

EVENTS = 2_000


@cache
def made(seed: int, *, repetition: bool = True) -> list[bytes]:
    return list(islice(Events(seed, repetition=repetition), EVENTS))


def test_a_seed_makes_the_same_bytes_again() -> None:
    assert list(islice(Events(7), EVENTS)) == made(7)


def test_another_seed_makes_other_events() -> None:
    assert not set(made(7)) & set(made(8))


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("repetition", [True, False])
def test_every_event_folds_and_every_facet_is_as_the_spec_has_it(seed: int, repetition: bool) -> None:
    folder, batch = Folder(), Batch()
    for offset, value in enumerate(made(seed, repetition=repetition)):
        for event in decode(value):
            assert not isinstance(event, UnreadableRecord)
            folder.fold(event, Origin("t", 0, offset, 0, 0), batch)
    assert not batch.facet_problems
    assert len(batch.ledger.event_times()) + batch.ledger.duplicates() == EVENTS


@pytest.mark.parametrize("seed", [7, 8])
def test_the_average_event_has_4_to_6_kilobytes(seed: int) -> None:
    values = made(seed)
    assert 4_000 <= sum(map(len, values)) / len(values) <= 6_000


@pytest.mark.parametrize("seed", [7, 8])
def test_most_facets_were_seen_before(seed: int) -> None:
    assert 0.75 <= measure(made(seed)).repetition <= 0.95


def test_without_repetition_only_duplicates_were_seen_before() -> None:
    assert measure(made(7, repetition=False)).repetition < 0.03


def test_duplicates_and_late_events_are_few_but_there() -> None:
    values = made(7)
    assert 0.002 <= 1 - len(set(values)) / len(values) <= 0.02
    times = [event.event_time for value in values for event in decode(value) if not isinstance(event, UnreadableRecord)]
    minute = 60_000_000
    newest = accumulate(times, max)
    late = sum(time < seen - minute for time, seen in zip(times, newest, strict=True))
    assert 0.005 <= late / len(times) <= 0.05
