from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("_publisher_process.py")
READERS = 4
SECONDS = 20.0


@pytest.mark.slow
def test_four_readers_meet_no_error_and_no_mixture_while_ten_snapshots_a_second_are_published(
    tmp_path: Path,
) -> None:
    live, published = tmp_path / ".lineage.live.duckdb", tmp_path / "lineage.duckdb"
    writer = start("write", live, published, SECONDS + 5)
    assert writer.stdout
    assert writer.stdout.readline() == "ready\n"
    readers = [start("read", published, SECONDS) for _ in range(READERS)]
    said = [reader.communicate()[0].splitlines() for reader in readers]
    publications = len(writer.communicate()[0].splitlines())
    assert [lines[:-1] for lines in said] == [[]] * READERS
    versions = [int(lines[-1].split()[0]) for lines in said]
    assert min(versions) > 10, f"the readers saw {versions} versions of {publications}: too few to prove anything"
    assert {writer.returncode, *(reader.returncode for reader in readers)} == {0}


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
