"""Freezes a store as this version makes it, for the tests of all later versions. Run it once for each release.

    python tests/upgrade/freeze.py

Writes VERSION.duckdb, a store of the two days of the sales platform, and VERSION.digest beside this file. Commit both.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater import __version__

HERE = Path(__file__).parent
EVENTS = HERE.parent / "data" / "sales_platform" / "events"


def freeze(folder: Path, version: str) -> Path:
    """Write the store and its digest into *folder*; return the store."""
    with TemporaryDirectory() as work:
        for command in (["replay", str(EVENTS)], ["compact"]):
            subprocess.run([sys.executable, "-m", "headwater", *command], cwd=work, check=True)
        digest = subprocess.run(
            [sys.executable, "-m", "headwater", "digest"], cwd=work, check=True, capture_output=True, text=True
        ).stdout
        store = folder / f"{version}.duckdb"
        store.write_bytes((Path(work) / "lineage.duckdb").read_bytes())
        store.with_suffix(".digest").write_text(digest)
    return store


if __name__ == "__main__":
    print(freeze(HERE, __version__))
