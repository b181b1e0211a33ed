"""The three users are chosen by the stated rule, and shown what the models really ranked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from unclicked import stored_evaluation
from unclicked.data.dataset import PreparedDataset
from unclicked.evaluation import evaluate
from unclicked.report.labels import Labels, label_field, value_of
from unclicked.report.users import choose, tell_users
from unclicked.run import open_run
from unclicked.sealed import seal


@pytest.mark.parametrize(
    ("base", "run", "lengths", "chosen"),
    [
        # Largest gain, largest loss; no change with the higher recall.
        ([0, 0, 1, 1, 0.5], [1, 0, 1, 0, 0.75], [1, 1, 1, 1, 1], (0, 2, 3)),
        # Ties: the longer list, then the first by id.
        ([0, 0, 0], [1, 1, 1], [2, 5, 5], (1, None, None)),
        ([1, 1, 1], [0, 0, 0], [5, 5, 2], (None, None, 0)),
        ([1, 1, 0], [1, 1, 0], [2, 3, 9], (None, 1, None)),
        # Users without an unclicked item are never told of.
        ([0, 0], [1, 0.5], [0, 4], (1, None, None)),
        ([0], [1], [0], (None, None, None)),
    ],
)
def test_the_rule(
    base: list[float], run: list[float], lengths: list[int], chosen: tuple[int | None, ...]
) -> None:
    found = choose(np.array(base, float), np.array(run, float), np.array(lengths))
    kinds = ("helped", "unharmed", "harmed")
    assert found == {k: one for k, one in zip(kinds, chosen, strict=True) if one is not None}


@pytest.fixture(scope="module")
def judged(
    tiny_run: Path, tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    # Other tests look at a run that nobody has judged.
    folder = tmp_path_factory.mktemp("told") / "run"
    run = Path(shutil.copytree(tiny_run, folder, ignore=shutil.ignore_patterns("evaluation")))
    evaluate(open_run(run), tiny_data, split="test", top_k=(50, 80))
    return run


def test_lists_are_those_that_were_judged(judged: Path, tiny_data: PreparedDataset) -> None:
    told = tell_users(Path("popularity"), judged, tiny_data)
    assert told is not None
    _, table = stored_evaluation.load(judged, "test")
    stored = {row["user_id"]: row for row in table.to_pylist()}
    samples = tiny_data.splits["test"]
    for one in told.users:
        row = stored[one.user_id]
        assert one.base_list == list(range(1, 51))
        assert one.hits(one.run_list) / len(one.later) == pytest.approx(row["R@50"])
        assert one.hits(one.base_list) / len(one.later) == pytest.approx(row["popularity:R@50"])
        assert len(one.unclicked) == row["length:unclicked"] > 0
        (place,) = np.flatnonzero(
            samples.user == tiny_data.users.encode([one.user_id])[0] - 1
        ).tolist()
        assert (
            one.clicked == tiny_data.click_item[samples.start[place] : samples.end[place]].tolist()
        )
        change = row["R@50"] - row["popularity:R@50"]
        assert {"helped": change > 0, "unharmed": change == 0, "harmed": change < 0}[one.kind]


def test_what_is_shown_ends_where_the_run_s_lists_do(
    judged: Path, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(judged, tmp_path / "run"))
    content = json.loads((run / "run.json").read_text())
    content["config"]["data"]["unclicked"]["cut"] = "session_start"
    (run / "run.json").write_text(json.dumps(seal(content)))
    shutil.rmtree(run / "evaluation")
    evaluate(open_run(run), tiny_data, split="test", top_k=(50, 80))
    told = tell_users(Path("popularity"), run, tiny_data)
    assert told is not None
    stored = {row["user_id"]: row for row in stored_evaluation.load(run, "test")[1].to_pylist()}
    samples = tiny_data.splits["test"]
    sizes = samples.row_offsets[1:] - samples.row_offsets[:-1]
    now = sizes[samples.row_now[samples.position_offsets[1:] - 1]]
    for one in told.users:
        assert len(one.unclicked) == stored[one.user_id]["length:unclicked"]
    # Otherwise the two cuts would not be told apart.
    assert (now != sizes[samples.row_start]).any()


def test_labels_with_and_without_names(tiny_data: PreparedDataset) -> None:
    labels = Labels.of(tiny_data, [1, 2])
    item_id = tiny_data.catalogue.items.decode([1])[0]
    value = value_of(tiny_data.catalogue, "leaf_category", 1)
    assert label_field(tiny_data.catalogue) == "leaf_category"
    assert labels.parts(1) == (item_id, value)
    assert labels.text(1) == f"{item_id} \N{MIDDLE DOT} {value}"
    named = Labels(labels.ids, {1: "Boots", 2: ""}, labels.values, labels.field)
    assert named.parts(1) == ("Boots", item_id)
    assert named.parts(2)[0] == tiny_data.catalogue.items.decode([2])[0]
