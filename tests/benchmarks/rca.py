"""Measures ``root_cause`` on the benchmark for root causes that lies beside the project (``../shared/rca_benchmark``).

    python tests/benchmarks/rca.py [--split dev --seed 1] [--folder DIR] [--ablate] [--limit N]

A split is made by the benchmark's own generator, or read from a folder. The events of each question are folded into a
store with Headwater's own code, and the question is asked in SQL: ``FROM root_cause(…)`` and nothing else. This process
never opens the truth; the benchmark's ``score.py`` does, as another process, when all answers are written. Folded
stores are kept, so that asking again after a change of the SQL takes a minute or two.

**--ablate** asks again once for each kind of evidence, with its weight in ``root_cause_weight`` set to nothing, where
60 % of the tables are checked.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from headwater.batch import Batch
from headwater.errors import UnreadableRecord
from headwater.event import decode
from headwater.fold import Folder, Origin
from headwater.store import Store
from headwater.store.scripts import scripts

ROOT = Path(__file__).parents[2]
BENCHMARK = ROOT.parent / "shared" / "rca_benchmark"
CACHE = ROOT / ".cache" / "rca"
MEASURES = ("MRR", "AC@1", "AC@3", "Avg@5")
ABLATED = "0.6"  # the coverage at which kinds of evidence are left out: the benchmark's headline
SECONDARY = ("column AC@1", "run AC@1", "false-cause rate", "wrong abstentions")

ASK = """
SELECT namespace, name, field, job_namespace, job_name, run_id, score, kind
FROM root_cause($namespace, $name, fld := $column, check_name := $assertion, as_of := $as_of::TIMESTAMPTZ)
"""
EVIDENCE = "SELECT evidence FROM root_cause_weight WHERE role IN ('factor', 'evidence') ORDER BY evidence"
WITHOUT = """
CREATE OR REPLACE VIEW root_cause_weight AS
SELECT * REPLACE (CASE WHEN evidence = '{evidence}' THEN 0 ELSE weight END AS weight) FROM ({view})
"""


@dataclass(frozen=True)
class Question:
    """One question at one coverage, with the store that holds its events."""

    id: str
    parameters: dict[str, Any]
    store: Path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shapes", help="passed on to the generator")
    parser.add_argument("--pipelines", type=int, default=12)
    parser.add_argument("--folder", type=Path, help="a split that was made before")
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("HEADWATER_RCA_CACHE", CACHE)))
    parser.add_argument("--ablate", action="store_true", help="leave out each kind of evidence in turn")
    parser.add_argument("--baselines", action="store_true", help="score the benchmark's own baselines too")
    parser.add_argument("--coverage", choices=["1", "0.6", "0.3"], help="only this share of checked tables  [all]")
    parser.add_argument("--limit", type=int, help="only so many cases")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if not BENCHMARK.is_dir():
        sys.exit(f"The benchmark is not at {BENCHMARK}: it lies beside the project and is not part of it.")
    split = arguments.folder or made(arguments)
    with ProcessPoolExecutor(arguments.workers) as pool:
        questions = folded(pool, split, arguments.cache, arguments.limit)
        if arguments.coverage:
            questions = [question for question in questions if question.id.endswith(f"@{arguments.coverage}")]
        folder = arguments.cache / "answers" / split.name
        folder.mkdir(parents=True, exist_ok=True)
        report = asked(pool, questions, split, folder, [""])
        if arguments.ablate:
            ablated = [question for question in questions if question.id.endswith(f"@{ABLATED}")]
            report |= asked(pool, ablated, split, folder, kinds_of_evidence(questions[0].store))
    if arguments.baselines:
        report |= baselines(split, folder)
    print(text(report, arguments.coverage))


def made(arguments: argparse.Namespace) -> Path:
    """Return the folder of a split; the benchmark's generator makes it if it is not there."""
    out: Path = arguments.cache / "splits" / f"{arguments.split}-{arguments.seed}"
    if not (out / "manifest.json").exists():
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, BENCHMARK / "generate.py", "--out", out, "--split", arguments.split]
        command += ["--seed", str(arguments.seed), "--pipelines", str(arguments.pipelines)]
        command += ["--shapes", arguments.shapes] if arguments.shapes else []
        subprocess.run(command, check=True)
    return out


