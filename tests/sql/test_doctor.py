"""What `doctor` and the view finding report: each kind of finding, and nothing when there is nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from headwater.batch import Batch
from headwater.errors import UnreadableRecord
from headwater.event import decode, micros_of
from headwater.fold import Folder, Origin
from headwater.rows import GapRow
from headwater.store import Store

DBT = "https://github.com/OpenLineage/OpenLineage/tree/{}/integration/dbt"
RUN = "00000000-0000-0000-0000-00000000000{}"
SPELT = "See whether their names are spelt alike."


def event(run: str, time: str = "2026-01-01T12:00:00Z", **members: Any) -> dict[str, Any]:
    """Return a COMPLETE event of a run of dbt, with more or other members."""
    return {
        "eventType": "COMPLETE",
        "eventTime": time,
        "producer": DBT.format("1.54.0"),
        "run": {"runId": run, "facets": members.pop("run_facets", {})},
        "job": {"namespace": "jobs", "name": "load", "facets": members.pop("job_facets", {})},
        **members,
    }


def fill(store: Store, records: Sequence[tuple[object, str]]) -> None:
    """Fold records with the times at which they were received."""
    batch, folder = Batch(), Folder()
    for offset, (value, received_at) in enumerate(records):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        moment = micros_of(received_at) or 0
        for decoded in decode(data):
            if isinstance(decoded, UnreadableRecord):
                batch.reject(Record(offset, data), 0, moment, decoded)
            else:
                folder.fold(decoded, Origin("lineage", 0, offset, 0, moment), batch)
    batch.gaps.append(GapRow("lineage", 1, 10, 15, "expired", 0))
    store.write(batch.tables(0, {}))


class Record:
    """A record as `Batch.reject` wants it."""

    topic, partition, element = "lineage", 0, 0

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value = offset, value


def dataset(name: str, namespace: str = "db", **members: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, **members}


UNHEALTHY: list[tuple[object, str]] = [
    (event(RUN.format(1)), "2026-01-01T12:00:01Z"),
    (event(RUN.format(1)), "2026-01-01T12:00:02Z"),  # a duplicate
    (b"not json", "2026-01-01T12:00:03Z"),
    # From the future, by another version; a parent that never came; an unknown facet, a wrong one, a misplaced one.
    (
        event(
            RUN.format(2),
            "2026-01-03T12:00:00Z",
            producer=DBT.format("1.38.0"),
            run_facets={
                "parent": {"run": {"runId": RUN.format(9)}, "job": {"namespace": "jobs", "name": "dag"}},
                "vendor": {"_producer": "https://vendor"},
                "sql": {"_producer": "https://vendor", "query": "select 1"},
                "tags": {"tags": [{"value": "keyless"}]},
                "extractionError": {"totalTasks": 1, "failedTasks": 1, "errors": []},
            },
        ),
        "2026-01-03T11:58:00Z",
    ),
    # Late, without an end, and not a UUID; of datasets without a name, and with a second one.
    (
        event(
            "odd",
            "2026-01-01T12:00:00Z",
            eventType="START",
            inputs=[dataset("", facets={"schema": {"fields": [{"name": "a"}]}})],
            outputs=[
                dataset(
                    "out",
                    facets={
                        "schema": {"fields": [{"name": "x"}]},
                        "symlinks": {"identifiers": [{"namespace": "s3", "name": "/out", "type": "LOCATION"}]},
                    },
                )
            ],
        ),
        "2026-01-03T12:00:01Z",
    ),
    # Columns of a dataset that nobody reads, and one that its schema does not have.
    (
        event(
            RUN.format(3),
            "2026-01-03T12:00:00Z",
            inputs=[dataset("in", facets={"schema": {"fields": [{"name": "a"}]}})],
            outputs=[
                dataset(
                    "out",
                    facets={
                        "columnLineage": {
                            "fields": {
                                "x": {
                                    "inputFields": [
                                        dataset("in", field="b"),
                                        dataset("nobody", field="a"),
                                    ]
                                }
                            }
                        }
                    },
                )
            ],
        ),
        "2026-01-03T12:00:01Z",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("unhealthy") / "live.duckdb") as opened:
        fill(opened, UNHEALTHY)
        yield opened


def test_every_finding_has_a_count_an_example_and_advice(store: Store) -> None:
    late, ahead, twice = (
        store.database.rows(f"SELECT {pick}(event_id::VARCHAR) FROM event WHERE source_offset = {offset}")[0][0]
        for pick, offset in (("max", 4), ("max", 3), ("max", 0))
    )
    assert store.database.rows("FROM finding") == [
        (
            "error",
            "dead_letter",
            "invalid_json",
            1,
            "lineage 0 2: JSON is malformed: invalid character (byte 4)",
            "Look at them with headwater dead-letters; once the producer is mended, replay them.",
        ),
        (
            "error",
            "gap",
            "lineage",
            5,
            "partition 1 from 10, expired",
            "The broker no longer had these records. Replay a capture of them, and keep topics for longer.",
        ),
        (
            "warning",
            "clock_skew",
            "lineage",
            1,
            f"{ahead} is 120 seconds ahead",
            "Events from the future win over those that follow. Set the clock of their producer.",
        ),
        (
            "warning",
            "empty_name",
            "datasets",
            1,
            "namespace 'db', name ''",
            "A dataset without a namespace or a name may stand for several. Tell whoever sends it.",
        ),
        (
            "warning",
            "endless_run",
            "runs",
            1,
            "odd",
            "Nothing came of them for 24 hours, and no end. Their end may have been lost.",
        ),
        (
            "warning",
            "extraction_error",
            "runs",
            1,
            RUN.format(2),
            "Their producer could not tell all of their lineage: see the view extraction_error.",
        ),
        (
            "warning",
            "facet_problem",
            "run.tags",
            1,
            "tags.tags.0.key: Field required",
            "What could not be read is left out and still in facet.body. Tell whoever sends it.",
        ),
        (
            "warning",
            "orphan_run",
            "runs",
            1,
            RUN.format(2),
            "No event of their parent came. Have its producer send to the same topic.",
        ),
        (
            "info",
            "alias",
            "datasets",
            1,
            "/out (s3) is out (db)",
            "Symlinks say that these names are one dataset: see the view dataset_alias.",
        ),
        (
            "info",
            "duplicate",
            "lineage",
            1,
            twice,
            "They came more than once and count once. Producers and topics may do that.",
        ),
        (
            "info",
            "late_event",
            "lineage",
            1,
            f"{late} is 172800 seconds behind",
            "They came more than an hour after newer events of their partition. The store does not mind.",
        ),
        (
            "info",
            "odd_run_id",
            "runs",
            1,
            "odd",
            "The spec wants UUIDs. Ids that are not unique make one run of several.",
        ),
        (
            "info",
            "producer",
            "https://github.com/OpenLineage/OpenLineage/integration/dbt",
            4,
            "1.38.0, 1.54.0",
            "Several versions send: names of jobs and homes of facets may differ between them.",
        ),
        (
            "info",
            "unknown_dataset",
            "datasets",
            1,
            "nobody (db)",
            f"Only column lineage names them, no input or output does. {SPELT}",
        ),
        (
            "info",
            "unknown_facet",
            "run.sql",
            1,
            "https://vendor",
            "It is kept as JSON in the view facet. The spec has it on: job.",
        ),
        (
            "info",
            "unknown_facet",
            "run.vendor",
            1,
            "https://vendor",
            "It is kept as JSON in the view facet.",
        ),
        (
            "info",
            "unknown_field",
            "fields",
            1,
            "b of in (db)",
            f"Column lineage names them and the schema of their dataset does not. {SPELT}",
        ),
    ]


@pytest.mark.parametrize(("hours", "runs"), [(24, 1), (48, 0), (47, 1)])
def test_a_run_is_endless_after_the_hours_that_were_asked_for(store: Store, hours: int, runs: int) -> None:
    found = store.database.rows(
        "SELECT coalesce(sum(count), 0)::BIGINT FROM doctor(stale_hours := $hours) WHERE kind = 'endless_run'",
        {"hours": hours},
    )
    assert found == [(runs,)]


def test_a_streaming_run_may_have_no_end(tmp_path: Path) -> None:
    streaming = {"jobType": {"processingType": "streaming", "integration": "FLINK"}}
    with Store(tmp_path / "live.duckdb") as opened:
        fill(
            opened,
            [
                (event(RUN.format(1), "2026-01-01T00:00:00Z", eventType="START", job_facets=streaming), "2026-01-01"),
                (event(RUN.format(2), "2026-02-01T00:00:00Z", job_facets=streaming), "2026-02-01"),
            ],
        )
        assert opened.database.rows("FROM finding WHERE kind = 'endless_run'") == []


def test_an_empty_store_has_no_findings(tmp_path: Path) -> None:
    with Store(tmp_path / "live.duckdb") as opened:
        assert opened.database.rows("FROM finding") == []


def test_every_kind_is_in_the_comment_of_the_view(store: Store) -> None:
    ((comment,),) = store.database.rows(
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'finding' AND column_name = 'kind'"
    )
    kinds = {kind for (kind,) in store.database.rows("SELECT DISTINCT kind FROM finding")}
    assert set(comment.rstrip(".").replace(" or ", ", ").split(", ")) == kinds


def test_doctor_and_the_view_mean_the_same_runs_without_an_end(tmp_path: Path) -> None:
    """A job that once was a stream and no longer says so, which each used to see in its own way."""
    streaming = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}
    batch = {"jobType": {"processingType": "BATCH", "integration": "FLINK"}}
    with Store(tmp_path / "live.duckdb") as opened:
        fill(
            opened,
            [
                (event(RUN.format(1), "2026-01-01T00:00:00Z", eventType="START", job_facets=streaming), "2026-01-01"),
                (event(RUN.format(2), "2026-02-01T00:00:00Z", eventType="START", job_facets=batch), "2026-02-01"),
                (event(RUN.format(3), "2026-03-01T00:00:00Z", job_facets=batch), "2026-03-01"),
            ],
        )

        assert opened.database.rows("SELECT run_id FROM unfinished_run") == []
        assert opened.database.rows("FROM finding WHERE kind = 'endless_run'") == []
