"""Each folder is a story: which events happened, questions in SQL, and their answers. Adding one adds no Python."""

from __future__ import annotations

import csv
import io
import random
import tomllib
from pathlib import Path

import pytest
from headwater.store import Store
from support import ROOT, digest_of, values_of, write_all

HERE = Path(__file__).parent
QUESTIONS = sorted(HERE.glob("*/*.sql"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Store]:
    """Return a store for each story. Its events came in no particular order, as they do."""
    stores = {}
    for folder in sorted({question.parent for question in QUESTIONS}):
        story = tomllib.loads((folder / "story.toml").read_text())
        values = values_of(*(ROOT / path for path in story["events"]))
        stores[folder] = Store(tmp_path_factory.mktemp(folder.name) / "live.duckdb")
        write_all(stores[folder], [random.Random(folder.name).sample(values, len(values))])
    return stores


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_question_has_its_answer(stores: dict[Path, Store], question: Path) -> None:
    found = io.StringIO()
    table = stores[question.parent].database.table(question.read_text())
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(row.values() for row in table.to_pylist())

    assert found.getvalue() == question.with_suffix(".csv").read_text()


def test_asking_changes_nothing(stores: dict[Path, Store]) -> None:
    for store in stores.values():
        assert digest_of(store) == digest_of(store)
