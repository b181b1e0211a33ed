"""Example users from a prepared data set, where the operator asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unclicked.data.dataset import PreparedDataset

COUNT, LEAST_CLICKED, LEAST_UNCLICKED = 12, 2, 5


def dataset_examples(path: Path) -> list[dict[str, Any]]:
    """Users of the test, as they were at the moment of their prediction.

    Args:
        path: The prepared data set.

    Returns:
        Mappings with "label", "clicked", "long_term", "unclicked" and "profile".

    Raises:
        UnclickedError: If the data set cannot be used.
    """
    dataset = PreparedDataset.open(path)
    samples = dataset.splits["test"]
    row = samples.row_now[samples.position_offsets[1:] - 1]
    passed = np.diff(samples.row_offsets)[row]
    fit = np.flatnonzero(
        (samples.end - samples.start >= LEAST_CLICKED) & (passed >= LEAST_UNCLICKED)
    )
    if not len(fit):
        fit = np.arange(len(samples))
    chosen = fit[np.linspace(0, len(fit) - 1, min(COUNT, len(fit)), dtype=np.int64)]
    return [_example(dataset, int(number)) for number in chosen.tolist()]


def _example(dataset: PreparedDataset, number: int) -> dict[str, Any]:
    samples = dataset.splits["test"]
    row = int(samples.row_now[samples.position_offsets[number + 1] - 1])
    listed = samples.row_items[int(samples.row_offsets[row]) : int(samples.row_offsets[row + 1])]
    clicked = dataset.click_item[int(samples.start[number]) : int(samples.end[number])]
    earlier = dataset.click_item[int(samples.long_start[number]) : int(samples.start[number])]
    user = int(samples.user[number])
    profile = {
        name: str(words.decode([code])[0])
        for (name, words), code in zip(
            dataset.profile_vocabularies.items(), dataset.profiles[user].tolist(), strict=True
        )
        if 0 < code <= len(words)
    }
    return {
        "label": f"user {dataset.users.decode([user + 1])[0]}",
        "clicked": dataset.catalogue.items.decode(np.asarray(clicked, dtype=np.int64)),
        "long_term": dataset.catalogue.items.decode(np.asarray(earlier, dtype=np.int64)),
        "unclicked": dataset.catalogue.items.decode(np.asarray(listed, dtype=np.int64)),
        "profile": profile,
    }
