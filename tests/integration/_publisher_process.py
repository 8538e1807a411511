"""Two programs for the tests: one writes and publishes, the other reads; both print lines.

    python _publisher_process.py write LIVE PUBLISHED SECONDS   "ready", then the version after each publish
    python _publisher_process.py read PUBLISHED SECONDS         what was wrong, then "VERSIONS OPENS"

A store is consistent if its four tables tell one story: `version` counts the transactions, each of which
wrote ten rows to `run`, as many edges as runs, and rewrote all of `latest` in another order.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb
from headwater.publish import Publisher

SCHEMA = """
CREATE TABLE IF NOT EXISTS version (n BIGINT);
CREATE TABLE IF NOT EXISTS run (n BIGINT, key UBIGINT, name VARCHAR);
CREATE TABLE IF NOT EXISTS edge (n BIGINT, key UBIGINT);
CREATE TABLE IF NOT EXISTS latest (key UBIGINT, twin UBIGINT);
"""
TRANSACTION = """
BEGIN;
DELETE FROM version;
INSERT INTO version VALUES ({n});
INSERT INTO run SELECT {n}, hash(range + 10 * {n}), 'run ' || range FROM range(10);
INSERT INTO edge SELECT n, key FROM run WHERE n = {n};
CREATE OR REPLACE TABLE latest AS
    SELECT hash(range) AS key, key + 1 AS twin FROM range(3000) ORDER BY hash(key + {n});
COMMIT;
"""
STORY = """
SELECT
    (SELECT max(n) FROM version),
    (SELECT count(*) FROM version) = 1,
    (SELECT count(*) FROM run) = 10 * (SELECT max(n) FROM version),
    (SELECT count(*) FROM edge) = (SELECT count(*) FROM run),
    (SELECT bit_xor(key) FROM edge) IS NOT DISTINCT FROM (SELECT bit_xor(key) FROM run),
    (SELECT count(*) FROM latest WHERE twin = key + 1) = 3000,
    (SELECT max(n) FROM version)
"""


def story(con: duckdb.DuckDBPyConnection) -> tuple[int, bool]:
    """Return the version, and whether all that was read belongs to it."""
    [(version, *claims, again)] = con.execute(STORY).fetchall()
    return version, all(claims) and version == again


def write(live: Path, published: Path, seconds: float) -> None:
    con = duckdb.connect()
    con.execute(f"ATTACH '{live}' AS live (STORAGE_VERSION 'v1.5.0')").fetchall()
    con.execute("USE live").fetchall()
    con.execute(SCHEMA).fetchall()
    publisher = Publisher(live, published, checkpoint=lambda: con.execute("CHECKPOINT live").fetchall())
    [(version,)] = con.execute("SELECT coalesce(max(n), 0) FROM version").fetchall()
    if version == 0:
        con.execute(TRANSACTION.format(n=(version := 1))).fetchall()
    publisher.publish()
    print("ready", flush=True)
    ends = time.monotonic() + seconds
    while (began := time.monotonic()) < ends:
        for _ in range(3):
            version += 1
            con.execute(TRANSACTION.format(n=version)).fetchall()
        publisher.publish()
        print(version, flush=True)
        time.sleep(max(0.0, began + 0.1 - time.monotonic()))
    con.close()
    publisher.close()


def read(published: Path, seconds: float) -> None:
    ends = time.monotonic() + seconds
    versions, opens = [0], 0
    while time.monotonic() < ends:
        opens += 1
        try:
            with duckdb.connect(str(published), read_only=True) as con:
                first, second = story(con), story(con)
        except duckdb.Error as exc:
            print(f"open {opens}: {exc}")
            continue
        if not first[1] or first != second or first[0] < versions[-1]:
            print(f"open {opens}: {first} then {second} after {versions[-1]}")
        versions.append(first[0])
    print(len(set(versions)) - 1, opens)


if __name__ == "__main__":
    verb, *paths, seconds = sys.argv[1:]
    {"write": write, "read": read}[verb](*map(Path, paths), float(seconds))  # type: ignore[operator]
