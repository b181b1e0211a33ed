"""Settings without effect are named, and really have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.ignored import (
    chosen_keys,
    ignored_at_preparation,
    ignored_settings,
    set_on_purpose,
)
from unclicked.presets import PRESETS
from unclicked.settings import flatten, parse_set, preset_settings, resolve
from unclicked.start import train
from unclicked.training.checkpoint import list_checkpoints

# Beside which settings a value makes no difference.
CASES = [
    (["model.metric=none"], "model.margin=9"),
    (["model.metric=none"], "model.metric_weight=3"),
    (["model.metric=none"], "model.label_encoder=separate"),
    (["model.metric=none"], "model.stop_gradient_labels=true"),
    (["model.metric=symmetric", "model.metric_weight=0"], "model.metric_grad_cap=0.5"),
    (["model.metric=symmetric", "model.metric_weight=0"], "model.margin=9"),
    (["model.metric=asymmetric"], "model.symmetric_form=two_hinges"),
    (["model.metric=symmetric"], "model.pair_form=plain"),
    (["model.metric=label_unclicked", "model.pair_form=plain"], "model.margin=9"),
    (["model.metric=clicked_label"], "model.margin=9"),
    (["model.metric=clicked_unclicked"], "model.label_source=output"),
    (["model.metric=label_unclicked"], "model.metric_on=user"),
    (["model.metric=symmetric", "model.fusion=none"], "model.metric_on=user"),
    (["model.metric=none"], "model.metric_warmup_steps=3"),
    (["model.metric=none"], "model.metric_input=tanh"),
    (["model.metric=none"], "model.metric_labels=permuted"),
    (["model.metric=symmetric", "model.metric_weight=0"], "model.metric_warmup_steps=3"),
    (["model.metric=asymmetric"], "model.metric_temperature=2.0"),
    (["model.metric=infonce"], "model.margin=9"),
    (["model.metric=infonce"], "model.metric_norm=l2"),
    (["model.metric=infonce"], "model.pair_form=plain"),
    (["model.metric=clicked_unclicked"], "model.metric_labels=permuted"),
    (["model.metric=label_unclicked"], "model.metric_input=layer_norm"),
    (["model.fusion=subtract"], "model.gate_activation=tanh"),
    (["model.fusion=none", "model.metric=none"], "model.unclicked_dropout=0.5"),
    (["model.fusion=subtract"], "model.gate_activation=identity"),
    (["model.metric=symmetric", "train.loss_positions=last"], "model.metric_positions=last"),
    (["train.optimizer=adam", "train.learning_rate=0.01"], "train.initial_accumulator=0.5"),
    (["train.patience=3", "train.max_epochs=1"], "train.patience=7"),
    (["train.num_negatives=121"], "train.num_negatives=999"),
    (["train.ranking_loss=mse"], "train.num_negatives=7"),
    (["train.ranking_loss=mse"], "train.unclicked_negatives=1"),
    (["train.unclicked_negatives=1"], "train.logits=bfloat16"),
    (["model.fusion=none", "model.metric=none"], "data.unclicked.cut=session_start"),
    (["model.fusion=none", "model.metric=none"], "data.unclicked.source=random"),
    (
        [
            *("model.fusion=none", "model.metric=none", "train.ranking_loss=mse"),
            "train.unclicked_negatives=1",
        ],
        "data.unclicked.source=random",
    ),
    (["model.fusion=none", "model.metric=none"], "data.unclicked.weighting=exposures"),
    (
        [
            *("model.fusion=none", "model.metric=none", "model.encoder=sasrec"),
            "model.encoder_options.reads_unclicked=true",
        ],
        "data.unclicked.weighting=exposures",
    ),
]
SMALL = ["model.dim=8", "train.max_epochs=1", "train.num_buckets=1", "train.batch_size=64"]


def settings(*texts: str) -> dict[str, Any]:
    """Nested settings of `key=value` texts."""
    return parse_set(texts)


@pytest.mark.parametrize(("beside", "ignored"), CASES)
def test_named(beside: list[str], ignored: str) -> None:
    config = resolve(preset_settings("recommended"), settings(*beside, ignored))
    key = ignored.partition("=")[0]
    found = ignored_settings(config, [key, "model.dim"], num_items=120)
    assert list(found) == [key]
    assert ignored_settings(config, ["model.dim", "train.seed"], num_items=120) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("beside", "ignored"), CASES)
def test_no_effect(
    beside: list[str], ignored: str, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    weights = []
    for name, more in (("a", []), ("b", [ignored])):
        config = resolve_for(tiny_data.config, "recommended", settings(*SMALL, *beside, *more))
        train(tiny_data, tmp_path / name, config)
        model = list_checkpoints(tmp_path / name)[0] / "model.safetensors"
        weights.append(model.read_bytes())
    # A separate map of labels is made, but what it would give is never used.
    if "label_encoder" in ignored:
        assert abs(len(weights[0]) - len(weights[1])) < 2000
    else:
        assert weights[0] == weights[1]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_nothing_that_counts_is_named(preset: str) -> None:
    """Each switch of the plug-in counts in at least one preset's neighbourhood."""
    config = resolve(preset_settings(preset))
    assert ignored_settings(config, ["model.fusion", "model.metric", "train.learning_rate"]) == {}
    full = ignored_settings(config, list(flatten(config)))
    if config.model.metric == "symmetric":
        assert set(full) == {"model.pair_form", "model.metric_temperature"}
    if config.model.metric == config.model.fusion == "none":
        assert {"model.margin", "data.unclicked.cut", "model.gate_activation"} <= set(full)


