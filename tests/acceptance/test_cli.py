"""The command line as its users have it: a process with arguments, an environment, a folder, and three streams."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import duckdb
import pytest
import zstandard
from headwater import __version__
from headwater.cli import main
from headwater.core import is_compiled
from headwater.sources.captured import Message, encode
from headwater.store import Reader
from support import SALES, values_of

EVENTS = SALES / "events"
HEALTHY, BROKEN = EVENTS / "healthy_day.ndjson", EVENTS / "broken_day.ndjson"
SALES_DB = "duckdb:///srv/sales.duckdb"
HEADWATER = (sys.executable, "-W", "error", "-m", "headwater")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Done(NamedTuple):
    """What came of a command. Bytes that are not UTF-8 are kept as surrogates."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the JSON lines on stdout; NaN and Infinity are not JSON."""
        return [json.loads(line, parse_constant=_refuse) for line in self.out.splitlines()]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def headwater(
    folder: Path, *arguments: object, stdin: bytes = b"", variables: Mapping[str, str] = MappingProxyType({})
) -> Done:
    """Run a command in *folder*, with no settings but *variables*."""
    done = subprocess.run(
        [*HEADWATER, *map(str, arguments)], cwd=folder, env=environment(variables), input=stdin, capture_output=True
    )
    out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
    return Done(done.returncode, out, err)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what would change the output: settings, colours, Python's own."""
    unwanted = re.compile(r"HEADWATER_|NO_COLOR$|FORCE_COLOR$|COLUMNS$|LINES$|PYTHON(?!PATH$)")
    kept = {name: value for name, value in os.environ.items() if not unwanted.match(name)}
    return kept | {"TERM": "xterm-256color"} | dict(variables)


def explained(done: Done, code: int = 1) -> str:
    """Return the words of a command that failed in the way that users can understand."""
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in done.err
    assert done.err.startswith("headwater: ")
    return done.err


def digest(folder: Path) -> str:
    with Reader(folder / "lineage.duckdb") as reader:
        return reader.digest()


def rows(folder: Path, sql: str) -> list[dict[str, Any]]:
    with Reader(folder / "lineage.duckdb") as reader:
        return reader.query(sql).to_pylist()


def run_event(namespace: str, output: str) -> bytes:
    """Return an event of a run that wrote a dataset."""
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": "2026-11-22T06:00:00Z",
            "run": {"runId": f"{namespace}-{output}"},
            "job": {"namespace": "jobs", "name": f"load-{namespace}"},
            "inputs": [{"namespace": namespace, "name": "raw"}],
            "outputs": [{"namespace": namespace, "name": output}],
        }
    ).encode()


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose lineage.duckdb has the healthy and the broken day."""
    folder = tmp_path_factory.mktemp("sales")
    assert headwater(folder, "replay", HEALTHY, BROKEN) == (
        0,
        "",
        "Replayed 68 records: 68 events, 0 dead letters into lineage.duckdb.\n",
    )
    return folder


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose store has two datasets of one name."""
    folder = tmp_path_factory.mktemp("twins")
    events = b"\n".join([run_event("east", "shop.orders"), run_event("west", "shop.orders")])
    assert headwater(folder, "replay", "-", stdin=events).code == 0
    return folder


UNREADABLE = [
    (1, "invalid_json", b"not json"),
    (2, "not_an_event", b'{"a":1}'),
    (4, "invalid_utf8", b"\xff\xfe"),
    (5, "no_event_time", b'{"eventTime":"soon","run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}'),
    (6, "no_run_id", b'{"eventTime":"2026-11-22T06:00:00Z","run":{},"job":{"namespace":"n","name":"j"}}'),
]


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose store was made from a file with unreadable lines among the others."""
    folder = tmp_path_factory.mktemp("spoiled")
    lines = [line for _, _, line in UNREADABLE]
    lines.insert(2, run_event("east", "shop.orders"))
    lines.append(run_event("west", "shop.orders"))
    (folder / "mixed.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    assert headwater(folder, "replay", "mixed.ndjson") == (
        0,
        "",
        "Replayed 7 records: 2 events, 5 dead letters into lineage.duckdb.\nSee why with 'headwater dead-letters'.\n",
    )
    return folder


# The demo


def test_the_demo_of_the_broken_day_blames_the_landing_table(tmp_path: Path) -> None:
    done = headwater(tmp_path, "demo")
    assert (done.code, done.err) == (0, "Replaying healthy_day.ndjson …\nReplaying broken_day.ndjson …\n")
    assert re.findall(r"^→ (\d)\. (\S+)  field (\S+)", done.out, re.MULTILINE) == [
        ("1", "sales.landing.customers_ca_raw", "customer_id")
    ]
    assert (
        "     path      sales.landing.customers_ca_raw → sales.cleansing.customers → sales.data_mart.dim_customers\n"
    ) in done.out
    assert list(tmp_path.iterdir()) == []


HEALTHY_DEMO = """
The healthy day of the sales platform: sales.data_mart.dim_customers
Every check of it passed, and so did everything upstream that matters. There is nothing to explain.

