"""Printing results: a table for people, JSON lines or CSV for programs. Data goes to stdout, words go to stderr."""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast
from uuid import UUID

import click

from ..notice import Level, Notice

if TYPE_CHECKING:
    import pyarrow as pa

_FOREVER = (1 << 63) - 1  # DuckDB's infinity


_log_format = "console"


def log_as(format_: str) -> None:
    """From now on, say what happens as sentences (``console``) or JSON lines (``json``), and others' warnings too."""
    global _log_format
    _log_format = format_
    if format_ == "json":
        from .logs import relay_warnings

        relay_warnings()


def say(sentence: str) -> None:
    """Tell a person something, on stderr; a `Notice` tells programs more."""
    if _log_format == "json":
        from .logs import line_of

        sentence = line_of(sentence)
    click.echo(sentence, err=True)


def saying(event: str, level: Level = "warning") -> Callable[[str], None]:
    """Return a `say` for sentences that are all about one thing."""
    return lambda sentence: say(sentence if isinstance(sentence, Notice) else Notice(sentence, event, level))


class Drawing(Protocol):
    """Says how a table for people looks, where it is more than the columns and the values."""

    def columns(self, names: list[str]) -> list[str]:
        """Return the titles of the columns of a result that has *names*."""
        ...

    def row(self, row: Mapping[str, Any]) -> list[tuple[Any, str]]:
        """Return the values of a row, each with the style that rich shows it in."""
        ...


def show(result: pa.Table, format_: str | None, draw: Drawing | None = None) -> None:
    """Print a result in the format that was asked for, or the one that fits where it goes.

    Args:
        result: what to print.
        format_: table, json or csv.
        draw: how a table is drawn; JSON and CSV are what they are.
    """
    chosen = format_ or ("table" if sys.stdout.isatty() else "json")
    names = result.column_names
    rows = zip(*map(_values, result.columns), strict=True)
    if chosen == "table":
        _table(names, rows, draw)
    else:
        {"json": _json_lines, "csv": _csv}[chosen](names, rows)


@contextmanager
def writing(out: str) -> Iterator[BinaryIO]:
    """Yield a stream of bytes to *out*: a file, packed if its name ends in .gz or .zst, or - for standard output.

    The file has its name only once it is complete; until then, and after a crash, it is called ``NAME.part``.
    """
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(out)
    part = path.with_name(f"{path.name}.part")
    with _packed(part, path.suffix) as stream:
        yield stream
    part.replace(path)


def _packed(path: Path, ending: str) -> BinaryIO:
    if ending == ".gz":
        return cast("BinaryIO", gzip.open(path, "wb", compresslevel=6))
    if ending == ".zst":
        import zstandard

        return cast("BinaryIO", zstandard.open(path, "wb"))
    return path.open("wb")


def _table(names: list[str], rows: Iterable[tuple[Any, ...]], draw: Drawing | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*(draw.columns(names) if draw else names), header_style="bold")
    for row in rows:
        cells = draw.row(dict(zip(names, row, strict=True))) if draw else [(value, "") for value in row]
        table.add_row(*(Text(_text(value), style=style) for value, style in cells))
    # A pipe has no width: a table that was asked for there is as wide as it needs to be.
    console = Console(
        width=None if sys.stdout.isatty() else 10_000, color_system=None if os.environ.get("NO_COLOR") else "auto"
    )
    with console.capture() as drawn:  # rich would end the process itself if nobody reads on
        console.print(table)
    click.echo(drawn.get(), nl=False)


def _json_lines(names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    unique = [f"{name}_{n}" if (n := names[:place].count(name)) else name for place, name in enumerate(names)]
    for row in rows:
        # A JSON object has a name once: name, name_1, ..., as DuckDB calls them in a table.
        click.echo(json.dumps(dict(zip(unique, map(_finite, row), strict=True)), default=_plain, ensure_ascii=False))


def _csv(names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row] for row in rows)


def _values(column: pa.ChunkedArray[Any]) -> Sequence[Any]:
    try:
        return column.to_pylist()
    except (OverflowError, ValueError):  # an instant that Python has no type for: infinity, nanoseconds
        return [_instant(value) for value in column]


def _instant(value: pa.Scalar[Any]) -> str | None:
    import pyarrow as pa

    if not value.is_valid:
        return None
    micros = value.cast(pa.int64()).as_py()
    if abs(micros) == _FOREVER:
        return "infinity" if micros > 0 else "-infinity"
    return str(value.cast(pa.string())).replace(" ", "T", 1)


def _finite(value: Any) -> Any:
    """Return NaN and the infinities as text: JSON has no numbers for them."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " → ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(_plain(value)) if not isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Return a value that JSON has no type for as one that it has."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time | timedelta | UUID | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    return value if isinstance(value, int | float | bool) else str(value)
