"""How a training went, from the log of its run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from unclicked.config import Config
from unclicked.doctor.finding import Finding
from unclicked.training.alarms import COLLAPSED_WITHIN, DROWNED_RATIO, DROWNED_STEPS
from unclicked.training.checkpoint import Progress

# A validation that ends this share below its best has gone down, not only up and down.
FALLEN_SHARE = 0.1


def curve_findings(
    config: Config, progress: Progress, lines: Sequence[dict[str, Any]], *, validated: bool = True
) -> Iterator[Finding]:
    """Look at the course of a training.

    Args:
        config: The run's configuration.
        progress: Counters of its last checkpoint.
        lines: Lines of its log.
        validated: Whether the run had validation days.

    Yields:
        Findings on finite numbers, the best epoch, validation and the metric loss.
    """
    steps = [line for line in lines if line.get("kind") == "step"]
    yield _finite_finding(steps)
    if not progress.finished:
        found = f"stopped in epoch {progress.epoch + 1}, after {progress.step:,} steps"
        yield Finding("training", "warn", found, "Go on with unclicked train ... --resume.")
    if validated and progress.history:
        yield _best_finding(config, progress)
    if config.model.metric != "none" and steps:
        yield metric_finding(config, steps)


def _finite_finding(steps: Sequence[dict[str, Any]]) -> Finding:
    losses = [line.get("ranking_loss") for line in steps]
    broken = [one for one in losses if not isinstance(one, int | float) or not isfinite(one)]
    if broken:
        found = f"{len(broken)} of {len(steps):,} steps have no finite loss"
        return Finding("numbers", "fail", found, "Train anew with a lower train.learning_rate.")
    return Finding("numbers", "ok", f"the losses of all {len(steps):,} steps are finite")


def _best_finding(config: Config, progress: Progress) -> Finding:
    values = [float(line["validation_HR@50"]) for line in progress.history]
    best = values.index(max(values)) + 1
    found = f"best validation HR@50 {max(values):.2%} after epoch {best} of {len(values)}"
    if best == len(values) and progress.finished and len(values) >= config.train.max_epochs:
        more = 2 * config.train.max_epochs
        return Finding("validation", "warn", found, f"Train longer: train.max_epochs = {more}.")
    if values[-1] < (1 - FALLEN_SHARE) * max(values):
        found += f", then down to {values[-1]:.2%}"
        advice = "The best epoch is the one that is used; a lower train.learning_rate may do more."
        return Finding("validation", "warn", found, advice)
    return Finding("validation", "ok", found)


def metric_finding(config: Config, steps: Sequence[dict[str, Any]]) -> Finding:
    """Whether the metric loss took over or died, as the alarms of training would have said.

    Args:
        config: The run's configuration.
        steps: Step lines of its log.

    Returns:
        The finding.
    """
    longest = run = 0
    for line in steps:
        used = line.get("metric_norm", 0.0) * line.get("metric_scale", 0.0)
        run = run + 1 if used > DROWNED_RATIO * line.get("ranking_norm", 0.0) else 0
        longest = max(longest, run)
    if longest >= DROWNED_STEPS:
        found = (
            f"for {longest:,} steps its gradient was more than {DROWNED_RATIO:.0f} times the "
            "ranking loss's"
        )
        advice = "Set model.metric_grad_cap = 0.1, or lower model.metric_weight."
        return Finding("metric loss", "warn", found, advice)
    if _collapsed(config, steps):
        found = "clicked, unclicked and label vectors fell together in a whole epoch"
        advice = "Lower model.metric_weight, or set model.metric_grad_cap = 0.1."
        return Finding("metric loss", "warn", found, advice)
    if config.model.metric == "infonce":
        return Finding("metric loss", "ok", "did not take over")
    active = sum(float(line.get("active_share", 0.0)) for line in steps) / len(steps)
    found = f"neither took over nor died; {active:.0%} of its hinges were active"
    return Finding("metric loss", "ok", found)


def _collapsed(config: Config, steps: Sequence[dict[str, Any]]) -> bool:
    if config.model.metric == "infonce":
        return False
    margin = config.model.margin
    alive: dict[Any, bool] = {}
    for line in steps:
        near = abs(line.get("metric_loss", 0.0) - margin) <= COLLAPSED_WITHIN * margin
        dead = line.get("active_share") == 1.0 and near
        alive[line.get("epoch")] = alive.get(line.get("epoch"), False) or not dead
    return not all(alive.values())
