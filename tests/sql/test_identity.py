"""One dataset under many names: what joins them, and which name is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from headwater.store import Reader, Store
from support import digest_of, empty, write_all

HIVE = ("hive://meta:9083", "sales.orders")
PATH = ("s3://lake", "sales/orders")
ICEBERG = ("s3://warehouse", "sales.orders")


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("identity") / "live.duckdb") as opened:
        yield opened


@pytest.fixture
def store(module_store: Store) -> Store:
    empty(module_store)
    return module_store


def dataset(name: tuple[str, str], *links: tuple[tuple[str, str], str], **facets: Any) -> dict[str, Any]:
    if links:
        facets["symlinks"] = {
            "identifiers": [{"namespace": namespace, "name": name, "type": kind} for (namespace, name), kind in links]
        }
    return {"namespace": name[0], "name": name[1], "facets": facets}


def run(second: int, job: str, *, inputs: list[Any] = [], outputs: list[Any] = []) -> bytes:
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": f"2026-01-01T00:00:{second:02}Z",
            "run": {"runId": f"{job} {second}"},
            "job": {"namespace": "jobs", "name": job},
            "inputs": inputs,
            "outputs": outputs,
        }
    ).encode()


LOAD = run(1, "load", inputs=[dataset(("pg", "orders"))], outputs=[dataset(PATH)])
REPORT = run(2, "report", inputs=[dataset(HIVE)], outputs=[dataset(("bi", "report"))])
JOINS_THEM = run(3, "crawl", inputs=[dataset(PATH, (HIVE, "TABLE"))])


def names(store: Store) -> set[tuple[str, str]]:
    return set(store.database.rows("SELECT namespace, name FROM dataset"))


def test_an_alias_heard_of_later_joins_two_known_datasets(store: Store) -> None:
    write_all(store, [[LOAD], [REPORT]])
    assert names(store) == {("pg", "orders"), PATH, HIVE, ("bi", "report")}
    assert store.database.rows("SELECT name FROM upstream('bi', 'report')") == [("sales.orders",)]

    write_all(store, [[JOINS_THEM]])

    assert names(store) == {("pg", "orders"), HIVE, ("bi", "report")}
    assert store.database.rows("FROM upstream('bi', 'report')") == [(*HIVE, 1), ("pg", "orders", 2)]
    assert store.database.rows("FROM dataset_alias") == [(*HIVE, *PATH, None)]


def test_the_order_of_aliases_makes_no_difference(store: Store) -> None:
    digests = set()
    for arrived in permutations([LOAD, REPORT, JOINS_THEM]):
        empty(store)
        write_all(store, [[value] for value in arrived])
        digests.add(str(digest_of(store)))

    assert len(digests) == 1


def test_aliases_of_aliases_are_one_dataset_whichever_way_they_point(store: Store) -> None:
    write_all(
        store,
        [
            [run(1, "spark", outputs=[dataset(PATH, (HIVE, "TABLE"))])],
            [run(2, "hive", outputs=[dataset(HIVE, (PATH, "LOCATION"))])],
            [run(3, "iceberg", inputs=[dataset(ICEBERG, (PATH, "LOCATION"))])],
        ],
    )

    assert names(store) == {HIVE}
    assert sorted(store.database.rows("SELECT alias_namespace, alias_name, alias_type FROM dataset_alias")) == [
        (*PATH, "LOCATION"),
        (*ICEBERG, None),
    ]


def test_a_table_is_canonical_before_other_names_and_a_location_after_them(store: Store) -> None:
    write_all(store, [[run(1, "a", outputs=[dataset(("a", "path"), (("z", "table"), "TABLE"))])]])
    assert names(store) == {("z", "table")}

    empty(store)
    write_all(store, [[run(1, "a", outputs=[dataset(("z", "table"), (("a", "path"), "LOCATION"))])]])
    assert names(store) == {("z", "table")}

    empty(store)
    write_all(store, [[run(1, "a", outputs=[dataset(("z", "one"), (("a", "other"), ""))])]])
    assert names(store) == {("a", "other")}


@pytest.mark.parametrize(("namespace", "name"), [HIVE, PATH])
def test_every_name_finds_the_dataset(store: Store, namespace: str, name: str) -> None:
    write_all(store, [[LOAD, REPORT, JOINS_THEM]])
    given = {"namespace": namespace, "name": name}

    assert store.database.rows("SELECT name FROM downstream($namespace, $name)", given) == [("report",)]
    assert store.database.rows("SELECT name FROM upstream($namespace, $name)", given) == [("orders",)]


def test_the_schema_is_that_of_the_newest_event_under_any_of_the_names(store: Store) -> None:
    def schema(*fields: str) -> dict[str, Any]:
        return {"fields": [{"name": field, "type": "INT"} for field in fields]}

    write_all(
        store,
        [
            [run(1, "a", outputs=[dataset(HIVE, (PATH, "LOCATION"), schema=schema("x"))])],
            [run(2, "b", outputs=[dataset(PATH, schema=schema("x", "y"))])],
        ],
    )

    assert store.database.rows("SELECT namespace, name, field FROM field ORDER BY ordinal") == [
        (*HIVE, "x"),
        (*HIVE, "y"),
    ]
    assert store.database.rows("SELECT name, field, change FROM schema_change") == [("sales.orders", "y", "added")]


def test_a_run_that_names_a_dataset_twice_reads_it_once(store: Store) -> None:
    write_all(store, [[run(1, "a", inputs=[dataset(PATH, (HIVE, "TABLE")), dataset(HIVE)])]])

    assert store.database.rows("SELECT direction, namespace, name FROM run_dataset") == [("input", *HIVE)]


def test_the_command_line_finds_a_dataset_by_each_of_its_names(tmp_path: Any) -> None:
    path = tmp_path / "lineage.duckdb"
    with Store(path) as made:
        write_all(made, [[LOAD, REPORT, JOINS_THEM]])
        made.checkpoint()

    reader = Reader(path)
    found = {name: reader.find_dataset(name) for name in ("sales.orders", "sales/orders")}
    reader.close()
    assert found == {"sales.orders": HIVE, "sales/orders": HIVE}
