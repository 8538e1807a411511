"""The metrics as Prometheus reads them. prometheus-client does the formatting, and adds those of the process itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from .metrics import Metric, Numbers, Sample

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family


class Exposition:
    """Makes the page of ``/metrics``. Importing prometheus-client takes 0.15 s, so that waits for the first one."""

    def __init__(self, numbers: Numbers, refresh: Callable[[], None]) -> None:
        """Show *numbers*; *refresh* is called before each look, for what is only known then."""
        from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

        self._numbers = numbers
        self._refresh = refresh
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def page(self, accept: str) -> tuple[str, bytes]:
        """Return the content type and the page, in the format that a client which sent *accept* prefers."""
        from prometheus_client.exposition import choose_encoder

        encoder, content_type = choose_encoder(accept)
        return content_type, encoder(self._registry)

    def describe(self) -> Iterable[Family]:
        """Return nothing: the registry need not look at all numbers to know their names."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield the metrics; for the registry."""
        self._refresh()
        for metric, samples in self._numbers.samples():
            yield _family(metric, samples)


def _family(metric: Metric, samples: list[Sample]) -> Family:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.meaning)
        for sample in samples:
            ends = [*(str(end) for end in metric.buckets), "+Inf"]
            histogram.add_metric([], list(zip(ends, accumulate(sample.counts), strict=True)), sample.total)
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    for sample in samples:
        family.add_metric(sample.labels, sample.value)
    return family
