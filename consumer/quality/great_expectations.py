"""Great Expectations 1.x: the validation results that a checkpoint stores, one JSON file for each, or all in one.

Format: ``ExpectationSuiteValidationResult.to_json_dict()`` of great_expectations 1.x, in any result format
(BOOLEAN_ONLY and up), alone, in a list, or under ``run_results`` of a ``CheckpointResult``, as they are in 1.x or with
the results of actions beside them as in 0.18; the members that 0.18 names otherwise are read as well. What the checked
data holds (``partial_unexpected_list`` and its like) is not kept.

An expectation that could not be evaluated has an exception, in one of two shapes: flat, or by metric. It is *errored*:
of the data it says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from ..event import micros
from ..rows import CheckResult
from .importer import Document, Findings, Moment, Said, Severity, malformed, number, read, result, short

_SEVERITY: dict[str, Severity] = {"critical": "error", "warning": "warning", "info": "warning"}
# Arguments that say where an expectation looks, not what it expects.
_PLACES = {"batch_id", "column", "column_A", "column_B", "column_list", "column_set"}


class _Config(Said):
    type: str | None = None
    expectation_type: str | None = None  # 0.18
    kwargs: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    id: str | None = None
    severity: str = "critical"


class _Result(Said):
    success: bool
    expectation_config: _Config
    result: dict[str, Any] = {}
    exception_info: dict[str, Any] = {}

    @property
    def kind(self) -> str:
        config = self.expectation_config
        return config.type or config.expectation_type or "expectation"

    @property
    def exception(self) -> str | None:
        """The message of the exception that was raised, if one was."""
        shapes = [self.exception_info, *(item for item in self.exception_info.values() if isinstance(item, dict))]
        for shape in shapes:
            if shape.get("raised_exception"):
                return str(shape.get("exception_message") or "an exception without a message")
        return None

    @property
    def field(self) -> str | None:
        column = self.expectation_config.kwargs.get("column")
        return column if isinstance(column, str) else None


class _BatchDefinition(Said):
    datasource_name: str | None = None
    data_asset_name: str | None = None


class _RunId(Said):
    run_name: str | None = None
    run_time: Moment | None = None


class _Meta(Said):
    batch_spec: dict[str, Any] = {}
    active_batch_definition: _BatchDefinition = _BatchDefinition()
    run_id: _RunId = _RunId()
    validation_time: Moment | None = None
    checkpoint_name: str | None = None
    expectation_suite_name: str | None = None  # 0.18


class _Validation(Said):
    results: list[_Result]
    meta: _Meta
    suite_name: str | None = None


class GreatExpectationsImporter:
    """Reads validation results."""

    tool: Literal["great_expectations"] = "great_expectations"

    def is_document(self, body: Any) -> bool:
        """Tell whether this is the result of a validation, and not a suite, a checkpoint or its description."""
        if isinstance(body, list):
            return bool(body) and all(_is_validation(said) for said in body)
        return _is_validation(body) or (isinstance(body, dict) and isinstance(body.get("run_results"), dict))

    def findings(self, document: Document) -> Findings:
        """Return a result for each expectation."""
        return Findings(
            [row for where, said in _validations(document.body) for row in _results(document.path, where, said)]
        )


def _is_validation(body: Any) -> bool:
    return isinstance(body, dict) and {"results", "meta", "success"} <= body.keys()


def _validations(body: Any) -> Iterator[tuple[str, Any]]:
    """Yield each validation of a document and its place in it, empty if it is all there is."""
    if isinstance(body, list):
        yield from ((str(place), said) for place, said in enumerate(body))
    elif isinstance(body, dict) and isinstance(body.get("run_results"), dict):
        for name, said in body["run_results"].items():
            has_actions = isinstance(said, dict) and "validation_result" in said
            yield f"run_results.{name}", said["validation_result"] if has_actions else said
    else:
        yield "", body


def _results(path: str, where: str, body: Any) -> list[CheckResult]:
    validation = read(_Validation, body, path, where)
    executed_at = validation.meta.run_id.run_time or validation.meta.validation_time
    if executed_at is None:
        place = f"{where}.meta.run_id.run_time".removeprefix(".")
        raise malformed(path, place, "is missing, and so is meta.validation_time")
    names = Counter((said.kind, said.field) for said in validation.results)
    return [
        _result(said, validation, micros(executed_at), alone=names[said.kind, said.field] == 1)
        for said in validation.results
    ]


def _result(said: _Result, validation: _Validation, executed_at: int, *, alone: bool) -> CheckResult:
    config, meta = said.expectation_config, validation.meta
    exception = said.exception
    # Two expectations of one kind about one column are two checks: only their ids tell them apart.
    name = said.kind if alone or not config.id else f"{said.kind} {config.id[:8]}"
    return result(
        tool="great_expectations",
        check_name=name,
        name=_dataset(meta),
        field=said.field,
        dimension=_dimension(config),
        status="errored" if exception else "passed" if said.success else "failed",
        severity=_SEVERITY.get(config.severity.lower(), "error"),
        expected=number({key: item for key, item in config.kwargs.items() if key not in _PLACES} or None),
        actual=_actual(said.result),
        executed_at=executed_at,
        run_id=meta.run_id.run_name,
        said={
            "suite": validation.suite_name or meta.expectation_suite_name,
            "checkpoint": meta.checkpoint_name,
            "expectation_id": config.id,
            "configured_severity": config.severity.lower(),
            "columns": [item for key, item in config.kwargs.items() if key in _PLACES - {"batch_id", "column"}],
            "element_count": said.result.get("element_count"),
            "unexpected_count": said.result.get("unexpected_count"),
            "message": short(exception),
        },
        check_kind=said.kind,
        source=meta.active_batch_definition.datasource_name,
    )


def _dataset(meta: _Meta) -> str | None:
    """Return the table behind the batch: what was queried if that is known, else what the user called the asset."""
    table, schema = meta.batch_spec.get("table_name"), meta.batch_spec.get("schema_name")
    if isinstance(table, str) and table:
        return f"{schema}.{table}" if schema else table
    return meta.active_batch_definition.data_asset_name


def _dimension(config: _Config) -> str | None:
    said = config.meta.get("dimension") or config.meta.get("quality_dimension")
    return said if isinstance(said, str) else None


def _actual(found: dict[str, Any]) -> str | None:
    """Return what was observed: a value, or the share of values that were not as expected."""
    if "observed_value" in found:
        return number(found["observed_value"])
    percent = found.get("unexpected_percent")
    return f"{percent:.6g} % unexpected" if isinstance(percent, int | float) else None
