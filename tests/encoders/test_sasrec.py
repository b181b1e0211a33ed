"""SASRec against torch's own transformer, its places, what it attends to, and its options."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.asks import reads_unclicked
from unclicked.encoders.options import Option
from unclicked.encoders.sasrec import SASRec, build_sasrec
from unclicked.errors import UserError

DIM = 8
LENGTHS = torch.tensor([5, 2, 1])
MASK = torch.arange(5) < LENGTHS[:, None]
LONG_MASK = torch.arange(4) < torch.tensor([0, 3, 4])[:, None]


def built(has_profile: bool = False, **options: Option) -> SASRec:
    torch.manual_seed(4)
    module = build_sasrec(EncoderShape(dim=DIM, has_profile=has_profile), **options)
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    return module


def clicks(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, DIM, generator=generator, dtype=torch.float64)


def of_torch(module: SASRec) -> nn.TransformerEncoder:
    """The blocks as torch builds them: norm first, ReLU, inner width D."""
    config = module.config
    layer = nn.TransformerEncoderLayer(
        DIM, config.num_heads, DIM, norm_first=True, batch_first=True, dtype=torch.float64
    )
    whole = nn.TransformerEncoder(layer, config.num_layers, enable_nested_tensor=False).eval()
    names = {
        "attention_norm": "norm1",
        "attention.project": "self_attn.in_proj",
        "attention.output": "self_attn.out_proj",
        "forward_norm": "norm2",
        "inner": "linear1",
        "outer": "linear2",
    }
    weights = {}
    for key, value in module.blocks.state_dict().items():
        number, _, rest = key.partition(".")
        part, _, kind = rest.rpartition(".")
        name = names[part]
        joined = f"{name}_{kind}" if name.endswith("in_proj") else f"{name}.{kind}"
        weights[f"layers.{number}.{joined}"] = value
    whole.load_state_dict(weights)
    return whole


@pytest.mark.parametrize(
    ("sequence", "num_layers", "num_heads", "has_profile"),
    list(itertools.product(("session", "history"), (1, 2), (1, 4), (True, False))),
)
def test_equals_torch_s_transformer_row_by_row(
    sequence: str, num_layers: int, num_heads: int, has_profile: bool
) -> None:
    module = built(has_profile, sequence=sequence, num_layers=num_layers, num_heads=num_heads)
    blocks = of_torch(module)
    items, long = clicks(1, 3, 5), clicks(2, 3, 4)
    profile = clicks(3, 3) if has_profile else None
    context = EncoderContext(profile=profile)
    if sequence == "history":
        context = EncoderContext(profile=profile, long=long, long_mask=LONG_MASK)
    found = module(items, MASK, context)
    for row in range(3):
        session = items[row][MASK[row]]
        before = long[row][LONG_MASK[row]] if sequence == "history" else session[:0]
        # The tables: session places from 0 on, and before them -1, -2, ... backwards.
        first = 50 - len(before) if sequence == "history" else 0
        places = module.places[first : first + len(before) + len(session)]
        inputs = torch.cat([before, session]) + places
        if module.profile is not None and profile is not None:
            inputs = inputs + module.profile(profile[row])
        unseen = nn.Transformer.generate_square_subsequent_mask(len(inputs), dtype=torch.float64)
        out = module.norm(blocks(inputs.unsqueeze(0), mask=unseen)[0])[len(before) :]
        torch.testing.assert_close(found[row][MASK[row]], out, atol=1e-10, rtol=0)


def test_the_order_counts_before_the_session_and_in_it() -> None:
    module = built()
    items, long = clicks(1, 3, 5), clicks(2, 3, 4)
    full = torch.ones(3, 4, dtype=torch.bool)
    first = module(items, MASK, EncoderContext(long=long, long_mask=full))
    other = module(items, MASK, EncoderContext(long=long.flip(1), long_mask=full))
    assert not torch.allclose(first[:, 0], other[:, 0], atol=1e-3)
    turned = items.clone()
    turned[0, :2] = items[0, :2].flip(0)
    context = EncoderContext(long=long, long_mask=full)
    assert not torch.allclose(module(turned, MASK, context)[0, 1], first[0, 1], atol=1e-3)


def test_places_far_from_the_begin_share_the_last_vector() -> None:
    module = built(positions=2)
    assert module.places.shape == (4, DIM)
    assert torch.equal(
        module._vectors_of(torch.tensor([-9, -2, -1, 0, 1, 9])), module.places[[0, 0, 1, 2, 3, 3]]
    )
    alone = built(positions=3, sequence="session")
    assert torch.equal(alone._vectors_of(torch.tensor([0, 2, 7])), alone.places[[0, 2, 2]])


def test_a_session_alone_reads_no_long_term_click_and_a_profile_only_where_told() -> None:
    items = clicks(1, 3, 5)
    more = EncoderContext(long=clicks(2, 3, 4), long_mask=LONG_MASK)
    module = built(sequence="session")
    assert module.long_input == "none"
    assert torch.equal(module(items, MASK, more), module(items, MASK, EncoderContext()))
    for used in (True, False):
        module = built(has_profile=True, use_profile=used)
        assert module.long_input == "items"
        out = [module(items, MASK, EncoderContext(profile=clicks(seed, 3))) for seed in (5, 6)]
        assert torch.equal(*out) != used


@pytest.mark.parametrize(
    ("sequence", "num_layers"), [("session", 1), ("history", 1), ("history", 2)]
)
def test_each_position_reads_its_own_unclicked_items_in_torch_s_transformer(
    sequence: str, num_layers: int
) -> None:
    module = built(sequence=sequence, num_layers=num_layers, num_heads=4, reads_unclicked=True)
    blocks = of_torch(module)
    items, long, shown = clicks(1, 3, 5), clicks(2, 3, 4), clicks(6, 3, 6)
    allowed = torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(9)) < 0.5
    allowed[2], allowed[0, 1] = False, False
    context = EncoderContext(unclicked=shown, unclicked_mask=allowed)
    if sequence == "history":
        context = replace(context, long=long, long_mask=LONG_MASK)
    found = module(items, MASK, context)
    assert module.skip is not None
    for row in range(3):
        session = items[row][MASK[row]]
        before = long[row][LONG_MASK[row]] if sequence == "history" else session[:0]
        first = 50 - len(before) if sequence == "history" else 0
        clicked = torch.cat([before, session])
        clicked = clicked + module.places[first : first + len(clicked)]
        earlier = torch.ones(len(clicked), len(clicked)).triu(1).bool()
        for layer in blocks.layers[:-1]:
            clicked = layer(clicked.unsqueeze(0), src_mask=earlier)[0]
        # The list stands before the last block's input; nobody asks what becomes of it.
        inputs = torch.cat([shown[row] + module.skip, clicked])
        unseen = torch.zeros(len(inputs), len(inputs), dtype=torch.bool)
        unseen[6:, 6:] = earlier
        unseen[6 + len(before) :, :6] = ~allowed[row][MASK[row]]
        last = blocks.layers[-1](inputs.unsqueeze(0), src_mask=unseen)[0]
        out = module.norm(last)[-len(session) :]
        torch.testing.assert_close(found[row][MASK[row]], out, atol=1e-10, rtol=0)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_list_counts_at_the_positions_that_may_see_it_alone(num_layers: int) -> None:
    module = built(num_layers=num_layers, reads_unclicked=True)
    items, long, shown = clicks(1, 3, 5), clicks(2, 3, 4), clicks(6, 3, 2)
    allowed = torch.zeros(3, 5, 2, dtype=torch.bool)
    allowed[:, :, 0], allowed[:, 3, 1] = True, True
    known = EncoderContext(long=long, long_mask=LONG_MASK, unclicked=shown, unclicked_mask=allowed)
    before = module(items, MASK, known)
    changed = shown.clone()
    changed[:, 1] = 9.0
    after = module(items, MASK, replace(known, unclicked=changed))
    # Not even a later position learns of it: it would in training, and not where lists are made.
    others = [0, 1, 2, 4]
    assert torch.equal(after[:, others], before[:, others])
    assert not torch.allclose(after[0, 3], before[0, 3], atol=1e-3)


def test_unclicked_items_are_read_where_asked_for_and_checked() -> None:
    items, shown = clicks(1, 3, 5), clicks(6, 3, 4)
    context = EncoderContext(unclicked=shown, unclicked_mask=torch.ones(3, 5, 4).bool())
    for asked in (True, False):
        module = built(sequence="session", reads_unclicked=asked)
        assert reads_unclicked(module) == asked
        out = module(items, MASK, context)
        assert torch.equal(out, module(items, MASK, EncoderContext())) != asked
    module = built(reads_unclicked=True)
    with pytest.raises(UserError, match=r"unclicked: found values \[3, 4, 8\] with mask None"):
        module(items, MASK, EncoderContext(unclicked=shown))
    narrow = replace(context, unclicked=shown[..., :7])
    with pytest.raises(UserError, match=r"\[3, 4, 7\] with mask \[3, 5, 4\], expected \[B, N, 8"):
        module(items, MASK, narrow)
    with pytest.raises(UserError, match=r"mask \[3, 5, 4\], expected .* with \[B, 3, N\]"):
        module(items[:, :3], MASK[:, :3], context)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sequence", "all"),
        ("num_layers", 0),
        ("num_heads", True),
        ("num_heads", 0),
        ("dropout", 1.0),
        ("positions", 0),
        ("positions", 1.5),
        ("use_profile", "no"),
        ("reads_unclicked", 1),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_sasrec(EncoderShape(dim=DIM), **{name: value})


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(UserError, match="num_heads: found 3, expected a divisor of the width 8"):
        build_sasrec(EncoderShape(dim=DIM), num_heads=3)
