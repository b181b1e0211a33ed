"""Ids and field values and the numbers that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unclicked.errors import ArtefactError, UserError

PADDING = 0
MOST_ROWS_A_BYTE, MOST_GROWTH = 100, 1000


@dataclass(frozen=True)
class Vocabulary:
    """Exact ids or values, numbered from 1; 0 is padding and `unknown` stands for all others.

    Attributes:
        values: int64 or string array; the value numbered k is at k - 1.

    Example:
        >>> words = Vocabulary(pa.array(["b", "a"]))
        >>> words.encode(["a", "b", "c", None]).tolist(), words.unknown
        ([2, 1, 3, 0], 3)
    """

    values: pa.Array

    def __len__(self) -> int:
        return len(self.values)

    @property
    def unknown(self) -> int:
        """Number of every value that is not listed: the count of values plus one."""
        return len(self.values) + 1

    def encode(self, values: Sequence[Any] | pa.Array) -> NDArray[np.int64]:
        """Numbers of values.

        Args:
            values: Values of the vocabulary's type, or an array of it; null is padding.

        Returns:
            int64 [n]; `unknown` where a value is not listed, 0 where it is null.
        """
        array = values if isinstance(values, pa.Array) else pa.array(values, self.values.type)
        found = pc.index_in(array, value_set=self.values)
        codes = pc.add(pc.fill_null(found.cast(pa.int64()), len(self.values)), 1)
        result = np.array(codes, dtype=np.int64)
        if array.null_count:
            result[np.array(pc.is_null(array))] = PADDING
        return result

    def decode(self, codes: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        """Values of numbers.

        Args:
            codes: Numbers 1..n.

        Returns:
            The values as Python objects.
        """
        return list(self.values.take(pa.array(np.asarray(codes, dtype=np.int64) - 1)).to_pylist())

    def parse(self, texts: Sequence[str], where: str) -> list[Any]:
        """Ids typed by a person, in the vocabulary's type.

        Args:
            texts: Ids as text.
            where: Option or key they came from, for the error.

        Returns:
            Text as it is, or integers where ids are integers.

        Raises:
            UserError: If ids are integers and a text is none.
        """
        if not pa.types.is_integer(self.values.type):
            return list(texts)
        numbers = []
        for text in texts:
            digits = text.removeprefix("-")
            plain = digits.isdecimal() and digits.isascii() and str(int(digits[:20])) == digits
            if not plain or abs(int(text)) >= 2**63:
                raise UserError("ID", f"{where} {text[:40]}", "ids are 64-bit integers here.")
            numbers.append(int(text))
        return numbers

    def save(self, path: Path) -> None:
        """Write the values as Parquet with page checksums.

        Args:
            path: File to write.
        """
        table = pa.table({"value": self.values})
        pq.write_table(table, path, write_page_checksum=True, compression="zstd")

    @staticmethod
    def load(path: Path) -> Vocabulary:
        """Read what `save` wrote.

        Args:
            path: File to read.

        Returns:
            The vocabulary.

        Raises:
            ArtefactError: If it holds no list of distinct ids, or far more than its size allows.
        """
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                _refuse_bomb(file, path)
                column = file.read()["value"].combine_chunks()
            column.validate(full=True)
        except (OSError, KeyError, UnicodeDecodeError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise ArtefactError("VOCABULARY", str(path), f"cannot be read ({reason}).") from None
        if column.type not in (pa.int64(), pa.string(), pa.large_string()) or column.null_count:
            found = f"holds {column.type} with {column.null_count} nulls"
            raise ArtefactError("VOCABULARY", str(path), f"{found}, expected int64 or string.")
        if pc.count_distinct(column).as_py() != len(column):
            raise ArtefactError("VOCABULARY", str(path), "holds a value twice.")
        return Vocabulary(column)


def _refuse_bomb(file: pq.ParquetFile, path: Path) -> None:
    """Distinct values do not shrink a thousandfold; a file that claims it would fill the memory."""
    facts, size = file.metadata, path.stat().st_size
    groups = (facts.row_group(number) for number in range(facts.num_row_groups))
    grown = sum(group.total_byte_size for group in groups)
    if facts.num_rows > MOST_ROWS_A_BYTE * size or grown > MOST_GROWTH * size:
        raise ArtefactError(
            "VOCABULARY",
            str(path),
            f"claims {facts.num_rows} values in {size} bytes, which cannot be distinct ones.",
        )
