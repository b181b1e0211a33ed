"""Optimisers that touch only the rows of a batch, under one global clip over all gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from unclicked.config import TrainConfig
from unclicked.encoders.asks import dense_rate_of
from unclicked.errors import NumericError
from unclicked.model import UnclickedRecommender
from unclicked.training.ranks import ALONE, Ranks
from unclicked.training.row_adagrad import move_rows
from unclicked.training.sharded import sharded_tables

ADAM_BETAS = (0.9, 0.999)
ADAM_EPS = 1e-8


@dataclass(frozen=True)
class _Part:
    """A parameter, the rows of it that moved (None for all), their gradient and their values.

    `values` are the very tensors that the step computed with.
    """

    name: str
    weight: Tensor
    rows: Tensor | None
    gradient: Tensor
    values: list[Tensor]


class Optimiser:
    """AdaGrad or Adam over dense parameters and over touched table rows alike.

    AdaGrad adds each squared gradient to a sum that starts at `initial_accumulator` and divides by
    its root, without an epsilon. Adam is lazy: rows that are not touched keep their moments. All
    weights but tables take steps of `dense_rate` times the rate, those of an encoder that has a
    `dense_rate` of its own that many times less or more.

    Args:
        model: The model whose parameters are moved.
        config: The `[train]` table.
        ranks: Those that share every batch; their gradients are summed before the step.

    Source: section 4.3 (AdaGrad, learning rate 0.1, norm clipped at 5); initial sum 0.1 of the
        official SDM code.
    Differs: the norm counts each table row once, after its gradients are summed.
    """

    def __init__(
        self, model: UnclickedRecommender, config: TrainConfig, ranks: Ranks = ALONE
    ) -> None:
        self.model = model
        self.ranks = ranks
        self.config = config
        self.num_steps = 0
        self._of_encoder = dense_rate_of(model.encoder)
        self._look_at(model)
        self.state: dict[str, Tensor] = {}
        adagrad = config.optimizer == "adagrad"
        for name, weight in model.named_parameters():
            if adagrad:
                self.state[f"{name}:sum"] = torch.full_like(weight, config.initial_accumulator)
            else:
                self.state[f"{name}:mean"] = torch.zeros_like(weight)
                self.state[f"{name}:square"] = torch.zeros_like(weight)

    def _look_at(self, model: UnclickedRecommender) -> None:
        """Remember what the model consists of: to walk through it in every step takes long."""
        self.weights = dict(model.named_parameters())
        self.tables = model.tables()
        self.sharded = sharded_tables(model)

    @torch.no_grad()
    def step(self) -> float:
        """Move every parameter that has a gradient, then forget the gradients.

        Returns:
            Global norm of all gradients before clipping; without the rows of tables that lie
            apart, whose sums no rank knows.

        Raises:
            NumericError: If the norm or a weight to be moved is not finite; nothing is moved then.
        """
        apart = [(table, *table.take_back()) for table in self.sharded.values()]
        parts = list(self._parts())
        self._refuse_broken(parts, [gradient for _, _, gradient in apart])
        if self.ranks.count > 1:
            parts = self._summed(parts)
        squares = _squares(parts)
        norm = math.sqrt(sum(squares))
        if not math.isfinite(norm):
            self._forget_gradients()
            broken = zip(parts, squares, strict=True)
            names = [_told(part) for part, square in broken if not math.isfinite(square)]
            raise NumericError(
                "NAN-GRADIENT",
                ", ".join(names),
                "gradient is NaN, infinite or too large for its norm; nothing was moved.",
            )
        clip = self.config.clip_norm
        scale = clip / norm if 0 < clip < norm else 1.0
        self.num_steps += 1
        self._move_all(parts, scale)
        for table, rows, gradient in apart:
            table.move(rows, gradient)
        self._forget_gradients()
        return norm

    def tables_lie_apart(self, device: torch.device) -> None:
        """Leave tables that were spread over ranks to themselves, with their state.

        Args:
            device: Where all else goes, now that it fits there.
        """
        self.model.to(device)
        self._look_at(self.model)
        self.state = {
            key: one.to(device)
            for key, one in self.state.items()
            if key.split(":")[0] in self.weights
        }

    def forget(self) -> None:
        """Drop all gradients and handed-out rows, after a step that will not be taken."""
        self._forget_gradients()
        for table in self.tables.values():
            table.handed_out = []

    def _forget_gradients(self) -> None:
        for weight in self.weights.values():
            weight.grad = None

    def _parts(self) -> Iterator[_Part]:
        """Every parameter with a gradient; a table's rows give theirs away."""
        for name, weight in self.weights.items():
            if name in self.tables:
                values = [rows for _, rows in self.tables[name].handed_out]
                collected = self.tables[name].collect_gradients()
                if collected is not None and len(collected[0]):
                    yield _Part(name, weight, *collected, values)
            elif weight.grad is not None:
                yield _Part(name, weight, None, weight.grad, [weight])

    def _refuse_broken(self, parts: list[_Part], more: list[Tensor]) -> None:
        """An infinite weight can hide behind a tanh: neither loss nor gradient would tell."""
        sums = [_sum(part.values) for part in parts]
        every = [*sums, *(one.sum() for one in more)]
        broken = bool(every) and not bool(torch.isfinite(torch.stack(every)).all())
        if any(self.ranks.most(broken)):
            self._forget_gradients()
            names = [part.name for part, one in zip(parts, sums, strict=True) if not one.isfinite()]
            raise NumericError(
                "NAN-WEIGHT",
                ", ".join(names) or "rows of tables or of another process",
                "weight is NaN or infinite; nothing was moved.",
            )

    def _summed(self, parts: list[_Part]) -> list[_Part]:
        """The same with gradients of all ranks; what any rank has a gradient of is there."""
        own = {part.name: part.gradient for part in parts}
        rows = {part.name: part.rows for part in parts if part.rows is not None}
        weights = self.weights
        tables = [name for name in self.tables if name in weights]
        names = [name for name, weight in weights.items() if weight.requires_grad]
        dense = self.ranks.sum_present([own.get(n) for n in names], [weights[n] for n in names])
        none = torch.zeros(0, dtype=torch.int64)
        pairs = [
            (rows.get(n, none.to(weights[n].device)), own.get(n, weights[n][:0])) for n in tables
        ]
        summed = dict(zip(tables, self.ranks.sum_rows(pairs), strict=True))
        found = dict(zip(names, dense, strict=True))
        result = []
        for name, weight in weights.items():
            if name in summed and len(summed[name][0]):
                result.append(_Part(name, weight, *summed[name], []))
            elif (gradient := found.get(name)) is not None:
                result.append(_Part(name, weight, None, gradient, []))
        return result

    def _move_all(self, parts: list[_Part], scale: float) -> None:
        if self.config.optimizer == "adagrad":
            self._move_whole([part for part in parts if part.rows is None], scale)
            parts = [part for part in parts if part.rows is not None]
        for part in parts:
            self._move(part, scale)

    def _move_whole(self, parts: list[_Part], scale: float) -> None:
        """AdaGrad on all rows of many small parameters: an operation for all, not one for each."""
        if not parts:
            return
        gradients = torch._foreach_mul([part.gradient for part in parts], scale)
        sums = [self.state[f"{part.name}:sum"] for part in parts]
        torch._foreach_addcmul_(sums, gradients, gradients)
        changes = list(torch._foreach_div(gradients, torch._foreach_sqrt(sums)))
        if self.config.initial_accumulator < torch.finfo(torch.float32).tiny:
            # A coordinate that never had a gradient has a sum of zero: it does not move.
            pairs = zip(sums, changes, strict=True)
            changes = [torch.where(total > 0, change, 0.0) for total, change in pairs]
        torch._foreach_mul_(changes, [self._rate(part) for part in parts])
        torch._foreach_sub_([part.weight for part in parts], changes)

    def _move(self, part: _Part, scale: float) -> None:
        adagrad = self.config.optimizer == "adagrad"
        if adagrad and part.rows is not None and part.weight.device.type == "cpu":
            sums = self.state[f"{part.name}:sum"]
            move_rows(part.weight, sums, part.rows, part.gradient, scale, self._rate(part))
            return
        gradient = part.gradient * scale
        if adagrad:
            total = self._read(part, "sum").addcmul(gradient, gradient)
            self._write(part, "sum", total)
            # A coordinate that never had a gradient may have a sum of zero: it does not move.
            change = torch.where(total > 0, gradient / total.sqrt(), 0.0)
        else:
            first, second = ADAM_BETAS
            mean = self._read(part, "mean").lerp(gradient, 1 - first)
            square = self._read(part, "square").lerp(gradient.square(), 1 - second)
            self._write(part, "mean", mean)
            self._write(part, "square", square)
            mean = mean / (1 - first**self.num_steps)
            square = square / (1 - second**self.num_steps)
            change = mean / (square.sqrt() + ADAM_EPS)
        change = change * self._rate(part)
        if part.rows is None:
            part.weight.sub_(change)
        else:
            part.weight.index_add_(0, part.rows, -change)

    def _rate(self, part: _Part) -> float:
        if part.name in self.tables:
            return self.config.learning_rate
        own = self._of_encoder if part.name.startswith("encoder.") else 1.0
        return self.config.learning_rate * self.config.dense_rate * own

    def _read(self, part: _Part, kind: str) -> Tensor:
        state = self.state[f"{part.name}:{kind}"]
        return state if part.rows is None else state.index_select(0, part.rows)

    def _write(self, part: _Part, kind: str, value: Tensor) -> None:
        if part.rows is None:
            self.state[f"{part.name}:{kind}"].copy_(value)
        else:
            self.state[f"{part.name}:{kind}"].index_copy_(0, part.rows, value)


def _sum(values: list[Tensor]) -> Tensor:
    sums = [one.sum() for one in values]
    return sums[0] if len(sums) == 1 else torch.stack(sums).sum()


def _squares(parts: list[_Part]) -> list[float]:
    """Sum of squares of each part's gradient; all are fetched from the device at once."""
    if not parts:
        return []
    found: list[float] = torch.stack([part.gradient.square().sum() for part in parts]).tolist()
    return found


def _told(part: _Part) -> str:
    """Name of a parameter and, of a table, the first rows at fault."""
    if part.rows is None:
        return part.name
    wrong = ~torch.isfinite(part.gradient.square().sum(dim=1))
    rows = part.rows[wrong][:5].tolist()
    return f"{part.name} rows {', '.join(map(str, rows))}" if rows else part.name