"""


def test_the_demo_of_the_healthy_day_has_nothing_to_explain_and_keeps_its_store_if_asked(tmp_path: Path) -> None:
    assert headwater(tmp_path, "demo", "--day", "healthy", "--store", "kept.duckdb") == (
        0,
        HEALTHY_DEMO,
        "Replaying healthy_day.ndjson …\n",
    )
    with Reader(tmp_path / "kept.duckdb") as reader:
        assert reader.query("SELECT count(*) AS events FROM event").to_pylist() == [{"events": 34}]


# Replaying

EVERYTHING = values_of(HEALTHY, BROKEN)


def as_a_folder(folder: Path) -> Sequence[str]:
    (folder / "days" / "more").mkdir(parents=True)
    shutil.copy(HEALTHY, folder / "days")
    shutil.copy(BROKEN, folder / "days" / "more" / "broken_day.jsonl")
    return ["days"]


def as_gz(folder: Path) -> Sequence[str]:
    (folder / "both.ndjson.gz").write_bytes(gzip.compress(b"\n".join(EVERYTHING)))
    return ["both.ndjson.gz"]


def as_zst(folder: Path) -> Sequence[str]:
    (folder / "both.jsonl.zst").write_bytes(zstandard.compress(b"\n".join(EVERYTHING)))
    return ["both.jsonl.zst"]


def as_an_array(folder: Path) -> Sequence[str]:
    (folder / "both.json").write_bytes(b"[" + b",\n".join(EVERYTHING) + b"]")
    return ["both.json"]


def as_captured(folder: Path) -> Sequence[str]:
    messages = (Message("openlineage", 0, 7 + n, None, None, [], value) for n, value in enumerate(EVERYTHING))
    (folder / "captured.ndjson").write_bytes(b"\n".join(encode(message) for message in messages))
    return ["captured.ndjson"]


def as_two_files_the_other_way_round(_: Path) -> Sequence[str]:
    return [str(BROKEN), str(HEALTHY)]


@pytest.mark.parametrize(
    "given",
    [as_a_folder, as_gz, as_zst, as_an_array, as_captured, as_two_files_the_other_way_round],
    ids=lambda way: way.__name__,
)
def test_the_digest_is_the_same_however_the_events_are_given(
    sales: Path, tmp_path: Path, given: Callable[[Path], Sequence[str]]
) -> None:
    assert headwater(tmp_path, "replay", *given(tmp_path)) == (
        0,
        "",
        "Replayed 68 records: 68 events, 0 dead letters into lineage.duckdb.\n",
    )
    assert digest(tmp_path) == digest(sales)


def test_events_come_from_standard_input_too(sales: Path, tmp_path: Path) -> None:
    assert headwater(tmp_path, "replay", "-", stdin=b"\n".join(EVERYTHING)).code == 0
    assert headwater(tmp_path, "digest") == (0, f"{digest(sales)}\n", "")


def test_replaying_again_changes_nothing(sales: Path, tmp_path: Path) -> None:
    """The published store alone is enough to go on from."""
    shutil.copy(sales / "lineage.duckdb", tmp_path)
    assert headwater(tmp_path, "replay", BROKEN, HEALTHY).code == 0
    assert digest(tmp_path) == digest(sales)
    deliveries = "SELECT topic, outcome, count(*) AS records FROM delivery GROUP BY ALL ORDER BY ALL"
    assert (
        rows(tmp_path, deliveries)
        == rows(sales, deliveries)
        == [
            {"topic": "file:broken_day.ndjson", "outcome": "applied", "records": 34},
            {"topic": "file:healthy_day.ndjson", "outcome": "applied", "records": 34},
        ]
    )


def test_what_could_be_read_of_a_broken_file_is_folded(tmp_path: Path) -> None:
    whole, cut = gzip.compress(HEALTHY.read_bytes()), gzip.compress(BROKEN.read_bytes())[:20]
    (tmp_path / "days.ndjson.gz").write_bytes(whole + cut)
    said = explained(headwater(tmp_path, "replay", "days.ndjson.gz"))
    assert said.startswith("headwater: days.ndjson.gz: the compressed data is damaged or breaks off")
    assert rows(tmp_path, "SELECT count(*) AS events FROM event") == [{"events": 34}]


def test_a_path_that_cannot_be_replayed_is_named_and_makes_no_store(tmp_path: Path) -> None:
    assert explained(headwater(tmp_path, "replay", "none.ndjson")).startswith(
        "headwater: none.ndjson: there is no such"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "lineage.duckdb") as other:
        other.execute("CREATE TABLE precious AS SELECT 1 AS one")
    assert "not a Headwater store" in explained(headwater(tmp_path, "replay", HEALTHY))
    with duckdb.connect(tmp_path / "lineage.duckdb") as other:
        assert other.execute("FROM precious").fetchall() == [(1,)]


# Dead letters


def test_dead_letters_are_shown_with_their_place_and_reason(spoiled: Path) -> None:
    done = headwater(spoiled, "dead-letters")
    assert (done.code, done.err) == (0, "")
    assert [(row["topic"], row["source_offset"], row["reason"]) for row in done.rows] == [
        ("file:mixed.ndjson", offset, reason) for offset, reason, _ in UNREADABLE
    ]


def test_raw_dead_letters_are_the_bytes_that_came(spoiled: Path) -> None:
    done = headwater(spoiled, "dead-letters", "--raw")
    assert done.out.encode("utf-8", "surrogateescape") == b"".join(line + b"\n" for _, _, line in UNREADABLE)


def test_a_raw_record_of_which_two_elements_are_unreadable_is_printed_once(tmp_path: Path) -> None:
    assert headwater(tmp_path, "replay", "-", stdin=b"[1, 2]\n").code == 0
    assert headwater(tmp_path, "dead-letters", "--raw").out == "[1, 2]\n"


def test_the_doctor_says_what_was_noticed_and_what_to_do(spoiled: Path) -> None:
    done = headwater(spoiled, "doctor")
    assert (done.code, done.err) == (0, "")
    assert [(row["severity"], row["kind"], row["subject"], row["count"]) for row in done.rows] == [
        ("error", "dead_letter", "invalid_json", 1),
        ("error", "dead_letter", "invalid_utf8", 1),
        ("error", "dead_letter", "no_event_time", 1),
        ("error", "dead_letter", "no_run_id", 1),
        ("error", "dead_letter", "not_an_event", 1),
        ("info", "odd_run_id", "runs", 2),
    ]
    assert headwater(spoiled, "doctor", "--format", "csv").out.splitlines()[:2] == [
        "severity,kind,subject,count,example,advice",
        "error,dead_letter,invalid_json,1,file:mixed.ndjson 0 1: JSON is malformed: invalid character (byte 4),"
        '"Look at them with headwater dead-letters; once the producer is mended, replay them."',
    ]


def test_the_doctor_waits_for_the_end_of_a_run_as_long_as_it_is_told(tmp_path: Path) -> None:
    start = json.loads(run_event("east", "orders")) | {"eventType": "START"}
    later = json.loads(run_event("west", "orders")) | {"eventTime": "2026-11-22T16:00:00Z"}
    headwater(tmp_path, "replay", "-", stdin=json.dumps([start, later]).encode())

    def endless(*arguments: object) -> list[str]:
        rows = headwater(tmp_path, "doctor", *arguments).rows
        return [row["example"] for row in rows if row["kind"] == "endless_run"]

    assert (endless(), endless("--stale-after", 9), endless("--stale-after", 10)) == ([], ["east-orders"], [])


def test_the_doctor_who_noticed_nothing_says_so(tmp_path: Path) -> None:
    headwater(tmp_path, "replay", "-")
    assert headwater(tmp_path, "doctor", "--format", "json") == (0, "", "Nothing was noticed.\n")


# Printing

VALUES = "SELECT 1 AS a, 'é, \"x\"' AS b, NULL AS c, ['p', 'q'] AS d, TIMESTAMPTZ '2026-11-22 06:00:00Z' AS e"

VALUES_TABLE = """\
┏━━━┳━━━━━━━━┳━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━┓
┃ a ┃ b      ┃ c ┃ d     ┃ e                    ┃
┡━━━╇━━━━━━━━╇━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━┩
│ 1 │ é, "x" │   │ p → q │ 2026-11-22T06:00:00Z │
└───┴────────┴───┴───────┴──────────────────────┘
"""


@pytest.mark.parametrize(
    ("format_", "printed"),
    [
        ("json", '{"a": 1, "b": "é, \\"x\\"", "c": null, "d": ["p", "q"], "e": "2026-11-22T06:00:00Z"}\n'),
        ("csv", 'a,b,c,d,e\n1,"é, ""x""",,p → q,2026-11-22T06:00:00Z\n'),
        (
            "table",
            VALUES_TABLE,
        ),
    ],
)
def test_a_result_is_printed_in_the_format_that_is_asked_for(sales: Path, format_: str, printed: str) -> None:
    assert headwater(sales, "query", VALUES, "--format", format_) == (0, printed, "")


