"""The capture format: one Kafka message a line, as JSON that `jq` reads and that gives back the exact bytes.

A line is one object with these members, in this order::

    {"topic": "openlineage", "partition": 0, "offset": 41, "timestamp": 1767225600000,
     "key": "run:shop/load", "headers": [{"key": "trace", "value": "7f"}], "value": {"eventType": …}}

The value's own bytes stand there unchanged if they are one JSON document. Whatever cannot stand in a line of
JSON is base64 under another name: ``value_base64``, ``key_base64``, and the same for a header's value.
``"value":null`` is a tombstone, so that a message whose four bytes are ``null`` is base64 too. An unknown
timestamp and a missing key are null.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec

from . import Record


class Message(NamedTuple):
    """One Kafka message with everything that the broker keeps about it.

    Attributes:
        timestamp: milliseconds since 1970, or None if the producer gave none.
        headers: names with their values; a name may repeat.
        value: the bytes; None is a tombstone.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None


def encode(message: Message) -> bytes:
    """Return *message* as one line, without its newline."""
    return b'{"topic":%b,"partition":%d,"offset":%d,"timestamp":%b,%b,"headers":[%b],%b}' % (
        _json(message.topic),
        message.partition,
        message.offset,
        _json(message.timestamp),
        _text(b"key", message.key),
        b",".join(b'{"key":%b,%b}' % (_json(key), _text(b"value", value)) for key, value in message.headers),
        _document(message.value),
    )


def decode(line: bytes) -> Record | None:
    """Return the record that *line* captured, or None if it is a plain event (or anything else)."""
    if not _begins_like_a_capture(line):
        return None
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.value_base64 is not None:
        return None if found.value else Record(found.topic, found.partition, found.offset, found.value_base64)
    value = bytes(found.value)
    if not value:
        return None
    return Record(found.topic, found.partition, found.offset, None if value == b"null" else value)


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    topic: Annotated[str, msgspec.Meta(min_length=1)]
    partition: Annotated[int, msgspec.Meta(ge=0)]
    offset: Annotated[int, msgspec.Meta(ge=0)]
    timestamp: msgspec.Raw = msgspec.Raw()
    key: msgspec.Raw = msgspec.Raw()
    key_base64: msgspec.Raw = msgspec.Raw()
    headers: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    value_base64: bytes | None = None


_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode
_is_json = msgspec.json.Decoder(msgspec.Raw).decode

# No OpenLineage event begins with one of these members, so that a plain event is told by its first few bytes.
_begins_like_a_capture = re.compile(
    rb'\s*\{\s*"(?:%b)"\s*:' % b"|".join(field.encode() for field in _Line.__struct_fields__)
).match


def _text(name: bytes, value: bytes | None) -> bytes:
    """Return the member *name* with *value* as a string if it is UTF-8, else as base64 under another name."""
    if value is None:
        return b'"%b":null' % name
    try:
        return b'"%b":%b' % (name, _json(value.decode()))
    except UnicodeDecodeError:
        return b'"%b_base64":"%b"' % (name, b64encode(value))


def _document(value: bytes | None) -> bytes:
    if value is None:
        return b'"value":null'
    if _stands_in_a_line(value):
        return b'"value":%b' % value
    return b'"value_base64":"%b"' % b64encode(value)


def _stands_in_a_line(value: bytes) -> bool:
    # Spaces around a document are not part of it for a JSON reader, which would drop them.
    if value == b"null" or value != value.strip() or b"\n" in value:
        return False
    try:
        value.decode()
        _is_json(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
