"""Names of items for people: no feature, only shown beside an id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.data.side_tables import SideTable
from unclicked.errors import ArtefactError

NAMES_FILE = "names.parquet"
COLUMN = "name"


def names_in_order(items: pa.Array, table: SideTable | None) -> pa.Array | None:
    """Names in the order of the catalogue.

    Args:
        items: [V], item ids of the catalogue.
        table: The item table, if there is one.

    Returns:
        string [V]; null where an item has no name. None where no column holds names.
    """
    if table is None or table.names is None:
        return None
    names = table.names
    rows = pc.index_in(items, value_set=table.ids)
    found = np.asarray(pc.fill_null(rows.cast(pa.int64()), -1))
    begin, end = names.offsets[:-1], names.offsets[1:]
    has = (found >= 0) & (end > begin)[found]
    place = np.where(has, begin[found], 0)
    return names.values.take(pa.array(place, mask=~has))


def save_names(names: pa.Array, folder: Path) -> None:
    """Write the names.

    Args:
        names: string [V], nullable.
        folder: Folder of the catalogue.
    """
    table = pa.table({COLUMN: names})
    pq.write_table(table, folder / NAMES_FILE, write_page_checksum=True, compression="zstd")


def load_names(folder: Path, num_items: int) -> list[str] | None:
    """Read what `save_names` wrote.

    Args:
        folder: Folder of the catalogue.
        num_items: V.

    Returns:
        V names, empty where an item has none; None where there are no names.

    Raises:
        ArtefactError: If the file does not fit the catalogue.
    """
    path = folder / NAMES_FILE
    if not path.is_file():
        return None
    try:
        column = pq.read_table(path, page_checksum_verification=True)[COLUMN]
        names = [name or "" for name in column.cast(pa.string()).to_pylist()]
    except (OSError, KeyError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise ArtefactError("DATASET-FILE", str(path), f"cannot be read ({reason}).") from None
    if len(names) != num_items:
        raise ArtefactError(
            "DATASET-FILE", str(path), f"holds {len(names)} names, expected {num_items}."
        )
    return names
