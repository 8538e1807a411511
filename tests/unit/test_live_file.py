from __future__ import annotations

import os
import struct
from pathlib import Path

import duckdb
import pytest
from headwater.live_file import parse_layout, read_loose_blocks


def headers_of(*, magic: bytes = b"DUCK", version: int = 68, flags: int = 0, block_size: int = 262144) -> bytes:
    main = struct.pack("<8x4s5Q", magic, version, flags, 0, 0, 0)
    older = struct.pack("<8x5Q", 4, 1, 2, 2, 0)
    newer = struct.pack("<8x5Q", 5, 1, 2 | 3 << 56, 3, block_size)
    return b"".join(header.ljust(4096, b"\0") for header in (main, newer, older))


def test_the_newer_header_says_how_the_file_is_laid_out() -> None:
    layout = parse_layout(headers_of(), 12288 + 4 * 262144)
    assert layout
    assert layout._asdict() == {
        "block_size": 262144,
        "blocks": 4,
        "named": 3,
        "iteration": 5,
        "metadata": 1,
        "free_list": 2 | 3 << 56,
    }


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        pytest.param(headers_of(magic=b"SQLi"), 12288, id="not DuckDB's"),
        pytest.param(headers_of(version=63), 12288, id="too old"),
        pytest.param(headers_of(version=999), 12288, id="DuckDB 2.0's own version"),
        pytest.param(headers_of(flags=1), 12288, id="encrypted"),
        pytest.param(headers_of(block_size=0), 12288, id="no block size"),
        pytest.param(headers_of(block_size=100000), 12288, id="an odd block size"),
        pytest.param(headers_of(), 12288 + 100, id="part of a block"),
        pytest.param(headers_of()[:5000], 5000, id="part of the headers"),
        pytest.param(b"", 0, id="empty"),
    ],
)
def test_an_unfamiliar_layout_is_not_guessed_at(headers: bytes, size: int) -> None:
    assert parse_layout(headers, size) is None


def test_loose_blocks_are_those_that_duckdb_itself_calls_free_or_metadata(tmp_path: Path) -> None:
    path = tmp_path / "live.duckdb"
    con = duckdb.connect()
    con.execute("SET checkpoint_threshold = '1TB'")  # no checkpoints but those below
    con.execute(f"ATTACH '{path}' AS live (STORAGE_VERSION 'v1.5.0')")
    con.execute("USE live")
    fd = os.open(path, os.O_RDONLY)
    for number in range(20):
        con.execute(f"CREATE TABLE t{number} AS SELECT hash(range) FROM range({50000 * number})")
        if number > 5:
            con.execute(f"DROP TABLE t{number - 3}")
        con.execute("CHECKPOINT live")
        layout = parse_layout(os.pread(fd, 12288, 0), os.fstat(fd).st_size)
        assert layout
        free, metadata = read_loose_blocks(layout, lambda start, count: os.pread(fd, count, start))
        listed = con.execute("FROM pragma_metadata_info('live') SELECT block_id").fetchall()
        size = "FROM pragma_database_size() SELECT free_blocks WHERE database_name = 'live'"
        assert metadata == {block for (block,) in listed}
        assert [(len({block for block in free if block < layout.blocks}),)] == con.execute(size).fetchall()
    con.close()
    os.close(fd)


def test_a_list_of_free_blocks_that_makes_no_sense_is_refused() -> None:
    layout = parse_layout(headers_of(), 12288 + 4 * 262144)
    assert layout
    for part in [b"", bytes(4088), b"\xff" * 4088, (2).to_bytes(8, "little") + b"\x01" * 4080]:
        with pytest.raises(ValueError, match="list of free blocks"):
            read_loose_blocks(layout, lambda start, count, part=part: part[:count])  # type: ignore[misc]
