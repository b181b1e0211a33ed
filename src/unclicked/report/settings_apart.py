"""In which settings two runs differ, and whether that is unclicked items and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unclicked.run import read_facts

OPTIONS = "model.encoder_options"
# Settings of the plug-in: without fusion and metric loss they change nothing.
PLUGIN_KEYS = (
    "model.fusion",
    "model.metric",
    "model.margin",
    "model.symmetric_form",
    "model.pair_form",
    "model.label_",
    "model.stop_gradient_labels",
    "model.gate_activation",
    "model.intermediate_margin",
    "model.unclicked_dropout",
    "data.unclicked.",
)
SEED = "train.seed"


def settings_apart(base: Path | None, run: Path | None) -> dict[str, tuple[Any, Any]]:
    """Settings in which two runs differ.

    Args:
        base: A run; None where nothing was trained.
        run: Another.

    Returns:
        Dotted key to the base's value and the run's.

    Raises:
        ArtefactError: If a run cannot be read.
    """
    if base is None or run is None:
        return {}
    first, second = (_flat(read_facts(one).config.model_dump()) for one in (base, run))
    keys = sorted(first.keys() | second.keys())
    pairs = {key: (first.get(key), second.get(key)) for key in keys}
    return {key: both for key, both in pairs.items() if both[0] != both[1]}


def only_unclicked(base: Path | None, run: Path | None) -> bool:
    """Whether a run reads its users' unclicked items, its base does not, and nothing else differs.

    Args:
        base: A run; None for the ranking by popularity.
        run: Another.

    Returns:
        True if the difference between both can be put down to reading unclicked items.

    Raises:
        ArtefactError: If a run cannot be read.
    """
    if base is None or run is None:
        return False
    facts = [read_facts(one) for one in (base, run)]
    first, second = (one.config for one in facts)
    reads = [first.sees_unclicked, second.model.sees_unclicked]
    if reads != [False, True] or second.data.unclicked.source != "own":
        return False
    same = facts[0].own_encoder == facts[1].own_encoder
    apart = settings_apart(base, run)
    options = [{**one.model.encoder_options, "reads_unclicked": 0} for one in (first, second)]
    if options[0] == options[1]:
        apart = {key: pair for key, pair in apart.items() if not key.startswith(OPTIONS)}
    return same and all(key.startswith(PLUGIN_KEYS) or key == SEED for key in apart)


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of nested tables."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
