"""What fuzzing begins with: events of every kind, small enough to be changed a million times."""

from __future__ import annotations

from support import SALES, corpora, values_of

LARGEST = 6_000  # bytes


def seeds() -> list[bytes]:
    """Return recorded events: the sales platform's, and one in four of those beside the project, if there are any."""
    own = values_of(*sorted((SALES / "events").glob("*.ndjson")))
    found = values_of(*corpora())[::4]
    return sorted({value for value in [*own[::3], *found] if len(value) <= LARGEST})
