"""The verbs about data quality: status, and incidents with what people do about them."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import click

from ..errors import StoreBusy, UnknownIncident
from ..settings import settings
from .options import output_format, setting
from .output import Drawing, say, show

if TYPE_CHECKING:
    from ..store import Reader

SEVERITIES = ["warning", "error", "fatal"]
STATES = ["open", "acknowledged", "muted", "resolved"]

Action = Literal["acknowledged", "resolved", "muted"]


@click.command()
@click.argument("name", required=False)
@click.option("--namespace", help="Namespace of the dataset, if several have the name.")
@click.option(
    "--by",
    type=click.Choice(["dataset", "dimension", "field"]),
    default="dataset",
    help="What a row is about: a dataset, one of its dimensions, or one of its fields.  [default: dataset]",
)
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="Only what is this bad or worse.  [default: all]")
@setting("store")
@output_format
def status(
    name: str | None, namespace: str | None, by: str, min_severity: str | None, store: str | None, format_: str | None
) -> None:
    """Show how the data is: the quality status of every dataset, the worst first, or of dataset NAME.

    The table has a dot for each data quality dimension: green is valid, yellow a warning, orange an error, red fatal,
    grey could not be executed, and an empty one has no checks.

    \b
      headwater status --min-severity error
      headwater status dim_customers --by field
    """  # noqa: D301
    from ..store import Reader

    with Reader(settings(store=store).store) as reader:
        dataset = reader.find_dataset(name, namespace) if name else None
        asked = {
            "by": by,
            "namespace": dataset.namespace if dataset else namespace,
            "name": dataset.name if dataset else None,
            "min_severity": min_severity,
        }
        dimensions = reader.query(_DIMENSIONS, {"namespace": asked["namespace"], "name": asked["name"]}).to_pylist()
        rolled_up = {"field", "dimension"} - {by}  # NULL in all rows
        show(reader.query(_STATUS, asked).drop_columns(sorted(rolled_up)), format_, draw=_StatusTable(dimensions))


@click.group(invoke_without_command=True)
@click.option(
    "--status",
    "states",
    type=click.Choice([*STATES, "all"]),
    multiple=True,
    help="Which to show; may be given several times.  [default: open and acknowledged]",
)
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="Only what is this bad or worse.  [default: all]")
@setting("store")
@output_format
@click.pass_context
def incidents(
    context: click.Context, states: tuple[str, ...], min_severity: str | None, store: str | None, format_: str | None
) -> None:
    """List incidents, failures that share a cause; show one, or say what is done about it.

    \b
      headwater incidents --status all
      headwater incidents show 71ebc3
      headwater incidents ack 71ebc3 --note "asked the vendor"
    """  # noqa: D301
    context.obj = store
    if context.invoked_subcommand is not None:
        return
    from ..store import Reader

    asked = STATES if "all" in states else list(states) or ["open", "acknowledged"]
    with Reader(settings(store=store).store) as reader:
        found = reader.query(_INCIDENTS, {"states": asked, "min_severity": min_severity})
        if not found.num_rows:
            say(f"No incident is {' or '.join(asked)}.")
        show(found, format_, draw=_IncidentTable())


@incidents.command("show")
@click.argument("incident_id", metavar="ID")
@setting("store")
@output_format
@click.pass_context
def show_(context: click.Context, incident_id: str, store: str | None, format_: str | None) -> None:
    """Show incident ID, or the beginning of it, with its checks and what is likely to have broken it.

    The cause of an incident is the dataset furthest upstream that fails. What broke it may be a run, a column, or a
    dataset that nobody checks: that is asked of root_cause, for the failing check furthest downstream, so that all in
    between is evidence; and as of the newest failure, if the incident is over.
    """
    from ..store import Reader

    with Reader(settings(store=store or context.obj).store) as reader:
        found = reader.query(_ONE, {"incident_id": _find(reader, incident_id)["incident_id"]})
        (incident,) = found.to_pylist()
        about = {name: incident[name] for name in ("incident_id", "namespace", "name")}
        (symptom,) = reader.query(_SYMPTOM, about).to_pylist()
        is_over = incident["status"] == "resolved"
        causes = reader.query(_CAUSES, {**symptom, "as_of": incident["last_seen_at"] if is_over else None})
        shown = format_ or ("table" if sys.stdout.isatty() else "json")
        if shown == "table":
            show(found, shown, draw=_IncidentTable())
            show(reader.query(_CHECKS, {"incident_id": incident["incident_id"]}), shown)
            show(causes, shown, draw=_CauseTable())
        else:
            import pyarrow as pa

            show(found.append_column("root_causes", pa.array([causes.to_pylist()])), shown)
    if not causes.num_rows:
        say("Nothing explains it: 'headwater root-cause NAME' asks about all checks of a dataset.")


def _verb(name: str, action: Action, purpose: str) -> click.Command:
    """Return the verb of an action on an incident."""

    @incidents.command(name, help=purpose)
    @click.argument("incident_id", metavar="ID")
    @click.option("--note", help="Why, for the others.")
    @click.option("--actor", help="Who does it.  [default: the user of this machine]")
    @setting("store")
    @click.pass_context
    def command(
        context: click.Context, incident_id: str, note: str | None, actor: str | None, store: str | None
    ) -> None:
        _act(store or context.obj, incident_id, action, actor or _user(), note)

    return command


_verb("ack", "acknowledged", "Acknowledge incident ID, or the beginning of it: somebody is on it.")
_verb("resolve", "resolved", "Resolve incident ID: it opens again if a check of it fails after this.")
_verb("mute", "muted", "Mute incident ID: nobody is told about it, as long as it lasts.")


def _act(store: str | None, incident_id: str, action: Action, actor: str | None, note: str | None) -> None:
    from ..inbox import leave
    from ..store import IncidentAction, Reader, failures_of
    from .running import open_store

    chosen = settings(store=store)
    with Reader(chosen.store) as reader:
        incident = _find(reader, incident_id)
    done = IncidentAction(
        str(incident["incident_id"]), action, datetime.now(UTC), actor, note, tuple(failures_of(incident))
    )
    try:
        with open_store(chosen) as live:
            live.store.keep(done)
            live.publisher.publish()
    except StoreBusy as busy:
        # A sidecar owns the store, as it should: it writes it down for us.
        try:
            leave(chosen.store, done)
        except OSError as exc:
            raise StoreBusy(
                f"Incident {done.incident_id} is as it was: a running sidecar owns the store {chosen.store}, and "
                f"nothing can be left for it: {exc}. Ask somebody who may write to that folder."
            ) from busy
        say(
            f"A running sidecar owns the store {chosen.store}: it was asked to write down that incident "
            f"{done.incident_id} is {action}, and shows it within a second or two."
        )
        return
    say(f"Incident {done.incident_id} is {action}.")


def _find(reader: Reader, incident_id: str) -> Mapping[str, Any]:
    """Return the incident whose id begins so; an id that it had when somebody was told about it will do.

    Raises:
        UnknownIncident: there is none, or more than one.
    """
    found: list[dict[str, Any]] = reader.query(_FIND, {"incident_id": incident_id}).to_pylist()
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{row['incident_id']} ({row['name']})" for row in found)
        raise UnknownIncident(f"{len(found)} incidents begin with {incident_id!r}: {listed}. Give more of the id.")
    raise UnknownIncident(
        f"No incident begins with {incident_id!r}. 'headwater incidents --status all' lists all of them."
    )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return None


# Coloured, and shaped for who does not see the colours. None: there are no checks.
_DOTS = {
    None: ("○", "dim"),
    "valid": ("●", "green"),
    "warning": ("▲", "yellow"),
    "error": ("■", "dark_orange"),
    "fatal": ("✖", "bold red"),
    "execution error": ("◌", "bright_black"),
}


class _IncidentTable(Drawing):
    """The table of `incidents`: what fits on a line. JSON has the rest."""

    _PLAIN = ("first_seen_at", "last_seen_at", "failing_checks", "affected_datasets")

    def columns(self, names: list[str]) -> list[str]:
        return ["id", "status", "severity", "cause", "field", "dimension", *self._PLAIN, "owners"]

    def row(self, row: Mapping[str, Any]) -> list[tuple[Any, str]]:
        dot, colour = _DOTS[row["severity"]]
        return [
            (row["incident_id"], ""),
            (row["status"], ""),
            (f"{dot} {row['severity']}", colour),
            *((row[name], "") for name in ("name", "field", "dimension", *self._PLAIN)),
            (", ".join(row["owners"]), ""),
        ]


class _CauseTable(Drawing):
    """The table of what is likely to have broken an incident."""

    def columns(self, names: list[str]) -> list[str]:
        return ["rank", "score", "likely root cause", "field", "job", "bad since", "evidence"]

    def row(self, row: Mapping[str, Any]) -> list[tuple[Any, str]]:
        about = (row["rank"], f"{row['score']:.0%}", row["name"], row["field"], row["job_name"], row["bad_since"])
        return [*((value, "") for value in about), (row["evidence"], "dim")]


class _StatusTable(Drawing):
    """The table of `status`: a dot for each dimension."""

    _FIRST = ("Completeness", "Validity", "Consistency")  # in DQOps' order; then whatever else there is

    def __init__(self, dimensions: Iterable[Mapping[str, Any]]) -> None:
        self._of = {(row["namespace"], row["name"], row["dimension"]): row for row in dimensions}
        others = sorted({dimension for _, _, dimension in self._of} - set(self._FIRST))
        self._dimensions = [*self._FIRST, *others]

    def columns(self, names: list[str]) -> list[str]:
        about = [name for name in ("name", "field", "dimension") if name in names]
        dots = [] if len(about) > 1 else self._dimensions
        return [*about, "severity", *dots, "checks", "failing", "kpi", "last_executed_at", "namespace"]

    def row(self, row: Mapping[str, Any]) -> list[tuple[Any, str]]:
        about = [(row[name], "") for name in ("name", "field", "dimension") if name in row]
        severity = _severity_of(row)
        dot, colour = _DOTS[severity]
        dots = [
            _DOTS[_severity_of(self._of.get((row["namespace"], row["name"], dimension)))]
            for dimension in (self._dimensions if len(about) == 1 else ())
        ]
        failing = row["warnings"] + row["errors"] + row["fatals"]
        return [
            *about,
            (f"{dot} {severity or ''}".rstrip(), colour),
            *dots,
            (row["executed_checks"], ""),
            (failing, ""),
            (None if row["kpi"] is None else f"{row['kpi']:.1f} %", ""),
            (row["last_executed_at"], ""),
            (row["namespace"], "dim"),
        ]


def _severity_of(row: Mapping[str, Any] | None) -> str | None:
    if row is None:
        return None
    severity: str | None = row["current_severity"]
    return severity or ("execution error" if row["execution_errors"] else None)


_STATUS = """
SELECT * EXCLUDE (level)
FROM (
    SELECT *, list_position(['valid', 'warning', 'error', 'fatal'], current_severity) AS level
    FROM quality_status
)
WHERE (field IS NOT NULL) = ($by = 'field') AND (dimension IS NOT NULL) = ($by = 'dimension')
  AND ($namespace IS NULL OR namespace = $namespace)
  AND ($name IS NULL OR name = $name)
  AND ($min_severity IS NULL OR level >= list_position(['valid', 'warning', 'error', 'fatal'], $min_severity))
