"""The command group, and what happens when a command goes wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any, NamedTuple

import click

from .. import __version__
from ..errors import HeadwaterError


class Verb(NamedTuple):
    """Where a command is, and the first sentence of its help."""

    module: str
    purpose: str


# In the order of their use. The sentences stand here too so that `headwater --help` need not import every command,
# and with them the settings: that takes several times as long as all the rest.
VERBS = {
    "demo": Verb("ingest", "Replay a recorded day of the sales platform, then ask what broke its data mart."),
    "consume": Verb("ingest", "Fold a Kafka topic into the store and publish it as it grows: the sidecar."),
    "replay": Verb("ingest", "Fold captured events into the store; no broker is needed."),
    "capture": Verb("ingest", "Record a topic to OUT as JSON lines; - is standard output."),
    "import": Verb(
        "results", "Bring in the check results of another tool; they stand in check_result beside those of events."
    ),
    "export": Verb(
        "results", "Write the lineage of the store where another tool shows it: dqops, into a user home of DQOps."
    ),
    "root-cause": Verb("ask", "Rank what may have broken dataset NAME; NAME may be its unique ending."),
    "blast-radius": Verb(
        "ask",
        "Show what dataset NAME affects: how bad it is there, and who answers for it; NAME may be its unique ending.",
    ),
    "upstream": Verb("ask", "Show every dataset that dataset NAME is made from; NAME may be its unique ending."),
    "downstream": Verb("ask", "Show every dataset that is made from dataset NAME; NAME may be its unique ending."),
    "status": Verb(
        "quality", "Show how the data is: the quality status of every dataset, the worst first, or of dataset NAME."
    ),
    "incidents": Verb(
        "quality", "List incidents, failures that share a cause; show one, or say what is done about it."
    ),
    "query": Verb("ask", "Run read-only SQL on the store; - reads it from standard input."),
    "dead-letters": Verb("keep", "Show the records that could not be read, with the reason."),
    "doctor": Verb("keep", "Show what the store noticed that somebody should know, the worst first, with what to do."),
    "digest": Verb("ask", "Print one hash of the store's facts."),
    "schema": Verb("keep", "Show the views and macros of the store with what they mean."),
    "migrate": Verb("keep", "Bring the store up to date with this Headwater."),
    "retain": Verb("upkeep", "Forget for good what is older than its kind is kept, and print how much that was."),
    "compact": Verb(
        "upkeep",
        "Write the store anew, in order and without the holes that forgetting leaves: it gets smaller and faster.",
    ),
}


class Commands(Mapping[str, click.Command]):
    """The commands by name. Each is imported when somebody asks for it."""

    def __getitem__(self, name: str) -> click.Command:
        """Return a command: the one called `root-cause` is `root_cause` in its module."""
        module = import_module(f".{VERBS[name].module}", __package__)
        command: click.Command = getattr(module, name.replace("-", "_") + ("_" if iskeyword(name) else ""))
        return command

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the order of their use."""
        return iter(VERBS)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(VERBS)


class Verbs(click.Group):
    """Shows errors that we can explain as a sentence, and lists the commands in the order of their use."""

    def __init__(self, **attributes: Any) -> None:
        """Have all commands of Headwater."""
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # nothing adds to them later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their purposes, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.purpose) for name, verb in VERBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a mistake of the user's ends in a sentence and an exit code, not in a traceback."""
        from ..notice import Notice  # not for --help, which ends before this
        from .output import log_as, say

        log_as("console")
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe is no surprise, and not when Python ends
            return result
        except HeadwaterError as exc:
            say(Notice(f"headwater: {exc}", "failed", "error", error=type(exc).__name__))
            sys.exit(exc.exit_code)
        except BrokenPipeError:
            # Whoever read our output has seen enough; nothing more may be written there, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)


def _say_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from ..core import is_compiled

        core = "Rust" if is_compiled() else "Python"
        click.echo(f"headwater, version {__version__}, core in {core}")
        context.exit()


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "auto_envvar_prefix": None},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and exit.",
)
def main() -> None:
    """A data quality check failed: which upstream table, column and run is to blame?

    Headwater folds OpenLineage events into a DuckDB store that anybody can query while it is written.

    \b
      headwater demo                                  a broken pipeline, and the answer
      headwater consume --topic openlineage           the sidecar
      headwater root-cause dim_customers              ask
      duckdb -readonly lineage.duckdb                 ask in SQL
    """  # noqa: D301 -- click wants the character, not the letters
