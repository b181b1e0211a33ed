"""The plug-in: worked numbers, naive loop, every combination of switches, refusals."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from unclicked.errors import UserError
from unclicked.plugin import UnclickedPlugin
from unclicked.plugin.options import FUSIONS

METRIC_NAMES = (
    "none",
    "asymmetric",
    "symmetric",
    "clicked_label",
    "clicked_unclicked",
    "label_unclicked",
    "infonce",
)
PAIRS = list(itertools.product(FUSIONS, METRIC_NAMES))
SWITCHES: list[dict[str, object]] = [
    {},
    {"symmetric_form": "two_hinges"},
    {"gate_activation": "identity"},
    {"gate_activation": "tanh"},
    {"label_encoder": "separate"},
    {"metric_norm": "l2", "margin": 9.0},
    {"metric_input": "tanh", "metric_temperature": 0.5},
    {"metric_input": "layer_norm"},
    {"pair_form": "plain"},
    {"metric_on": "user"},
]
COMBINATIONS = [
    pytest.param(fusion, metric, options, id=f"{fusion}-{metric}-{options}")
    for (fusion, metric), options in itertools.product(PAIRS, SWITCHES)
]


def build(fusion: str, metric: str, options: dict[str, object], dim: int = 4) -> UnclickedPlugin:
    torch.manual_seed(0)
    keywords: dict[str, object] = {"margin": 50.0, **options}
    plugin = UnclickedPlugin(dim, fusion, metric, **keywords).double()
    with torch.no_grad():
        for parameter in plugin.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return plugin


def rows(seed: int = 1, dim: int = 4) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Five rows: full, no unclicked, no label, neither, full."""
    generator = torch.Generator().manual_seed(seed)
    clicked = torch.randn(5, dim, dtype=torch.float64, generator=generator)
    unclicked = torch.randn(5, 3, dim, dtype=torch.float64, generator=generator)
    labels = torch.randn(5, 2, dim, dtype=torch.float64, generator=generator)
    unclicked_mask = torch.arange(3) < torch.tensor([3, 0, 1, 0, 2])[:, None]
    label_mask = torch.arange(2) < torch.tensor([2, 1, 0, 0, 1])[:, None]
    return clicked, unclicked, unclicked_mask, labels, label_mask


WORKED_H, WORKED_N = [[0.5, -1.0, 2.0]], [[0.1, 0.4, -0.6]]


def worked(fusion: str, activation: str = "sigmoid") -> tuple[UnclickedPlugin, Tensor, Tensor]:
    plugin = UnclickedPlugin(3, fusion, "none", gate_activation=activation).double()
    if plugin.fusion.linear is not None:
        weight = [
            [0.1, 0.2, -0.1, 0.3, 0.0, -0.2],
            [0.0, -0.3, 0.2, 0.1, 0.4, 0.1],
            [0.5, 0.1, 0.0, -0.2, 0.2, 0.3],
        ]
        with torch.no_grad():
            plugin.fusion.linear.weight.copy_(torch.tensor(weight))
            plugin.fusion.linear.bias.copy_(torch.tensor([0.05, -0.1, 0.0]))
    h, n = (torch.tensor(v, dtype=torch.float64) for v in (WORKED_H, WORKED_N))
    return plugin, h, n


@pytest.mark.parametrize(
    ("fusion", "activation", "gate", "user"),
    [
        ("none", "sigmoid", (0.0, 0.0, 0.0), (0.5, -1.0, 2.0)),
        ("subtract", "sigmoid", (1.0, 1.0, 1.0), (0.4, -1.4, 2.6)),
        (
            "confidence",
            "sigmoid",
            (0.462570, 0.670401, 0.507499),
            (0.453743, -1.268160, 2.304500),
        ),
        ("confidence", "identity", (-0.15, 0.71, 0.03), (0.515, -1.284, 2.018)),
        # tanh of the line before; the first dimension is drawn to the unclicked vector.
        ("confidence", "tanh", (-0.148885, 0.610677, 0.029991), (0.514889, -1.244271, 2.017995)),
    ],
)
def test_fusion_of_the_worked_case(
    fusion: str, activation: str, gate: tuple[float, ...], user: tuple[float, ...]
) -> None:
    plugin, h, n = worked(fusion, activation)
    assert plugin.gate(h, n)[0].tolist() == pytest.approx(gate, abs=1e-6)
    assert plugin.fuse(h, n)[0].tolist() == pytest.approx(user, abs=1e-6)


