import json
from typing import Any

import pytest
from headwater.batch import Batch
from headwater.canonical import FACET_MARK
from headwater.errors import UnreadableRecord
from headwater.event import Event, decode
from headwater.fold import Folder, Origin
from headwater.ledger import Ledger
from headwater.names import DatasetName, JobName, TopicPartition, content_id, name_id, run_key
from headwater.rows import (
    ColumnLineageRow,
    DocumentRow,
    EventRow,
    NameRow,
    PassingFacetRow,
    RunRow,
    SchemaFieldRow,
    ShapeDatasetRow,
    ShapeFacetRow,
    ShapeRow,
)
from headwater.store.arrow import rows_of

SIX_OCLOCK = 1_795_327_200_000_000
ORIGIN = Origin("openlineage", 2, 41, 0, 7)
ORDERS = name_id(DatasetName("db", "orders"))
TOTALS = name_id(DatasetName("db", "totals"))
JOB = name_id(JobName("jobs", "sum"))

EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2026-11-22T06:00:00Z",
    "producer": "https://example.com",
    "run": {
        "runId": "r1",
        "facets": {"nominalTime": {"nominalStartTime": "2026-11-22T06:00:00Z"}, "mine": {"b": 1.10, "a": None}},
    },
    "job": {"namespace": "jobs", "name": "sum", "facets": {"jobType": {"processingType": "BATCH", "jobType": "QUERY"}}},
    "inputs": [{"namespace": "db", "name": "orders", "facets": {}}],
    "outputs": [
        {
            "namespace": "db",
            "name": "totals",
            "facets": {
                "schema": {"fields": [{"name": "total", "type": "INT"}]},
                "columnLineage": {
                    "fields": {"total": {"inputFields": [{"namespace": "db", "name": "orders", "field": "amount"}]}}
                },
            },
            "outputFacets": {"outputStatistics": {"rowCount": 3}},
        }
    ],
}


def ledger_of(batch: Batch) -> Ledger:
    assert isinstance(batch.ledger, Ledger)
    return batch.ledger


def fold(*events: dict[str, Any], folder: Folder | None = None) -> Batch:
    batch = Batch()
    folder = folder or Folder()
    for event in events:
        (decoded,) = decode(json.dumps(event).encode())
        assert isinstance(decoded, Event)
        folder.fold(decoded, ORIGIN, batch)
    return batch


def document(body: str) -> bytes:
    return content_id(body.encode())


SCHEMA = '{"fields":[{"name":"total","type":"INT"}]}'
LINEAGE = '{"fields":{"total":{"inputFields":[{"field":"amount","name":"orders","namespace":"db"}]}}}'
JOB_TYPE = '{"jobType":"QUERY","processingType":"BATCH"}'
NOMINAL = '{"nominalStartTime":"2026-11-22T06:00:00Z"}'
STATISTICS = '{"rowCount":3}'
MINE = '{"a":null,"b":1.1}'


def test_an_event_becomes_these_rows() -> None:
    tables = {name: rows_of(name, rows) for name, rows in fold(EVENT).tables(0, {}).items()}
    (event,) = tables["event"]
    (shape,) = tables["shape"]
    event_id, shape_id = event[0], shape[0]
    stamp = (SIX_OCLOCK, event_id)
    key = run_key("r1")

    assert tables == {
        "job": [NameRow(JOB, "jobs", "sum")],
        "dataset": [NameRow(ORDERS, "db", "orders"), NameRow(TOTALS, "db", "totals")],
        "document": [
            DocumentRow(document(body), body, False) for body in (JOB_TYPE, LINEAGE, SCHEMA, STATISTICS, MINE, NOMINAL)
        ],
        "schema_field": [SchemaFieldRow(document(SCHEMA), "total", 0, "INT", None)],
        "column_lineage": [ColumnLineageRow(document(LINEAGE), "total", ORDERS, "amount", None, None, None)],
        "shape": [ShapeRow(shape_id, JOB, "QUERY", "BATCH", False, True)],
        "shape_dataset": [ShapeDatasetRow(shape_id, "input", ORDERS), ShapeDatasetRow(shape_id, "output", TOTALS)],
        "shape_facet": [
            ShapeFacetRow(shape_id, None, None, "jobType", document(JOB_TYPE)),
            ShapeFacetRow(shape_id, "output", TOTALS, "columnLineage", document(LINEAGE)),
            ShapeFacetRow(shape_id, "output", TOTALS, "schema", document(SCHEMA)),
        ],
        "shape_seen": [(shape_id, SIX_OCLOCK, stamp)],
        "event": [
            EventRow(event_id, "run", "COMPLETE", SIX_OCLOCK, key, shape_id, "openlineage", 2, 41, 0, 7, event[-1])
        ],
        "run": [
            RunRow(
                run_key=key,
                run_id="r1",
                first_at=SIX_OCLOCK,
                started_at=None,
                last_at=SIX_OCLOCK,
                state=(3, *stamp, "COMPLETE"),
                job=(*stamp, JOB),
                producer=(*stamp, "https://example.com"),
                nominal=(*stamp, SIX_OCLOCK, None),
                parent=None,
                error=None,
                source=None,
            )
        ],
        "passing_facet": [
            PassingFacetRow("output", key, "output", TOTALS, JOB, "outputStatistics", *stamp, document(STATISTICS)),
        ],
    }


