from __future__ import annotations

import gzip
import io
import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from headwater.errors import FileUnreadable
from headwater.sources import Record, TopicPartition, texts
from headwater.sources.captured import Message, encode
from headwater.sources.files import MAX_RECORDS, FileSource
from hypothesis import given
from hypothesis import strategies as st

A, B = b'{"eventTime":"a"}', b'{"eventTime":"b"}'
PRETTY = b'{\n  "eventTime": "a"\n}'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


Write = Callable[[str, bytes], Path]


def rest(source: FileSource, records: list[Record] | None = None) -> list[Record]:
    records = [] if records is None else records
    while not source.exhausted:
        records += source.poll(1)
    return records


def read(*paths: Path | str) -> list[Record]:
    return rest(FileSource(paths))


def cut(content: bytes) -> list[tuple[int, int, bytes | None]]:
    """Return the line, element and bytes of each value of a .json file."""
    blocks = texts.blocks_of_texts("t", [content], MAX_RECORDS)
    return [(record.offset, record.element, record.value) for block, _ in blocks for record in block]


# Lines


@pytest.mark.parametrize("ending", [".ndjson", ".jsonl", ".json", ".NDJSON"])
def test_each_line_is_a_value_and_its_number_the_offset(write: Write, ending: str) -> None:
    path = write("events" + ending, A + b"\n\n \t\r\n" + B + b"\n")
    topic = "file:events" + ending
    assert read(path) == [Record(topic, 0, 1, A), Record(topic, 0, 4, B)]


def test_the_last_line_needs_no_newline(write: Write) -> None:
    assert [record.value for record in read(write("a.ndjson", A + b"\n" + B))] == [A, B]


def test_only_the_newline_ends_a_line(write: Write) -> None:
    line = b"a\rb\x0bc\x0cd\x1ce\xc2\x85f\xe2\x80\xa8g\r"
    assert [record.value for record in read(write("a.ndjson", line + b"\n" + line))] == [line, line]


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30))
def test_no_byte_is_changed_wherever_the_file_is_cut_into_pieces(lines: list[bytes], size: int) -> None:
    content = b"\n".join(lines)
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    records = [record for block, _ in texts.blocks_of_lines("t", pieces, MAX_RECORDS) for record in block]
    kept = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    assert [(record.offset, record.value) for record in records] == kept


def test_a_line_may_be_longer_than_a_piece(write: Write) -> None:
    long = b'{"a":"' + b"x" * (5 * texts.CHUNK) + b'"}'
    assert [record.value for record in read(write("a.ndjson", A + b"\n" + long + b"\n" + B))] == [A, long, B]


def test_an_array_on_a_line_is_left_to_the_reader_of_events(write: Write) -> None:
    array = b"[" + A + b"," + B + b"]"
    assert read(write("a.ndjson", array + b"\n")) == [Record("file:a.ndjson", 0, 1, array)]


def test_broken_lines_are_records_too(write: Write) -> None:
    lines = [b"{", b"\xff\xfe", b"null", b"NaN"]
    assert [record.value for record in read(write("a.ndjson", b"\n".join(lines)))] == lines


def test_a_poll_returns_some_thousands_of_records_at_most(write: Write) -> None:
    source = FileSource([write("a.ndjson", b"1\n" * 40_000)])
    sizes = [len(source.poll(0)) for _ in range(10)]
    assert sizes == [0, *[MAX_RECORDS] * 8, 0]
    assert source.exhausted


def test_a_poll_returns_some_megabytes_at_most(write: Write) -> None:
    line = b'"' + b"x" * 500_000 + b'"'
    with closing(FileSource([write("a.ndjson", (line + b"\n") * 40)])) as source:
        source.poll(0)
        assert 0 < len(source.poll(0)) < 20


# JSON texts


def test_a_pretty_printed_event_is_one_value(write: Write) -> None:
    assert read(write("a.json", PRETTY)) == [Record("file:a.json", 0, 1, PRETTY)]


