"""The sidecar over HTTP, as a process: what producers send, what scrapers and probes read, what a kill leaves."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb
import pytest
import urllib3
from headwater.metrics import METRICS
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset
from openlineage.client.serde import Serde
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport
from prometheus_client.parser import text_string_to_metric_families
from support import SALES, fill, values_of

T = TypeVar("T")
PATIENCE = 60.0
EVENT_PATH, BATCH_PATH = "/api/v1/lineage", "/api/v1/lineage/batch"
BROKEN_DAY = SALES / "events" / "broken_day.ndjson"
KEY = "a key that nobody must read"


class Sidecar:
    """A ``headwater consume --http store`` as a process; *said* is its log so far."""

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        self.store = folder / "lineage.duckdb"
        self.said: list[dict[str, Any]] = []
        self._lines: list[str] = []
        command = [sys.executable, "-m", "headwater", "consume", "--http", "store", "--listen", "127.0.0.1:0"]
        command += ["--store", str(self.store), "--publish-every", "0.1", "--log-format", "json", *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment | variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.http = urllib3.PoolManager(maxsize=16, retries=False, timeout=PATIENCE)

    def _listen(self) -> None:
        assert self.process.stderr
        with self.process.stderr as stream:
            for line in stream:
                self.said.append(json.loads(line))  # every line is one, or the test fails

    def __enter__(self) -> Self:
        self.port = self.until(lambda: next((said["port"] for said in self.said if said["event"] == "listening"), 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.ended()

    def ended(self) -> int:
        code = self.process.wait(PATIENCE)
        self._listener.join()
        self.http.clear()
        return code

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, str]:
        answer = self.http.request("GET", self.url + path)
        return answer.status, answer.data.decode()

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        answer = self.http.request("POST", self.url + path, body=body, headers=sent)
        return answer.status, answer.json()

    def until(self, condition: Callable[[], T]) -> T:
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)
        return found

    def ready(self) -> Self:
        self.until(lambda: self.get("/readyz")[0] == 200)
        return self

    def metric(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.get("/metrics")[1])
        samples = [sample for family in families for sample in family.samples]
        return sum(item.value for item in samples if item.name == name and labels.items() <= item.labels.items())


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    with Sidecar(tmp_path) as opened:
        yield opened.ready()


def read(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def headwater(*arguments: object) -> str:
    command = [sys.executable, "-m", "headwater", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def digest(store: Path) -> str:
    return headwater("digest", "--store", store)


def replayed(folder: Path, values: Sequence[bytes]) -> str:
    """Return the digest of a plain replay of the same events."""
    clean = folder / "clean"
    clean.mkdir()
    (clean / "events.ndjson").write_bytes(b"\n".join(values))
    headwater("replay", clean / "events.ndjson", "--store", clean / "lineage.duckdb")
    return digest(clean / "lineage.duckdb")


def runs(count: int) -> Iterator[RunEvent]:
    """Yield the events of so many runs, as a producer makes them."""
    columns = [
        schema_dataset.SchemaDatasetFacetFields("id", "BIGINT"),
        schema_dataset.SchemaDatasetFacetFields("é", "T"),
    ]
    for number in range(count):
        run = Run(runId=f"01a203e3-dfe8-79e3-b732-8bfec173f{number:03}")
        for second, state in enumerate((RunState.START, RunState.COMPLETE)):
            yield RunEvent(
                eventType=state,
                eventTime=f"2026-01-01T00:{number % 60:02}:{second:02}Z",
                run=run,
                job=Job(namespace="shop", name=f"load_{number % 3}"),
                producer="https://example.org/producer",
                inputs=[InputDataset(namespace="db", name=f"raw.t{number % 4}")],
                outputs=[
                    OutputDataset(
                        namespace="db",
                        name=f"shop.t{number % 2}",
                        facets={"schema": schema_dataset.SchemaDatasetFacet(fields=columns)},
                    )
                ],
            )


def run_event(number: int) -> bytes:
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
            "run": {"runId": f"r{number}"},
            "job": {"namespace": "jobs", "name": f"j{number % 5}"},
            "outputs": [{"namespace": "db", "name": f"t{number % 7}"}],
        }
    ).encode()


@pytest.mark.parametrize("compression", [None, HttpCompression.GZIP], ids=["plain", "gzip"])
def test_the_python_client_sends_and_the_store_is_that_of_a_replay(
    tmp_path: Path, compression: HttpCompression | None
) -> None:
    sent = list(runs(10))
    with Sidecar(tmp_path, HEADWATER_HTTP_API_KEY=KEY) as sidecar:
        sidecar.ready()
        auth = ApiKeyTokenProvider({"apiKey": KEY})
        transport = HttpTransport(HttpConfig(url=sidecar.url, auth=auth, compression=compression))
        client = OpenLineageClient(transport=transport)
        for event in sent:
            client.emit(event)  # raises for anything but 2xx
        transport.close()
        assert sidecar.post(EVENT_PATH, run_event(1), Authorization="Bearer other")[0] == 401
        assert sidecar.stop() == 0

    assert digest(sidecar.store) == replayed(tmp_path, [Serde.to_json(event).encode() for event in sent])
    assert read(sidecar.store, "SELECT count(*), count(DISTINCT source_offset), max(topic) FROM delivery") == [
        (20, 20, "http:lineage")
    ]
    assert KEY not in json.dumps(sidecar.said), "a secret was said"
    assert sidecar.said[0]["settings"]["http_api_key"] == "**********"


def test_many_producers_at_once_leave_the_store_of_a_replay(sidecar: Sidecar, tmp_path: Path) -> None:
    values = values_of(BROKEN_DAY)
    statuses: list[int] = []

    def send(part: Sequence[bytes]) -> None:
        for value in part:
            packed = gzip.compress(value)
            statuses.append(sidecar.post(EVENT_PATH, packed, Content_Encoding="gzip")[0])

    threads = [threading.Thread(target=send, args=(values[start::6],)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * len(values)
    assert sidecar.metric("headwater_events_total") == len(values)
    assert sidecar.metric("headwater_http_requests_total", status="201") == len(values)
    assert sidecar.stop() == 0

    assert digest(sidecar.store) == replayed(tmp_path, values)


def test_a_batch_is_answered_event_by_event_and_what_cannot_be_read_is_a_dead_letter(sidecar: Sidecar) -> None:
    body = b"[" + run_event(1) + b',{"eventTime":1},' + run_event(2) + b"]"
    status, said = sidecar.post(BATCH_PATH, body)
    assert (status, said["status"], said["failed_events"]) == (
        200,
        "partial_success",
        [
            {
                "index": 1,
                "reason": "not_an_event",
                "detail": "none of run, job and dataset is there",
                "retriable": False,
            }
        ],
    )
    assert sidecar.post(BATCH_PATH, b"[]")[0] == 200
    assert sidecar.stop() == 0

    assert read(sidecar.store, "SELECT element, outcome FROM delivery ORDER BY ALL") == [
        (0, "applied"),
        (1, "dead_letter"),
        (2, "applied"),
    ]
    [notice] = [said for said in sidecar.said if said["event"] == "dead_letter"]
    assert (notice["level"], notice["topic"], notice["partition"], notice["offset"], notice["element"]) == (
        "warning",
        "http:lineage",
        0,
        0,
        1,
    )


def test_what_is_refused_leaves_nothing_and_stops_nobody(sidecar: Sidecar) -> None:
    for _ in range(1_200):  # more than --dead-letter-run
        assert sidecar.post(EVENT_PATH, b"{}")[0] == 400
    assert sidecar.post(EVENT_PATH, run_event(1))[0] == 201
    assert sidecar.stop() == 0

    assert read(sidecar.store, "SELECT outcome, count(*) FROM delivery GROUP BY outcome") == [("applied", 1)]


def test_an_event_that_is_sent_again_is_a_duplicate_and_not_a_second_row(sidecar: Sidecar, tmp_path: Path) -> None:
    for _ in range(3):
        assert sidecar.post(EVENT_PATH, run_event(1))[0] == 201
    sidecar.until(lambda: sidecar.metric("headwater_duplicates_total") == 2)
    assert sidecar.stop() == 0

    assert read(sidecar.store, "SELECT source_offset, outcome FROM delivery ORDER BY ALL") == [
        (0, "applied"),
        (1, "duplicate"),
        (2, "duplicate"),
    ]
    assert digest(sidecar.store) == replayed(tmp_path, [run_event(1)])


@pytest.mark.parametrize("limit", ["--http-body-limit", "--max-record-bytes"])
def test_a_body_that_is_too_large_is_refused_whole(tmp_path: Path, limit: str) -> None:
    with Sidecar(tmp_path, limit, "2000") as sidecar:
        sidecar.ready()
        status, said = sidecar.post(EVENT_PATH, gzip.compress(b"x" * 2_001), Content_Encoding="gzip")
        assert (status, said["error"]) == (
            413,
            "The body is larger than 2,000 bytes, unpacked. Send fewer events at a time, or raise --http-body-limit "
            "and --max-record-bytes.",
        )
        assert sidecar.post(EVENT_PATH, run_event(1))[0] == 201


def test_whatever_was_accepted_is_there_after_a_kill(tmp_path: Path) -> None:
    """Several lives, each killed while producers send; each event is sent until it is accepted."""
    accepted: list[int] = []
    numbers = iter(range(100_000))
    lock = threading.Lock()
    left: list[int] = []  # not accepted by the sidecar that was killed

    def send(sidecar: Sidecar) -> None:
        while True:
            with lock:
                number = left.pop() if left else next(numbers)
            try:
                status = sidecar.post(EVENT_PATH, run_event(number))[0]
            except urllib3.exceptions.HTTPError:
                status = 0
            with lock:
                (accepted if status == 201 else left).append(number)
            if status != 201:
                return

    for life in range(3):
        with Sidecar(tmp_path) as sidecar:
            sidecar.ready()
            threads = [threading.Thread(target=send, args=(sidecar,)) for _ in range(6)]
            for thread in threads:
                thread.start()
            goal = len(accepted) + 25 * (life + 1)
            sidecar.until(lambda goal=goal: len(accepted) >= goal)  # type: ignore[misc]
            sidecar.process.kill()
            for thread in threads:
                thread.join()
    with Sidecar(tmp_path) as sidecar:
        sidecar.ready()
        assert left, "nobody was cut off, so this proves nothing"
        for number in left:
            assert sidecar.post(EVENT_PATH, run_event(number))[0] == 201
        assert sidecar.stop() == 0

    there = {run for (run,) in read(sidecar.store, "SELECT run_id FROM run")}
    assert {f"r{number}" for number in accepted} <= there
    everything = [run_event(number) for number in sorted({*accepted, *left})]
    assert digest(sidecar.store) == replayed(tmp_path, everything)
    offsets = read(sidecar.store, "SELECT count(DISTINCT source_offset), max(source_offset) + 1 FROM delivery")
    assert offsets[0][0] == offsets[0][1], "an offset is unaccounted for"


@pytest.mark.slow
def test_nothing_is_accepted_that_a_full_disk_has_no_room_for(small_disk: Path, tmp_path: Path) -> None:
    """Senders are told to come again, the sidecar stays alive, and goes on by itself once there is room."""
    with Sidecar(small_disk) as sidecar:
        sidecar.ready()
        filler = fill(small_disk)
        statuses: list[int] = []
        while not statuses or statuses[-1] == 201:  # the log of the live file may have some room left
            assert len(statuses) < 1_000
            statuses.append(sidecar.post(EVENT_PATH, run_event(len(statuses)))[0])
        assert statuses[-1] == 503
        sidecar.until(lambda: "store_full" in [said["event"] for said in sidecar.said])
        assert sidecar.get("/healthz")[0] == 200
        assert sidecar.get("/readyz")[0] == 503
        assert sidecar.metric("headwater_failures_total", error="StoreFull") == 1
        filler.unlink()
        sidecar.ready()
        assert sidecar.post(EVENT_PATH, run_event(len(statuses) - 1))[0] == 201
        assert sidecar.stop() == 0

        assert digest(sidecar.store) == replayed(tmp_path, [run_event(number) for number in range(len(statuses))])


def test_who_is_cut_off_by_a_stop_is_told_to_try_again_or_was_accepted(tmp_path: Path) -> None:
    answers: list[tuple[int, int]] = []

    def send(sidecar: Sidecar, first: int) -> None:
        number = first
        with suppress(urllib3.exceptions.HTTPError):  # there is nobody any more: nothing was accepted
            while True:
                status = sidecar.post(EVENT_PATH, run_event(number))[0]
                answers.append((status, number))
                number += 100

    with Sidecar(tmp_path) as sidecar:
        sidecar.ready()
        threads = [threading.Thread(target=send, args=(sidecar, first)) for first in range(8)]
        for thread in threads:
            thread.start()
        sidecar.until(lambda: len(answers) > 30)
        assert sidecar.stop() == 0
        for thread in threads:
            thread.join()

    assert {status for status, _ in answers} <= {201, 503}
    there = {run for (run,) in read(sidecar.store, "SELECT run_id FROM run")}
    assert {f"r{number}" for status, number in answers if status == 201} <= there


def test_metrics_and_probes_tell_how_it_is(sidecar: Sidecar) -> None:
    assert sidecar.get("/healthz") == (200, '{"ok": true, "why": "The loop goes round."}\n')
    assert sidecar.get("/readyz") == (
        200,
        '{"ok": true, "why": "The store is open, partitions are assigned, and a snapshot is published."}\n',
    )
    assert sidecar.post(EVENT_PATH, run_event(1))[0] == 201
    sidecar.until(lambda: sidecar.metric("headwater_received_to_published_seconds_count") == 1)

    assert sidecar.metric("headwater_lag_records", topic="http:lineage", partition="0") == 0
    assert sidecar.metric("headwater_ready") == 1
    assert (
        sidecar.metric("headwater_store_bytes", file="live")
        == (sidecar.store.parent / ".lineage.live.duckdb").stat().st_size
    )
    assert sidecar.metric("process_resident_memory_bytes") > 10 << 20
    families = {family.name: family for family in text_string_to_metric_families(sidecar.get("/metrics")[1])}
    ours = {name for name in families if name.startswith("headwater_")}
    assert ours == {metric.name.removesuffix("_total") for metric in METRICS}


def test_the_log_begins_with_the_settings_and_ends_with_what_was_done(sidecar: Sidecar) -> None:
    sidecar.post(EVENT_PATH, run_event(1))
    assert sidecar.stop() == 0

    events = [said["event"] for said in sidecar.said]
    assert (events[:2], events[-1]) == (["started", "listening"], "stopped")
    assert sidecar.said[0]["settings"]["http"] == "store"
    assert {"records": 1, "events": 1, "dead_letters": 0}.items() <= sidecar.said[-1].items()
    assert all({"time", "level", "event", "message"} <= said.keys() for said in sidecar.said)
    assert all(said["time"].endswith("Z") for said in sidecar.said)


def failed(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "headwater", "consume", *arguments, "--store", str(folder / "lineage.duckdb")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--http", "store", "--until-caught-up"],
            "headwater: What is sent by HTTP has no end to catch up with: leave --until-caught-up or --http out.",
        ),
        (
            ["--listen", "nowhere"],
            "headwater: The setting listen makes no sense: Value error, nowhere is not HOST:PORT, such as 0.0.0.0:9464."
            " It comes from --listen, HEADWATER_LISTEN or headwater.toml.",
        ),
        (
            ["--http", "file"],
            "headwater: The setting http makes no sense: Input should be 'store' or 'topic'. It comes from --http, "
            "HEADWATER_HTTP or headwater.toml.",
        ),
    ],
)
def test_what_makes_no_sense_is_a_wrong_command(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    assert failed(tmp_path, *arguments) == (2, sentence)


def test_the_end_of_a_json_log_is_json_too(tmp_path: Path, sidecar: Sidecar) -> None:
    code, line = failed(tmp_path, "--http", "store", "--listen", f"127.0.0.1:{sidecar.port}", "--log-format", "json")
    said = json.loads(line)

    assert code == 2
    assert (said["event"], said["level"], said["error"]) == ("failed", "error", "SettingsError")
    assert said["message"].startswith(f"headwater: Cannot listen at 127.0.0.1:{sidecar.port}: ")


def test_events_from_everywhere_without_a_key_are_warned_of(tmp_path: Path) -> None:
    with Sidecar(tmp_path, "--listen", "0.0.0.0:0") as sidecar:
        sidecar.until(lambda: "no_api_key" in [said["event"] for said in sidecar.said])
