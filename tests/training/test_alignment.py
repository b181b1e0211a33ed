"""The alignment of f with the scoring vectors, on vectors set by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from unclicked.config import ModelConfig
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.vocabulary import Vocabulary
from unclicked.model import UnclickedRecommender
from unclicked.training.alignment import category_alignment


def catalogue_of(values: list[int]) -> Catalogue:
    """Items 1..n, each with one value of the field `leaf`; 0 stands for none."""
    count = len(values)
    lengths = [0, *(int(value > 0) for value in values), 0]
    return Catalogue(
        items=Vocabulary(pa.array([f"i{n}" for n in range(count)])),
        clicks=np.ones(count, dtype=np.int64),
        id_rank=np.arange(count + 1, dtype=np.int64),
        fields={
            "leaf": FieldCodes(
                vocabulary=Vocabulary(pa.array(["a", "b", "c"])),
                offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
                codes=np.array([v for v in values if v], dtype=np.int32),
            )
        },
    )


def model_with(sign: float, fusion: str = "confidence") -> UnclickedRecommender:
    """Each category has a direction; the scoring vectors have `sign` times that direction."""
    config = ModelConfig(dim=8, fusion=fusion, metric="none")
    model = UnclickedRecommender(config, catalogue_of([1, 1, 2, 3, 0]), {}, 1)
    direction = {1: 0, 2: 1, 3: 2}
    with torch.no_grad():
        for table in model.tower.tables:
            table.weight.zero_()
        leaf = model.tower.table("leaf").weight
        for value, place in direction.items():
            leaf[value, place] = 1.0
        linear = model.plugin.unclicked_encoder.linear
        if linear is not None:
            linear.weight.copy_(torch.eye(8))
            linear.bias.zero_()
        width = model.tower.widths["item_id"]
        model.output.weight.zero_()
        for item, value in enumerate([1, 1, 2, 3], start=1):
            model.output.weight[item, width + direction[value]] = sign
    return model


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_same_and_opposite_directions(sign: float) -> None:
    found = category_alignment(model_with(sign))
    assert found == {"leaf": pytest.approx(sign, abs=1e-6)}


def test_nothing_to_say_without_fusion() -> None:
    assert category_alignment(model_with(1.0, fusion="none")) == {}


def test_mode_and_gradients_are_left_alone() -> None:
    model = model_with(1.0)
    model.train()
    category_alignment(model)
    assert model.training
    assert all(not table.handed_out for table in model.tables().values())