# Folding


def folded(pool: ProcessPoolExecutor, split: Path, cache: Path, limit: int | None) -> list[Question]:
    """Return every question with its store, folding what is not in the cache."""
    cases = sorted(
        (json.loads(path.read_text()) for path in (split / "cases").glob("*/question.json")),
        key=lambda case: (case["pipeline"], case["case"]),
    )[:limit]
    manifest = json.loads((split / "manifest.json").read_text())
    tables = sha256("".join(script.sha256 for script in scripts("migrations", "writes")).encode()).hexdigest()
    stores = cache / "stores" / f"{split.name}-{manifest['sha256'][:8]}-{tables[:8]}"
    stores.mkdir(parents=True, exist_ok=True)
    work = [(split, stores, list(group)) for _, group in groupby(cases, key=lambda case: case["pipeline"])]
    return [question for questions in pool.map(fold_pipeline, work) for question in questions]


def fold_pipeline(work: tuple[Path, Path, list[dict[str, Any]]]) -> list[Question]:
    """Fold the cases of a pipeline. What several of them share is folded once and its file copied."""
    split, stores, cases = work
    history = stores / f"{cases[0]['pipeline']}.duckdb"
    questions = []
    for case in cases:
        before, held = history, cases[0]["variants"][0]["files"][:1]
        if not history.exists():
            fold(history, None, split, held)
        for variant in sorted(case["variants"], key=lambda variant: len(variant["files"])):
            store = stores / f"{variant['id']}.duckdb"
            if not store.exists():
                fold(store, before, split, [file for file in variant["files"] if file not in held])
            before, held = store, variant["files"]
            asked_for = ("namespace", "name", "column", "assertion", "as_of")
            questions.append(Question(variant["id"], {key: case[key] for key in asked_for}, store))
    return questions


