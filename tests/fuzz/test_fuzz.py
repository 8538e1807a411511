"""Whatever comes is applied, known already, or a dead letter with a reason: a few thousand of a million inputs.

``make fuzz`` has the million.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from headwater.store import Store
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import mutated, parse, render
from oracle import Broken, Judge
from seeds import seeds
from strategies import RELAXED, values
from support import Told, digest_of, empty, write_all


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("fuzz") / "live.duckdb") as opened:
        yield opened


@pytest.mark.slow
@settings(RELAXED, max_examples=150)
@given(records=st.lists(values(), min_size=1, max_size=12))
def test_made_up_records_are_accounted_for(store: Store, records: list[bytes]) -> None:
    judge = Judge(store, write_every=100)
    for record in records:
        judge.judge(record)
    judge.finish()


@pytest.mark.slow
@settings(RELAXED, max_examples=25)
@given(records=st.lists(values(), min_size=2, max_size=8), chance=st.randoms(use_true_random=False))
def test_the_order_of_made_up_records_makes_no_difference(store: Store, records: list[bytes], chance: Random) -> None:
    cut = chance.randint(0, len(records))
    shuffled = chance.sample(records, len(records))

    assert digest(store, [shuffled[:cut], shuffled[cut:], records[:1]]) == digest(store, [records])


def digest(store: Store, batches: list[list[bytes]]) -> dict[str, tuple[int, str]]:
    empty(store)
    write_all(store, batches)
    return digest_of(store)


@pytest.mark.slow
def test_recorded_events_with_something_wrong_are_accounted_for(store: Store) -> None:
    chance = Random(1)
    trees = [parse(seed) for seed in seeds()]
    judge = Judge(store)
    for _ in range(5_000):
        judge.judge(render(mutated(chance.choice(trees), chance, chance.choice(trees))))
    judge.finish()


EVENT = b'{"eventTime":"2026-01-01T00:00:00Z","job":{"namespace":"n","name":"j"},"x":%s}'


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(EVENT % b"1e999999999999999999999", id="an exponent that no decimal has"),
        pytest.param(EVENT % b"-1e-999999999999999999999", id="a negative one"),
        pytest.param(EVENT % (b"9" * 5000), id="an integer of 5,000 digits"),
        pytest.param(EVENT % (b"[" * 100_000 + b"]" * 100_000), id="100,000 brackets"),
        pytest.param(EVENT % (b'{"a":' * 900 + b"1" + b"}" * 900), id="900 objects in each other"),
        pytest.param(EVENT % rb'"\ud800"', id="half of a character"),
        pytest.param(EVENT % rb'{"\u0001":"\u0001"}', id="the character that marks facets inside the store"),
        pytest.param(EVENT % rb'"\u0000"', id="a NUL"),
        pytest.param(b" " * 100 + b"[" + EVENT % b"1" + b"]", id="a batch after much white space"),
        pytest.param(b"[" + EVENT % b"1" + b",[" + EVENT % b"2" + b"]]", id="a batch in a batch"),
        pytest.param(
            EVENT.replace(b"2026", b"9999").replace(b"00Z", b"00-14:00") % b"1", id="a time after the last year"
        ),
    ],
)
def test_what_was_once_too_much_is_accounted_for(store: Store, value: bytes) -> None:
    judge = Judge(store)
    judge.judge(value)
    judge.finish()


def test_a_batch_after_much_white_space_is_a_batch(told: Told) -> None:
    told(b" " * 100 + b"[" + EVENT % b"1" + b"]")

    assert told.rows("SELECT outcome FROM delivery") == [("applied",)]


def test_the_judge_notices_what_is_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that finds nothing wrong is worth nothing until it was seen to find something."""
    judge = Judge(store)
    judge.judge(EVENT % b"1")
    monkeypatch.setattr("oracle.elements_of", lambda value: 2)

    with pytest.raises(Broken, match="not accounted for"):
        judge.finish()


def test_the_judge_notices_what_is_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(store)
    judge.judge(EVENT % b"1")
    monkeypatch.setattr("oracle.exact", json.loads)
    judge._values[0] = EVENT % b"2"

    with pytest.raises(Broken, match="changed"):
        judge.finish()


def test_the_judge_names_the_input_that_crashes(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("oracle.fold_records", crash)

    with pytest.raises(Broken, match="ZeroDivisionError while folding b'x'"):
        Judge(store).judge(b"x")
