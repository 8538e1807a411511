"""The verbs that ask the published store."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, cast

import click

from ..errors import UnknownPart
from ..settings import settings
from .causes import draw
from .options import FORMATS, MOMENT, output_format, setting
from .output import say, show

if TYPE_CHECKING:
    from ..names import DatasetName
    from ..store import Reader
    from .causes import Drawing


@click.command(context_settings={"ignore_unknown_options": True})  # a comment begins with two dashes
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
@click.option("--explain", is_flag=True, help="Show what each score is made of, and why it counts that much.")
@setting("store")
@click.option(
    "--format",
    "format_",
    type=click.Choice([*FORMATS.choices, "mermaid", "dot", "html"]),
    envvar="HEADWATER_FORMAT",
    show_envvar=True,
    help="How to print; the last three draw the paths.  [default: table on a terminal, else json: one object a line]",
)
def root_cause(
    name: str,
    namespace: str | None,
    field: str | None,
    check: str | None,
    as_of: datetime | None,
    explain: bool,
    store: str | None,
    format_: str | None,
) -> None:
    """Rank what may have broken dataset NAME; NAME may be its unique ending.

    \b
      headwater root-cause dim_customers --field customer_id
      headwater root-cause dim_customers --format html > why.html
    """  # noqa: D301
    chosen = format_ or ("table" if sys.stdout.isatty() else "json")
    with _reader(store) as reader:
        dataset = reader.find_dataset(name, namespace)
        _check_exists(reader, dataset, "check", check, _CHECKS)
        _check_exists(reader, dataset, "field", field, _FIELDS)
        asked = {**dataset._asdict(), "field": field, "check": check, "as_of": as_of}
        found = reader.query(_EXPLAINED if explain else _ROOT_CAUSE, asked)
        if not found.num_rows:
            failing = reader.query(_FAILING, asked).to_pylist()
            say(_about_nothing(dataset, [row["check_name"] for row in failing]))
    if chosen in ("mermaid", "dot", "html") and not explain:
        click.echo(draw(found.to_pylist(), cast("Drawing", chosen)), nl=False)
    elif chosen == "table" and not explain:
        show(found.select(["rank", "score", "kind", "name", "field", "path", "evidence"]), chosen)
    else:
        show(found, "json" if chosen in ("mermaid", "dot", "html") else chosen)


@click.command("blast-radius")
@click.argument("name")
@click.option("--namespace", help="Namespace of the dataset, if several have the name.")
@click.option("--field", help="Only what is made from this field.")
@click.option("--as-of", type=MOMENT, help="A moment: what was right then.  [default: now]")
@setting("store")
@output_format
def blast_radius(
    name: str,
    namespace: str | None,
    field: str | None,
    as_of: datetime | None,
    store: str | None,
    format_: str | None,
) -> None:
    """Show what dataset NAME affects: how bad it is there, and who answers for it; NAME may be its unique ending."""
    with _reader(store) as reader:
        dataset = reader.find_dataset(name, namespace)
        _check_exists(reader, dataset, "field", field, _FIELDS)
        show(reader.query(_BLAST_RADIUS, {**dataset._asdict(), "field": field, "as_of": as_of}), format_)


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


def _about_nothing(dataset: DatasetName, failing: list[str]) -> str:
    if not failing:
        return f"Nothing at or upstream of {dataset.name} explains a failure."
    return (
        f"{dataset.name} fails {', '.join(failing)}, and nothing that is known at or upstream of it explains that "
        "better than a false alarm. Look at the run that loaded it first."
    )


def _check_exists(reader: Reader, dataset: DatasetName, noun: str, asked: str | None, sql: str) -> None:
    """Refuse a name that nothing has: an empty answer would look as if all were well."""
    if asked is None:
        return
    known = [row["name"] for row in reader.query(sql, dataset._asdict()).to_pylist()]
    if asked not in known:
        listed = f"It has: {', '.join(known)}." if known else f"No {noun} of it is known."
        raise UnknownPart(f"{dataset.name} has no {noun} {asked!r}. {listed}")


_CHECKS = """
SELECT DISTINCT check_name AS name FROM check_result WHERE namespace = $namespace AND name = $name ORDER BY ALL
"""

_FAILING = """
SELECT check_name
FROM check_result
WHERE
    namespace = $namespace
    AND name = $name
    AND ($field::VARCHAR IS NULL OR field = $field)
    AND ($check::VARCHAR IS NULL OR check_name = $check)
    AND executed_at <= coalesce($as_of::TIMESTAMPTZ, 'infinity')
    AND status IN ('passed', 'failed')
GROUP BY check_name, field
HAVING arg_max(status, executed_at) = 'failed'
ORDER BY ALL
"""

_FIELDS = """
SELECT field AS name FROM field WHERE namespace = $namespace AND name = $name
UNION
SELECT field FROM check_result WHERE namespace = $namespace AND name = $name AND field IS NOT NULL
UNION
SELECT downstream_field FROM column_edge
WHERE downstream_namespace = $namespace AND downstream_name = $name AND downstream_field IS NOT NULL
UNION
SELECT upstream_field FROM column_edge
WHERE upstream_namespace = $namespace AND upstream_name = $name AND upstream_field IS NOT NULL
ORDER BY ALL
"""

_ROOT_CAUSE = """
FROM root_cause($namespace, $name, fld := $field, check_name := $check, as_of := $as_of::TIMESTAMPTZ)
"""

_BLAST_RADIUS = "FROM blast_radius($namespace, $name, fld := $field, as_of := $as_of::TIMESTAMPTZ)"

_EXPLAINED = """
SELECT cause.rank, cause.score, cause.name, part.key AS part, round(part.value::DOUBLE, 2) AS log_odds, weight.reason
FROM root_cause($namespace, $name, fld := $field, check_name := $check, as_of := $as_of::TIMESTAMPTZ) AS cause
CROSS JOIN json_each(cause.evidence_detail, '$.parts') AS part
LEFT JOIN root_cause_weight AS weight ON weight.evidence = part.key
WHERE round(part.value::DOUBLE, 2) != 0
ORDER BY cause.rank, abs(part.value::DOUBLE) DESC
"""
