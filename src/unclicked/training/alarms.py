"""Two alarms for a metric loss that has taken over or has died, and what to change."""

from __future__ import annotations

from unclicked.config import ModelConfig
from unclicked.training.step_report import StepReport

DROWNED_RATIO = 10.0
DROWNED_STEPS = 100
COLLAPSED_WITHIN = 0.01


class MetricAlarms:
    """Watches the metric loss of every step.

    Args:
        config: The `[model]` table.

    Source: none in the paper; both failures were met with its printed weight.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self._drowned_steps = 0
        self._epoch_collapsed = True
        self._epoch_steps = 0
        self._raised: set[str] = set()

    def after_step(self, report: StepReport) -> str | None:
        """Look at one step.

        Args:
            report: What the step saw.

        Returns:
            A warning, once, when the metric loss's gradient at the user vector has been ten times
            the ranking loss's for a hundred steps; else None.
        """
        if self.config.metric == "none":
            return None
        self._epoch_steps += 1
        used = report.metric_norm * report.metric_scale
        drowned = used > DROWNED_RATIO * report.ranking_norm
        self._drowned_steps = self._drowned_steps + 1 if drowned else 0
        margin = self.config.margin
        near = abs(report.metric_loss - margin) <= COLLAPSED_WITHIN * margin
        has_hinge = self.config.metric != "infonce"
        self._epoch_collapsed &= has_hinge and report.active_share == 1.0 and near
        if self._drowned_steps < DROWNED_STEPS:
            return None
        return self._once(
            "drowned",
            f"The metric loss's gradient has been more than {DROWNED_RATIO:.0f} times the ranking "
            f"loss's for {DROWNED_STEPS} steps: the ranking is hardly trained. Set "
            "model.metric_grad_cap = 0.1, or lower model.metric_weight (now "
            f"{self.config.metric_weight:g}).",
        )

    def after_epoch(self) -> str | None:
        """Look at a whole epoch.

        Returns:
            A warning, once, when every hinge was active and the metric loss stayed at the margin
            in every step, which is what vectors shrunk to one point give; else None.
        """
        # A run resumed at the very end of an epoch has seen no step of it.
        collapsed = self._epoch_collapsed and self._epoch_steps > 0
        self._epoch_collapsed, self._epoch_steps = True, 0
        if not collapsed:
            return None
        return self._once(
            "collapsed",
            "Clicked, unclicked and label vectors have collapsed to one point: every hinge is "
            f"active and the metric loss equals the margin {self.config.margin:g}. Lower "
            "model.metric_weight, set model.metric_grad_cap = 0.1, or use "
            'train.optimizer = "adam".',
        )

    def _once(self, name: str, text: str) -> str | None:
        if name in self._raised:
            return None
        self._raised.add(name)
        return text
