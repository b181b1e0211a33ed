"""Small files that claim or become something huge."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from torture.logs import COLUMNS, START

MAGIC_ROWS = 123_457


def constant_bomb(path: Path, num_rows: int = 16_000_000) -> Path:
    """Rows that are all alike: some kilobytes that become 25 bytes a row."""
    block = 1 << 20
    table = pa.table(
        [pa.array([0] * block), pa.array([0] * block), pa.array([START] * block)]
        + [pa.array([False] * block)],
        names=list(COLUMNS),
    )
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for first in range(0, num_rows, block):
            writer.write_table(table.slice(0, min(block, num_rows - first)))
    return path


def dictionary_bomb(path: Path, num_rows: int = 100_000, text_bytes: int = 1 << 20) -> Path:
    """One long text that every row repeats: about a megabyte that becomes 100 GB."""
    texts = pa.DictionaryArray.from_arrays(
        pa.array([0] * num_rows, pa.int32()), pa.array(["x" * text_bytes])
    )
    table = pa.table(
        [texts, texts, pa.array([START] * num_rows), pa.array([0] * num_rows)],
        names=list(COLUMNS),
    )
    pq.write_table(table, path, compression="zstd")
    return path


def long_text_bomb(path: Path, text_bytes: int = 290_000_000) -> Path:
    """One row with one id of that length, compressed to almost nothing."""
    values = [["x" * text_bytes], ["i"], [START], [0]]
    table = pa.table(values, names=list(COLUMNS))
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
    return path


def claim_bomb(path: Path, claimed: int = 2**40) -> Path:
    """A file whose footer says that it has far more rows than it has."""
    values = [[0] * MAGIC_ROWS, [0] * MAGIC_ROWS, [START] * MAGIC_ROWS, [0] * MAGIC_ROWS]
    pq.write_table(pa.table(values, names=list(COLUMNS)), path, row_group_size=MAGIC_ROWS)
    data = path.read_bytes()
    footer_bytes = int.from_bytes(data[-8:-4], "little")
    body, footer = data[: -8 - footer_bytes], data[-8 - footer_bytes : -8]
    # A thrift integer has no length before it, so a longer one may stand in its place.
    footer = footer.replace(_varint(MAGIC_ROWS), _varint(claimed))
    path.write_bytes(body + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    return path


def _varint(value: int) -> bytes:
    """A positive integer as thrift's compact protocol writes it."""
    value *= 2
    parts = []
    while value >= 128:
        parts.append(value % 128 + 128)
        value //= 128
    return bytes([*parts, value])
