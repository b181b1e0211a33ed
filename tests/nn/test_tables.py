"""Tables hand out rows and take back their gradients; the weight never has one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unclicked.nn.tables import LEAST_IDS, Table, distinct_of


@given(
    st.sampled_from([0, 1, 7, LEAST_IDS - 1, LEAST_IDS, 3 * LEAST_IDS]),
    st.integers(1, 6 * LEAST_IDS),
    st.integers(0, 2**31),
)
def test_distinct_ids_are_those_of_a_sort(count: int, limit: int, seed: int) -> None:
    ids = torch.randint(limit, (count,), generator=torch.Generator().manual_seed(seed))
    distinct, place = distinct_of(ids, limit)
    values = sorted(set(ids.tolist()))
    assert distinct.tolist() == values
    assert place.tolist() == [values.index(one) for one in ids.tolist()]


def test_places_have_the_shape_of_the_ids() -> None:
    ids = torch.arange(LEAST_IDS).reshape(2, -1) % 5
    assert torch.equal(distinct_of(ids, 5)[1], ids)


def test_padding_and_unknown_rows_start_at_zero() -> None:
    table = Table(5, 3)
    assert table.weight.shape == (7, 3)
    assert not table.weight[0].any()
    assert not table.weight[6].any()
    assert (table.weight[1:6].abs() <= 0.1).all()
    assert table.weight[1:6].any(dim=1).all()


def test_truncated_normal_stays_within_two_deviations() -> None:
    torch.manual_seed(0)
    table = Table(400, 50, "truncated_normal")
    inner = table.weight[1:-1]
    assert inner.abs().max() <= 2 / 20
    # A normal cut at two deviations keeps 0.88 of its deviation.
    assert inner.std().item() == pytest.approx(0.88 / 20, rel=0.02)


def test_gradients_come_back_by_row_summed_and_without_padding() -> None:
    table = Table(4, 2)
    first = table(torch.tensor([[1, 1], [0, 3]]))
    second = table.rows(torch.tensor([3, 5]))
    (first * torch.tensor([1.0, 10.0])).sum().backward()
    (2 * second).sum().backward()
    found = table.collect_gradients()
    assert found is not None
    ids, gradient = found
    assert ids.tolist() == [1, 3, 5]
    # Row 1 was used twice, row 3 once in the first call and once, doubled, in the second.
    assert gradient.tolist() == [[2.0, 20.0], [3.0, 12.0], [2.0, 2.0]]
    assert table.weight.grad is None
    assert table.collect_gradients() is None


@pytest.mark.parametrize("ids", [[0, 2, 5], [2, 5]])
def test_gradients_of_one_call_come_back_without_padding(ids: list[int]) -> None:
    table = Table(4, 1)
    (table.rows(torch.tensor(ids)).squeeze(1) * torch.tensor(ids)).sum().backward()
    found = table.collect_gradients()
    assert found is not None
    assert [one.tolist() for one in found] == [[2, 5], [[2.0], [5.0]]]


def test_padding_alone_gives_no_gradient() -> None:
    table = Table(4, 1)
    table(torch.tensor([0, 0])).sum().backward()
    found = table.collect_gradients()
    assert found is not None
    assert [len(one) for one in found] == [0, 0]


def test_rows_that_no_loss_saw_give_no_gradient() -> None:
    table = Table(4, 2)
    table(torch.tensor([1, 2]))
    assert table.collect_gradients() is None


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_remembered_outside_training(training: bool) -> None:
    table = Table(4, 2).train(training)
    if training:
        with torch.no_grad():
            rows = table(torch.tensor([1]))
    else:
        rows = table(torch.tensor([1]))
    assert not rows.requires_grad
    assert table.handed_out == []
