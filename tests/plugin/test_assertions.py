"""The assertions of headwater.testing, on the recorded sales platform: what they accept, and what they say."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from headwater.errors import FileUnreadable, QueryError
from headwater.store import Reader
from headwater.testing import (
    LineageStore,
    assert_lineage,
    assert_no_lineage,
    assert_no_root_cause,
    assert_root_cause,
)
from support import ROOT, SALES

EVENTS = SALES / "events"
NAMESPACE = "duckdb:///srv/sales.duckdb"


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageStore]:
    with LineageStore(tmp_path_factory.mktemp("sales") / "lineage.duckdb") as store:
        yield store.replay(EVENTS / "healthy_day.ndjson", EVENTS / "broken_day.ndjson")


def message(assertion: Callable[..., None], *arguments: Any, **options: Any) -> str:
    """Return what an assertion says when it fails."""
    with pytest.raises(AssertionError) as raised:
        assertion(*arguments, **options)
    return str(raised.value)


# What they accept


def test_lineage_goes_over_any_number_of_steps_and_unique_endings_are_enough(sales: LineageStore) -> None:
    assert_lineage(sales, "customers_ca_raw", "dim_customers")
    assert_lineage(sales, "sales.landing.customers_ca_raw", (NAMESPACE, "cleansing.customers"), direct=True)
    assert_lineage(sales, "raw/customers_ca_raw.csv", "dim_customers")


def test_there_is_no_lineage_against_the_edges_or_beside_them(sales: LineageStore) -> None:
    assert_no_lineage(sales, "dim_customers", "customers_ca_raw")
    assert_no_lineage(sales, "customer_address_ca_raw", "cleansing.customers")
    assert_no_lineage(sales, "customers_ca_raw", "dim_customers", direct=True)
    assert_no_lineage(sales, "dim_customers", "dim_customers")


def test_a_column_is_made_from_tables_and_from_their_columns(sales: LineageStore) -> None:
    assert_lineage(sales, "customers_ca_raw", "dim_customers", column="email")
    assert_lineage(sales, "customers_ca_raw", "dim_customers", column="email", upstream_column="email")
    assert_no_lineage(sales, "customers_ca_raw", "dim_customers", column="email", upstream_column="name")
    assert_no_lineage(sales, "customers_ca_raw", "dim_customers", column="email", direct=True)
    assert_no_lineage(sales, "customer_address_ca_raw", "dim_customers", column="email")


def test_columns_that_only_filter_count_unless_they_are_left_out(tmp_path: Path) -> None:
    fields = {
        "email": {"inputFields": [{"namespace": "db", "name": "raw", "field": "email"}]},
        "name": {
            "inputFields": [
                {"namespace": "db", "name": "raw", "field": "is_active", "transformations": [{"type": "INDIRECT"}]}
            ]
        },
    }
    write(tmp_path / "e.ndjson", event("clean", inputs=["raw"], columns=fields))
    with LineageStore(tmp_path / "lineage.duckdb").replay(tmp_path / "e.ndjson") as store:
        assert_lineage(store, "raw", "clean", column="name", upstream_column="is_active")
        assert_no_lineage(store, "raw", "clean", column="name", indirect=False)


def test_the_root_cause_is_the_dataset_that_ranks_first(sales: LineageStore) -> None:
    assert_root_cause(sales, "dim_customers", "landing.customers_ca_raw")
    assert_root_cause(sales, "dim_customers", "customers_ca_raw", field="customer_id")
    assert_root_cause(sales, "dim_customers", "customers_ca_raw", check="unique_dim_customers_customer_id")


def test_a_healthy_moment_has_no_root_cause(sales: LineageStore) -> None:
    assert_no_root_cause(sales, "dim_customers", as_of=datetime(2026, 11, 22, 15, 33, 12, tzinfo=UTC))
    assert_no_root_cause(sales, "customers_us_raw")


def test_a_published_store_and_a_reader_do_as_well(sales: LineageStore) -> None:
    sales.close()
    assert_lineage(sales.path, "customers_ca_raw", "dim_customers")
    assert_root_cause(str(sales.path), "dim_customers", "customers_ca_raw")
    with Reader(sales.path) as reader:
        assert_no_lineage(reader, "dim_customers", "customers_ca_raw")


# What they say


def test_missing_lineage_draws_both_sides_as_the_readme_shows(sales: LineageStore) -> None:
    said = message(assert_lineage, sales, "customer_address_ca_raw", "cleansing.customers")

    assert f"\n```text\n{said}\n```\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert said == (
        """\
sales.cleansing.customers is not made from sales.landing.customer_address_ca_raw.

