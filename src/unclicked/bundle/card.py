"""The model card: what was trained on what, how well it does, and what it cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from unclicked import stored_evaluation
from unclicked.data.dataset import PreparedDataset
from unclicked.data.split import readable
from unclicked.errors import ArtefactError
from unclicked.run import Run
from unclicked.statistics import Z_ALPHA

TOLD = ("HR", "MRR", "R", "NDCG")
USER_DATA = (
    "This bundle holds no user ids, no profiles of users and no events: weights, items with their "
    "fields, and the values that profile fields may take. Weights were learned from clicks, and "
    "nothing rules out that they tell of single users. The run it was exported from holds the "
    "user ids of its data set; the data set holds the log. To remove a user, take her rows out of "
    "the log, prepare, train and export again, and delete the old folders."
)
LIMITS = (
    "The lists are of items that the training days knew; an item added later is encoded by its "
    "fields, where the model was trained for that.",
    "Scores order the items of one list; they are no probabilities and are not comparable between "
    "users or models.",
    "The metrics are of days after the training days of one log; on other days, places or users "
    "they may be lower.",
    "Whether unclicked items help is a property of the log: compare with a run without them.",
)


def model_card(run: Run, dataset: PreparedDataset | None) -> dict[str, Any]:
    """Facts of a model for whoever serves or reviews it.

    Args:
        run: The run.
        dataset: Its data set, where that is at hand.

    Returns:
        Keys "model", "data", "split", "evaluation", "limits" and "user_data".
    """
    config = run.config
    card = {} if dataset is None else dataset.card
    data: dict[str, Any] = {"sha256": run.facts.dataset_sha256, "items": len(run.catalogue.items)}
    data |= {key: card[key] for key in ("users", "rows", "samples", "mean_length") if key in card}
    return {
        "model": {
            "name": run.path.resolve().name,
            "preset": run.facts.preset,
            "encoder": run.facts.own_encoder or config.model.encoder,
            "fusion": config.model.fusion,
            "metric": config.model.metric,
            "unclicked_read_by": " and ".join(run.model.unclicked_readers()) or "nothing",
            "dim": config.model.dim,
            "cut": config.data.unclicked.cut,
            "step": run.progress.best_step,
            "versions": run.facts.machine,
        },
        "data": data,
        "split": config.data.split.model_dump() | {"boundaries": card.get("boundaries", {})},
        "evaluation": _evaluations(run),
        "limits": list(LIMITS),
        "user_data": USER_DATA,
    }


def _evaluations(run: Run) -> dict[str, Any]:
    """What was stored with the run: means with intervals over users."""
    found = {}
    for split in ("validation", "test"):
        if not stored_evaluation.is_stored(run.path, split):
            continue
        try:
            summary, table = stored_evaluation.load(run.path, split)
        except ArtefactError:
            continue
        if summary.get("step") == run.progress.best_step:
            found[split] = {"users": len(table), "metrics": _with_intervals(table)}
    return found


def _with_intervals(table: pa.Table) -> dict[str, dict[str, Any]]:
    metrics = {}
    for name in table.column_names:
        if name.split("@")[0] not in TOLD:
            continue
        values = table[name].to_numpy()
        half = (
            Z_ALPHA * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0
        )
        mean = float(values.mean())
        metrics[name] = {"mean": mean, "ci95": [mean - half, mean + half]}
    return metrics


def card_text(card: dict[str, Any]) -> str:
    """The card as Markdown.

    Args:
        card: What `model_card` gave.

    Returns:
        A text.
    """
    lines = [f"# Model card: {card['model']['name']}", "", "## Model", ""]
    lines += [f"- {name}: {value}" for name, value in card["model"].items() if name != "versions"]
    versions = ", ".join(f"{name} {value}" for name, value in card["model"]["versions"].items())
    lines += [f"- trained with: {versions}", "", "## Data", ""]
    lines += [f"- {name}: {_told(name, value)}" for name, value in card["data"].items()]
    lines += ["", "## Split", ""]
    lines += [f"- {name}: {_told(name, value)}" for name, value in card["split"].items()]
    lines += ["", "## Evaluation", ""]
    for split, facts in card["evaluation"].items():
        lines += [f"{split}, {facts['users']:,} users, exact ranking of all items:", ""]
        lines += ["| metric | mean | 95 % interval |", "|---|---|---|"]
        for name, one in facts["metrics"].items():
            low, high = one["ci95"]
            lines.append(f"| {name} | {one['mean']:.4f} | {low:.4f} to {high:.4f} |")
        lines.append("")
    if not card["evaluation"]:
        lines += ["None was stored: `unclicked evaluate RUN` before the export.", ""]
    if "new_items" in card:
        new = card["new_items"]
        lines += ["## Items added later", "", f"- number: {new['added']}"]
        lines += [f"- vectors they are scored by: from their {new['vectors_by']}", ""]
    lines += ["## Limits", "", *[f"- {text}" for text in card["limits"]]]
    return "\n".join([*lines, "", "## User data", "", card["user_data"], ""])


def _told(name: str, value: Any) -> str:
    """A fact for people: moments as dates, tables of facts on one line."""
    if isinstance(value, dict):
        pairs = value.items()
        return ", ".join(f"{one.removesuffix('_us')} {_told(one, each)}" for one, each in pairs)
    if name.endswith("_us"):
        return readable(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
