"""A warm start: rows matched by id, everything else taken over, what is new left fresh."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.errors import UserError
from unclicked.recommender import resolve_for
from unclicked.run import build_model, open_run, read_facts
from unclicked.start import train
from unclicked.training import checkpoint as store
from unclicked.training.optimiser import Optimiser
from unclicked.warm_start import warm_start

SETTINGS = {
    "model": {"dim": 16, "metric": "symmetric"},
    "train": {"max_epochs": 2, "num_buckets": 2},
}


def fresh(data: PreparedDataset, config: Config):
    model = build_model(config, data.catalogue, data.profile_vocabularies, len(data.users))
    return model, Optimiser(model, config.train)


@pytest.fixture(scope="module")
def smaller(tiny_log: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """The tiny log without some items: what an earlier day knew."""
    folder = tmp_path_factory.mktemp("smaller")
    log = pq.read_table(tiny_log / "impressions.parquet")
    items = pq.read_table(tiny_log / "items.parquet")
    known = set(items["item_id"].to_pylist()[::2])
    for name, table in (("log", log), ("items", items)):
        keep = [item in known for item in table["item_id"].to_pylist()]
        pq.write_table(table.filter(keep), folder / f"{name}.parquet")
    return prepare(
        [folder / "log.parquet"],
        folder / "data",
        items=folder / "items.parquet",
        users=tiny_log / "users.parquet",
        config=None,
    )


@pytest.fixture(scope="module")
def old_run(smaller: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("old") / "run"
    train(smaller, run, resolve_for(smaller.config, "recommended", SETTINGS))
    return run


def test_on_the_same_data_it_is_the_old_model(tiny_data: PreparedDataset, tiny_run: Path) -> None:
    config = read_facts(tiny_run).config
    model, optimiser = fresh(tiny_data, config)
    facts = warm_start(model, optimiser, tiny_data, config, tiny_run)
    old = open_run(tiny_run)
    for name, weight in old.model.named_parameters():
        assert torch.equal(weight, dict(model.named_parameters())[name]), name
    state = Optimiser(old.model, config.train)
    store.load_optimiser(tiny_run / "checkpoints" / f"{old.progress.best_step:09d}", state)
    assert all(torch.equal(value, optimiser.state[name]) for name, value in state.state.items())
    assert facts["items_known"] == tiny_data.num_items
    assert facts["items_new"] == 0


def test_rows_follow_their_ids(
    tiny_data: PreparedDataset, smaller: PreparedDataset, old_run: Path
) -> None:
    config = resolve_for(tiny_data.config, "recommended", SETTINGS)
    model, optimiser = fresh(tiny_data, config)
    untouched, _ = fresh(tiny_data, config)
    facts = warm_start(model, optimiser, tiny_data, config, old_run)
    old = open_run(old_run)
    theirs = {one: n for n, one in enumerate(smaller.catalogue.items.values.to_pylist(), 1)}
    known = 0
    for number, item in enumerate(tiny_data.catalogue.items.values.to_pylist(), start=1):
        ours = model.tower.table("item_id").weight[number], model.output.weight[number]
        if item in theirs:
            known += 1
            place = theirs[item]
            expected = (
                old.model.tower.table("item_id").weight[place],
                old.model.output.weight[place],
            )
        else:
            table = untouched.tower.table("item_id").weight
            expected = table[number], untouched.output.weight[number]
        assert torch.equal(ours[0], expected[0]) and torch.equal(ours[1], expected[1])
    assert 0 < known < tiny_data.num_items
    assert facts["items_known"] == known
    for field in tiny_data.catalogue.fields:
        vocabulary = tiny_data.catalogue.fields[field].vocabulary.values.to_pylist()
        before = smaller.catalogue.fields[field].vocabulary.values.to_pylist()
        value = before[0]
        row = model.tower.table(field).weight[vocabulary.index(value) + 1]
        assert torch.equal(row, old.model.tower.table(field).weight[1])
    dense = {n for n in dict(model.named_parameters()) if n not in model.tables()}
    for name in dense:
        assert torch.equal(
            dict(model.named_parameters())[name], dict(old.model.named_parameters())[name]
        )


def test_a_run_remembers_where_it_came_from_and_trains(
    tiny_data: PreparedDataset, old_run: Path, tmp_path: Path
) -> None:
    config = resolve_for(tiny_data.config, "recommended", SETTINGS)
    train(tiny_data, tmp_path / "run", config, warm_from=old_run)
    origin = read_facts(tmp_path / "run").origin["warm_start"]
    assert origin["run"] == str(old_run.resolve())
    assert origin["optimizer_state"] is True


def test_resume_before_the_first_checkpoint_starts_warm_again(
    tiny_data: PreparedDataset, old_run: Path, tmp_path: Path
) -> None:
    config = resolve_for(tiny_data.config, "recommended", SETTINGS)
    for name in ("whole", "stopped"):
        train(tiny_data, tmp_path / name, config, warm_from=old_run)
    for checkpoint in (tmp_path / "stopped" / "checkpoints").iterdir():
        checkpoint.rename(tmp_path / f"gone-{checkpoint.name}")
    (tmp_path / "stopped" / "log.jsonl").unlink()
    train(tiny_data, tmp_path / "stopped", config, resume=True)
    one, other = open_run(tmp_path / "whole"), open_run(tmp_path / "stopped")
    for name, weight in one.model.named_parameters():
        assert torch.equal(weight, dict(other.model.named_parameters())[name]), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"dim": 8}}, "model.dim 16, now 8"),
        ({"model": {"fusion": "subtract"}}, "model.fusion 'confidence', now 'subtract'"),
        (
            {"model": {"dim": 16}, "train": {"ranking_loss": "mse"}},
            "train.ranking_loss 'sampled_softmax', now 'mse'",
        ),
    ],
)
def test_another_model_is_refused(
    tiny_data: PreparedDataset, tiny_run: Path, tmp_path: Path, change: dict, message: str
) -> None:
    config = resolve_for(tiny_data.config, "recommended", change)
    with pytest.raises(UserError, match=message):
        train(tiny_data, tmp_path / "run", config, warm_from=tiny_run)
    assert not (tmp_path / "run").exists()


def test_other_fields_are_refused(tiny_log: Path, tiny_run: Path, tmp_path: Path) -> None:
    bare = prepare([tiny_log / "impressions.parquet"], tmp_path / "bare")
    config = resolve_for(bare.config, "recommended", SETTINGS)
    with pytest.raises(UserError, match="item fields"):
        train(bare, tmp_path / "run", config, warm_from=tiny_run)
