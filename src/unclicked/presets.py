"""Named settings: `recommended`, and the paper's with its printed numbers."""

from __future__ import annotations

from typing import Any

Settings = dict[str, Any]

_PAPER: Settings = {
    "data": {"unclicked": {"cut": "session_start"}},
    "model": {"dim": 128, "margin": 5.0, "metric_weight": 10.0, "metric_grad_cap": 0.0},
    "train": {
        "optimizer": "adagrad",
        "learning_rate": 0.1,
        "initial_accumulator": 0.1,
        "batch_size": 256,
        "num_negatives": 20000,
        "num_labels": 5,
        "clip_norm": 5.0,
    },
}

_RECOMMENDED: Settings = {
    "data": {"unclicked": {"cut": "now"}},
    "model": {
        "dim": 64,
        "fusion": "confidence",
        # Off: docs/results.md says why. The weight is for whoever turns it on.
        "metric": "none",
        "metric_weight": 0.01,
        "metric_grad_cap": 0.0,
    },
    "train": {
        "optimizer": "adagrad",
        "learning_rate": 0.1,
        "initial_accumulator": 1e-6,
        "batch_size": 128,
        "num_negatives": 500,
        "max_epochs": 8,
        "patience": 2,
    },
}


def _paper(fusion: str, metric: str) -> Settings:
    model = {**_PAPER["model"], "fusion": fusion, "metric": metric}
    return {**_PAPER, "model": model}


PRESETS: dict[str, Settings] = {
    "recommended": _RECOMMENDED,
    "sdm": _paper("none", "none"),
    "sru2b": _paper("confidence", "symmetric"),
    "sru2b-without-symmetry": _paper("confidence", "asymmetric"),
    "sru2b-without-fusion-and-symmetry": _paper("none", "asymmetric"),
    "sru2b-without-metric": _paper("confidence", "none"),
    "sru2b-without-confidence-and-metric": _paper("subtract", "none"),
    "sru2b-unclick-lab": _paper("confidence", "label_unclicked"),
    "sru2b-lab-clk": _paper("confidence", "clicked_label"),
    "sru2b-unclick-clk": _paper("confidence", "clicked_unclicked"),
}
