"""Tables whose rows lie apart on the ranks, kept by TorchRec behind the interface of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unclicked.config import TrainConfig
from unclicked.model import UnclickedRecommender
from unclicked.nn.tables import Table
from unclicked.training.ranks import Ranks
from unclicked.training.sharded_packages import refuse_sharded

FEATURE = "rows"
# Below it a table is so small that asking others for its rows costs more than keeping it.
LEAST_ROWS = 65_536


class ShardedTable(Table):
    """A table of which each rank keeps some rows, their sums of squares and their optimiser.

    All ranks must ask for rows, and move them, the same number of times in the same order. Rows
    are handed out as a local table hands them out; what comes back is summed on this rank first
    and on the rank that keeps the row then, so that each row is moved once in a step.

    Args:
        table: The table to be spread, with the same values on all ranks.
        sums: AdaGrad's sums of squares, of the same shape, likewise.
        config: The `[train]` table: the step size of AdaGrad.
        ranks: All ranks.
        device: Where the rows lie.

    Source: decision "Tables hand out rows".
    Differs: AdaGrad is FBGEMM's `EXACT_ADAGRAD` with an epsilon of 0 and its sums filled at the
        start, which is that of `Optimiser` but for rounding.
    """

    def __init__(
        self,
        table: Table,
        sums: Tensor,
        config: TrainConfig,
        ranks: Ranks,
        device: torch.device,
    ) -> None:
        # Not that of Table: nothing here holds a weight for the whole table.
        nn.Module.__init__(self)
        self.handed_out: list[tuple[Tensor, Tensor]] = []
        self.shape = tuple(table.weight.shape)
        self.num_rows = table.num_rows
        self.ranks = ranks
        # In a tuple, so that no optimiser or checkpoint takes a rank's rows for a parameter.
        self._kept = (_spread(self.shape, config, ranks, device),)
        self._fill(table.weight, sums)

    def rows(self, ids: Tensor) -> Tensor:
        """Rows of distinct ids, wherever they lie.

        Args:
            ids: int64 [n], distinct, ascending; n may be 0.

        Returns:
            float [n, dim]; in training a leaf whose gradient `move` takes back.
        """
        with torch.no_grad(), self.ranks.together():
            rows = self._look_up(ids).detach()
        if self.training and torch.is_grad_enabled():
            rows.requires_grad_()
            self.handed_out.append((ids, rows))
        return rows

    def take_back(self) -> tuple[Tensor, Tensor]:
        """Gradients of all rows handed out since the last call, none included.

        Returns:
            Distinct ids int64 [n] and their summed gradients float [n, dim]; n may be 0.
        """
        device = self._local()[0].device
        none = torch.zeros(0, dtype=torch.int64, device=device)
        return self.collect_gradients() or (none, torch.zeros(0, self.shape[1], device=device))

    def move(self, ids: Tensor, gradient: Tensor) -> None:
        """Move rows by AdaGrad, each once by the sum of what all ranks give.

        Args:
            ids: Distinct ids int64 [n] of this rank; n may be 0.
            gradient: Their gradients float [n, dim].
        """
        with torch.enable_grad(), self.ranks.together():
            self._look_up(ids).backward(gradient)

    def whole(self) -> tuple[Tensor, Tensor]:
        """All rows and their sums of squares, on every rank.

        Returns:
            Two float [num_values + 2, dim], on the CPU.
        """
        parts = [part.detach().cpu() for part in self._local()]
        weight, sums = (torch.cat(found) for found in self.ranks.gather(parts))
        return weight, sums

    def whole_on_first(self) -> tuple[Tensor, Tensor] | None:
        """All rows and their sums of squares, on the first rank alone, to be stored.

        Returns:
            Two float [num_values + 2, dim], on the CPU; None on the other ranks.
        """
        found = [self.ranks.to_first(part.detach()) for part in self._local()]
        return (torch.cat(found[0]), torch.cat(found[1])) if self.ranks.first else None

    @torch.no_grad()
    def _fill(self, *given: Tensor) -> None:
        begin = self._begin()
        for part, whole in zip(self._local(), given, strict=True):
            part.copy_(whole[begin : begin + len(part)])

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """All rows; every rank must ask for them."""
        return self.whole()[0]

    def _look_up(self, ids: Tensor) -> Tensor:
        from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

        lengths = torch.tensor([len(ids)], device=ids.device)
        asked = KeyedJaggedTensor(keys=[FEATURE], values=ids, lengths=lengths)
        found: Tensor = self._kept[0](asked)[FEATURE].values()
        return found

    def _local(self) -> tuple[Tensor, Tensor]:
        """This rank's rows and their sums of squares."""
        kept = self._kept[0]
        weight = _shards(kept.state_dict())
        sums = _shards(next(iter(kept.fused_optimizer.state_dict()["state"].values())))
        return weight[0].tensor, sums[0].tensor

    def _begin(self) -> int:
        offsets: list[int] = _shards(self._kept[0].state_dict())[0].metadata.shard_offsets
        return offsets[0]


