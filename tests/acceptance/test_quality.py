"""The verbs about data quality, as a person or a script sees them; and the webhook of a running sidecar."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from headwater.cli import main
from headwater.cli.running import run_loop
from headwater.inbox import inbox_path, leave
from headwater.settings import settings
from headwater.sources.files import FileSource
from headwater.store import IncidentAction, Reader, Store, live_path
from http_server import Server
from support import SALES

DAYS = [str(SALES / "events" / f"{day}_day.ndjson") for day in ("healthy", "broken")]
DUPLICATE = "b1688ec6c8be"  # the incident of the id that is there twice
NO_EMAIL = "42bd0f3a4b3d"


def headwater(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return the store of a healthy and a broken day."""
    path = tmp_path / "lineage.duckdb"
    assert headwater("replay", *DAYS, "--store", path).exit_code == 0
    return path


# status


def test_status_lists_datasets_with_the_worst_first(store: Path) -> None:
    found = lines(headwater("status", "--store", store))

    assert [(row["name"].removeprefix("sales."), row["current_severity"]) for row in found[:4]] == [
        ("cleansing.customers", "error"),
        ("data_mart.dim_customers", "error"),
        ("landing.customers_ca_raw", "error"),
        ("cleansing.customer_address", "valid"),
    ]
    assert {row["current_severity"] for row in found[4:]} == {"valid", None}
    assert list(found[0]) == [
        "namespace",
        "name",
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
    ]


def test_status_of_one_dataset_by_dimension(store: Path) -> None:
    found = headwater("status", "customers_ca_raw", "--by", "dimension", "--store", store, "--format", "csv")

    assert [line.split(",")[1:5] for line in found.stdout.splitlines()] == [
        ["name", "dimension", "current_severity", "highest_severity"],
        ["sales.landing.customers_ca_raw", "Uniqueness", "error", "error"],
        ["sales.landing.customers_ca_raw", "Completeness", "warning", "warning"],
    ]


def test_status_by_field_shows_what_is_bad_enough(store: Path) -> None:
    found = lines(headwater("status", "--by", "field", "--min-severity", "error", "--store", store))

    assert [(row["name"].removeprefix("sales."), row["field"]) for row in found] == [
        ("cleansing.customers", "customer_id"),
        ("data_mart.dim_customers", "customer_id"),
        ("landing.customers_ca_raw", "customer_id"),
    ]


def test_the_table_has_a_dot_for_each_dimension(store: Path) -> None:
    found = headwater("status", "--store", store, "--format", "table").stdout.splitlines()
    rows = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in found if line[0] in "│┃"]

    assert rows[0][:7] == ["name", "severity", "Completeness", "Validity", "Consistency", "Integrity", "Uniqueness"]
    assert {
        row[0]: row[1:10] for row in rows if row[0] in ("sales.landing.customers_ca_raw", "sales.cleansing.customers")
    } == {
        "sales.cleansing.customers": ["■ error", "▲", "●", "○", "○", "■", "4", "2", "75.0 %"],
        "sales.landing.customers_ca_raw": ["■ error", "▲", "○", "○", "○", "■", "3", "2", "66.7 %"],
    }


def test_status_of_a_dataset_that_is_not_there_names_the_closest(store: Path) -> None:
    found = headwater("status", "dim_custommers", "--store", store)

    assert found.exit_code == 1
    assert "sales.data_mart.dim_customers" in found.stderr


# incidents


def test_incidents_lists_those_that_somebody_must_see_to(store: Path) -> None:
    found = lines(headwater("incidents", "--store", store))

    assert [(row["incident_id"], row["name"], row["field"], row["severity"], row["status"]) for row in found] == [
        (DUPLICATE, "sales.landing.customers_ca_raw", "customer_id", "error", "open"),
        (NO_EMAIL, "sales.landing.customers_ca_raw", "email", "warning", "open"),
    ]


@pytest.mark.parametrize(
    ("verb", "state", "shown"),
    [("ack", "acknowledged", True), ("resolve", "resolved", False), ("mute", "muted", False)],
)
def test_what_is_done_about_an_incident_is_published(store: Path, verb: str, state: str, shown: bool) -> None:
    done = headwater("incidents", verb, DUPLICATE[:4], "--note", "asked the vendor", "--actor", "ada", "--store", store)

    assert (done.exit_code, done.stderr) == (0, f"Incident {DUPLICATE} is {state}.\n")
    found = {row["incident_id"]: row for row in lines(headwater("incidents", "--status", "all", "--store", store))}
    assert (found[DUPLICATE]["status"], found[DUPLICATE]["actor"], found[DUPLICATE]["note"]) == (
        state,
        "ada",
        "asked the vendor",
    )
    listed = lines(headwater("incidents", "--store", store))
    assert (DUPLICATE in {row["incident_id"] for row in listed}) == shown


