"""What must hold for whatever bytes come: applied, known already, or a dead letter with a reason; never a crash.

And an event that is applied comes out again as the JSON value that went in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from headwater.batch import Batch
from headwater.core import make_folder
from headwater.sources import Record
from headwater.store import Store
from support import empty, fold_all, fold_records

REASONS = {"invalid_utf8", "invalid_json", "not_an_event", "no_event_time", "no_run_id", "no_job"}
DELIVERED = "SELECT source_offset, element, outcome FROM delivery"
KEPT = "SELECT source_offset, element, body::VARCHAR FROM event"
FEW = 20  # it takes a while to ask every view
VIEWS = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"


class Broken(AssertionError):
    """An input that does not come to what it must; its bytes are in the message."""


class Judge:
    """Folds input after input, writes them to a store a batch at a time, and looks at what became of each."""

    def __init__(self, store: Store, write_every: int = 1000) -> None:
        self.inputs = 0
        self._store = store
        self._write_every = write_every
        self._values: list[bytes] = []
        self._folder = make_folder()
        self._batch = self._folder.new_batch()

    def judge(self, value: bytes) -> None:
        """Fold *value*; every so often write and look."""
        self.inputs += 1
        try:
            fold_records(self._batch, self._folder, [Record("t", 0, len(self._values), value)])
        except Exception as exc:
            raise Broken(f"{type(exc).__name__} while folding {value!r}") from exc
        self._values.append(value)
        if len(self._values) >= self._write_every:
            self.finish()

    def finish(self) -> None:
        """Write what was folded, look at it, and begin with an empty store again."""
        values, batch = self._values, self._batch
        self._values, self._batch = [], self._folder.new_batch()
        self._folder.forget()
        try:
            self._look(values, batch)
        except Exception as exc:
            raise self._blame(values) or Broken(f"{exc}; none of these alone: {values!r}") from exc

    def _look(self, values: Sequence[bytes], batch: Batch) -> None:
        empty(self._store)
        self._store.write(batch.tables(0, {}))
        rows = self._store.database.rows
        delivered = {(offset, element): outcome for offset, element, outcome in rows(DELIVERED)}
        expected = {(offset, element) for offset, value in enumerate(values) for element in range(elements_of(value))}
        assert delivered.keys() == expected, f"not accounted for: {delivered.keys() ^ expected}"
        assert len(delivered) == len(rows(DELIVERED)), "a record was delivered twice"
        for offset, element, body in rows(KEPT):
            given = exact(values[offset])
            assert exact(body.encode()) == (given[element] if isinstance(given, list) else given), f"changed: {body}"
        unknown = {reason for (reason,) in rows("SELECT reason FROM dead_letter")} - REASONS
        assert not unknown, f"unknown reasons {unknown}"
        if len(values) > FEW:
            for (view,) in rows(VIEWS):
                rows(f'SELECT count(COLUMNS(*)::VARCHAR) FROM "{view}"')

    def _blame(self, values: Sequence[bytes]) -> Broken | None:
        """Return what is wrong with the fewest values that halving leaves wrong."""
        wrong = None
        while values:
            half = max(len(values) // 2, 1)
            for part in (values[:half], values[half:]):
                why = self._wrong_with(part)
                if why is not None:
                    values, wrong = part, Broken(f"{type(why).__name__}: {why}; from {part!r}")
                    break
            else:
                break
            if len(values) == 1:
                break
        return wrong

    def _wrong_with(self, values: Sequence[bytes]) -> Exception | None:
        batch = fold_all(values)
        try:
            self._look(values, batch)
        except Exception as exc:
            return exc
        return None


def elements_of(value: bytes) -> int:
    """Return how many events a record may hold: the elements of an array, else one."""
    try:
        found = json.loads(value.removeprefix(b"\xef\xbb\xbf"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return 1
    # An array that holds a constant which is not JSON, or half of a character, is not read at all.
    if isinstance(found, list) and found and _is_strict(value):
        return len(found)
    return 1


def exact(value: bytes) -> Any:
    """Return a JSON value with every digit of its numbers."""
    return json.loads(value.removeprefix(b"\xef\xbb\xbf"), parse_float=_number, parse_int=_number)


def _is_strict(value: bytes) -> bool:
    """Tell whether a text that Python reads as JSON is JSON, with whole characters in it."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        text = value.removeprefix(b"\xef\xbb\xbf").decode()  # Python would also read UTF-16 and UTF-32
        # As pairs: a member that a second one of its name would hide counts too.
        found = json.loads(text, parse_constant=refuse, parse_int=str, object_pairs_hook=list)
    except ValueError:
        return False
    inside = [found]
    while inside:
        item = inside.pop()
        if isinstance(item, list | tuple):
            inside.extend(item)
        elif isinstance(item, str) and any("\ud800" <= character <= "\udfff" for character in item):
            return False
    return True


def _number(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except ArithmeticError:
        return text  # an exponent that no decimal has
