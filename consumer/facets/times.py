"""Times as OpenLineage writes them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def parse_time(text: str, naive_zone: tzinfo = UTC) -> datetime:
    """Return the instant that an OpenLineage time names; a time without zone is one of *naive_zone*.

    Accepts RFC 3339 (in either case) and ISO 8601 with any number of fraction digits (kept to the microsecond),
    ``+0100`` and the bracketed zone that Java adds (``Z[Europe/London]``).

    Raises:
        ValueError: the text is not a time.
    """
    moment = datetime.fromisoformat(text.partition("[")[0].strip().upper())
    return moment.replace(tzinfo=naive_zone) if moment.tzinfo is None else moment
