"""Says what OpenLineage events look like: their size, what is in them, and how much of it was seen before.

    python tests/benchmarks/measure.py FILE…

FILE is NDJSON, recorded or made by events.py. The files are measured together, in the order in which they are given.
"""

from __future__ import annotations

import fileinput
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any


class Measure:
    """Counts what it sees.

    Attributes:
        sizes: of the events, in bytes, without white space between tokens.
        counts: of `inputs`, `outputs` and each type of event.
        facets: how many facets came, by what carries them and key.
        distinct: how many of them were not seen before.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.counts: Counter[str] = Counter()
        self.facets: Counter[tuple[str, str]] = Counter()
        self.distinct: Counter[tuple[str, str]] = Counter()
        self._seen: set[tuple[str, str, str]] = set()

    def see(self, event: dict[str, Any]) -> None:
        """Count one event."""
        self.sizes.append(len(_compact(event)))
        self.counts[event.get("eventType") or "-"] += 1
        for carrier, facets in _facet_maps(event):
            for key, body in facets.items():
                self.facets[carrier, key] += 1
                fingerprint = (carrier, key, _compact(body))
                if fingerprint not in self._seen:
                    self._seen.add(fingerprint)
                    self.distinct[carrier, key] += 1
        self.counts["inputs"] += len(event.get("inputs") or ())
        self.counts["outputs"] += len(event.get("outputs") or ())

    @property
    def mean_size(self) -> float:
        """The size of the average event."""
        return sum(self.sizes) / len(self.sizes)

    @property
    def repetition(self) -> float:
        """The share of the facets that were seen before."""
        return 1 - self.distinct.total() / self.facets.total()

    def lines(self) -> Iterator[str]:
        """Yield what was counted, for people."""
        events, sizes = len(self.sizes), sorted(self.sizes)
        p50, p90 = sizes[events // 2], sizes[events * 9 // 10]
        yield f"{events:,} events of {self.mean_size:,.0f} bytes (p50 {p50:,}, p90 {p90:,}, max {sizes[-1]:,})"
        yield ", ".join(f"{what} {count / events:.2f}" for what, count in self.counts.most_common()) + " an event"
        yield f"{self.facets.total() / events:.1f} facets an event, {self.repetition:.1%} of them seen before"
        for (carrier, key), count in self.facets.most_common():
            seen = 1 - self.distinct[carrier, key] / count
            yield f"  {carrier + '.' + key:<36}{count / events:>6.2f} an event, {seen:>6.1%} seen before"


def _facet_maps(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for carrier in "run", "job", "dataset":
        yield carrier, (event.get(carrier) or {}).get("facets") or {}
    for side in "input", "output":
        for dataset in event.get(f"{side}s") or ():
            yield f"{side} dataset", dataset.get("facets") or {}
            yield side, dataset.get(f"{side}Facets") or {}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def measure(lines: Iterable[bytes]) -> Measure:
    """Measure events, one a line."""
    measured = Measure()
    for line in lines:
        if line.strip():
            measured.see(json.loads(line))
    return measured


def main() -> None:
    """Print what the files hold."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with fileinput.input(sys.argv[1:], mode="rb") as lines:
        print(*measure(lines).lines(), sep="\n")


if __name__ == "__main__":
    main()
