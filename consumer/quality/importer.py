"""What the importers of all tools share: the contract, and how a document becomes rows.

An importer is pure. It is handed a *document*, a file of its tool that was parsed already, and returns rows; reading
files and writing rows is done elsewhere (`headwater.sources.results`, `headwater.importing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple, Protocol, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, model_validator

from ..errors import FileUnreadable
from ..facets import parse_time
from ..names import content_id
from ..rows import CheckResult, ImportedIncidentRow, ImportedMetricRow, Micros

Status = Literal["passed", "failed", "skipped", "errored"]
Severity = Literal["valid", "warning", "error", "fatal"]

# DQOps' nine dimensions, and how others call some of them.
_DIMENSIONS = {
    name.lower(): name
    for name in (
        "Accuracy",
        "Availability",
        "Completeness",
        "Consistency",
        "Integrity",
        "Reasonableness",
        "Timeliness",
        "Uniqueness",
        "Validity",
    )
} | {"freshness": "Timeliness", "none": None}

_MOST_TEXT = 2_000  # characters of a message or a value that are kept
_encode = msgspec.json.Encoder(order="sorted").encode

M = TypeVar("M")
RowT = TypeVar("RowT", CheckResult, ImportedMetricRow, ImportedIncidentRow)


class Document(NamedTuple):
    """A file of results, parsed.

    Attributes:
        path: where it is, for messages.
        body: what is in it: a JSON value, or the records of a table.
        beside: what other files of the same run hold that are needed to understand it, by file name.
        places: of the records in *body*, where each of them is in the file.
    """

    path: str
    body: Any
    beside: Mapping[str, Any] = {}
    places: Sequence[str] = ()

    def place(self, index: int) -> str:
        """Return where a record is, for messages: its line if the file has lines."""
        return self.places[index] if self.places else f"record {index + 1}"


class Lineage(NamedTuple):
    """What a tool was told about where a table comes from.

    Attributes:
        source: what the tool calls the database of the table.
        name: the table, as the tool calls it.
        upstream: the tables that it is made from, each with its source, its name, and for columns of this table the
            columns that they are made from.
    """

    source: str
    name: str
    upstream: Sequence[tuple[str, str, Mapping[str, Sequence[str]]]]


class Findings(NamedTuple):
    """What a document says."""

    results: Sequence[CheckResult] = ()
    metrics: Sequence[ImportedMetricRow] = ()
    incidents: Sequence[ImportedIncidentRow] = ()
    lineage: Sequence[Lineage] = ()


class Importer(Protocol):
    """Turns the documents of one tool into rows. The same document always gives the same rows, with the same ids."""

    @property
    def tool(self) -> str:
        """The tool's name, as in the column ``tool``."""
        ...

    def is_document(self, body: Any) -> bool:
        """Tell whether a parsed file looks like results of this tool: a folder may hold other files as well."""
        ...

    def findings(self, document: Document) -> Findings:
        """Return everything that a document says.

        Raises:
            FileUnreadable: the document is not what the tool writes; the message names the file and the place in it.
        """
        ...


class Said(BaseModel):
    """A part of a tool's document: null means absent, anything more than we know is ignored."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_time(value).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{value[:64]!r} is not a time such as 2026-11-22T06:00:00Z") from exc


def _text(value: Any) -> Any:
    return value if isinstance(value, str) or value is None else str(value)


Text = Annotated[str, BeforeValidator(_text)]  # where some versions of a tool write numbers or structures
Moment = Annotated[datetime, BeforeValidator(_moment)]


def read(model: type[M], value: Any, path: str, where: str = "") -> M:
    """Return *value* as a model.

    Raises:
        FileUnreadable: it does not fit; the message names the first place that does not.
    """
    try:
        found: M = _adapter(model).validate_python(value)
        return found
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        place = ".".join(str(part) for part in (where, *first["loc"]) if part != "")
        raise malformed(path, place or "the whole file", first["msg"]) from exc


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(model: Any) -> TypeAdapter[Any]:
    if model not in _adapters:
        _adapters[model] = TypeAdapter(model)
    return _adapters[model]


def malformed(path: str, place: str, problem: str) -> FileUnreadable:
    """Return the error that says where a file is not as it should be."""
    return FileUnreadable(f"{path}: {place}: {problem.rstrip('.')}. Nothing of this file was imported.")


def result(
    *,
    tool: str,
    check_name: str,
    status: Status,
    executed_at: Micros,
    severity: Severity | None = None,
    namespace: str | None = None,
    name: str | None = None,
    field: str | None = None,
    dimension: str | None = None,
    expected: str | None = None,
    actual: str | None = None,
    run_id: str | None = None,
    said: Mapping[str, Any] = {},
    check_kind: str | None = None,
    source: str | None = None,
) -> CheckResult:
    """Return a row; *said* is what goes into its details. Only a failure needs a *severity*."""
    return identified(
        CheckResult(
            check_name=check_name,
            namespace=namespace,
            name=name,
            field=field,
            dimension=dimension_of(dimension),
            status=status,
            severity={"passed": "valid", "failed": severity or "error"}.get(status),
            expected=expected,
            actual=actual,
            executed_at=executed_at,
            tool=tool,
            run_id=run_id,
            details=details(said),
            check_kind=check_kind,
            source=source,
        )
    )


def identified(row: RowT) -> RowT:
    """Return a row with the hash of its content: the same row, from whatever file, has the same id."""
    return row._replace(row_id=content_id(_encode([type(row).__name__, *row[:-1]])))


def details(said: Mapping[str, Any]) -> str:
    """Return what is known of *said* as JSON text, keys sorted."""
    return _encode({key: value for key, value in said.items() if value not in (None, "", [], {})}).decode()


def dimension_of(text: str | None) -> str | None:
    """Return a dimension in DQOps' spelling; one that DQOps does not know as it is; None for none."""
    if not text or not text.strip():
        return None
    return _DIMENSIONS.get(text.strip().lower(), text.strip())


def number(value: object) -> str | None:
    """Return a value as the text of a result: 1.0 as 1, whole structures as JSON, None as None."""
    if value is None or isinstance(value, str):
        return short(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return short(_encode(value).decode())


def short(text: str | None) -> str | None:
    """Return a text that may be long, cut."""
    return text if text is None or len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
