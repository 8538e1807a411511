"""Retaining, compacting, backing up and restoring, as users do it: processes, files, and kills."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from headwater.store import Reader
from support import SALES, headwater, read, replay

HEADWATER = (sys.executable, "-m", "headwater")
KILLS = 6


def event(number: int, *, year: int) -> dict[str, object]:
    return {
        "eventType": "COMPLETE",
        "eventTime": f"{year}-01-01T{number // 60:02}:{number % 60:02}:00Z",
        "run": {"runId": f"{year}-{number}", "facets": {"own": {"text": f"{number} " * 200}}},
        "job": {"namespace": "jobs", "name": "load"},
        "inputs": [{"namespace": "db", "name": "raw"}],
        "outputs": [{"namespace": "db", "name": "clean"}],
    }


def digest(folder: Path) -> str:
    with Reader(folder / "lineage.duckdb") as reader:
        return reader.digest()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HEADWATER, *arguments], cwd=folder, capture_output=True, text=True)


def test_a_rehearsal_says_what_goes_and_changes_nothing(tmp_path: Path) -> None:
    assert replay(tmp_path, *(event(n, year=2020) for n in range(5))) == ""
    before = digest(tmp_path)
    arguments = ("retain", "--retain-runs", "30", "--retain-check-results", "30", "--format", "csv")
    printed = "kind,forgotten\nruns,4\ncheck_results,0\nrun_events,4\n"

    rehearsed = run(tmp_path, *arguments, "--dry-run")
    assert (rehearsed.returncode, rehearsed.stdout, rehearsed.stderr) == (0, printed, "")
    assert digest(tmp_path) == before

    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")
    assert read(tmp_path, "SELECT run_id FROM run") == [("2020-4",)]


def test_without_an_age_it_is_said_how_to_give_one(tmp_path: Path) -> None:
    done = run(tmp_path, "retain")
    assert (done.returncode, done.stdout) == (2, "")
    assert "as in --retain-runs 90" in done.stderr


def test_what_was_forgotten_can_be_folded_anew_from_the_rest(tmp_path: Path) -> None:
    assert replay(tmp_path, *(event(n, year=2020) for n in range(5))) == ""
    assert headwater(tmp_path, "retain", "--retain-runs", "30", "--retain-check-results", "30") == ""
    before = digest(tmp_path)

    assert headwater(tmp_path, "migrate", "--refold") == ""

    assert digest(tmp_path) == before


@pytest.mark.slow
def test_whenever_compacting_is_killed_the_store_is_whole(tmp_path: Path) -> None:
    assert replay(tmp_path, *(event(n, year=2020) for n in range(1_200))) == ""
    assert headwater(tmp_path, "retain", "--retain-runs", "30", "--retain-check-results", "30") == ""
    assert replay(tmp_path, *(event(n, year=2021) for n in range(600))) == ""
    before, size = digest(tmp_path), (tmp_path / "lineage.duckdb").stat().st_size
    began = time.monotonic()
    shutil.copytree(tmp_path, tmp_path / "unharmed")
    assert headwater(tmp_path / "unharmed", "compact") == ""
    takes = time.monotonic() - began
    assert digest(tmp_path / "unharmed") == before
    assert (tmp_path / "unharmed" / "lineage.duckdb").stat().st_size < size

    moments = random.Random(6)
    for kill in range(KILLS):
        with subprocess.Popen([*HEADWATER, "compact"], cwd=tmp_path, stderr=subprocess.PIPE) as compacting:
            time.sleep(moments.uniform(0.2, 1.0) * takes)
            compacting.kill()
        assert digest(tmp_path) == before, f"after kill {kill}"
    # Whoever opens it next tidies up, and goes on.
    assert replay(tmp_path, event(0, year=2022)) == ""
    assert read(tmp_path, "SELECT count(*) FROM run") == [(602,)]
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left == {".lineage.live.duckdb", ".lineage.live.lock", "events.ndjson", "headwater.toml", "lineage.duckdb"}


@pytest.mark.slow
def test_a_copy_of_the_published_file_is_a_backup_at_any_moment(tmp_path: Path) -> None:
    lines = [json.dumps(event(n, year=2020 + n % 5)).encode() + b"\n" for n in range(1_400)]
    (tmp_path / "events.ndjson").write_bytes(b"".join(lines))
    backup = tmp_path / "backup"
    backup.mkdir()
    command = [*HEADWATER, "replay", "-", "--batch-events", "50", "--publish-every", "0.01"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as writing:
        assert writing.stdin
        counts: list[int] = []
        for first in range(0, len(lines), 100):
            writing.stdin.write(b"".join(lines[first : first + 100]))
            writing.stdin.flush()
            if (tmp_path / "lineage.duckdb").exists():
                shutil.copy(tmp_path / "lineage.duckdb", backup / "lineage.duckdb")
                counts += read(backup, "SELECT count(*) FROM event")[0]
            time.sleep(0.1)
        writing.stdin.close()
        assert writing.wait() == 0
    assert counts == sorted(counts)
    assert len(counts) > 3

    # Restored into an empty folder, it is where replaying goes on.
    shutil.copy(tmp_path / "events.ndjson", backup)
    assert headwater(backup, "replay", "events.ndjson") == ""
    assert digest(backup) == digest(tmp_path)


def test_publishing_goes_on_after_a_compaction(tmp_path: Path) -> None:
    assert headwater(tmp_path, "replay", str(SALES / "events")) == ""
    before = digest(tmp_path)
    assert headwater(tmp_path, "compact") == ""
    assert digest(tmp_path) == before
    assert headwater(tmp_path, "replay", str(SALES / "events")) == ""
    assert digest(tmp_path) == before
