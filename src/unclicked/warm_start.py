"""Start a run from an earlier run's weights, matched by the ids and values that both know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unclicked import artefact
from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError
from unclicked.model import UnclickedRecommender
from unclicked.run import EncoderMaker, Run, open_run
from unclicked.training import checkpoint as store
from unclicked.training.optimiser import Optimiser

Rows = tuple[Tensor, Tensor]


@torch.no_grad()
def warm_start(
    model: UnclickedRecommender,
    optimiser: Optimiser,
    dataset: PreparedDataset,
    config: Config,
    run: Path,
    encoder: EncoderMaker | None = None,
) -> dict[str, Any]:
    """Copy the weights and optimiser state of a run's best checkpoint into a fresh model.

    Rows of tables are matched by item id, field value, profile value and user id. What the old run
    never saw keeps its fresh weights; what is gone is left behind. Everything else must have the
    same shape.

    Args:
        model: The fresh model.
        optimiser: Its optimiser; its state is taken over where the old one is of the same kind.
        dataset: What will be trained on.
        config: Settings of the new run.
        run: The earlier run.
        encoder: Makes the encoder, where it is one of the user's own.

    Returns:
        Facts for the new run: the old run's path, data set and step, and the items in both.

    Raises:
        UserError: If the old run's model has other settings or fields.
        ArtefactError: If the old run is broken.
    """
    old = open_run(run, encoder)
    _check_same_model(old, config, dataset)
    tables = _table_rows(model, old, dataset)
    step = old.progress.best_step
    state = Optimiser(old.model, old.config.train)
    same = old.config.train.optimizer == config.train.optimizer
    if same:
        checkpoint = run / "checkpoints" / f"{step:09d}"
        artefact.verify(checkpoint, store.KIND)
        store.load_optimiser(checkpoint, state)
        optimiser.num_steps = state.num_steps
    before = dict(old.model.named_parameters())
    for name, weight in model.named_parameters():
        _copy(weight, before[name], tables.get(name), name)
        for key, value in optimiser.state.items():
            if same and key.rpartition(":")[0] == name:
                _copy(value, state.state[key], tables.get(name), key)
    shared = len(tables["tower.tables.0.weight"][0]) - 2
    return {
        "run": str(run.resolve()),
        "step": step,
        "dataset_sha256": old.facts.dataset_sha256,
        "items_known": shared,
        "items_new": dataset.num_items - shared,
        "optimizer_state": same,
    }


def _check_same_model(old: Run, config: Config, dataset: PreparedDataset) -> None:
    before, now = old.config.model.model_dump(), config.model.model_dump()
    # How far the losses pull may change; what the weights are may not.
    free = {"margin", "metric_weight", "metric_grad_cap", "metric_positions", "intermediate_margin"}
    free |= {"metric_temperature", "metric_warmup_steps"}
    differ = [key for key in before if before[key] != now[key] and key not in free]
    shown = ", ".join(f"model.{k} {before[k]!r}, now {now[k]!r}" for k in differ[:3])
    # One loss moves the vectors scored against, the other relies on their length of one.
    losses = old.config.train.ranking_loss, config.train.ranking_loss
    if losses[0] != losses[1]:
        shown = f"train.ranking_loss {losses[0]!r}, now {losses[1]!r}"
    if shown:
        raise UserError(
            "WARM-START",
            str(old.path),
            f"was trained with {shown}. Give the same settings, or train without --warm-start.",
        )
    fields = {
        "item fields": (list(old.catalogue.fields), list(dataset.catalogue.fields)),
        "profile fields": (list(old.profile_vocabularies), list(dataset.profile_vocabularies)),
    }
    for what, (had, has) in fields.items():
        if had != has:
            raise UserError(
                "WARM-START",
                str(old.path),
                f"was trained with the {what} {had}, {dataset.path} has {has}. Prepare the data "
                "with the same columns, or train without --warm-start.",
            )


def _table_rows(model: UnclickedRecommender, old: Run, dataset: PreparedDataset) -> dict[str, Rows]:
    """For each table, by the name of its weight, rows of the new one and the same of the old."""
    items = _matched(dataset.catalogue.items, old.catalogue.items)
    rows = {"tower.tables.0.weight": items, "output.weight": items}
    for number, name in enumerate(model.tower.fields, start=1):
        rows[f"tower.tables.{number}.weight"] = _matched(
            dataset.catalogue.fields[name].vocabulary, old.catalogue.fields[name].vocabulary
        )
    for number, name in enumerate(old.profile_vocabularies):
        rows[f"profile.tables.{number}.weight"] = _matched(
            dataset.profile_vocabularies[name], old.profile_vocabularies[name]
        )
    rows["profile.user_table.weight"] = _matched(dataset.users, old.users)
    return rows


def _matched(new: Vocabulary, old: Vocabulary) -> Rows:
    """Rows of values in both, padding and the unknown value included."""
    if new.values.type != old.values.type:
        return torch.tensor([0, new.unknown]), torch.tensor([0, old.unknown])
    places = old.encode(new.values)
    here = np.flatnonzero(places < old.unknown)
    target = np.concatenate([[0], here + 1, [new.unknown]])
    source = np.concatenate([[0], places[here], [old.unknown]])
    return torch.from_numpy(target), torch.from_numpy(source)


def _copy(target: Tensor, source: Tensor, rows: Rows | None, name: str) -> None:
    if rows is not None and len(rows[0]):
        target[rows[0].to(target.device)] = source[rows[1]].to(target.device)
        return
    if target.shape != source.shape:
        raise UserError(
            "WARM-START",
            name,
            f"has shape {list(source.shape)} in the old run, expected {list(target.shape)}. Train "
            "without --warm-start.",
        )
    target.copy_(source)
