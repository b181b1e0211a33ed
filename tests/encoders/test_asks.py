"""Attributes of an encoder: how long-term clicks are asked for, and how long its steps are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from unclicked.encoders import LastPositionEncoder
from unclicked.encoders.asks import dense_rate_of, long_input_of, reads_unclicked
from unclicked.errors import UserError


class Own(nn.Module):
    """An encoder of which only the attributes count."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


def test_long_input_is_one_of_three() -> None:
    assert long_input_of(Own()) == "items"
    assert long_input_of(Own(long_input="none")) == "none"
    with pytest.raises(UserError, match="Own: found long_input = 'item', expected one of"):
        long_input_of(Own(long_input="item"))


def test_the_dense_rate_is_a_number_above_zero() -> None:
    assert dense_rate_of(Own()) == 1.0
    assert dense_rate_of(Own(dense_rate=2)) == 2.0
    assert dense_rate_of(Own(dense_rate=np.float32(0.5))) == 0.5


@pytest.mark.parametrize("rate", [0, -0.1, True, "0.1", None, float("nan"), float("inf")])
def test_another_dense_rate_is_refused(rate: Any) -> None:
    with pytest.raises(UserError, match=f"Own: found dense_rate = {rate!r}, expected a number"):
        dense_rate_of(Own(dense_rate=rate))


@pytest.mark.parametrize("found", [1, "yes", None])
def test_reading_unclicked_items_is_true_or_false(found: Any) -> None:
    assert not reads_unclicked(Own())
    assert reads_unclicked(Own(reads_unclicked=True))
    with pytest.raises(UserError, match=f"Own: found reads_unclicked = {found!r}, expected True"):
        reads_unclicked(Own(reads_unclicked=found))


def test_an_adapter_asks_for_what_its_module_asks() -> None:
    module = Own(long_input="none", dense_rate=0.5, reads_unclicked=True)
    adapter = LastPositionEncoder(module)
    assert (long_input_of(adapter), dense_rate_of(adapter)) == ("none", 0.5)
    assert reads_unclicked(adapter)
