"""What the store looks like from outside, and that the files of schemas/ are as they should be."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import docs
import duckdb
import pytest
from headwater import rows
from headwater.store import Reader, Store
from headwater.store.arrow import TABLES, arrow_table
from headwater.store.scripts import Folder, Script, scripts
from support import ROOT, SALES, values_of, write_all

VIEWS = {
    "dataset": [
        "namespace",
        "name",
        "dataset_type",
        "description",
        "owners",
        "first_seen_at",
        "last_seen_at",
        "last_written_at",
        "last_write_run_id",
        "dropped_at",
        "renamed_to_namespace",
        "renamed_to_name",
    ],
    "dataset_alias": ["namespace", "name", "alias_namespace", "alias_name", "alias_type"],
    "field": ["namespace", "name", "field", "ordinal", "type", "description", "first_seen_at", "last_seen_at"],
    "schema_change": ["namespace", "name", "field", "change", "old_type", "new_type", "changed_at", "run_id"],
    "job": [
        "namespace",
        "name",
        "job_type",
        "processing_type",
        "integration",
        "parent_namespace",
        "parent_name",
        "description",
        "owners",
        "source_url",
        "source_version",
        "first_seen_at",
        "last_seen_at",
        "last_run_id",
        "last_run_state",
    ],
    "run": [
        "run_id",
        "job_namespace",
        "job_name",
        "state",
        "started_at",
        "ended_at",
        "nominal_start_at",
        "nominal_end_at",
        "parent_run_id",
        "root_run_id",
        "error_message",
        "source_version",
        "producer",
    ],
    "run_dataset": [
        "run_id",
        "direction",
        "namespace",
        "name",
        "row_count",
        "bytes",
        "file_count",
        "dataset_version",
        "first_seen_at",
        "last_seen_at",
    ],
    "edge": [
        "upstream_namespace",
        "upstream_name",
        "downstream_namespace",
        "downstream_name",
        "job_namespace",
        "job_name",
        "evidence",
        "first_seen_at",
        "last_seen_at",
        "is_current",
        "last_run_id",
    ],
    "column_edge": [
        "upstream_namespace",
        "upstream_name",
        "upstream_field",
        "downstream_namespace",
        "downstream_name",
        "downstream_field",
        "transformation_type",
        "transformation_subtype",
        "masking",
        "job_namespace",
        "job_name",
        "first_seen_at",
        "last_seen_at",
        "is_current",
        "last_run_id",
    ],
    "check_result": [
        "check_name",
        "namespace",
        "name",
        "field",
        "dimension",
        "status",
        "severity",
        "expected",
        "actual",
        "executed_at",
        "tool",
        "run_id",
        "details",
    ],
    "dataset_metric": ["namespace", "name", "field", "metric", "value", "executed_at", "run_id"],
    "quality_status": [
        "namespace",
        "name",
        "field",
        "dimension",
        "current_severity",
        "highest_severity",
        "last_executed_at",
        "executed_checks",
        "valid",
        "warnings",
        "errors",
        "fatals",
        "execution_errors",
        "kpi",
    ],
    "edge_quality": [
        "upstream_namespace",
        "upstream_name",
        "downstream_namespace",
        "downstream_name",
        "dimension",
        "upstream_severity",
        "downstream_severity",
        "upstream_combined_severity",
    ],
    "incident": [
        "incident_id",
        "status",
        "namespace",
        "name",
        "field",
        "kind",
        "severity",
        "first_seen_at",
        "last_seen_at",
        "resolved_at",
        "failing_checks",
        "affected_datasets",
    ],
    "facet": [
        "entity",
        "namespace",
        "name",
        "run_id",
        "key",
        "event_time",
        "producer",
        "schema_url",
        "body",
    ],
    "event": [
        "event_id",
        "kind",
        "event_type",
        "event_time",
        "run_id",
        "namespace",
        "name",
        "topic",
        "partition",
        "source_offset",
        "received_at",
        "body",
    ],
    "upkeep": ["done_at", "kind", "horizon_at", "rows"],
    "dead_letter": ["topic", "partition", "source_offset", "received_at", "reason", "detail", "value"],
    "root_cause_weight": ["evidence", "role", "weight", "reason"],
    "kafka_offset": ["topic", "partition", "next_offset", "end_offset", "lag", "updated_at"],
}

# Parameters, and the columns of the result.
MACROS = {
    "upstream": ("ns, ds, max_depth := NULL, as_of := NULL", ["namespace", "name", "depth"]),
    "downstream": ("ns, ds, max_depth := NULL, as_of := NULL", ["namespace", "name", "depth"]),
    "column_upstream": (
        "ns, ds, fld, indirect := true, max_depth := NULL, as_of := NULL",
        ["namespace", "name", "field", "depth", "transformation_type"],
    ),
    "column_downstream": (
        "ns, ds, fld, indirect := true, max_depth := NULL, as_of := NULL",
        ["namespace", "name", "field", "depth", "transformation_type"],
    ),
    "lineage_as_of": ("ts", VIEWS["edge"]),
    "doctor": ("stale_hours := 24", ["severity", "kind", "subject", "count", "example", "advice"]),
    "run_upstream": ("run", ["run_id", "job_namespace", "job_name", "state", "depth"]),
    "root_cause": (
        "ns, ds, fld := NULL, check_name := NULL, as_of := NULL",
        [
            "rank",
            "score",
            "kind",
            "namespace",
            "name",
            "field",
            "job_namespace",
            "job_name",
            "run_id",
            "bad_since",
            "depth",
            "path",
            "evidence",
            "evidence_detail",
        ],
    ),
    "blast_radius": (
        "ns, ds, fld := NULL, as_of := NULL",
        ["namespace", "name", "field", "depth", "current_severity", "owners"],
    ),
}

# Where a record is not simply its table's row.
RENAMED = {"job": {"id": "job_id"}, "dataset": {"id": "dataset_id"}}
USED_BY_THE_WRITE_ONLY = {"duplicate": {"event_time"}}  # finds the event
MADE_BY_THE_WRITE = {
    "dataset": ["canonical_id"],
    "run": ["lineage_id"],
    "mirrored_row": ["imported_at", "replaced_at"],
}

FOLDERS: tuple[Folder, ...] = ("migrations", "writes", "views", "macros", "upkeep")
FILES = [pytest.param(script, id=f"{folder}/{script.file}") for folder in FOLDERS for script in scripts(folder)]
OBJECTS = [
    pytest.param(script, kind, id=f"{kind} {script.name}")
    for kind, folder in (("VIEW", "views"), ("MACRO", "macros"))
    for script in scripts(folder)
]

KEYWORDS = (
    "select|from|where|join|group by|order by|partition by|having|limit|union|qualify|create|insert|merge|matched|"
    "update|delete|drop|alter|distinct|exclude|recursive|materialized|case|when|then|null|and|or|not|using|values|"
    "varchar|integer|bigint|boolean|timestamptz|uuid"
)


class Column(NamedTuple):
    """What the catalogue knows of a column."""

    object: str
    name: str
    type: str
    comment: str | None


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of two days of the sales platform that nobody has open."""
    path = tmp_path_factory.mktemp("sales") / "lineage.duckdb"
    with Store(path) as store:
        write_all(store, [values_of(*sorted((SALES / "events").glob("*.ndjson")))])
        store.checkpoint()
    return path


