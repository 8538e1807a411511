"""Bytes in, events out: the envelope of an OpenLineage event, with everything inside it left as bytes.

Decoding decides one thing: is this an event that we can fold? What a facet says is not its business. Every piece of the
envelope is kept, known or not, so that an event can be put together again as it came.

Format: ``spec/OpenLineage.json`` of the OpenLineage repository, ``RunEvent``, ``JobEvent`` and ``DatasetEvent``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

import msgspec

from .errors import UnreadableRecord
from .facets import parse_time
from .names import JobName
from .rows import Micros

Kind = Literal["run", "job", "dataset"]
Fields = dict[str, msgspec.Raw]

_KINDS: tuple[Kind, ...] = ("run", "job", "dataset")
EVENT_TYPES = frozenset({"START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHITE_SPACE = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MICROSECOND = timedelta(microseconds=1)
# Python's readers know no earlier and no later time.
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_fields = msgspec.json.Decoder(Fields)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)


class Event(NamedTuple):
    """The envelope of an event.

    Attributes:
        kind: what the event is about.
        event_type: START, RUNNING, COMPLETE, FAIL, ABORT or OTHER; None when absent or none of these.
        event_time: microseconds since 1970 in UTC.
        run_id: of a run event, else None.
        fields: the members of the event's JSON object, as bytes.
        run: the members of ``run``, as bytes; empty unless this is a run event.
    """

    kind: Kind
    event_type: str | None
    event_time: Micros
    run_id: str | None
    fields: Fields
    run: Fields


def decode(value: bytes, naive_zone: tzinfo = UTC) -> Iterator[Event | UnreadableRecord]:
    """Yield the events of a record: one, or one for each element when the value is a JSON array.

    A time without a zone is one of *naive_zone*.

    Never raises for what a producer sent: what cannot be read is yielded as an `UnreadableRecord`, in its place.
    """
    try:
        if not value.isascii():
            value = value.removeprefix(_BYTE_ORDER_MARK)
            value.decode()  # msgspec does not look inside the strings that it skips
    except UnicodeDecodeError as exc:
        yield UnreadableRecord("invalid_utf8", f"byte {exc.start} of {len(value)} is not UTF-8")
        return
    if value.lstrip(_WHITE_SPACE)[:1] == b"[":
        yield from _decode_batch(value, naive_zone)
    else:
        yield _decode_one(value, naive_zone)


def fields_of(raw: msgspec.Raw | None) -> Fields | None:
    """Return the members of a JSON object as bytes, or None if the text is anything else."""
    if raw is None:
        return None
    try:
        return _fields.decode(raw)
    except msgspec.ValidationError:
        return None


def elements_of(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """Return the elements of a JSON array as bytes, or None if the text is anything else."""
    if raw is None:
        return None
    try:
        return _elements.decode(raw)
    except msgspec.ValidationError:
        return None


def string_of(raw: msgspec.Raw | None) -> str | None:
    """Return a JSON string, or None if the text is anything else."""
    if raw is None:
        return None
    try:
        return _string.decode(raw)
    except msgspec.ValidationError:
        return None


def micros(moment: datetime) -> Micros:
    """Return an instant as whole microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def micros_of(text: str | None, naive_zone: tzinfo = UTC) -> Micros | None:
    """Return the instant that a text names, or None if it names none that a calendar in UTC has."""
    if text is None:
        return None
    try:
        moment = micros(parse_time(text, naive_zone))
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST <= moment <= _LAST else None


def job_of(raw: msgspec.Raw | None) -> JobName | None:
    """Return the name of a job, or None if there is no job or it has no name."""
    members = fields_of(raw)
    if not members:
        return None
    namespace, name = string_of(members.get("namespace")), string_of(members.get("name"))
    return None if namespace is None or name is None else JobName(namespace, name)


def _decode_batch(value: bytes, naive_zone: tzinfo) -> Iterator[Event | UnreadableRecord]:
    try:
        elements = _elements.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        yield UnreadableRecord("invalid_json", str(exc))
        return
    if not elements:
        yield UnreadableRecord("not_an_event", "an empty array holds no event")
    for element in elements:
        yield _decode_one(bytes(element), naive_zone)


def _decode_one(value: bytes, naive_zone: tzinfo) -> Event | UnreadableRecord:
    try:
        fields = _fields.decode(value)
    except msgspec.ValidationError:
        return UnreadableRecord("not_an_event", "the JSON value is not an object")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        return UnreadableRecord("invalid_json", str(exc))
    try:
        return _envelope(fields, naive_zone)
    except UnreadableRecord as exc:
        return exc


def _envelope(fields: Fields, naive_zone: tzinfo) -> Event:
    kind = _kind(fields)
    text = string_of(fields.get("eventTime"))
    event_time = micros_of(text, naive_zone)
    if event_time is None:
        said = "is missing" if text is None else f"is {text[:64]!r}, which is no time"
        raise UnreadableRecord("no_event_time", f"eventTime {said}")
    run: Fields = {}
    run_id = None
    if kind == "run":
        run = fields_of(fields["run"]) or {}
        run_id = string_of(run.get("runId"))
        if not run_id:
            raise UnreadableRecord("no_run_id", "a run event needs run.runId, a text")
    event_type = (string_of(fields.get("eventType")) or "").upper()
    return Event(kind, event_type if event_type in EVENT_TYPES else None, event_time, run_id, fields, run)


def _kind(fields: Fields) -> Kind:
    """Tell the kind by what is there: producers forget schemaURL, and serialisers write ``"run": null``."""
    for kind in _KINDS:
        if not _is_null(fields.get(kind)):
            return kind
    raise UnreadableRecord("not_an_event", "none of run, job and dataset is there")


def _is_null(raw: msgspec.Raw | None) -> bool:
    return raw is None or bytes(raw) == b"null"
