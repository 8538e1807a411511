"""The compiled core makes the same rows of the same events as Python does, whatever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from headwater.core import CoreFolder, is_compiled, make_folder
from headwater.fold import Folder
from headwater.redaction import STANDARD, Redaction
from headwater.rows import DuplicateRow, EventRow
from headwater.sources import Record
from headwater.store.arrow import rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import mutated, parse, render
from seeds import seeds
from strategies import RELAXED, values
from support import SALES, corpus_parameters, fold_records, values_of

pytestmark = pytest.mark.skipif(
    not is_compiled() and os.environ.get("HEADWATER_TEST_CORE") != "compiled",
    reason="the core is not compiled: there is no Rust, or it is not wanted",
)

REDACTION = Redaction({**STANDARD, "sql": "drop", "documentation": "hash"}, max_facet_bytes=1 << 14)
Rows = dict[str, set[str]]


def pair() -> tuple[Folder, CoreFolder]:
    """Return a folder in Python and one with the core, by the same settings."""
    core = make_folder(redaction=REDACTION)
    assert isinstance(core, CoreFolder)
    return Folder(redaction=REDACTION), core


def rows(folder: Folder, batches: Sequence[Sequence[bytes]]) -> Rows:
    """Return all rows by table, of batches that the folder folds one after the other."""
    found: Rows = {}
    for number, batch_of_values in enumerate(batches):
        batch = folder.new_batch()
        records = [Record("t", number, offset, value) for offset, value in enumerate(batch_of_values)]
        fold_records(batch, folder, records)
        for table, said in batch.tables(0, {}).items():
            listed = rows_of(table, said)
            assert len(listed) == len(set(listed)), f"{table} has a row twice"
            for row in listed:
                # Of two records with one event in a batch, either may be the one that counts.
                if isinstance(row, EventRow | DuplicateRow):
                    found.setdefault("place", set()).add(repr((row.event_id, number, row.source_offset, row.element)))
                if isinstance(row, EventRow):
                    row = row._replace(source_offset=0, element=0)
                if not isinstance(row, DuplicateRow):
                    found.setdefault(table, set()).add(repr(row))
    return found


def assert_same(batches: Sequence[Sequence[bytes]]) -> None:
    python, core = pair()
    expected, found = rows(python, batches), rows(core, batches)
    assert found.keys() == expected.keys()
    for table in expected:
        assert found[table] == expected[table], table


@pytest.mark.parametrize("path", [*corpus_parameters(), *sorted((SALES / "events").glob("*.ndjson"))])
def test_recorded_events(path: Path) -> None:
    recorded = values_of(path)
    half = len(recorded) // 2

    assert_same([recorded[:half], recorded[half:], recorded])  # the last of all was seen before


def test_the_core_folds_what_producers_send() -> None:
    """It would be of no use if it left everything to Python."""
    recorded = values_of(*sorted((SALES / "events").glob("*.ndjson")))
    folder = make_folder()
    records = [Record("t", 0, offset, value) for offset, value in enumerate(recorded)]

    assert list(folder.fold_ordinary(records, 0, 1 << 20, folder.new_batch())) == []


@settings(RELAXED, max_examples=200)
@given(records=st.lists(values(), min_size=1, max_size=12))
def test_made_up_records(records: list[bytes]) -> None:
    assert_same([records, records[:3]])


def test_recorded_events_with_something_wrong() -> None:
    chance = Random(2)
    trees = [parse(seed) for seed in seeds()]
    wrong = [render(mutated(chance.choice(trees), chance, chance.choice(trees))) for _ in range(3_000)]

    assert_same([wrong[:1_000], wrong[1_000:2_000], wrong[2_000:]])


def test_recorded_events_with_broken_bytes() -> None:
    chance = Random(3)
    given_bytes = seeds()
    wrong = []
    for _ in range(3_000):
        value = bytearray(chance.choice(given_bytes))
        for _ in range(chance.choice([1, 1, 2, 5])):
            place = chance.randrange(len(value))
            value[place : place + chance.choice([0, 1, 1, 9])] = chance.choice(BROKEN)
        wrong.append(bytes(value))

    assert_same([wrong[:1_000], wrong[1_000:2_000], wrong[2_000:]])


BROKEN = [
    b"",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\x00",
    b"\x01",
    b"\xff",
    b"\xc3\xa9",
    b"-0",
    b"1e5",
    b"null",
]

EVENT = (
    '{"eventTime":"2026-01-01T00:00:00Z","eventType":"COMPLETE","producer":"p",'
    '"run":{"runId":"r","facets":{"mine":{"_producer":"p","value":%s}}},"job":{"namespace":"n","name":"j"}}'
)


NUMBERS = """
    0 -0 1 -1 00 1.50 -0.0 0.000001 0.0000001 0.0000000 1e5 1E-5 10.0e1 1e400 1e99999 1. .5 +1 - NaN Infinity
    true nul tru
"""
STRINGS = r"""
    "" "\n" "\/" "\b\f" "\u00e9" "\u0041" "\ud83d\ude00" "\ud800" "\x" "a\" "é"
"""
STRUCTURES = r"""
    [] [1,] [,] {} {"b":1,"a":2} {"a":1,"a":2} {"\u0061":1,"a":2} {"é":1,"z":2} {"a"} {"a":} {,} [} {] {"_deleted":true}
    {"password":"x"} {"name":"my_token","value":"x"}
"""
OTHERS = ["9" * 18, "9" * 19, "9" * 400, "1." + "0" * 30, "- 1", '"\x7f"', '"\t"', '"\u2028"', "[ ]"]
DEEP = "[" * 80 + "]" * 80


@pytest.mark.parametrize("value", [*NUMBERS.split(), *STRINGS.split(), *STRUCTURES.split(), *OTHERS, DEEP])
def test_every_spelling_of_a_value(value: str) -> None:
    assert_same([[(EVENT % value).encode()], [(EVENT % value).replace("mine", "errorMessage").encode()]])


TIMES = """
    2026-02-28T23:59:59.999999999Z 2026-02-29T00:00:00Z 2024-02-29T00:00:00Z 1900-02-29T00:00:00Z 1969-12-31T23:59:59.5Z
    2026-01-01T24:00:00Z 2026-01-01T00:00:60Z 2026-01-01T00:00:00 2026-01-01T00:00:00.Z 2026-01-01T00:00:00+24:00
    2026-01-01T00:00:00+01:00 2026-01-01T00:00:00-0100 2026-01-01T00:00:00+01:00:30 2026-01-01t00:00:00z
    0001-01-01T00:00:00+01:00 9999-12-31T23:59:59-01:00 2026-01-01T00:00:00Z[Europe/London]
"""


@pytest.mark.parametrize("time", [*TIMES.split(), "2026-01-01 00:00:00Z", " 2026-01-01T00:00:00Z"])
def test_every_spelling_of_a_time(time: str) -> None:
    assert_same([[(EVENT % "1").replace("2026-01-01T00:00:00Z", time).encode()]])
