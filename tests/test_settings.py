"""One checked configuration from presets, files and single settings, and back to text."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from unclicked.config import Config, Table
from unclicked.dotted import merge
from unclicked.errors import UserError
from unclicked.presets import PRESETS
from unclicked.settings import (
    flatten,
    parse_set,
    preset_settings,
    print_config,
    read_toml,
    resolve,
)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_prints_toml_that_reads_back(preset: str) -> None:
    config = resolve(preset_settings(preset), parse_set(["train.seed=7"]))
    text = print_config(config, preset)
    assert resolve(tomllib.loads(text)) == config


def test_awkward_values_read_back() -> None:
    given = {
        "data": {
            "columns": {"user_id": 'a"b\\c\n\x7f\x00é😀'},
            "item_bins": {"price in €": [1.0, 2.5e300], "x.y": [-0.0]},
            "timezone": "Asia/Shanghai",
        },
        "model": {"encoder_options": {"num_layers": 3, "short": "lstm", "on": True}},
        "train": {"learning_rate": 1e-17},
        "evaluate": {"top_k": [1, 2]},
    }
    config = resolve(given)
    assert resolve(tomllib.loads(print_config(config, "sdm"))) == config


def test_a_mark_stands_where_the_preset_decided() -> None:
    config = resolve(preset_settings("recommended"), parse_set(["model.dim=32"]))
    lines = print_config(config, "recommended").splitlines()
    above = {line.split(" = ")[0]: lines[place - 1] for place, line in enumerate(lines)}
    assert above["metric_grad_cap"].endswith("[preset]")
    assert not above["dim"].endswith("[preset]")
    assert not above["seed"].endswith("[preset]")


def test_every_setting_has_a_sentence() -> None:
    def tables(table: Table) -> list[Table]:
        below = [getattr(table, name) for name in type(table).model_fields]
        return [table] + [t for one in below if isinstance(one, Table) for t in tables(one)]

    for table in tables(Config()):
        for name, field in type(table).model_fields.items():
            assert field.description, f"{type(table).__name__}.{name}"


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("model.dim=64", ("model", "dim"), 64),
        ("train.learning_rate=1", ("train", "learning_rate"), 1.0),
        ("model.fusion=none", ("model", "fusion"), "none"),
        ('model.fusion="none"', ("model", "fusion"), "none"),
        ("data.timezone=Europe/Paris", ("data", "timezone"), "Europe/Paris"),
        ("data.columns.user_id=a=b", ("data", "columns", "user_id"), "a=b"),
        ("evaluate.top_k=[5, 10]", ("evaluate", "top_k"), [5, 10]),
        ("model.tie_item_vectors=true", ("model", "tie_item_vectors"), True),
        ("data.item_bins.price=[1, 2]", ("data", "item_bins", "price"), [1.0, 2.0]),
    ],
)
def test_single_settings(text: str, path: tuple[str, ...], value: object) -> None:
    found: object = resolve(parse_set([text])).model_dump()
    for part in path:
        assert isinstance(found, dict)
        found = found[part]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.metric_wieght=1", r"model\.metric_wieght: .*Did you mean model\.metric_weight"),
        ("dim=1", r"dim: unknown setting. Did you mean model\.dim"),
        ("model.dim=64.0", r"model\.dim: found 64\.0"),
        ("model.dim=true", r"model\.dim: found True"),
        ("model.dim=007", r"model\.dim: found '007'"),
        ("model.fusion=maybe", r"model\.fusion: found 'maybe'"),
        ("model=3", r"model: found 3"),
        ("train.learning_rate=nan", r"train\.learning_rate"),
        ("train.learning_rate=-1", r"train\.learning_rate: found -1"),
        ("data.split.test_history_share=1", r"test_history_share: found 1"),
        ("data.unclicked.window_days=1e9", r"window_days: found 1000000000"),
        ("model.encoder_options=3", r"encoder_options: found 3"),
        ("evaluate.top_k=[0]", r"evaluate\.top_k"),
        ("evaluate.top_k=[]", r"evaluate\.top_k: found \[\], expected at least 1 of them"),
        ("a..b=1", r"unknown setting"),
        ("data.user_id=1", r"Did you mean data\.columns\.user_id\?"),
        ("train.metric_norm=l2", r"Did you mean model\.metric_norm\?"),
        ("data.unclicked_negatives=1", r"Did you mean train\.unclicked_negatives\?"),
        ("data.unclicked=now", r"data\.unclicked: found 'now', expected a table\."),
        ("model.encoder_options=[]", r"found \[\], expected a table\. Change it \(options of"),
        ("dta.cut=now", r"dta: unknown setting. Did you mean data\?"),
        ("unclicked.window_days=2", r"unclicked: unknown setting. Did you mean data\.unclicked\?"),
        ("data.unclickd.cut=now", r"data\.unclickd: .* Did you mean data\.unclicked\?"),
        ("blah=1", r"blah: .* There are: data, model, train, evaluate\. `unclicked train --print"),
        ("train.max_epochs=0", r"found 0, expected a number greater than or equal to 1. Change it"),
        ("data.time_unit=7", r"\(unit of integer timestamps"),
        ("=1", r"expected KEY=VALUE"),
        ("model.dim", r"expected KEY=VALUE"),
    ],
)
def test_wrong_settings_are_named(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        resolve(parse_set([text]))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_later_layers_win_and_leave_their_source_alone() -> None:
    base = {"a": {"b": 1, "c": {"d": 2}}}
    assert merge(base, {"a": {"c": {"e": 3}}}) == {"a": {"b": 1, "c": {"d": 2, "e": 3}}}
    assert base == {"a": {"b": 1, "c": {"d": 2}}}
    assert merge({"a": {"b": 1}}, {"a": 5}) == {"a": 5}
    assert parse_set(["a.b=1", "a.b=2"]) == {"a": {"b": 2}}


def test_presets_are_not_changed_by_their_use() -> None:
    before = repr(PRESETS)
    resolve(preset_settings("sru2b"), {"train": {"seed": 3}, "model": {"dim": 8}})
    assert repr(PRESETS) == before


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean sru2b"):
        preset_settings("sru2")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    with pytest.raises(UserError, match="cannot be read"):
        read_toml(path)
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match="cannot be read"):
        read_toml(path)
    path.write_text("[model\n")
    with pytest.raises(UserError, match=r"no valid TOML.*line 1"):
        read_toml(path)
    path.write_text("[modelx]\ndim = 8\n")
    with pytest.raises(UserError, match=r"c\.toml modelx: unknown setting. Did you mean model\?"):
        read_toml(path)
    path.write_text("[model]\ndim = 'wide'\n")
    with pytest.raises(UserError, match=r"c\.toml model\.dim: found 'wide', expected a valid int"):
        read_toml(path)
    path.write_text("[model]\ndim = 8\n")
    assert read_toml(path) == {"model": {"dim": 8}}


def test_flatten_names_every_leaf_once() -> None:
    names = list(flatten(Config()))
    assert len(names) == len(set(names))
    assert "data.unclicked.window_days" in names
    assert not any(isinstance(value, Table) for value in flatten(Config()).values())


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 100_000, "a = " + "9" * 10_000, ".".join("a" * 60) + " = 1", "#" * 300_000],
)
def test_a_hostile_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"CONFIG-(TOML|FILE)\] .*settings\.toml: ") as caught:
        read_toml(path)
    assert len(str(caught.value)) < 1000
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match="is no regular file"):
        read_toml(path)


def test_an_integer_that_no_number_with_a_fraction_holds_is_refused() -> None:
    with pytest.raises(UserError, match=r"train\.learning_rate: found 1000"):
        resolve({"train": {"learning_rate": 10**400}})
