"""The Grafana dashboard shows what there is, and nothing that is not."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest
from headwater.metrics import METRICS, Metric
from support import ROOT

DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "headwater.json").read_text(encoding="utf-8"))
NAMES = {metric.name: metric for metric in METRICS}
PARTS = {f"{metric.name}_{part}": metric for metric in METRICS if metric.buckets for part in ("bucket", "sum", "count")}
# What Prometheus says of each series itself.
SCRAPED = {"job", "instance"}


class Query(NamedTuple):
    """A query of a panel."""

    panel: str
    expr: str
    legend: str


QUERIES = [
    Query(panel["title"], target["expr"], target["legendFormat"])
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]


def metrics_of(query: Query) -> dict[str, Metric | None]:
    return {name: (NAMES | PARTS).get(name) for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+(?=\{)", query.expr)}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.panel}: {query.legend}")
def test_a_query_asks_for_metrics_and_labels_that_there_are(query: Query) -> None:
    found = metrics_of(query)

    assert found
    assert [name for name, metric in found.items() if metric is None] == []
    labels = {label for metric in found.values() if metric for label in (*metric.labels, *SCRAPED)}
    asked = re.findall(r"\{\{(\w+)\}\}", query.legend)
    asked += re.findall(r"(\w+)=~", query.expr)
    asked += [label for group in re.findall(r"by \(([^)]*)\)", query.expr) for label in group.split(", ")]
    assert set(asked) <= labels | {"version"} | ({"le"} if "_bucket{" in query.expr else set())


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.panel}: {query.legend}")
def test_a_counter_is_shown_as_what_it_grows_by_and_a_histogram_by_its_buckets(query: Query) -> None:
    for name, metric in metrics_of(query).items():
        assert metric
        if metric.kind == "counter":
            assert re.search(rf"(?:rate|increase)\({name}\{{", query.expr)
        if metric.kind == "histogram":
            assert query.expr.startswith("histogram_quantile(")
            assert "by (le)" in query.expr


def test_every_metric_is_shown_somewhere() -> None:
    shown = {metric.name for query in QUERIES for metric in metrics_of(query).values() if metric}

    assert shown == set(NAMES)


def test_panels_have_names_and_places_of_their_own() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles)
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert max(x for x, _ in cells) < 24
