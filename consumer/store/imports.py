"""What an import needs of the store: to write, and to know which files are in it."""

from __future__ import annotations

from collections.abc import Mapping

from ..ledger import Table
from .store import Store


class ImportTables:
    """The part of an open store that imports read and write."""

    def __init__(self, store: Store) -> None:
        """Use *store*, which somebody else closes."""
        self._store = store

    def write(self, tables: Mapping[str, Table]) -> None:
        """Write rows in one transaction."""
        self._store.write(tables)

    def imported_files(self) -> dict[bytes, tuple[str, str, str, str]]:
        """Return tool, root, path and hash of each file that was imported, by its id."""
        rows = self._store.database.rows("SELECT file_id, tool, root, path, sha256 FROM store.import_file")
        return {file_id.bytes: (tool, root, path, sha256) for file_id, tool, root, path, sha256 in rows}
