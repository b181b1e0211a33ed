"""RecTools: its SASRec with its default loss, the full softmax at all positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# It keeps no more of a user than a session holds.
CLICKS_OF_A_USER = 2


def build(
    order: dict[str, Any], batches: list[dict[str, Any]]
) -> Callable[[int, dict[str, Any]], float]:
    """Model, batches and optimiser.

    No dropout and no padding, and its module is stepped without the trainer around it: less work
    than in its usual configuration.

    Args:
        order: Sizes and `threads`.
        batches: What `child.batches_of` draws.

    Returns:
        A step of its module and of the optimiser that it configures.
    """
    import numpy as np
    import pandas as pd
    import torch
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    torch.set_num_threads(order["threads"])
    torch.manual_seed(0)
    model = SASRecModel(
        n_blocks=2,
        n_heads=4,
        n_factors=order["dim"],
        dropout_rate=0.0,
        session_max_len=max(order["lengths"]),
        loss="softmax",
        batch_size=order["batch_size"],
    )
    # Every item once, so that its catalogue has them all; the batches are drawn elsewhere.
    items = np.arange(order["num_items"])
    log = {"user_id": items // CLICKS_OF_A_USER, "item_id": items, "weight": 1.0}
    frame = pd.DataFrame(log | {"datetime": pd.Timestamp("2024-01-01")})
    model._build_model_from_dataset(Dataset.construct(frame))
    module = model.lightning_model
    module.on_train_start()
    module.train()
    optimiser = module.configure_optimizers()
    prepared = []
    for one in batches:
        following = np.concatenate([one["clicked"][:, 1:], one["label"][:, None]], axis=1)
        x, y = torch.from_numpy(one["clicked"]), torch.from_numpy(following)
        prepared.append({"x": x, "y": y, "yw": torch.ones(y.shape)})

    def step(number: int, order: dict[str, Any]) -> float:
        optimiser.zero_grad()
        loss = module.training_step(prepared[number], 0)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step
