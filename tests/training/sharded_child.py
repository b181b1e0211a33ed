"""A rank of `test_sharded`: the same steps with local tables alone and with sharded ones on all."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from tests.model_twin import NUM_ITEMS, World, world

from unclicked.config import TrainConfig
from unclicked.model import UnclickedRecommender
from unclicked.sampling import LogUniform
from unclicked.tensors import to_tensors
from unclicked.training.exchange import part_of
from unclicked.training.optimiser import Optimiser
from unclicked.training.ranks import ALONE, Ranks, join
from unclicked.training.sharded import shard_tables, sharded_tables
from unclicked.training.step import training_step

STEPS = 50
CPU = torch.device("cpu")
TRAIN = TrainConfig(clip_norm=0.0, initial_accumulator=0.1, learning_rate=0.1)


def losses(one: World, model: UnclickedRecommender, ranks: Ranks) -> list[dict[str, float]]:
    """Both losses of every step."""
    sampler, optimiser = LogUniform(NUM_ITEMS), Optimiser(model, TRAIN, ranks)
    rng, seen = np.random.default_rng(1), []
    for step in range(STEPS):
        chosen = rng.choice(len(one.samples), 1 if step % 10 == 9 else 13, replace=False)
        part, idle = part_of(chosen, ranks.number, ranks.count)
        batch = to_tensors(one.builder().build(part), CPU)
        negatives = sampler.draw(6, torch.Generator().manual_seed(step))
        random = torch.Generator().manual_seed(step)
        told = training_step(model, batch, negatives, sampler, random, step, ranks, idle)
        optimiser.step()
        seen.append({"ranking": told.ranking_loss, "metric": told.metric_loss})
    return seen


def main(settings: dict[str, Any]) -> None:
    """Print how far both are apart at most, in losses and in weights."""
    ranks, one = join(CPU), world(3, num_users=20)
    local = one.model(**settings).float().train()
    sharded = deepcopy(local)
    shard_tables(sharded, TRAIN, ranks, CPU, least_rows=8)
    sharded.train()
    start = {name: table.whole() for name, table in sharded_tables(sharded).items()}
    weights = {name: weight.detach().clone() for name, weight in local.named_parameters()}
    same = all(torch.equal(weights[name], whole[0]) for name, whole in start.items())
    filled = all(bool((whole[1] == 0.1).all()) for whole in start.values())
    alone, shared = losses(one, local, ALONE), losses(one, sharded, ranks)
    apart = max(abs(a[key] - b[key]) for a, b in zip(alone, shared, strict=True) for key in a)
    ends = dict(sharded.named_parameters())
    ends |= {name: table.whole()[0] for name, table in sharded_tables(sharded).items()}
    moved = [float((weights[n] - w).abs().max()) for n, w in local.named_parameters()]
    differ = [float((ends[n] - w).abs().max()) for n, w in local.named_parameters()]
    found = {"same": same, "filled": filled, "tables": len(start), "names": len(ends)}
    found |= {"losses": apart, "weights": max(differ), "moved": min(moved)}
    found |= {"loss": [alone[0]["ranking"], alone[-1]["ranking"]]}
    if ranks.first:
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