def test_several_pretty_printed_events_are_several(write: Write) -> None:
    # This is what `jq . events.ndjson` makes.
    assert cut(PRETTY + b"\n" + PRETTY + b"\n") == [(1, 0, PRETTY), (4, 0, PRETTY)]


def test_the_elements_of_an_array_are_values(write: Write) -> None:
    path = write("a.json", b"\n[" + A + b", " + B + b",\n" + PRETTY + b"\n]\n")
    assert read(path) == [
        Record("file:a.json", 0, 2, A, 0),
        Record("file:a.json", 0, 2, B, 1),
        Record("file:a.json", 0, 3, PRETTY, 2),
    ]


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b"[\n]\n"])
def test_nothing_is_in_an_empty_file_or_array(write: Write, content: bytes) -> None:
    assert read(write("a.json", content)) == []


@pytest.mark.parametrize(
    "content",
    [
        b'{\n "a": 1,\n "b"\n}\n',
        b"\xff\xfe{\x00",
        b"[1,\n",
        b"[\n 1 2]",
        b'["a',
        b"what\n is this",
    ],
)
def test_what_is_not_json_is_kept_to_the_last_byte(content: bytes) -> None:
    assert b"".join(value or b"" for *_, value in cut(content)).replace(b"1", b"") in content.replace(b"1", b"")
    assert cut(content)[-1][2] in (content, content[content.rfind(b",") + 2 :], b"2]", b"")


def test_a_broken_text_is_one_value_with_all_its_bytes(write: Write) -> None:
    broken = b'{\n  "eventTime": "a",\n  "run"\n}\n'
    assert read(write("a.json", broken)) == [Record("file:a.json", 0, 1, broken)]


def test_an_array_that_is_broken_gives_what_was_whole_and_then_the_rest() -> None:
    assert cut(b"[1,\n 2,\n tru, 4]\n") == [(1, 0, b"1"), (2, 1, b"2"), (3, 2, b"tru, 4]\n")]
    assert cut(b"[1\n 2]") == [(1, 0, b"1"), (2, 1, b"2]")]
    assert cut(b"\n[ tru]") == [(2, 0, b"[ tru]")]


def test_an_array_that_breaks_off_does_not_look_complete() -> None:
    assert cut(b"[1, 2,") == [(1, 0, b"1"), (1, 1, b"2"), (1, 2, b"")]
    assert cut(b"[1, 2") == [(1, 0, b"1"), (1, 1, b"2"), (1, 2, b"")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(json_values, max_size=8), st.integers(1, 20), st.sampled_from([None, 1]), st.booleans())
