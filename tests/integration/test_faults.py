"""Whatever happens around it, the sidecar says so, loses nothing, and goes on by itself or ends with a sentence."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import pytest
from _producer import (
    NOBODY,
    Element,
    Feed,
    Made,
    Sidecar,
    account,
    clean_digest,
    committed,
    digest,
    headwater,
    made,
    members,
    plain,
    published,
    read_topic,
    reading,
)
from broker import Broker
from confluent_kafka import Producer
from support import fill

if TYPE_CHECKING:
    from conftest import MakeTopic

GARBAGE = Made(b"a log line that went astray", (Element(None, "invalid_json"),))


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with reading(store) as con:
        return con.execute(sql).fetchall()


def catch_up(folder: Path, broker: Broker, topic: str, *options: object, group: str | None = None) -> list[str]:
    """Run a sidecar until it has all there is; return what it said."""
    with Sidecar(folder, broker.bootstrap_servers, topic, "--until-caught-up", *options, group=group) as sidecar:
        assert sidecar.wait() == 0, sidecar.said
        return sidecar.said


def refused(folder: Path, bootstrap_servers: str, topic: str, *options: object) -> str:
    """Return the one line with which a sidecar ends that cannot do its work.

    Before it are the line of its settings and those of records that cannot be read.
    """
    with Sidecar(folder, bootstrap_servers, topic, *options) as sidecar:
        assert sidecar.wait() == 1, sidecar.said
    settings, *words = sidecar.said
    assert settings.startswith("headwater consume: ")
    (line,) = [word for word in words if not word.startswith("Dead letter")]
    assert line.startswith("headwater: ")
    return line


def is_complete(folder: Path, broker: Broker, topic: str, feed: Feed) -> None:
    """Assert that every element of every record is accounted for, and that the facts are those of a plain replay."""
    store = folder / "lineage.duckdb"
    account(store, broker, topic, feed)
    assert digest(store) == clean_digest(broker, topic, folder)


# The broker


@pytest.mark.slow
def test_a_broker_that_goes_away_is_waited_for_aloud_and_nothing_is_missing(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=1, partitions=3) as feed,
        Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar,
    ):
        feed.send_some(300)
        feed.flush()
        sidecar.until_published(300)
        broker.stop()
        said = sidecar.until_said("Still trying")
        assert broker.bootstrap_servers in said
        broker.start()
        feed.send_some(300)
        feed.flush()
        sidecar.until_published(600)
        assert "Traceback" not in "\n".join(sidecar.said)
        is_complete(tmp_path, broker, name, feed)


@pytest.mark.slow
def test_a_broker_that_is_away_at_the_start_is_waited_for_aloud(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send_events(10)
        broker.stop()
        with Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
            assert "Still trying" in sidecar.until_said(broker.bootstrap_servers + ":")
            broker.start()
            sidecar.until_published(10)
            is_complete(tmp_path, broker, name, feed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_sidecar_that_waits_for_a_broker_can_be_stopped(tmp_path: Path, number: int) -> None:
    with Sidecar(tmp_path, NOBODY, "openlineage") as sidecar:
        sidecar.until_said("Still trying")
        sidecar.signal(number)
        assert sidecar.wait(5) == 0


@pytest.mark.slow
def test_a_sidecar_that_has_lost_its_broker_can_be_stopped(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    name = topic()
    with Feed(broker, name) as feed, Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
        feed.send_events(10)
        sidecar.until_published(10)
        broker.stop()
        sidecar.until_said("Still trying")
        sidecar.signal(signal.SIGTERM)
        assert sidecar.wait(10) == 0
        assert published(sidecar.store) == 10


def test_a_topic_that_does_not_exist_is_named_in_one_sentence(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    exists = topic()
    said = refused(tmp_path, broker.bootstrap_servers, "openlinage")
    assert "no topic openlinage" in said
    assert exists in said or "more" in said


def test_an_empty_topic_is_caught_up_at_once(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    name = topic(2)
    with Sidecar(tmp_path, broker.bootstrap_servers, name, "--until-caught-up") as sidecar:
        assert sidecar.wait(10) == 0
    assert sidecar.said[-1] == "Done: 0 records: 0 events, 0 dead letters."
    assert rows(sidecar.store, "FROM event") == []


def test_a_topic_that_ends_with_a_transaction_is_caught_up(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    name = topic()
    settings = {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": name, "log_level": 0}
    producer = Producer(settings)
    producer.init_transactions(30)
    for first, end in ((0, producer.commit_transaction), (5, producer.abort_transaction)):
        producer.begin_transaction()
        for number in range(first, first + 5):
            producer.produce(name, plain(number))
        assert producer.flush(30) == 0  # a broker may refuse to abort what it has not heard of yet
        end(30)
    with Sidecar(tmp_path, broker.bootstrap_servers, name, "--until-caught-up") as sidecar:
        assert sidecar.wait(20) == 0
    assert rows(sidecar.store, "SELECT source_offset FROM event ORDER BY ALL") == [(number,) for number in range(5)]


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_sidecar_leaves_what_it_read_published_and_its_group_at_once(
    broker: Broker, topic: MakeTopic, tmp_path: Path, number: int
) -> None:
    name = topic(3)
    options = ("--publish-every", 3600)  # only the first publication and the last are due
    with (
        Feed(broker, name, seed=3, partitions=3) as feed,
        Sidecar(tmp_path, broker.bootstrap_servers, name, *options) as sidecar,
    ):
        with feed.flowing(500):
            sidecar.until("it told the group", lambda: committed(broker, name, name) > 200)
            sidecar.signal(number)
            assert sidecar.wait(15) == 0, sidecar.said
        told = committed(broker, name, name)
        assert members(broker, name) == 0
    done = re.fullmatch(r"Done: ([\d,]+) records: .*", sidecar.said[-1])
    assert done, sidecar.said
    ((tombstones,),) = rows(sidecar.store, "SELECT sum(tombstones) FROM kafka_offset")
    covered = published(sidecar.store)
    assert covered == int(done[1].replace(",", "")) + tombstones
    assert covered >= told, "the group was told of what is not in the store"
    catch_up(tmp_path, broker, name)
    is_complete(tmp_path, broker, name, feed)


@pytest.mark.slow
def test_a_killed_sidecar_goes_on_soon_after_its_restart(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        with Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
            feed.send_events(10)
            sidecar.until_published(10)
            sidecar.kill()
        feed.send_events(10, first=10)
        with Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
            sidecar.until_published(20, seconds=20)
            is_complete(tmp_path, broker, name, feed)


# The store


def test_a_second_sidecar_on_the_same_store_is_refused_and_the_first_goes_on(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic()
    with Feed(broker, name) as feed, Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
        feed.send_events(10)
        sidecar.until_published(10)
        said = refused(tmp_path, broker.bootstrap_servers, name)
        assert "Another process is writing to" in said
        assert "only one sidecar can own a store" in said
        feed.send_events(10, first=10)
        sidecar.until_published(20)
        is_complete(tmp_path, broker, name, feed)


def store_of(folder: Path) -> Path:
    """Return a published store of one event."""
    (folder / "one.ndjson").write_bytes(plain(0) + b"\n")
    store = folder / "lineage.duckdb"
    headwater("replay", folder / "one.ndjson", "--store", store, cwd=folder)
    return store


@pytest.mark.parametrize("file", ["lineage.duckdb", ".lineage.live.duckdb"])
def test_a_store_of_a_newer_headwater_is_left_as_it_is(tmp_path: Path, file: str) -> None:
    store = store_of(tmp_path)
    if file == store.name:
        (tmp_path / ".lineage.live.duckdb").unlink()
    with duckdb.connect(str(tmp_path / file)) as con:
        con.execute("INSERT INTO store.migration VALUES ('9999_from_the_future', '', now())").fetchall()
    before = store.read_bytes()
    said = refused(tmp_path, NOBODY, "openlineage")
    assert "was written by a newer Headwater: it has the migration 9999_from_the_future" in said
    assert "Upgrade" in said
    assert store.read_bytes() == before


@pytest.mark.parametrize("file", ["lineage.duckdb", ".lineage.live.duckdb"])
@pytest.mark.parametrize("content", [b"", b"not a database, and longer than a header\n" * 1000])
def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path, file: str, content: bytes) -> None:
    garbage = tmp_path / file
    garbage.write_bytes(content)
    said = refused(tmp_path, NOBODY, "openlineage")
    assert str(garbage) in said
    assert "is not a DuckDB file, or is broken" in said
    assert garbage.read_bytes() == content


def test_a_database_of_something_else_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lineage.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE sales AS SELECT 42 AS answer").fetchall()
    before = path.read_bytes()
    assert "not a Headwater store" in refused(tmp_path, NOBODY, "openlineage")
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_full_disk_is_said_loses_nothing_and_is_waited_for(
    broker: Broker, topic: MakeTopic, small_disk: Path, tmp_path: Path
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=4, partitions=3) as feed,
        Sidecar(small_disk, broker.bootstrap_servers, name) as sidecar,
    ):
        feed.send_some(300)
        feed.flush()
        sidecar.until_published(300)
        filler = fill(small_disk)
        feed.send_some(3000)
        feed.flush()
        said = sidecar.until_said("Waiting for room")
        assert str(small_disk) in said
        safe = published(sidecar.store)
        assert safe >= 300
        filler.unlink()
        sidecar.until_published(3300)
        account(sidecar.store, broker, name, feed)
        assert digest(sidecar.store) == clean_digest(broker, name, tmp_path)


@pytest.mark.slow
def test_a_backfill_on_a_full_disk_ends_with_a_sentence_and_goes_on_when_started_again(
    broker: Broker, topic: MakeTopic, small_disk: Path, tmp_path: Path
) -> None:
    name = topic(3)
    with Feed(broker, name, seed=5, partitions=3) as feed:
        feed.send_some(300)
        feed.flush()
        catch_up(small_disk, broker, name)
        filler = fill(small_disk)
        feed.send_some(3000)
        feed.flush()
        assert "Make room" in refused(small_disk, broker.bootstrap_servers, name, "--until-caught-up")
        assert published(small_disk / "lineage.duckdb") >= 300
        filler.unlink()
        catch_up(small_disk, broker, name)
        account(small_disk / "lineage.duckdb", broker, name, feed)
        assert digest(small_disk / "lineage.duckdb") == clean_digest(broker, name, tmp_path)


# Dead letters


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (("--dead-letter-run", 50), "records are all unreadable"),
        (("--dead-letter-share", 0.3), "of the last"),
    ],
)
def test_too_many_dead_letters_stop_it_with_all_of_them_kept_and_the_next_start_goes_on(
    broker: Broker, topic: MakeTopic, tmp_path: Path, limit: tuple[object, ...], reason: str
) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send_events(100)
        for number in range(60):
            feed.send(GARBAGE._replace(value=b"line %d" % number), 0)
        feed.flush()
        said = refused(tmp_path, broker.bootstrap_servers, name, "--until-caught-up", *limit)
        assert reason in said
        assert "headwater dead-letters" in said
        kept = rows(tmp_path / "lineage.duckdb", "SELECT source_offset FROM dead_letter ORDER BY ALL")
        ((covered,),) = rows(tmp_path / "lineage.duckdb", "SELECT next_offset FROM kafka_offset")
        assert kept == [(offset,) for offset in range(100, covered)]
        assert len(kept) >= 50
        feed.send_events(200, first=200)
        catch_up(tmp_path, broker, name, *limit)
        is_complete(tmp_path, broker, name, feed)


# Gaps


def gaps(folder: Path) -> list[tuple[Any, ...]]:
    return rows(
        folder / "lineage.duckdb", "SELECT partition, first_offset, next_offset, reason FROM offset_gap ORDER BY ALL"
    )


def next_offset(folder: Path) -> int:
    ((found,),) = rows(folder / "lineage.duckdb", "SELECT next_offset FROM kafka_offset")
    return int(found)


def lost(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("LOST: ")]


@pytest.mark.parametrize("begin", [150, 200])
def test_records_that_expired_unread_are_a_gap_that_is_said_once(
    broker: Broker, topic: MakeTopic, tmp_path: Path, begin: int
) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send_events(100)
        catch_up(tmp_path, broker, name)
        feed.send_events(100, first=100)
        broker.delete_records(name, {0: begin})
        (said,) = lost(catch_up(tmp_path, broker, name))
    assert f"{name}-0 no longer has the offsets 100 to {begin - 1} (expired)" in said
    assert gaps(tmp_path) == [(0, 100, begin, "expired")]
    assert next_offset(tmp_path) == 200
    assert rows(tmp_path / "lineage.duckdb", "SELECT source_offset FROM event ORDER BY ALL") == [
        (offset,) for offset in range(200) if offset < 100 or offset >= begin
    ]
    assert lost(catch_up(tmp_path, broker, name)) == []
    assert gaps(tmp_path) == [(0, 100, begin, "expired")]


@pytest.mark.slow
def test_records_that_expire_while_it_is_running_are_either_folded_or_a_gap(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic()
    with Feed(broker, name) as feed, Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
        feed.send_events(100)
        sidecar.until_published(100)
        sidecar.signal(signal.SIGSTOP)
        for first in range(100, 600, 100):
            feed.send_events(100, first=first)
        broker.delete_records(name, {0: 500})
        sidecar.signal(signal.SIGCONT)
        sidecar.until("it is at the end", lambda: next_offset(tmp_path) == 600)
    read = {offset for (offset,) in rows(sidecar.store, "SELECT source_offset FROM event")}
    missing = {offset for _, first, end, _ in gaps(tmp_path) for offset in range(first, end)}
    assert read | missing == set(range(600))
    assert not read & missing
    assert bool(missing) == bool(lost(sidecar.said))


def again(broker: Broker, topic: str) -> None:
    broker.delete_topic(topic)
    broker.create_topic(topic)


def runs(folder: Path) -> list[int]:
    return sorted(UUID(run_id).int for (run_id,) in rows(folder / "lineage.duckdb", "SELECT run_id FROM run"))


def test_a_topic_that_was_made_again_is_read_from_its_beginning_and_said(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send_events(100)
    catch_up(tmp_path, broker, name)
    again(broker, name)
    with Feed(broker, name) as feed:
        feed.send_events(40, first=1000)
    (said,) = lost(catch_up(tmp_path, broker, name))
    assert re.search("recreated|made again", said)
    assert " to -1" not in said
    assert [gap[3] for gap in gaps(tmp_path)] == ["recreated"]
    assert next_offset(tmp_path) == 40
    assert runs(tmp_path) == [*range(100), *range(1000, 1040)]
    assert lost(catch_up(tmp_path, broker, name)) == []


def test_a_topic_that_was_made_again_and_grew_after_it_was_noticed_is_read_whole(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send_events(100)
    catch_up(tmp_path, broker, name)
    again(broker, name)
    assert len(lost(catch_up(tmp_path, broker, name))) == 1
    with Feed(broker, name) as feed:
        feed.send_events(150, first=1000)
    assert lost(catch_up(tmp_path, broker, name)) == []
    assert runs(tmp_path) == [*range(100), *range(1000, 1150)]


def test_a_topic_that_was_made_again_and_outgrew_the_old_one_is_read_whole(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send_events(100)
    catch_up(tmp_path, broker, name)
    again(broker, name)
    with Feed(broker, name) as feed:
        feed.send_events(150, first=1000)
    assert len(lost(catch_up(tmp_path, broker, name))) == 1
    assert runs(tmp_path) == [*range(100), *range(1000, 1150)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [40, 150])
def test_a_topic_that_is_made_again_while_it_is_read_is_read_from_its_beginning(
    broker: Broker, topic: MakeTopic, tmp_path: Path, count: int
) -> None:
    name = topic()
    with Feed(broker, name) as feed, Sidecar(tmp_path, broker.bootstrap_servers, name) as sidecar:
        feed.send_events(100)
        sidecar.until_published(100)
        again(broker, name)
        with Feed(broker, name) as another:
            another.send_events(count, first=1000)
        sidecar.until("it reads the new topic", lambda: next_offset(tmp_path) == count, 90)
        assert runs(tmp_path) == [*range(100), *range(1000, 1000 + count)]
        assert len(lost(sidecar.said)) == 1


# The group


@pytest.mark.slow
def test_a_sidecar_has_everything_whoever_joins_its_group_and_leaves_it(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name = topic(3)
    with (
        Feed(broker, name, seed=6, partitions=3) as feed,
        Sidecar(tmp_path / "ours", broker.bootstrap_servers, name) as ours,
    ):
        with feed.flowing(200):
            ours.until_published(100)
            with Sidecar(tmp_path / "theirs", broker.bootstrap_servers, name) as theirs:
                theirs.until_published(100)
                assert members(broker, name) == 2
                theirs.signal(signal.SIGTERM)
                assert theirs.wait() == 0
        ours.until_published(feed.produced.total())
        assert lost(ours.said) == []
        is_complete(tmp_path / "ours", broker, name, feed)
    shutil.rmtree(tmp_path / "theirs")


def test_what_a_topic_has_is_what_the_oracle_reads(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    with Feed(broker, name) as feed:
        feed.send(made(plain(0)), 0)
        feed.send(Made(None, ()), 0)
        feed.flush()
    records, ends = read_topic(broker, name)
    assert (list(records.values()), ends) == ([plain(0), None], {0: 2})