def test_a_query_comes_from_standard_input_and_json_lines_are_for_programs(sales: Path) -> None:
    sql = b"SELECT state, count(*) AS runs FROM run GROUP BY ALL ORDER BY ALL"
    assert headwater(sales, "query", "-", stdin=sql).rows == [
        {"state": "COMPLETE", "runs": 29},
        {"state": "FAIL", "runs": 5},
    ]


def test_the_format_can_be_a_variable(sales: Path) -> None:
    assert headwater(sales, "query", "SELECT 1 AS a", variables={"HEADWATER_FORMAT": "csv"}) == (0, "a\n1\n", "")


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("'nan'::DOUBLE", "nan"),
        ("'infinity'::TIMESTAMPTZ", "infinity"),
        ("TIMESTAMP_NS '2026-11-22 06:00:00.123456789'", "2026-11-22T06:00:00.123456789"),
        (
            "{'day': DATE '2026-11-22', 'bytes': '\\xAA'::BLOB, 'amount': 1.50, 'missing': NULL}",
            {"day": "2026-11-22", "bytes": "\\xaa", "amount": "1.50", "missing": None},
        ),
    ],
)
def test_a_value_that_json_has_no_type_for_is_printed_as_text(sales: Path, value: str, printed: object) -> None:
    done = headwater(sales, "query", f"SELECT {value} AS value")
    assert (done.code, done.err) == (0, "")
    assert done.rows == [{"value": printed}]


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_columns_of_one_name_are_all_printed(sales: Path, format_: str) -> None:
    done = headwater(sales, "query", "SELECT 'first' AS name, 'second' AS name", "--format", format_)
    assert (done.code, done.err) == (0, "")
    assert "first" in done.out
    assert "second" in done.out


