"""Anybody may query the published store while the sidecar writes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from _producer import PATIENCE, Feed, Sidecar, account, check_whole, clean_digest, digest, reading
from broker import Broker

if TYPE_CHECKING:
    from conftest import MakeTopic

READERS = 4
SECONDS = 30.0
RECORDS_A_SECOND = 300

# Names of what must never be there, with how often it is.
TORN = """
SELECT 'an event without its shape', count(*) FROM store.event ANTI JOIN store.shape USING (shape_id)
UNION ALL
SELECT 'an event without its run', count(*) FROM store.event ANTI JOIN store.run USING (run_key) WHERE kind = 'run'
UNION ALL
SELECT 'a run without an event', count(*) FROM store.run ANTI JOIN store.event USING (run_key)
UNION ALL
SELECT 'a run without its lineage', count(*)
FROM store.run ANTI JOIN store.lineage USING (lineage_id) WHERE lineage_id IS NOT NULL
UNION ALL
SELECT 'a dataset without its name', count(*) FROM store.shape_dataset ANTI JOIN store.dataset USING (dataset_id)
UNION ALL
SELECT 'a facet without its document', count(*) FROM store.shape_facet ANTI JOIN store.document USING (document_id)
UNION ALL
SELECT 'an event that is there twice', count(*) - count(DISTINCT event_id) FROM store.event
UNION ALL
SELECT 'a job that is there twice', count(*) - count(DISTINCT job_id) FROM store.job
UNION ALL
SELECT 'an event whose body cannot be put together', count(*) FROM event WHERE body IS NULL
"""


@pytest.mark.slow
def test_readers_meet_no_error_and_no_torn_state_while_the_sidecar_consumes(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=7, partitions=3) as feed,
        Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar,
    ):
        with feed.flowing(RECORDS_A_SECOND):
            sidecar.until_published(1)
            readers = [start_reader(sidecar.store) for _ in range(READERS)]
            said = [reader.communicate(timeout=SECONDS + PATIENCE)[0].splitlines() for reader in readers]
        sidecar.until_published(feed.produced.total())
        assert [lines[:-1] for lines in said] == [[]] * READERS
        versions = [int(lines[-1]) for lines in said]
        assert min(versions) > 10, f"the readers saw {versions} states: too few to prove anything"
        assert {reader.returncode for reader in readers} == {0}
        account(sidecar.store, broker, name, feed)
        assert digest(sidecar.store) == clean_digest(broker, name, tmp_path)


def start_reader(store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, str(store), str(SECONDS)]
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def read(store: Path, seconds: float) -> None:
    """Print what is wrong, and in the end how many states of the store were seen."""
    ends = time.monotonic() + seconds
    seen = [(0, 0)]
    while time.monotonic() < ends:
        try:
            with reading(store) as con:
                seen.append(look(con))
        except (duckdb.Error, AssertionError) as exc:
            print(f"after {seen[-1]}: {type(exc).__name__}: {exc}".replace("\n", " "))
            continue
        if any(now < before for now, before in zip(seen[-1], seen[-2], strict=True)):
            print(f"back from {seen[-2]} to {seen[-1]}")
    print(len(set(seen)) - 1)


def look(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return how many records and events there are, if both are the same before and after everything else was read."""
    counts = check_whole(con), count(con, "event")
    torn = [row for row in con.execute(TORN).fetchall() if row[1]]
    assert not torn, torn
    assert count(con, "edge") >= 0
    assert counts == (check_whole(con), count(con, "event")), "the store changed under an open connection"
    return counts


def count(con: duckdb.DuckDBPyConnection, view: str) -> int:
    [(rows,)] = con.execute(f"SELECT count(*) FROM {view}").fetchall()
    return int(rows)


if __name__ == "__main__":
    read(Path(sys.argv[1]), float(sys.argv[2]))
