"""The alarms on reports that are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unclicked.config import ModelConfig
from unclicked.training.alarms import MetricAlarms
from unclicked.training.step import StepReport

CALM = StepReport(
    ranking_loss=3.0,
    metric_loss=2.0,
    active_share=0.5,
    clicked_label=1.0,
    clicked_unclicked=2.0,
    label_unclicked=2.0,
    ranking_norm=1.0,
    metric_norm=5.0,
    cosine=0.0,
    metric_scale=1.0,
    num_rows=10,
)
DROWNED = replace(CALM, metric_norm=10.1)
COLLAPSED = replace(CALM, metric_loss=5.04, active_share=1.0)


def test_a_calm_run_is_silent() -> None:
    alarms = MetricAlarms(ModelConfig())
    assert [alarms.after_step(CALM) for _ in range(300)] == [None] * 300
    assert alarms.after_epoch() is None


def test_drowned_after_a_hundred_steps_in_a_row_and_once() -> None:
    alarms = MetricAlarms(ModelConfig())
    first = [alarms.after_step(DROWNED) for _ in range(99)]
    assert alarms.after_step(CALM) is None
    again = [alarms.after_step(DROWNED) for _ in range(99)]
    assert first == again == [None] * 99
    text = alarms.after_step(DROWNED)
    assert text is not None
    assert "metric_grad_cap" in text
    assert "10" in text
    assert alarms.after_step(DROWNED) is None


def test_a_cap_that_works_raises_no_alarm() -> None:
    alarms = MetricAlarms(ModelConfig())
    capped = replace(DROWNED, metric_norm=1000.0, metric_scale=0.005)
    assert [alarms.after_step(capped) for _ in range(150)] == [None] * 150


def test_collapse_needs_a_whole_epoch() -> None:
    alarms = MetricAlarms(ModelConfig())
    for report in (COLLAPSED, CALM, COLLAPSED):
        alarms.after_step(report)
    assert alarms.after_epoch() is None
    alarms.after_step(COLLAPSED)
    text = alarms.after_epoch()
    assert text is not None
    assert "collapsed" in text
    alarms.after_step(COLLAPSED)
    assert alarms.after_epoch() is None


@pytest.mark.parametrize(
    "report", [replace(COLLAPSED, metric_loss=5.06), replace(COLLAPSED, active_share=0.99)]
)
def test_near_collapse_is_none(report: StepReport) -> None:
    alarms = MetricAlarms(ModelConfig())
    alarms.after_step(report)
    assert alarms.after_epoch() is None


def test_a_contrast_has_no_margin_to_stay_at() -> None:
    alarms = MetricAlarms(ModelConfig(metric="infonce"))
    alarms.after_step(COLLAPSED)
    assert alarms.after_epoch() is None
    texts = [alarms.after_step(DROWNED) for _ in range(100)]
    assert texts[-1] is not None


def test_an_epoch_without_a_step_says_nothing() -> None:
    # A run that was stopped after the last batch of an epoch ends that epoch when it goes on.
    assert MetricAlarms(ModelConfig()).after_epoch() is None


def test_without_a_metric_loss_there_is_nothing_to_watch() -> None:
    alarms = MetricAlarms(ModelConfig(metric="none"))
    assert [alarms.after_step(DROWNED) for _ in range(150)] == [None] * 150
    alarms.after_step(COLLAPSED)
    assert alarms.after_epoch() is None
