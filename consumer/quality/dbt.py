"""dbt: ``run_results.json`` with the ``manifest.json`` beside it.

Format: https://schemas.getdbt.com/dbt/run-results/v6.json and .../manifest/v12.json; earlier versions have the same
members as far as they are read here.

A test that dbt skipped, because something upstream failed, says nothing about the data: it is *skipped*, never failed.
A test whose result is below its ``error_if`` is a *warn*, whatever its configured severity: failed, with the severity
warning.
"""

from __future__ import annotations

from typing import Any, Literal

from ..event import micros
from ..rows import CheckResult, Micros
from .importer import Document, Findings, Moment, Said, Severity, Status, Text, malformed, number, read, result

MANIFEST = "manifest.json"

_STATUS: dict[str, tuple[Status, Severity | None]] = {
    "pass": ("passed", None),
    "fail": ("failed", "error"),
    "warn": ("failed", "warning"),
    "error": ("errored", None),
    "runtime error": ("errored", None),
    "skipped": ("skipped", None),
}


class _Timing(Said):
    name: str
    completed_at: Moment | None = None


class _Result(Said):
    unique_id: str
    status: str
    failures: int | None = None
    message: Text | None = None
    timing: list[_Timing] = []


class _Metadata(Said):
    generated_at: Moment
    invocation_id: str | None = None


class _RunResults(Said):
    metadata: _Metadata
    results: list[_Result]


class _TestMetadata(Said):
    name: str
    namespace: str | None = None


class _Config(Said):
    severity: str = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    where: Text | None = None
    meta: dict[str, Any] = {}


class _DependsOn(Said):
    nodes: list[str] = []


class _Node(Said):
    name: str
    database: str | None = None
    schema_: str | None = None
    alias: str | None = None
    identifier: str | None = None
    column_name: str | None = None
    attached_node: str | None = None
    depends_on: _DependsOn = _DependsOn()
    test_metadata: _TestMetadata | None = None
    config: _Config = _Config()
    meta: dict[str, Any] = {}
    tags: list[str] = []

    @property
    def relation(self) -> str:
        """The name of the table, as dbt's OpenLineage events have it."""
        parts = (self.database, self.schema_, self.alias or self.identifier or self.name)
        return ".".join(part for part in parts if part)


class _ManifestMetadata(Said):
    project_name: str | None = None


class _Manifest(Said):
    metadata: _ManifestMetadata
    nodes: dict[str, Any]
    sources: dict[str, Any] = {}
    parent_map: dict[str, list[str]] = {}


class DbtImporter:
    """Reads the results of dbt's tests. Results of models, seeds and unit tests say nothing about data quality."""

    tool: Literal["dbt"] = "dbt"

    def is_document(self, body: Any) -> bool:
        """Tell whether this is a ``run_results.json``."""
        metadata = body.get("metadata") if isinstance(body, dict) else None
        return isinstance(metadata, dict) and "run-results" in str(metadata.get("dbt_schema_version"))

    def findings(self, document: Document) -> Findings:
        """Return a result for each test, and for each dataset that it is about."""
        run = read(_RunResults, document.body, document.path)
        if MANIFEST not in document.beside:
            raise malformed(document.path, MANIFEST, "this file is missing beside it; it says which tables are tested")
        manifest = read(_Manifest, document.beside[MANIFEST], document.path, MANIFEST)
        results: list[CheckResult] = []
        for place, said in enumerate(run.results):
            # A phantom of 'dbt compile' is a test that succeeded and counted nothing.
            if said.unique_id.startswith("test.") and said.status.lower() not in ("success", "no-op"):
                results.extend(_results(document.path, f"results.{place}", said, run, manifest))
        return Findings(results)


def _results(path: str, where: str, said: _Result, run: _RunResults, manifest: _Manifest) -> list[CheckResult]:
    known = _STATUS.get(said.status.lower())
    if known is None:
        raise malformed(path, f"{where}.status", f"{said.status!r} is none of {', '.join(_STATUS)}")
    if said.unique_id not in manifest.nodes:
        raise malformed(
            path, f"{where}.unique_id", f"{said.unique_id} is not in {MANIFEST}: are both files of the same run?"
        )
    test = _node(path, manifest, said.unique_id)
    status, severity = known
    warns = severity == "warning" or test.config.severity.lower() == "warn"
    return [
        result(
            tool="dbt",
            check_name=test.name,
            name=relation,
            field=test.column_name,
            dimension=_dimension(test),
            status=status,
            severity=severity,
            expected=f"warn_if {test.config.warn_if}" if warns else f"error_if {test.config.error_if}",
            actual=number(said.failures),
            executed_at=_executed_at(said, run),
            run_id=run.metadata.invocation_id,
            said={
                "unique_id": said.unique_id,
                "configured_severity": test.config.severity.lower(),
                "message": said.message,
                "where": test.config.where,
                "tags": test.tags,
            },
            check_kind=test.test_metadata.name if test.test_metadata else "singular",
            source=manifest.metadata.project_name,
        )
        for relation in _relations(path, test, manifest) or (None,)
    ]


def _executed_at(said: _Result, run: _RunResults) -> Micros:
    ended = [timing.completed_at for timing in said.timing if timing.name == "execute" and timing.completed_at]
    return micros(ended[-1] if ended else run.metadata.generated_at)


def _dimension(test: _Node) -> str | None:
    """Return what the test's meta says; that is where Elementary looks, too."""
    said = test.config.meta.get("quality_dimension") or test.meta.get("quality_dimension")
    return str(said) if said else None


def _relations(path: str, test: _Node, manifest: _Manifest) -> list[str]:
    """Return the tables that a test is about.

    A generic test is attached to one. A singular test reads what it likes: it is about the most downstream tables among
    those, not about the ones that they are made from.
    """
    read_ = [node for node in test.depends_on.nodes if node in manifest.nodes or node in manifest.sources]
    if test.attached_node:
        about = [test.attached_node]
    else:
        about = [node for node in read_ if not any(node in _ancestors(other, manifest) for other in read_)]
    return [_node(path, manifest, node).relation for node in sorted(set(about))]


def _ancestors(node: str, manifest: _Manifest) -> set[str]:
    found: set[str] = set()
    waiting = [*manifest.parent_map.get(node, ())]
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(manifest.parent_map.get(parent, ()))
    return found


def _node(path: str, manifest: _Manifest, unique_id: str) -> _Node:
    """Return a node; they are looked at one by one, for a manifest is large and few of its nodes are asked for."""
    raw = manifest.nodes.get(unique_id) or manifest.sources.get(unique_id)
    if raw is None:
        raise malformed(path, MANIFEST, f"{unique_id} is missing")
    if isinstance(raw, dict) and "schema" in raw:
        raw = {**raw, "schema_": raw["schema"]}
    return read(_Node, raw, path, f"{MANIFEST}: {unique_id}")
