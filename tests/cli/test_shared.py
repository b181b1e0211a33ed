"""Parts of the command line that verbs share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from unclicked.cli import shared
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError


@pytest.mark.parametrize("text", ["", "0", "5,", "a", "-1", "1.5", "5,,6"])
def test_list_lengths_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="TOP-K"):
        shared.parse_top_k(text)


def test_lists_keep_their_order() -> None:
    assert shared.split_list(None) == []
    assert shared.split_list(["b,a", "", ",c,"]) == ["b", "a", "c"]


def test_names_stand_once_and_without_spaces() -> None:
    assert shared.distinct(["HR@50, R@80", "", "R@80,MRR@50", " ,HR@50"]) == [
        "HR@50",
        "R@80",
        "MRR@50",
    ]
    assert shared.parse_top_k("7, 5,7") == (7, 5)


def test_a_wrong_name_is_told_with_the_nearest() -> None:
    assert shared.expected("x", ["clicked"]) == "found 'x', expected one of clicked."
    assert shared.expected("clikced", ["unclicked", "clicked"]).endswith("Did you mean clicked?")


def test_json_is_ascii_safe_and_never_nan(capsys: pytest.CaptureFixture[str]) -> None:
    shared.print_json({"a": "é\n"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": "é\n"}
    assert out.count("\n") == 1
    with pytest.raises(ValueError, match="JSON"):
        shared.print_json(float("nan"))


def test_threads() -> None:
    before = torch.get_num_threads()
    shared.set_threads(0)
    assert torch.get_num_threads() == before
    try:
        shared.set_threads(before + 1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_devices() -> None:
    shared.check_device("cpu")
    for name in ("cuda:99", "nonsense", ""):
        with pytest.raises(UserError, match="--device") as caught:
            shared.check_device(name)
        assert "\n" not in str(caught.value)


def test_a_moved_data_set(tiny_data: PreparedDataset, tiny_run: Path, tmp_path: Path) -> None:
    assert shared.open_dataset_of(tiny_run, None).sha256 == tiny_data.sha256
    assert shared.open_dataset_of(tiny_run, tiny_data.path).sha256 == tiny_data.sha256
    with pytest.raises(UserError, match=r"is not there.*--dataset"):
        shared.open_dataset_of(tiny_run, tmp_path / "nothing")