@pytest.mark.parametrize(("fusion", "metric", "options"), COMBINATIONS)
def test_every_combination_is_finite_and_reaches_every_parameter(
    fusion: str, metric: str, options: dict[str, object]
) -> None:
    plugin = build(fusion, metric, options)
    inputs = rows()
    for part in (inputs[0], inputs[1], inputs[3]):
        part.requires_grad_()
    out = plugin.train_step(*inputs)
    assert out.metric_mask.tolist() == [True, False, False, False, True]
    assert torch.equal(out.user[[1, 3]], inputs[0][[1, 3]])
    assert out.metric_loss[1:4].abs().max() == 0.0
    assert bool((out.metric_loss[[0, 4]] != 0).all()) == (metric != "none")
    assert torch.equal(plugin(*inputs[:3]), out.user)
    (out.user.square().sum() + out.metric_loss.mean()).backward()
    for name, parameter in plugin.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert parameter.grad.abs().max() > 0.0, name
    assert inputs[0].grad is not None
    assert bool(inputs[0].grad.isfinite().all())
    for values, mask in ((inputs[1], inputs[2]), (inputs[3], inputs[4])):
        if values.grad is not None:
            assert bool(values.grad.isfinite().all())
            assert values.grad[~mask].abs().max() == 0.0


def test_a_variant_without_need_of_weights_has_none() -> None:
    def names(*switches: str, **options: str) -> set[str]:
        return {name for name, _ in UnclickedPlugin(4, *switches, **options).named_parameters()}

    encoder = {"unclicked_encoder.linear.weight", "unclicked_encoder.linear.bias"}
    gate = {"fusion.linear.weight", "fusion.linear.bias"}
    own = {"label_encoder.linear.weight", "label_encoder.linear.bias"}
    assert names("none", "none") == set()
    assert names("subtract", "none") == encoder
    assert names("none", "clicked_label") == encoder
    assert names("none", "clicked_label", label_encoder="separate") == own
    assert names("confidence", "none", label_encoder="separate") == encoder | gate
    assert names("confidence", "symmetric", label_encoder="separate") == encoder | gate | own


