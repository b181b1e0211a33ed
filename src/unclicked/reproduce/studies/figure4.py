"""Figure 4: how the margin of the metric loss matters."""

from __future__ import annotations

from unclicked.reproduce.paper_numbers import BEST_MARGIN, MARGINS
from unclicked.reproduce.study import Study
from unclicked.reproduce.sweep import Sweep

_SWEEP = Sweep("figure4", "model.margin", "margin m*", MARGINS, BEST_MARGIN)

STUDY = Study(
    _SWEEP.name,
    "Figure 4: the margin",
    "How does the margin of the metric loss matter?",
    _SWEEP.run,
    _SWEEP.tables,
    _SWEEP.figures,
)