ORDER BY level DESC NULLS LAST, execution_errors DESC, name, namespace, field, dimension
"""

_DIMENSIONS = """
SELECT namespace, name, dimension, current_severity, execution_errors
FROM quality_status
WHERE dimension IS NOT NULL
  AND ($namespace IS NULL OR namespace = $namespace)
  AND ($name IS NULL OR name = $name)
"""

_INCIDENTS = """
FROM incident
WHERE list_contains($states, status)
  AND (
    $min_severity IS NULL
    OR list_position(['warning', 'error', 'fatal'], severity)
    >= list_position(['warning', 'error', 'fatal'], $min_severity)
  )
ORDER BY list_position(['fatal', 'error', 'warning'], severity), last_seen_at DESC, incident_id
"""

_FIND = """
SELECT incident_id, name, failures
FROM store.incident_state
WHERE len(list_filter(list_prepend(incident_id, former_ids), lambda known_as: starts_with(known_as, $incident_id))) > 0
ORDER BY incident_id
"""

_ONE = "FROM incident WHERE incident_id = $incident_id"

_CHECKS = """
SELECT name, field, check_name, severity, first_failed_at, last_failed_at, passed_at, tool
FROM incident_check
WHERE incident_id = $incident_id
ORDER BY first_failed_at, name, field, check_name
"""

_SYMPTOM = """
SELECT namespace, name, field, check_name
FROM incident_check LEFT JOIN downstream($namespace, $name) USING (namespace, name)
WHERE incident_id = $incident_id
ORDER BY depth DESC NULLS LAST, first_failed_at, name, field NULLS LAST, check_name
LIMIT 1
"""

_CAUSES = """
FROM root_cause($namespace, $name, fld := $field, check_name := $check_name, as_of := $as_of)
"""