What sales.cleansing.customers is made from:

sales.cleansing.customers
├── sales.landing.customers_ca_raw
│   └── /srv/sales_platform/raw/customers_ca_raw.csv
└── sales.landing.customers_us_raw
    └── /srv/sales_platform/raw/customers_us_raw.csv

What is made from sales.landing.customer_address_ca_raw:

sales.landing.customer_address_ca_raw
└── sales.cleansing.customer_address
    └── sales.data_mart.dim_customers"""
    )


def test_lineage_the_other_way_round_is_pointed_out(sales: LineageStore) -> None:
    assert message(assert_lineage, sales, "cleansing.customers", "customers_ca_raw") == (
        """\
sales.landing.customers_ca_raw is not made from sales.cleansing.customers.

It is the other way round:

sales.landing.customers_ca_raw
└─▶ sales.cleansing.customers  (by sales.cleansing.sales_platform.customers)

What sales.landing.customers_ca_raw is made from:

sales.landing.customers_ca_raw
└── /srv/sales_platform/raw/customers_ca_raw.csv

What is made from sales.cleansing.customers:

sales.cleansing.customers
└── sales.data_mart.dim_customers"""
    )


def test_lineage_that_is_not_direct_shows_the_steps(sales: LineageStore) -> None:
    said = message(assert_lineage, sales, "customers_ca_raw", "dim_customers", direct=True)

    assert said.startswith(
        """\
sales.data_mart.dim_customers is not made from sales.landing.customers_ca_raw, in one step.

It is in 2 steps:

sales.landing.customers_ca_raw
└─▶ sales.cleansing.customers  (by sales.cleansing.sales_platform.customers)
    └─▶ sales.data_mart.dim_customers  (by sales.data_mart.sales_platform.dim_customers)

What"""
    )


def test_columns_that_are_not_connected_show_how_the_tables_are(sales: LineageStore) -> None:
    assert message(assert_lineage, sales, "customer_address_ca_raw", "dim_customers", column="email") == (
        """\
sales.data_mart.dim_customers.email is not made from sales.landing.customer_address_ca_raw.

The tables are connected, these columns are not:

sales.landing.customer_address_ca_raw
└─▶ sales.cleansing.customer_address  (by sales.cleansing.sales_platform.customer_address)
    └─▶ sales.data_mart.dim_customers  (by sales.data_mart.sales_platform.dim_customers)

What sales.data_mart.dim_customers.email is made from:

sales.data_mart.dim_customers.email
└── sales.cleansing.customers.email
    ├── sales.landing.customers_ca_raw.email
    └── sales.landing.customers_us_raw.email"""
    )


def test_lineage_that_should_not_be_shows_the_way(sales: LineageStore) -> None:
    assert message(assert_no_lineage, sales, "customers_ca_raw", "dim_customers", column="email") == (
        """\
sales.data_mart.dim_customers.email is made from sales.landing.customers_ca_raw, and should not be:

sales.landing.customers_ca_raw.email
└─▶ sales.cleansing.customers.email  (by sales.cleansing.sales_platform.customers)
    └─▶ sales.data_mart.dim_customers.email  (by sales.data_mart.sales_platform.dim_customers)"""
    )


def test_lineage_of_the_past_is_pointed_out(tmp_path: Path) -> None:
    write(
        tmp_path / "events.ndjson",
        event("clean", inputs=["old"], at="2026-01-01T00:00:00Z"),
        event("clean", inputs=["new"], at="2026-01-02T00:00:00Z"),
    )
    with LineageStore(tmp_path / "lineage.duckdb").replay(tmp_path / "events.ndjson") as store:
        assert_no_lineage(store, "old", "clean")
        assert message(assert_lineage, store, "old", "clean") == (
            """\
clean is not made from old.

It was before:

old
└─▶ clean  (by make clean)  (not current any more)

What clean is made from:

clean
└── new