def test_what_a_contrast_reads_is_not_named() -> None:
    keys = ["metric_temperature", "metric_input", "metric_labels", "metric_warmup_steps"]
    dotted = [f"model.{key}" for key in (*keys, "metric_norm", "label_source")]
    config = resolve(settings("model.metric=infonce", "model.intermediate_margin=1.0"))
    assert ignored_settings(config, dotted) == {}
    config = resolve(settings("model.metric=infonce"))
    assert list(ignored_settings(config, dotted)) == ["model.metric_norm"]


def test_what_an_encoder_reads_is_not_named() -> None:
    keys = ["data.unclicked.cut", "data.unclicked.source"]
    base = ["model.fusion=none", "model.metric=none", "model.encoder=sasrec"]
    assert list(ignored_settings(resolve(settings(*base)), keys)) == keys
    reads = settings(*base, "model.encoder_options.reads_unclicked=true")
    assert ignored_settings(resolve(reads), keys) == {}


def test_on_purpose() -> None:
    file = settings("model.margin=5.0", "train.num_negatives=500", "model.dim=48")
    config = resolve(file, settings("model.metric=none"))
    # The margin is the default and the negatives are a preset's; the width is neither.
    assert set_on_purpose(config, file, {}) == ["model.dim"]
    assert set_on_purpose(config, file, settings("model.margin=5.0")) == [
        "model.dim",
        "model.margin",
    ]
    assert set_on_purpose(Config(), {}, {}) == []


def test_keys_of_free_tables_are_one() -> None:
    nested = {"data": {"item_bins": {"price": [1.0]}}, "model": {"field_dims": {"a": 4}}}
    assert chosen_keys([nested]) == ["data.item_bins", "model.field_dims"]


def test_at_preparation() -> None:
    keys = ["data.item_bins", "data.user_bins", "data.unclicked.window_days", "train.seed"]
    found = ignored_at_preparation(keys, has_items=False, has_users=True)
    assert set(found) == {"data.item_bins", "train.seed"}
    found = ignored_at_preparation(keys, has_items=True, has_users=False)
    assert set(found) == {"data.user_bins", "train.seed"}