@pytest.fixture
def catalogue(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(path, read_only=True) as connection:
        yield connection


def columns(catalogue: duckdb.DuckDBPyConnection, schema: str) -> list[Column]:
    found = catalogue.execute(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
        "WHERE NOT internal AND schema_name = $schema ORDER BY table_name, column_index",
        {"schema": schema},
    )
    return [Column(*row) for row in found.fetchall()]


# What users see


def test_a_store_of_another_version_gets_the_views_and_macros_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "live.duckdb"
    listed = "SELECT function_name, function_type, parameters FROM duckdb_functions() WHERE NOT internal ORDER BY ALL"
    with Store(path) as store:
        macros = store.database.rows(listed)
        store.database.run("UPDATE store.views SET version = 'of another'")
        store.database.run("CREATE MACRO store.of_another() AS 1; CREATE MACRO of_another() AS TABLE SELECT 1")
    assert {kind for _, kind, _ in macros} == {"macro", "table_macro"}
    with Store(path) as store:
        assert store.database.rows(listed) == macros


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_begins_with_the_columns_that_are_promised(catalogue: duckdb.DuckDBPyConnection, view: str) -> None:
    found = [column.name for column in columns(catalogue, "main") if column.object == view]
    assert found[: len(VIEWS[view])] == VIEWS[view]


def test_everything_for_users_is_a_view_or_a_macro(catalogue: duckdb.DuckDBPyConnection) -> None:
    tables = catalogue.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal AND schema_name != 'store'")
    assert tables.fetchall() == []


def test_every_view_and_macro_for_users_has_a_comment(path: Path) -> None:
    with Reader(path) as reader:
        assert [thing.name for thing in reader.documentation() if not thing.comment.endswith(".")] == []


def test_every_column_of_a_view_has_a_comment(catalogue: duckdb.DuckDBPyConnection) -> None:
    found = columns(catalogue, "main")
    assert [(column.object, column.name) for column in found if not (column.comment or "").endswith(".")] == []


def test_every_instant_has_a_zone_and_is_called_at_or_time(catalogue: duckdb.DuckDBPyConnection) -> None:
    found = columns(catalogue, "main")
    assert {column.type for column in found if column.name.endswith(("_at", "_time"))} == {"TIMESTAMP WITH TIME ZONE"}
    assert [column for column in found if "TIME" in column.type and not column.name.endswith(("_at", "_time"))] == []


def test_a_namespace_stands_before_its_name(catalogue: duckdb.DuckDBPyConnection) -> None:
    found = columns(catalogue, "main")
    after = {column.name: following.name for column, following in pairwise(found) if column.name.endswith("namespace")}
    assert after == {namespace: namespace.removesuffix("namespace") + "name" for namespace in after}


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_has_the_promised_parameters_defaults_and_result(path: Path, macro: str) -> None:
    with Reader(path) as reader:
        result = [name for name, _ in docs.result_columns(reader, macro)]
    assert (docs.signatures()[macro], result) == MACROS[macro]


@pytest.mark.parametrize("macro", MACROS)
def test_the_catalogue_knows_the_parameters_of_a_macro(catalogue: duckdb.DuckDBPyConnection, macro: str) -> None:
    found = catalogue.execute("SELECT parameters FROM duckdb_functions() WHERE function_name = $1", [macro]).fetchall()
    assert found == [([parameter.partition(" :=")[0] for parameter in MACROS[macro][0].split(", ")],)]


@pytest.mark.parametrize("macro", MACROS)
def test_every_default_of_a_macro_can_be_given_by_name(catalogue: duckdb.DuckDBPyConnection, macro: str) -> None:
    parameters = MACROS[macro][0].split(", ")
    everything = ", ".join(parameter if ":=" in parameter else "NULL" for parameter in parameters)
    assert catalogue.execute(f"FROM {macro}({everything}) WHERE false").fetchall() == []


# The store as a file


def test_the_views_work_when_the_store_is_attached_by_another_name(path: Path) -> None:
    with duckdb.connect() as connection, duckdb.connect(path, read_only=True) as direct:
        connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
        views = direct.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'")
        for (view,) in views.fetchall():
            count = f"SELECT count(*) FROM {{}}{view}"
            assert (
                connection.execute(count.format("other.")).fetchall() == direct.execute(count.format("")).fetchall()
            ), view


def test_the_macros_work_when_the_attached_store_is_used(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
        connection.execute("USE other")
        found = connection.execute("FROM upstream('duckdb:///srv/sales.duckdb', 'sales.cleansing.customers')")
        assert found.fetchall() == [
            ("duckdb:///srv/sales.duckdb", "sales.landing.customers_ca_raw", 1),
            ("duckdb:///srv/sales.duckdb", "sales.landing.customers_us_raw", 1),
            ("file", "/srv/sales_platform/raw/customers_ca_raw.csv", 2),
            ("file", "/srv/sales_platform/raw/customers_us_raw.csv", 2),
        ]


def test_another_process_opens_the_store_with_plain_duckdb(path: Path) -> None:
    code = (
        "import duckdb, sys; store = duckdb.connect(sys.argv[1], read_only=True); "
        "print(store.execute('SELECT count(*) FROM edge').fetchone())"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, path], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "(10,)\n"


def test_the_store_has_the_storage_version_that_duckdb_1_5_reads(catalogue: duckdb.DuckDBPyConnection) -> None:
    found = catalogue.execute("SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert found == [("v1.5.0+",)]


def test_opening_a_store_again_makes_the_same_catalogue(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    shutil.copy(path, copy)
    with Store(copy) as again:
        assert again.migrated == []
    with Reader(path) as before, Reader(copy) as after:
        assert after.documentation() == before.documentation()
        assert after.digest() == before.digest()


def test_the_store_has_no_keys_and_no_indexes(catalogue: duckdb.DuckDBPyConnection) -> None:
    constraints = "SELECT DISTINCT constraint_type FROM duckdb_constraints() WHERE schema_name = 'store'"
    assert catalogue.execute(constraints).fetchall() == [("NOT NULL",)]
    assert catalogue.execute("SELECT index_name FROM duckdb_indexes()").fetchall() == []


# Records and tables


def test_every_record_is_of_some_table() -> None:
    records = {item for item in vars(rows).values() if isinstance(item, type) and issubclass(item, tuple)}
    assert {record for record, _ in TABLES.values()} == {record for record in records if hasattr(record, "_fields")}


@pytest.mark.parametrize("table", TABLES)
def test_the_fields_of_a_record_are_the_columns_of_its_table(catalogue: duckdb.DuckDBPyConnection, table: str) -> None:
    batch = arrow_table(table, [])
    given = {
        RENAMED.get(table, {}).get(name, name): kind
        for name, kind, *_ in described(duckdb.from_arrow(batch))
        if name not in USED_BY_THE_WRITE_ONLY.get(table, ())
    }
    stored = {column.name: column.type for column in columns(catalogue, "store") if column.object == table}
    made = MADE_BY_THE_WRITE.get(table, [])
    assert batch.column_names == list(TABLES[table][0]._fields)
    assert [*given, *made] == list(stored)
    # Arrow has whole numbers of one size here, the tables those that fit.
    assert {name: kind.replace("INTEGER", "BIGINT") for name, kind in stored.items() if name not in made} == given


def described(relation: duckdb.DuckDBPyRelation) -> list[tuple[str, str]]:
    return list(zip(relation.columns, map(str, relation.types), strict=True))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_of_a_batch_is_written_somewhere(table: str) -> None:
    assert [script.file for script in scripts("writes") if re.search(rf"\bbatch_{table}\b", script.sql)] != []


# The files


@pytest.mark.parametrize("script", FILES)
def test_a_file_begins_with_its_purpose_and_ends_its_statement(script: Script) -> None:
    assert re.match(r"-- [A-Z]", script.sql)
    assert script.sql.endswith(";\n")


@pytest.mark.parametrize(("script", "kind"), OBJECTS)
def test_a_file_makes_one_object_and_has_its_name(script: Script, kind: str) -> None:
    made = re.findall(r"^CREATE (\w+) (?:store\.)?(\w+)", script.sql, re.MULTILINE)
    assert made == [(kind, script.name)]


@pytest.mark.parametrize("script", [pytest.param(script, id=script.file) for script in scripts("writes")])
def test_a_write_fills_tidies_or_looks_up_what_it_is_named_for(script: Script) -> None:
    looked_up = re.findall(r"^CREATE OR REPLACE TEMP TABLE (\w+)", script.sql, re.MULTILINE)
    filled = re.findall(r"^(?:INSERT|MERGE) INTO store\.(\w+)", script.sql, re.MULTILINE)
    tidied = re.findall(r"^DELETE FROM store\.(\w+)", script.sql, re.MULTILINE)
    assert script.name in {*(filled or tidied), *looked_up}
    assert len(filled) == len(set(filled))


def test_what_a_write_depends_on_is_made_in_any_case_and_before() -> None:
    made: set[str] = set()
    conditions = []
    for part in (part for script in scripts("writes") for part in script.parts):
        if part.needs is None:
            made |= set(re.findall(r"^CREATE OR REPLACE TEMP TABLE (\w+)", part.sql, re.MULTILINE))
        else:
            conditions.append(part.needs)
            assert part.needs in made
    assert conditions == [
        "new_alias",
        "seen_too_often",
        "repeated",
        "run_known",
        "retold",
        "new_lineage_shape",
        "new_lineage_shape",
        "run_known",
        "shared_run",
        "outgrown",
    ]


@pytest.mark.parametrize("folders", [("migrations",), ("writes",), ("views", "macros")], ids=" and ".join)
def test_numbers_are_unique_and_of_one_width(folders: tuple[Folder, ...]) -> None:
    numbers = [script.order for script in scripts(*folders)]
    assert len(set(numbers)) == len(numbers)
    assert len({len(number) for number in numbers}) == 1
    assert sorted(numbers, key=int) == numbers


@pytest.mark.parametrize("script", FILES)
def test_keywords_are_upper_case(script: Script) -> None:
    assert re.findall(rf"\b({KEYWORDS})\b", code_of(script.sql)) == []


@pytest.mark.parametrize("script", FILES)
def test_no_file_makes_a_key_or_an_index(script: Script) -> None:
    assert re.findall(r"PRIMARY\s+KEY|FOREIGN\s+KEY|UNIQUE|INDEX|REFERENCES", code_of(script.sql)) == []


def code_of(sql: str) -> str:
    """Return SQL without its comments and strings."""
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", sql)


SOURCES = sorted((ROOT / "consumer").rglob("*.py"))
BEGINS_LIKE_SQL = re.compile(r"\s*(SELECT|FROM|WITH|INSERT|MERGE|UPDATE|DELETE|CREATE|COPY|ATTACH)\s")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.relative_to(ROOT).as_posix())
def test_sql_of_more_than_three_lines_stands_in_a_file_or_a_constant(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    bodies: list[ast.AST] = [node for node in tree.body if not isinstance(node, ast.Assign | ast.AnnAssign)]
    long = [text for body in bodies for text in texts(body) if BEGINS_LIKE_SQL.match(text) and lines(text) > 3]
    assert long == []


def texts(body: ast.AST) -> Iterator[str]:
    for node in ast.walk(body):
        value: Any = getattr(node, "value", None)
        if isinstance(node, ast.Constant) and isinstance(value, str):
            yield value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def lines(text: str) -> int:
    return text.strip().count("\n") + 1
