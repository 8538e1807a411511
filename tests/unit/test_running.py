"""How a store is written: with which limits, and how Python is set up meanwhile."""

from __future__ import annotations

import gc
import sys
import time
import weakref

import pytest
from headwater.cli import running
from headwater.settings import settings


class Node:
    """Something that refers to itself: only a look for cycles takes it away."""

    def __init__(self) -> None:
        self.itself = self


def test_cycles_are_taken_away_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "COLLECTION", 0.01)
    with running.tuned_interpreter():
        gone = weakref.ref(Node())
        deadline = time.monotonic() + 30
        while gone() is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert gone() is None


def test_the_interpreter_is_as_before_afterwards() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    with running.tuned_interpreter():
        assert (gc.get_threshold(), sys.getswitchinterval()) != before
    assert (gc.get_threshold(), sys.getswitchinterval()) == before


def test_what_is_there_already_comes_in_larger_batches_unless_they_are_set() -> None:
    usual = settings()
    assert running.in_bulk(usual).batch_bytes == 2 * usual.batch_bytes
    assert running.in_bulk(settings(batch_events=7)).batch_events == 7
