"""Writes the parts of the documentation that come from the code: `make docs`. test_docs.py holds them against it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headwater import facets, metrics
from headwater.quality import CheckResultLine
from headwater.store import Reader, Store
from headwater.store.reader import Documented
from headwater.store.scripts import scripts

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "schemas"
DICTIONARY = SCHEMAS / "README.md"
EVENTS = SCHEMAS / "events"
METRICS = ROOT / "docker" / "grafana" / "README.md"

_INTRODUCTION = """\
# The database

Everything that the store knows is SQL in this folder; there is no Python here. Each folder is a lifetime:

| folder | what | when it runs |
|---|---|---|
| `migrations/` | tables | once for each store, in the order of the numbers; never changed after a release |
| `writes/` | for each table, how the rows of a batch get into it | at every batch, all in one transaction |
| `views/` | what is asked for by name | dropped and built anew whenever a store is opened for writing |
| `macros/` | what is asked for with arguments | the same, in one sequence of numbers with the views |
| `upkeep/` | how what is old is forgotten, and the rest written anew | at `retain`, and in the sidecar now and then |
| `events/` | JSON Schemas of the facets that Headwater reads | never; they are documentation |

To change a view or macro, edit its file: the next `headwater migrate`, `replay` or `consume` rebuilds all of them in
one transaction. To change a table, add a migration. A file is named for the one object that it makes or fills.

Facts live in the schema `store`. It is private: a migration may change it. The views and macros below, in the schema
`main`, are for everybody, and `headwater schema` prints them. Three things hold for all of them:

- A dataset or job is always two columns, (`namespace`, `name`): where it is, and what it is called there.
- All times are UTC instants, of type TIMESTAMPTZ. A client may show them in its own zone; after `SET TimeZone = 'UTC'`
  it shows them in UTC.
- The store can be attached under any name. Views work at once (`FROM other.edge`); macros look for their tables in the
  database that is in use, so `USE other` comes first.

What follows is written by `make docs` from the comments in the catalogue of a new store.
"""

_LONG_TYPE = "TIMESTAMP WITH TIME ZONE"

_CREATE_MACRO = re.compile(r"^CREATE MACRO (\w+)\((.*)\) AS TABLE$", re.MULTILINE)

_FACETS = """\
# The facets that Headwater reads

One JSON Schema for each facet key, generated from the models that read them. Every facet is kept as JSON, known or not
(view `facet`); one that is listed here has typed columns as well. Reading is lenient: null means absent, members that
are not named here are ignored, numbers are taken where text is expected and the other way round, and words such as
DIRECT are read in any case. What cannot be read all the same is left out as narrowly as can be, such as one element of
a list, and `facet.problem` says what and why.

One more is no facet: [check_result](check_result.schema.json) is a line of what `headwater import json` reads.
"""


_METRICS = """\
# The metrics of the sidecar

`headwater consume --listen 0.0.0.0:9464` serves them at `/metrics`, in the text format of Prometheus or in OpenMetrics,
with those of the process (`process_resident_memory_bytes`, `process_cpu_seconds_total`, ...) besides.
[headwater.json](headwater.json) is a Grafana dashboard of them: import it, and choose the data source.

Counters start at 0 with the process. Everything is counted once a batch, when the batch is in the store. Values of
labels that are known beforehand are there from the start, so that `increase` sees the first time too.

What to be woken for:

| when | what it means |
|---|---|
| `headwater_ready == 0` for some minutes | nobody keeps the store up to date: no broker, no room, or no store |
| `headwater_lag_records` grows for an hour | more comes in than is folded, or a partition is not read |
| `increase(headwater_gaps_total[1h]) > 0` | the broker deleted events that were not read yet; replay a capture |
| `increase(headwater_dead_letters_total[1h]) > 0` | a producer sends what cannot be read: `headwater dead-letters` |
| `increase(headwater_failures_total[1h]) > 0` | the disk is full, or was |

The table is written by `make docs` from `consumer/metrics.py`.
"""


def generated() -> dict[Path, str]:
    """Return every generated file with the text that it should have."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lineage.duckdb"
        Store(path).close()
        with Reader(path) as reader:
            dictionary = _dictionary(reader)
    return {
        DICTIONARY: dictionary,
        **_facet_schemas(),
        EVENTS / "check_result.schema.json": _result_schema(),
        METRICS: _metrics(),
    }


def signatures() -> dict[str, str]:
    """Return the parameters of each macro for users, with their defaults, as its file has them."""
    found = (_CREATE_MACRO.search(script.sql) for script in scripts("macros"))
    return {macro[1]: macro[2] for macro in found if macro}


