"""The switches of the plug-in and which vectors each setting needs."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from unclicked.errors import UserError
from unclicked.losses.contrast import CONTRASTS
from unclicked.losses.distance import PAIR_FORMS
from unclicked.losses.triplet import METRICS, PAIRS, symmetric_two_hinges

FUSIONS = ("none", "subtract", "confidence")
USES_UNCLICKED = ("asymmetric", "symmetric", "clicked_unclicked", "label_unclicked", *CONTRASTS)
USES_LABELS = ("asymmetric", "symmetric", "clicked_label", "label_unclicked", *CONTRASTS)

RowLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A metric loss with its margin or temperature bound: clicked, unclicked, labels [R, D] to [R]."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "fusion": FUSIONS,
    "metric": ("none", *METRICS, *CONTRASTS),
    "symmetric_form": ("one_hinge", "two_hinges"),
    "gate_activation": ("sigmoid", "tanh", "identity"),
    "label_encoder": ("shared", "separate"),
    "metric_norm": ("none", "l2"),
    "metric_input": ("raw", "tanh", "layer_norm"),
    "pair_form": PAIR_FORMS,
    "metric_on": ("clicked", "user"),
}


@dataclass(frozen=True)
class PluginOptions:
    """Every switch of `UnclickedPlugin`, where each is described.

    Raises:
        UserError: A value is unknown, out of range, or would leave a weight without a gradient.

    Example:
        >>> PluginOptions(dim=4, fusion="subtract", metric="none").needs_unclicked
        True
    """

    dim: int
    fusion: str = "confidence"
    metric: str = "symmetric"
    margin: float = 5.0
    symmetric_form: str = "one_hinge"
    gate_activation: str = "sigmoid"
    label_encoder: str = "shared"
    stop_gradient_labels: bool = False
    metric_norm: str = "none"
    pair_form: str = "hinge"
    metric_on: str = "clicked"
    intermediate_margin: float = 0.0
    metric_temperature: float = 0.1
    metric_input: str = "raw"

    def __post_init__(self) -> None:
        """Check every value and the combinations that could not learn."""
        if not _is_count(self.dim):
            raise _refused("dim", self.dim, "a whole number of at least 1")
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        if not isinstance(self.stop_gradient_labels, bool):
            raise _refused("stop_gradient_labels", self.stop_gradient_labels, "true or false")
        for name in ("margin", "metric_temperature"):
            value = getattr(self, name)
            if not (_is_finite(value) and value > 0.0):
                raise _refused(name, value, "a finite number above 0")
        if self.metric_input == "layer_norm" and self.dim == 1:
            raise _refused(
                "metric_input", "layer_norm", "another one where dim = 1, which has no variance"
            )
        if not (_is_finite(self.intermediate_margin) and self.intermediate_margin >= 0.0):
            raise _refused("intermediate_margin", self.intermediate_margin, "0 (off) or above")
        if self.intermediate_margin > 0.0 and self.metric == "none":
            raise _refused(
                "intermediate_margin", self.intermediate_margin, "0 where metric = 'none'"
            )
        if self.stop_gradient_labels and self.needs_labels:
            self._check_label_gradient()

    def _check_label_gradient(self) -> None:
        if self.label_encoder == "separate" or not self.needs_unclicked:
            raise _refused(
                "stop_gradient_labels",
                True,
                "false here, because the encoder of the labels would never learn",
            )

    @property
    def needs_unclicked(self) -> bool:
        """Whether the user vector or the metric loss depends on the unclicked vector."""
        extra = self.intermediate_margin > 0.0
        return self.fusion != "none" or self.metric in USES_UNCLICKED or extra

    @property
    def needs_labels(self) -> bool:
        """Whether the metric loss depends on the label vector."""
        return self.metric in USES_LABELS

    def metric_loss(self) -> RowLoss | None:
        """Return the metric loss that these options choose, None for `none`."""
        if self.metric == "none":
            return None
        if self.metric in CONTRASTS:
            return functools.partial(CONTRASTS[self.metric], temperature=self.metric_temperature)
        if self.metric in PAIRS:
            pair = PAIRS[self.metric]
            return functools.partial(pair, margin=self.margin, form=self.pair_form)
        two_hinges = self.metric == "symmetric" and self.symmetric_form == "two_hinges"
        loss = symmetric_two_hinges if two_hinges else METRICS[self.metric]
        return functools.partial(loss, margin=self.margin)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and not isinstance(value, bool)


def _check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    valid = list(choices)
    if value in valid:
        return
    near = difflib.get_close_matches(str(value), valid, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise UserError(
        "PLUGIN-OPTION", name, f"found {value!r}, expected one of {', '.join(valid)}.{hint}"
    )


def _refused(name: str, value: object, expected: str) -> UserError:
    return UserError("PLUGIN-OPTION", name, f"found {value!r}, expected {expected}.")
