"""What people and webhooks write into the store about incidents: small records that are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple


class Failure(NamedTuple):
    """A check that failed, and when: what an incident is made of, and what people who act on it mean.

    An incident may be put down to something else later, or grow, or fall apart. Its failures stay what they are.
    """

    namespace: str | None
    name: str | None
    field: str | None
    check_name: str
    tool: str | None
    first_failed_at: datetime
    last_failed_at: datetime


class IncidentAction(NamedTuple):
    """What somebody did about an incident; without failures it is about all that the incident of that id has."""

    incident_id: str
    action: Literal["acknowledged", "resolved", "muted"]
    acted_at: datetime
    actor: str | None
    note: str | None
    failures: Sequence[Failure] = ()


class IncidentNotice(NamedTuple):
    """The webhook was told about an incident, and said that it has the message."""

    incident_id: str
    sent_at: datetime
    failures: Sequence[Failure] = ()


class IncidentRule(NamedTuple):
    """Within how many seconds an incident that comes back is the same one."""

    reopens_within_seconds: float
    set_at: datetime


IncidentRecord = IncidentAction | IncidentNotice | IncidentRule

STATEMENTS: dict[type[Any], str] = {
    IncidentAction: "INSERT INTO store.incident_action BY NAME "
    "SELECT $incident_id AS incident_id, $action AS action, $acted_at AS acted_at, $actor AS actor, $note AS note, "
    "$failures AS failures",
    IncidentNotice: "INSERT INTO store.incident_notice BY NAME "
    "SELECT $incident_id AS incident_id, $sent_at AS sent_at, $failures AS failures",
    IncidentRule: "INSERT INTO store.incident_rule VALUES ($reopens_within_seconds, $set_at)",
}

NOTICES = "SELECT incident_id, max(sent_at) AS sent_at FROM store.incident_notice GROUP BY incident_id"
NEWEST_RULE = "SELECT reopens_within_seconds FROM store.incident_rule ORDER BY set_at DESC LIMIT 1"


def failures_of(incident: Mapping[str, Any]) -> list[Failure]:
    """Return the failures of a row of ``store.incident_state``, as a query or its JSON has them."""
    return [Failure._make(_value(name, check[name]) for name in Failure._fields) for check in incident["failures"]]


def _value(name: str, value: Any) -> Any:
    """Return a value of a failure; JSON has times as text."""
    return datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value


def parameters(record: IncidentRecord) -> dict[str, Any]:
    """Return the values of a record for its statement."""
    values = record._asdict()
    if "failures" in values:
        values["failures"] = [failure._asdict() for failure in values["failures"]]
    return values
