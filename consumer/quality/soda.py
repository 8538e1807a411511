"""Soda: scan results of soda-core 3 (``soda scan -srf FILE``) and contract verifications of soda-core 4.

Format of 3: what ``Scan.get_scan_results()`` returns. Format of 4: either the ``ContractVerificationResult`` objects as
JSON (``check_results``), or what Soda 4 sends to its cloud, which is the format of 3 with a few members more.

A scan that breaks off may have no checks at all, only ``hasErrors`` and its log: that is one *errored* result.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field

from ..event import micros
from ..rows import CheckResult
from .importer import Document, Findings, Moment, Said, Severity, Status, Text, malformed, number, read, result, short

_OUTCOME: dict[str, tuple[Status, Severity | None]] = {
    "pass": ("passed", None),
    "passed": ("passed", None),
    "warn": ("failed", "warning"),
    "fail": ("failed", "error"),
    "failed": ("failed", "error"),
    "unevaluated": ("skipped", None),
    "not_evaluated": ("skipped", None),
    "excluded": ("skipped", None),
}
_ENDS = {
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "equal": "=",
    "notEqual": "!=",
}


class _Attribute(Said):
    name: str
    value: Any = None


class _Diagnostics(Said):
    value: Any = None
    fail: dict[str, Any] = {}
    warn: dict[str, Any] = {}


class _Check(Said):
    """A check of a scan, in the words of 3 and of 4's payload."""

    name: str
    outcome: str | None = None
    identity: str | None = None
    identities: dict[str, str] = {}
    definition: Text | None = None
    attributes: list[_Attribute] = Field(default=[], validation_alias=AliasChoices("resourceAttributes", "attributes"))
    data_source: str | None = Field(default=None, alias="dataSource")
    table: str | None = None
    prefix: list[str] = Field(default=[], alias="datasetPrefix")
    column: str | None = None
    check_type: str | None = Field(default=None, alias="checkType")
    metrics: list[str] = []
    diagnostics: _Diagnostics = _Diagnostics()


class _Metric(Said):
    identity: str | None = None
    name: str | None = Field(default=None, alias="metricName")


class _Log(Said):
    level: str = ""
    message: Text = ""


class _Scan(Said):
    definition: str | None = Field(default=None, alias="definitionName")
    data_source: str | None = Field(default=None, alias="defaultDataSource")
    ended_at: Moment | None = Field(default=None, alias="scanEndTimestamp")
    data_at: Moment | None = Field(default=None, alias="dataTimestamp")
    has_errors: bool = Field(default=False, alias="hasErrors")
    metrics: list[_Metric] = []
    checks: list[_Check]
    logs: list[_Log] = []


class _Threshold(Said):
    level: str = "fail"
    must_be_greater_than: Any = None
    must_be_greater_than_or_equal: Any = None
    must_be_less_than: Any = None
    must_be_less_than_or_equal: Any = None
    must_be: Any = None
    must_not_be: Any = None


class _ContractCheck(Said):
    name: str
    type: str | None = None
    column_name: str | None = None
    identity: str | None = None
    check_path: str | None = None
    threshold: _Threshold = _Threshold()
    attributes: dict[str, Any] = {}


class _ContractResult(Said):
    check: _ContractCheck
    outcome: str
    threshold_value: Any = None


class _Collection(Said):
    data_source_name: str | None = None
    dataset_prefix: list[str] = []
    dataset_name: str


class _Verification(Said):
    collection: _Collection = Field(validation_alias=AliasChoices("check_collection", "contract"))
    status: str = ""
    ended_at: Moment | None = Field(default=None, alias="ended_timestamp")
    data_at: Moment | None = Field(default=None, alias="data_timestamp")
    scan_id: str | None = None
    error: Text | None = None
    check_results: list[_ContractResult]


class SodaImporter:
    """Reads scans and contract verifications."""

    tool: Literal["soda"] = "soda"

    def is_document(self, body: Any) -> bool:
        """Tell whether this is the result of a scan or a verification, or a list of verifications."""
        if isinstance(body, list):
            return bool(body) and all(isinstance(item, dict) and "check_results" in item for item in body)
        return isinstance(body, dict) and ("check_results" in body or {"checks", "scanEndTimestamp"} <= body.keys())

    def findings(self, document: Document) -> Findings:
        """Return a result for each check, and one for a scan that broke off."""
        body = document.body
        if isinstance(body, list) or (isinstance(body, dict) and "check_results" in body):
            verifications = read(_Verifications, body if isinstance(body, list) else [body], document.path)
            return Findings(
                [row for place, said in enumerate(verifications) for row in _verified(document.path, place, said)]
            )
        return Findings(_scanned(document.path, read(_Scan, body, document.path)))


