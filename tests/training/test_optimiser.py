"""AdaGrad and Adam on touched rows, against worked numbers and against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unclicked.config import TrainConfig
from unclicked.errors import NumericError
from unclicked.nn.tables import Table
from unclicked.training.optimiser import Optimiser

SPAN = 6


class Toy(nn.Module):
    """A table, a matrix, and what the optimiser asks of a model."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = Table(SPAN, 3)
        self.linear = nn.Linear(3, 2)
        self.encoder: nn.Module = nn.Identity()
        self.double()

    def tables(self) -> dict[str, Table]:
        return {"table.weight": self.table}


def config(**changes: Any) -> TrainConfig:
    given: dict[str, Any] = {"clip_norm": 0.0, "optimizer": "adagrad", "learning_rate": 0.1}
    return TrainConfig.model_validate(given | changes)


def one_parameter(**changes: Any) -> tuple[nn.Parameter, Optimiser]:
    class One(nn.Module):
        encoder = nn.Identity()

        def __init__(self) -> None:
            super().__init__()
            self.x = nn.Parameter(torch.ones(1, dtype=torch.float64))

        def tables(self) -> dict[str, Table]:
            return {}

    model = One()
    return model.x, Optimiser(model, config(**changes))


def test_adagrad_by_hand() -> None:
    x, optimiser = one_parameter(initial_accumulator=0.1)
    expected = [(0.35, 0.91548457), (0.39, 0.94751021), (0.39, 0.94751021), (9.39, 0.84960891)]
    for gradient, (total, value) in zip([0.5, -0.2, 0.0, 3.0], expected, strict=True):
        x.grad = torch.tensor([gradient], dtype=torch.float64)
        optimiser.step()
        assert optimiser.state["x:sum"].item() == pytest.approx(total, abs=1e-12)
        assert x.item() == pytest.approx(value, abs=5e-9)
        assert x.grad is None


def test_an_empty_accumulator_moves_no_untouched_coordinate() -> None:
    x, optimiser = one_parameter(initial_accumulator=0.0)
    x.grad = torch.zeros(1, dtype=torch.float64)
    optimiser.step()
    assert x.item() == 1.0
    x.grad = torch.full((1,), -8.0, dtype=torch.float64)
    optimiser.step()
    # The first step of a coordinate is the learning rate, whatever its gradient.
    assert x.item() == pytest.approx(1.1, abs=1e-12)


def loss_of(rows: Callable[[Tensor], Tensor], linear: nn.Linear, step: int) -> Tensor:
    generator = torch.Generator().manual_seed(step)
    ids = torch.randint(0, SPAN, (4, 3), generator=generator)
    weight = torch.randn(4, 3, 1, generator=generator, dtype=torch.float64)
    return (linear(rows(ids)) * weight).square().sum() + rows(ids[0]).sum()


