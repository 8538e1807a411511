"""What months bring: clocks that jump, ends at the wrong moment, readers that never let go and a great many of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _producer import Feed, Sidecar, account, check_whole, clean_digest, committed, digest, members, reading
from broker import Broker

if TYPE_CHECKING:
    from conftest import MakeTopic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

HERE = Path(__file__).parent
MISBEHAVING = HERE / "_misbehaving.py"
KEPT = 4  # snapshots that the publisher keeps, at most
PUBLISHED = 40  # times, while a reader holds on to the first of them
READERS, OPENS = 4, 250


def is_complete(folder: Path, broker: Broker, topic: str, feed: Feed) -> None:
    """Assert that every element of every record is accounted for, and that the facts are those of a plain replay."""
    store = folder / "lineage.duckdb"
    account(store, broker, topic, feed)
    assert digest(store) == clean_digest(broker, topic, folder)


# Clocks


@pytest.mark.parametrize("jumps", [(signal.SIGUSR1, signal.SIGUSR2), (signal.SIGUSR2, signal.SIGUSR1)])
def test_a_clock_that_jumps_changes_no_fact_and_stops_nothing(
    broker: Broker, topic: MakeTopic, tmp_path: Path, jumps: tuple[int, int]
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=31, partitions=3) as feed,
        Sidecar(tmp_path, broker.bootstrap_servers, name, program=(MISBEHAVING, "clock")) as sidecar,
    ):
        feed.send_some(200)
        feed.flush()
        sidecar.until_published(200)
        for turn, jump in enumerate(jumps, 2):
            sidecar.signal(jump)
            sidecar.until(
                "the clock jumped",
                lambda turn=turn: sum("seconds ahead" in line for line in sidecar.said) == turn - 1,  # type: ignore[misc]
            )
            feed.send_some(200)
            feed.flush()
            sidecar.until_published(200 * turn)
        is_complete(tmp_path, broker, name, feed)
        with reading(sidecar.store) as con:
            (years,) = con.execute("SELECT date_diff('year', min(received_at), max(received_at)) FROM event").fetchall()
    assert years[0] in (9, 10), "the jump did not reach the sidecar"


# Ends


@pytest.mark.parametrize("part", ["checkpoint", "fill", "show"])
def test_a_signal_in_the_middle_of_a_publication_ends_it_whole(
    broker: Broker, topic: MakeTopic, tmp_path: Path, part: str
) -> None:
    name = topic(3)
    with Feed(broker, name, seed=32, partitions=3) as feed:
        program = (MISBEHAVING, part)
        with Sidecar(tmp_path, broker.bootstrap_servers, name, program=program) as sidecar, feed.flowing(200):
            sidecar.until_said("SIGTERM came in")
            assert sidecar.wait() == 0, sidecar.said
        done = re.fullmatch(r"Done: ([\d,]+) records: .*", sidecar.said[-1])
        assert done, sidecar.said
        assert members(broker, name) == 0
        with reading(sidecar.store) as con:
            (tombstones,) = con.execute("SELECT coalesce(sum(tombstones), 0) FROM kafka_offset").fetchall()
            assert check_whole(con) == int(done[1].replace(",", "")) + tombstones[0], (
                "not all that it read is published"
            )
        with Sidecar(tmp_path, broker.bootstrap_servers, name, "--until-caught-up") as sidecar:
            assert sidecar.wait() == 0, sidecar.said
        is_complete(tmp_path, broker, name, feed)


# Rebalances


def test_a_rebalance_while_a_batch_is_open_loses_and_doubles_nothing(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(3)
    patient = ("--batch-seconds", 3600, "--batch-events", 10**6, "--publish-every", 3600)
    with (
        Feed(broker, name, seed=33, partitions=3) as feed,
        Sidecar(tmp_path / "ours", broker.bootstrap_servers, name, *patient) as ours,
    ):
        with feed.flowing(500):
            ours.until("it reads", lambda: members(broker, name) == 1)
            since = feed.produced.total()
            ours.until("there is more for it", lambda: feed.produced.total() > since + 500)
            # What it read and did not tell the group of is in the batch, which only a pause of the topic would close.
            ours.until("a batch is open", lambda: feed.produced.total() - committed(broker, name, name) > 500)
            with Sidecar(tmp_path / "theirs", broker.bootstrap_servers, name) as theirs:
                theirs.until("both are members", lambda: members(broker, name) == 2)
                theirs.until_published(100)
                theirs.signal(signal.SIGTERM)
                assert theirs.wait() == 0
        ours.signal(signal.SIGTERM)
        assert ours.wait() == 0
    with Sidecar(tmp_path / "ours", broker.bootstrap_servers, name, "--until-caught-up") as again:
        assert again.wait() == 0, again.said
    assert not [line for line in (*ours.said, *again.said) if line.startswith("LOST")]
    is_complete(tmp_path / "ours", broker, name, feed)


# Readers


def disk_used(folder: Path, *held: int) -> int:
    """Return the bytes of the files of a folder, and of open files that have no name any more; each one once."""
    found = [file.stat() for file in folder.iterdir() if file.is_file()] + [os.fstat(fd) for fd in held]
    return sum({(stat.st_dev, stat.st_ino): stat.st_blocks * 512 for stat in found}.values())


def test_a_reader_that_never_lets_go_keeps_its_version_and_costs_one_copy(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=34, partitions=3) as feed,
        Sidecar(tmp_path, broker.bootstrap_servers, name, "--publish-every", 0.02) as sidecar,
    ):
        feed.send_some(300)
        feed.flush()
        sidecar.until_published(300)
        published: set[int] = set()

        def has_published(times: int) -> bool:
            published.add(sidecar.store.stat().st_mtime_ns)
            return len(published) >= times

        with reading(sidecar.store) as con, sidecar.store.open("rb") as held:
            before = check_whole(con)
            with feed.flowing(300):
                sidecar.until("it has published often", lambda: has_published(PUBLISHED), 120)
            assert check_whole(con) == before, "the version that is held has changed"
            size = max(file.stat().st_size for file in tmp_path.iterdir())
            assert len([*tmp_path.glob(".lineage.duckdb.snap-*")]) <= KEPT
            # The live file with its log, the snapshots, and the one that is held.
            assert disk_used(tmp_path, held.fileno()) <= (KEPT + 3) * size
        sidecar.until_published(feed.produced.total())
        is_complete(tmp_path, broker, name, feed)


@pytest.mark.timeout(900)  # a thousand databases are opened, on whatever processor there is
def test_a_thousand_readers_come_and_go_without_an_error_and_leave_nothing_open(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=35, partitions=3) as feed,
        Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar,
    ):
        feed.send_some(300)
        feed.flush()
        sidecar.until_published(300)
        files = Path(f"/proc/{sidecar.pid}/fd")
        before = len([*files.iterdir()])
        with feed.flowing(100):
            command = [sys.executable, str(HERE / "_opening.py"), str(sidecar.store), str(OPENS)]
            readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(READERS)]
            said = [reader.communicate(timeout=850)[0].splitlines() for reader in readers]
        assert [lines[:-1] for lines in said] == [[]] * READERS, "errors"
        assert [lines[-1] for lines in said] == [str(OPENS)] * READERS
        assert len([*files.iterdir()]) <= before + 2 * KEPT
        sidecar.until_published(feed.produced.total())
        is_complete(tmp_path, broker, name, feed)
