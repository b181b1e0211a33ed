"""What `evaluate` says beside the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unclicked.cli.evaluate import _is_comparable, print_metrics


def judged(ours: float, theirs: float) -> dict[str, object]:
    """A result as `unclicked.evaluation.evaluate` gives it."""
    return {
        "run": "r",
        "split": "test",
        "users": 9,
        "items": 99,
        "metrics": {"HR@5": 0.9, "HR@50": ours},
        "popularity": {"HR@5": 0.1, "HR@50": theirs},
        "truth_items_without_training_click": 0.0,
        "not_judged": {"users_with_one_click": 0, "users_with_nothing_new": 0},
    }


@pytest.mark.parametrize(("ours", "said"), [(0.4, True), (0.5, True), (0.6, False)])
def test_a_run_no_better_than_popularity_is_told_so(
    ours: float, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    print_metrics(judged(ours, 0.5))
    assert ("HR@50 is not above popularity's" in capsys.readouterr().out) == said


def test_a_shorter_list_that_is_no_better_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    result = judged(0.6, 0.5)
    result["popularity"]["HR@5"] = 0.95
    print_metrics(result)
    assert "HR@5 is not above popularity's" in capsys.readouterr().out
    print_metrics(judged(0.4, 0.5) | {"popularity": {"HR@5": 0.95, "HR@50": 0.5}})
    assert "HR@5 and HR@50 are not above popularity's" in capsys.readouterr().out


def test_lists_of_the_whole_catalogue_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_metrics(judged(1.0, 1.0) | {"items": 50})
    assert "popularity's" not in capsys.readouterr().out


def test_only_a_base_of_the_same_data_is_worth_a_comparison(tmp_path: Path) -> None:
    assert not _is_comparable(tmp_path, "test", "abc")
    stored = tmp_path / "evaluation" / "test.json"
    stored.parent.mkdir()
    for content, same in (
        (json.dumps({"dataset_sha256": "abc"}), True),
        (json.dumps({"dataset_sha256": "other"}), False),
        ("[]", False),
        ("{", False),
    ):
        stored.write_text(content)
        assert _is_comparable(tmp_path, "test", "abc") == same
    assert not _is_comparable(tmp_path, "validation", "abc")
