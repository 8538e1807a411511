"""Time as an argument: what runs in production, and what a test turns by hand."""

from __future__ import annotations

import time
from typing import Protocol

from .rows import Micros


class Clock(Protocol):
    """Two clocks: one that never goes back, for durations, and the calendar's, for what is stored."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        ...

    def now(self) -> Micros:
        """Return microseconds since 1970 in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def now(self) -> Micros:
        """Return microseconds since 1970 in UTC."""
        return time.time_ns() // 1000
