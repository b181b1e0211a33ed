"""The Python interface in five lines, and what it refuses."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unclicked
from unclicked import recommendation
from unclicked.data.dataset import PreparedDataset
from unclicked.encoders.base import EncoderContext
from unclicked.errors import UnclickedWarning, UserError
from unclicked.preparing import prepare
from unclicked.recommender import Recommender, resolve_for
from unclicked.settings import preset_settings, resolve

SMALL = {"model.dim": 16, "train.max_epochs": 1, "train.num_buckets": 2}


class Running(nn.Module):
    """The running mean of the clicked vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((16,), 2.0))

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        assert context.long is not None
        assert context.long_mask is not None
        assert context.profile is not None
        count = torch.arange(1, items.shape[1] + 1)[:, None]
        return self.scale * items.cumsum(dim=1) / count


def test_from_a_log_to_a_list(tiny_log: Path, tmp_path: Path) -> None:
    data = prepare(
        str(tiny_log / "impressions.parquet"), items=tiny_log / "items.parquet", out=tmp_path / "d"
    )
    model = Recommender(settings=SMALL).fit(data, tmp_path / "run")
    metrics = model.evaluate(data, split="test", top_k=(5, 10))["metrics"]
    assert 0 <= metrics["HR@5"] <= metrics["HR@10"] <= 1
    a, b, x = data.catalogue.items.values[:3].to_pylist()
    found = model.recommend(clicked=[a, b], unclicked=[x], top_k=4, exclude=[a])
    assert [one["rank"] for one in found] == [1, 2, 3, 4]
    assert a not in [one["item_id"] for one in found]
    (tmp_path / "copy").mkdir()
    model.save(tmp_path / "copy")
    again = Recommender.load(tmp_path / "copy")
    assert again.recommend(clicked=[a, b], unclicked=[x], top_k=4, exclude=[a]) == found
    with pytest.raises(UserError, match="exists and is not empty"):
        model.save(tmp_path / "copy")
    model.save(tmp_path / "new" / "deep")
    assert sorted(one.name for one in (tmp_path / "new").iterdir()) == ["deep"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    model.save(tmp_path / "link")
    assert (tmp_path / "empty" / "run.json").is_file()
    # The letters of a text are no ids.
    with pytest.raises(UserError, match=f"clicked: found '{a}', expected a list of ids"):
        model.recommend(clicked=a)
    wrong: Any = str(data.path)
    with pytest.raises(UserError, match="found str, expected a PreparedDataset"):
        model.fit(wrong)


def test_a_module_of_one_s_own_fits_twice_alike_and_loads(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    mine = Running()
    first, second = (
        Recommender(mine, settings=SMALL).fit(tiny_data, tmp_path / name) for name in "ab"
    )
    assert torch.equal(mine.scale, torch.full((16,), 2.0))
    for one, other in zip(first.run.model.parameters(), second.run.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert first.run.facts.own_encoder == "Running"
    clicked = tiny_data.catalogue.items.values[:2].to_pylist()
    loaded = Recommender.load(tmp_path / "a", Running())
    assert loaded.recommend(clicked) == first.recommend(clicked)
    with pytest.raises(UserError, match="encoder Running given from Python"):
        Recommender.load(tmp_path / "a")


def test_the_public_names_are_listed_and_there() -> None:
    assert dir(unclicked) == ["PreparedDataset", "Recommender", "__version__", "prepare"]
    assert unclicked.Recommender is Recommender
    assert all(getattr(unclicked, name) for name in dir(unclicked))


def test_options_become_settings(tiny_data: PreparedDataset) -> None:
    made = Recommender(
        "sdm", "subtract", "none", preset="sru2b", seed=4, settings={"train.clip_norm": 1}
    )
    config = resolve_for(tiny_data.config, made._preset, made._settings)
    assert (config.model.fusion, config.model.metric, config.train.seed) == ("subtract", "none", 4)
    assert (config.train.clip_norm, config.model.dim) == (1.0, 128)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fusion": "sum"}, r"model\.fusion"),
        ({"metric": "cosine"}, r"model\.metric"),
        ({"preset": "paper"}, "no such preset"),
        ({"encoder": "sdmm"}, "ENCODER-NAME.*sdmm: no such name, did you mean 'sdm'"),
        ({"settings": {"model.encoder": "gru"}}, "did you mean 'gru4rec'"),
        ({"settings": {"model.dmi": 3}}, r"Did you mean model\.dim"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Recommender(**options)


def test_what_the_model_does_not_know_is_warned_of(
    tiny_run: Path, tiny_data: PreparedDataset
) -> None:
    model = Recommender.load(tiny_run)
    known = tiny_data.catalogue.items.values[:2].to_pylist()
    expected = model.recommend(known[:1], known[1:])
    with pytest.warns(UnclickedWarning) as seen:
        assert model.recommend([known[0], "ghost"], [known[1], "mist"]) == expected
    texts = [str(one.message) for one in seen]
    assert texts == ["unknown and left out: clicked 'ghost'; unclicked 'mist'."]
    assert seen[0].filename == __file__
    with pytest.warns(UnclickedWarning, match=r"clicked 'g0'.*'g9' and 3 more\. No clicked item"):
        popular = model.recommend([f"g{number}" for number in range(13)])
    config = model.run.config.data.unclicked
    assert config.cut == "now"
    with pytest.warns(UnclickedWarning, match="not taken for unclicked, since the session clicked"):
        assert model.recommend(known, [known[0]]) == model.recommend(known)
    # Nobody who asks without a click is surprised by the most clicked items.
    assert model.recommend() == popular


def test_long_term_clicks_are_read(tiny_run: Path, tiny_data: PreparedDataset) -> None:
    model = Recommender.load(tiny_run)
    known = tiny_data.catalogue.items.values[:5].to_pylist()
    asked = recommendation.Request(known[:1], top_k=10, long_term=known[1:])
    expected = recommendation.recommend(model.run, [asked])[0]["items"]
    assert model.recommend(known[:1], long_term=known[1:]) == expected
    assert model.recommend(known[:1]) != expected
    with pytest.warns(UnclickedWarning, match="long_term 'ghost'"):
        model.recommend(known[:1], long_term=["ghost"])


def test_nothing_is_recommended_before_it_is_fitted() -> None:
    with pytest.raises(UserError, match=r"call fit\(data\) or load\(run\) first"):
        Recommender().recommend(["a"])


def test_a_data_set_keeps_its_rules(tiny_data: PreparedDataset) -> None:
    config = resolve_for(
        tiny_data.config, "recommended", {"data": {"unclicked": {"source": "random"}}}
    )
    assert config.data.unclicked.source == "random"
    assert config.data.clicked == tiny_data.config.clicked
    # The same value again is no change.
    resolve_for(tiny_data.config, "sru2b", {"data": {"unclicked": {"window_days": 3}}})
    with pytest.raises(
        UserError, match=r"data\.unclicked\.window_days: found 4\.0.*Prepare it anew"
    ):
        resolve_for(tiny_data.config, "sru2b", {"data": {"unclicked": {"window_days": 4}}})
    with pytest.raises(UserError, match=r"data\.timezone: found 'UTC'"):
        resolve_for(tiny_data.config, "sru2b", {"data": {"timezone": "UTC"}})


def test_a_data_set_of_other_rules_wins_over_the_preset(tiny_data: PreparedDataset) -> None:
    other = resolve({"data": {"unclicked": {"min_exposures": 1}, "item_bins": {"p": [1.0]}}}).data
    config = resolve_for(other, "sru2b")
    assert config.data.unclicked.min_exposures == 1
    assert config.data.item_bins == {"p": [1.0]}
    assert config.data.unclicked.cut == "session_start"
    assert resolve(preset_settings("sru2b")).model == config.model


def test_a_cut_chosen_at_preparation_outweighs_the_preset() -> None:
    standard = resolve({}).data
    chosen = resolve({"data": {"unclicked": {"cut": "session_start"}}}).data
    explicit = {"data": {"unclicked": {"cut": "now"}}}
    assert resolve_for(standard, "recommended").data.unclicked.cut == "now"
    assert resolve_for(standard, "sru2b").data.unclicked.cut == "session_start"
    assert resolve_for(chosen, "recommended").data.unclicked.cut == "session_start"
    assert resolve_for(chosen, "sru2b", explicit).data.unclicked.cut == "now"


def test_a_run_without_a_folder_goes_with_its_recommender(tiny_data: PreparedDataset) -> None:
    settings = {"model.dim": 8, "train.max_epochs": 1, "train.num_buckets": 1}
    model = Recommender(settings=settings).fit(tiny_data)
    folder = model.run.path
    assert folder.is_dir()
    del model
    gc.collect()
    assert not folder.exists()
