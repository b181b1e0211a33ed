"""Exact judging against brute force, and what is stored for comparing."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from unclicked.comparison import load_per_user
from unclicked.data.batching import in_order
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, UserError
from unclicked.evaluation import (
    PER_USER_METRICS,
    evaluate,
    held_out_builder,
    popularity_ranking,
    rank,
    user_vectors,
    validation_hit_rate,
)
from unclicked.run import Run, open_run
from unclicked.tensors import to_tensors


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Run:
    plain = shutil.ignore_patterns("evaluation")
    return open_run(Path(shutil.copytree(tiny_run, tmp_path / "run", ignore=plain)))


def brute_force(data: PreparedDataset, run: Run, split: str, k: int) -> tuple[list, list]:
    """The first k ids of every user, one at a time, and the true ids."""
    builder = held_out_builder(data, run.config, split)
    vectors = run.model.all_item_vectors().numpy().astype(np.float64)
    ids = data.catalogue.items.values.to_pylist()
    lists, truth = [], []
    for number in range(len(builder.samples)):
        batch = to_tensors(builder.build(np.array([number])), torch.device("cpu"))
        with torch.no_grad():
            user = run.model.user_vectors(batch)[0].numpy().astype(np.float64)
        scores = vectors[1:] @ user
        order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
        lists.append([ids[i] for i in order[:k]])
        begin, end = builder.samples.truth_offsets[number : number + 2]
        truth.append({ids[i - 1] for i in builder.samples.truth_items[begin:end]})
    return lists, truth


def metrics_of(ranked: list[str], truth: set[str], k: int) -> dict[str, float]:
    hits = [place for place, item in enumerate(ranked[:k], start=1) if item in truth]
    precision, recall = len(hits) / k, len(hits) / len(truth)
    gain = sum(1 / math.log2(place + 1) for place in hits)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(truth)) + 1))
    return {
        "HR": float(bool(hits)),
        "MRR": 1 / hits[0] if hits else 0.0,
        "R": recall,
        "F1": 2 * precision * recall / (precision + recall) if hits else 0.0,
        "P": precision,
        "NDCG": gain / ideal,
    }


@pytest.mark.parametrize("split", ["validation", "test"])
def test_equal_to_brute_force(tiny_data: PreparedDataset, run: Run, split: str) -> None:
    result = evaluate(run, tiny_data, split=split, top_k=(3, 10))
    lists, truth = brute_force(tiny_data, run, split, 10)
    assert result["users"] == len(lists)
    assert result["items"] == tiny_data.num_items
    for k in (3, 10):
        each = [metrics_of(one, true, k) for one, true in zip(lists, truth, strict=True)]
        stored = pq.read_table(run.path / "evaluation" / f"{split}.parquet")
        for name in PER_USER_METRICS:
            wanted = [one[name] for one in each]
            assert stored[f"{name}@{k}"].to_pylist() == pytest.approx(wanted)
            assert result["metrics"][f"{name}@{k}"] == pytest.approx(np.mean(wanted))
        seen = {item for one in lists for item in one[:k]}
        assert result["metrics"][f"coverage@{k}"] == len(seen) / tiny_data.num_items
    assert len(truth) > 30


def test_popularity_is_the_training_order(tiny_data: PreparedDataset, run: Run) -> None:
    result = evaluate(run, tiny_data, top_k=(10,))
    first = tiny_data.catalogue.items.values.to_pylist()[:10]
    _, truth = brute_force(tiny_data, run, "test", 1)
    wanted = np.mean([metrics_of(first, true, 10)["HR"] for true in truth])
    assert result["popularity"]["HR@10"] == pytest.approx(wanted)
    assert popularity_ranking(3, 2, 5).tolist() == [[1, 2, 3, 0, 0]] * 2


def test_equal_scores_are_ordered_by_id(tiny_data: PreparedDataset, run: Run) -> None:
    assert run.model.output is not None
    run.model.output.weight.data.zero_()
    ranked = rank(run.model, held_out_builder(tiny_data, run.config, "test"), 7, 16)
    ids = sorted(tiny_data.catalogue.items.values.to_pylist())[:7]
    assert all(tiny_data.catalogue.items.decode(row) == ids for row in ranked)


def test_batches_change_nothing(tiny_data: PreparedDataset, run: Run) -> None:
    builder = held_out_builder(tiny_data, run.config, "test")
    one, many = (user_vectors(run.model, builder, size) for size in (1, 512))
    torch.testing.assert_close(one, many)
    assert sum(len(part) for part in in_order(len(builder.samples), 7)) == len(one)


def test_a_list_longer_than_the_catalogue(tiny_data: PreparedDataset, run: Run) -> None:
    said: list[str] = []
    size = tiny_data.num_items
    result = evaluate(run, tiny_data, top_k=(size + 5,), warn=said.append)
    assert said == [f"The catalogue has {size} items; lists of {size + 5} end there."]
    assert result["metrics"][f"HR@{size + 5}"] == 1.0
    assert result["metrics"][f"R@{size + 5}"] == 1.0
    assert result["metrics"][f"coverage@{size + 5}"] == 1.0


def test_what_is_stored_is_what_comparison_reads(tiny_data: PreparedDataset, run: Run) -> None:
    result = evaluate(run, tiny_data, top_k=(5,))
    stored = load_per_user(run.path)
    ids = tiny_data.users.values.to_pylist()
    users = tiny_data.splits["test"].user
    assert list(stored.user_ids) == [ids[number] for number in users]
    assert stored.dataset_sha256 == tiny_data.sha256
    assert stored.metrics["HR@5"].mean() == pytest.approx(result["metrics"]["HR@5"])
    popular = stored.metrics["popularity:HR@5"].mean()
    assert popular == pytest.approx(result["popularity"]["HR@5"])
    assert json.loads((run.path / "evaluation" / "test.json").read_text()) == result
    assert not list((run.path / "evaluation").glob("*.tmp"))


def test_lengths_of_an_earlier_evaluation_stay(tiny_data: PreparedDataset, run: Run) -> None:
    first = evaluate(run, tiny_data, top_k=(50, 80))
    second = evaluate(run, tiny_data, top_k=(5,))
    assert second["top_k"] == [5]
    assert {name.partition("@")[2] for name in second["metrics"]} == {"5"}
    assert set(second["popularity"]) == set(second["metrics"])
    stored = load_per_user(run.path)
    for name in ("HR@50", "MRR@80", "popularity:R@80", "HR@5"):
        assert name in stored.metrics
    summary = json.loads((run.path / "evaluation" / "test.json").read_text())
    assert summary["top_k"] == [5, 50, 80]
    assert summary["metrics"] == first["metrics"] | second["metrics"]
    assert "HR@5" not in evaluate(run, tiny_data, split="validation", top_k=(7,))["metrics"]


def test_a_broken_evaluation_is_replaced(tiny_data: PreparedDataset, run: Run) -> None:
    evaluate(run, tiny_data, top_k=(9,))
    (run.path / "evaluation" / "test.json").write_text("{")
    evaluate(run, tiny_data, top_k=(5,))
    assert json.loads((run.path / "evaluation" / "test.json").read_text())["top_k"] == [5]


def test_truth_that_training_never_saw_is_counted(tiny_data: PreparedDataset, run: Run) -> None:
    result = evaluate(run, tiny_data, top_k=(5,))
    truth = tiny_data.splits["test"].truth_items
    unseen = np.mean([tiny_data.catalogue.clicks[item - 1] == 0 for item in truth])
    assert result["truth_items_without_training_click"] == pytest.approx(unseen)


def test_another_data_set_is_refused(tiny_data: PreparedDataset, run: Run) -> None:
    other = replace(tiny_data, sha256="0" * 64)
    with pytest.raises(ArtefactError, match=r"another data set.*hash.*against 000000000000"):
        evaluate(run, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"split": "train"}, "--split train"), ({"top_k": ()}, "TOP-K"), ({"top_k": (0,)}, "TOP-K")],
)
def test_wrong_questions(tiny_data: PreparedDataset, run: Run, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        evaluate(run, tiny_data, **options)


def test_the_best_validation_value_is_the_evaluation_s(
    tiny_data: PreparedDataset, run: Run
) -> None:
    builder = held_out_builder(tiny_data, run.config, "validation")
    value = validation_hit_rate(run.model, builder, 512)
    assert value == run.progress.best_value
    assert evaluate(run, tiny_data, split="validation")["metrics"]["HR@50"] == value


def test_the_lengths_of_every_users_lists_are_stored(run: Run, tiny_data: PreparedDataset) -> None:
    evaluate(run, tiny_data)
    stored = pq.read_table(run.path / "evaluation" / "test.parquet")
    samples = tiny_data.splits["test"]
    short, unclicked = [], []
    for number in range(len(samples)):
        short.append(int(samples.end[number] - samples.start[number]))
        row = samples.row_now[samples.position_offsets[number + 1] - 1]
        unclicked.append(int(samples.row_offsets[row + 1] - samples.row_offsets[row]))
    assert stored["length:short"].to_pylist() == short
    assert stored["length:unclicked"].to_pylist() == unclicked
    assert len(set(unclicked)) > 1
    assert not any(name.startswith("length") for name in load_per_user(run.path, "test").metrics)
