from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from _publisher_process import story

PROGRAM = Path(__file__).with_name("_publisher_process.py")
KILLS = 20


@pytest.mark.slow
def test_whenever_the_publisher_is_killed_the_published_file_is_whole_and_not_behind(tmp_path: Path) -> None:
    live, published = tmp_path / ".lineage.live.duckdb", tmp_path / "lineage.duckdb"
    moments = random.Random(20)
    announced, kills_after_a_publish = 0, 0
    for kill in range(KILLS):
        command = [sys.executable, str(PROGRAM), "write", str(live), str(published), "60"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            if kill % 2:  # else while it is starting
                assert writer.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.05, 0.9))
            writer.kill()
            said = [int(line) for line in writer.stdout.read().splitlines() if line != "ready"]
        announced = max([announced, *said])
        kills_after_a_publish += bool(said)
        if announced or published.exists():
            with duckdb.connect(str(published), read_only=True) as con:
                version, is_consistent = story(con)
            assert is_consistent, f"after kill {kill}"
            assert version >= announced, f"after kill {kill}"
    assert kills_after_a_publish > KILLS // 4
