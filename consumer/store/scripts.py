"""Finds the SQL: one folder for each lifetime, one file for each object, the order in the file names."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

Folder = Literal["migrations", "writes", "views", "macros", "upkeep"]

_STATEMENT = re.compile(r"^[^\s-]", re.MULTILINE)  # DuckDB's Python has no result to give for comments alone
_CONDITION = re.compile(r"^-- Only if there is any (\w+):\n", re.MULTILINE)


class Part(NamedTuple):
    """Statements of a script that are run together.

    Attributes:
        needs: a table; without rows in it, the statements would do nothing.
    """

    needs: str | None
    sql: str


class Script(NamedTuple):
    """One SQL file.

    Attributes:
        order: the number its name starts with.
        name: the rest of its name, which is the name of the object or table.
        sql: its text.
    """

    order: str
    name: str
    sql: str

    @property
    def file(self) -> str:
        """Return the name of the file without its ending."""
        return f"{self.order}_{self.name}"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return its statements; a line ``-- Only if there is any TABLE:`` says when those after it are run."""
        return _parts(self.sql)

    @property
    def sha256(self) -> str:
        """Return the hash of the text, in hex."""
        return sha256(self.sql.encode()).hexdigest()


@cache
def _parts(sql: str) -> tuple[Part, ...]:
    always, *others = _CONDITION.split(sql)
    parts = [Part(None, always), *map(Part, others[::2], others[1::2])]
    return tuple(part for part in parts if _STATEMENT.search(part.sql))


@cache
def scripts(*folders: Folder) -> tuple[Script, ...]:
    """Return the SQL files of *folders*, together in the order of their numbers."""
    return tuple(sorted(_read(path) for folder in folders for path in (_schemas() / folder).glob("*.sql")))


def _schemas() -> Path:
    """Return the folder of the SQL: inside the installed package, or beside ``consumer/`` in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


def _read(path: Path) -> Script:
    order, _, name = path.stem.partition("_")
    return Script(order, name, path.read_text(encoding="utf-8"))
