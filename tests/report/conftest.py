"""A report's facts, made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from unclicked.report.facts import BasedRow, ReportFacts, RunShown
from unclicked.report.page import page
from unclicked.report.story import Story


def row_of(
    base: str, run: str, difference: float, p_holm: float, metric: str = "HR@50"
) -> BasedRow:
    """A comparison whose base has a mean of 0.4."""
    return {
        "base": base,
        "run": run,
        "metric": metric,
        "base_mean": 0.4,
        "run_mean": 0.4 + difference,
        "difference": difference,
        "relative": difference / 0.4,
        "ci95": [difference - 0.01, difference + 0.01],
        "p": p_holm / 2,
        "p_holm": p_holm,
        "users": 1234,
        "detectable": 0.0143,
        "base_seeds": 1,
        "run_seeds": 1,
        "run_std_over_seeds": None,
    }


def log_of(num_steps: int) -> list[dict[str, Any]]:
    """A training log of two epochs."""
    names = (
        "ranking_loss", "clicked_label", "clicked_unclicked", "label_unclicked", "ranking_norm",
        "metric_norm", "metric_scale", "cosine",
    )  # fmt: skip
    steps: list[dict[str, Any]] = [
        {"kind": "step", "step": n, "epoch": 1} | dict.fromkeys(names, 1.0 + n / num_steps)
        for n in range(1, num_steps + 1)
    ]
    epochs = [
        {"kind": "epoch", "step": num_steps, "epoch": n, "validation_HR@50": 0.3 + n / 100}
        for n in (1, 2)
    ]
    return [*steps, *epochs]


def run_of(name: str, mean: float, trained: bool = True) -> RunShown:
    """A run whose metrics all have one mean."""
    metrics = dict.fromkeys(("HR@50", "MRR@50", "R@50", "F1@50"), mean)
    evaluation = {"run": name, "split": "test", "users": 1234, "items": 99, "metrics": metrics}
    intervals = dict.fromkeys(metrics, (mean - 0.02, mean + 0.02))
    log = log_of(80) if trained else []
    return RunShown(name, evaluation, intervals, log, 3.0 if trained else None)


@pytest.fixture(scope="session")
def story() -> Story:
    """A user to whom `<i3>` comes and from whom `i1` goes."""

    def answer(ids: list[str]) -> dict[str, Any]:
        items = [{"item_id": one, "score": 1.0, "rank": n} for n, one in enumerate(ids, 1)]
        return {"items": items, "ignored": {"clicked": [], "unclicked": []}, "fallback": False}

    labels = {"i1": "shoes", "i2": "hats", "<i3>": "<b>", "i4": "hats", "i5": "shoes"}
    return Story(
        user_id="<u7>",
        clicked=["i5"],
        unclicked=["i4", "i2", "<i3>"],
        before=answer(["i2", "i1"]),
        after=answer(["<i3>", "i2"]),
        labels=labels,
        later=frozenset(["<i3>"]),
    )


@pytest.fixture(scope="session")
def facts(story: Story) -> ReportFacts:
    """A page about two runs and a control."""
    return ReportFacts(
        title="Tea & <biscuits>",
        runs=[run_of("popularity", 0.2, False), run_of("base", 0.4), run_of("unclicked", 0.45),
              run_of("shuffled", 0.41)],
        comparisons=[
            row_of("runs/base", "runs/unclicked", 0.05, 0.001),
            row_of("runs/base", "runs/shuffled", -0.01, 0.4),
        ],
        focus="unclicked",
        base="base",
        control="shuffled",
        data=[("rows", "10 < 11")],
        warnings=["thin & small"],
        story=story,
        made=[("seed", "0")],
        commands=["unclicked train 'a&b'"],
    )  # fmt: skip


@pytest.fixture(scope="session")
def text(facts: ReportFacts) -> str:
    """The page about them; drawing it takes a while."""
    return page(facts)
