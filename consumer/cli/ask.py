"""The verbs that ask the published store."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ..settings import settings
from .options import MOMENT, output_format, setting
from .output import say, show

if TYPE_CHECKING:
    from ..store import Reader


@click.command()
@click.argument("sql")
@setting("store")
@output_format
def query(sql: str, store: str | None, format_: str | None) -> None:
    """Run read-only SQL on the store; - reads it from standard input.

    \b
      headwater query "FROM edge WHERE is_current"
    """  # noqa: D301
    text = sys.stdin.read() if sql == "-" else sql
    with _reader(store) as reader:
        show(reader.query(text), format_)


def _walk(name: str, macro: str, purpose: str) -> click.Command:
    """Return the verb of a walk along the edges."""

    @click.command(name, help=purpose)
    @click.argument("name")
    @click.option("--namespace", help="Namespace of the dataset, if several have the name.")
    @click.option("--depth", type=click.IntRange(min=1), help="How many steps to take at most.  [default: all]")
    @click.option("--as-of", type=MOMENT, help="A moment: the graph as it stood then.  [default: now]")
    @setting("store")
    @output_format
    def command(
        name: str,
        namespace: str | None,
        depth: int | None,
        as_of: datetime | None,
        store: str | None,
        format_: str | None,
    ) -> None:
        with _reader(store) as reader:
            dataset = reader.find_dataset(name, namespace)
            sql = f"FROM {macro}($namespace, $name, max_depth := $depth, as_of := $as_of::TIMESTAMPTZ)"
            show(reader.query(sql, {**dataset._asdict(), "depth": depth, "as_of": as_of}), format_)

    return command


upstream = _walk(
    "upstream", "upstream", "Show every dataset that dataset NAME is made from; NAME may be its unique ending."
)
downstream = _walk(
    "downstream", "downstream", "Show every dataset that is made from dataset NAME; NAME may be its unique ending."
)


@click.command("root-cause")
@click.argument("name")
@click.option("--namespace", help="Namespace of the dataset, if several have the name.")
@click.option("--field", help="The field that the failing check is about.")
@click.option("--check", help="The failing check.  [default: all of the dataset's]")
@click.option("--as-of", type=MOMENT, help="A moment: what was right then.  [default: now]")
@setting("store")
@output_format
def root_cause(
    name: str,
    namespace: str | None,
    field: str | None,
    check: str | None,
    as_of: datetime | None,
    store: str | None,
    format_: str | None,
) -> None:
    """Rank what may have broken dataset NAME; NAME may be its unique ending.

    \b
      headwater root-cause dim_customers --field customer_id
    """  # noqa: D301
    with _reader(store) as reader:
        dataset = reader.find_dataset(name, namespace)
        found = reader.query(_ROOT_CAUSE, {**dataset._asdict(), "field": field, "check": check, "as_of": as_of})
        if not found.num_rows:
            say(f"No check of {dataset.name} or of anything upstream of it explains a failure.")
        show(found, format_)


@click.command()
@setting("store")
def digest(store: str | None) -> None:
    """Print one hash of the store's facts.

    Stores that folded the same events have the same digest, in whatever order and batches the events came. How they
    came (offsets, arrival times, dead letters) does not count.
    """
    with _reader(store) as reader:
        click.echo(reader.digest())


def _reader(store: str | None) -> Reader:
    from ..store import Reader

    return Reader(settings(store=store).store)


_ROOT_CAUSE = """
FROM root_cause($namespace, $name, fld := $field, check_name := $check, as_of := $as_of::TIMESTAMPTZ)
"""