def dense_rows(weight: Tensor) -> Callable[[Tensor], Tensor]:
    # Padding is a constant zero, as an embedding with a padding row has it.
    return lambda ids: nn.functional.embedding(ids, weight, padding_idx=0)


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_adagrad_equals_torch_over_20_steps(clip: float) -> None:
    ours, theirs = Toy(), Toy()
    optimiser = Optimiser(ours, config(initial_accumulator=0.1, clip_norm=clip))
    weight = nn.Parameter(theirs.table.weight.detach().clone())
    parameters = [weight, *theirs.linear.parameters()]
    reference = torch.optim.Adagrad(parameters, lr=0.1, initial_accumulator_value=0.1, eps=0.0)
    for step in range(20):
        loss_of(ours.table, ours.linear, step).backward()
        norm = optimiser.step()
        reference.zero_grad()
        loss_of(dense_rows(weight), theirs.linear, step).backward()
        expected = torch.nn.utils.clip_grad_norm_(parameters, clip or 1e30)
        # torch divides by the norm plus 1e-6, so clipped gradients differ by that much.
        reference.step()
        assert norm == pytest.approx(expected.item(), rel=1e-5)
        assert ours.table.weight.grad is None
        assert not ours.table.weight[0].any()
    tolerance = 1e-5 if clip else 1e-12
    torch.testing.assert_close(ours.table.weight, weight.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(ours.linear.weight, theirs.linear.weight, rtol=1e-5, atol=tolerance)


def test_adam_is_lazy_as_torch_sparse_adam() -> None:
    ours, theirs = Toy(), Toy()
    optimiser = Optimiser(ours, config(optimizer="adam", learning_rate=0.01))
    table = nn.Embedding(SPAN + 2, 3, sparse=True, padding_idx=0, dtype=torch.float64)
    table.weight.data.copy_(theirs.table.weight)
    sparse = torch.optim.SparseAdam([table.weight], lr=0.01)
    dense = torch.optim.Adam(theirs.linear.parameters(), lr=0.01)
    for step in range(20):
        loss_of(ours.table, ours.linear, step).backward()
        optimiser.step()
        for one in (sparse, dense):
            one.zero_grad()
        loss_of(table, theirs.linear, step).backward()
        sparse.step()
        dense.step()
    # torch adds its epsilon before the correction of the second moment, which shows at 1e-8.
    torch.testing.assert_close(ours.table.weight, table.weight.detach(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(ours.linear.weight, theirs.linear.weight, rtol=1e-5, atol=1e-7)


def test_rows_that_no_batch_touched_keep_weight_and_state() -> None:
    toy = Toy()
    before = toy.table.weight.clone()
    optimiser = Optimiser(toy, config(optimizer="adam"))
    for _ in range(3):
        toy.table(torch.tensor([2])).sum().backward()
        optimiser.step()
    still = [row for row in range(SPAN + 2) if row != 2]
    assert torch.equal(toy.table.weight[still], before[still])
    assert not optimiser.state["table.weight:mean"][still].any()
    assert (toy.table.weight[2] != before[2]).all()


def test_duplicates_are_summed_before_they_are_squared() -> None:
    toy = Toy()
    optimiser = Optimiser(toy, config(initial_accumulator=0.1))
    # Gradients 3 and 4 for one row, once within a call and once across calls.
    toy.table(torch.tensor([1, 1])).backward(torch.tensor([[3.0] * 3, [4.0] * 3]).double())
    toy.table(torch.tensor([2])).backward(torch.full((1, 3), 3.0).double())
    toy.table(torch.tensor([2])).backward(torch.full((1, 3), 4.0).double())
    optimiser.step()
    total = optimiser.state["table.weight:sum"]
    assert total[1].tolist() == total[2].tolist() == pytest.approx([49.1] * 3)


def test_one_norm_over_all_gradients() -> None:
    class Two(nn.Module):
        encoder = nn.Identity()

        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.zeros(2, dtype=torch.float64))
            self.b = Table(1, 1).double()

        def tables(self) -> dict[str, Table]:
            return {"b.weight": self.b}

    model = Two()
    model.a.grad = torch.tensor([3.0, 4.0], dtype=torch.float64)
    model.b(torch.tensor([1])).backward(torch.tensor([[12.0]], dtype=torch.float64))
    optimiser = Optimiser(model, config(initial_accumulator=0.0, clip_norm=5.0))
    assert optimiser.step() == pytest.approx(13.0)
    # The clipped gradients are 0.384615 times the raw ones; their squares are now in the sums.
    clipped = [3 * 0.384615, 4 * 0.384615, 12 * 0.384615]
    found = [*optimiser.state["a:sum"].sqrt().tolist(), optimiser.state["b.weight:sum"][1].sqrt()]
    assert [float(one) for one in found] == pytest.approx(clipped, rel=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["table.weight rows 2", "linear.weight"])
def test_a_broken_gradient_is_named_and_moves_nothing(where: str, bad: float) -> None:
    toy = Toy()
    optimiser = Optimiser(toy, config())
    before = [one.detach().numpy().tobytes() for one in toy.parameters()]
    state = [one.numpy().tobytes() for one in optimiser.state.values()]
    toy.linear(toy.table(torch.tensor([1, 2]))).sum().backward()
    if where.startswith("table"):
        gradient = toy.table.handed_out[0][1].grad
    else:
        gradient = toy.linear.weight.grad
    assert gradient is not None
    gradient[1, 1] = bad
    with pytest.raises(NumericError, match=rf"^error\[NAN-GRADIENT\] {where}: ") as caught:
        optimiser.step()
    assert caught.value.exit_code == 5
    assert [one.detach().numpy().tobytes() for one in toy.parameters()] == before
    assert [one.numpy().tobytes() for one in optimiser.state.values()] == state
    assert optimiser.num_steps == 0


@pytest.mark.parametrize("where", ["table.weight", "linear.weight"])
def test_an_infinite_weight_behind_a_tanh_is_named_and_moves_nothing(where: str) -> None:
    toy = Toy()
    optimiser = Optimiser(toy, config())
    weight = dict(toy.named_parameters())[where]
    weight.data[1, 1] = float("inf")
    before = [one.detach().numpy().tobytes() for one in toy.parameters()]
    rows = torch.tanh(toy.table(torch.tensor([1, 2]))).sum()
    (rows + torch.tanh(toy.linear.weight).sum()).backward()
    with pytest.raises(NumericError, match=rf"^error\[NAN-WEIGHT\] {where}: ") as caught:
        optimiser.step()
    assert caught.value.exit_code == 5
    assert [one.detach().numpy().tobytes() for one in toy.parameters()] == before
    assert optimiser.num_steps == 0


def test_a_norm_that_overflows_is_an_error_too() -> None:
    toy = Toy()
    optimiser = Optimiser(toy, config())
    toy.linear(toy.table(torch.tensor([1, 2]))).sum().backward()
    assert toy.linear.weight.grad is not None
    toy.linear.weight.grad[0, 0] = torch.finfo(toy.linear.weight.dtype).max
    with pytest.raises(NumericError, match=r"linear\.weight: gradient is NaN, infinite or too"):
        optimiser.step()
    assert toy.linear.weight.grad is None


@pytest.mark.parametrize(("gradient", "used"), [(4.9, 4.9), (5.0, 5.0), (5.1, 5.0), (50.0, 5.0)])
def test_only_norms_above_the_limit_are_clipped(gradient: float, used: float) -> None:
    x, optimiser = one_parameter(initial_accumulator=0.0, clip_norm=5.0)
    x.grad = torch.tensor([gradient], dtype=torch.float64)
    assert optimiser.step() == pytest.approx(gradient)
    assert optimiser.state["x:sum"].sqrt().item() == pytest.approx(used)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
def test_the_dense_rate_is_for_what_is_no_table(optimizer: str) -> None:
    moved = {}
    for rate in (1.0, 0.1):
        toy = Toy()
        before = {name: weight.detach().clone() for name, weight in toy.named_parameters()}
        optimiser = Optimiser(toy, config(optimizer=optimizer, dense_rate=rate))
        loss_of(toy.table, toy.linear, 0).backward()
        optimiser.step()
        moved[rate] = {
            name: weight.detach() - before[name] for name, weight in toy.named_parameters()
        }
    assert moved[1.0]["linear.weight"].abs().max() > 0
    torch.testing.assert_close(moved[0.1]["linear.weight"], 0.1 * moved[1.0]["linear.weight"])
    torch.testing.assert_close(moved[0.1]["linear.bias"], 0.1 * moved[1.0]["linear.bias"])
    assert torch.equal(moved[0.1]["table.weight"], moved[1.0]["table.weight"])
    assert moved[1.0]["table.weight"].abs().max() > 0


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
def test_an_encoder_s_own_rate_is_for_its_weights_alone(optimizer: str) -> None:
    class Encoder(nn.Linear):
        dense_rate = 0.1

    moved = {}
    for kind in (nn.Linear, Encoder):
        torch.manual_seed(1)
        toy = Toy()
        toy.encoder = kind(3, 3).double()
        before = {name: weight.detach().clone() for name, weight in toy.named_parameters()}
        optimiser = Optimiser(toy, config(optimizer=optimizer, dense_rate=0.5))
        toy.linear(toy.encoder(toy.table(torch.tensor([1, 2])))).square().sum().backward()
        optimiser.step()
        moved[kind] = {
            name: weight.detach() - before[name] for name, weight in toy.named_parameters()
        }
    full, slow = moved[nn.Linear], moved[Encoder]
    assert full["encoder.weight"].abs().max() > 0
    torch.testing.assert_close(slow["encoder.weight"], 0.1 * full["encoder.weight"])
    torch.testing.assert_close(slow["encoder.bias"], 0.1 * full["encoder.bias"])
    for name in ("linear.weight", "table.weight"):
        assert torch.equal(slow[name], full[name])
