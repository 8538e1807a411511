from __future__ import annotations

import contextlib
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest
from headwater import live_file, publish
from headwater.errors import SettingsError, StoreError, StoreFull
from headwater.publish import Publication, Publisher
from hypothesis import given, settings
from hypothesis import strategies as st

Rows = list[tuple[object, ...]]


class Store:
    """A live file that DuckDB has open, and its publisher.

    Nothing here may open the live file: closing it again would drop DuckDB's lock. Hence `cmp`.
    """

    def __init__(self, folder: Path, *, options: str = "STORAGE_VERSION 'v1.5.0'", keep: int = 4) -> None:
        self.live = folder / ".lineage.live.duckdb"
        self.published = folder / "lineage.duckdb"
        self._options = options
        self._con = duckdb.connect()
        self.sql("SET checkpoint_threshold = '1TB'")  # no checkpoints but those that a test asks for
        self.open()
        self.publisher = Publisher(self.live, self.published, checkpoint=self.checkpoint, keep=keep)

    def open(self) -> None:
        self.sql(f"ATTACH '{self.live}' AS live ({self._options})")
        self.sql("USE live")

    def close(self) -> None:
        self._con.close()
        self.publisher.close()

    def sql(self, query: str) -> Rows:
        return self._con.execute(query).fetchall()

    def checkpoint(self) -> None:
        self.sql("CHECKPOINT live")

    def publish(self) -> Publication:
        return self.publisher.publish()

    def tables(self) -> dict[str, Rows]:
        return contents(self._con)

    def snapshots(self) -> list[str]:
        return sorted(path.name for path in self.published.parent.glob(".lineage.duckdb.snap-*"))

    def is_published_to_the_byte(self) -> bool:
        """Once the file has shrunk, the next snapshot is still as long as the last one was."""
        size = f"--bytes={self.live.stat().st_size}"
        return subprocess.run(["cmp", "--silent", size, self.live, self.published], check=False).returncode == 0