def test_the_skeleton_and_the_documents_make_the_event_again() -> None:
    batch = fold(EVENT)
    (event,) = ledger_of(batch).events.values()
    pieces = event.skeleton.split(FACET_MARK)
    pieces[1::2] = [ledger_of(batch).documents[bytes.fromhex(piece)].body for piece in pieces[1::2]]

    assert json.loads("".join(pieces)) == EVENT


def test_an_event_is_known_by_its_value_not_its_spelling() -> None:
    (compact,) = ledger_of(fold(EVENT)).events
    (decoded,) = decode(json.dumps(dict(reversed(EVENT.items())), indent=2).encode())
    assert isinstance(decoded, Event)
    batch = Batch()
    Folder().fold(decoded, ORIGIN, batch)

    assert list(ledger_of(batch).events) == [compact]


def test_numbers_keep_their_digits() -> None:
    snapshot = {"snapshotId": 3776207205136740581, "ratio": 1.5, "huge": 12345678901234567890123}
    batch = fold(EVENT | {"run": {"runId": "r", "facets": {"iceberg": snapshot}}})

    assert (
        DocumentRow(
            document('{"huge":12345678901234567890123,"ratio":1.5,"snapshotId":3776207205136740581}'),
            '{"huge":12345678901234567890123,"ratio":1.5,"snapshotId":3776207205136740581}',
            False,
        )
        in ledger_of(batch).documents.values()
    )


def test_a_run_that_differs_in_nothing_but_its_run_has_the_same_shape() -> None:
    again = EVENT | {"run": {"runId": "r2"}, "eventTime": "2026-11-22T07:00:00Z"}
    statistics = {"outputFacets": {"outputStatistics": {"rowCount": 4}}}
    again["outputs"] = [EVENT["outputs"][0] | statistics]  # type: ignore[index]
    batch = fold(EVENT, again)

    assert len(ledger_of(batch).events) == 2
    assert len(batch.shapes) == 1


def test_what_a_folder_saw_is_not_sent_again_until_it_forgets() -> None:
    folder = Folder()
    fold(EVENT, folder=folder)

    assert ledger_of(fold(EVENT, folder=folder)).documents == {}
    folder.forget()
    assert len(ledger_of(fold(EVENT, folder=folder)).documents) == 6


def test_a_doubled_event_is_one_event_and_one_duplicate() -> None:
    batch = fold(EVENT, EVENT)

    assert (len(ledger_of(batch).events), len(ledger_of(batch).repeated), len(ledger_of(batch).runs)) == (1, 1, 1)


def test_a_facet_that_cannot_be_read_is_kept_with_the_reason() -> None:
    batch = fold(EVENT | {"outputs": [{"namespace": "db", "name": "t", "facets": {"schema": {"fields": 7}}}]})

    assert [(row.entity, row.key, row.problem) for row in batch.facet_problems] == [
        ("dataset", "schema", "schema.fields: Input should be a valid list")
    ]
    assert DocumentRow(document('{"fields":7}'), '{"fields":7}', False) in ledger_of(batch).documents.values()


@pytest.mark.parametrize(
    "inputs", [None, "text", {}, [], [None], ["x"], [{"name": "no namespace"}], [{"namespace": "n", "name": 7}]]
)
def test_inputs_that_are_no_datasets_are_kept_and_passed_over(inputs: Any) -> None:
    batch = fold({name: value for name, value in EVENT.items() if name != "outputs"} | {"inputs": inputs})
    (event,) = ledger_of(batch).events.values()

    assert batch.shape_datasets == []
    assert f'"inputs":{json.dumps(inputs, separators=(",", ":"), sort_keys=True)}' in event.skeleton


@pytest.mark.parametrize("facets", [None, 7, [], "x"])
def test_facets_that_are_no_map_are_kept_and_passed_over(facets: Any) -> None:
    batch = fold(EVENT | {"run": {"runId": "r", "facets": facets}})
    (event,) = ledger_of(batch).events.values()

    assert f'"run":{{"facets":{json.dumps(facets)},"runId":"r"}}' in event.skeleton


@pytest.mark.parametrize("job", [None, 7, {}, {"namespace": "n"}, {"namespace": "n", "name": None}])
def test_a_run_without_a_job_cannot_be_read(job: Any) -> None:
    with pytest.raises(UnreadableRecord, match="no_job: the event needs a job"):
        fold(EVENT | {"job": job})


def test_a_control_character_in_a_name_cannot_pass_for_a_mark() -> None:
    evil = f"{FACET_MARK}{'0' * 32}{FACET_MARK}"
    batch = fold(EVENT | {"producer": evil})
    (event,) = ledger_of(batch).events.values()

    assert event.skeleton.count(FACET_MARK) == 2 * 6
    assert "\\u0001" in event.skeleton


def test_a_batch_covers_the_offset_of_every_record_it_received() -> None:
    batch = Batch()
    for offset, value in [(7, b"{}"), (8, None), (9, b"x")]:
        batch.receive(_Record(offset, value), now=1.0)

    assert batch.next_offsets == {TopicPartition("t", 0): 10}
    assert batch.tables(5, {TopicPartition("t", 0): 12}) == {"kafka_offset": [("t", 0, 10, 12, None, 1, 5)]}


class _Record:
    topic, partition, element = "t", 0, 0

    def __init__(self, offset: int, value: bytes | None) -> None:
        self.offset, self.value = offset, value
