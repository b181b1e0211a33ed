"""The doctor's look at a data set."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np

from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.doctor.dataset import (
    card_findings,
    examine_dataset,
    memory_finding,
    signal_finding,
)
from unclicked.doctor.finding import Finding


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    """The findings by name."""
    return {one.name: one for one in findings}


def test_a_sound_data_set(tiny_data: PreparedDataset) -> None:
    found = examine_dataset(tiny_data.path)
    assert not found.failed
    assert found.skip_signal == tiny_data.card["skip_signal"]
    names = by_name(found.findings)
    files = [path for path in tiny_data.path.rglob("*") if path.is_file()]
    # The manifest lists all files but itself.
    assert names["integrity"].found.startswith(f"{len(files) - 1} files")
    assert names["leakage"].level == names["order in time"].level == "ok"
    assert "0 of " in names["leakage"].found
    assert names["data card"].level == "warn"
    assert "test users" in names["data card"].found
    assert found.next_step.startswith(f"unclicked train {tiny_data.path}")


def test_a_changed_byte_fails(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(tiny_data.path, folder)
    path = folder / "train" / "row_items.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found = examine_dataset(folder)
    assert found.failed
    assert "row_items.npy" in found.findings[0].found
    assert found.skip_signal is None


def test_what_the_card_tells(tiny_data: PreparedDataset) -> None:
    card = copy.deepcopy(tiny_data.card)
    card["warnings"] = []
    card["rows"] |= {"read": 1000, "duplicates": 200}
    card["unused_columns"] = ["price"]
    card["rules"]["test"] |= {"users_with_one_click": 7, "users_with_nothing_new": 3}
    found = by_name(list(card_findings(card)))
    assert found["data card"].level == "ok"
    assert found["rows"].level == "warn"
    assert "200 of 1,000 lines repeat" in found["rows"].found
    assert "price" in found["columns"].found
    assert "7 with a single click, 3 who clicked nothing new" in found["judged users"].found
    card["warnings"] = ["The log is thin. Try more."]
    thin = by_name(list(card_findings(card)))["data card"]
    assert (thin.level, thin.found, thin.advice) == ("warn", "The log is thin", "Try more.")


def test_a_weak_signal_is_a_warning(tiny_data: PreparedDataset) -> None:
    signal = tiny_data.card["skip_signal"]
    assert signal_finding(signal).level == "ok"
    assert signal_finding({**signal, "ci95": [-0.1, 0.3]}).level == "warn"
    assert signal_finding({**signal, "nats": 0.01, "ci95": [0.005, 0.015]}).level == "warn"
    assert signal_finding({**signal, "nats": None, "verdict": "Not measured."}).level == "warn"


def test_too_little_memory_is_told_before_it_is_used(tiny_data: PreparedDataset) -> None:
    config = resolve_for(tiny_data.config, "recommended")
    assert memory_finding(tiny_data, config, 64 << 30).level == "ok"
    found = memory_finding(tiny_data, config, 100 << 20)
    assert (found.level, found.advice) == ("warn", "Lower train.batch_size, or free memory.")
    assert memory_finding(tiny_data, config, None).level == "ok"


def test_a_data_set_without_its_log_is_told(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    from unclicked import artefact
    from unclicked.data.dataset import KIND

    folder = tmp_path / "data"

    def write(target: Path) -> dict[str, object]:
        shutil.copytree(tiny_data.path, target, dirs_exist_ok=True)
        for name in ("log.parquet", "manifest.json"):
            (target / name).unlink()
        facts = artefact.verify(tiny_data.path, KIND, only=())
        return {name: facts[name] for name in ("kind", "schema_version", "config")}

    artefact.publish(folder, write)
    found = by_name(examine_dataset(folder).findings)
    assert found["leakage"].level == "warn"
    assert "no log" in found["leakage"].found
    assert np.array_equal(PreparedDataset.open(folder).click_item, tiny_data.click_item)
