"""Folding what a store keeps into a new one: after the rules for names, times or redaction were changed.

Events come from the store, so no topic and no capture is needed. What is no part of an event (offsets, duplicates, what
users did) is taken over as it is; dead letters too, but for what is redacted now.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import tzinfo
from itertools import groupby
from operator import attrgetter

from .batch import Batch
from .core import make_folder
from .errors import StoreError, UnreadableRecord
from .event import decode
from .fold import Folder, Origin
from .naming import Naming
from .redaction import Redaction
from .rows import Micros
from .sources import Record
from .store import Store

EVENTS = 10_000  # of one transaction


def refold(
    old: Store,
    new: Store,
    *,
    naming: Naming,
    naive_zone: tzinfo,
    redaction: Redaction = Redaction(),  # noqa: B008  # it never changes
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Fold the events of *old* into *new*, which is empty, and take over everything else.

    Returns:
        How many events there are.

    Raises:
        StoreError: an event has no time by these settings.
    """
    folder = make_folder(naive_zone=naive_zone, redaction=redaction)
    count = 0
    for kept in old.kept_events(EVENTS):
        batch = folder.new_batch()
        for received_at, together in groupby(kept, key=attrgetter("received_at")):
            records = [Record(*event[:3], event.body, event.element) for event in together]
            for place in folder.fold_ordinary(records, received_at, sys.maxsize, batch):
                _fold_one(records[place], received_at, folder, batch)
            count += len(records)
        new.write(batch.tables(0, {}, naming=naming, keeps_offsets=False))
        if on_progress:
            on_progress(count)
    new.adopt(old, kept_of_dead_letter=redaction.record)
    return count


def _fold_one(record: Record, received_at: Micros, folder: Folder, batch: Batch) -> None:
    origin = Origin(record.topic, record.partition, record.offset, record.element, received_at)
    for event in decode(record.value or b"", folder.naive_zone):
        if isinstance(event, UnreadableRecord):
            # In another time zone a naive time may be one that no calendar has.
            raise StoreError(
                f"The event of {record.topic}-{record.partition} at offset {record.offset:,} cannot be folded by these "
                f"settings: {event.detail}. The store is left as it is."
            )
        folder.fold(event, origin, batch)
