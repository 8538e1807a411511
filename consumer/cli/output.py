"""Printing results: a table for people, JSON lines or CSV for programs. Data goes to stdout, words go to stderr."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

import click

if TYPE_CHECKING:
    import pyarrow as pa


def say(sentence: str) -> None:
    """Tell a person something, on stderr."""
    click.echo(sentence, err=True)


def show(result: pa.Table, format_: str | None) -> None:
    """Print a result in the format that was asked for, or the one that fits where it goes."""
    chosen = format_ or ("table" if sys.stdout.isatty() else "json")
    names = result.column_names
    rows = (tuple(row.values()) for row in result.to_pylist())
    {"table": _table, "json": _json_lines, "csv": _csv}[chosen](names, rows)


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


def _table(names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*names, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row))
    # A pipe has no width: a table that was asked for there is as wide as it needs to be.
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


def _json_lines(names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        click.echo(json.dumps(dict(zip(names, row, strict=True)), default=_plain, ensure_ascii=False))


def _csv(names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row] for row in rows)


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