def test_any_array_is_cut_where_its_elements_end(
    elements: list[object], size: int, indent: int | None, ascii_only: bool
) -> None:
    content = json.dumps(elements, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    records = [record for block, _ in texts.blocks_of_texts("t", pieces, MAX_RECORDS) for record in block]
    found = [json.loads(record.value.decode(errors="surrogatepass")) for record in records if record.value]
    assert repr(found) == repr(json.loads(content))
    assert [record.element for record in records] == list(range(len(elements)))
    lines = content.split(b"\n")
    for record in records:
        assert record.value is not None
        assert record.value.split(b"\n")[0] in lines[record.offset - 1]


def test_numbers_of_any_length_are_cut_like_others() -> None:
    digits = b"1" * 6000
    assert [value for *_, value in cut(b"[" + digits + b",1e999,-0.0]")] == [digits, b"1e999", b"-0.0"]


def test_a_large_array_is_never_held_in_memory(write: Write) -> None:
    element = b'{"a":"' + b"x" * 20_000 + b'"}'
    source = FileSource([write("a.json", b"[" + b",".join([element] * 5000) + b"]")])  # 100 MB
    tracemalloc.start()
    try:
        found = 0
        while not source.exhausted:
            found += len(source.poll(0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 5000
    assert peak < 40 << 20


# Captured files


def test_captured_messages_keep_their_places(write: Write) -> None:
    lines = [encode(Message("openlineage", n % 2, n, None, None, [], value)) for n, value in enumerate([A, None, b""])]
    path = write("captured.ndjson", b"\n".join([*lines, B]))
    assert read(path) == [
        Record("openlineage", 0, 0, A),
        Record("openlineage", 1, 1, None),
        Record("openlineage", 0, 2, b""),
        Record("file:captured.ndjson", 0, 4, B),
    ]


def test_captured_messages_may_have_become_an_array(write: Write) -> None:
    line = encode(Message("openlineage", 1, 7, None, None, [], A))
    assert read(write("a.json", b"[" + line + b"]")) == [Record("openlineage", 1, 7, A)]


# Compressed files


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,  # as the zstd command does
}


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("ending", [".ndjson", ".jsonl", ".json"])
def test_a_compressed_file_is_read_like_any_other(write: Write, ending: str, packing: str) -> None:
    content = b"".join(b'{"eventTime":"%d"}\n' % number for number in range(20_000))
    plain, packed = write("a" + ending, content), write("b" + ending + packing, PACK[packing](content))
    assert [record[1:] for record in read(packed)] == [record[1:] for record in read(plain)]


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_a_compressed_file_may_have_been_appended_to(write: Write, packing: str) -> None:
    pack = PACK[packing]
    path = write("a.ndjson" + packing, pack(A + b"\n") + pack(b"") + pack(B + b"\n") + b"\0" * 1000)
    assert [record.value for record in read(path)] == [A, B]


def noise(count: int) -> list[bytes]:
    """Return lines that do not compress well."""
    return [b'"%s"' % os.urandom(60).hex().encode() for _ in range(count)]


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_what_comes_before_the_damage_is_read_first(write: Write, packing: str) -> None:
    lines = noise(20_000)
    packed = bytearray(PACK[packing](b"\n".join(lines)))
    middle = len(packed) // 2
    packed[middle : middle + 64] = bytes(64)
    source = FileSource([write("a.ndjson" + packing, bytes(packed)), write("b.ndjson", A)])
    records: list[Record] = []
    with pytest.raises(FileUnreadable, match=r"a\.ndjson.*damaged.*Copy the file again"):
        rest(source, records)
    assert len(records) > 5_000
    assert [record.value for record in records[:5_000]] == lines[:5_000]
    assert not source.exhausted


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(write: Write, packing: str, kept: float) -> None:
    lines = noise(5_000)
    packed = PACK[packing](b"\n".join(lines))
    source = FileSource([write("a.ndjson" + packing, packed[: int(len(packed) * kept)])])
    source.poll(0)
    records = list(source.poll(0))
    assert [record.value for record in records] == lines[: len(records)]
    assert len(records) > 1000
    for _ in range(2):
        with pytest.raises(FileUnreadable, match="its end is missing"):
            source.poll(0)


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("ending", [".ndjson", ".json"])
@pytest.mark.parametrize("content", [b"", b"not compressed at all"])
def test_a_file_that_is_not_compressed_is_told(write: Write, packing: str, ending: str, content: bytes) -> None:
    with pytest.raises(FileUnreadable, match="damaged or breaks off"):
        read(write(f"a{ending}{packing}", content))


# Paths


def test_a_folder_is_read_at_any_depth_in_the_order_of_names(write: Write, tmp_path: Path) -> None:
    write("in/b.ndjson", B)
    write("in/a/z.jsonl.gz", gzip.compress(A))
    write("in/a.json", A)
    write("in/README.md", b"not an event")
    write("in/.hidden/a.ndjson", b"{}")
    write("in/._a.ndjson", b"{}")
    assert read(tmp_path / "in") == [
        Record("file:a.json", 0, 1, A),
        Record("file:a/z.jsonl.gz", 0, 1, A),
        Record("file:b.ndjson", 0, 1, B),
    ]


def test_two_files_of_one_name_are_two_logs(write: Write) -> None:
    one, other = write("x/a.ndjson", A), write("y/a.ndjson", B)
    assert [record.topic for record in read(one, other)] == [f"file:{one}", f"file:{other}"]


def test_a_file_that_is_named_twice_is_read_once(write: Write, tmp_path: Path) -> None:
    path = write("in/a.ndjson", A)
    assert read(path, str(path), tmp_path / "in") == [Record(f"file:{path}", 0, 1, A)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.ndjson", r"nowhere\.ndjson: there is no such file or folder\. Give a file"),
        ("events.csv", r"events\.csv: its ending is none that is known\. Rename it to \.ndjson"),
        ("folder", r"folder: no file in this folder ends in \.ndjson, .* Name one"),
    ],
)
def test_a_path_that_cannot_be_read_is_told_before_anything_is(
    write: Write, tmp_path: Path, name: str, message: str
) -> None:
    write("events.csv", b"a,b")
    write("folder/README.md", b"")
    with pytest.raises(FileUnreadable, match=message):
        FileSource([write("a.ndjson", A), tmp_path / name])


def test_a_file_that_is_gone_when_its_turn_comes_is_told(write: Write) -> None:
    path = write("a.ndjson", A)
    source = FileSource([path])
    path.unlink()
    with pytest.raises(FileUnreadable, match=r"a\.ndjson: No such file"):
        rest(source)


# Standard input


def test_standard_input_is_lines() -> None:
    source = FileSource(["-"], stdin=io.BytesIO(A + b"\n" + B))
    assert rest(source) == [Record("file:-", 0, 1, A), Record("file:-", 0, 2, B)]


def test_standard_input_is_waited_for_no_longer_than_asked() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stdin, open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123 - descriptors
        source = FileSource(["-"], stdin=stdin)
        source.poll(0)
        assert list(source.poll(0.05)) == []
        pipe.write(A + b"\n" + B[:3])
        assert [record.value for record in source.poll(5)] == [A]
        pipe.write(B[3:])
        threading.Timer(0.05, pipe.close).start()
        assert [record.value for record in rest(source)] == [B]


def test_standard_input_cannot_be_read_twice() -> None:
    source = FileSource(["-"], stdin=io.BytesIO(A))
    source.seek({})
    assert len(rest(source)) == 1
    with pytest.raises(FileUnreadable, match="cannot be read a second time"):
        source.seek({})


# The rest of the contract


def test_a_file_is_assigned_by_the_first_poll(write: Write) -> None:
    source = FileSource([write("a.ndjson", A)])
    assert source.generation == 0
    assert (source.poll(0), source.generation) == ((), 1)
    assert (len(source.poll(0)), source.generation) == (1, 1)


def test_seek_leaves_out_what_lies_before_the_next_offset(write: Write) -> None:
    source = FileSource([write("a.ndjson", A + b"\n" + B + b"\n" + A), write("b.ndjson", A)])
    source.poll(0)
    assert source.seek({TopicPartition("file:a.ndjson", 0): 3}) == ()
    assert [(record.topic, record.offset) for record in rest(source)] == [
        ("file:a.ndjson", 3),
        ("file:b.ndjson", 1),
    ]


def test_progress_ends_at_the_size_of_the_files(write: Write) -> None:
    plain, packed = write("a.ndjson", A * 100), write("b.ndjson.gz", gzip.compress(A * 100))
    source = FileSource([plain, packed])
    assert source.total_bytes == plain.stat().st_size + packed.stat().st_size
    assert source.bytes_read == 0
    rest(source)
    assert source.bytes_read == source.total_bytes


def test_a_closed_source_has_nothing_more(write: Write) -> None:
    source = FileSource([write("a.ndjson", A)])
    source.poll(0)
    source.close()
    source.close()
    assert source.exhausted
    assert list(source.poll(0)) == []
