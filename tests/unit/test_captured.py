from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from headwater.sources import Record
from headwater.sources.captured import Message, decode, encode
from hypothesis import given
from hypothesis import strategies as st

EVENT = b'{"eventTime":"2026-01-01T00:00:00Z","run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}'
PLAIN = Message("openlineage", 2, 41, 1767225600000, b"run:n/j", [], EVENT)

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(lambda document: json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass"))
values = st.none() | st.binary() | documents | st.sampled_from([b"", b"null", b" {}", b"{}\n", b"[1,\n2]", EVENT])
messages = st.builds(
    Message,
    topic=st.text(min_size=1),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.none() | st.integers(0, 2**53),
    key=st.none() | st.binary() | st.text().map(str.encode),
    headers=st.lists(st.tuples(st.text(), st.none() | st.binary())),
    value=values,
)


def plainly(found: dict[str, Any], name: str) -> bytes | None:
    """Read a member as a user would."""
    if f"{name}_base64" in found:
        return base64.b64decode(found[f"{name}_base64"])
    value = found[name]
    return None if value is None else value.encode()


@given(messages)
def test_a_captured_message_comes_back_byte_for_byte(message: Message) -> None:
    line = encode(message)
    assert b"\n" not in line
    assert decode(line) == Record(message.topic, message.partition, message.offset, message.value)


@given(messages)
def test_any_json_reader_finds_everything_in_the_line(message: Message) -> None:
    found = json.loads(encode(message))
    assert (found["topic"], found["partition"], found["offset"]) == message[:3]
    assert found["timestamp"] == message.timestamp
    assert plainly(found, "key") == message.key
    headers = [(header["key"], plainly(header, "value")) for header in found["headers"]]
    assert headers == message.headers
    if "value_base64" in found:
        assert plainly(found, "value") == message.value


def test_a_line_shows_the_event_itself() -> None:
    assert encode(PLAIN) == (
        b'{"topic":"openlineage","partition":2,"offset":41,"timestamp":1767225600000,"key":"run:n/j",'
        b'"headers":[],"value":' + EVENT + b"}"
    )


@pytest.mark.parametrize(
    ("value", "member"),
    [
        (None, b'"value":null'),
        (b"null", b'"value_base64":"bnVsbA=="'),
        (b"", b'"value_base64":""'),
        (b' {"a":1}', b'"value_base64":'),
        (b'{"a":\n1}', b'"value_base64":'),
        (b'"\xff"', b'"value_base64":'),
        (b'{"a":NaN}', b'"value_base64":'),
        (b'{"a": 1.50}', b'"value":{"a": 1.50}'),
        (b"[" * 5000 + b"]" * 5000, b'"value_base64":'),
    ],
    ids=["tombstone", "the text null", "empty", "space", "newline", "not UTF-8", "NaN", "spelling", "deep"],
)
def test_what_cannot_stand_in_a_line_of_json_is_base64(value: bytes | None, member: bytes) -> None:
    line = encode(PLAIN._replace(value=value))
    assert member in line
    assert decode(line) == Record("openlineage", 2, 41, value)


@pytest.mark.parametrize(
    "line",
    [
        EVENT,
        b'{"run":{},"job":{},"eventTime":"","topic":"t","partition":0,"offset":0,"value":{}}',
        b'{"topic":"t","partition":0,"offset":0,"value":{},"eventTime":""}',
        b'{"topic":"t","partition":0,"offset":0}',
        b'{"topic":"t","partition":0,"value":{}}',
        b'{"partition":0,"offset":0,"value":{}}',
        b'{"topic":"t","partition":-1,"offset":0,"value":{}}',
        b'{"topic":"t","partition":0,"offset":0,"value":{},"value_base64":""}',
        b'{"topic":"t","partition":0,"offset":0,"value":{}',
        b'{"topic":"t","partition":0,"offset":0,"value_base64":"%%%"}',
        b'[{"topic":"t","partition":0,"offset":0,"value":{}}]',
        b"",
        b"\xff",
    ],
)
def test_anything_else_is_not_a_captured_message(line: bytes) -> None:
    assert decode(line) is None


@given(st.permutations(list(json.loads(encode(PLAIN)).items())), st.sampled_from([None, 2]))
def test_another_tool_may_reorder_and_indent_the_members(members: list[tuple[str, Any]], indent: int | None) -> None:
    record = decode(json.dumps(dict(members), indent=indent).encode())
    assert record is not None
    assert record[:3] == ("openlineage", 2, 41)
    assert record.value is not None
    assert msgspec.json.decode(record.value) == msgspec.json.decode(EVENT)


def test_only_what_tells_where_a_message_was_is_needed() -> None:
    assert decode(b'{"topic":"t","partition":0,"offset":7,"value":{}}') == Record("t", 0, 7, b"{}")
