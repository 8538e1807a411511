"""The verbs that keep the store: its schema, its migrations, its dead letters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..settings import settings
from .options import output_format, setting
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
@setting("store")
def migrate(check: bool, store: str | None) -> None:
    """Bring the store up to date with this Headwater. Every command that writes does this by itself."""
    from ..store.store import pending_migrations
    from .running import open_store

    chosen = settings(store=store)
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
