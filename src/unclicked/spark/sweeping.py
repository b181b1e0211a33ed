"""What runs beside the data: the rules on blocks of whole users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.data.card_log import Days, count_log
from unclicked.data.making import samples_of_splits
from unclicked.data.rules import Rules
from unclicked.data.split import Boundaries
from unclicked.data.timelines import build_timelines, code_log
from unclicked.spark.pieces import SCHEMA, Block, pieces_of
from unclicked.spark.whole_users import whole_users

if TYPE_CHECKING:
    from pyspark import Broadcast

# Large, because each block looks its items up among all of the log once.
BLOCK_ROWS = 1 << 20


@dataclass(frozen=True)
class SweepPlan:
    """What an executor must know to apply the rules.

    Attributes:
        items: Ids of the log's items, and int32, the item index of each.
        num_items: V.
        rules: The rules' numbers.
        bounds: Moments between the splits.
        days: The calendar days of the log.
        schema: Columns of the checked log.
    """

    items: Broadcast[tuple[pa.Array, NDArray[np.int32]]]
    num_items: int
    rules: Rules
    bounds: Boundaries
    days: Days
    schema: pa.Schema


def sweep_users(batches: Iterator[pa.RecordBatch], plan: SweepPlan) -> Iterator[pa.RecordBatch]:
    """Apply the rules to the users of one partition.

    Args:
        batches: The checked log, sorted by user, time and item.
        plan: What to apply.

    Yields:
        Pieces, one a batch, block by block in order of the users.
    """
    ids, index = plan.items.value
    for table in whole_users(batches, BLOCK_ROWS):
        log = table.select(plan.schema.names).cast(plan.schema)
        coded = code_log(log)
        index_of = index[pc.index_in(coded.items, value_set=ids).to_numpy()]
        timelines = build_timelines(coded, index_of, plan.num_items)
        block = Block(
            users=coded.users,
            log=log,
            click_item=timelines.click_item,
            splits=samples_of_splits(timelines, plan.rules, plan.bounds),
            counts=count_log(timelines, coded.clicked, plan.bounds.validation_us, plan.days),
        )
        for name, data in pieces_of(block):
            columns = [pa.array([name]), pa.array([data], pa.binary())]
            yield pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