def test_an_incident_is_shown_with_what_is_likely_to_have_broken_it(store: Path) -> None:
    (shown,) = lines(headwater("incidents", "show", DUPLICATE[:3], "--store", store))
    best = shown["root_causes"][0]

    assert (shown["incident_id"], shown["name"], len(shown["checks"])) == (
        DUPLICATE,
        "sales.landing.customers_ca_raw",
        4,
    )
    assert (best["name"], best["field"], best["job_name"]) == (
        "sales.landing.customers_ca_raw",
        "customer_id",
        "ingest.customers_ca_raw",
    )


def test_on_a_terminal_an_incident_is_shown_as_tables_of_it_its_checks_and_its_causes(store: Path) -> None:
    shown = headwater("incidents", "--store", store, "show", DUPLICATE, "--format", "table").stdout
    titles = [line.split("┃")[1].strip() for line in shown.splitlines() if line.startswith("┃")]

    assert titles == ["id", "name", "rank"]
    assert shown.count("source_unique_landing_customers_ca_raw_customer_id") == 2  # a check, and evidence


def test_an_incident_that_is_over_is_explained_as_of_its_newest_failure(store: Path, tmp_path: Path) -> None:
    repaired = [
        {"check_name": f"unique_{name}", "dataset": name, "field": "id", "status": status, "executed_at": at}
        for name in ("landing.customers_ca_raw", "dim_customers")
        for status, at in (("failed", "2026-11-22T15:34:00Z"), ("passed", "2026-11-23T06:00:00Z"))
    ]
    file = tmp_path / "results.jsonl"
    file.write_text("\n".join(json.dumps({"check_kind": "sums_up", **line}) for line in repaired))
    assert headwater("import", "json", file, "--store", store).exit_code == 0
    (over,) = lines(headwater("incidents", "--status", "resolved", "--store", store))
    (shown,) = lines(headwater("incidents", "show", over["incident_id"], "--store", store))

    assert shown["resolved_at"] == "2026-11-23T06:00:00Z"
    assert shown["root_causes"][0]["name"] == "sales.landing.customers_ca_raw"


def test_the_store_may_be_named_before_the_verb(store: Path) -> None:
    done = headwater("incidents", "--store", store, "mute", NO_EMAIL)

    assert done.exit_code == 0, done.output
    assert [row["status"] for row in lines(headwater("incidents", "--status", "muted", "--store", store))] == ["muted"]


@pytest.mark.parametrize(
    ("incident_id", "message"),
    [
        ("ffff", "No incident begins with 'ffff'. 'headwater incidents --status all' lists all of them."),
        ("", "2 incidents begin with ''"),
    ],
)
def test_an_id_that_is_no_incidents_changes_nothing(store: Path, incident_id: str, message: str) -> None:
    done = headwater("incidents", "ack", incident_id, "--store", store)

    assert done.exit_code == 1
    assert message in done.stderr


def test_no_store_is_made_for_an_incident_that_cannot_be_there(tmp_path: Path) -> None:
    done = headwater("incidents", "ack", "b168", "--store", tmp_path / "none.duckdb")

    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_how_soon_an_incident_reopens_is_kept_until_somebody_sets_it_again(store: Path) -> None:
    for more in (["--incident-reopens-within", "60"], [], ["--incident-reopens-within", "60"]):
        assert headwater("replay", DAYS[0], "--store", store, *more).exit_code == 0

    with Store(live_path(store)) as live:
        assert live.database.rows("SELECT reopens_within_seconds FROM store.incident_rule") == [(60.0,)]


# The webhook of a running sidecar


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.close()


def run_sidecar(store: Path, server: Server, *paths: str, **more: Any) -> None:
    """Run the loop of the sidecar to the end of some files."""
    chosen = settings(store=store, webhook_url=server.url, **more)
    run_loop(chosen, FileSource(paths), keeps_offsets=False, stopping=lambda: False, tells=True)


