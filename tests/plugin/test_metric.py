"""The metric loss as the options of the plug-in choose it: contrast, input and length."""

from __future__ import annotations

import pytest
import torch
from tests.plugin.test_module import build, rows


def test_infonce_of_the_whole_plugin_equals_its_twin() -> None:
    options: dict[str, object] = {"metric_temperature": 0.25}
    out = build("confidence", "infonce", options).train_step(*rows())
    cosine = torch.nn.functional.cosine_similarity
    gap = cosine(out.clicked, out.unclicked) - cosine(out.clicked, out.labels)
    expected = torch.log1p(torch.exp(gap / 0.25)) * torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(out.metric_loss, expected)


@pytest.mark.parametrize("metric_on", ["clicked", "user"])
@pytest.mark.parametrize("metric_input", ["raw", "tanh", "layer_norm"])
def test_what_the_metric_does_to_its_input_stays_inside_it(
    metric_input: str, metric_on: str
) -> None:
    options: dict[str, object] = {"metric_input": metric_input, "metric_on": metric_on}
    out = build("confidence", "asymmetric", options).train_step(*rows())
    seen = (out.clicked if metric_on == "clicked" else out.user).detach()
    if metric_input == "tanh":
        seen = torch.tanh(seen)
    if metric_input == "layer_norm":
        centred = seen - seen.mean(dim=1, keepdim=True)
        seen = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
        torch.testing.assert_close(
            seen.square().sum(dim=1), torch.full((5,), 4.0).double(), rtol=1e-3, atol=0.0
        )
    hc, hn = ((seen - other).square().sum(dim=1) for other in (out.labels, out.unclicked))
    torch.testing.assert_close(out.metric_loss, (hc - hn + 50.0).relu() * out.metric_mask)
    plain = build("confidence", "asymmetric", {}).train_step(*rows())
    assert torch.equal(out.user, plain.user)
    assert torch.equal(out.distances.clicked_label, plain.distances.clicked_label)


def test_unit_length_changes_infonce_only_in_its_intermediate_term() -> None:
    inputs = rows()
    plain = build("confidence", "infonce", {}).train_step(*inputs)
    out = build("confidence", "infonce", {"metric_norm": "l2"}).train_step(*inputs)
    assert torch.equal(out.metric_loss, plain.metric_loss)
    options: dict[str, object] = {"metric_norm": "l2", "intermediate_margin": 30.0}
    plugin = build("confidence", "infonce", options)
    random, mask = rows(9)[1][:, :2], torch.ones(5, 2, dtype=torch.bool)
    out = plugin.train_step(*inputs, random_items=random, random_mask=mask)
    unit = torch.nn.functional.normalize
    h, n, r = (unit(v) for v in (out.clicked, out.unclicked, plugin.encode_unclicked(random, mask)))
    extra = (h - n).square().sum(dim=1) - (h - r).square().sum(dim=1) + 30.0
    torch.testing.assert_close(out.metric_loss, (plain.metric_loss + extra) * out.metric_mask)


@pytest.mark.parametrize("metric_input", ["raw", "tanh"])
@pytest.mark.parametrize("metric", ["infonce", "symmetric", "clicked_unclicked"])
def test_a_clicked_vector_of_zeros_has_no_part_in_the_gradient(
    metric: str, metric_input: str
) -> None:
    """A few rows that an encoder left empty must not make up the whole gradient."""
    options: dict[str, object] = {"metric_norm": "l2", "metric_input": metric_input}
    plugin = build("confidence", metric, options)
    generator = torch.Generator().manual_seed(1)
    made = torch.randn(3, 30, 4, dtype=torch.float64, generator=generator)
    made[0, ::6] = 0.0
    h, n, c = (part.requires_grad_() for part in made.unbind())
    found = plugin.metric(h, n, c, torch.ones(30, dtype=torch.bool))
    ours = torch.autograd.grad(found.sum(), (h, n, c), allow_unused=True)
    assert ours[0] is not None
    assert ours[0][::6].abs().max() == 0.0
    assert ours[0].abs().max() > 0.0
    for part, gradient in zip((h, n, c), ours, strict=True):
        if gradient is not None:
            # Unit vectors move by 1 / length; no loss here is steeper than 20 in one of them.
            assert bool((gradient.norm(dim=1) * part.detach().norm(dim=1) <= 20.0).all())
