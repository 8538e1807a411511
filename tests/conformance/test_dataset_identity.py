"""When two names mean one dataset, which of them it goes by, and what becomes of it when it is renamed or dropped."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from builders import (
    ONE_NAME_FOR_THE_HOST,
    REDSHIFT_IGNORES_CASE,
    TRIMMED_PARTITIONS,
    assertions,
    column,
    dataset,
    dataset_event,
    lifecycle,
    made_from,
    run_event,
    schema,
    symlinks,
)
from support import Told, digest_of, empty, headwater, read, replay

NAMES = "SELECT namespace, name FROM dataset"
TABLE, FILE = ("hive", "shop.orders"), ("hdfs", "/warehouse/orders")


def file(*links: tuple[str, str, str]) -> dict[str, object]:
    return dataset(FILE[1], FILE[0], symlinks=symlinks(*links))


# Symlinks


def test_the_table_is_the_name_whichever_side_links_to_the_other(told: Told) -> None:
    told(run_event("COMPLETE", 1, outputs=[file((*TABLE, "TABLE"))]))

    assert told.rows(NAMES) == [TABLE]
    assert told.rows("FROM dataset_alias") == [(*TABLE, *FILE, None)]

    empty(told.store)
    told(run_event("COMPLETE", 1, outputs=[dataset(TABLE[1], TABLE[0], symlinks=symlinks((*FILE, "LOCATION")))]))

    assert told.rows(NAMES) == [TABLE]
    assert told.rows("FROM dataset_alias") == [(*TABLE, *FILE, "LOCATION")]


def test_two_datasets_that_were_apart_become_one_when_a_link_is_seen_later(told: Told) -> None:
    """The reference backend never joins them."""
    told(
        run_event("COMPLETE", 1, "r1", "load", inputs=["raw"], outputs=[dataset(FILE[1], FILE[0])]),
        run_event("COMPLETE", 2, "r2", "report", inputs=[dataset(TABLE[1], TABLE[0])], outputs=["out"]),
    )
    assert told.rows("FROM upstream('db', 'out')") == [(*TABLE, 1)]

    told(run_event("COMPLETE", 3, "r3", "other", inputs=[file((*TABLE, "TABLE"))]))

    assert told.rows("SELECT namespace, name, depth FROM upstream('db', 'out') ORDER BY depth") == [
        (*TABLE, 1),
        ("db", "raw", 2),
    ]
    assert told.edges() == {
        ("raw", "shop.orders", "load", "inputs_outputs", True),
        ("shop.orders", "out", "report", "inputs_outputs", True),
    }
    assert told.rows(f"{NAMES} WHERE namespace != 'db'") == [TABLE]


def test_every_name_finds_the_dataset(told: Told) -> None:
    said = assertions({"assertion": "unique", "column": "id", "success": False})
    told(
        run_event("COMPLETE", 1, "r1", "load", inputs=["raw"], outputs=[file((*TABLE, "TABLE"))]),
        run_event(
            "COMPLETE",
            2,
            "r2",
            "report",
            inputs=[file()],
            outputs=[
                dataset("out", columnLineage=made_from(x=[column(".id") | {"namespace": FILE[0], "name": FILE[1]}]))
            ],
        ),
        run_event(
            "FAIL",
            3,
            "r3",
            "check",
            inputs=[dataset(FILE[1], FILE[0], own={"inputFacets": {"dataQualityAssertions": said}})],
        ),
    )

    for namespace, name in (TABLE, FILE):
        assert told.rows(f"SELECT name FROM upstream('{namespace}', '{name}')") == [("raw",)]
        assert told.rows(f"SELECT name FROM downstream('{namespace}', '{name}')") == [("out",)]
        assert told.rows(f"SELECT name, field FROM column_downstream('{namespace}', '{name}', 'id')") == [("out", "x")]
        first = f"SELECT namespace, name, run_id FROM root_cause('{namespace}', '{name}') WHERE rank = 1"
        assert told.rows(first) == [(*TABLE, "r1")]
    assert told.rows("SELECT namespace, name FROM check_result") == [TABLE]
    assert told.rows("SELECT DISTINCT upstream_name FROM column_edge") == [("shop.orders",)]


@pytest.mark.parametrize(
    ("links", "canonical"),
    [
        pytest.param([("hive", "b", "TABLE"), ("glue", "a", "TABLE")], ("glue", "a"), id="the smallest table"),
        pytest.param([("hdfs", "/a", "LOCATION")], ("s3", "key"), id="the one that is no location"),
        pytest.param([("a", "view", "VIEW")], ("a", "view"), id="the smallest of no locations"),
        pytest.param([("z", "view", "VIEW")], ("s3", "key"), id="its own name if that is the smallest"),
        pytest.param([("z", "t", "table")], ("z", "t"), id="a table in lower case"),
        pytest.param([("s3", "key", "TABLE")], ("s3", "key"), id="a link to itself"),
        pytest.param([], ("s3", "key"), id="no links"),
    ],
)
def test_one_name_is_chosen_by_rule(told: Told, links: list[tuple[str, str, str]], canonical: tuple[str, str]) -> None:
    told(run_event("COMPLETE", 1, outputs=[dataset("key", "s3", symlinks=symlinks(*links))]))

    assert told.rows(NAMES) == [canonical]


def test_names_are_joined_through_others_in_whatever_order_they_come(told: Told) -> None:
    events = [
        dataset_event(1, "a", symlinks=symlinks(("db", "b", "X"))),
        dataset_event(2, "c", symlinks=symlinks(("db", "b", "X"))),
        dataset_event(3, "d", symlinks=symlinks(("db", "c", "X"))),
        run_event("COMPLETE", 4, inputs=["d"], outputs=["e"]),
    ]
    digests = set()
    for order in permutations(events):
        empty(told.store)
        told(*order)
        digests.add(str(digest_of(told.store)))

    assert told.edges() == {("a", "e", "j", "inputs_outputs", True)}
    assert told.rows("SELECT name, alias_name FROM dataset_alias") == [("a", "b"), ("a", "c"), ("a", "d")]
    assert len(digests) == 1


def test_facets_under_any_name_are_the_datasets(told: Told) -> None:
    told(
        run_event(
            "COMPLETE",
            1,
            "r1",
            outputs=[
                file((*TABLE, "TABLE"))
                | {"facets": {"schema": schema(id="INT"), "symlinks": symlinks((*TABLE, "TABLE"))}}
            ],
        ),
        dataset_event(2, TABLE[1], TABLE[0], documentation={"description": "orders"}),
    )

    assert told.rows("SELECT namespace, name, description, last_write_run_id FROM dataset") == [
        (*TABLE, "orders", "r1")
    ]
    assert told.rows("SELECT namespace, name, field FROM field") == [(*TABLE, "id")]


def test_a_run_that_wrote_under_one_name_is_upstream_of_a_run_that_read_under_the_other(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "w", "load", outputs=[file((*TABLE, "TABLE"))]),
        run_event("COMPLETE", 2, "r", "report", inputs=[dataset(TABLE[1], TABLE[0])]),
    )

    assert told.rows("SELECT run_id, depth FROM run_upstream('r')") == [("w", 1)]


def test_a_link_without_a_name_is_no_link(told: Told) -> None:
    told(dataset_event(1, "a", symlinks={"identifiers": [{"namespace": "db"}, None, {"namespace": "db", "name": "b"}]}))

    assert told.rows("SELECT name, alias_name, alias_type FROM dataset_alias") == [("a", "b", None)]


# Renames and other changes of a dataset's life


def test_a_renamed_dataset_says_where_it_went(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "w", "load", inputs=["raw"], outputs=["orders"]),
        run_event(
            "COMPLETE",
            2,
            "m",
            "rename",
            outputs=[dataset("orders_v2", lifecycleStateChange=lifecycle("RENAME", "orders"))],
        ),
    )

    assert told.rows("SELECT name, renamed_to_namespace, renamed_to_name FROM dataset") == [
        ("orders", "db", "orders_v2"),
        ("orders_v2", None, None),
        ("raw", None, None),
    ]


def test_what_fed_the_old_name_is_upstream_of_the_new_one(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "w", "load", inputs=["raw"], outputs=["orders"]),
        run_event(
            "COMPLETE",
            2,
            "m",
            "rename",
            outputs=[dataset("orders_v2", lifecycleStateChange=lifecycle("RENAME", "orders"))],
        ),
        run_event("COMPLETE", 3, "r", "report", inputs=["orders_v2"], outputs=["out"]),
    )

    assert ("raw",) in told.rows("SELECT name FROM upstream('db', 'out')")
    assert ("out",) in told.rows("SELECT name FROM downstream('db', 'raw')")


def test_a_name_that_is_used_again_after_a_rename_is_another_table(told: Told) -> None:
    """Swap: orders_new becomes orders; what is later written to orders_new does not reach orders."""
    told(
        run_event("COMPLETE", 1, "w1", "build", inputs=["raw"], outputs=["orders_new"]),
        run_event(
            "COMPLETE",
            2,
            "m",
            "swap",
            outputs=[dataset("orders", lifecycleStateChange=lifecycle("RENAME", "orders_new"))],
        ),
        run_event("COMPLETE", 3, "w2", "other", inputs=["elsewhere"], outputs=["orders_new"]),
    )

    assert ("elsewhere",) not in told.rows("SELECT name FROM upstream('db', 'orders')")


@pytest.mark.parametrize("change", ["DROP", "drop"])
def test_a_dropped_dataset_says_when(told: Told, change: str) -> None:
    told(
        run_event("COMPLETE", 1, "w", "load", inputs=["raw"], outputs=["t"]),
        run_event("COMPLETE", 2, "d", "drop", outputs=[dataset("t", lifecycleStateChange=lifecycle(change))]),
    )

    assert told.rows("SELECT name, dropped_at::VARCHAR FROM dataset") == [
        ("raw", None),
        ("t", "2026-01-01 00:00:02+00"),
    ]


def test_a_dataset_that_is_made_again_is_not_dropped(told: Told) -> None:
    told(
        run_event("COMPLETE", 5, "c", "create", outputs=[dataset("t", lifecycleStateChange=lifecycle("CREATE"))]),
        run_event("COMPLETE", 2, "d", "drop", outputs=[dataset("t", lifecycleStateChange=lifecycle("DROP"))]),
    )

    assert told.rows("SELECT name, dropped_at::VARCHAR FROM dataset") == [("t", None)]


def test_a_dataset_that_is_written_after_its_drop_is_not_dropped(told: Told) -> None:
    told(
        run_event("COMPLETE", 2, "d", "drop", outputs=[dataset("t", lifecycleStateChange=lifecycle("DROP"))]),
        run_event("COMPLETE", 3, "w", "load", inputs=["raw"], outputs=["t"]),
    )

    assert told.rows("SELECT dropped_at::VARCHAR FROM dataset WHERE name = 't'") == [(None,)]


def test_a_drop_that_failed_dropped_nothing(told: Told) -> None:
    told(
        run_event("COMPLETE", 1, "w", "load", outputs=["t"]),
        run_event("FAIL", 2, "d", "drop", outputs=[dataset("t", lifecycleStateChange=lifecycle("DROP"))]),
    )

    assert told.rows("SELECT name, dropped_at::VARCHAR FROM dataset") == [("t", None)]


@pytest.mark.parametrize("change", ["TRUNCATE", "OVERWRITE", "ALTER", "CREATE"])
def test_a_dataset_that_is_changed_in_place_is_written(told: Told, change: str) -> None:
    told(run_event("COMPLETE", 2, "w", "job", outputs=[dataset("t", lifecycleStateChange=lifecycle(change))]))

    assert told.rows("SELECT name, last_written_at::VARCHAR, last_write_run_id, dropped_at::VARCHAR FROM dataset") == [
        ("t", "2026-01-01 00:00:02+00", "w", None)
    ]


def test_a_drop_writes_nothing_that_anybody_could_read(told: Told) -> None:
    """Dropped before it is made anew: the table of the load, not the drop, is what a later run read."""
    told(
        run_event("COMPLETE", 1, "w", "load", outputs=["t"]),
        run_event("COMPLETE", 2, "d", "drop", outputs=[dataset("t", lifecycleStateChange=lifecycle("DROP"))]),
    )

    assert told.rows("SELECT last_written_at::VARCHAR, last_write_run_id FROM dataset") == [
        ("2026-01-01 00:00:01+00", "w")
    ]


# Settings


def test_names_that_differ_in_case_are_one_dataset_where_the_settings_say_so(tmp_path: Path) -> None:
    """Redshift folds case, and Spark spells a table as its query does; a file system does not."""
    redshift = "redshift://cluster.eu:5439"
    said = replay(
        tmp_path,
        run_event("COMPLETE", 1, "r1", "load", inputs=["raw"], outputs=[dataset("Dev.Public.Orders", redshift)]),
        run_event("COMPLETE", 2, "r2", "report", inputs=[dataset("dev.public.orders", redshift)], outputs=["out"]),
        run_event("COMPLETE", 3, "r3", "copy", inputs=[dataset("/A", "file")], outputs=[dataset("/a", "file")]),
        settings=REDSHIFT_IGNORES_CASE,
    )

    assert said == ""
    assert read(tmp_path, "SELECT name, depth FROM upstream('db', 'out')") == [("Dev.Public.Orders", 1), ("raw", 2)]
    assert read(tmp_path, "SELECT name FROM dataset") == [("/A",), ("/a",), ("Dev.Public.Orders",), ("out",), ("raw",)]


def test_partitions_are_cut_off_where_the_settings_say_so(tmp_path: Path) -> None:
    said = replay(
        tmp_path,
        run_event(
            "COMPLETE",
            1,
            "r1",
            "load",
            inputs=["raw"],
            outputs=[dataset("lake/orders/day=2026-01-01/hour=3", "s3://b")],
        ),
        run_event(
            "COMPLETE", 2, "r2", "report", inputs=[dataset("lake/orders/day=2026-01-02", "s3://b")], outputs=["out"]
        ),
        run_event("COMPLETE", 3, "r3", "copy", outputs=[dataset("/orders/day=2026-01-02", "file")]),
        settings=TRIMMED_PARTITIONS,
    )

    assert said == ""
    assert read(tmp_path, "SELECT namespace, name FROM dataset WHERE namespace != 'db'") == [
        ("file", "/orders/day=2026-01-02"),
        ("s3://b", "lake/orders"),
    ]
    assert read(tmp_path, "SELECT name FROM upstream('db', 'out')") == [("lake/orders",), ("raw",)]


def split_by_host(tmp_path: Path, settings: str) -> str:
    return replay(
        tmp_path,
        run_event("COMPLETE", 1, "r1", "load", inputs=["raw"], outputs=[dataset("orders", "postgres://db.prod:5432")]),
        run_event(
            "COMPLETE", 2, "r2", "report", inputs=[dataset("orders", "postgres://10.0.0.7:5432")], outputs=["out"]
        ),
        settings=settings,
    )


def test_a_host_has_the_name_that_the_settings_give_it(tmp_path: Path) -> None:
    assert split_by_host(tmp_path, ONE_NAME_FOR_THE_HOST) == ""
    assert read(tmp_path, "SELECT name FROM upstream('db', 'out')") == [("orders",), ("raw",)]
    assert read(tmp_path, "SELECT namespace FROM dataset WHERE name = 'orders'") == [("postgres://db.prod:5432",)]


def test_settings_that_change_are_applied_to_what_is_in_the_store_by_folding_anew(tmp_path: Path) -> None:
    assert split_by_host(tmp_path, "") == ""
    assert read(tmp_path, "SELECT name FROM upstream('db', 'out')") == [("orders",)]

    (tmp_path / "headwater.toml").write_text(ONE_NAME_FOR_THE_HOST)

    assert headwater(tmp_path, "migrate", "--refold") == ""
    assert read(tmp_path, "SELECT name FROM upstream('db', 'out')") == [("orders",), ("raw",)]
