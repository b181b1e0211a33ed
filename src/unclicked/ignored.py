"""Settings that change nothing beside the others, so that nobody waits for an effect of theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from unclicked.config import Config, ModelConfig
from unclicked.presets import PRESETS
from unclicked.settings import flatten

# These hold names of the user's own, not settings with a name of ours.
_FREE_TABLES = ("encoder_options", "field_dims", "item_bins", "user_bins")
# What each form of the metric loss looks at besides the clicked vector.
_WITH_LABELS = ("asymmetric", "symmetric", "clicked_label", "label_unclicked", "infonce")
_WITHOUT_MARGIN = ("clicked_label", "infonce")
_PAIRS_APART = ("clicked_unclicked", "label_unclicked")
_METRIC_KEYS = (
    "margin",
    "metric_temperature",
    "metric_weight",
    "metric_warmup_steps",
    "metric_grad_cap",
    "metric_positions",
    "metric_on",
    "metric_norm",
    "metric_input",
    "metric_labels",
    "symmetric_form",
    "pair_form",
    "label_encoder",
    "label_source",
    "stop_gradient_labels",
    "intermediate_margin",
)


def ignored_settings(
    config: Config, chosen: Collection[str], *, num_items: int | None = None
) -> dict[str, str]:
    """Settings of a run that were chosen but have no effect beside the others.

    Args:
        config: The resolved configuration of a run.
        chosen: Dotted keys that somebody set, such as `model.margin`.
        num_items: Size of the catalogue, where it is known.

    Returns:
        Dotted key to the reason, in the order of the keys.

    Example:
        >>> from unclicked.settings import resolve
        >>> config = resolve({"model": {"metric": "none", "margin": 2.0}})
        >>> ignored_settings(config, ["model.margin", "model.dim"])
        {'model.margin': 'model.metric is none'}
    """
    reasons: dict[str, str] = {}
    for key, reason in (*_of_metric(config), *_of_plugin(config), *_of_training(config, num_items)):
        # The first reason is the most general one.
        reasons.setdefault(key, reason)
    return {key: reasons[key] for key in sorted(chosen) if key in reasons}


def _of_metric(config: Config) -> Iterator[tuple[str, str]]:
    model = config.model
    keys = [f"model.{name}" for name in _METRIC_KEYS]
    if model.metric == "none":
        yield from ((key, "model.metric is none") for key in keys)
        return
    if model.metric_weight == 0:
        keys.remove("model.metric_weight")
        yield from ((key, "model.metric_weight is 0") for key in keys)
    if model.fusion == "none":
        yield "model.metric_on", "model.fusion is none, so both vectors are the same"
    if config.train.loss_positions == "last":
        yield "model.metric_positions", "train.loss_positions is last, so there is no other"
    yield from _of_form(config.model)


def _of_form(model: ModelConfig) -> Iterator[tuple[str, str]]:
    form = f"model.metric is {model.metric}"
    if model.metric != "symmetric":
        yield "model.symmetric_form", f"{form}, not symmetric"
    if model.metric not in _PAIRS_APART:
        yield "model.pair_form", f"{form}, which pushes no pair apart"
    elif model.pair_form == "plain":
        yield "model.margin", "model.pair_form is plain, which has no margin"
    if model.metric in _WITHOUT_MARGIN:
        yield "model.margin", f"{form}, which has no margin"
    if model.metric not in _WITH_LABELS:
        for name in ("label_encoder", "label_source", "stop_gradient_labels", "metric_labels"):
            yield f"model.{name}", f"{form}, which sees no labels"
    yield from _of_seen(model, form)


def _of_seen(model: ModelConfig, form: str) -> Iterator[tuple[str, str]]:
    if model.metric != "infonce":
        yield "model.metric_temperature", f"{form}, not infonce"
    # The intermediate term looks at distances from the clicked vector beside any form.
    if model.intermediate_margin > 0:
        return
    if model.metric == "infonce":
        yield "model.metric_norm", f"{form}, which sees directions only"
    if model.metric == "label_unclicked":
        for name in ("metric_on", "metric_input"):
            yield f"model.{name}", f"{form}, which sees no user"


def _of_plugin(config: Config) -> Iterator[tuple[str, str]]:
    model = config.model
    if model.fusion != "confidence":
        yield "model.gate_activation", f"model.fusion is {model.fusion}, which has no gate"
    if not model.sees_unclicked:
        reason = "model.fusion and model.metric are none, so no list of unclicked items is read"
        yield "model.unclicked_dropout", reason
    if not config.sees_unclicked:
        for name in ("cut", "source", "weighting"):
            reason = "model.fusion and model.metric are none, so no unclicked item is seen"
            yield f"data.unclicked.{name}", reason
    elif model.fusion == "none" and model.metric == "none":
        reason = "model.fusion and model.metric are none, so no mean of unclicked items is made"
        yield "data.unclicked.weighting", reason


def _of_training(config: Config, num_items: int | None) -> Iterator[tuple[str, str]]:
    train = config.train
    if train.ranking_loss == "mse":
        yield "train.num_negatives", "train.ranking_loss is mse, which draws none"
        yield "train.unclicked_negatives", "train.ranking_loss is mse, which has no negatives"
        yield "train.logq", "train.ranking_loss is mse, which draws none"
    elif train.logq == "refined":
        yield "train.logits", "train.logq is refined, whose products are in float32"
    elif train.unclicked_negatives > 0:
        yield "train.logits", "train.unclicked_negatives is on, whose products are in float32"
    if train.optimizer != "adagrad":
        yield "train.initial_accumulator", f"train.optimizer is {train.optimizer}"
    # The same number is how one says that nothing is to stop early.
    if train.patience > train.max_epochs:
        yield "train.patience", f"train.max_epochs is {train.max_epochs}, which comes first"
    if num_items is not None and train.num_negatives > num_items:
        yield (
            "train.num_negatives",
            f"the catalogue has {num_items} items, and more than all of them cannot be drawn",
        )


def ignored_at_preparation(
    chosen: Collection[str], *, has_items: bool, has_users: bool
) -> dict[str, str]:
    """Settings that were chosen for preparing a log but have no effect there.

    Args:
        chosen: Dotted keys that somebody set.
        has_items: Whether a table of items is given.
        has_users: Whether a table of users is given.

    Returns:
        Dotted key to the reason, in the order of the keys.

    Example:
        >>> ignored_at_preparation(["model.dim"], has_items=True, has_users=True)
        {'model.dim': 'it is a setting of training'}
    """
    reasons = {}
    for key in sorted(chosen):
        table, _, name = key.partition(".")
        if table != "data":
            reasons[key] = "it is a setting of training"
        elif name.split(".")[0] in ("item_bins", "missing_item", "item_name") and not has_items:
            reasons[key] = "no table of items is given"
        elif name.split(".")[0] == "user_bins" and not has_users:
            reasons[key] = "no table of users is given"
    return reasons


def set_on_purpose(
    config: Config, file: Mapping[str, Any], options: Mapping[str, Any]
) -> list[str]:
    """Keys that a person set on purpose.

    A printed configuration names every key; what it repeats of the defaults or of a preset was
    not chosen by anybody.

    Args:
        config: The resolved configuration.
        file: Nested settings of a configuration file.
        options: Nested settings of `--set`, which are all on purpose.

    Returns:
        Dotted keys, sorted.
    """
    given, usual = flatten(config), flatten(Config())
    presets = [dict(_values(settings, "")) for settings in PRESETS.values()]
    named = set(chosen_keys([options]))
    for key in chosen_keys([file]):
        ordinary = [usual.get(key), *(preset[key] for preset in presets if key in preset)]
        if given.get(key) not in ordinary:
            named.add(key)
    return sorted(named)


def _values(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def chosen_keys(layers: Collection[Mapping[str, Any]]) -> list[str]:
    """Dotted keys that nested settings name.

    Args:
        layers: Nested tables, as read from a file or from `--set`.

    Returns:
        The keys, each once, sorted.

    Example:
        >>> chosen_keys([{"model": {"dim": 8}}, {"model": {"dim": 4, "fusion": "none"}}])
        ['model.dim', 'model.fusion']
    """
    return sorted({key for layer in layers for key in _dotted(layer, "")})


def _dotted(nested: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in nested.items():
        if isinstance(value, Mapping) and name not in _FREE_TABLES:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name
