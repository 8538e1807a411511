"""Whatever SQL somebody asks, it reads the store, and nothing else is read, written or set."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from headwater.errors import HeadwaterError
from headwater.store import Reader, Store

WRITES = [
    "INSERT INTO store.migration VALUES ('x', 'x', now())",
    "UPDATE store.migration SET sha256 = 'x'",
    "DELETE FROM store.event",
    "TRUNCATE store.event",
    "DROP TABLE store.event",
    "DROP VIEW edge",
    "ALTER TABLE store.event ADD COLUMN x INT",
    "CREATE TABLE x (i INT)",
    "CREATE VIEW x AS SELECT 1",
    "CREATE MACRO x() AS 1",
    "CREATE SCHEMA x",
    "COMMENT ON VIEW edge IS 'x'",
    "WITH gone AS (DELETE FROM store.event RETURNING event_id) FROM gone",
    "SELECT 1; DROP TABLE store.event",
    "MERGE INTO store.migration USING (SELECT 1) ON false WHEN NOT MATCHED THEN INSERT VALUES ('x', 'x', now())",
]
FILES = [
    "COPY store.event TO 'out.csv'",
    "COPY (SELECT 1) TO 'out.parquet'",
    "COPY store.migration FROM 'secret.csv'",
    "EXPORT DATABASE 'out'",
    "IMPORT DATABASE 'out'",
    "COPY FROM DATABASE live TO other",
    "ATTACH 'other.duckdb'",
    "ATTACH 'new.duckdb' AS new",
    "ATTACH ':memory:' AS memory",
    "FROM 'secret.csv'",
    "FROM read_csv('secret.csv')",
    "FROM read_text('/etc/passwd')",
    "FROM read_blob('*')",
    "FROM read_json('secret.csv')",
    "FROM read_parquet('secret.csv')",
    "FROM glob('*')",
    "FROM sniff_csv('secret.csv')",
    "FROM query_table('secret.csv')",
    "FROM query('FROM ''secret.csv''')",
    "FROM 'https://example.com/x.csv'",
    "FROM duckdb_secrets()",
    "CREATE PERSISTENT SECRET x (TYPE s3)",
    "FROM pa",
    "FROM sql",
]
EXTENSIONS = ["INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.duckdb_extension'", "UPDATE EXTENSIONS"]
SETTINGS = [
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET GLOBAL threads = 9",
    "SET memory_limit = '1TB'",
    "SET temp_directory = 'out'",
    "SET allowed_directories = ['/']",
    "SET TimeZone = 'Asia/Tokyo'",
    "SET profiling_output = 'out.json'",
    "PRAGMA enable_profiling = 'json'",
    "SET log_query_path = 'out.log'",
    "SET python_enable_replacements = true",
    "RESET threads",
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a store beside files that nobody should read, and check that all of them stay as they are."""
    path = tmp_path / "lineage.duckdb"
    Store(path).close()
    (tmp_path / "secret.csv").write_text("secret\nhush\n")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as con:
        con.execute("CREATE TABLE x AS SELECT 'hush' AS secret").fetchall()
    monkeypatch.chdir(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    yield path
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_no_attack_gets_through(store: Path) -> None:
    got_through = []
    with Reader(store) as reader:
        settings = reader.query("SELECT name, value FROM duckdb_settings()").to_pylist()
        for attack in (*WRITES, *FILES, *EXTENSIONS, *SETTINGS):
            try:
                reader.query(attack)
            except HeadwaterError:
                continue
            got_through.append(attack)
        assert got_through == []
        assert reader.query("SELECT name, value FROM duckdb_settings()").to_pylist() == settings


def test_the_rest_of_sql_is_there(store: Path) -> None:
    with Reader(store) as reader:
        for sql in (
            "SHOW TABLES",
            "DESCRIBE edge",
            "EXPLAIN FROM edge",
            "SET VARIABLE x = 1",
            "SELECT getvariable('x')",
        ):
            reader.query(sql)
        assert reader.query("SELECT count(*) AS n FROM edge").to_pylist() == [{"n": 0}]


@pytest.mark.parametrize("attack", ["COPY store.event TO 'out.csv'", "ATTACH 'other.duckdb'", "FROM 'secret.csv'"])
def test_the_command_says_in_a_sentence_that_it_only_reads(store: Path, attack: str) -> None:
    command = [sys.executable, "-m", "headwater", "query", attack, "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("headwater: Permission Error: ")
    assert "Traceback" not in done.stderr
