"""Runs the sales platform for real, a healthy day and then a broken one, and keeps the events of each.

    python tests/data/sales_platform/record.py [KEEP]

Installs the producers of requirements.txt in a fresh environment. Then, for each day, loads the landing
tables, runs `dbt-ol run` and `dbt-ol test`, and moves the events they wrote, untouched, to events/DAY.ndjson.
With KEEP, dbt's own manifest.json and run_results.json are left in KEEP/DAY/run and KEEP/DAY/test. Works in
/srv, because the database's path is part of every dataset's name, and cleans up after itself.
"""

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = Path("/srv/sales_platform")
DATABASE = Path("/srv/sales.duckdb")
EVENTS = PROJECT / "events.ndjson"  # as openlineage.yml says


def record(
    day: str, raw: list[Path], dbt_test_exit: int, environment: dict[str, str], keep: Path | None
) -> None:
    """One day: its raw files arrive, are loaded, modelled and tested."""
    for file in raw:
        shutil.copy(file, PROJECT / "raw")

    def run(*command: str, expect: int = 0) -> None:
        print(f"\n=== {day}: {' '.join(command)}", flush=True)
        code = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
        if code != expect:
            sys.exit(f"{' '.join(command)} ended with {code}, expected {expect}")

    run("python", "load_landing.py")
    for verb, expect in ("run", 0), ("test", dbt_test_exit):
        run("dbt-ol", verb, expect=expect)
        if keep:
            folder = keep / day / verb
            folder.mkdir(parents=True, exist_ok=True)
            for artifact in "manifest.json", "run_results.json":
                shutil.copy(PROJECT / "target" / artifact, folder)

    text = EVENTS.read_text(encoding="utf-8")
    for private in str(HERE), str(Path.home()), environment["HOME"]:
        if private in text:
            sys.exit(f"the events of the {day} mention {private}, a path of this machine")
    shutil.move(EVENTS, HERE / "events" / f"{day}.ndjson")


def main() -> None:
    """Installs, records both days in one database, and cleans up."""
    keep = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for path in PROJECT, DATABASE:
        if path.exists():
            sys.exit(f"{path} exists; move it away first")
    with tempfile.TemporaryDirectory() as scratch:
        bin_folder = Path(scratch, "venv", "bin")
        venv.create(Path(scratch, "venv"), with_pip=True)
        pip = str(bin_folder / "pip")
        subprocess.run([pip, "install", "--quiet", "-r", str(HERE / "requirements.txt")], check=True)
        environment = {
            "PATH": f"{bin_folder}:/usr/bin:/bin",
            "HOME": scratch,
            "NO_COLOR": "1",
            "OPENLINEAGE_NAMESPACE": "sales",
        }
        try:
            shutil.copytree(
                HERE, PROJECT, ignore=shutil.ignore_patterns("events", "raw_healthy", "record.py", "*.md")
            )
            record("healthy_day", list(HERE.glob("raw_healthy/*.csv")), 0, environment, keep)
            record("broken_day", list(HERE.glob("raw/*.csv")), 1, environment, keep)
        finally:
            shutil.rmtree(PROJECT, ignore_errors=True)
            DATABASE.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
