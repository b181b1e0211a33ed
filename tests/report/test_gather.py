"""A page about any runs: names, roles, seeds, and the numbers that `compare` prints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.page.document_twin import Page, number

from unclicked import stored_evaluation
from unclicked.cli.main import run as command
from unclicked.data.dataset import PreparedDataset
from unclicked.evaluation import evaluate
from unclicked.recommender import resolve_for
from unclicked.report.gather import Asked, gather, short_names
from unclicked.run import open_run
from unclicked.start import train

SMALL = {"model": {"dim": 16}, "train": {"max_epochs": 1, "num_buckets": 2}}


@pytest.fixture(scope="module")
def runs(tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, two seeds of the model with unclicked items, and a control; all judged."""
    out = tmp_path_factory.mktemp("runs")
    changes = {
        "base": {"model": {"dim": 16, "fusion": "none", "metric": "none"}},
        "seeds/1": {"train": SMALL["train"] | {"seed": 1}},
        "seeds/2": {"train": SMALL["train"] | {"seed": 2}},
        "other": {"data": {"unclicked": {"source": "random"}}},
    }
    for name, change in changes.items():
        (out / name).parent.mkdir(exist_ok=True)
        train(tiny_data, out / name, resolve_for(tiny_data.config, "recommended", SMALL | change))
        evaluate(open_run(out / name), tiny_data, split="test", top_k=(20, 50))
    return out


def test_names_tell_runs_apart() -> None:
    assert short_names(["x/a/1", "x/b/1", "c", "popularity"]) == {
        "x/a/1": "a/1", "x/b/1": "b/1", "c": "c", "popularity": "popularity",
    }  # fmt: skip
    assert short_names(["a", "a"]) == {"a": "a"}
    assert short_names(["b/a", "a"]) == {"b/a": "b/a", "a": "a"}


def test_roles_seeds_and_means(runs: Path, tiny_data: PreparedDataset) -> None:
    facts = gather(Asked(runs / "base", [runs / "seeds", runs / "other"], tiny_data))
    assert [(run.name, run.looks, run.seeds) for run in facts.runs] == [
        ("popularity", "popularity", 1),
        ("base", "base", 1),
        ("seeds", "unclicked", 2),
        ("other", "shuffled", 1),
    ]
    assert (facts.focus, facts.base, facts.control) == ("seeds", "base", "other")
    assert facts.source == "random"
    assert facts.unclicked
    tables = [stored_evaluation.load(runs / "seeds" / one, "test")[1] for one in ("1", "2")]
    both = np.mean([table["HR@50"].to_numpy() for table in tables], axis=0)
    assert facts.runs[2].evaluation["metrics"]["HR@50"] == pytest.approx(both.mean())
    _, base = stored_evaluation.load(runs / "base", "test")
    difference = both - base["HR@50"].to_numpy()
    spread = facts.spreads[0]
    assert spread.better == (difference > 1e-9).sum()
    assert spread.worse == (difference < -1e-9).sum()
    assert sum(one.users for one in facts.strata["HR@50"]) == len(difference)
    assert facts.runs[2].seconds is not None


def test_the_verb_writes_what_it_prints(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    words = ["compare", str(runs / "base"), str(runs / "seeds"), str(runs / "other")]
    assert command([*words, "--report", str(page), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["comparisons"]
    seen = Page(page.read_text(encoding="utf-8"))
    shown = seen.tables["comparisons"][1:]
    assert len(shown) == len(printed) == 4
    for cells, row in zip(shown, printed, strict=True):
        assert cells[:3] == [Path(row["run"]).name, "base", row["metric"]]
        assert number(cells[3]) == pytest.approx(100 * row["difference"], abs=0.00501)
    assert [one for one in seen.references if not one.startswith(("#", "data:,"))] == []
    assert len(seen.ids) == len(set(seen.ids))


def test_against_popularity_and_with_another_length(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    words = ["compare", "popularity", str(runs / "base"), "--metric", "R@20"]
    assert command([*words, "--report", str(page)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == f"report: {page}"
    assert lines[-1].startswith("next: ")
    text = "".join(Page(page.read_text(encoding="utf-8")).text)
    assert "better than popularity" in text or "beats popularity" in text or "worse than" in text
    assert "Reading what users" not in text
    assert "R@20" in text


def test_a_data_set_that_was_moved(
    runs: Path, tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = shutil.copytree(tiny_data.path, tmp_path / "moved")
    page = tmp_path / "report.html"
    words = ["compare", str(runs / "base"), str(runs / "seeds"), "--report", str(page)]
    assert command([*words, "--dataset", str(tmp_path / "none")]) == 2
    assert "--dataset" in capsys.readouterr().err
    assert command([*words, "--dataset", str(moved)]) == 0
    assert page.is_file()
