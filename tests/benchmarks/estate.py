"""Makes the events of a large company's warehouse with one broken day: the same bytes for the same numbers.

    python tests/benchmarks/estate.py [--pipelines 200] [--days 100] > OUT

A pipeline has 50 jobs in five layers; each writes one table of four columns from the ten tables of the layer above, so
that it has 500 edges. Each job runs once a day (START, COMPLETE), and one run a layer checks its tables. On the last
day one table of the second layer of every pipeline gets too few rows, and checks fail there and below. A new version of
the code comes every 30 days. Events come in the order of time, give or take half a minute.

Where ``events.py`` is after what producers send, this is after size: the events are small and plain.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

START = datetime(2026, 1, 5, tzinfo=UTC)
LAYERS, WIDTH = 5, 10
JOBS, EDGES = LAYERS * WIDTH, LAYERS * WIDTH * WIDTH  # of a pipeline
DAYS_OF_A_VERSION = 30
COLUMNS = ("id", "amount", "note", "created_at")
NAMESPACE = "warehouse"
CAUSE, SYMPTOM = (1, 3), (LAYERS - 1, 0)  # layer and place of a table

PRODUCER = "https://example.com/estate"
FACETS = "https://openlineage.io/spec/facets/"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


def table(pipeline: int, layer: int, place: int) -> str:
    """Return the name of a table; layer -1 is what the pipeline reads from elsewhere."""
    return f"p{pipeline:05}.{'raw' if layer < 0 else f'l{layer}'}_t{place:02}"


def _facet(schema: str, **body: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": FACETS + schema, **body}


def _lineage(sources: list[str], place: int) -> dict[str, Any]:
    transformation = {"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}
    return _facet(
        "1-2-0/ColumnLineageDatasetFacet.json",
        fields={
            column: {
                "inputFields": [
                    {"namespace": NAMESPACE, "name": source, "field": column, "transformations": [transformation]}
                    for source in (sources[place], sources[(place + 1) % WIDTH])
                ]
            }
            for column in COLUMNS
        },
    )


def _run_id(start: datetime, pipeline: int, layer: int, place: int) -> UUID:
    """Return the id of a run as today's clients make it: a UUID of version 7, which begins with the time."""
    return UUID(int=int(start.timestamp() * 1e3) << 80 | 7 << 76 | 2 << 62 | pipeline << 16 | layer << 8 | place)


class _Job:
    """A job: its events but for what is new each day is put together once."""

    def __init__(self, pipeline: int, layer: int, place: int) -> None:
        self.pipeline, self.layer, self.place = pipeline, layer, place
        self.number = layer * WIDTH + place
        sources = [table(pipeline, layer - 1, other) for other in range(WIDTH)]
        self.output = table(pipeline, layer, place)
        query = f"insert into {self.output} select {', '.join(COLUMNS)} from {' union all from '.join(sources)}"
        self.sql = json.dumps(_facet("1-1-0/SQLJobFacet.json", query=query))
        self.inputs = json.dumps([{"namespace": NAMESPACE, "name": name} for name in sources])
        schema = _facet("1-2-0/SchemaDatasetFacet.json", fields=[{"name": name, "type": "BIGINT"} for name in COLUMNS])
        self.facets = json.dumps({"schema": schema, "columnLineage": _lineage(sources, place)})

    def events(self, day: int, *, broken: bool) -> Iterator[str]:
        """Yield START and COMPLETE of a day."""
        start = START + timedelta(days=day, minutes=self.number)
        run = _run_id(start, self.pipeline, self.layer, self.place)
        rows = 50 if broken else 100_000 + (day * 37 + self.number * 11) % 997
        version = _facet(
            "1-0-1/SourceCodeLocationJobFacet.json", type="git", url="git@x", version=f"v{day // DAYS_OF_A_VERSION}"
        )
        statistics = _facet("1-0-2/OutputStatisticsOutputDatasetFacet.json", rowCount=rows, size=rows * 100)
        always = (
            f'"producer":"{PRODUCER}","schemaURL":"{RUN_EVENT}","run":{{"runId":"{run}"}},'
            f'"job":{{"namespace":"jobs","name":"{self.output}","facets":{{"sql":{self.sql},'
            f'"sourceCodeLocation":{json.dumps(version)}}}}}'
        )
        yield f'{{"eventType":"START","eventTime":"{start.isoformat()}",{always}}}'
        yield (
            f'{{"eventType":"COMPLETE","eventTime":"{(start + timedelta(seconds=30)).isoformat()}",{always},'
            f'"inputs":{self.inputs},"outputs":[{{"namespace":"{NAMESPACE}","name":"{self.output}",'
            f'"facets":{self.facets},"outputFacets":{{"outputStatistics":{json.dumps(statistics)}}}}}]}}'
        )


def _checks(pipeline: int, layer: int, day: int, *, broken: bool) -> str:
    """Return the event of the run that checks a layer."""
    time = START + timedelta(days=day, minutes=(layer + 1) * WIDTH)
    failing = {CAUSE[1]} if layer == CAUSE[0] else {0} if layer > CAUSE[0] else set()
    inputs = [
        {
            "namespace": NAMESPACE,
            "name": table(pipeline, layer, place),
            "inputFacets": {
                "dataQualityAssertions": _facet(
                    "1-0-2/DataQualityAssertionsDatasetFacet.json",
                    assertions=[{"assertion": "row_count_min", "success": not (broken and place in failing)}],
                )
            },
        }
        for place in range(WIDTH)
    ]
    test = _facet("2-0-3/JobTypeJobFacet.json", processingType="BATCH", integration="CHECKS", jobType="TEST")
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": time.isoformat(),
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": {"runId": str(_run_id(time, pipeline, layer, WIDTH))},
            "job": {"namespace": "checks", "name": f"p{pipeline:05} l{layer}", "facets": {"jobType": test}},
            "inputs": inputs,
        }
    )


def estate(pipelines: Iterable[int], days: Iterable[int], broken_day: int | None = None) -> Iterator[str]:
    """Yield the events of pipelines on some days, one of which may be the broken one, in the order of time."""
    layers = [
        [_Job(pipeline, layer, place) for place in range(WIDTH) for pipeline in pipelines] for layer in range(LAYERS)
    ]
    for day in days:
        broken = day == broken_day
        for layer, jobs in enumerate(layers):
            for job in jobs:
                yield from job.events(day, broken=broken and (job.layer, job.place) == CAUSE)
            for pipeline in pipelines:
                yield _checks(pipeline, layer, day, broken=broken)


def main() -> None:
    """Write the events to standard output, one a line."""
    parser = argparse.ArgumentParser(description="Makes the events of a large warehouse with one broken day.")
    parser.add_argument("--pipelines", type=int, default=200, help="of 50 jobs each (default 200)")
    parser.add_argument("--days", type=int, default=100, help="how often each job runs (default 100)")
    arguments = parser.parse_args()
    for event in estate(range(arguments.pipelines), range(arguments.days), arguments.days - 1):
        sys.stdout.write(event + "\n")


if __name__ == "__main__":
    main()
