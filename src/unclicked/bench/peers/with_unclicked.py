"""Our side: SDM with the full plug-in, in a process of its own like every peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def build(
    order: dict[str, Any], batches: list[dict[str, Any]]
) -> Callable[[int, dict[str, Any]], float]:
    """Model, batches and optimiser.

    Args:
        order: Sizes; `last` for one row a sample, its last; `threads`.
        batches: Only their number is asked for: ours have fields, unclicked lists and more labels.

    Returns:
        A step; its order names the `precision` of the softmax's products.
    """
    import torch

    from unclicked.bench.paper_size import Sizes, catalogue_of, config_of, model_of
    from unclicked.bench.step import OurStep, prepared_batches

    torch.set_num_threads(order["threads"])
    known = {name: order[name] for name in Sizes.__dataclass_fields__ if name in order}
    sizes = Sizes(**known | {"lengths": tuple(order["lengths"])})
    catalogue, config = catalogue_of(sizes.num_items), config_of(sizes)
    ours = OurStep(model_of(config, catalogue), config)
    prepared = prepared_batches(sizes, catalogue, last=order["last"], count=len(batches))

    def step(number: int, order: dict[str, Any]) -> float:
        return ours.step(*prepared[number], logits=order["precision"])

    return step
