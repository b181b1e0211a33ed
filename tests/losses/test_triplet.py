"""Metric losses against worked numbers, naive loops, torch's own triplet loss and gradcheck."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from unclicked.errors import UserError
from unclicked.losses import triplet
from unclicked.losses.triplet import METRICS, PAIRS, squared_distance

FIRST = ((0.5, -1.0, 2.0), (0.1, 0.4, -0.6), (0.3, -0.2, 0.9))
SECOND = ((0.5, -1.0, 2.0), (0.4, -0.1, 0.8), (-1.3, -0.2, 0.9))
THIRD = ((0.0, 0.0), (-2.0, 1.0), (1.0, 0.0))


def rows(case: tuple[tuple[float, ...], ...]) -> tuple[Tensor, ...]:
    return tuple(torch.tensor([vector], dtype=torch.float64) for vector in case)


@pytest.mark.parametrize(
    ("case", "expected"),
    [(FIRST, (1.89, 8.88, 2.65)), (SECOND, (5.09, 2.26, 2.91)), (THIRD, (1.0, 5.0, 10.0))],
)
def test_distances_of_worked_cases(
    case: tuple[tuple[float, ...], ...], expected: tuple[float, ...]
) -> None:
    h, n, c = rows(case)
    found = [squared_distance(*pair).item() for pair in ((h, c), (h, n), (c, n))]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "case", "margin", "expected"),
    [
        ("asymmetric", FIRST, 5.0, 0.0),
        ("asymmetric", FIRST, 2.5, 0.0),
        ("symmetric", FIRST, 5.0, 0.0),
        ("symmetric_two_hinges", FIRST, 5.0, 1.74),
        ("symmetric", SECOND, 5.0, 10.01),
        ("symmetric_two_hinges", SECOND, 5.0, 10.01),
        ("symmetric_two_hinges", THIRD, 11.0, 1.5),
        ("symmetric", THIRD, 11.0, 0.0),
        ("pair_clicked_label", SECOND, 5.0, 5.09),
        ("pair_clicked_unclicked", SECOND, 5.0, 2.74),
        ("pair_clicked_unclicked", FIRST, 5.0, 0.0),
        ("pair_label_unclicked", SECOND, 5.0, 2.09),
    ],
)
def test_losses_of_worked_cases(
    name: str, case: tuple[tuple[float, ...], ...], margin: float, expected: float
) -> None:
    loss = getattr(triplet, name)(*rows(case), margin=margin)
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_plain_pairs_have_no_bound() -> None:
    h, n, c = rows(FIRST)
    plain = functools.partial(triplet.pair_clicked_unclicked, margin=5.0, form="plain")
    assert plain(h, n, c).item() == pytest.approx(-8.88)
    assert triplet.pair_label_unclicked(h, n, c, margin=5.0, form="plain").item() == pytest.approx(
        -2.65
    )
    assert triplet.pair_clicked_label(h, n, c, margin=5.0, form="plain").item() == pytest.approx(
        1.89
    )


def naive(name: str, h: list[float], n: list[float], c: list[float], m: float) -> float:
    hc = hn = cn = 0.0
    for left, middle, right in zip(h, n, c, strict=True):
        hc += (left - right) ** 2
        hn += (left - middle) ** 2
        cn += (right - middle) ** 2
    values = {
        "asymmetric": max(0.0, hc - hn + m),
        "symmetric": max(0.0, 2 * hc - hn - cn + m),
        "symmetric_two_hinges": max(0.0, hc - hn + m / 2) + max(0.0, hc - cn + m / 2),
        "pair_clicked_label": hc,
        "pair_clicked_unclicked": max(0.0, m - hn),
        "pair_label_unclicked": max(0.0, m - cn),
    }
    return values[name]


NAMES = [
    "asymmetric",
    "symmetric",
    "symmetric_two_hinges",
    "pair_clicked_label",
    "pair_clicked_unclicked",
    "pair_label_unclicked",
]


@pytest.mark.parametrize("name", NAMES)
def test_losses_equal_a_naive_loop(name: str) -> None:
    generator = torch.Generator().manual_seed(3)
    h, n, c = torch.randn(3, 40, 5, dtype=torch.float64, generator=generator)
    found = getattr(triplet, name)(h, n, c, margin=4.0).tolist()
    parts = zip(h.tolist(), n.tolist(), c.tolist(), strict=True)
    expected = [naive(name, *part, 4.0) for part in parts]
    assert any(value > 0 for value in expected)
    assert found == pytest.approx(expected)


def test_asymmetric_equals_torchs_triplet_loss_on_squared_distance() -> None:
    generator = torch.Generator().manual_seed(5)
    h, n, c = torch.randn(3, 60, 6, dtype=torch.float64, generator=generator)
    reference = torch.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda x, y: (x - y).norm(dim=-1) ** 2, margin=2.5, reduction="none"
    )
    found = triplet.asymmetric(h, n, c, margin=2.5)
    torch.testing.assert_close(found, reference(h, c, n))


def test_two_hinges_are_never_below_one() -> None:
    generator = torch.Generator().manual_seed(6)
    h, n, c = torch.randn(3, 200, 3, dtype=torch.float64, generator=generator)
    one = triplet.symmetric(h, n, c, margin=5.0)
    two = triplet.symmetric_two_hinges(h, n, c, margin=5.0)
    assert bool((two >= one - 1e-12).all())
    assert bool((two > one + 1e-6).any())


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name: str) -> None:
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(3, 4, 3, dtype=torch.float64, generator=generator).unbind()
    inputs = tuple(part.clone().requires_grad_() for part in inputs)
    assert torch.autograd.gradcheck(
        functools.partial(getattr(triplet, name), margin=6.0), inputs, raise_exception=True
    )


def test_intermediate_orders_unclicked_before_random() -> None:
    h, n, c = rows(THIRD)
    near, far = (torch.tensor([v], dtype=torch.float64) for v in ([0.0, 1.0], [0.0, 9.0]))
    # |h - n|^2 = 5; |h - r|^2 is 1 and 81.
    assert triplet.intermediate(h, n, c, near, margin=2.0).item() == pytest.approx(6.0)
    assert triplet.intermediate(h, n, c, far, margin=2.0).item() == 0.0
    inputs = tuple(part.requires_grad_() for part in (h, n, c, near))
    assert torch.autograd.gradcheck(functools.partial(triplet.intermediate, margin=2.0), inputs)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_must_be_above_zero(name: str, margin: float) -> None:
    with pytest.raises(UserError, match="margin: found .* expected a finite number above 0"):
        getattr(triplet, name)(*rows(FIRST), margin=margin)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_shapes_must_agree(name: str, place: int) -> None:
    vectors = list(rows(FIRST))
    vectors[place] = torch.zeros(2, 3, dtype=torch.float64)
    with pytest.raises(UserError, match=r"\[2, 3\]"):
        getattr(triplet, name)(*vectors, margin=5.0)


def test_vectors_must_be_rows() -> None:
    with pytest.raises(UserError, match=r"expected one shape \[R, D\]"):
        triplet.symmetric(*torch.zeros(3, 2, 2, 2).unbind(), margin=5.0)
    with pytest.raises(UserError, match="squared_distance"):
        squared_distance(torch.zeros(2, 3), torch.zeros(1, 3))


def test_an_unknown_form_is_refused() -> None:
    for loss in PAIRS.values():
        with pytest.raises(UserError, match="'hinge' or 'plain'"):
            loss(*rows(FIRST), margin=5.0, form="soft")


def test_metrics_share_one_signature() -> None:
    assert list(METRICS) == [
        "asymmetric",
        "symmetric",
        "clicked_label",
        "clicked_unclicked",
        "label_unclicked",
    ]
    for loss in METRICS.values():
        assert loss(*rows(SECOND), margin=5.0).shape == (1,)
