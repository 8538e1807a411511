"""Fuzz decoding, folding and writing: ``make fuzz``, or ``python tests/fuzz/fuzz.py --runs 1000000``.

With atheris (Python 3.11 to 3.13 on Linux) inputs are chosen by which code they reach; without it by chance alone. An
input that breaks something is printed and ends the run with exit 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    import atheris
except ImportError:
    atheris = None  # there are no wheels of it for macOS, nor for the newest Python
else:
    with atheris.instrument_imports(include=["headwater"]):
        import headwater.batch
        import headwater.fold
        import headwater.store  # noqa: F401

from headwater.store import Store
from mutate import KEYS, STRINGS, mutated, parse, render
from oracle import Judge
from seeds import seeds

WRITE_EVERY = 5_000  # asking every view takes a second, whatever is in them


def main() -> int:
    """Fuzz as often as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs (1,000,000)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="to repeat a run (the time)")
    parser.add_argument("--by-chance", action="store_true", help="do without atheris")
    given = parser.parse_args()
    print(f"{given.runs:,} inputs, --seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "live.duckdb", memory_limit="512MB") as store:
        judge = Judge(store, write_every=WRITE_EVERY)
        if atheris is None or given.by_chance:
            _by_chance(judge, given.runs, given.seed)
        else:
            _by_coverage(judge, given.runs, given.seed, Path(folder))
    return 0


def _by_chance(judge: Judge, runs: int, seed: int) -> None:
    chance = Random(seed)
    trees = [parse(value) for value in seeds()]
    began = time.monotonic()
    while judge.inputs < runs:
        value = render(mutated(chance.choice(trees), chance, chance.choice(trees)))
        judge.judge(_scratched(value, chance) if chance.random() < 0.2 else value)
        if judge.inputs % 100_000 == 0:
            print(f"{judge.inputs:,} after {time.monotonic() - began:.0f} s", flush=True)
    judge.finish()
    print(f"{judge.inputs:,} inputs in {time.monotonic() - began:.0f} s: nothing broke")


def _scratched(value: bytes, chance: Random) -> bytes:
    """Return bytes with one of them cut out, changed or put in."""
    place = chance.randrange(len(value) or 1)
    new = bytes([chance.randrange(256)]) if chance.random() < 0.7 else b""
    return value[:place] + new + value[place + chance.randrange(2) :]


def _by_coverage(judge: Judge, runs: int, seed: int, folder: Path) -> None:
    begin = folder / "seeds"
    begin.mkdir()
    for place, value in enumerate(seeds()):
        (begin / f"{place:04}.json").write_bytes(value)
    words = folder / "words.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in [*KEYS, *STRINGS] if 0 < len(word) < 64))

    def mutate(data: bytes, most: int, number: int) -> bytes:
        chance = Random(number)
        if chance.random() < 0.6:
            try:
                return render(mutated(parse(data), chance))[:most]
            except (ValueError, RecursionError):
                pass  # not JSON, or too deep for us
        return bytes(atheris.Mutate(data, most))

    def one(data: bytes) -> None:
        judge.judge(data)
        if judge.inputs == runs:
            judge.finish()

    arguments: list[Any] = [f"-atheris_runs={runs}", f"-runs={runs}", f"-seed={seed % 2**31}", f"-dict={words}"]
    arguments += ["-max_len=20000", "-rss_limit_mb=4096", "-timeout=600", f"-artifact_prefix={_found()}/", str(begin)]
    atheris.Setup([sys.argv[0], *arguments], one, custom_mutator=mutate)
    atheris.Fuzz()  # ends the process


def _found() -> Path:
    """Return the folder for inputs that crash the process or are slow."""
    folder = Path(__file__).parents[2] / ".cache" / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
