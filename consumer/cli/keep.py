"""The verbs that keep the store: its schema, its migrations, its dead letters, its health."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..settings import Settings, settings
from .options import output_format, setting, settings_of
from .output import say, show

if TYPE_CHECKING:
    from ..store.scripts import Folder

_DDL: tuple[Folder, ...] = ("migrations", "views", "macros")


@click.command()
@click.option("--ddl", is_flag=True, help="Print the SQL that makes the tables, views and macros instead.")
@setting("store")
@output_format
def schema(ddl: bool, store: str | None, format_: str | None) -> None:
    """Show the views and macros of the store with what they mean."""
    from ..store.scripts import scripts

    if ddl:
        folders = {script: folder for folder in _DDL for script in scripts(folder)}
        for script in (*scripts("migrations"), *scripts("views", "macros")):  # a view may need a macro
            click.echo(f"-- schemas/{folders[script]}/{script.file}.sql\n\n{script.sql}")
        return
    from ..store import Reader

    with Reader(settings(store=store).store) as reader:
        show(reader.query(_SCHEMA), format_)


@click.command()
@click.option("--check", is_flag=True, help="Only say what would be done; exit 1 if there is anything.")
@click.option("--refold", is_flag=True, help="Fold the kept events anew, by the rules that the settings have now.")
@settings_of(
    "store",
    "naive_time_zone",
    "namespace_map",
    "case_insensitive_namespaces",
    "trim_partitions",
    "redact",
    "redact_key",
    "redact_key_file",
    "max_facet_bytes",
)
def migrate(check: bool, refold: bool, **given: Any) -> None:
    """Bring the store up to date with this Headwater. Every command that writes does this by itself.

    After a change of the rules for names, times or redaction, --refold applies them to what is in the store already.
    """
    from ..store.store import pending_migrations
    from .running import open_store

    chosen = settings(**given)
    if refold:
        _refold(chosen)
        return
    if check:
        from ..store.database import Database
        from ..store.store import live_path

        private = live_path(chosen.store)
        database = Database(private if private.exists() else chosen.store, read_only=True)
        pending = pending_migrations(database)
        database.close()
        for name in pending:
            click.echo(name)
        if pending:
            raise click.exceptions.Exit(1)
        say("The store is up to date.")
        return
    with open_store(chosen) as live:
        live.publisher.publish()
        for name in live.store.migrated:
            click.echo(name)
        say(f"The store {chosen.store} is up to date: {len(live.store.migrated)} migrations applied.")


def _refold(chosen: Settings) -> None:
    """Make a second store of the events of the first, and put it in its place when it is whole."""
    from .running import owned, roomy

    with owned(chosen) as mode:
        count = _refold_owned(roomy(chosen), mode)
    say(f"Folded {count:,} events anew into {chosen.store}.")


def _refold_owned(chosen: Settings, mode: int) -> int:
    from ..refold import refold
    from ..store import Store
    from .running import open_owned_store

    with open_owned_store(chosen, mode) as live:
        fresh = live.store.path.with_suffix(".refold")
        for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):  # of a process that was killed
            left.unlink(missing_ok=True)
        with Store(fresh, memory_limit=chosen.memory_limit, threads=chosen.threads) as new:
            count = refold(
                live.store, new, naming=chosen.naming, naive_zone=chosen.naive_zone, redaction=chosen.redaction
            )
            new.checkpoint()
        path = live.store.path
    fresh.replace(path)
    with open_owned_store(chosen, mode) as live:
        live.publisher.publish()
    return count


@click.command("dead-letters")
@click.option("--raw", is_flag=True, help="Print only the records' bytes, one a line, to look at or replay.")
@setting("store")
@output_format
def dead_letters(raw: bool, store: str | None, format_: str | None) -> None:
    """Show the records that could not be read, with the reason."""
    from ..store import Reader

    with Reader(settings(store=store).store) as reader:
        if not raw:
            show(reader.query(_DEAD_LETTERS), format_)
            return
        for row in reader.query(_RAW).to_pylist():
            sys.stdout.buffer.write(row["value"] + b"\n")


@click.command()
@click.option(
    "--stale-after",
    type=click.IntRange(min=0),
    metavar="HOURS",
    default=24,
    show_default=True,
    help="Hours without an event after which a run that did not end is reported.",
)
@setting("store")
@output_format
def doctor(stale_after: int, store: str | None, format_: str | None) -> None:
    """Show what the store noticed that somebody should know, the worst first, with what to do.

    Dead letters, gaps, facets that could not be read or are not known, producers and their versions, runs without a
    parent or an end, clocks that are wrong, names that may be misspelt. In SQL it is the view finding.
    """
    from ..store import Reader

    with Reader(settings(store=store).store) as reader:
        found = reader.query(_DOCTOR, {"stale_hours": stale_after})
        if not found.num_rows:
            say("Nothing was noticed.")
        show(found, format_)


_DOCTOR = "FROM doctor(stale_hours := $stale_hours)"

_DEAD_LETTERS = """
FROM dead_letter
ORDER BY topic, partition, source_offset, element
"""

# One row for each record, though several elements of it may be unreadable.
_RAW = """
SELECT value
FROM dead_letter
GROUP BY topic, partition, source_offset, value
ORDER BY topic, partition, source_offset, min(element)
"""

_SCHEMA = """
SELECT kind, name, "column", type, comment
FROM (
    SELECT 'view' AS kind, view_name AS name, NULL AS "column", NULL AS type, comment, 0 AS place
    FROM duckdb_views()
    WHERE NOT internal AND schema_name = 'main'
    UNION ALL
    SELECT 'view', table_name, column_name, data_type, comment, column_index
    FROM duckdb_columns()
    WHERE NOT internal AND schema_name = 'main'
    UNION ALL
    SELECT DISTINCT 'macro', function_name, array_to_string(parameters, ', '), 'table', comment, 0
    FROM duckdb_functions()
    WHERE NOT internal AND schema_name = 'main'
)
ORDER BY kind DESC, name, place
"""
