"""Settings of a run on a data set: what was fixed at preparation, and what training may choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unclicked.config import Config, DataConfig
from unclicked.dotted import merge
from unclicked.errors import UserError
from unclicked.settings import flatten, preset_settings, resolve

TRAIN_TIME_DATA_KEYS = ("cut", "source", "weighting")


def resolve_for(dataset: DataConfig, preset: str, *layers: Mapping[str, Any]) -> Config:
    """Settings of a run on a data set: preset, then the data set's rules, then what is given.

    Args:
        dataset: The `[data]` table that the data set was prepared with.
        preset: Name of a preset.
        *layers: Nested settings, later ones win.

    Returns:
        The checked configuration.

    Raises:
        UserError: If a rule of the data set would change, which needs preparing it anew.
    """
    # What was chosen on purpose when the log was prepared outweighs a preset.
    standard = DataConfig().unclicked
    chosen = {
        name: getattr(dataset.unclicked, name)
        for name in TRAIN_TIME_DATA_KEYS
        if getattr(dataset.unclicked, name) != getattr(standard, name)
    }
    config = resolve(preset_settings(preset), {"data": {"unclicked": chosen}}, *layers)
    asked: dict[str, Any] = {}
    for layer in layers:
        asked = merge(asked, layer.get("data", {}))
    prepared = flatten(dataset)
    kept = {f"unclicked.{name}" for name in TRAIN_TIME_DATA_KEYS}
    wanted = flatten(config.data)
    for key in flatten_given(asked):
        if key not in kept and wanted.get(key) != prepared.get(key):
            raise UserError(
                "CONFIG-DATA",
                f"data.{key}",
                f"found {wanted.get(key)!r}, but the data set was prepared with "
                f"{prepared.get(key)!r}. Prepare it anew, or leave this out.",
            )
    now = {name: getattr(config.data.unclicked, name) for name in TRAIN_TIME_DATA_KEYS}
    data = merge(dataset.model_dump(), {"unclicked": now})
    return resolve(config.model_dump(), {"data": data})


def flatten_given(nested: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys of a nested table.

    Args:
        nested: The table.
        prefix: Put before each key.

    Returns:
        The keys.

    Example:
        >>> flatten_given({"unclicked": {"cut": "now"}, "time_unit": "s"})
        ['unclicked.cut', 'time_unit']
    """
    keys = []
    for name, value in nested.items():
        if isinstance(value, Mapping) and name not in ("item_bins", "user_bins"):
            keys.extend(flatten_given(value, f"{prefix}{name}."))
        else:
            keys.append(prefix + name)
    return keys
