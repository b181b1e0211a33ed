"""A report's facts, made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unclicked.report.facts import BasedRow, ReportFacts, RunShown
from unclicked.report.labels import Labels
from unclicked.report.page import page
from unclicked.report.per_user import Stratum, spread_of
from unclicked.report.story import Story
from unclicked.report.users import ToldUser, ToldUsers


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
        "metric_norm", "metric_scale", "cosine", "gate_mean", "gate_low", "gate_high",
    )  # fmt: skip
    steps: list[dict[str, Any]] = [
        {"kind": "step", "step": n, "epoch": 1} | dict.fromkeys(names, 1.0 + n / num_steps)
        for n in range(1, num_steps + 1)
    ]
    epochs: list[dict[str, Any]] = [
        {"kind": "epoch", "step": num_steps, "epoch": n, "validation_HR@50": 0.3 + n / 100,
         "alignment": {"brand": -0.5 + n / 10}}
        for n in (1, 2)
    ]  # fmt: skip
    return [*steps, *epochs]


def run_of(name: str, mean: float, trained: bool = True) -> RunShown:
    """A run whose metrics all have one mean."""
    metrics = dict.fromkeys(("HR@50", "MRR@50", "R@50", "F1@50"), mean)
    evaluation = {"run": name, "split": "test", "users": 1234, "items": 99, "metrics": metrics,
                  "top_k": [50]}  # fmt: skip
    intervals = dict.fromkeys(metrics, (mean - 0.02, mean + 0.02))
    log = log_of(80) if trained else []
    return RunShown(name, evaluation, intervals, log, 3.0 if trained else None, name)


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
        long_term=["i1", "i4"],
        unclicked=["i4", "i2", "<i3>"],
        before=answer(["i2", "i1"]),
        after=answer(["<i3>", "i2"]),
        labels=labels,
        later=frozenset(["<i3>"]),
    )


@pytest.fixture(scope="session")
def told() -> ToldUsers:
    """Three users of a catalogue of five items, one of which has a hostile name."""
    ids = {1: "i1", 2: "i2", 3: "<i3>", 4: "i4", 5: "i5"}
    names = {1: "Boots", 2: "<img src=x>", 3: "", 4: "Cap", 5: "Shoe"}
    labels = Labels(ids, names, dict.fromkeys(ids, "kind"), "kind")
    lists = {"helped": ([1, 2], [3, 2]), "unharmed": ([1, 3], [3, 4]), "harmed": ([3, 1], [1, 2])}
    users = [
        ToldUser(kind, f"<{kind}>", [5], [4, 2], frozenset([3]), base, run)
        for kind, (base, run) in lists.items()
    ]
    return ToldUsers(users, labels, 2, 77)


@pytest.fixture(scope="session")
def facts(told: ToldUsers) -> ReportFacts:
    """A page about two runs and a control."""
    spreads = [
        spread_of(name, np.array([0.0, 0.0, 1.0, 1.0, 0.5]), np.array([1.0, 0.0, 1.0, 0.0, 0.75]))
        for name in ("HR@50", "R@2")
    ]
    strata = [Stratum(0, 0, 2, 0.5, (-0.25, 0.75)), Stratum(3, 9, 1, -0.5, None)]
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
        spreads=spreads,
        strata={"HR@50": strata, "R@2": strata},
        users=told,
        warnings=["thin & small"],
        made=[("seed", "0 < 1")],
        commands=["unclicked train 'a&b'"],
    )  # fmt: skip


@pytest.fixture(scope="session")
def text(facts: ReportFacts) -> str:
    """The page about them; drawing it takes a while."""
    return page(facts)
