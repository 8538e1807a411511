"""Secrets that producers send are in no table of the store, however they come, and the laws hold all the same."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytestmark = pytest.mark.slow

HUSH = "hush-4711"
PARAMETERS = [{"key": "db_password", "name": "DB", "value": HUSH}, {"key": "day", "name": "day", "value": "1"}]
ENVIRONMENT = [{"name": "PGPASS", "value": HUSH}, {"name": "LANG", "value": "C"}]
RUN_FACETS = {
    "environmentVariables": {
        "environmentVariables": [{"name": "PGPASS", "value": HUSH}, {"name": "LANG", "value": "C"}]
    },
    "spark_properties": {"properties": {"spark.app.name": "load", "spark.hadoop.key": HUSH}},
    "environment-properties": {"environment-properties": {"mounts": [HUSH]}},
    "executionParameters": {"parameters": PARAMETERS},
    "spark.logicalPlan": {"plan": [{"options": {"url": "jdbc:x", "password": HUSH}}]},
}


def event(number: int, **members: Any) -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": f"2026-01-01T00:00:{number:02}Z",
        "run": {"runId": f"run-{number}", "facets": RUN_FACETS},
        "job": {"namespace": "jobs", "name": "load", "facets": {"mine": {"clientSecret": HUSH}}},
        "inputs": [{"namespace": "db", "name": "raw", "facets": {}}],
        "outputs": [{"namespace": "db", "name": "users", "facets": {"schema": {"fields": [{"name": "password"}]}}}],
        **members,
    }


def without(path: str, number: int) -> dict[str, Any]:
    """Return an event that cannot be read."""
    broken = event(number)
    del broken[path]
    return broken


SPARK = {"spark_properties": {"properties": {"spark.hadoop.key": HUSH}}}
MISPLACED = [
    event(3, outputs=[{"namespace": "db", "name": "users", "inputFacets": SPARK}]),
    event(4, run={"runId": "run-4", "facets": [SPARK], "more": {"facets": SPARK}}),
    event(5, dataset={"namespace": "db", "name": "users", "facets": SPARK}),
    event(6, environmentVariables=[{"name": "A", "value": HUSH}], inputs=[[SPARK]]),
]
UNREADABLE = [
    json.dumps(without("eventTime", 7)),
    json.dumps(without("job", 8)),
    json.dumps([event(9), without("eventTime", 10)]),
    json.dumps(event(11))[:-20],
    json.dumps({"token": HUSH}),
    json.dumps(event(12)).replace("jobs", "\udcff"),
]
RECORDS = [json.dumps(event(1)), json.dumps(event(2)), *map(json.dumps, MISPLACED), *UNREADABLE]


def headwater(folder: Path, *arguments: object) -> str:
    command = [sys.executable, "-m", "headwater", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def replay(folder: Path, records: Sequence[str], *options: object) -> Path:
    folder.mkdir(exist_ok=True)
    lines = "".join(f"{record}\n" for record in records)
    (folder / "events.ndjson").write_bytes(lines.encode("utf-8", "surrogateescape"))
    store = folder / "lineage.duckdb"
    headwater(folder, "replay", "events.ndjson", "--store", store, "--dead-letter-share", 1, *options)
    return store


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(store), read_only=True) as con:
        return con.execute(sql).fetchall()


def places_of(secret: str, store: Path) -> list[str]:
    """Return the tables and views that have a text in any column; none may be too clever to be looked through."""
    with duckdb.connect(str(store), read_only=True) as con:
        tables = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        assert len(tables) > 50
        return [
            f"{schema}.{name}"
            for schema, name in tables
            if con.execute(
                f'SELECT 1 FROM "{schema}"."{name}" AS t WHERE contains(t::VARCHAR, ?) LIMIT 1', [secret]
            ).fetchall()
        ]


def test_no_table_and_no_view_has_a_secret_of_any_event_or_dead_letter(tmp_path: Path) -> None:
    store = replay(tmp_path, RECORDS)
    assert places_of(HUSH, store) == []
    assert rows(store, "SELECT count(*) FROM event") == [(7,)]
    assert sorted(rows(store, "SELECT reason, count(*) FROM dead_letter GROUP BY ALL")) == [
        ("invalid_json", 1),
        ("invalid_utf8", 1),
        ("no_event_time", 2),
        ("no_job", 1),
        ("not_an_event", 1),
    ]
    assert places_of("spark.hadoop.key", store) != [], "names stay"
    assert rows(store, "SELECT parameter, value FROM run_parameter WHERE run_id = 'run-1' ORDER BY ALL") == [
        ("LANG", "[redacted]"),
        ("PGPASS", "[redacted]"),
        ("day", "1"),
        ("db_password", "[redacted]"),
    ]
    assert rows(store, "SELECT field FROM field") == [("password",)]


def test_a_secret_is_found_where_it_is_not_redacted(tmp_path: Path) -> None:
    """Else the tests here would prove nothing."""
    store = replay(tmp_path, RECORDS, "--redact", "*=keep,*:*=keep")
    found = places_of(HUSH, store)
    assert {"store.document", "store.event", "store.dead_letter", "main.facet", "main.event", "main.dead_letter"} <= {
        *found
    }


@pytest.mark.parametrize("rules", ["spark_properties=hash", "spark.logicalPlan=drop,*:mounts=drop,mine=keep"])
def test_rules_obey_the_laws_and_refolding_what_is_redacted_changes_nothing(tmp_path: Path, rules: str) -> None:
    shuffled = random.Random(1).sample(RECORDS, len(RECORDS))
    stores = [
        replay(tmp_path / "once", RECORDS, "--redact", rules),
        replay(tmp_path / "shuffled", [*shuffled, *RECORDS], "--redact", rules, "--batch-events", 1),
    ]
    digests = [headwater(tmp_path, "digest", "--store", store) for store in stores]
    assert digests[0] == digests[1]
    headwater(tmp_path, "migrate", "--refold", "--store", stores[0], "--redact", rules)
    assert headwater(tmp_path, "digest", "--store", stores[0]) == digests[0]


def test_stricter_rules_are_applied_to_what_is_in_the_store_already(tmp_path: Path) -> None:
    store = replay(tmp_path / "before", RECORDS, "--redact", "*=keep,*:*=keep")
    headwater(tmp_path, "migrate", "--refold", "--store", store)
    assert places_of(HUSH, store) == []
    assert HUSH.encode() not in store.read_bytes()
    assert headwater(tmp_path, "digest", "--store", store) == headwater(
        tmp_path, "digest", "--store", replay(tmp_path / "clean", RECORDS)
    )


def test_a_dropped_facet_is_null_in_the_event_and_is_no_facet(tmp_path: Path) -> None:
    store = replay(tmp_path, RECORDS[:1], "--redact", "spark*=drop")
    assert rows(store, "SELECT key FROM facet WHERE entity = 'run' ORDER BY ALL") == [
        ("environment-properties",),
        ("environmentVariables",),
        ("executionParameters",),
    ]
    assert rows(store, "SELECT body -> '$.run.facets.spark_properties' FROM event") == [("null",)]


def test_a_facet_that_is_too_large_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    large = event(1, job={"namespace": "jobs", "name": "load", "facets": {"sql": {"query": "x" * 3000}}})
    store = replay(tmp_path, [json.dumps(large)], "--max-facet-bytes", 2000)
    ((problem,),) = rows(store, "SELECT problem FROM facet WHERE key = 'sql'")
    assert problem.startswith("3,012 bytes are more than max_facet_bytes; their SHA-256 is ")
    assert rows(store, "SELECT namespace, name FROM dataset ORDER BY ALL") == [("db", "raw"), ("db", "users")]
    assert places_of("xxx", store) == []


def test_a_record_that_is_too_large_is_a_dead_letter_of_which_the_beginning_is_kept(tmp_path: Path) -> None:
    large = json.dumps({"padding": "x" * 90_000, **event(1)})
    store = replay(tmp_path, [json.dumps(event(2)), large, large[13:]], "--max-record-bytes", 50_000)
    assert rows(store, "SELECT source_offset, reason, detail, value FROM dead_letter ORDER BY ALL")[0] == (
        2,
        "too_large",
        f"{len(large):,} bytes are more than max_record_bytes, 50,000; the first 4,096 are kept",
        large[:4096].encode(),
    )
    assert rows(store, "SELECT run_id FROM run") == [("run-2",)]
