"""Files of lists tell how they were made; anything else tells nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.data.stored_lists import is_lists_file, join_blocks, made_otherwise, stamp

BLOCK = pa.table({"rank": [1, 2, 1], "fallback": [True, True, False]})


def test_what_differs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(stamp(BLOCK, "base", {"--top-k": "10", "--exclude": "nothing"}), path)
    assert is_lists_file(path)
    assert made_otherwise(path, "base", {"--top-k": "10", "--exclude": "nothing"}) == []
    now = {"--top-k": "5", "--exclude": "nothing", "--new-option": "yes"}
    assert made_otherwise(path, "other", now) == [
        "run base there, other now",
        "--top-k 10 there, 5 now",
    ]


@pytest.mark.parametrize("content", [b"", b"mine", None])
def test_other_files_tell_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    assert not is_lists_file(path)
    assert made_otherwise(path, "base", {"--top-k": "10"}) == []


@pytest.mark.parametrize("facts", [{}, {b"unclicked.recommendations.settings": b"{"}])
def test_lists_without_their_settings(tmp_path: Path, facts: dict[bytes, bytes]) -> None:
    path = tmp_path / "a.parquet"
    marked = BLOCK.replace_schema_metadata({b"unclicked.recommendations": b"base", **facts})
    pq.write_table(marked, path)
    assert is_lists_file(path)
    assert made_otherwise(path, "base", {"--top-k": "10"}) == []
    assert made_otherwise(path, "b", {}) == ["run base there, b now"]


def test_blocks_are_joined_in_order_with_their_facts(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    for begin in (0, 2):
        block = stamp(BLOCK, "base", {"--top-k": "2"})
        pq.write_table(block, parts / f"{begin:012d}.parquet", write_page_checksum=True)
    assert join_blocks(parts, tmp_path / "all.parquet", [0, 2]) == (6, 2)
    assert pq.read_table(tmp_path / "all.parquet")["rank"].to_pylist() == [1, 2, 1, 1, 2, 1]
    assert made_otherwise(tmp_path / "all.parquet", "base", {"--top-k": "3"})
