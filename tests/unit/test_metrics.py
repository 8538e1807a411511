"""The list of metrics, and the numbers behind them."""

from __future__ import annotations

import re
import threading

import pytest
from headwater import metrics
from headwater.exposition import Exposition
from headwater.metrics import METRICS, Metric, Numbers, Sample
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_of
from prometheus_client.parser import text_string_to_metric_families as families_of

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def sample(numbers: Numbers, metric: Metric) -> list[Sample]:
    return dict(numbers.samples())[metric]


def test_every_constant_is_in_the_list_once() -> None:
    constants = [value for value in vars(metrics).values() if isinstance(value, Metric)]

    assert list(METRICS) == constants
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_as_prometheus_asks(metric: Metric) -> None:
    assert re.fullmatch(r"headwater_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert (metric.buckets != ()) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.meaning.endswith(".")


def test_a_counter_is_there_before_it_counts_as_far_as_its_labels_are_known() -> None:
    numbers = Numbers()

    assert sample(numbers, metrics.EVENTS) == [Sample((), 0.0)]
    assert sample(numbers, metrics.GAPS) == [Sample(("expired",), 0.0), Sample(("recreated",), 0.0)]
    assert sample(numbers, metrics.REQUESTS) == []


def test_an_observation_is_in_the_first_bucket_that_holds_it() -> None:
    numbers = Numbers()
    for value in (0.5, 1.0, 1.5, 10.0, 2_000_000.0):
        numbers.observe(metrics.BATCH_RECORDS, value)

    assert metrics.BATCH_RECORDS.buckets == (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
    assert sample(numbers, metrics.BATCH_RECORDS) == [Sample((), 5.0, (2, 2, 0, 0, 0, 0, 0, 1), 2_000_013.0)]


@given(st.lists(st.integers(min_value=-10, max_value=100_000)), st.integers(min_value=0, max_value=1_000))
def test_ages_that_are_counted_together_are_counted_as_one_by_one(ages: list[int], tenths: int) -> None:
    now = 1_700_000_000_000_000
    moments = [now - age * 1_000_000 + tenths * 100 for age in ages]
    together, one_by_one = Numbers(), Numbers()
    together.observe_ages(metrics.EVENT_TO_PUBLISHED, moments, now)
    for moment in moments:
        one_by_one.observe(metrics.EVENT_TO_PUBLISHED, max(0, now - moment) / 1e6)

    [found], [expected] = sample(together, metrics.EVENT_TO_PUBLISHED), sample(one_by_one, metrics.EVENT_TO_PUBLISHED)
    assert found._replace(total=0) == expected._replace(total=0)
    assert found.total == pytest.approx(expected.total)


def test_counting_from_many_threads_loses_nothing() -> None:
    numbers = Numbers()

    def count() -> None:
        for _ in range(1_000):
            numbers.add(metrics.REQUESTS, 1, "201")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sample(numbers, metrics.REQUESTS) == [Sample(("201",), 8_000.0)]


def test_the_page_has_every_series_that_has_a_number() -> None:
    numbers = Numbers()
    numbers.add(metrics.DEAD_LETTERS, 2, 'a "quoted"\nreason')
    numbers.set(metrics.LAG, 7, "openlineage", "3")
    numbers.observe(metrics.WRITE_SECONDS, 0.02)
    content_type, page = Exposition(numbers, lambda: None).page("")

    assert content_type.startswith("text/plain")
    found = {
        (item.name, tuple(sorted(item.labels.items()))): item.value
        for family in families_of(page.decode())
        for item in family.samples
    }
    assert found["headwater_dead_letters_total", (("reason", 'a "quoted"\nreason'),)] == 2.0
    assert found["headwater_lag_records", (("partition", "3"), ("topic", "openlineage"))] == 7.0
    assert found["headwater_write_seconds_bucket", (("le", "0.01"),)] == 0.0
    assert found["headwater_write_seconds_bucket", (("le", "0.025"),)] == 1.0
    assert found["headwater_write_seconds_bucket", (("le", "+Inf"),)] == 1.0
    assert found["headwater_write_seconds_sum", ()] == 0.02
    assert found["headwater_events_total", ()] == 0.0


@pytest.mark.parametrize(("accept", "parse"), [("", families_of), (OPENMETRICS, openmetrics_of)])
def test_the_page_has_every_metric_with_its_meaning_in_each_format(accept: str, parse: object) -> None:
    content_type, page = Exposition(Numbers(), lambda: None).page(accept)
    families = {family.name: family.documentation for family in parse(page.decode())}  # type: ignore[operator]

    assert ("openmetrics" in content_type) == bool(accept)
    expected = {metric.name.removesuffix("_total"): metric.meaning for metric in METRICS}
    assert {name: text for name, text in families.items() if name.startswith("headwater_")} == expected


def test_looking_asks_for_what_is_only_known_then() -> None:
    numbers = Numbers()
    exposition = Exposition(numbers, lambda: numbers.set(metrics.PUBLISH_AGE, 12.5))

    assert b"\nheadwater_publish_age_seconds 12.5\n" in exposition.page("")[1]
