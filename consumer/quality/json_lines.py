"""Our own format, for tools that we do not know: one check result in JSON a line.

`CheckResultLine` is the format; ``schemas/events/check_result.schema.json`` is made from it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..event import micros
from .importer import Document, Findings, Moment, number, read, result


class CheckResultLine(BaseModel):
    """One outcome of a data quality check. A member that is not listed here is an error: it may be a misspelt one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check_name: str = Field(min_length=1, description="The check. Two results of one name and dataset are one check.")
    dataset: str = Field(
        min_length=1,
        description="The dataset: its OpenLineage name, or with no namespace any ending of it that no other has.",
    )
    namespace: str | None = Field(default=None, description="The OpenLineage namespace of the dataset.")
    source: str | None = Field(
        default=None,
        description="What stands for the namespace in the setting 'source_namespaces', if that is not given.",
    )
    field: str | None = Field(default=None, description="The field that was checked; absent: the dataset as a whole.")
    status: Literal["passed", "failed", "skipped", "errored"] = Field(
        description="errored: the check could not be run; skipped: it was not. Neither says anything about the data."
    )
    severity: Literal["valid", "warning", "error", "fatal"] | None = Field(
        default=None, description="How bad a failure is; error if absent. What passed is valid."
    )
    executed_at: Moment = Field(description="When the check ran, in ISO 8601; UTC unless it says otherwise.")
    dimension: str | None = Field(
        default=None, description="Data quality dimension, such as Completeness or Uniqueness."
    )
    check_kind: str | None = Field(
        default=None, description="The kind of check, such as not_null; tells the dimension if that is absent."
    )
    expected: str | float | None = Field(default=None, description="What the check wanted.")
    actual: str | float | None = Field(default=None, description="What it found.")
    tool: str = Field(default="json", min_length=1, description="Who ran the check.")
    run_id: str | None = Field(default=None, description="The run that ran it.")
    details: dict[str, Any] = Field(default={}, description="Whatever else is worth keeping.")

    @model_validator(mode="after")
    def _severity_fits(self) -> CheckResultLine:
        allowed = {"passed": ("valid",), "failed": ("warning", "error", "fatal")}.get(self.status, ())
        if self.severity is not None and self.severity not in allowed:
            raise ValueError(f"the severity {self.severity} does not go with the status {self.status}")
        return self


class JsonImporter:
    """Reads our own lines."""

    tool: Literal["json"] = "json"

    def is_document(self, body: Any) -> bool:
        """Tell whether these are records that name checks."""
        return isinstance(body, list) and (not body or (isinstance(body[0], dict) and "check_name" in body[0]))

    def findings(self, document: Document) -> Findings:
        """Return a result for each line."""
        lines = [
            read(CheckResultLine, said, document.path, document.place(index))
            for index, said in enumerate(document.body)
        ]
        return Findings(
            [
                result(
                    tool=line.tool,
                    check_name=line.check_name,
                    namespace=line.namespace,
                    name=line.dataset,
                    field=line.field,
                    dimension=line.dimension,
                    status=line.status,
                    severity=line.severity,
                    expected=number(line.expected),
                    actual=number(line.actual),
                    executed_at=micros(line.executed_at),
                    run_id=line.run_id,
                    said=line.details,
                    check_kind=line.check_kind,
                    source=line.source,
                )
                for line in lines
            ]
        )
