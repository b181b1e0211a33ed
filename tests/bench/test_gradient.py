"""Distances that the benchmark of gradients finds."""

from __future__ import annotations

from unclicked.bench.gradient import run


def test_single_precision_is_close_and_two_bytes_are_told_from_it() -> None:
    rows = {
        row.what.removeprefix("distance of the gradient to "): row
        for row in run(3, True, lambda line: None)
    }
    for of in ("user", "item"):
        single, short = (rows[f"{of} vectors, {one}"] for one in ("float32", "bfloat16"))
        assert 1e-9 < single.ours < 1e-5 and single.theirs == short.theirs < 1e-5
        assert 1e-4 < short.ours < 3e-2
