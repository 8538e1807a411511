"""Others may read what is published, as the umask or a setting says, and nothing else of the sidecar's."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from headwater.cli.running import owned
from headwater.errors import StoreError
from headwater.settings import settings

NOBODY = 65534

EVENT = {
    "eventTime": "2026-01-01T00:00:00Z",
    "run": {"runId": "r"},
    "job": {"namespace": "jobs", "name": "load"},
    "outputs": [{"namespace": "db", "name": "orders"}],
}


def replay(folder: Path, umask: int, *options: str) -> Path:
    (folder / "events.ndjson").write_text(json.dumps(EVENT) + "\n")
    command = [sys.executable, "-m", "headwater", "replay", "events.ndjson", *options]
    subprocess.run(command, cwd=folder, umask=umask, check=True, capture_output=True)
    return folder / "lineage.duckdb"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("umask", "options", "expected"),
    [
        (0o022, (), 0o644),
        (0o077, (), 0o600),
        (0o000, (), 0o644),
        (0o077, ("--store-mode", "0640"), 0o640),
        (0o022, ("--store-mode", "666"), 0o666),
    ],
)
def test_the_published_file_is_readable_as_the_umask_or_the_setting_says_and_writable_only_if_asked_for(
    tmp_path: Path, umask: int, options: tuple[str, ...], expected: int
) -> None:
    store = replay(tmp_path, umask, *options)
    assert mode(store) == expected
    assert {file.name: mode(file) for file in tmp_path.glob(".lineage.*")} == {
        ".lineage.live.duckdb": 0o600,
        ".lineage.live.lock": 0o600,
    }


def test_a_live_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    replay(tmp_path, 0o022)
    live = tmp_path / ".lineage.live.duckdb"
    live.chmod(0o666)
    replay(tmp_path, 0o022)
    assert mode(live) == 0o600


def test_nothing_but_the_published_file_is_open_to_others_while_a_sidecar_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headwater", "consume", "--bootstrap-servers", "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=tmp_path, umask=0, stderr=subprocess.DEVNULL) as sidecar:
        deadline = time.monotonic() + 60
        while not (tmp_path / "lineage.duckdb").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        modes = {file.name: mode(file) for file in tmp_path.iterdir()}
        sidecar.terminate()
    assert modes.pop("lineage.duckdb") == 0o644
    snapshots = {modes.pop(name) for name in [*modes] if name.startswith(".lineage.duckdb.snap-")}
    assert snapshots == {0o644}, "they were published, or will be"
    assert ".lineage.live.duckdb" in modes
    assert set(modes.values()) == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_else_is_told_that_only_the_owner_may_write() -> None:
    with tempfile.TemporaryDirectory(prefix="headwater-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        store = replay(folder, 0o022)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(StoreError, match="only the user that the sidecar runs as may write to the store"):
                owned(settings(store=store)).__enter__()
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("value", ["0755", "0444", "rw", "64"])
def test_permissions_that_make_no_sense_are_refused(tmp_path: Path, value: str) -> None:
    command = [sys.executable, "-m", "headwater", "replay", "events.ndjson", "--store-mode", value]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "The setting store_mode makes no sense: " in done.stderr