@pytest.mark.parametrize("format_", ["json", "csv", "table"])
@pytest.mark.parametrize("count", [1, 3_000], ids=["before the first line", "after it"])
def test_a_reader_that_has_seen_enough_ends_the_command_in_silence(sales: Path, format_: str, count: int) -> None:
    sql = f"SELECT repeat('x', 100) AS x FROM range({count})"  # less than a buffer, or more than a pipe holds
    with subprocess.Popen(
        [*HEADWATER, "query", sql, "--format", format_],
        cwd=sales,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if count > 1:
            process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)


def on_a_terminal(folder: Path, *arguments: str, **variables: str) -> str:
    """Return what a command prints on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [*HEADWATER, *arguments], cwd=folder, env=environment(variables), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    printed = b""
    while piece := _read(ours):
        printed += piece
    os.close(ours)
    assert process.wait() == 0
    return printed.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other side was closed
        return b""


TABLE = """\
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━┓
┃ namespace                  ┃ name                             ┃ depth ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━┩
│ duckdb:///srv/sales.duckdb │ sales.cleansing.customer_address │ 1     │
│ duckdb:///srv/sales.duckdb │ sales.cleansing.customers        │ 1     │
└────────────────────────────┴──────────────────────────────────┴───────┘
"""


def test_a_table_is_drawn_on_a_terminal(sales: Path) -> None:
    printed = on_a_terminal(sales, "upstream", "dim_customers", "--depth", "1")
    assert ANSI.search(printed)
    assert ANSI.sub("", printed) == TABLE


def test_no_color_takes_the_codes_out_of_the_table(sales: Path) -> None:
    assert on_a_terminal(sales, "upstream", "dim_customers", "--depth", "1", NO_COLOR="1") == TABLE


# Reading only


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO store.job VALUES (1, 'n', 'j')",
        "COPY edge TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "FROM read_csv('secret.csv')",
        "SET enable_external_access = true; FROM 'secret.csv'",
    ],
)
def test_a_query_neither_changes_the_store_nor_touches_other_files(sales: Path, tmp_path: Path, sql: str) -> None:
    store = tmp_path / "lineage.duckdb"
    shutil.copy(sales / "lineage.duckdb", store)
    (tmp_path / "secret.csv").write_text("word\nhush-hush\n", encoding="utf-8")
    before = store.read_bytes()
    assert "hush-hush" not in explained(headwater(tmp_path, "query", sql))
    assert store.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lineage.duckdb", "secret.csv"]


def test_wrong_sql_is_explained(sales: Path) -> None:
    assert "nothing_of_this_name" in explained(headwater(sales, "query", "FROM nothing_of_this_name"))


# Walking


UPSTREAM = """\
namespace,name,depth
duckdb:///srv/sales.duckdb,sales.cleansing.customer_address,1
duckdb:///srv/sales.duckdb,sales.cleansing.customers,1
duckdb:///srv/sales.duckdb,sales.landing.customer_address_ca_raw,2
duckdb:///srv/sales.duckdb,sales.landing.customer_address_us_raw,2
duckdb:///srv/sales.duckdb,sales.landing.customers_ca_raw,2
duckdb:///srv/sales.duckdb,sales.landing.customers_us_raw,2
file,/srv/sales_platform/raw/customer_address_ca_raw.csv,3
file,/srv/sales_platform/raw/customer_address_us_raw.csv,3
file,/srv/sales_platform/raw/customers_ca_raw.csv,3
file,/srv/sales_platform/raw/customers_us_raw.csv,3
"""

DOWNSTREAM = """\
namespace,name,depth
duckdb:///srv/sales.duckdb,sales.cleansing.customers,1
duckdb:///srv/sales.duckdb,sales.data_mart.dim_customers,2
"""


def test_upstream_takes_the_unique_ending_of_a_name(sales: Path) -> None:
    assert headwater(sales, "upstream", "dim_customers", "--format", "csv") == (0, UPSTREAM, "")


def test_downstream_is_the_mirror(sales: Path) -> None:
    assert headwater(sales, "downstream", "landing.customers_ca_raw", "--format", "csv") == (0, DOWNSTREAM, "")


def test_the_graph_before_the_first_event_is_empty(sales: Path) -> None:
    assert headwater(sales, "upstream", "dim_customers", "--as-of", "2026-11-22T15:33:00Z") == (0, "", "")


@pytest.mark.parametrize("verb", ["upstream", "downstream", "root-cause"])
def test_an_ambiguous_ending_is_answered_with_the_names(twins: Path, verb: str) -> None:
    assert explained(headwater(twins, verb, "orders")) == (
        "headwater: 2 datasets are called 'orders': shop.orders (east), shop.orders (west). Give more of the name, or "
        "--namespace.\n"
    )


def test_the_namespace_tells_datasets_of_one_name_apart(twins: Path) -> None:
    assert headwater(twins, "upstream", "orders", "--namespace", "west").rows == [
        {"namespace": "west", "name": "raw", "depth": 1}
    ]


def test_an_unknown_name_is_answered_with_the_closest(twins: Path) -> None:
    said = explained(headwater(twins, "root-cause", "shop.order"))
    assert said.startswith(
        "headwater: No dataset is called 'shop.order'. The closest are: shop.orders (east), shop.orders (west)"
    )


def test_a_misspelt_ending_is_answered_with_the_name_that_was_meant(sales: Path) -> None:
    said = explained(headwater(sales, "upstream", "dim_customer"))
    assert f"The closest are: sales.data_mart.dim_customers ({SALES_DB})" in said


def test_a_name_that_only_another_namespace_has_is_not_called_unknown_everywhere(twins: Path) -> None:
    assert "north" in explained(headwater(twins, "upstream", "orders", "--namespace", "north"))


# The root cause


CAUSE = {
    "rank": 1,
    "kind": "failed_check",
    "namespace": SALES_DB,
    "name": "sales.landing.customers_ca_raw",
    "field": "customer_id",
    "job_namespace": "sales",
    "job_name": "ingest.customers_ca_raw",
    "run_id": "01a203e3-dff9-7e21-b66c-50f639c87177",
    "bad_since": "2026-11-22T15:33:15.390133Z",
    "depth": 2,
    "path": ["sales.landing.customers_ca_raw", "sales.cleansing.customers", "sales.data_mart.dim_customers"],
}


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--field", "customer_id", "--check", "unique_dim_customers_customer_id"],
        ["--namespace", SALES_DB, "--as-of", "2026-11-22T15:33:25Z"],
    ],
    ids=" ".join,
)
def test_the_root_cause_is_the_landing_table(sales: Path, options: list[str]) -> None:
    done = headwater(sales, "root-cause", "dim_customers", *options)
    assert (done.code, done.err) == (0, "")
    assert {name: done.rows[0][name] for name in CAUSE} == CAUSE


@pytest.mark.parametrize(
    "options",
    [
        ["--field", "city"],  # nothing is wrong with it
        ["--check", "not_null_dim_customers_city"],  # it passed
        ["--as-of", "2026-11-22T15:33:20Z"],  # before the check failed
    ],
    ids=" ".join,
)
def test_without_a_failure_there_is_no_root_cause(sales: Path, options: list[str]) -> None:
    assert headwater(sales, "root-cause", "dim_customers", *options) == (
        0,
        "",
        "Nothing at or upstream of sales.data_mart.dim_customers explains a failure.\n",
    )


def test_a_failure_that_nothing_explains_is_said_to_be_one(sales: Path) -> None:
    assert headwater(sales, "root-cause", "customers_ca_raw", "--field", "customer_id") == (
        0,
        "",
        "sales.landing.customers_ca_raw fails source_unique_landing_customers_ca_raw_customer_id, and nothing that is "
        "known at or upstream of it explains that better than a false alarm. Look at the run that loaded it first.\n",
    )


@pytest.mark.parametrize(("option", "name"), [("--field", "customer_name"), ("--check", "unique")])
def test_a_field_or_check_that_is_not_there_is_answered_with_those_that_are(
    sales: Path, option: str, name: str
) -> None:
    said = explained(headwater(sales, "root-cause", "dim_customers", option, name))
    assert said.startswith(f"headwater: sales.data_mart.dim_customers has no {option[2:]} {name!r}. It has: ")
    assert "customer_id" in said


def test_the_path_can_be_drawn_for_mermaid(sales: Path) -> None:
    done = headwater(sales, "root-cause", "dim_customers", "--field", "customer_id", "--format", "mermaid")
    assert done.out.startswith(
        'flowchart LR\n    n0["sales.landing.customers_ca_raw"]\n    n1["sales.cleansing.customers"]\n'
        '    n2["sales.data_mart.dim_customers"]\n'
    )
    assert "    n0 --> n1\n    n1 --> n2\n" in done.out
    assert done.out.endswith("    class n2 symptom\n    class n0 cause\n")


def test_the_path_can_be_drawn_for_graphviz(sales: Path) -> None:
    done = headwater(sales, "root-cause", "dim_customers", "--field", "customer_id", "--format", "dot")
    assert done.out.startswith("digraph causes {\n    rankdir=LR;\n")
    assert '    n0 [label="sales.landing.customers_ca_raw", fillcolor="#f8d7da"];\n' in done.out
    assert "    n1 -> n2;\n" in done.out


def test_the_page_needs_nothing_from_elsewhere(sales: Path) -> None:
    page = headwater(sales, "root-cause", "dim_customers", "--field", "customer_id", "--format", "html").out
    assert "<h1>What broke sales.data_mart.dim_customers</h1>" in page
    assert re.findall(r"<h2>1\. (\S+) ", page) == ["sales.landing.customers_ca_raw"]
    assert re.findall(r"src=|href=|url\(|@import|<script", page) == []


def test_a_score_is_explained_by_its_parts_and_reasons(sales: Path) -> None:
    parts = headwater(sales, "root-cause", "dim_customers", "--field", "customer_id", "--explain").rows
    first = {row["part"]: row["reason"] for row in parts if row["rank"] == 1}
    assert first["failed_check"] == ("A failure counts for as much as it is rare in the history of this very check.")
    assert set(first) == {"failed_check", "explains", "path"}


def test_the_blast_radius_says_how_bad_it_is(sales: Path) -> None:
    done = headwater(sales, "blast-radius", "landing.customers_ca_raw", "--field", "customer_id")
    assert [(row["name"], row["field"], row["depth"], row["current_severity"]) for row in done.rows] == [
        ("sales.cleansing.customers", "customer_id", 1, "error"),
        ("sales.data_mart.dim_customers", "customer_id", 2, "error"),
    ]


def test_a_moment_that_is_none_is_a_mistake_of_usage(sales: Path) -> None:
    done = headwater(sales, "root-cause", "dim_customers", "--as-of", "yesterday")
    assert (done.code, done.out) == (2, "")
    assert "--as-of" in done.err


# Settings and mistakes


@pytest.mark.parametrize(
    "command",
    [
        ["query", "FROM edge"],
        ["root-cause", "orders"],
        ["dead-letters"],
        ["doctor"],
        ["migrate", "--check"],
    ],
    ids=" ".join,
)
def test_without_a_store_a_command_says_how_to_get_one(tmp_path: Path, command: list[str]) -> None:
    assert explained(headwater(tmp_path, *command)) == (
        "headwater: There is no store at lineage.duckdb. Make one with 'headwater replay PATH…' or 'headwater "
        "consume', or name another with --store.\n"
    )


@pytest.mark.parametrize(
    "arguments", [["frob"], ["digest", "--frob"], ["query", "SELECT 1", "--format", "xml"]], ids=" ".join
)
def test_a_wrong_command_is_a_mistake_of_usage(tmp_path: Path, arguments: list[str]) -> None:
    done = headwater(tmp_path, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: python -m headwater ")


NO_THREADS = (
    "headwater: The setting threads makes no sense: Input should be greater than or equal to 1. It comes from "
    "--threads, HEADWATER_THREADS or headwater.toml.\n"
)


def test_a_setting_out_of_range_is_named_with_its_flag_variable_and_file(tmp_path: Path) -> None:
    assert explained(headwater(tmp_path, "replay", HEALTHY, "--threads", "0"), code=2) == NO_THREADS
    assert explained(headwater(tmp_path, "replay", HEALTHY, variables={"HEADWATER_THREADS": "0"}), code=2) == NO_THREADS
    (tmp_path / "headwater.toml").write_text("threads = 0\n", encoding="utf-8")
    assert explained(headwater(tmp_path, "replay", HEALTHY), code=2) == NO_THREADS


def test_a_file_of_settings_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "headwater.toml").write_text('{"threads": 1}\n', encoding="utf-8")
    assert "headwater.toml" in explained(headwater(tmp_path, "digest"), code=2)


def test_a_setting_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "headwater.toml").write_text("frob = 1\n", encoding="utf-8")
    assert "frob" in explained(headwater(tmp_path, "digest"), code=2)


def test_a_flag_beats_a_variable_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    """The store that is missing is the one that was looked for."""

    def looked_for(*arguments: str, **variables: str) -> str:
        said = explained(headwater(tmp_path, "digest", *arguments, variables=variables))
        return said.removeprefix("headwater: There is no store at ").partition(". ")[0]

    assert looked_for() == "lineage.duckdb"
    (tmp_path / "headwater.toml").write_text('store = "file.duckdb"\n', encoding="utf-8")
    assert looked_for() == "file.duckdb"
    assert looked_for(HEADWATER_STORE="variable.duckdb") == "variable.duckdb"
    assert looked_for("--store", "flag.duckdb", HEADWATER_STORE="variable.duckdb") == "flag.duckdb"


# Keeping the store


@pytest.fixture(scope="module")
def schema(sales: Path) -> list[dict[str, Any]]:
    """Return what `headwater schema` prints."""
    done = headwater(sales, "schema")
    assert (done.code, done.err) == (0, "")
    return done.rows


def test_the_schema_shows_every_view_column_and_macro_with_its_meaning(
    sales: Path, schema: list[dict[str, Any]]
) -> None:
    with Reader(sales / "lineage.duckdb") as reader:
        documented = reader.documentation()
    shown = {(row["kind"], row["name"], row["column"], row["comment"]) for row in schema}
    for thing in documented:
        if thing.kind == "view":
            assert {("view", thing.name, column, meaning) for column, _, meaning in thing.columns} <= shown
        else:
            assert thing.comment in {
                comment for kind, name, _, comment in shown if (kind, name) == ("macro", thing.name)
            }


def test_the_schema_shows_the_columns_of_a_view_in_their_order(schema: list[dict[str, Any]]) -> None:
    shown = [row["column"] for row in schema if row["name"] == "dataset_alias"]
    names = ["namespace", "name", "alias_namespace", "alias_name", "alias_type"]
    assert [column for column in shown if column in names] == names


def test_the_schema_says_what_a_view_is(schema: list[dict[str, Any]]) -> None:
    comments = [row["comment"] for row in schema if row["name"] == "dataset_alias"]
    assert "The other names of datasets. Views show the canonical one; every name finds the dataset." in comments


def test_the_ddl_makes_the_same_views_in_plain_duckdb(sales: Path, tmp_path: Path) -> None:
    ddl = headwater(tmp_path, "schema", "--ddl")
    assert (ddl.code, ddl.err) == (0, "")
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    with duckdb.connect() as plain, duckdb.connect(sales / "lineage.duckdb", read_only=True) as store:
        plain.execute(ddl.out)
        assert plain.execute(views).fetchall() == store.execute(views).fetchall()


def test_migrate_says_what_it_would_do_and_does_it_only_when_asked(sales: Path, tmp_path: Path) -> None:
    shutil.copy(sales / "lineage.duckdb", tmp_path)
    assert headwater(tmp_path, "migrate", "--check") == (0, "", "The store is up to date.\n")
    with duckdb.connect(tmp_path / "lineage.duckdb") as store:
        store.execute("DELETE FROM store.migration WHERE name = '0003_arrivals'")
    assert headwater(tmp_path, "migrate", "--check") == (1, "0003_arrivals\n", "")
    with duckdb.connect(tmp_path / "lineage.duckdb") as store:
        for table in ("duplicate", "dead_letter", "kafka_offset", "gap"):
            store.execute(f"DROP TABLE store.{table}")
    assert headwater(tmp_path, "migrate") == (
        0,
        "0003_arrivals\n",
        "The store lineage.duckdb is up to date: 1 migrations applied.\n",
    )
    assert digest(tmp_path) == digest(sales)


@pytest.mark.parametrize("command", [["replay", HEALTHY], ["migrate", "--check"]], ids=["replay", "migrate"])
def test_a_store_of_a_newer_headwater_is_left_alone(sales: Path, tmp_path: Path, command: list[object]) -> None:
    store = tmp_path / "lineage.duckdb"
    shutil.copy(sales / "lineage.duckdb", store)
    with duckdb.connect(store) as newer:
        newer.execute("INSERT INTO store.migration VALUES ('9999_later', '', '2027-01-01 00:00:00Z')")
    before = store.read_bytes()
    assert "newer Headwater" in explained(headwater(tmp_path, *command))
    assert store.read_bytes() == before


# Help


@pytest.mark.parametrize("command", ["", *main.commands])
def test_help_names_every_variable_and_has_no_codes(tmp_path: Path, command: str) -> None:
    done = headwater(tmp_path, *filter(None, [command]), "--help")
    assert (done.code, done.err) == (0, "")
    parameters = main.commands[command].params if command else []
    assert set(re.findall(r"HEADWATER_\w+", done.out)) == {str(option.envvar) for option in parameters if option.envvar}
    assert not ANSI.search(done.out)


def test_the_help_lists_the_commands_and_keeps_its_examples_on_their_lines(tmp_path: Path) -> None:
    done = headwater(tmp_path, "--help")
    assert re.findall(r"^  ([a-z-]+)  ", done.out.partition("Commands:\n")[2], re.MULTILINE) == list(main.commands)
    assert re.search(r"^ +headwater root-cause dim_customers  +ask$", done.out, re.MULTILINE)


def test_the_help_is_there_at_once_because_it_imports_nothing_but_click() -> None:
    """No clock: on a busy machine it would tell about the machine."""
    script = "import sys; from headwater.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    before = modules_after("import sys; print(*sys.modules)")
    imported = modules_after(script) - before
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"click", "headwater"}
    assert {name for name in imported if name.startswith("headwater")} == {
        "headwater",
        "headwater.cli",
        "headwater.cli.main",
        "headwater.errors",
    }
    assert "asyncio" not in imported


def modules_after(script: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    core = "Rust" if is_compiled() else "Python"
    assert headwater(tmp_path, "--version") == (0, f"headwater, version {__version__}, core in {core}\n", "")


def test_a_query_may_begin_with_a_comment(sales: Path) -> None:
    assert headwater(sales, "query", "-- how many\nSELECT 1 AS one").rows == [{"one": 1}]


def test_a_store_that_somebody_owns_is_not_written(sales: Path, tmp_path: Path) -> None:
    """The store may be closed for a moment while its owner puts another file in its place."""
    with (tmp_path / ".lineage.live.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = headwater(tmp_path, "replay", HEALTHY)

    assert explained(done) == (
        "headwater: Another process is writing to lineage.duckdb: only one sidecar can own a store. End that process, "
        "or give this one a store of its own with --store.\n"
    )


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    """As root, who may write everywhere, a file in the place of the folder has to do."""
    (tmp_path / "data").touch()
    done = headwater(tmp_path, "replay", HEALTHY, "--store", "data/lineage.duckdb")

    assert explained(done) == (
        f"headwater: The folder of data/lineage.duckdb cannot be written by this user (number {os.getuid()}): File "
        "exists. Give the folder to that user, or name another file with --store.\n"
    )


def test_a_refold_that_cannot_be_done_leaves_the_store_as_it_is(tmp_path: Path) -> None:
    event = json.loads(run_event("db", "t")) | {"eventTime": "0001-01-01T00:00:00"}
    headwater(tmp_path, "replay", "-", stdin=json.dumps(event).encode())
    before = digest(tmp_path)

    done = headwater(tmp_path, "migrate", "--refold", "--naive-time-zone", "Asia/Tokyo")

    assert "cannot be folded by these settings: eventTime is '0001-01-01T00:00:00'" in explained(done)
    assert digest(tmp_path) == before
