"""The same training step as one would write it straight away in PyTorch: a good opponent.

Sparse embeddings, one lookup for every reference, all logits at once, plain autograd, PyTorch's own
AdaGrad. It has the same encoder and plug-in, and gives the same losses.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from unclicked.config import Config
from unclicked.encoders.base import EncoderContext
from unclicked.losses.sampled_softmax import sampled_softmax
from unclicked.model import UnclickedRecommender
from unclicked.nn.tables import Table
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch


def _embedding(table: nn.Module | None) -> nn.Embedding:
    if not isinstance(table, Table):
        raise TypeError(type(table).__name__)
    weight = table.weight.detach().clone()
    return nn.Embedding(len(weight), weight.shape[1], padding_idx=0, sparse=True, _weight=weight)


class StraightStep(nn.Module):
    """A model with the weights of ours, its optimiser and its step.

    Args:
        model: Ours, with an encoder that reads long-term fields, item fields of one value each and
            scoring vectors of their own.
        config: Its configuration, without a cap of the metric loss's gradient.
    """

    def __init__(self, model: UnclickedRecommender, config: Config) -> None:
        super().__init__()
        self.config = config
        self.names = list(model.tower.widths)
        self.tables = nn.ModuleList(_embedding(one) for one in model.tower.tables)
        self.codes = [
            model.tower.get_buffer(f"codes{number}") for number in range(len(self.names) - 1)
        ]
        self.output = _embedding(model.output)
        self.encoder = copy.deepcopy(model.encoder)
        self.plugin = copy.deepcopy(model.plugin)
        profile = model.profile
        if profile is None:
            raise TypeError("profile")
        self.profile_tables = nn.ModuleList(_embedding(one) for one in profile.tables)
        self.profile_join = copy.deepcopy(profile.join)
        self.sampler = LogUniform(model.num_items)
        train = config.train
        self.optimiser = torch.optim.Adagrad(
            self.parameters(),
            lr=train.learning_rate,
            initial_accumulator_value=train.initial_accumulator,
            eps=1e-10,
        )

    def items(self, ids: Tensor) -> Tensor:
        """Item vectors of any ids, every reference looked up."""
        values = [ids, *(codes[ids] for codes in self.codes)]
        return torch.cat(
            [table(one) for table, one in zip(self.tables, values, strict=True)], dim=-1
        )

    def step(self, batch: TensorBatch, negatives: SampledNegatives) -> float:
        """One step.

        Args:
            batch: The batch.
            negatives: The draw.

        Returns:
            The ranking loss.
        """
        # Said explicitly: PyTorch's own AdaGrad would warn that it is left open.
        torch.sparse.check_sparse_tensor_invariants.disable()
        self.optimiser.zero_grad()
        ranking, total = self._losses(batch, negatives)
        total.backward()
        self._clip()
        self.optimiser.step()
        return float(ranking.detach())

    def _losses(self, batch: TensorBatch, negatives: SampledNegatives) -> tuple[Tensor, Tensor]:
        parts = [
            table(batch.profile[:, column]) for column, table in enumerate(self.profile_tables)
        ]
        profile = torch.tanh(self.profile_join(torch.cat(parts, dim=1)))
        long_fields = {
            name: (table(batch.long_fields[name]), batch.long_fields[name] > 0)
            for name, table in zip(self.names, self.tables, strict=True)
        }
        context = EncoderContext(profile=profile, long_fields=long_fields)
        encoded = self.encoder(self.items(batch.items[batch.clicked]), batch.mask, context)
        clicked = encoded[batch.row_sample, batch.row_position]
        lists = batch.unclicked_offsets.diff()
        shown = self.items(batch.items[batch.unclicked])
        owner = torch.repeat_interleave(torch.arange(len(lists)), lists)
        summed = shown.new_zeros(len(lists), shown.shape[1]).index_add(0, owner, shown)
        mean = summed / lists.clamp(min=1)[:, None]
        has_unclicked = (lists > 0)[batch.unclicked_list]
        unclicked = self.plugin.encode_unclicked(mean[batch.unclicked_list], has_unclicked)
        label_mask = batch.labels > 0
        weight = label_mask.to(clicked.dtype)
        total = (self.items(batch.labels) * weight[..., None]).sum(1)
        mean_label = total / weight.sum(1).clamp(min=1)[:, None]
        labels = self.plugin.encode_labels(mean_label, label_mask.any(1))
        user = self.plugin.fuse(clicked, unclicked)
        ranking = self._ranking(user, batch.labels, negatives)
        metric = self.plugin.metric(clicked, unclicked, labels, has_unclicked)
        return ranking, ranking + self.config.model.metric_weight * metric.sum() / len(metric)

    def _ranking(self, user: Tensor, labels: Tensor, negatives: SampledNegatives) -> Tensor:
        """The loss with all logits at once, by plain autograd."""
        scored = torch.unique(torch.cat([labels.reshape(-1), negatives.index]))
        rows = sampled_softmax(
            user,
            torch.searchsorted(scored, labels),
            labels > 0,
            torch.searchsorted(scored, negatives.index),
            self.output(scored),
            self.sampler.log_expected(labels, negatives),
            negatives.log_expected,
        )
        return rows.mean()

    def _clip(self) -> None:
        """One global norm over all gradients; `clip_grad_norm_` does not take sparse ones."""
        gradients = []
        for weight in self.parameters():
            if weight.grad is None:
                continue
            if weight.grad.is_sparse:
                weight.grad = weight.grad.coalesce()
                gradients.append(weight.grad.values())
            else:
                gradients.append(weight.grad)
        norm = math.sqrt(sum(float(one.square().sum()) for one in gradients))
        clip = self.config.train.clip_norm
        if 0 < clip < norm:
            for one in gradients:
                one.mul_(clip / norm)
