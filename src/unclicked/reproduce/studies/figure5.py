"""Figure 5: how the weight of the metric loss matters."""

from __future__ import annotations

from unclicked.reproduce.paper_numbers import BEST_WEIGHT, WEIGHTS
from unclicked.reproduce.study import Study
from unclicked.reproduce.sweep import Sweep

# A cap would hide the weight, which is what the figure is about.
_SWEEP = Sweep(
    "figure5",
    "model.metric_weight",
    "weight λ",
    WEIGHTS,
    BEST_WEIGHT,
    {"model.metric_grad_cap": 0.0},
)

STUDY = Study(
    _SWEEP.name,
    "Figure 5: the weight",
    "How does the weight of the metric loss matter?",
    _SWEEP.run,
    _SWEEP.tables,
    _SWEEP.figures,
)
