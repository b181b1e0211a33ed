"""torch-rechub: its GRU4Rec under its own trainer, list-wise, as its example trains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NEGATIVES = 20


def build(
    order: dict[str, Any], batches: list[dict[str, Any]]
) -> Callable[[int, dict[str, Any]], float]:
    """Model, batches and trainer.

    Its tables give dense gradients; AdaGrad in its fused form passes over them once.

    Args:
        order: Sizes and `threads`.
        batches: What `child.batches_of` draws.

    Returns:
        A step of its trainer.
    """
    import numpy as np
    import torch
    from torch_rechub.basic.features import SequenceFeature, SparseFeature
    from torch_rechub.models.matching import GRU4Rec
    from torch_rechub.trainers import MatchTrainer

    torch.set_num_threads(order["threads"])
    torch.manual_seed(0)
    dim, items = order["dim"], order["num_items"] + 1
    user = [
        SparseFeature(f"profile{number}", vocab_size=one + 1, embed_dim=dim)
        for number, one in enumerate(order["profile"])
    ]
    shared = {"vocab_size": items, "embed_dim": dim, "shared_with": "item"}
    history = SequenceFeature("history", pooling="concat", **shared)
    negatives = SequenceFeature("negatives", pooling="concat", **shared)
    model = GRU4Rec(
        user,
        [history],
        [SparseFeature("item", vocab_size=items, embed_dim=dim)],
        [negatives],
        user_params={"dims": [dim]},
    )
    optimiser = {"lr": 0.1, "initial_accumulator_value": 0.1, "fused": True}
    trainer = MatchTrainer(
        model, mode=2, optimizer_fn=torch.optim.Adagrad, optimizer_params=optimiser
    )
    rng = np.random.default_rng(1)
    prepared = []
    for one in batches:
        drawn = rng.integers(1, items, (len(one["label"]), NEGATIVES))
        x = {"history": one["clicked"], "item": one["label"], "negatives": drawn}
        x |= {f"profile{number}": one["profile"][:, number] for number in range(len(user))}
        tensors = {name: torch.from_numpy(value) for name, value in x.items()}
        prepared.append([(tensors, torch.zeros(len(drawn), dtype=torch.int64))])

    def step(number: int, order: dict[str, Any]) -> float:
        return float(trainer.train_one_epoch(prepared[number]))

    return step
