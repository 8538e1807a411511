"""A store that an earlier Headwater wrote opens in this one, with all that was in it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from freeze import HERE, freeze
from headwater.naming import Naming
from headwater.refold import refold
from headwater.store import Reader, Store
from headwater.store.scripts import scripts
from support import SALES, digest_of, headwater, values_of, write_all

MIGRATIONS = scripts("migrations")
ALL_FACTS = 5  # migrations; from here on every table has what events say
FROZEN = sorted(HERE.glob("*.duckdb"))
TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = $1 AND schema_name = 'store' ORDER BY ALL"
COLUMNS = (
    "SELECT column_name FROM duckdb_columns() WHERE database_name = $1 AND schema_name = 'store' AND table_name = $2"
)


@pytest.fixture(scope="module")
def present(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of the sales platform, as this version makes it."""
    path = tmp_path_factory.mktemp("present") / "present.duckdb"
    with Store(path) as store:
        write_all(store, [values_of(*sorted((SALES / "events").glob("*.ndjson")))])
    return path


@pytest.fixture(scope="module")
def wanted(present: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Return the digest of that store."""
    copy = tmp_path_factory.mktemp("wanted") / "copy.duckdb"
    shutil.copy(present, copy)
    with Store(copy) as store:
        return digest_of(store)


def store_of_the_past(path: Path, present: Path, count: int) -> dict[str, int]:
    """Make a store with the first *count* migrations and the data that it could hold; return its rows by table."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{present}' AS present (READ_ONLY)")
        connection.execute(f"ATTACH '{path}' AS past (STORAGE_VERSION 'v1.5.0')")
        connection.execute("USE past")
        for script in MIGRATIONS[:count]:
            connection.execute(script.sql)
            row = [script.file, script.sha256, datetime(2026, 1, 1, tzinfo=UTC)]
            connection.execute("INSERT INTO store.migration VALUES (?, ?, ?)", row)
        rows = {}
        for (table,) in connection.execute(TABLES, ["past"]).fetchall():
            if table not in ("migration", "views"):
                columns = ", ".join(f'"{name}"' for (name,) in connection.execute(COLUMNS, ["past", table]).fetchall())
                connection.execute(f"INSERT INTO store.{table} ({columns}) SELECT {columns} FROM present.store.{table}")
            ((rows[table],),) = connection.execute(f"SELECT count(*) FROM store.{table}").fetchall()
        connection.execute("INSERT INTO store.views VALUES ('of the past')")
    return rows


@pytest.mark.parametrize("count", range(1, len(MIGRATIONS) + 1))
def test_a_store_of_every_number_of_migrations_opens_and_keeps_its_data(
    tmp_path: Path, present: Path, wanted: dict[str, tuple[int, str]], count: int
) -> None:
    path = tmp_path / "past.duckdb"
    rows = store_of_the_past(path, present, count)

    with Store(path) as store, Store(tmp_path / "fresh.duckdb") as fresh:
        assert store.migrated == [script.file for script in MIGRATIONS[count:]]
        kept = {t: store.database.rows(f"SELECT count(*) FROM store.{t}")[0][0] for t in rows}
        assert kept == rows | {"migration": len(MIGRATIONS), "views": 1}
        views = store.database.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'")
        for (view,) in views:
            store.database.rows(f"SELECT count(*) FROM (FROM {view})")
        if count >= ALL_FACTS:
            assert digest_of(store) == wanted
        refold(store, fresh, naming=Naming(), naive_zone=UTC)
        assert digest_of(fresh) == wanted


@pytest.mark.parametrize("frozen", FROZEN or [None], ids=lambda path: path.stem if path else "none yet")
def test_a_store_of_every_release_opens_and_says_the_same(tmp_path: Path, frozen: Path | None) -> None:
    if frozen is None:
        pytest.skip("nothing was released yet")
    shutil.copy(frozen, tmp_path / "lineage.duckdb")

    assert headwater(tmp_path, "migrate") == ""

    with Reader(tmp_path / "lineage.duckdb") as reader:
        assert f"{reader.digest()}\n" == frozen.with_suffix(".digest").read_text()


def test_a_frozen_store_is_what_the_next_release_opens(tmp_path: Path) -> None:
    frozen = freeze(tmp_path, "0")
    with Reader(frozen) as reader:
        assert f"{reader.digest()}\n" == frozen.with_suffix(".digest").read_text()
        assert reader.query("SELECT count(*) AS runs FROM run").to_pylist()[0]["runs"] > 10
