"""The plug-in in a foreign training loop, what it refuses and what it imports."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from unclicked.errors import UserError
from unclicked.plugin import UnclickedPlugin


def toy_log(num_rows: int = 64) -> tuple[Tensor, ...]:
    """Sessions whose next item is the first clicked item unless it was passed over."""
    generator = torch.Generator().manual_seed(11)
    clicked = torch.randint(0, 10, (num_rows, 4), generator=generator)
    unclicked = torch.randint(0, 10, (num_rows, 3), generator=generator)
    counts = torch.randint(0, 4, (num_rows,), generator=generator)
    mask = torch.arange(3) < counts[:, None]
    passed = ((unclicked == clicked[:, :1]) & mask).any(dim=1)
    label = torch.where(passed, clicked[:, 1], clicked[:, 0])
    return clicked, unclicked, mask, label


def test_a_plain_gru_trains_with_it_in_its_own_loop() -> None:
    torch.manual_seed(0)
    clicked, unclicked, unclicked_mask, label = toy_log()
    table, gru, output = nn.Embedding(10, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 10)
    plugin = UnclickedPlugin(dim=8, fusion="confidence", metric="symmetric", margin=5.0)
    modules = nn.ModuleList([table, gru, output, plugin])
    optimizer = torch.optim.Adam(modules.parameters(), lr=0.02)
    label_mask = torch.ones(len(label), 1, dtype=torch.bool)
    losses, metric_losses = [], []
    for _ in range(40):
        h = gru(table(clicked))[0][:, -1]
        out = plugin.train_step(
            h, table(unclicked), unclicked_mask, table(label).unsqueeze(1), label_mask
        )
        ranking = nn.functional.cross_entropy(output(out.user), label)
        loss = ranking + 0.01 * out.metric_loss.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(ranking.item())
        metric_losses.append(out.metric_loss.mean().item())
    assert losses[-1] < 0.5 * losses[0]
    assert metric_losses[-1] < metric_losses[0]
    with torch.no_grad():
        user = plugin(gru(table(clicked))[0][:, -1], table(unclicked), unclicked_mask)
    assert user.shape == (64, 8)


def test_serving_has_no_place_for_labels() -> None:
    plugin = UnclickedPlugin(4)
    items, mask = torch.zeros(1, 2, 4), torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(TypeError):
        plugin(torch.zeros(1, 4), items, mask, items, mask)


def test_importing_it_brings_neither_data_layer_nor_configuration() -> None:
    code = (
        "import sys, unclicked.plugin\n"
        "names = ('unclicked.data', 'unclicked.config', 'pyarrow', 'numba', 'pydantic')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_weights_survive_a_round_trip_by_name() -> None:
    first, second = UnclickedPlugin(4), UnclickedPlugin(4)
    second.load_state_dict(first.state_dict())
    clicked, items = torch.randn(3, 4), torch.randn(3, 2, 4)
    mask = torch.ones(3, 2, dtype=torch.bool)
    assert torch.equal(first(clicked, items, mask), second(clicked, items, mask))


@pytest.mark.parametrize(
    ("items", "mask", "message"),
    [
        ((3, 2, 4), (3,), r"found items \[3, 2, 4\] with a torch.bool mask \[3\]"),
        ((3, 4), (3, 2), r"found items \[3, 4\] with a torch.bool mask \[3, 2\]"),
        ((3, 2, 5), (3, 2), r"found items \[3, 2, 5\].*expected \[R, N, 4\]"),
        ((4,), (), r"found items \[4\]"),
        ((2, 2, 4), (2, 2), r"unclicked: found \[2, 4\], expected \[R, D\] = \[3, 4\]"),
    ],
)
def test_shapes_that_do_not_fit_are_both_named(
    items: tuple[int, ...], mask: tuple[int, ...], message: str
) -> None:
    plugin = UnclickedPlugin(4)
    with pytest.raises(UserError, match=message):
        plugin(torch.zeros(3, 4), torch.zeros(items), torch.ones(mask, dtype=torch.bool))


def test_labels_of_another_number_of_rows_are_refused() -> None:
    items, mask = torch.zeros(3, 2, 4), torch.ones(3, 2, dtype=torch.bool)
    with pytest.raises(UserError, match=r"labels: found \[2, 4\]"):
        UnclickedPlugin(4).train_step(torch.zeros(3, 4), items, mask, items[:2], mask[:2])


def test_a_mask_of_numbers_is_refused() -> None:
    with pytest.raises(UserError, match="torch.float32 mask"):
        UnclickedPlugin(4)(torch.zeros(3, 4), torch.zeros(3, 2, 4), torch.ones(3, 2))


def test_a_row_mask_of_another_length_is_refused() -> None:
    rows = torch.zeros(3, 4)
    with pytest.raises(UserError, match=r"row_mask: found \[2\]"):
        UnclickedPlugin(4).metric(rows, rows, rows, torch.ones(2, dtype=torch.bool))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fusion": "confidnce"}, "fusion: found 'confidnce'.*Did you mean 'confidence'"),
        ({"metric": "symetric"}, "Did you mean 'symmetric'"),
        ({"symmetric_form": "two"}, "symmetric_form: found 'two'"),
        ({"gate_activation": "relu"}, "expected one of sigmoid, tanh, identity"),
        ({"label_encoder": "own"}, "expected one of shared, separate"),
        ({"metric_norm": "l1"}, "expected one of none, l2"),
        ({"pair_form": "soft"}, "expected one of hinge, plain"),
        ({"metric_input": "layernorm"}, "Did you mean 'layer_norm'"),
        ({"metric_input": "layer_norm", "dim": 1}, "metric_input: found 'layer_norm'"),
        ({"metric": "info_nce"}, "Did you mean 'infonce'"),
        ({"metric_temperature": 0.0}, "metric_temperature: found 0.0"),
        ({"metric_on": "labels"}, "expected one of clicked, user"),
        ({"margin": 0.0}, "margin: found 0.0"),
        ({"margin": float("nan")}, "margin: found nan"),
        ({"margin": "5"}, "margin: found '5'"),
        ({"intermediate_margin": -1.0}, "intermediate_margin: found -1.0"),
        ({"intermediate_margin": 1.0, "metric": "none"}, "expected 0 where metric = 'none'"),
        ({"stop_gradient_labels": 1}, "stop_gradient_labels: found 1"),
        ({"stop_gradient_labels": True, "label_encoder": "separate"}, "would never learn"),
        (
            {"stop_gradient_labels": True, "fusion": "none", "metric": "clicked_label"},
            "would never learn",
        ),
        ({"dim": 0}, "dim: found 0"),
        ({"dim": 4.0}, "dim: found 4.0"),
    ],
)
def test_wrong_options_are_refused_by_name(options: dict[str, object], message: str) -> None:
    keywords: dict[str, object] = {"dim": 4, **options}
    with pytest.raises(UserError, match=message):
        UnclickedPlugin(**keywords)
