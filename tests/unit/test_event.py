import json
from typing import Any

import pytest
from headwater.errors import UnreadableRecord
from headwater.event import Event, decode

RUN = {
    "eventType": "START",
    "eventTime": "2026-11-22T06:00:00Z",
    "run": {"runId": "01a2"},
    "job": {"namespace": "sales", "name": "load"},
}
SIX_OCLOCK = 1_795_327_200_000_000


def bytes_of(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in (RUN | changes).items() if value is not ...}).encode()


def only(value: bytes) -> Event | UnreadableRecord:
    (event,) = decode(value)
    return event


def readable(value: bytes) -> Event:
    event = only(value)
    assert isinstance(event, Event), event
    return event


def why(value: bytes) -> str:
    event = only(value)
    assert isinstance(event, UnreadableRecord)
    return str(event)


def test_an_event_keeps_every_member_as_bytes() -> None:
    event = readable(b'{"eventTime":"2026-11-22T06:00:00Z","run":{"runId":"r"},"job":{"a": 1.50},"extra":[1 ,2]}')

    assert (event.kind, event.event_type, event.event_time, event.run_id) == ("run", None, SIX_OCLOCK, "r")
    assert {name: bytes(raw) for name, raw in event.fields.items()} == {
        "eventTime": b'"2026-11-22T06:00:00Z"',
        "run": b'{"runId":"r"}',
        "job": b'{"a": 1.50}',
        "extra": b"[1 ,2]",
    }


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "run"),
        ({"run": ...}, "job"),
        ({"run": None}, "job"),  # serialisers write null where there is nothing
        ({"run": ..., "job": ..., "dataset": {"namespace": "a", "name": "b"}}, "dataset"),
        ({"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"}, "run"),  # it is mistaken
    ],
)
def test_the_kind_of_an_event_is_told_by_what_is_there(changes: dict[str, Any], kind: str) -> None:
    assert readable(bytes_of(**changes)).kind == kind


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-11-22T06:00:00Z", 0),
        ("2026-11-22T06:00:00", 0),  # no zone: UTC
        ("2026-11-22 06:00:00+00:00", 0),
        ("2026-11-22T07:00:00+01:00", 0),
        ("2026-11-22T07:00:00+0100", 0),
        ("2026-11-22T06:00:00Z[Europe/London]", 0),  # as Java's ZonedDateTime prints it
        ("2026-11-22T06:00:00.1Z", 100_000),
        ("2026-11-22T06:00:00.123456Z", 123_456),
        ("2026-11-22T06:00:00.123456789Z", 123_456),  # nanoseconds are cut to microseconds
    ],
)
def test_times_are_read_as_producers_write_them(text: str, microseconds: int) -> None:
    assert readable(bytes_of(eventTime=text)).event_time == SIX_OCLOCK + microseconds


@pytest.mark.parametrize(
    ("given", "known"), [("COMPLETE", "COMPLETE"), ("complete", "COMPLETE"), ("NEW", None), (None, None), (7, None)]
)
def test_an_event_type_is_one_of_the_known_ones_or_none(given: object, known: str | None) -> None:
    assert readable(bytes_of(eventType=given)).event_type == known


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\xfe{}", "invalid_utf8: byte 0 of 4 is not UTF-8"),
        (bytes_of().replace(b"load", b"lo\xffad"), "invalid_utf8: byte 127 of 133 is not UTF-8"),
        (b"", "invalid_json: "),
        (b"{", "invalid_json: "),
        (bytes_of(x=1).replace(b": 1}", b": NaN}"), "invalid_json: "),
        (bytes_of() + b"{}", "invalid_json: "),
        (b"[" * 100_000, "invalid_json: "),
        (b'"an event"', "not_an_event: the JSON value is not an object"),
        (b"{}", "not_an_event: none of run, job and dataset is there"),
        (b"[]", "not_an_event: an empty array holds no event"),
        (bytes_of(eventTime=...), "no_event_time: eventTime is missing"),
        (bytes_of(eventTime="noon"), "no_event_time: eventTime is 'noon', which is no time"),
        (bytes_of(eventTime=1700000000), "no_event_time: eventTime is missing"),
        (bytes_of(run={}), "no_run_id: a run event needs run.runId, a text"),
        (bytes_of(run={"runId": ""}), "no_run_id: a run event needs run.runId, a text"),
        (bytes_of(run="r"), "no_run_id: a run event needs run.runId, a text"),
    ],
)
def test_what_cannot_be_read_says_why(value: bytes, reason: str) -> None:
    assert why(value).startswith(reason)


def test_each_element_of_an_array_is_judged_on_its_own() -> None:
    elements = list(decode(b" [" + bytes_of() + b",1," + bytes_of(run={}) + b"," + bytes_of(eventType="FAIL") + b"]"))

    assert [element.event_type if isinstance(element, Event) else element.reason for element in elements] == [
        "START",
        "not_an_event",
        "no_run_id",
        "FAIL",
    ]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert readable(b"\xef\xbb\xbf" + bytes_of()).run_id == "01a2"
