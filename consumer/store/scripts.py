"""Finds the SQL: one folder for each lifetime, one file for each object, the order in the file names."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

Folder = Literal["migrations", "writes", "views", "macros", "upkeep"]


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
    def sha256(self) -> str:
        """Return the hash of the text, in hex."""
        return sha256(self.sql.encode()).hexdigest()


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