def fold(path: Path, before: Path | None, split: Path, files: Iterable[str]) -> None:
    """Fold event files into a store that begins as a copy of another; it has its name once it is complete."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    if before is not None:
        shutil.copyfile(before, part)
    with Store(part, threads=1) as store:
        folder = Folder()
        batch = Batch()
        for name in files:
            for offset, value in enumerate(lines(split / name)):
                for element, event in enumerate(decode(value)):
                    if isinstance(event, UnreadableRecord):
                        raise event
                    folder.fold(event, Origin(f"file:{name}", 0, offset, element, 0), batch)
        store.write(batch.tables(0, {}))
        store.checkpoint()
    part.with_suffix(".part.wal").unlink(missing_ok=True)
    part.rename(path)


def lines(path: Path) -> Iterator[bytes]:
    """Return the events of a file."""
    with gzip.open(path) as file:
        yield from (line for line in file.read().split(b"\n") if line)


# Asking


def asked(
    pool: ProcessPoolExecutor, questions: list[Question], split: Path, folder: Path, ways: list[str]
) -> dict[str, Any]:
    """Write the answers to all questions and return how the benchmark scores them, by the kind of evidence left out."""
    begun = time.perf_counter()
    found = list(pool.map(answers, questions, [ways] * len(questions), chunksize=9))
    print(f"{len(found)} questions in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    report = {}
    for way, answered in zip(ways, zip(*found, strict=True), strict=True):
        name = f"without {way}" if way else "headwater"
        path = folder / f"{name}.jsonl".replace(" ", "_")
        path.write_text("".join(f"{json.dumps(row)}\n" for row, _ in answered))
        report[name] = scored(path, split)
        report[name]["milliseconds"] = round(1000 * median(seconds for _, seconds in answered))
    return report


def answers(question: Question, ways: list[str]) -> list[tuple[dict[str, Any], float]]:
    """Ask one question in SQL, with the views and macros as they are now, once for each kind of evidence left out."""
    copy = question.store.with_suffix(f".{os.getpid()}")
    shutil.copyfile(question.store, copy)
    try:
        with Store(copy, threads=1) as store:
            (view,) = store.database.rows("SELECT sql FROM duckdb_views() WHERE view_name = 'root_cause_weight'")
            weights = view[0].partition(" AS ")[2].rstrip().rstrip(";")
            return [answer(question, store, WITHOUT.format(evidence=way, view=weights)) for way in ways]
    finally:
        for leftover in (copy, copy.with_name(f"{copy.name}.wal")):
            leftover.unlink(missing_ok=True)


def answer(question: Question, store: Store, weights: str) -> tuple[dict[str, Any], float]:
    """Ask with these weights; return the answer and the seconds that it took."""
    store.database.run(weights)
    begun = time.perf_counter()
    candidates = store.database.table(ASK, question.parameters).to_pylist()
    seconds = time.perf_counter() - begun
    for candidate in candidates:
        candidate["column"] = candidate.pop("field")
    return {"case": question.id, "abstain": not candidates, "candidates": candidates}, seconds


def kinds_of_evidence(path: Path) -> list[str]:
    """Return the kinds of evidence that can be left out."""
    with Store(path) as store:
        return [evidence for (evidence,) in store.database.rows(EVIDENCE)]


# Scoring


def scored(answers: Path, split: Path) -> dict[str, Any]:
    """Return what the benchmark's own scorer says, in a process of its own: this one must not see the truth."""
    command = [sys.executable, str(BENCHMARK / "score.py"), str(answers), "--truth", str(split / "truth"), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def baselines(split: Path, folder: Path) -> dict[str, Any]:
    """Return the scores of the rules that the benchmark brings."""
    out = folder / "baselines"
    if not out.is_dir():
        subprocess.run([sys.executable, BENCHMARK / "baselines.py", split, "--out", out], check=True)
    return {path.stem: scored(path, split) for path in sorted(out.glob("*.jsonl"))}


def text(report: dict[str, Any], only: str | None) -> str:
    """Return the report as Markdown."""
    head = ("method", "coverage", *MEASURES, *SECONDARY)
    rows = [
        [method, coverage, *(interval(summary[name]) for name in MEASURES), *(summary[name] for name in SECONDARY)]
        for method, scores in report.items()
        for coverage, summary in scores["coverage"].items()
        if only in (None, coverage) and (coverage == ABLATED or not method.startswith("without"))
    ]
    chance = next(iter(report.values()))["coverage"]["0.6"]
    rows.append(["chance", "0.6", *(chance[name]["chance"] for name in MEASURES), "", "", "", ""])
    tables = [table(head, rows)]
    for part in ("by_fault", "by_shape", "by_missing_edges"):
        groups = next(iter(report.values()))[part]
        methods = [method for method in report if not method.startswith("without")]
        body = [
            [
                group,
                groups[group]["n"],
                *(report[method][part][group]["MRR"] for method in methods),
                groups[group]["AC@1"],
            ]
            for group in groups
        ]
        tables.append(table((part, "n", *(f"{method} MRR" for method in methods), "headwater AC@1"), body))
    tables.append(f"median of an answer: {report['headwater']['milliseconds']} ms")
    return "\n\n".join(tables)


def interval(measure: dict[str, Any]) -> str:
    """Return a value with its 95 % interval."""
    low, high = measure["ci95"]
    return f"{measure['value']:.3f} [{low:.2f}, {high:.2f}]"


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(map(str, head)), *(list(map(str, row)) for row in rows)]
    rule = ["---"] * len(lines[0])
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


if __name__ == "__main__":
    main()