def result_columns(reader: Reader, macro: str) -> list[tuple[str, str]]:
    """Return name and type of each column that a macro results in."""
    required = [parameter for parameter in signatures()[macro].split(", ") if ":=" not in parameter]
    rows = reader.query(f"DESCRIBE FROM {macro}({', '.join('NULL' for _ in required)})").to_pylist()
    return [(row["column_name"], row["column_type"]) for row in rows]


def _dictionary(reader: Reader) -> str:
    documented = reader.documentation()
    views = [_view(view) for view in documented if view.kind == "view"]
    macros = [_macro(macro, result_columns(reader, macro.name)) for macro in documented if macro.kind == "macro"]
    return "\n".join([_INTRODUCTION, "## Views\n", *views, "## Macros\n", *macros])


def _view(view: Documented) -> str:
    rows = [_row(f"`{column}`", type_, meaning) for column, type_, meaning in view.columns]
    return "\n".join(
        [f"### {view.name}\n", f"{view.comment}\n", "| column | type | meaning |", "|---|---|---|", *rows, ""]
    )


def _macro(macro: Documented, columns: list[tuple[str, str]]) -> str:
    rows = [_row(f"`{column}`", type_) for column, type_ in columns]
    call = f"`{macro.name}({signatures()[macro.name]})`"
    table = ["| results in | type |", "|---|---|", *rows]
    return "\n".join([f"### {macro.name}\n", f"{call}\n", f"{macro.comment}\n", *table, ""])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|").replace(_LONG_TYPE, "TIMESTAMPTZ") for cell in cells) + " |"


def _metrics() -> str:
    rows = [_row(f"`{metric.name}`", metric.kind, _labels(metric), metric.meaning) for metric in metrics.METRICS]
    return "\n".join([_METRICS, "| metric | kind | labels | meaning |", "|---|---|---|---|", *rows, ""])


def _labels(metric: metrics.Metric) -> str:
    known = f": {', '.join(metric.known)}" if metric.known else ""
    return ", ".join(f"`{label}`" for label in metric.labels) + known


def _facet_schemas() -> dict[Path, str]:
    carriers: dict[str, list[str]] = {}
    models: dict[str, type[facets.Facet]] = {}
    for (entity, key), model in sorted(facets.MODELS.items()):
        # A key that means something else on another entity has a file for each.
        name = (
            key if len({facets.MODELS[place] for place in facets.MODELS if place[1] == key}) == 1 else f"{entity}.{key}"
        )
        models[name] = model
        carriers.setdefault(name, []).append(entity)
    texts = {EVENTS / f"{key}.schema.json": _facet_schema(key, models[key], carriers[key]) for key in models}
    return {EVENTS / "README.md": _facet_index(models, carriers), **texts}


def _facet_index(models: dict[str, type[facets.Facet]], carriers: dict[str, list[str]]) -> str:
    rows = [
        f"| [`{key}`]({key}.schema.json) | {', '.join(carriers[key])} | {_purpose(models[key])} |"
        for key in sorted(models)
    ]
    return "\n".join([_FACETS, "| facet | of | what it says |", "|---|---|---|", *rows, ""])


def _purpose(model: type[facets.Facet]) -> str:
    """Return what a facet's docstring says after the key."""
    text = (model.__doc__ or "").partition(": ")[2]
    return text[:1].upper() + text[1:].replace("``", "`")


def _facet_schema(key: str, model: type[facets.Facet], entities: list[str]) -> str:
    schema = _plain(model.model_json_schema(by_alias=True))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": key,
        "description": _purpose(model),
        "$comment": f"Read in facets of: {', '.join(entities)}. Generated by 'make docs'.",
    }
    return json.dumps({**head, **{name: schema[name] for name in sorted(schema) if name not in head}}, indent=2) + "\n"


def _result_schema() -> str:
    schema = _plain(CheckResultLine.model_json_schema())
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "check_result",
        "description": schema["description"],
        "$comment": "A line of what 'headwater import json' reads. Generated by 'make docs'.",
    }
    return json.dumps({**head, **{name: schema[name] for name in sorted(schema) if name not in head}}, indent=2) + "\n"


def _plain(node: Any) -> Any:
    """Leave out what is of no use to a reader: titles that repeat names, and defaults. Nullable types become a list."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node and all(list(choice) == ["type"] for choice in node["anyOf"]):
        node = {**node, "type": [choice["type"] for choice in node["anyOf"]]}
        del node["anyOf"]
    return {
        name: {key: _plain(value) for key, value in item.items()} if name in ("properties", "$defs") else _plain(item)
        for name, item in sorted(node.items())
        if name not in ("title", "default")
    }


def main() -> None:
    """Write the files that changed, and remove those that have no facet any more."""
    files = generated()
    EVENTS.mkdir(exist_ok=True)
    for path in set(EVENTS.iterdir()) - set(files):
        path.unlink()
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