def sharded_tables(model: UnclickedRecommender) -> dict[str, ShardedTable]:
    """The tables of a model whose rows lie apart.

    Args:
        model: The model.

    Returns:
        Name of the weight to table; nothing where all tables are local.
    """
    tables: Mapping[str, Table] = model.tables()
    return {name: one for name, one in tables.items() if isinstance(one, ShardedTable)}


def _shards(state: dict[str, Any]) -> Any:
    """The shards of the one entry of a state."""
    return next(iter(state.values())).local_shards()


def _spread(shape: tuple[int, ...], config: TrainConfig, ranks: Ranks, device: torch.device) -> Any:
    """A TorchRec collection of one table, row-wise over the ranks."""
    from fbgemm_gpu.split_embedding_configs import EmbOptimType
    from torchrec.distributed import comm_ops
    from torchrec.distributed.comm import get_local_size
    from torchrec.distributed.embedding import EmbeddingCollectionSharder
    from torchrec.distributed.sharding_plan import construct_module_sharding_plan, row_wise
    from torchrec.distributed.types import ShardingEnv
    from torchrec.modules.embedding_configs import EmbeddingConfig
    from torchrec.modules.embedding_modules import EmbeddingCollection

    # Losses here are already means over all ranks: gradients are to be summed.
    comm_ops.set_gradient_division(False)
    table = EmbeddingConfig(
        name="table",
        num_embeddings=shape[0],
        embedding_dim=shape[1],
        feature_names=[FEATURE],
    )
    plain = EmbeddingCollection(tables=[table], device=torch.device("meta"))
    fused = {
        "optimizer": EmbOptimType.EXACT_ADAGRAD,
        "learning_rate": config.learning_rate,
        "eps": 0.0,
    }
    sharder = EmbeddingCollectionSharder(fused_params=fused)
    plan = construct_module_sharding_plan(
        plain,
        {"table": row_wise(compute_kernel="fused")},
        sharder=sharder,
        world_size=ranks.count,
        local_size=get_local_size(ranks.count),
        device_type=device.type,
    )
    env = ShardingEnv.from_process_group(ranks.group)
    return sharder.shard(plain, plan, env, device)


def shard_tables(
    model: UnclickedRecommender,
    config: TrainConfig,
    ranks: Ranks,
    device: torch.device,
    *,
    state: Mapping[str, Tensor] | None = None,
    least_rows: int = LEAST_ROWS,
) -> None:
    """Spread the large tables of a model over the ranks; small ones stay whole on each.

    Args:
        model: The model, with the same weights on all ranks; tables of it are replaced.
        config: The `[train]` table.
        ranks: All ranks.
        device: Where the rows lie.
        state: AdaGrad's sums of a run that goes on, as `Optimiser.state` has them.
        least_rows: Rows from which on a table is spread.

    Raises:
        UserError: If settings or packages do not fit.
    """
    refuse_sharded(config, ranks)
    for name, table in model.tables().items():
        if not _worth_it(len(table.weight), ranks.count, least_rows):
            continue
        start = torch.full_like(table.weight, config.initial_accumulator)
        spread = ShardedTable(table, (state or {}).get(f"{name}:sum", start), config, ranks, device)
        parent, _, own = name.removesuffix(".weight").rpartition(".")
        setattr(model.get_submodule(parent), own, spread)


def _worth_it(rows: int, count: int, least: int) -> bool:
    """Whether a table is large, and no rank is left without rows, which FBGEMM does not bear."""
    each = -(-rows // count)
    return rows >= least and rows > each * (count - 1)
