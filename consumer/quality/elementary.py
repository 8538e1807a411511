"""Elementary, the dbt package: its table ``elementary_test_results``, exported as Parquet, CSV or JSON lines.

Format: the columns of the model ``elementary_test_results`` of elementary 0.25; times are in UTC without a zone. If
the table ``dbt_tests`` was exported into the same folder, the dimensions and limits of the tests are read from it.
"""

from __future__ import annotations

from typing import Any, Literal

from ..event import micros
from ..rows import CheckResult
from .importer import Document, Findings, Moment, Said, Severity, Status, Text, malformed, number, read, result, short

RESULTS, TESTS = "elementary_test_results", "dbt_tests"

_STATUS: dict[str, tuple[Status, Severity | None]] = {
    "pass": ("passed", None),
    "fail": ("failed", "error"),
    "warn": ("failed", "warning"),
    "error": ("errored", None),
    "skipped": ("skipped", None),
}


class _Record(Said):
    test_unique_id: str
    status: str
    detected_at: Moment
    test_name: str
    id: str | None = None
    invocation_id: str | None = None
    database_name: str | None = None
    schema_name: str | None = None
    table_name: str | None = None
    column_name: str | None = None
    test_type: str | None = None
    test_sub_type: str | None = None
    test_short_name: str | None = None
    test_results_description: Text | None = None
    severity: str | None = None
    failures: Text | None = None


class _Test(Said):
    unique_id: str
    quality_dimension: str | None = None
    warn_if: str | None = None
    error_if: str | None = None


class ElementaryImporter:
    """Reads the results of dbt tests and of Elementary's own monitors."""

    tool: Literal["elementary"] = "elementary"

    def is_document(self, body: Any) -> bool:
        """Tell whether these are the records of ``elementary_test_results``."""
        return isinstance(body, list) and (
            not body or (isinstance(body[0], dict) and {"test_unique_id", "detected_at", "status"} <= body[0].keys())
        )

    def findings(self, document: Document) -> Findings:
        """Return a result for each record."""
        tests = {
            test.unique_id: test
            for place, raw in enumerate(document.beside.get(TESTS, ()))
            for test in [read(_Test, _plain(raw), document.path, f"{TESTS}, record {place + 1}")]
        }
        return Findings(
            [
                _result(document.path, document.place(index), _plain(raw), tests)
                for index, raw in enumerate(document.body)
            ]
        )


def _result(path: str, place: str, raw: Any, tests: dict[str, _Test]) -> CheckResult:
    said = read(_Record, raw, path, place)
    known = _STATUS.get(said.status.lower())
    if known is None:
        raise malformed(path, f"{place}, status", f"{said.status!r} is none of {', '.join(_STATUS)}")
    status, severity = known
    test = tests.get(said.test_unique_id)
    limit = (test.warn_if if severity == "warning" else test.error_if) if test else None
    return result(
        tool="elementary",
        check_name=said.test_name,
        name=".".join(part for part in (said.database_name, said.schema_name, said.table_name) if part) or None,
        field=said.column_name,
        dimension=test.quality_dimension if test else None,
        status=status,
        severity=severity,
        expected=f"{'warn_if' if severity == 'warning' else 'error_if'} {limit}" if limit else None,
        actual=number(said.failures),
        executed_at=micros(said.detected_at),
        run_id=said.invocation_id,
        said={
            "id": said.id,
            "unique_id": said.test_unique_id,
            "test_type": said.test_type,
            "configured_severity": said.severity.lower() if said.severity else None,
            "message": short(said.test_results_description),
        },
        check_kind=said.test_short_name or said.test_sub_type,
        source=_package(said.test_unique_id),
    )


def _package(unique_id: str) -> str | None:
    """Return the dbt project that a test belongs to: ``test.PROJECT.…``."""
    parts = unique_id.split(".")
    return parts[1] if len(parts) > 2 else None


def _plain(raw: Any) -> Any:
    """Return a record without empty texts: CSV writes NULL as one."""
    return {key: value for key, value in raw.items() if value != ""} if isinstance(raw, dict) else raw
