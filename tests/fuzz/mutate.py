"""Events that nearly are events: recorded ones with something taken out, put in, doubled, or made into something else.

A JSON object is a list of pairs here, so that it can have a key twice; a number is its text, so that it can be any.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring, encode_basestring_ascii
from random import Random
from typing import Any, NamedTuple


class Pairs(list[tuple[str, Any]]):
    """A JSON object."""


class Text(NamedTuple):
    """A JSON text that stands for itself, such as a number."""

    text: str


KEYS = [
    *(
        "eventTime",
        "eventType",
        "run",
        "runId",
        "job",
        "dataset",
        "inputs",
        "outputs",
        "facets",
        "producer",
        "schemaURL",
    ),
    *(
        "namespace",
        "name",
        "type",
        "fields",
        "field",
        "inputFields",
        "transformations",
        "subtype",
        "masking",
        "entries",
    ),
    *("columnLineage", "lineage", "schema", "symlinks", "identifiers", "parent", "parentRun", "root", "nominalTime"),
    *("dataQualityAssertions", "assertions", "assertion", "success", "column", "test", "tests", "status", "severity"),
    *("inputFacets", "outputFacets", "outputStatistics", "rowCount", "size", "version", "datasetVersion", "_deleted"),
    *("lifecycleStateChange", "previousIdentifier", "jobType", "processingType", "emissionPattern", "documentation"),
    *(
        "ownership",
        "owners",
        "datasetType",
        "tags",
        "jobDependencies",
        "catalog",
        "storage",
        "subset",
        "icebergScanReport",
    ),
    *("greatExpectations_assertions", "errorMessage", "", "a.b", "a\x00b", "\x01", "\ud800", "é" * 40, "k" * 300),
]
STRINGS = [
    *("", " ", "a", "b", "db", "r", "START", "COMPLETE", "complete", "FAIL", "ABORT", "OTHER", "TEST", "STREAMING"),
    *(
        "TABLE",
        "LOCATION",
        "RENAME",
        "DROP",
        "COMPLETE_SNAPSHOT",
        "DATASET",
        "JOB",
        "DIRECT",
        "INDIRECT",
        "MASKED",
        "fail",
    ),
    *(
        "\x00",
        "\x01",
        "a\x01b\x01",
        "\x1f\x7f",
        "\ud800",
        "\udfff\ud800",
        "\U0001f577",
        "\u202e",
        "\ufeff",
        "'; --",
        '"\\/',
    ),
    *("x" * 3000, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "2026-01-01"),
    *("9999-12-31T23:59:59.999999999-14:00", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-06-30T23:59:60Z"),
    *("2026-01-01T00:00:00Z[Europe/London]", "2026-01-01T00:00:00+99:99", "10000-01-01T00:00:00Z", "P1D", "[", "Z"),
]
NUMBERS = [
    *(
        "0",
        "-0",
        "-0.0",
        "1",
        "1.10",
        "1e5",
        "1E+5",
        "1e400",
        "1e-400",
        "1e999999999999999999999",
        "1e-99999999999999999999",
    ),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "-9223372036854775809",
        "9" * 40,
        "9" * 5000,
    ),
    *("0." + "1" * 200, "3776229381234567890", "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "0x10"),
]


def parse(value: bytes) -> Any:
    """Return a JSON text as a tree that `render` writes again.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(value, object_pairs_hook=Pairs, parse_int=Text, parse_float=Text, parse_constant=Text)


def render(tree: Any) -> bytes:
    """Return a tree as JSON text; lone surrogates are escaped, as Python writes them."""
    pieces: list[str] = []
    _write(tree, pieces)
    return "".join(pieces).encode()


def _write(tree: Any, pieces: list[str]) -> None:
    if isinstance(tree, str):  # most are, and json.dumps takes a while to find that out
        pieces.append(encode_basestring(tree) if tree.isprintable() else encode_basestring_ascii(tree))
    elif isinstance(tree, Text):
        pieces.append(tree.text)
    elif isinstance(tree, Pairs):
        for place, (key, item) in enumerate(tree):
            pieces.append(f"{',' if place else '{'}{encode_basestring_ascii(key)}:")
            _write(item, pieces)
        pieces.append("}" if tree else "{}")
    elif isinstance(tree, list):
        for place, item in enumerate(tree):
            pieces.append("," if place else "[")
            _write(item, pieces)
        pieces.append("]" if tree else "[]")
    else:
        pieces.append(json.dumps(tree))


def mutated(tree: Any, chance: Random, other: Any = None) -> Any:
    """Return *tree* with one to four changes; *other* is a second tree to take parts from."""
    for _ in range(chance.randint(1, 4)):
        tree = _changed(tree, chance, other)
    return tree


def anything(chance: Random, depth: int = 3) -> Any:
    """Return any small JSON tree."""
    kind = chance.randrange(8 if depth else 5)
    if kind == 0:
        return None
    if kind == 1:
        return chance.random() < 0.5
    if kind == 2:
        return Text(chance.choice(NUMBERS))
    if kind in (3, 4):
        return chance.choice(STRINGS)
    size = chance.randrange(4)
    if kind == 5:
        return [anything(chance, depth - 1) for _ in range(size)]
    return Pairs((chance.choice(KEYS), anything(chance, depth - 1)) for _ in range(size))


def _changed(tree: Any, chance: Random, other: Any) -> Any:
    """Return *tree* with one change, somewhere down a random path."""
    if not isinstance(tree, list) or not tree or chance.random() < 0.15:
        return _replaced(tree, chance, other)
    place = chance.randrange(len(tree))
    is_object = isinstance(tree, Pairs)
    changed: Any = Pairs(tree) if is_object else list(tree)
    what = chance.randrange(10)
    if what == 0:
        del changed[place]
    elif what == 1:
        changed.insert(chance.randrange(len(changed) + 1), changed[place])
    elif what == 2 and is_object:
        changed[place] = (chance.choice(KEYS), changed[place][1])
    elif what == 3:
        new = _part(other, chance) if other is not None and chance.random() < 0.5 else anything(chance)
        changed.insert(place, (chance.choice(KEYS), new) if is_object else new)
    elif is_object:
        key, item = changed[place]
        changed[place] = (key, _changed(item, chance, other))
    else:
        changed[place] = _changed(changed[place], chance, other)
    return changed


def _replaced(tree: Any, chance: Random, other: Any) -> Any:
    what = chance.randrange(8)
    if what == 0:
        return None
    if what == 1:
        return [tree]
    if what == 2:
        return Pairs([(chance.choice(KEYS), tree)])
    if what == 3 and other is not None:
        return _part(other, chance)
    if what == 4 and isinstance(tree, str):
        return chance.choice([tree.upper(), tree + chance.choice(STRINGS), tree[: len(tree) // 2], tree.swapcase()])
    if what == 5 and chance.random() < 0.05:
        return _deep(tree, chance)
    return anything(chance)


def _deep(tree: Any, chance: Random) -> Any:
    depth = chance.choice([30, 300, 600])  # Python's own reader, with which we compare, gives up at 1,000
    for _ in range(depth):
        tree = [tree] if chance.random() < 0.5 else Pairs([("fields", tree)])
    return tree


def _part(tree: Any, chance: Random) -> Any:
    """Return some part of a tree."""
    while isinstance(tree, list) and tree and chance.random() < 0.8:
        item = chance.choice(tree)
        tree = item[1] if isinstance(tree, Pairs) else item
    return tree
