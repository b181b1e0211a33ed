"""The item vectors as a Parquet file that any vector database can load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from unclicked.data.catalogue import Catalogue

ROW_GROUP = 1 << 16


def write_item_vectors(catalogue: Catalogue, vectors: Tensor, path: Path) -> None:
    """Write one row for each item, the most clicked first.

    Columns: `item_id` (int64 or string), `vector` (list of D float32, fixed size; a user's score
    is the inner product with the user vector), `clicks` (int64, of the training days), and for
    each item field `field_NAME` (list of string).

    Args:
        catalogue: The items.
        vectors: float [V + 1, D]; row 0 is padding and not written.
        path: File to write.
    """
    values = vectors[1:].contiguous().numpy().astype(np.float32, copy=False)
    columns: dict[str, pa.Array] = {
        "item_id": catalogue.items.values,
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1]),
        "clicks": pa.array(np.asarray(catalogue.clicks)),
    }
    count = len(catalogue.items)
    for name, field in catalogue.fields.items():
        offsets = np.asarray(field.offsets[1 : count + 2])
        codes = np.asarray(field.codes[offsets[0] : offsets[-1]]).astype(np.int64)
        known = codes <= len(field.vocabulary)
        words = field.vocabulary.values.take(pa.array(np.where(known, codes - 1, 0), mask=~known))
        lists = pa.ListArray.from_arrays(pa.array((offsets - offsets[0]).astype(np.int32)), words)
        columns[f"field_{name}"] = lists
    table = pa.table(columns)
    pq.write_table(
        table, path, row_group_size=ROW_GROUP, compression="zstd", write_page_checksum=True
    )
