"""Samples written range by range are those of all users at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unclicked.data.dataset import PreparedDataset, save_array, save_samples
from unclicked.data.rules import Rules, Samples, Timelines, held_out_samples, train_samples
from unclicked.data.sample_files import ArrayFile, SampleFiles
from unclicked.data.stored_log import stored_timelines


@pytest.mark.parametrize("length", [0, 1, 12_345_67])
def test_an_array_that_grew_has_the_bytes_of_one_that_did_not(tmp_path: Path, length: int) -> None:
    values = np.arange(length)
    save_array(tmp_path / "whole.npy", values)
    file = ArrayFile(tmp_path / "grown.npy", np.int64)
    for part in np.array_split(values, 3):
        file.append(part)
    file.close()
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def some_users(lines: Timelines, begin: int, end: int) -> Timelines:
    rows = slice(int(lines.impression_offsets[begin]), int(lines.impression_offsets[end]))
    clicks = slice(int(lines.click_offsets[begin]), int(lines.click_offsets[end]))
    return Timelines(
        lines.impression_offsets[begin : end + 1] - rows.start,
        lines.impression_time_us[rows],
        lines.impression_item[rows],
        lines.click_offsets[begin : end + 1] - clicks.start,
        lines.click_time_us[clicks],
        lines.click_item[clicks],
        lines.click_session[clicks],
        lines.num_items,
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_ranges_of_users_give_the_files_of_all_users(
    tiny_data: PreparedDataset, tmp_path: Path, split: str
) -> None:
    lines, rules = stored_timelines(tiny_data), Rules.from_config(tiny_data.config)
    bounds = tiny_data.card["boundaries"]

    def made(of: Timelines) -> Samples:
        if split == "train":
            return train_samples(of, rules, end_us=bounds["validation_us"])
        return held_out_samples(of, rules, begin_us=bounds["test_us"], end_us=bounds["end_us"])

    save_samples(made(lines), tmp_path / "whole")
    files = SampleFiles(tmp_path / "parts")
    users = len(lines.click_offsets) - 1
    cuts = [0, 1, users // 3, users // 3, users - 2, users]
    for begin, end in zip(cuts, cuts[1:], strict=False):
        part = some_users(lines, begin, end)
        files.append(made(part), begin, int(lines.click_offsets[begin]))
    samples = files.close()
    assert len(samples) > 50
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    assert names == {path.name for path in (tmp_path / "parts").iterdir()}
    for name in names:
        found = (tmp_path / "parts" / name).read_bytes()
        assert found == (tmp_path / "whole" / name).read_bytes(), name
