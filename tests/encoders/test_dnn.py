"""DNN against a twin written position by position in NumPy, by hand, and its options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.dnn import DNN, build_dnn, running_mean
from unclicked.encoders.options import Option
from unclicked.errors import UserError
from unclicked.nn.pooling import LONG_ATTENTIONS

Array = NDArray[np.float64]
DIM = 6
FIELDS = {"item": 4, "brand": 3}
COUNTS = {"item": [3, 0, 1], "brand": [2, 0, 0]}


class Twin:
    """One user's session, from the weights of a module, with no batch and no mask."""

    def __init__(self, module: DNN) -> None:
        self.w = {name: value.detach().numpy() for name, value in module.state_dict().items()}
        self.config = module.config

    def dense(self, name: str, x: Array) -> Array:
        return np.asarray(self.w[f"{name}.weight"] @ x + self.w[f"{name}.bias"])

    def pooled(self, number: int, values: list[Array], profile: Array | None) -> Array:
        name = f"long_term.pools.{number}"
        scores = [0.0] * len(values)
        if self.config.long_attention == "paper":
            query = self.w.get(f"{name}.query.vector")
            if profile is not None:
                query = self.dense(f"{name}.query.project", profile)
            assert query is not None
            scores = [float(query @ value) for value in values]
        elif self.config.long_attention == "code":
            front = [] if profile is None else [profile]
            units = [self.dense(f"{name}.unit", np.concatenate([*front, v])) for v in values]
            scores = [float(np.tanh(unit[0])) / np.sqrt(len(values[0])) for unit in units]
        weights = [np.exp(score) for score in scores]
        total = sum(w * v for w, v in zip(weights, values, strict=True))
        return np.asarray(total / sum(weights))

    def run(self, xs: list[Array], lists: list[list[Array]], profile: Array | None) -> list[Array]:
        pooled = [
            self.pooled(number, values, profile) if values else np.zeros(width)
            for number, (values, width) in enumerate(zip(lists, FIELDS.values(), strict=True))
        ]
        long_term = np.tanh(self.dense("long_term.output", np.concatenate(pooled)))
        out = []
        for t in range(len(xs)):
            mean = sum(xs[: t + 1]) / (t + 1)
            x = np.concatenate([mean, long_term, *([] if profile is None else [profile])])
            out.append(self.tower(x))
        return out

    def tower(self, x: Array) -> Array:
        for number in range(max(self.config.depth, 1)):
            x = self.dense(f"layers.{number}", x) * self.config.tower_rate
            if number + 1 < self.config.depth or (
                self.config.depth > 0 and self.config.last_activation == "relu"
            ):
                x = np.where(x > 0, x, 0.0)
        return x

    def run_history(self, xs: list[Array], long: list[Array], profile: Array | None) -> list[Array]:
        out = []
        for t in range(len(xs)):
            clicks = [*long, *xs[: t + 1]]
            mean = sum(clicks) / len(clicks)
            out.append(self.tower(np.concatenate([mean, *([] if profile is None else [profile])])))
        return out


VARIANTS: list[dict[str, Option]] = [
    {"long_attention": attention, "last_activation": activation}
    for attention, activation in itertools.product(LONG_ATTENTIONS, ("relu", "none"))
]
VARIANTS += [{"depth": 0}, {"depth": 1}, {"depth": 4, "tower_rate": 0.25}]


