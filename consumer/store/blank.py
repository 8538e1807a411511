"""An empty store that is kept in the user's cache: a new store is a copy of it.

DuckDB binds each of some hundred views and macros when it is made, which takes most of a second; a copy takes some
milliseconds. The cache only saves time: without it, or when it cannot be used, a store is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

_PATTERN = "blank-*.duckdb"


def copy_blank(path: Path, version: str, make: Callable[[Path], None]) -> bool:
    """Make *path* a copy of the empty store of a version; return False, with nothing done, where that cannot be had.

    Args:
        path: where the copy goes; it appears whole or not at all.
        version: what the store is made of: another text, another store.
        make: makes an empty store at a path; called if the cache has none yet.
    """
    try:
        folder = cache_folder()
        blank = folder / _PATTERN.replace("*", version)
        if not blank.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder) as part:
                made = Path(part) / blank.name
                make(made)
                for old in folder.glob(_PATTERN):
                    old.unlink(missing_ok=True)
                made.replace(blank)
        copy_whole(blank, path)
    except OSError:  # no home, no room, no permission
        return False
    return True


def forget_blank() -> None:
    """Throw the empty store away: it turned out to be of no use."""
    with suppress(OSError):
        for blank in cache_folder().glob(_PATTERN):
            blank.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Return where what can be made again is kept.

    Raises:
        OSError: this user has no home.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given / "headwater"
    try:
        return Path.home() / ".cache" / "headwater"
    except RuntimeError as exc:
        raise OSError(str(exc)) from exc


def copy_whole(source: Path, path: Path) -> None:
    """Copy a file so that the copy appears whole or not at all.

    Raises:
        OSError: it cannot be read or written.
    """
    part = path.with_suffix(".part")
    try:
        copyfile(source, part)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
