"""The item vectors as a file for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from unclicked.bundle.item_vectors import write_item_vectors
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.vocabulary import Vocabulary
from unclicked.run import Run


def test_it_reads_back(judged_run: Run, bundle_folder: Path, tiny_log: Path) -> None:
    table = pq.read_table(bundle_folder / "items.parquet", page_checksum_verification=True)
    catalogue = judged_run.catalogue
    assert table["item_id"].to_pylist() == catalogue.items.values.to_pylist()
    assert table["clicks"].to_pylist() == catalogue.clicks.tolist()
    vectors = np.array(table["vector"].to_pylist(), dtype=np.float32)
    assert torch.equal(torch.from_numpy(vectors), judged_run.model.all_item_vectors()[1:])
    given = pq.read_table(tiny_log / "items.parquet").to_pylist()
    fields = {row["item_id"]: row for row in given}
    names = [name for name in table.column_names if name.startswith("field_")]
    assert sorted(names) == sorted(f"field_{name}" for name in catalogue.fields)
    for row in table.to_pylist():
        for name in names:
            found = fields[row["item_id"]][name.removeprefix("field_")]
            wanted = found if isinstance(found, list) else [found]
            assert row[name] == [str(value) for value in wanted]


def test_many_none_and_unknown_values(tmp_path: Path) -> None:
    # Rows: padding [0]; item 7 [a, b]; item 5 none; item 6 unknown (3); the unknown item (3).
    field = FieldCodes(
        Vocabulary(pa.array(["a", "b"])),
        np.array([0, 1, 3, 3, 4, 5]),
        np.array([0, 1, 2, 3, 3], dtype=np.int32),
    )
    catalogue = Catalogue(
        Vocabulary(pa.array([7, 5, 6])),
        np.array([9, 2, 0]),
        np.array([0, 2, 0, 1]),
        {"tag": field},
    )
    vectors = torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    write_item_vectors(catalogue, vectors, tmp_path / "items.parquet")
    assert pq.read_table(tmp_path / "items.parquet").to_pydict() == {
        "item_id": [7, 5, 6],
        "vector": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        "clicks": [9, 2, 0],
        "field_tag": [["a", "b"], [], [None]],
    }