@pytest.mark.parametrize(
    ("options", "has_profile"), list(itertools.product(VARIANTS, (True, False)))
)
def test_equals_the_twin(options: dict[str, Option], has_profile: bool) -> None:
    torch.manual_seed(4)
    shape = EncoderShape(dim=DIM, field_dims=FIELDS, has_profile=has_profile)
    module = build_dnn(shape, dropout=0.5, **options).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    items = torch.randn(3, 5, DIM, dtype=torch.float64)
    fields = {
        name: (
            torch.randn(3, 4, width, dtype=torch.float64),
            torch.arange(4) < torch.tensor(COUNTS[name])[:, None],
        )
        for name, width in FIELDS.items()
    }
    profile = torch.randn(3, DIM, dtype=torch.float64) if has_profile else None
    found = module(items, mask, EncoderContext(profile=profile, long_fields=fields))
    twin = Twin(module)
    for row in range(3):
        xs = list(items[row][mask[row]].numpy())
        lists = [list(values[row][real[row]].numpy()) for values, real in fields.values()]
        expected = twin.run(xs, lists, None if profile is None else profile[row].numpy())
        got = found[row][mask[row]].detach().numpy()
        np.testing.assert_allclose(got, np.stack(expected), atol=1e-10, rtol=0)
    linear_end = options.get("last_activation") == "none" or options.get("depth") == 0
    assert bool((found < 0).any()) == linear_end


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("has_profile", [True, False])
def test_the_mean_of_the_history_equals_the_twin(depth: int, has_profile: bool) -> None:
    torch.manual_seed(5)
    shape = EncoderShape(dim=DIM, field_dims=FIELDS, has_profile=has_profile)
    module = build_dnn(shape, mean_of="history", depth=depth, last_activation="none")
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    long_mask = torch.arange(4) < torch.tensor([3, 0, 4])[:, None]
    items = torch.randn(3, 5, DIM, dtype=torch.float64)
    long = torch.randn(3, 4, DIM, dtype=torch.float64)
    items[~mask], long[~long_mask] = float("nan"), float("inf")
    profile = torch.randn(3, DIM, dtype=torch.float64) if has_profile else None
    context = EncoderContext(profile=profile, long=long, long_mask=long_mask)
    found = module(items, mask, context).detach()
    twin = Twin(module)
    for row in range(3):
        xs, before = list(items[row][mask[row]].numpy()), list(long[row][long_mask[row]].numpy())
        expected = twin.run_history(xs, before, None if profile is None else profile[row].numpy())
        np.testing.assert_allclose(
            found[row][mask[row]].numpy(), np.stack(expected), atol=1e-10, rtol=0
        )
    assert found[~mask].abs().max() == 0.0


def test_a_history_by_hand() -> None:
    module = build_dnn(EncoderShape(dim=1), dropout=0.0, mean_of="history", depth=0)
    with torch.no_grad():
        module.layers[0].weight.fill_(2.0)
    items, mask = torch.tensor([[[-4.0], [9.0]]]), torch.ones(1, 2, dtype=torch.bool)
    long, real = torch.tensor([[[1.0], [3.0], [50.0]]]), torch.tensor([[True, True, False]])
    out = module(items, mask, EncoderContext(long=long, long_mask=real))
    # Twice the means of 1, 3, -4 and of 1, 3, -4, 9; no ReLU cuts a linear layer.
    assert out.flatten().tolist() == [0.0, 4.5]
    # Nobody's long-term clicks known: the session alone.
    assert module(items, mask, EncoderContext()).flatten().tolist() == [-8.0, 5.0]


def test_the_rate_of_the_tower_slows_its_steps_and_changes_no_start() -> None:
    items, mask = torch.randn(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool)
    vectors, moved = [], []
    for rate in (1.0, 0.1):
        torch.manual_seed(7)
        module = build_dnn(EncoderShape(dim=DIM), dropout=0.0, depth=0, tower_rate=rate)
        before = module(items, mask, EncoderContext())
        optimiser = torch.optim.Adagrad(module.layers.parameters(), lr=0.1, eps=0.0)
        before.sum().backward()
        optimiser.step()
        vectors.append(before.detach())
        moved.append(module.layers[0].bias.detach() * rate)
    torch.testing.assert_close(vectors[0], vectors[1])
    # The first step of AdaGrad is the learning rate, whatever the gradient.
    assert moved[0].tolist() == pytest.approx([-0.1] * DIM)
    assert moved[1].tolist() == pytest.approx([-0.01] * DIM)


@pytest.mark.parametrize(
    ("depth", "sizes"),
    [
        (0, [(6, 18)]),
        (1, [(6, 18)]),
        (2, [(12, 18), (6, 12)]),
        (4, [(48, 18), (24, 48), (12, 24), (6, 12)]),
    ],
)
def test_each_layer_is_half_as_wide_as_the_one_before(
    depth: int, sizes: list[tuple[int, int]]
) -> None:
    module = build_dnn(EncoderShape(dim=DIM, has_profile=True), depth=depth)
    assert [tuple(layer.weight.shape) for layer in module.layers] == sizes
    history = build_dnn(EncoderShape(dim=DIM, has_profile=True), depth=depth, mean_of="history")
    assert history.layers[0].weight.shape[1] == 2 * DIM


