"""The command group, and what happens when a command goes wrong."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from .. import __version__
from ..errors import HeadwaterError
from .ask import digest, downstream, query, root_cause, upstream
from .ingest import capture, consume, demo, replay
from .keep import dead_letters, migrate, schema


class Verbs(click.Group):
    """Shows errors that we can explain as a sentence, and lists the commands in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a mistake of the user's ends in a sentence and an exit code, not in a traceback."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe is no surprise, and not when Python ends
            return result
        except HeadwaterError as exc:
            click.echo(f"headwater: {exc}", err=True)
            sys.exit(exc.exit_code)
        except BrokenPipeError:
            # Whoever read our output has seen enough; nothing more may be written there, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "auto_envvar_prefix": None},
)
@click.version_option(__version__, prog_name="headwater")
def main() -> None:
    """A data quality check failed: which upstream table, column and run is to blame?

    Headwater folds OpenLineage events into a DuckDB store that anybody can query while it is written.

    \b
      headwater demo                                  a broken pipeline, and the answer
      headwater consume --topic openlineage           the sidecar
      headwater root-cause dim_customers              ask
      duckdb -readonly lineage.duckdb                 ask in SQL
    """  # noqa: D301 -- click wants the character, not the letters


for command in (
    demo,
    consume,
    replay,
    capture,
    root_cause,
    upstream,
    downstream,
    query,
    dead_letters,
    digest,
    schema,
    migrate,
):
    main.add_command(command)