_Verifications = list[_Verification]


def _scanned(path: str, scan: _Scan) -> list[CheckResult]:
    ended_at = scan.ended_at or scan.data_at
    if ended_at is None:
        raise malformed(path, "scanEndTimestamp", "is missing, and so is dataTimestamp")
    errors = [log.message for log in scan.logs if log.level.upper() == "ERROR"]
    metrics = {metric.identity: metric.name for metric in scan.metrics}
    rows = []
    for place, check in enumerate(scan.checks):
        status, severity = _outcome(path, f"checks.{place}.outcome", check.outcome, is_error=scan.has_errors)
        rows.append(
            result(
                tool="soda",
                check_name=check.name,
                name=".".join((*check.prefix, check.table)) if check.table else None,
                field=check.column,
                dimension=_dimension({item.name: item.value for item in check.attributes}),
                status=status,
                severity=severity,
                expected=_limits(check.diagnostics),
                actual=number(check.diagnostics.value),
                executed_at=micros(ended_at),
                said={
                    "identity": check.identity or check.identities.get("vc1"),
                    "scan": scan.definition,
                    "definition": short(check.definition),
                },
                check_kind=check.check_type or _kind(check, metrics),
                source=check.data_source or scan.data_source,
            )
        )
    if scan.has_errors and not any(row.status == "errored" for row in rows):
        rows.append(
            result(
                tool="soda",
                check_name=f"scan {scan.definition}" if scan.definition else "scan",
                status="errored",
                executed_at=micros(ended_at),
                said={"scan": scan.definition, "message": short("\n".join(errors))},
                check_kind="scan",
                source=scan.data_source,
            )
        )
    return rows


def _verified(path: str, place: int, said: _Verification) -> list[CheckResult]:
    ended_at = said.ended_at or said.data_at
    if ended_at is None:
        raise malformed(path, f"{place}.ended_timestamp", "is missing, and so is data_timestamp")
    about = ".".join((*said.collection.dataset_prefix, said.collection.dataset_name))
    is_error = said.status.upper() == "ERROR"
    rows = []
    for number_, found in enumerate(said.check_results):
        where = f"{place}.check_results.{number_}.outcome"
        status, severity = _outcome(path, where, found.outcome, is_error=is_error)
        rows.append(
            result(
                tool="soda",
                check_name=found.check.name,
                name=about,
                field=found.check.column_name,
                dimension=_dimension(found.check.attributes),
                status=status,
                severity=severity,
                expected=_wanted(found.check.threshold),
                actual=number(found.threshold_value) if status in ("passed", "failed") else None,
                executed_at=micros(ended_at),
                run_id=said.scan_id,
                said={"identity": found.check.identity, "check_path": found.check.check_path},
                check_kind=found.check.type,
                source=said.collection.data_source_name,
            )
        )
    if is_error and not any(row.status == "errored" for row in rows):
        rows.append(
            result(
                tool="soda",
                check_name="contract verification",
                name=about,
                status="errored",
                executed_at=micros(ended_at),
                run_id=said.scan_id,
                said={"message": short(said.error)},
                check_kind="scan",
                source=said.collection.data_source_name,
            )
        )
    return rows


def _outcome(path: str, where: str, outcome: str | None, *, is_error: bool) -> tuple[Status, Severity | None]:
    known = _OUTCOME.get((outcome or "unevaluated").lower())
    if known is None:
        raise malformed(path, where, f"{outcome!r} is none of {', '.join(_OUTCOME)}")
    return ("errored", None) if known[0] == "skipped" and is_error else known


def _dimension(attributes: dict[str, Any]) -> str | None:
    said = attributes.get("dimension") or attributes.get("quality_dimension")
    if isinstance(said, list):
        said = said[0] if said else None
    return said if isinstance(said, str) else None


def _kind(check: _Check, metrics: dict[str | None, str | None]) -> str | None:
    """Return what a check of 3 measures: it is written only in the metrics that it names."""
    names = [metrics.get(identity) for identity in check.metrics]
    return next((name for name in names if name), "failed rows" if "failed rows" in str(check.metrics) else None)


def _limits(diagnostics: _Diagnostics) -> str | None:
    """Return when the check fails or warns."""
    said = [
        f"{level} when {' or '.join(f'{_ENDS.get(end, end)} {number(limit)}' for end, limit in limits.items())}"
        for level, limits in (("warn", diagnostics.warn), ("fail", diagnostics.fail))
        if limits
    ]
    return ", ".join(said) or None


def _wanted(threshold: _Threshold) -> str | None:
    """Return what a check of 4 wants."""
    said = threshold.model_dump(exclude={"level"}, exclude_none=True)
    return " and ".join(f"{name} {number(limit)}" for name, limit in said.items()) or None
