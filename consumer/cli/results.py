"""The verbs about the files of quality tools: import, and export."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..settings import settings
from .ingest import progress_bar
from .options import settings_of
from .output import say

if TYPE_CHECKING:
    from ..importing import Summary

_TOOLS = ("dqops", "dbt", "great-expectations", "soda", "elementary", "json")


@click.command("import")
@click.argument("tool", type=click.Choice(_TOOLS), metavar="TOOL")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@settings_of("store", "source_namespaces", "check_dimensions", "memory_limit", "threads")
def import_(tool: str, paths: tuple[str, ...], **given: Any) -> None:
    """Bring in the check results of another tool; they stand in check_result beside those of events.

    \b
      dbt                 a target folder: run_results.json with manifest.json
      great-expectations  validation results (JSON), or a folder of them
      soda                scan results of Soda 3, contract verifications of Soda 4 (JSON)
      elementary          the table elementary_test_results as Parquet, CSV or JSON lines
      dqops               a user home or its .data folder: mirrored, with its lineage and incidents
      json                one result in JSON a line: schemas/events/check_result.schema.json

    Importing something again changes nothing. A result is about the dataset whose name it has, or whose name ends in
    it and no other does; --source-namespaces says where a tool's connections lead.

    \b
      headwater import dbt target/
      headwater import soda scan.json --source-namespaces sales=postgres://db:5432
    """  # noqa: D301
    from ..clock import SystemClock
    from ..importing import Importing
    from ..sources.results import find
    from ..store import ImportTables
    from .running import keep_settings, open_store, stop_on_signal

    chosen = settings(**given)
    found = find(tool, paths)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        live = stack.enter_context(open_store(chosen))
        keep_settings(chosen, live.store)
        advance = stack.enter_context(progress_bar("import", len(found.files), "files"))
        importing = Importing(
            tool,
            ImportTables(live.store),
            SystemClock(),
            namespaces=chosen.source_namespaces or {},
            naming=chosen.naming,
        )
        done = importing.run(found, on_file=advance, stopping=stop.is_set)
        live.publisher.publish()
        stopped = stop.is_set()
    for problem in done.problems:
        say(f"headwater: {problem}")
    say(f"{_summary(done)} into {chosen.store}.")
    if stopped:
        say("Stopped by a signal before the end. Import again: what is in the store already changes nothing.")
    if stopped or done.problems:
        raise click.exceptions.Exit(1)


@click.command("export")
@click.argument("tool", type=click.Choice(["dqops"]), metavar="TOOL")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER")
@settings_of("store", "source_namespaces")
def export(tool: str, folder: Path, **given: Any) -> None:
    """Write the lineage of the store where another tool shows it: dqops, into a user home of DQOps.

    The direct sources of each table that both know go into its .dqotable.yaml, with their columns, and DQOps' Data
    lineage tab shows them. What others wrote there stays, and so do comments. Exporting again changes what changed.

    \b
      headwater export dqops /srv/dqops
    """  # noqa: D301
    from ..exporting import DqopsExport, ExportSummary
    from ..sources.results import dqops_sources
    from ..store import Reader

    chosen = settings(**given)
    done = ExportSummary()
    with Reader(chosen.store) as reader:
        for domain in dqops_sources(folder):
            done = done.plus(DqopsExport(reader, domain, chosen.source_namespaces or {}).run())
    for problem in done.problems:
        say(f"headwater: {problem}")
    say(
        f"Wrote the lineage of {done.written:,} tables into {folder}; {done.unchanged:,} had it already, "
        f"{done.unknown:,} are no dataset of {chosen.store}."
    )
    if done.problems:
        raise click.exceptions.Exit(1)


def _summary(done: Summary) -> str:
    parts = [f"Imported {done.results:,} results of {done.files:,} files"]
    parts += [
        f"{count:,} {what}"
        for count, what in (
            (done.unchanged, "unchanged"),
            (done.removed, "gone"),
            (done.others, "of another kind"),
            (len(done.problems), "not readable"),
        )
        if count
    ]
    return ", ".join(parts)
