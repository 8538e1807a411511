"""A short run of what `make soak` does for an hour."""

from __future__ import annotations

import freshness
import pytest
from broker import Broker

MOST_MB = 800  # caches are still filling in so short a time, so this is about their bounds


@pytest.mark.slow
def test_a_steady_stream_is_all_visible_and_memory_has_a_bound(broker: Broker) -> None:
    run = freshness.measure(broker, rate=300, seconds=30)
    assert run.events > 30 * 300 * 0.5  # a busy machine may not send them all; what was sent is all visible
    assert run.late_mb < MOST_MB