def test_the_sidecar_tells_of_each_incident_once_whatever_it_folds_again(tmp_path: Path, server: Server) -> None:
    store = tmp_path / "lineage.duckdb"
    for paths in (DAYS, DAYS, DAYS[1:]):
        run_sidecar(store, server, *paths)

    # Six checks of three tables failed: one message. The warning is not bad enough.
    assert [body["incident_id"] for _, _, body in server.requests] == [DUPLICATE]
    assert server.requests[0][2]["text"] == (
        "error: 4 checks of 3 datasets failed; the cause is sales.landing.customers_ca_raw (customer_id, Uniqueness), "
        "since 2026-11-22T15:33:24.283880Z. Affected: sales.cleansing.customers, sales.data_mart.dim_customers."
    )


def test_what_the_webhook_missed_it_is_told_by_the_next_sidecar(tmp_path: Path, server: Server) -> None:
    store = tmp_path / "lineage.duckdb"
    server.answers = [(503, {}), (200, {})]
    run_sidecar(store, server, *DAYS)
    with Reader(store) as reader:
        folded = reader.query("SELECT count(*) AS failed FROM check_result WHERE status = 'failed'").to_pylist()
    run_sidecar(store, server, DAYS[0])

    assert folded == [{"failed": 6}]
    assert [body["incident_id"] for _, _, body in server.requests] == [DUPLICATE, DUPLICATE]


def test_what_somebody_muted_is_not_told(store: Path, server: Server) -> None:
    assert headwater("incidents", "mute", NO_EMAIL, "--store", store).exit_code == 0
    run_sidecar(store, server, *DAYS, webhook_min_severity="warning")

    assert [body["incident_id"] for _, _, body in server.requests] == [DUPLICATE]


# While a sidecar owns the store

SIDECAR = """
import sys
import time
from pathlib import Path
from headwater.cli.running import run_loop
from headwater.settings import settings
from headwater.sources.files import FileSource

class Waiting:
    exhausted = False  # as a topic is: more may come

    def __init__(self, source):
        self._source = source

    def __getattr__(self, name):
        return getattr(self._source, name)

    def poll(self, seconds):
        if not self._source.exhausted:
            return self._source.poll(seconds)
        time.sleep(seconds)
        return []

store, events, stop = sys.argv[1:]
opened = []

def stopping():
    if not opened:
        opened.append(print("owns the store", flush=True))
    return Path(stop).exists()

chosen = settings(store=Path(store), publish_every=0.1)
run_loop(chosen, Waiting(FileSource([events])), keeps_offsets=False, stopping=stopping)
"""


@pytest.fixture
def sidecar(store: Path, tmp_path: Path) -> Iterator[None]:
    """Run a process that folds a file and then waits for more, as the sidecar does."""
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", SIDECAR, str(store), DAYS[0], str(stop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "owns the store\n"
            yield
        finally:
            stop.touch()
        assert process.wait(60) == 0


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.05)


@pytest.mark.usefixtures("sidecar")
def test_a_running_sidecar_writes_down_and_shows_what_people_do(store: Path) -> None:
    done = headwater("incidents", "ack", DUPLICATE, "--actor", "ada", "--store", store)

    assert done.exit_code == 0, done.output
    assert done.stderr.startswith(f"A running sidecar owns the store {store}: it was asked to write down that incident")
    eventually(lambda: statuses(store)[DUPLICATE] == "acknowledged")
    assert list(inbox_path(store).iterdir()) == []


def statuses(store: Path) -> dict[str, str]:
    return {row["incident_id"]: row["status"] for row in lines(headwater("incidents", "--store", store))}


@pytest.mark.usefixtures("sidecar")
def test_a_file_that_is_no_action_is_put_aside(store: Path) -> None:
    folder = inbox_path(store)
    folder.mkdir()
    (folder / "wrong.part").write_text('{"incident_id": 1}')
    (folder / "wrong.part").replace(folder / "wrong.json")

    eventually(lambda: [path.name for path in folder.iterdir()] == ["wrong.bad"])
    assert statuses(store)[DUPLICATE] == "open"


def test_what_is_left_while_nobody_runs_is_taken_by_the_next_sidecar(store: Path) -> None:
    leave(store, IncidentAction(DUPLICATE, "muted", datetime(2026, 11, 22, tzinfo=UTC), None, None))
    run_loop(settings(store=store), FileSource(DAYS[:1]), keeps_offsets=False, stopping=lambda: False)

    assert statuses(store) == {NO_EMAIL: "open"}
