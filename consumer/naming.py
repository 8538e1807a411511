"""What the settings say about names: which spellings mean one dataset. Pure: a rule looks at a name alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from .names import DatasetName

# A step of a path that says which part of a dataset this is: day=2026-01-01, 2026-01-01, 20260101T0600Z.
_PARTITION = re.compile(r"[^/=]+=[^/=]*|\d{4}-?\d{2}-?\d{2}([T ]?[\d:.-]*Z?)")


class Alias(NamedTuple):
    """Another name of a dataset, and the rule that gives it.

    Attributes:
        name: the name.
        rule: ``rule`` if the name replaces the one it was made from, ``case`` if they are only equal.
    """

    name: DatasetName
    rule: str


class Naming:
    """The rules. Namespaces are matched whole; ``*`` in a pattern stands for anything."""

    def __init__(
        self,
        namespace_map: Mapping[str, str] = {},
        case_insensitive: Sequence[str] = (),
        trim_partitions: Sequence[str] = (),
    ) -> None:
        """Take the rules of the settings of the same names."""
        self._namespaces = namespace_map
        self._case_insensitive = case_insensitive
        self._trimmed = trim_partitions

    def alias(self, name: DatasetName) -> Alias | None:
        """Return the name that the rules give a dataset, or None if it has it already."""
        replaced = DatasetName(self._namespaces.get(name.namespace, name.namespace), name.name)
        if _is_any(replaced.namespace, self._trimmed):
            replaced = replaced._replace(name=without_partitions(replaced.name))
        if replaced != name:
            return Alias(replaced, "rule")
        if _is_any(name.namespace, self._case_insensitive) and name.name != name.name.casefold():
            return Alias(name._replace(name=name.name.casefold()), "case")
        return None


def without_partitions(path: str) -> str:
    """Return a path without the steps at its end that name a partition; the first step always stays."""
    steps = path.rstrip("/").split("/")
    kept = len(steps)
    while kept > 1 and any(steps[: kept - 1]) and _PARTITION.fullmatch(steps[kept - 1]):
        kept -= 1
    return path if kept == len(steps) else "/".join(steps[:kept])


def _is_any(namespace: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in patterns)
