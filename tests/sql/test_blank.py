"""A new store is a copy of an empty one, and nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from headwater.store import Store
from headwater.store.scripts import scripts
from support import digest_of, write_all

# Without the texts of views and macros: DuckDB spells them anew when it opens a file. The version is a hash of them.
CATALOGUE = """
    SELECT 'view', schema_name, view_name, NULL, comment FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT 'macro', schema_name, function_name, NULL, comment FROM duckdb_functions() WHERE NOT internal
    UNION ALL
    SELECT 'table', schema_name, table_name, NULL, comment FROM duckdb_tables() WHERE NOT internal
    UNION ALL
    SELECT 'column', schema_name, table_name || '.' || column_name, data_type, comment
    FROM duckdb_columns() WHERE NOT internal
    UNION ALL
    SELECT 'migration', 'store', name, sha256, NULL FROM store.migration
    UNION ALL
    SELECT 'version', 'store', version, NULL, NULL FROM store.views
    ORDER BY ALL
"""
EVENT = (
    b'{"eventTime":"2026-01-01T00:00:00Z","eventType":"START","run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}'
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of one's own, which is not there yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "headwater"


def blanks(cache: Path) -> list[Path]:
    return sorted(cache.glob("*"))


def open_new(path: Path) -> tuple[list[tuple[object, ...]], list[str], dict[str, tuple[int, str]]]:
    """Return the catalogue of a new store, the migrations that it tells of, and a digest once it has an event."""
    with Store(path) as store:
        catalogue = store.database.rows(CATALOGUE)
        write_all(store, [[EVENT]])
        return catalogue, store.migrated, digest_of(store)


def test_a_copy_is_the_same_as_a_store_that_is_made_anew(tmp_path: Path, cache: Path) -> None:
    made = open_new(tmp_path / "made.duckdb")
    [blank] = blanks(cache)
    before = blank.stat().st_mtime_ns
    copied = open_new(tmp_path / "copied.duckdb")

    assert copied == made
    assert copied[1] == [script.file for script in scripts("migrations")]
    assert blanks(cache) == [blank]
    assert blank.stat().st_mtime_ns == before


def test_the_cache_keeps_one_version(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(mode=0o700, parents=True)
    earlier = cache / "blank-of-an-earlier-version.duckdb"
    earlier.write_bytes(b"")
    open_new(tmp_path / "a.duckdb")

    [blank] = blanks(cache)
    assert blank != earlier


@pytest.mark.parametrize("half", [b"no database", None])
def test_a_broken_copy_is_thrown_away_and_the_store_made_anew(tmp_path: Path, cache: Path, half: bytes | None) -> None:
    expected = open_new(tmp_path / "a.duckdb")
    [blank] = blanks(cache)
    whole = blank.read_bytes()
    blank.write_bytes(whole[: len(whole) // 2] if half is None else half)

    assert open_new(tmp_path / "b.duckdb") == expected
    assert blanks(cache) == []


def test_without_a_cache_a_store_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_the_way))

    assert open_new(tmp_path / "made.duckdb")[2]["run"][0] == 1
