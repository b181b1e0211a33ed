"""The skip signal: against plain loops, on logs whose truth is known, and what it never sees."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.skip_signal_twin import twin_fit, twin_log_likelihood, twin_rows
from unclicked.data import skip_signal as room
from unclicked.data.controls import with_source
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.data.skip_features import draw_moments
from unclicked.data.skip_signal import skip_signal, skip_signal_of
from unclicked.sources.simulate import simulate


def made(folder: Path, **options: Any) -> PreparedDataset:
    """A simulated log, prepared."""
    simulate(folder / "log", **options)
    return prepare(
        [folder / "log" / "impressions.parquet"],
        folder / "data",
        items=folder / "log" / "items.parquet",
    )


def measured(data: PreparedDataset, **changes: Any) -> dict[str, Any]:
    """The signal of a data set's training samples."""
    values = {
        "samples": data.splits["train"],
        "click_item": data.click_item,
        "catalogue": data.catalogue,
        **changes,
    }
    return skip_signal(values["samples"], values["click_item"], values["catalogue"], cut="now")


def test_nats_against_loops_and_a_general_optimiser(
    tiny_data: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_PREDICTIONS", 400)
    samples, clicks = tiny_data.splits["train"], tiny_data.click_item
    field = tiny_data.catalogue.fields["category"]
    only = replace(tiny_data.catalogue, fields={"category": field})
    found = measured(tiny_data, catalogue=only)
    value_of = [-1] + [int(field.codes[field.offsets[i]]) - 1 for i in range(1, 121)] + [-1]
    others = with_source(samples, "shuffled", tiny_data.num_items, room.SEED)
    moments = draw_moments(samples, others, "now", 400, room.SEED)
    rows = twin_rows(samples, clicks, moments, others, value_of, "now")
    fold = np.random.default_rng(room.SEED).permutation(samples.user.max() + 1) % 5
    gains, controls = [], []
    for number in range(5):
        counts = np.ones(max(value_of) + 1)
        for s in range(len(samples)):
            if fold[samples.user[s]] != number:
                for index in range(samples.start[s], samples.end[s]):
                    counts[value_of[clicks[index]]] += 1
        log_share = np.log(counts / counts.sum())
        parts = [[row for row in rows if (fold[row[0]] == number) == inside] for inside in (0, 1)]
        likely = {}
        for name, columns in (("without", slice(8)), ("own", slice(13)), ("other", None)):
            use = [*range(8), *range(13, 18)] if columns is None else range(18)[columns]
            weights = twin_fit(
                [[[line[c] for c in use] for line in row[2]] for row in parts[0]],
                [row[1] for row in parts[0]],
                log_share,
            )
            likely[name] = [
                twin_log_likelihood(
                    weights, log_share, [[line[c] for c in use] for line in row[2]], row[1]
                )
                for row in parts[1]
            ]
        gains += list(np.subtract(likely["own"], likely["without"]))
        controls += list(np.subtract(likely["other"], likely["without"]))
    assert found["predictions"] == len(gains) == 400
    assert found["nats"] == pytest.approx(np.mean(gains), abs=5e-4)
    assert found["control_nats"] == pytest.approx(np.mean(controls), abs=5e-4)


def test_planted_attracts(tmp_path: Path) -> None:
    data = made(tmp_path, preset="tiny")
    found = data.card["skip_signal"]
    assert found["field"] == "leaf_category"
    assert found["sign"] == "attracts"
    assert found["ci95"][0] > 0.05
    assert found["effect_ci95"][0] > 0
    assert abs(found["control_nats"]) < 0.02
    assert {one["field"] for one in found["fields"]} == set(data.catalogue.fields)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert skip_signal_of(data) is found
    card = {name: value for name, value in data.card.items() if name != "skip_signal"}
    # Measured anew from the stored arrays, it is what was measured from those in memory.
    assert skip_signal_of(replace(data, card=card)) == found


def test_without_information_there_is_none(tmp_path: Path) -> None:
    found = made(tmp_path, preset="tiny", replaced_share=1.0).card["skip_signal"]
    leaf = next(one for one in found["fields"] if one["field"] == "leaf_category")
    assert leaf["ci95"][0] <= 0 or abs(leaf["nats"]) < 0.02
    assert leaf["nats"] < 0.02


def test_items_without_fields_are_grouped_by_clicks(tmp_path: Path) -> None:
    data = made(tmp_path, preset="tiny", num_users=200)
    found = measured(data, catalogue=replace(data.catalogue, fields={}))
    assert found["field"] == "group of items clicked together"
    assert found["sign"] == "attracts"


def test_nothing_after_the_training_days_counts(tiny_data: PreparedDataset) -> None:
    samples = tiny_data.splits["train"]
    seen = np.zeros(len(tiny_data.click_item), dtype=bool)
    for s in range(len(samples)):
        seen[samples.long_start[s] : samples.label_end[s]] = True
    assert (~seen).sum() > 0
    clicks = np.where(seen, tiny_data.click_item, 1).astype(np.int32)
    assert measured(tiny_data, click_item=clicks) == measured(tiny_data)


def test_a_label_changes_no_input(tiny_data: PreparedDataset) -> None:
    """With labels drawn at random, unclicked lists tell nothing of them."""
    samples = tiny_data.splits["train"]
    rng = np.random.default_rng(0)
    clicks = rng.permutation(np.asarray(tiny_data.click_item))
    found = measured(tiny_data, samples=samples, click_item=clicks)
    assert found["nats"] < 0.02


def test_too_little_is_said(tiny_data: PreparedDataset) -> None:
    samples = tiny_data.splits["train"]
    few = samples.select(np.flatnonzero(samples.user < 5))
    found = measured(tiny_data, samples=few)
    assert found["nats"] is None
    assert found["ci95"] is None
    assert "of 5 users are too few" in found["verdict"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_signs_of_the_presets(tmp_path: Path, seed: int) -> None:
    signals = {
        preset: made(tmp_path / preset, preset=preset, num_users=400, seed=seed).card["skip_signal"]
        for preset in ("planted", "rejected", "noise")
    }
    assert signals["planted"]["sign"] == "attracts"
    assert signals["rejected"]["sign"] == "repels"
    assert min(signals[name]["ci95"][0] for name in ("planted", "rejected")) > 0.2
    for one in signals["noise"]["fields"]:
        assert one["ci95"][0] <= 0 or abs(one["nats"]) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("knob", "values"), [("replaced_share", [1.0, 0.6, 0.0]), ("eta", [0.0, 0.5, 0.95])]
)
def test_nats_follow_the_knobs(tmp_path: Path, knob: str, values: list[float]) -> None:
    nats = [
        made(tmp_path / str(value), num_users=400, **{knob: value}).card["skip_signal"]["nats"]
        for value in values
    ]
    assert nats == sorted(nats)
    assert nats[-1] - nats[0] > 0.05
