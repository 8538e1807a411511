"""The verbs that keep the store small: retain and compact."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ..errors import SettingsError
from ..settings import Settings, settings
from .options import output_format, settings_of
from .output import say, show

if TYPE_CHECKING:
    from collections import Counter

    from ..upkeep import Ages


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go of the published store; nothing changes.")
@settings_of(
    "store",
    "retain_events",
    "retain_runs",
    "retain_check_results",
    "retain_duplicates",
    "retain_dead_letters",
    "retain_gaps",
    "memory_limit",
    "threads",
)
@output_format
def retain(dry_run: bool, format_: str | None, **given: Any) -> None:
    """Forget for good what is older than its kind is kept, and print how much that was.

    A kind without a number of days is kept for ever. A run goes with all of its events, and never while something
    current needs it: the lineage of a job, the facets of a dataset, the newest result of a check, an open incident.
    'headwater consume' does all this by itself, with the same settings.

    \b
      headwater retain --dry-run --retain-runs 90 --retain-check-results 365
    """  # noqa: D301
    import pyarrow as pa

    from .running import ages_of, roomy

    chosen = roomy(settings(**given))
    ages = ages_of(chosen)
    if not any(ages):
        raise SettingsError(
            "Nothing has an age, so nothing would go: say how many days to keep, as in --retain-runs 90."
        )
    counts = _rehearse(chosen, ages) if dry_run else _retain(chosen, ages)
    kinds = list(counts)
    show(pa.table({"kind": kinds, "forgotten": [counts[kind] for kind in kinds]}), format_)


def _retain(chosen: Settings, ages: Ages) -> Counter[str]:
    from ..upkeep import retain
    from .running import open_store

    with open_store(chosen) as live:
        live.publisher.publish()
        counts = retain(live.store, chosen.store, ages, datetime.now(UTC))
        live.publisher.publish()
    return counts


def _rehearse(chosen: Settings, ages: Ages) -> Counter[str]:
    """Do the same to a copy: what is said is what would happen, and a sidecar may go on writing."""
    from ..store import Reader, Store
    from ..upkeep import retain

    Reader(chosen.store).close()
    with TemporaryDirectory(prefix=".headwater-", dir=chosen.store.parent) as folder:
        copy, live = Path(folder) / "copy.duckdb", Path(folder) / "live.duckdb"
        copyfile(chosen.store, copy)
        Store(copy).close()  # migrates it
        with Store(live, seed=copy, memory_limit=chosen.memory_limit, threads=chosen.threads) as store:
            return retain(store, copy, ages, datetime.now(UTC))


@click.command()
@settings_of("store", "memory_limit", "threads")
def compact(**given: Any) -> None:
    """Write the store anew, in order and without the holes that forgetting leaves: it gets smaller and faster.

    Needs room for a second copy. The store is as it was until the new file takes its place, whatever happens.
    """
    from ..upkeep import compact
    from .running import open_owned_store, owned, roomy

    chosen = roomy(settings(**given))
    with owned(chosen) as mode:
        with open_owned_store(chosen, mode) as live:
            path = live.store.path
        before, fresh = path.stat().st_size, path.with_suffix(".compact")
        compact(path, fresh, datetime.now(UTC), memory_limit=chosen.memory_limit, threads=chosen.threads)
        _replace(fresh, path)
        with open_owned_store(chosen, mode) as live:
            live.publisher.publish()
    say(f"The store {chosen.store} takes {path.stat().st_size / 1e6:,.1f} MB, and took {before / 1e6:,.1f} MB.")


def _replace(fresh: Path, path: Path) -> None:
    """Put a file in the place of another, so that a power cut leaves the one or the other."""
    for synced in (fresh, path.parent):
        descriptor = os.open(synced, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        if synced is fresh:
            fresh.replace(path)