@pytest.mark.parametrize(("fusion", "metric"), PAIRS)
def test_gradients_of_every_fusion_and_metric(fusion: str, metric: str) -> None:
    plugin = build(fusion, metric, {})
    clicked, unclicked, unclicked_mask, labels, label_mask = rows(dim=4)

    def both(h: Tensor, items: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        out = plugin.train_step(h, items, unclicked_mask, targets, label_mask)
        return out.user, out.metric_loss

    inputs = tuple(part.requires_grad_() for part in (clicked, unclicked, labels))
    assert torch.autograd.gradcheck(both, inputs)


def test_equals_a_naive_loop() -> None:
    plugin = build("confidence", "symmetric", {}).requires_grad_(False)
    inputs = rows()
    out = plugin.train_step(*inputs)
    f, g = plugin.unclicked_encoder.linear, plugin.fusion.linear
    assert f is not None
    assert g is not None
    for r in range(5):
        h, n, c = inputs[0][r], torch.zeros(4).double(), torch.zeros(4).double()
        unclicked = [inputs[1][r, k] for k in range(3) if inputs[2][r, k]]
        labels = [inputs[3][r, k] for k in range(2) if inputs[4][r, k]]
        if unclicked:
            n = torch.tanh(f.weight @ (sum(unclicked) / len(unclicked)) + f.bias)
        if labels:
            c = torch.tanh(f.weight @ (sum(labels) / len(labels)) + f.bias)
        gate = 1.0 / (1.0 + torch.exp(-(g.weight @ torch.cat([h, n]) + g.bias)))
        hc, hn, cn = ((a - b).pow(2).sum() for a, b in ((h, c), (h, n), (c, n)))
        both = bool(unclicked) and bool(labels)
        loss = max(0.0, float(2 * hc - hn - cn + 50.0)) if both else 0.0
        torch.testing.assert_close(out.user[r], h - gate * n)
        assert out.metric_loss[r].item() == pytest.approx(loss)
        found = [out.distances[name][r].item() for name in out.distances]
        assert found == pytest.approx([hc.item(), hn.item(), cn.item()] if both else [0.0] * 3)


def test_means_give_the_same_as_lists_and_nan_means_of_nothing_are_ignored() -> None:
    plugin = build("confidence", "symmetric", {})
    clicked, unclicked, unclicked_mask, labels, label_mask = rows()
    listed = plugin.train_step(clicked, unclicked, unclicked_mask, labels, label_mask)

    def mean(values: Tensor, mask: Tensor) -> Tensor:
        total = (values * mask.unsqueeze(-1)).sum(dim=1)
        return (total / mask.sum(dim=1, keepdim=True)).requires_grad_()

    means = mean(unclicked, unclicked_mask), mean(labels, label_mask)
    assert bool(means[0].isnan().any())
    found = plugin.train_step(
        clicked, means[0], unclicked_mask.any(dim=1), means[1], label_mask.any(dim=1)
    )
    torch.testing.assert_close(found.user, listed.user)
    torch.testing.assert_close(found.metric_loss, listed.metric_loss)
    (found.user.sum() + found.metric_loss.sum()).backward()
    assert means[0].grad is not None
    assert bool(means[0].grad.isfinite().all())


def test_two_hinges_give_each_hinge_half_the_margin() -> None:
    options: dict[str, object] = {"symmetric_form": "two_hinges", "margin": 11.0}
    plugin = build("none", "symmetric", options, dim=2)
    h, n, c = (torch.tensor([v]).double() for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
    assert plugin.metric(h, n, c, torch.tensor([True])).item() == pytest.approx(1.5)


def test_unit_length_bounds_the_distances() -> None:
    plugin = build("confidence", "clicked_label", {"metric_norm": "l2"})
    out = plugin.train_step(
        *(100.0 * part if part.is_floating_point() else part for part in rows())
    )
    assert out.metric_loss.max() <= 4.0
    assert out.distances.clicked_label.max() > 4.0


def test_a_gate_with_tanh_starts_without_a_side() -> None:
    plugin = UnclickedPlugin(4, gate_activation="tanh").double()
    assert plugin.fusion.linear is not None
    assert plugin.fusion.linear.bias.tolist() == [0.0] * 4
    h, n = rows()[0], rows(2)[0]
    gate = plugin.gate(h, n)
    assert (gate.min() < 0.0) & (gate.max() > 0.0) & (gate.abs().max() < 1.0)
    torch.testing.assert_close(plugin.gate(-h, -n), -gate)
    # Small inputs, as at the start of training: nearly shut, where the sigmoid's gate is half open.
    assert plugin.gate(0.01 * h, 0.01 * n).abs().max() < 0.05
    half = UnclickedPlugin(4).double().gate(0.01 * h, 0.01 * n)
    assert (half - 0.5).abs().max() < 0.05


def test_the_metric_may_look_at_the_user_vector() -> None:
    plugin = build("subtract", "clicked_label", {"metric_on": "user"})
    out = plugin.train_step(*rows())
    expected = (out.user - out.labels).pow(2).sum(dim=-1) * out.metric_mask
    torch.testing.assert_close(out.metric_loss, expected)
    with pytest.raises(UserError, match="metric_on = 'user'"):
        plugin.metric(out.clicked, out.unclicked, out.labels, out.metric_mask)


def test_no_gradient_reaches_stopped_labels() -> None:
    inputs = rows()
    for part in (inputs[1], inputs[3]):
        part.requires_grad_()
    plugin = build("confidence", "symmetric", {"stop_gradient_labels": True})
    plugin.train_step(*inputs).metric_loss.sum().backward()
    assert inputs[3].grad is None
    assert inputs[1].grad is not None


def test_the_intermediate_term_is_added_where_there_is_a_random_item() -> None:
    inputs = rows()
    random = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(9)).double()
    mask = torch.tensor([[True, True]] * 4 + [[False, False]])
    plain = build("confidence", "symmetric", {}).train_step(*inputs)
    plugin = build("confidence", "symmetric", {"intermediate_margin": 30.0})
    out = plugin.train_step(*inputs, random_items=random, random_mask=mask)
    r = plugin.encode_unclicked(random, mask)
    hn, hr = ((out.clicked - other).pow(2).sum(dim=-1) for other in (out.unclicked, r))
    extra = (hn - hr + 30.0).clamp(min=0.0) * torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(out.metric_loss, plain.metric_loss + extra)
    with pytest.raises(UserError, match="random: found none"):
        plugin.train_step(*inputs)
    with pytest.raises(UserError, match="go together"):
        plugin.train_step(*inputs, random_items=random)
    with pytest.raises(UserError, match="nothing uses"):
        build("none", "symmetric", {}).train_step(*inputs, random_items=random, random_mask=mask)


def test_active_share_counts_rows_with_a_loss() -> None:
    loss = torch.tensor([1.0, 0.0, 2.0, 0.0])
    mask = torch.tensor([True, True, True, False])
    assert UnclickedPlugin.active_share(loss, mask).item() == pytest.approx(2 / 3)
    assert UnclickedPlugin.active_share(loss, torch.zeros(4, dtype=torch.bool)).item() == 0.0


def test_distances_read_like_a_dict() -> None:
    distances = build("confidence", "none", {}).train_step(*rows()).distances
    assert dict(distances)["clicked_label"] is distances.clicked_label
    assert list(distances) == ["clicked_label", "clicked_unclicked", "label_unclicked"]
    assert len(distances) == 3
    assert not any(value.requires_grad for value in distances.values())
    with pytest.raises(KeyError):
        distances["keys"]
    silent = build("none", "none", {}).train_step(*rows()).distances
    assert all(value.abs().max() == 0.0 for value in silent.values())
