"""The data card counts right and warns of a thin log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_prepare import made, small_log, visit
from unclicked.data.card import card_lines
from unclicked.data.dataset import PreparedDataset


def warned(card: dict[str, Any], word: str) -> bool:
    return any(word in text for text in card["warnings"])


def test_a_good_log_is_not_called_thin(tiny_data: PreparedDataset) -> None:
    assert not warned(tiny_data.card, "thin")
    assert warned(tiny_data.card, "test users")


def test_a_thin_log_is_called_thin(tmp_path: Path) -> None:
    data = made(tmp_path, small_log())
    assert data.card["mean_length"]["unclicked"] < 5
    assert warned(data.card, "min_exposures = 1")
    data = made(tmp_path, small_log(), "loose", unclicked={"min_exposures": 1})
    assert warned(data.card, "thin")
    assert not warned(data.card, "min_exposures = 1")


def test_short_sessions_are_spoken_of(tmp_path: Path) -> None:
    lonely = [
        row for day in range(2) for u in "klmnopqrstuvwxyz" for row in visit(u, day, "abcd", "a")
    ]
    data = made(tmp_path, small_log() + lonely)
    assert warned(data.card, "min_session_length = 1 keeps them")
    data = made(tmp_path, small_log() + lonely, "loose", clicked={"min_session_length": 1})
    assert not warned(data.card, "min_session_length")


def test_means_against_the_samples(tiny_data: PreparedDataset) -> None:
    for name, samples in tiny_data.splits.items():
        means = tiny_data.card["mean_length_by_split"][name]
        sizes = np.diff(samples.row_offsets)
        last = samples.row_now[samples.position_offsets[1:] - 1]
        long = [
            min(len(set(tiny_data.click_item[a:b].tolist())), 50)
            for a, b in zip(samples.long_start, samples.start, strict=True)
        ]
        expected = {
            "short": (samples.end - samples.start).mean(),
            "long": np.mean(long),
            "unclicked": sizes[last].mean(),
            "unclicked_at_session_start": sizes[samples.row_start].mean(),
            "truth": np.diff(samples.truth_offsets).mean(),
        }
        assert means == pytest.approx(expected, abs=6e-4)
    split = tiny_data.card["mean_length_by_split"]
    # Training samples have no truth; a mean of it is that of the test.
    assert tiny_data.card["mean_length"] == {**split["train"], "truth": split["test"]["truth"]}
    assert tiny_data.card["mean_length"]["truth"] >= 1


def test_sessions_add_up_and_splits_stand_in_order_of_time(tiny_data: PreparedDataset) -> None:
    rules = tiny_data.card["rules"]["train"]
    kept = rules["sessions"] - rules["sessions_too_short"] - rules["sessions_without_label"]
    assert kept == tiny_data.card["samples"]["train"] == len(tiny_data.splits["train"])
    lines = dict(card_lines(tiny_data.card))
    assert [part.split()[1] for part in lines["samples"].split(", ")] == [
        "train",
        "validation",
        "test",
    ]
    assert f"{kept:,} kept" in lines["sessions"]


def test_days_are_named_in_the_zone_of_the_rules(tmp_path: Path) -> None:
    lines = dict(card_lines(made(tmp_path, small_log(), timezone="Asia/Shanghai").card))
    assert lines["training"] == "2024-01-01 18:00 Asia/Shanghai to 2024-01-03 00:00 Asia/Shanghai"
    assert lines["test"] == "to 2024-01-05 00:00 Asia/Shanghai"
    lines = dict(card_lines(made(tmp_path, small_log(), "plain").card))
    assert lines["test"] == "to 2024-01-05 00:00 UTC"