def contents(con: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    query = "FROM duckdb_tables() SELECT table_name WHERE database_name = current_database()"
    names = con.execute(query).fetchall()
    return {name: con.execute(f'FROM "{name}"').fetchall() for (name,) in sorted(names)}


def read(published: Path) -> dict[str, Rows]:
    with duckdb.connect(str(published), read_only=True) as con:
        return contents(con)


def run_python(code: str, *arguments: object) -> str:
    """Return the last line that another process prints, a traceback's included."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip().splitlines()[-1]


OPEN_FOR_WRITING = "import duckdb, sys; duckdb.connect(sys.argv[1]); print('opened')"
HOLD = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
for _ in sys.stdin:
    print(con.execute(sys.argv[2]).fetchall(), flush=True)
"""


@contextlib.contextmanager
def reader(published: Path, query: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the published file open; `ask` it."""
    command = [sys.executable, "-c", HOLD, str(published), query]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        ask(process)
        yield process
        process.communicate()


def ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    store.sql("CREATE TABLE run AS SELECT range AS id, hash(range) AS name FROM range(100000)")
    yield store
    store.close()


# What is published


def some_rows(seed: int, count: int) -> str:
    return f"SELECT hash(range + {seed}) AS a, 'text ' || hash(range * {seed}) AS b FROM range({count})"


TEMPLATES = [
    "CREATE OR REPLACE TABLE {table} AS {rows}",
    "INSERT INTO {table} {rows}",
    "DELETE FROM {table} WHERE a % 3 = {seed} % 3",
    "UPDATE {table} SET b = '{seed}' WHERE a % 5 = 1",
    "CREATE OR REPLACE TABLE {table} AS FROM {table} ORDER BY hash(a + {seed})",
    "DROP TABLE {table}",
    "CHECKPOINT live",
]


@st.composite
def changes(draw: st.DrawFn, templates: Sequence[str] = TEMPLATES) -> str:
    table, seed = f"t{draw(st.integers(0, 2))}", draw(st.integers(1, 1000))
    rows = some_rows(seed, draw(st.sampled_from([1, 100, 3000, 40000])))
    change = draw(st.sampled_from(templates)).format(table=table, seed=seed, rows=rows)
    return f"CREATE TABLE IF NOT EXISTS {table} (a UBIGINT, b VARCHAR); {change}"


@pytest.mark.slow
@pytest.mark.parametrize("options", ["STORAGE_VERSION 'v1.5.0'", "STORAGE_VERSION 'v1.5.0', BLOCK_SIZE 16384"])
@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(changes(), max_size=3), min_size=1, max_size=8))
def test_whatever_changes_the_published_file_equals_the_live_one_to_the_byte(
    options: str, batches: list[list[str]]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(Store(Path(folder), options=options)) as store,
    ):
        for batch in batches:
            for change in batch:
                store.sql(change)
            store.publish()
            assert store.is_published_to_the_byte()
            assert read(store.published) == store.tables()


@pytest.mark.parametrize("between", ["SELECT 1", "DROP TABLE t"], ids=["in other blocks", "at the end again"])
def test_a_column_that_is_only_sorted_again_is_not_taken_for_the_old_one(tmp_path: Path, between: str) -> None:
    """DuckDB's checksum of a block does not see the order of its words, so it cannot be believed alone."""
    with contextlib.closing(Store(tmp_path)) as store:
        store.sql("CREATE TABLE first AS SELECT hash(range) AS a, hash(range * 7) AS b FROM range(3000)")
        for seed in range(8):
            store.sql(f"CREATE OR REPLACE TABLE t AS FROM first ORDER BY hash(a + {seed})")
            store.publish()
            assert read(store.published) == store.tables()
            headers = store.published.read_bytes()[:12288]
            version = store.tables()
            store.sql(between)
            store.publish()
            Path(tmp_path, "mixture.duckdb").write_bytes(headers + store.published.read_bytes()[12288:])
            assert read(tmp_path / "mixture.duckdb") == version


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(changes(TEMPLATES[:-1]), min_size=1, max_size=3), min_size=2, max_size=8))
def test_the_headers_of_the_last_snapshot_read_the_last_version_out_of_the_next(batches: list[list[str]]) -> None:
    """DuckDB 2.0.0 reads the headers, and then opens the path again: it may have been renamed over meanwhile."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Store(Path(folder))) as store:
        store.publish()
        mixture = Path(folder, "mixture.duckdb")
        for change in itertools.chain.from_iterable(batches):
            headers, version = store.published.read_bytes()[:12288], read(store.published)
            store.sql(change)
            store.publish()
            mixture.write_bytes(headers + store.published.read_bytes()[12288:])
            assert read(mixture) == version


def test_after_the_first_two_only_what_changed_is_written(store: Store) -> None:
    methods = []
    for _ in range(4):
        store.sql("UPDATE run SET name = name + 1 WHERE id = 7")
        methods.append(store.publish())
    assert [p.method for p in methods] == ["copy", "copy", "blocks", "blocks"]
    assert all(0 < p.blocks_changed < p.blocks for p in methods[2:])
    assert all(p.bytes_written == 12288 + 262144 * p.blocks_changed for p in methods[2:])
    assert all(0 < p.checkpoint_seconds < p.seconds for p in methods)


def test_nothing_changed_means_nothing_is_written(store: Store) -> None:
    store.publish()
    before = store.published.stat()
    again = store.publish()
    assert (again.method, again.blocks_changed, again.bytes_written) == ("blocks", 0, 0)
    assert store.published.stat() == before


def test_the_file_may_grow_and_shrink(store: Store) -> None:
    sizes = []
    grow, shrink = "CREATE TABLE big AS SELECT hash(range) FROM range(2000000)", "DROP TABLE big"
    for change in [*["INSERT INTO run VALUES (1, 2)", grow, shrink] * 2, "INSERT INTO run VALUES (1, 2)"]:
        store.sql(change)
        store.publish()
        sizes.append(store.published.stat().st_size)
        assert store.is_published_to_the_byte()
    assert sizes[0] < sizes[1] == sizes[2] > sizes[3] < sizes[4] == sizes[5] > sizes[6]


def test_checkpoints_that_the_publisher_did_not_see_do_no_harm(store: Store) -> None:
    store.sql("CREATE TABLE t AS SELECT hash(range) AS a, hash(range * 7) AS b FROM range(3000)")
    for seed in range(20):
        store.sql(f"CREATE OR REPLACE TABLE t AS FROM t ORDER BY hash(a + {seed})")
        store.checkpoint()
        if seed % 3 == 2:
            store.publish()
            assert read(store.published) == store.tables()


def test_the_store_may_close_and_open_again_under_its_publisher(store: Store) -> None:
    """As it does after a fatal error of DuckDB, which only a reopening cures."""
    store.publish()
    store.sql("USE memory")
    store.sql("DETACH live")
    store.open()
    store.sql("INSERT INTO run SELECT 1, 2 FROM range(1000)")
    store.publish()
    assert store.is_published_to_the_byte()
    assert "Could not set lock" in run_python(OPEN_FOR_WRITING, store.live)


@pytest.mark.slow
def test_another_thread_that_commits_meanwhile_never_tears_a_snapshot(store: Store) -> None:
    """Against the contract, so a publish may be refused; but what is published is whole."""
    store.sql("CREATE TABLE a (n BIGINT)")
    store.sql("CREATE TABLE b (n BIGINT)")
    stopping = threading.Event()

    def commit() -> None:
        with store._con.cursor() as con:
            con.execute("USE live").fetchall()
            n = 0
            while not stopping.is_set():
                with contextlib.suppress(duckdb.TransactionException):
                    n += 1
                    con.execute("BEGIN").fetchall()
                    con.execute(f"INSERT INTO a SELECT {n} FROM range(1000)").fetchall()
                    con.execute(f"CREATE OR REPLACE TABLE c AS SELECT hash(range + {n}) FROM range(200000)").fetchall()
                    con.execute(f"INSERT INTO b SELECT {n} FROM range(1000)").fetchall()
                    con.execute("COMMIT").fetchall()

    thread = threading.Thread(target=commit)
    thread.start()
    published = 0
    try:
        while published < 30:
            with contextlib.suppress(duckdb.TransactionException, StoreError):
                store.publish()
                published += 1
                tables = read(store.published)
                assert tables["a"] == tables["b"]
    finally:
        stopping.set()
        thread.join()


# Files that are not as usual


def test_an_unfamiliar_file_is_copied_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_file, "_STORAGE_VERSIONS", range(0))
    for number in range(4):
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
        assert store.publish().method == "copy"
        assert store.is_published_to_the_byte()


def test_an_unreadable_list_of_free_blocks_means_that_every_block_is_compared(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(live_file, "read_loose_blocks", refuse)
    for seed in range(8):
        store.sql(f"CREATE OR REPLACE TABLE run AS FROM run ORDER BY hash(id + {seed})")
        assert store.publish().method == ("copy" if seed < 2 else "blocks")
        assert store.is_published_to_the_byte()


def test_the_two_files_may_be_on_different_file_systems(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, contextlib.closing(Store(tmp_path)) as store:
        published = Path(folder, "lineage.duckdb")
        publisher = Publisher(store.live, published, checkpoint=store.checkpoint)
        for number in range(4):
            store.sql(f"CREATE TABLE t{number} AS SELECT hash(range) FROM range(100000)")
            publisher.publish()
            assert read(published) == store.tables()


# Who holds what


def test_the_live_file_stays_locked_while_publishing_goes_on(store: Store) -> None:
    for number in range(5):
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
        store.publish()
        with duckdb.connect(str(store.published), read_only=True):
            assert "Could not set lock" in run_python(OPEN_FOR_WRITING, store.live)


def test_a_lock_that_was_dropped_is_noticed(store: Store) -> None:
    os.close(os.open(store.live, os.O_RDONLY))  # all it takes, and `Path.read_bytes` does it
    assert run_python(OPEN_FOR_WRITING, store.live) == "opened"
    with pytest.raises(StoreError, match="has no lock"):
        store.publish()


def test_a_publisher_that_is_closed_too_early_does_not_drop_the_lock(store: Store) -> None:
    store.publisher.close()
    assert "Could not set lock" in run_python(OPEN_FOR_WRITING, store.live)


def test_a_publisher_comes_after_its_store(tmp_path: Path) -> None:
    live = tmp_path / "live.duckdb"
    with pytest.raises(StoreError, match="No such file"):
        Publisher(live, tmp_path / "lineage.duckdb", checkpoint=int)
    duckdb.connect(str(live)).close()
    with pytest.raises(StoreError, match="Open the store before its publisher"):
        Publisher(live, tmp_path / "lineage.duckdb", checkpoint=int)


def test_a_publisher_of_another_process_s_store_leaves_its_snapshots_alone(store: Store) -> None:
    store.publish()
    before = store.snapshots()
    code = (
        "import sys; from pathlib import Path; from headwater.publish import Publisher\n"
        "Publisher(Path(sys.argv[1]), Path(sys.argv[2]), checkpoint=int)"
    )
    assert "has no lock" in run_python(code, store.live, store.published)
    assert store.snapshots() == before


def test_a_live_file_that_was_replaced_is_refused(store: Store) -> None:
    store.publish()
    shutil.move(store.live, f"{store.live}.old")
    shutil.copy(f"{store.live}.old", store.live)
    with pytest.raises(StoreError, match="was moved or replaced"):
        store.publish()


def test_settings_that_make_no_sense_are_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="keep=1 is too few"):
        Publisher(store.live, store.published, checkpoint=int, keep=1)
    with pytest.raises(SettingsError, match="another name"):
        Publisher(store.live, store.live.parent / "." / store.live.name, checkpoint=int)


@pytest.mark.slow
@pytest.mark.parametrize("keep", [2, 4])
def test_a_reader_keeps_its_snapshot_and_the_pool_stays_capped(tmp_path: Path, keep: int) -> None:
    with contextlib.closing(Store(tmp_path, keep=keep)) as store, contextlib.ExitStack() as stack:
        store.sql("CREATE TABLE t (version BIGINT, pad VARCHAR)")
        readers = {}
        for version in range(20):
            store.sql(f"INSERT INTO t SELECT {version}, hash(range) FROM range(1000)")
            store.publish()
            if version % 3 == 0:
                query = "SELECT max(version), count(*), sum(hash(pad))::VARCHAR FROM t"
                held = stack.enter_context(reader(store.published, query))
                readers[held] = ask(held)
            assert {held: ask(held) for held in readers} == readers
            assert len(store.snapshots()) <= keep
            assert store.is_published_to_the_byte()
        assert len(set(readers.values())) == 7


def test_spares_that_nobody_needs_any_more_are_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_IDLE", 3)
    with contextlib.ExitStack() as stack:
        for number in range(4):
            store.sql(f"INSERT INTO run VALUES ({number}, 0)")
            store.publish()
            stack.enter_context(reader(store.published, "FROM run LIMIT 1"))
        assert len(store.snapshots()) == 4
    for number in range(6):
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
        store.publish()
    assert len(store.snapshots()) == 2
    assert store.is_published_to_the_byte()


# Other people's files


def test_a_foreign_file_at_the_published_path_is_replaced_and_never_written(store: Store) -> None:
    store.publish()
    store.published.unlink()
    store.published.write_text("mine")
    foreign = store.published.with_name("foreign")
    foreign.hardlink_to(store.published)
    for number in range(4):
        store.publish()
        assert store.is_published_to_the_byte()
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
    assert foreign.read_text() == "mine"


def test_a_published_file_that_was_deleted_comes_back_though_nothing_changed(store: Store) -> None:
    store.publish()
    store.published.unlink()
    store.publish()
    assert store.is_published_to_the_byte()


def test_spares_that_were_deleted_are_made_anew(store: Store) -> None:
    for number in range(4):
        for name in store.snapshots():
            store.published.with_name(name).unlink()
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
        store.publish()
        assert store.is_published_to_the_byte()


def test_what_a_person_writes_into_a_snapshot_is_gone_with_the_next(store: Store) -> None:
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute('CREATE TABLE t (a INT)').fetchall())"
    store.publish()
    store.publish()
    assert run_python(code, store.published) == "[]"
    assert not store.is_published_to_the_byte()
    for number in range(4):
        store.publish()
        assert store.is_published_to_the_byte()
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")


@pytest.mark.parametrize("suffix", [".wal", ".wal.checkpoint", ".wal.recovery"])
@pytest.mark.parametrize("change", ["SELECT 1", "INSERT INTO run VALUES (1, 2)"])
def test_a_stray_log_is_removed_whether_or_not_anything_changed(store: Store, suffix: str, change: str) -> None:
    store.publish()
    stray = Path(f"{store.published}{suffix}")
    stray.write_bytes(b"not a log of this file")
    store.sql(change)
    store.publish()
    assert not stray.exists()
    assert read(store.published) == store.tables()


def test_names_of_an_earlier_life_are_removed_and_what_they_held_is_not_touched(store: Store) -> None:
    store.sql("INSERT INTO run VALUES (1, 2)")
    store.publish()
    old = read(store.published)
    names = [".lineage.duckdb.snap-1", ".lineage.duckdb.snap-77", ".lineage.duckdb.snap-next"]
    Path(store.published.parent, names[1]).hardlink_to(store.published)
    Path(store.published.parent, names[2]).write_text("torn")
    Path(store.published.parent, ".other.duckdb.snap-1").write_text("not ours")
    publisher = Publisher(store.live, store.published, checkpoint=store.checkpoint)
    assert store.snapshots() == []
    assert read(store.published) == old
    assert publisher.publish().method == "copy"
    assert store.is_published_to_the_byte()
    assert Path(store.published.parent, ".other.duckdb.snap-1").exists()


def test_a_symlink_is_followed(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "link.duckdb"
    link.symlink_to(elsewhere / "lineage.duckdb")
    Publisher(store.live, link, checkpoint=store.checkpoint).publish()
    assert link.is_symlink()
    assert sorted(path.name for path in elsewhere.iterdir()) == [".lineage.duckdb.snap-1", "lineage.duckdb"]


@pytest.mark.parametrize(
    ("mode", "umask", "expected"),
    [(None, 0o022, 0o644), (None, 0o077, 0o600), (0o666, 0o022, 0o666), (0o640, 0o077, 0o640)],
)
def test_the_mode_is_0644_less_the_umask_or_as_asked_for(
    store: Store, mode: int | None, umask: int, expected: int
) -> None:
    publisher = Publisher(store.live, store.published, checkpoint=store.checkpoint, mode=mode)
    before = os.umask(umask)
    try:
        publisher.publish()
    finally:
        os.umask(before)
    assert store.published.stat().st_mode & 0o777 == expected


def test_closing_leaves_only_the_live_and_the_published_file(store: Store) -> None:
    for number in range(3):
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
        store.publish()
    store.close()
    store.publisher.close()
    assert {path.name for path in store.published.parent.iterdir()} == {
        ".lineage.live.duckdb",
        "lineage.duckdb",
    }


# When it goes wrong


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("earlier", [1, 2, 3], ids=["a new snapshot", "another new one", "a spare"])
def test_a_full_disk_leaves_readers_the_last_snapshot_and_the_next_publish_recovers(store: Store, earlier: int) -> None:
    for number in range(earlier):
        store.sql(f"INSERT INTO run VALUES ({number}, 0)")
        store.publish()
    before, old = store.published.stat(), read(store.published)
    store.sql("CREATE TABLE big AS SELECT hash(range) FROM range(500000)")
    store.checkpoint()
    for _ in range(3):
        with (
            no_file_larger_than(before.st_size + 300_000),
            pytest.raises(StoreFull, match="No room to publish"),
        ):
            store.publish()
        assert store.published.stat().st_ino == before.st_ino
        assert read(store.published) == old
    assert len(store.snapshots()) <= 2
    store.publish()
    assert store.is_published_to_the_byte()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_file_system_that_is_full_is_told_by_name(store: Store, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    try:
        publisher = Publisher(store.live, small / "lineage.duckdb", checkpoint=store.checkpoint)
        publisher.publish()
        old = read(small / "lineage.duckdb")
        store.sql("CREATE TABLE big AS SELECT hash(range) FROM range(500000)")
        with pytest.raises(StoreFull, match=f"No space left on device.*Make room in {small}"):
            publisher.publish()
        assert read(small / "lineage.duckdb") == old
        store.sql("DROP TABLE big")
        publisher.publish()
        assert read(small / "lineage.duckdb") == store.tables()
        store.close()
        publisher.close()
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def test_an_obstacle_is_explained_and_the_next_publish_recovers(store: Store) -> None:
    store.published.mkdir()
    with pytest.raises(StoreError, match=r"Cannot publish .*lineage\.duckdb.*Check that"):
        store.publish()
    assert store.snapshots() == []
    store.published.rmdir()
    store.publish()
    assert store.is_published_to_the_byte()


def test_a_directory_that_is_missing_is_explained(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"Check that .*/missing exists"):
        Publisher(store.live, tmp_path / "missing" / "lineage.duckdb", checkpoint=int)


def test_an_error_of_the_checkpoint_passes_through(store: Store) -> None:
    def fail() -> None:
        raise StoreFull("the live file's own disk is full")

    publisher = Publisher(store.live, store.published, checkpoint=fail)
    with pytest.raises(StoreFull, match="own disk"):
        publisher.publish()
    assert not store.published.exists()
