"""The model card holds what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from unclicked.bundle import export_bundle, open_bundle
from unclicked.bundle.card import model_card
from unclicked.data.dataset import PreparedDataset
from unclicked.data.split import readable
from unclicked.run import Run, open_run

Variant = Callable[..., Run]


def test_metrics_are_means_with_their_intervals(judged_run: Run, bundle_folder: Path) -> None:
    told = open_bundle(bundle_folder).card["evaluation"]
    assert list(told) == ["test"]
    table = pq.read_table(judged_run.path / "evaluation" / "test.parquet")
    assert told["test"]["users"] == len(table)
    assert {"HR@5", "HR@20", "MRR@5", "R@20", "NDCG@5"} <= set(told["test"]["metrics"])
    for name, found in told["test"]["metrics"].items():
        values = table[name].to_pylist()
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        # 1.959964 is the point beyond which lies 2.5 % of a normal distribution.
        half = 1.959964 * math.sqrt(variance / len(values))
        assert found["mean"] == pytest.approx(mean)
        assert found["ci95"] == pytest.approx([mean - half, mean + half], abs=1e-5)


def test_it_says_what_was_trained_and_on_what(
    judged_run: Run, bundle_folder: Path, tiny_data: PreparedDataset
) -> None:
    card = open_bundle(bundle_folder).card
    assert card["data"]["sha256"] == tiny_data.sha256
    assert card["data"]["items"] == 120
    assert card["data"]["users"] == tiny_data.card["users"]
    assert card["model"]["encoder"] == judged_run.config.model.encoder
    assert card["model"]["unclicked_read_by"] == "plug-in"
    assert card["parity"] == {}
    text = (bundle_folder / "card.md").read_text()
    mean = card["evaluation"]["test"]["metrics"]["HR@20"]["mean"]
    assert f"| HR@20 | {mean:.4f} |" in text
    assert card["user_data"] in text
    # Nobody reads microseconds, or what Python makes of a table of facts.
    assert "begin_us" not in text
    assert "{" not in text
    test = readable(card["split"]["boundaries"]["test_us"])
    assert f", test {test}" in text
    assert all(one in text for one in card["limits"])


@pytest.mark.parametrize(
    ("fusion", "reads", "told"),
    [
        ("none", False, "nothing"),
        ("none", True, "encoder"),
        ("confidence", True, "encoder and plug-in"),
    ],
)
def test_it_says_what_reads_unclicked_items(
    variant: Variant, fusion: str, reads: bool, told: str
) -> None:
    # A metric loss reads them in training, and no answer depends on them.
    run = variant(encoder="sasrec", fusion=fusion, encoder_options={"reads_unclicked": reads})
    assert run.config.model.metric != "none"
    assert model_card(run, None)["model"]["unclicked_read_by"] == told


def test_a_run_that_was_not_judged_says_so(tiny_run: Path, tmp_path: Path) -> None:
    run = open_run(tiny_run)
    out = export_bundle(run, tmp_path / "bundle").path
    if not (tiny_run / "evaluation").exists():
        assert open_bundle(out).card["evaluation"] == {}
        assert "None was stored" in (out / "card.md").read_text()


def test_no_path_of_this_machine_is_in_a_bundle(judged_run: Run, bundle_folder: Path) -> None:
    here = str(judged_run.path.parent).encode()
    for path in bundle_folder.rglob("*"):
        if path.is_file():
            assert here not in path.read_bytes(), path