Nothing is made from old."""
        )


@pytest.mark.parametrize("assertion", [assert_lineage, assert_no_lineage, assert_root_cause])
def test_a_name_that_no_dataset_has_fails_with_those_that_are_near(
    sales: LineageStore, assertion: Callable[..., None]
) -> None:
    said = message(assertion, sales, "dim_costumers", "customers_ca_raw")

    assert said.startswith(
        f"No dataset is called 'dim_costumers'. The closest are: sales.data_mart.dim_customers ({NAMESPACE}), "
    )


@pytest.mark.parametrize("assertion", [assert_lineage, assert_no_lineage])
def test_a_column_that_a_dataset_does_not_have_fails_with_those_that_are_near(
    sales: LineageStore, assertion: Callable[..., None]
) -> None:
    assert message(assertion, sales, "customers_ca_raw", "dim_customers", column="emial").startswith(
        "sales.data_mart.dim_customers has no column 'emial'. The closest are: email, "
    )
    assert message(assertion, sales, "customers_ca_raw.csv", "dim_customers", column="email", upstream_column="x") == (
        "/srv/sales_platform/raw/customers_ca_raw.csv has no column 'x'. No event names a column of it."
    )


def test_an_ending_that_two_datasets_have_asks_for_more(tmp_path: Path) -> None:
    write(tmp_path / "events.ndjson", event("shop.orders", inputs=["raw.orders"]))
    with LineageStore(tmp_path / "lineage.duckdb").replay(tmp_path / "events.ndjson") as store:
        assert message(assert_lineage, store, "orders", "shop.orders") == (
            "2 datasets are called 'orders': raw.orders (db), shop.orders (db). "
            "Give more of the name, or the pair (namespace, name)."
        )


def test_another_root_cause_shows_the_ranking_with_the_one_expected(sales: LineageStore) -> None:
    said = message(assert_root_cause, sales, "dim_customers", "customers_us_raw.csv").splitlines()

    assert said[0] == (
        "The root cause of sales.data_mart.dim_customers is sales.landing.customers_ca_raw, not "
        "/srv/sales_platform/raw/customers_us_raw.csv."
    )
    assert said[2].startswith("1. sales.landing.customers_ca_raw (0.")
    assert sum(". /srv/sales_platform/raw/customers_us_raw.csv (0." in line for line in said) == 1


def test_an_expected_cause_that_is_not_upstream_shows_what_is(sales: LineageStore) -> None:
    said = message(assert_root_cause, sales, "cleansing.customers", "customer_address_ca_raw")

    assert said.startswith(
        "The root cause of sales.cleansing.customers is sales.landing.customers_ca_raw, not "
        "sales.landing.customer_address_ca_raw.\n\n1. sales.landing.customers_ca_raw ("
    )
    assert said.endswith(
        """\

sales.landing.customer_address_ca_raw is not upstream of it. What sales.cleansing.customers is made from:

sales.cleansing.customers
├── sales.landing.customers_ca_raw
│   └── /srv/sales_platform/raw/customers_ca_raw.csv
└── sales.landing.customers_us_raw
    └── /srv/sales_platform/raw/customers_us_raw.csv"""
    )


@pytest.mark.parametrize("assertion", [assert_root_cause, assert_no_root_cause])
def test_a_check_or_field_that_the_symptom_does_not_have_fails(
    sales: LineageStore, assertion: Callable[..., None]
) -> None:
    names = ["dim_customers", "customers_ca_raw"][: 2 if assertion is assert_root_cause else 1]

    assert message(assertion, sales, *names, check="unique_dim_customers_id").startswith(
        "sales.data_mart.dim_customers has no check 'unique_dim_customers_id'. The closest are: unique_dim_customers_"
    )
    assert message(assertion, sales, *names, field="custmer_id").startswith(
        "sales.data_mart.dim_customers has no column 'custmer_id'. The closest are: customer_id, "
    )


def test_no_root_cause_shows_the_checks(sales: LineageStore) -> None:
    assert message(assert_root_cause, sales, "customers_us_raw", "dim_customers") == (
        """\
The root cause of sales.landing.customers_us_raw is not known: nothing is to blame. Its checks are:

source_not_null_landing_customers_us_raw_customer_id on customer_id: passed at 2026-11-22 15:33:24 UTC
source_not_null_landing_customers_us_raw_email on email: passed at 2026-11-22 15:33:24 UTC
source_unique_landing_customers_us_raw_customer_id on customer_id: passed at 2026-11-22 15:33:24 UTC"""
    )


def test_a_root_cause_where_none_should_be_shows_the_ranking(sales: LineageStore) -> None:
    assert message(assert_no_root_cause, sales, "dim_customers").startswith(
        "The root cause of sales.data_mart.dim_customers is sales.landing.customers_ca_raw, and nothing should be to "
        "blame.\n\n1. sales.landing.customers_ca_raw ("
    )


# What is drawn is what was asked


@pytest.mark.parametrize("seed", range(2))
def test_a_way_is_drawn_exactly_where_there_is_lineage(tmp_path: Path, seed: int) -> None:
    """The answer comes from the macros of the store, the drawing from its edges: in any graph, cycles and all."""
    chance = random.Random(seed)
    names = ["a_table", "b_table", "c_table", "d_table"]
    write(tmp_path / "events.ndjson", *(random_event(chance, name, names) for name in names))
    columns: list[dict[str, Any]] = [{}, {"column": "x"}, {"column": "x", "upstream_column": "y"}]
    answers = set()
    with LineageStore(tmp_path / "lineage.duckdb").replay(tmp_path / "events.ndjson") as store:
        for (upstream, downstream), options in product(permutations(names, 2), columns):
            try:
                assert_no_lineage(store, upstream, downstream, **options)
            except AssertionError as exc:
                answers.add(True)
                way = str(exc).splitlines()[2:]
                assert way[0].startswith(upstream)
                assert way[-1].split("  (by ")[0].endswith(f" {downstream}{'.x' if options else ''}")
            else:
                answers.add(False)
                assert " steps:" not in message(assert_lineage, store, upstream, downstream, **options)
    assert answers == {True, False}


def random_event(chance: random.Random, output: str, names: list[str]) -> dict[str, Any]:
    """Return an event that makes *output* from some tables, or from none, with lineage of columns and of the whole."""
    inputs = chance.sample(names, chance.choice([0, 1, 1, 2]))

    def fields() -> list[dict[str, Any]]:
        kind = chance.choice(["DIRECT", "INDIRECT"])
        return [
            {"namespace": "db", "name": name, "field": chance.choice("xy"), "transformations": [{"type": kind}]}
            for name in inputs
            if chance.random() < 0.7
        ]

    made = event(output, inputs=inputs, columns={field: {"inputFields": fields()} for field in "xy"})
    facets = made["outputs"][0]["facets"]
    facets["columnLineage"]["dataset"] = fields() if chance.random() < 0.3 else []
    facets["schema"] = {
        "_producer": "https://example.org",
        "_schemaURL": "https://example.org/1.json",
        "fields": [{"name": "x"}, {"name": "y"}],
    }
    made["run"]["runId"] = output
    return made


# The store


def test_a_store_can_be_asked_between_two_folds(tmp_path: Path) -> None:
    with LineageStore(tmp_path / "lineage.duckdb") as store:
        assert store.rows("SELECT count(*) FROM run") == [(0,)]
        store.replay(EVENTS / "healthy_day.ndjson")
        assert store.rows("SELECT state, count(*) FROM run GROUP BY ALL ORDER BY ALL") == [("COMPLETE", 17)]
        store.replay(EVENTS / "broken_day.ndjson")
        assert store.query("SELECT count(*) AS runs FROM run").to_pylist() == [{"runs": 34}]


def test_replaying_again_changes_nothing(sales: LineageStore, tmp_path: Path) -> None:
    with LineageStore(tmp_path / "lineage.duckdb") as store:
        store.replay(EVENTS)
        once = store.digest()
        store.replay(EVENTS)
        assert store.digest() == once == sales.digest()


def test_the_store_takes_no_writing_sql(sales: LineageStore) -> None:
    with pytest.raises(QueryError, match="read-only"):
        sales.rows("CREATE TABLE mine (id INTEGER)")


def test_a_record_that_is_no_event_fails_unless_it_is_allowed(tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    events.write_text('{"eventTime": 1}\n' + json.dumps(event("clean", inputs=["raw"])) + "\nnot JSON\n")
    with LineageStore(tmp_path / "lineage.duckdb") as store:
        with pytest.raises(FileUnreadable) as raised:
            store.replay(events)
        said = str(raised.value).splitlines()
        assert said[0] == "2 of 3 events cannot be read:"
        assert said[1].startswith("  file:events.ndjson, 1: not_an_event: ")
        assert said[2].startswith("  file:events.ndjson, 3: invalid_json: ")
        assert said[3] == "Mend the file, or replay it with allow_dead_letters=True."
        assert_lineage(store, "raw", "clean")
        store.replay(events, allow_dead_letters=True)
        assert store.rows("SELECT count(*) FROM dead_letter") == [(2,)]


def write(path: Path, *events: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))


def event(
    output: str, *, inputs: list[str], at: str = "2026-01-01T00:00:00Z", columns: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the event of a run that made *output*."""
    about = {"_producer": "https://example.org", "_schemaURL": "https://example.org/1.json"}
    facets = {"columnLineage": {**about, "fields": columns}} if columns else {}
    return {
        "eventTime": at,
        "eventType": "COMPLETE",
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"run of {at}"},
        "job": {"namespace": "jobs", "name": f"make {output}"},
        "inputs": [{"namespace": "db", "name": name} for name in inputs],
        "outputs": [{"namespace": "db", "name": output, "facets": facets}],
    }
