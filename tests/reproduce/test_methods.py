"""The paper's methods: what each is made of, and that its printed preset is the same thing."""

from __future__ import annotations

import pytest

from unclicked.encoders import ENCODERS
from unclicked.reproduce import paper_numbers
from unclicked.reproduce.methods import BASES, TRIPLETS, VARIANTS, Method
from unclicked.settings import preset_settings, resolve

ALL = {**BASES, **VARIANTS, **TRIPLETS}


def test_names_and_order_are_the_papers() -> None:
    assert list(BASES) == list(paper_numbers.BASELINES)
    assert list(VARIANTS) == list(paper_numbers.VARIANTS)
    assert list(TRIPLETS)[:3] == list(paper_numbers.PAIRS)


def test_the_paper_has_all_encoders_of_the_dict_but_those_that_came_after_it() -> None:
    assert {method.encoder for method in BASES.values()} == set(ENCODERS) - {"sasrec"}


@pytest.mark.parametrize("name", list(ALL))
def test_the_printed_preset_is_the_same_variant(name: str) -> None:
    method = ALL[name]
    model = resolve(preset_settings(method.printed_preset)).model
    assert (model.fusion, model.metric) == (method.fusion, method.metric)
    assert (model.margin, model.metric_weight, model.metric_grad_cap) == (5.0, 10.0, 0.0)


def test_a_control_keeps_the_method_and_adds_to_it() -> None:
    control = Method("a", "dnn", "confidence").with_extra("b", data__unclicked__source="random")
    assert control.settings == {
        "model.encoder": "dnn",
        "model.fusion": "confidence",
        "model.metric": "none",
        "data.unclicked.source": "random",
    }