def test_running_means_by_hand() -> None:
    items = torch.tensor([[[2.0], [4.0], [0.0]], [[5.0], [float("nan")], [float("inf")]]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert running_mean(items, mask).flatten().tolist() == [2.0, 3.0, 2.0, 5.0, 5.0, 5.0]
    assert running_mean(items, torch.zeros_like(mask)).flatten().tolist() == [0.0] * 6


def test_a_whole_network_by_hand() -> None:
    module = build_dnn(EncoderShape(dim=1), dropout=0.0, last_activation="none")
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        # Unit 1 takes the mean, unit 2 its negative, which ReLU cuts; then their difference.
        module.layers[0].weight[0, 0] = 1.0
        module.layers[0].weight[1, 0] = -1.0
        module.layers[1].weight[0, 0] = 2.0
        module.layers[1].weight[1, 1] = 3.0
        module.layers[2].weight[0] = torch.tensor([1.0, -1.0])
    items = torch.tensor([[[1.0], [3.0], [-13.0]]])
    # Means 1, 2, -3: twice what is positive, three times what is negative.
    out = module(items, torch.ones(1, 3, dtype=torch.bool), EncoderContext())
    assert out.flatten().tolist() == [2.0, 4.0, -9.0]


def test_the_tower_narrows_from_four_widths_to_one() -> None:
    module = build_dnn(EncoderShape(dim=DIM, has_profile=True))
    sizes = [tuple(layer.weight.shape) for layer in module.layers]
    assert sizes == [(24, 18), (12, 24), (6, 12)]
    assert module.config.last_activation == "relu"
    for layer in module.layers:
        outputs, inputs = layer.weight.shape
        assert layer.weight.abs().max() <= (6.0 / (inputs + outputs)) ** 0.5
        assert layer.bias.abs().max() == 0.0


def test_dropout_falls_on_the_inputs_of_every_layer() -> None:
    module = build_dnn(EncoderShape(dim=DIM), dropout=0.5, last_activation="none")
    seen: list[torch.Tensor] = []
    for layer in module.layers:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.ones_(layer.bias)
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(6)
    module(torch.ones(8, 5, DIM), torch.ones(8, 5, dtype=torch.bool), EncoderContext())
    # Every input but the long-term part of the first is 1, so 0 or, doubled, 2.
    for inputs in (seen[0][..., :DIM], seen[1], seen[2]):
        assert set(inputs.unique().tolist()) == {0.0, 2.0}
        assert 0.4 < float((inputs > 0).double().mean()) < 0.6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", "0.2"),
        ("dropout", True),
        ("long_attention", "attention"),
        ("last_activation", "tanh"),
        ("last_activation", None),
        ("mean_of", "all"),
        ("depth", -1),
        ("depth", 1.0),
        ("tower_rate", 0.0),
        ("tower_rate", 1.5),
        ("tower_rate", True),
        ("tower_rate", float("nan")),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_dnn(EncoderShape(dim=DIM), **{name: value})


def test_a_context_that_does_not_fit_is_refused() -> None:
    module = build_dnn(EncoderShape(dim=DIM, field_dims=FIELDS))
    items, mask = torch.zeros(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(UserError, match="profile: found one, expected none"):
        module(items, mask, EncoderContext(profile=torch.zeros(2, DIM)))
    with pytest.raises(UserError, match=r"found \['item'\], expected \['brand', 'item'\]"):
        module(items, mask, EncoderContext(long=items, long_mask=mask))
    whole = build_dnn(EncoderShape(dim=DIM, field_dims=FIELDS), mean_of="history")
    fields = {name: (torch.zeros(2, 4, width), mask[:, :1]) for name, width in FIELDS.items()}
    with pytest.raises(UserError, match="found long_fields only, expected item vectors"):
        whole(items, mask, EncoderContext(long_fields=fields))
