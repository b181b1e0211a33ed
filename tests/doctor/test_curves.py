"""Training that went wrong is told from the log alone."""

from __future__ import annotations

from typing import Any

from unclicked.config import Config
from unclicked.doctor.curves import curve_findings, metric_finding
from unclicked.doctor.finding import Finding
from unclicked.settings import resolve
from unclicked.training.checkpoint import Progress

STEP: dict[str, Any] = {
    "kind": "step",
    "epoch": 1,
    "ranking_loss": 5.0,
    "metric_loss": 3.0,
    "active_share": 0.5,
    "ranking_norm": 1.0,
    "metric_norm": 2.0,
    "metric_scale": 1.0,
}


def found(
    values: list[float], steps: list[dict[str, Any]] | None = None, **progress: Any
) -> dict[str, Finding]:
    """Findings of a run with these validation values, by name."""
    config = resolve({"train": {"max_epochs": 4}})
    counters = Progress(
        epoch=len(values),
        finished=True,
        history=[{"validation_HR@50": value} for value in values],
    )
    for name, value in progress.items():
        setattr(counters, name, value)
    lines = [STEP] if steps is None else steps
    return {one.name: one for one in curve_findings(config, counters, lines)}


def test_a_good_course() -> None:
    told = found([0.1, 0.3, 0.2999])
    assert {one.level for one in told.values()} == {"ok"}
    assert "30.00% after epoch 2 of 3" in told["validation"].found


def test_the_best_epoch_was_the_last_allowed() -> None:
    told = found([0.1, 0.2, 0.3, 0.4])["validation"]
    assert (told.level, told.advice) == ("warn", "Train longer: train.max_epochs = 8.")
    assert found([0.1, 0.2, 0.3])["validation"].level == "ok"


def test_validation_that_falls() -> None:
    told = found([0.4, 0.2, 0.1])["validation"]
    assert told.level == "warn"
    assert "down to 10.00%" in told.found


def test_a_run_that_was_stopped() -> None:
    assert found([0.1], finished=False)["training"].level == "warn"
    assert "training" not in found([0.1])


def test_numbers_that_are_none() -> None:
    broken = {key: value for key, value in STEP.items() if key != "ranking_loss"}
    told = found([0.1], [STEP, broken])["numbers"]
    assert (told.level, told.found) == ("fail", "1 of 2 steps have no finite loss")


def test_a_drowned_ranking_loss() -> None:
    loud = STEP | {"metric_norm": 11.0}
    config = Config()
    assert metric_finding(config, [loud] * 100).level == "warn"
    assert metric_finding(config, [loud] * 99 + [STEP] + [loud] * 99).level == "ok"
    assert metric_finding(config, [loud | {"metric_scale": 0.1}] * 200).level == "ok"


def test_a_collapsed_epoch() -> None:
    dead = STEP | {"active_share": 1.0, "metric_loss": 4.97}
    config = Config()
    assert metric_finding(config, [STEP, dead | {"epoch": 2}]).level == "warn"
    assert metric_finding(config, [dead, STEP]).level == "ok"
    assert metric_finding(config, [dead | {"metric_loss": 4.9}]).level == "ok"


def test_a_contrast_has_no_hinges() -> None:
    dead = STEP | {"active_share": 1.0, "metric_loss": 5.0}
    told = metric_finding(resolve({"model": {"metric": "infonce"}}), [dead])
    assert (told.level, told.found) == ("ok", "did not take over")


def test_without_a_metric_loss_nothing_is_said_of_it() -> None:
    config = resolve({"model": {"metric": "none"}})
    names = [one.name for one in curve_findings(config, Progress(finished=True), [STEP])]
    assert names == ["numbers"]
