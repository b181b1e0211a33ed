"""Where the data set is written: blocks of users, in order, become the files of its folder."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked.data.card_log import LogCounts
from unclicked.data.dataset import SPLITS
from unclicked.data.making import CLICKS_FILE
from unclicked.data.rules import Samples
from unclicked.data.sample_files import ArrayFile, SampleFiles, reopened
from unclicked.data.stored_log import LOG_FILE, LogFile
from unclicked.errors import ResourceError
from unclicked.spark.pieces import Block


@dataclass(frozen=True)
class Received:
    """What all blocks together are.

    Attributes:
        users: User ids, ascending.
        click_item: int32 [C], item index of every click, on disk.
        splits: Samples of each split, on disk.
        counts: What is counted of the rows.
    """

    users: pa.Array
    click_item: NDArray[np.int32]
    splits: dict[str, Samples]
    counts: LogCounts


def receive(blocks: Iterable[Block], folder: Path, schema: pa.Schema) -> Received:
    """Write blocks into the folder of a data set: clicks, samples and the log.

    Held in memory are the ids of users, the next row group of the log, and one block.

    Args:
        blocks: Blocks in order of the users; at least one.
        folder: An empty folder.
        schema: Columns of the log.

    Returns:
        The arrays, memory-mapped.

    Raises:
        ResourceError: If users came in another order than that of their ids.
        OSError: If the disk refuses.
    """
    users: list[pa.Array] = []
    counts: LogCounts | None = None
    first_user = 0
    with ExitStack() as opened:
        clicks = ArrayFile(folder / CLICKS_FILE, np.int32)
        opened.callback(clicks.drop)
        splits = {}
        for name in SPLITS:
            splits[name] = SampleFiles(folder / name)
            opened.callback(splits[name].drop)
        with LogFile(folder / LOG_FILE, schema) as log:
            for block in blocks:
                _check_order(users, block.users)
                for name, samples in block.splits.items():
                    splits[name].append(samples, first_user, clicks.length)
                clicks.append(block.click_item)
                log.append(block.log)
                first_user += len(block.users)
                users.append(block.users)
                counts = block.counts if counts is None else counts + block.counts
        if counts is None:
            raise ResourceError("SPARK", "partitions", "gave no rows. Run it again.")
        clicks.close()
        return Received(
            users=pa.concat_arrays(users),
            click_item=reopened(folder / CLICKS_FILE),
            splits={name: files.close() for name, files in splits.items()},
            counts=counts,
        )


def _check_order(users: list[pa.Array], more: pa.Array) -> None:
    if users and users[-1][-1].as_py() >= more[0].as_py():
        raise ResourceError(
            "SPARK",
            "partitions",
            f"user {more[0].as_py()} came after {users[-1][-1].as_py()}: users were cut into "
            "other ranges when a lost machine's work was repeated. Run it again.",
        )
