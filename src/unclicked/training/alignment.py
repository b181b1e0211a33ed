"""Whether the unclicked encoder and the scoring vectors mean the same by a category."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from unclicked.model import UnclickedRecommender

# Enough items to place every category; the most clicked come first.
MOST_ITEMS = 20_000
MOST_VALUES = 1_000


@torch.no_grad()
def category_alignment(model: UnclickedRecommender) -> dict[str, float]:
    """Mean cosine, by item field, between means of f(q_i) and of the vectors scored against.

    Means are over the items of a value, centred over the values. Near -1, taking an unclicked item
    away raises its category: skips are read as positive evidence. Near +1 it lowers it, which is
    the paper's story. Near 0, f tells nothing of the field.

    Args:
        model: The model.

    Returns:
        Field to mean cosine in [-1, 1]; fields of 2 to 1,000 values only, none without fusion.

    Source: none in the paper; a diagnostic of which way fusion uses unclicked items.
    """
    encoder = model.plugin.unclicked_encoder
    if model.config.fusion == "none" or encoder.linear is None:
        return {}
    found = {}
    mode, _ = model.training, model.eval()
    for name in model.tower.fields:
        if not 2 <= model.tower.table(name).weight.shape[0] - 2 <= MOST_VALUES:
            continue
        items, values = _items_with_value(model, name)
        if len(torch.unique(values)) < 2:
            continue
        read = encoder(model.tower(items), torch.ones_like(items, dtype=torch.bool))
        ours = _centred_means(read, values)
        theirs = _centred_means(model.item_vectors(items), values)
        found[name] = float(cosine_similarity(ours, theirs, dim=1).mean())
    model.train(mode)
    return found


def _items_with_value(model: UnclickedRecommender, name: str) -> tuple[Tensor, Tensor]:
    """Items that have the field, and the first value of each."""
    device = next(model.tower.parameters()).device
    items = torch.arange(1, min(model.num_items, MOST_ITEMS) + 1, device=device)
    values = model.tower.first_values(name, items)
    return items[values > 0], values[values > 0]


def _centred_means(vectors: Tensor, values: Tensor) -> Tensor:
    distinct, place = torch.unique(values, return_inverse=True)
    total = vectors.new_zeros(len(distinct), vectors.shape[1]).index_add_(0, place, vectors)
    means = total / torch.bincount(place).to(vectors.dtype)[:, None]
    return means - means.mean(dim=0)
