"""Presets hold fitting knobs, and the catalogue of `taobao` grows in number, not in kind."""

from __future__ import annotations

import pytest

from unclicked.errors import UserError
from unclicked.sources.simulate_knobs import SimulationKnobs
from unclicked.sources.simulate_presets import PRESETS_SIMULATION, preset_knobs


@pytest.mark.parametrize("preset", sorted(PRESETS_SIMULATION))
def test_presets_fit(preset: str) -> None:
    knobs = preset_knobs(preset)
    for name, value in PRESETS_SIMULATION[preset].items():
        assert getattr(knobs, name) == value
        assert type(value) is type(getattr(SimulationKnobs(), name))


@pytest.mark.parametrize(
    ("num_items", "leaves", "categories", "brands"),
    [
        (10_787, 107, 10, 539),
        (1_078_723, 10_787, 104, 53_936),
        (400, 24, 5, 24),
    ],
)
def test_catalogue_of_taobao(num_items: int, leaves: int, categories: int, brands: int) -> None:
    knobs = preset_knobs("taobao", num_items=num_items)
    found = (knobs.num_leaves, knobs.num_categories, knobs.num_brands, knobs.shops_per_brand)
    assert found == (leaves, categories, brands, 2)
    assert knobs.brands_to_accept == 12


def test_named_sizes_stay() -> None:
    knobs = preset_knobs("taobao", num_items=5000, num_leaves=40, num_brands=None)
    assert (knobs.num_leaves, knobs.num_categories, knobs.num_brands) == (40, 7, 250)
    assert preset_knobs("planted", num_items=5000).num_leaves == 30


def test_too_few_items_for_the_leaves() -> None:
    with pytest.raises(UserError, match="num_leaves: found 24 with num_items = 10"):
        preset_knobs("taobao", num_items=10)
