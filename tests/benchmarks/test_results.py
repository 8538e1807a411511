"""README.md quotes what the benchmarks wrote into results.json, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text(encoding="utf-8"))
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
HOW_FAST = re.sub(r"\s+", " ", README.partition("## How fast")[2].partition("\n## ")[0])
QUESTIONS = [result for name, result in RESULTS.items() if name.startswith("questions of ")]
BATCHES = [result for name, result in RESULTS.items() if name.startswith("batches at ")]


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("replay", "| `replay` of a file |"),
        ("consume", "| `consume` of a topic |"),
        ("core", "| `replay` with `HEADWATER_CORE=python` |"),
    ],
)
def test_ratios(name: str, begins: str) -> None:
    (row,) = (line for line in README.splitlines() if line.startswith(begins))
    measured = RESULTS[name]
    assert row.endswith(f"| {measured['ratio']:.1f} times as long (CPU time: {measured['cpu_ratio']:.1f} times) |")


@pytest.mark.parametrize("measured", QUESTIONS, ids=lambda measured: f"{measured['runs']} runs")
def test_questions(measured: dict[str, Any]) -> None:
    store = [f"{measured[what]:,}" for what in ("edges", "runs", "check_results")]
    asked = ("upstream", "downstream", "column_upstream", "blast_radius", "root_cause")
    assert f"| {' | '.join([*store, *(f'{measured[question]:.0f}' for question in asked)])} |" in README.splitlines()


@pytest.mark.parametrize("measured", BATCHES, ids=lambda measured: f"{measured['edges']} edges")
def test_batches(measured: dict[str, Any]) -> None:
    edges, runs, write, publish = (measured[what] for what in ("edges", "runs", "write_ms", "publish_ms"))
    assert f"| {edges:,} | {runs:,} | {write:.0f} | {publish:.0f} |" in README.splitlines()


def test_memory() -> None:
    assert f"The peak of a replay of 1 GB is {RESULTS['memory']['peak_mb']:.0f} MB" in HOW_FAST
    (soak,) = RESULTS["soak"]["runs"]
    early, late = f"{soak['early_mb']:.0f} MB", f"{soak['late_mb']:.0f} MB"
    assert f"it was {early} in the second quarter of the hour and {late} in the last" in HOW_FAST


def test_freshness() -> None:
    first, *others = RESULTS["freshness"]["runs"]
    told = [
        f"at {first['rate']:,} events/s half of them are there after {first['p50']:.2g} s and 99 % after "
        f"{first['p99']:.2g} s",
        *(f"at {run['rate']:,} after {run['p50']:.2g} and {run['p99']:.2g} s" for run in others),
    ]
    assert "; ".join(told) in HOW_FAST
    taken = [run[quarter] for run in (first, *others) for quarter in ("early_mb", "late_mb")]
    assert f"The sidecar took {min(taken):.0f} to {max(taken):.0f} MB." in HOW_FAST
