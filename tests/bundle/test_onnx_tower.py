"""The user tower as ONNX gives the model's user vectors, at lengths that were never traced."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from unclicked.bundle import Exported, export_bundle, onnx_tower, open_bundle
from unclicked.bundle.onnx_tower import onnx_extra
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.encoders.base import EncoderContext, EncoderShape
from unclicked.errors import ArtefactError, UserError
from unclicked.recommendation import Answerer, Request
from unclicked.run import Run, build_model
from unclicked.tensors import to_tensors

Variant = Callable[..., Run]


def exported(run: Run, out: Path) -> Exported:
    return export_bundle(run, out, extras={"user_tower": onnx_extra()})


@pytest.fixture(scope="module")
def dnn(variant: Variant) -> tuple[Run, Exported]:
    run = variant(encoder="dnn")
    return run, exported(run, run.path.parent / "bundle-onnx")


def naive_inputs(config: Config, catalogue: Catalogue, names: list[str], user: Request) -> Any:
    """What the file says of its inputs, in plain loops over the ids of one user."""
    code = {one: k for k, one in enumerate(catalogue.items.values.to_pylist(), start=1)}
    clicked = [code[one] for one in user.clicked]
    short = config.data.clicked.max_short
    # A session that is full ends, and the next click begins another.
    session = (len(clicked) - 1) % short + 1
    before = clicked[:-session]
    lists: dict[str, list[int]] = {"clicked": clicked[-session:]}

    def last_clicked(values_of: Callable[[int], list[int]]) -> list[int]:
        found: list[int] = []
        for item in reversed(before):
            for value in reversed(values_of(item)):
                if value not in found and len(found) < config.data.clicked.max_long:
                    found.append(value)
        return found[::-1]

    lists["long_items"] = lists["long_item_id"] = last_clicked(lambda item: [item])
    for name, field in catalogue.fields.items():
        cuts = field.offsets.tolist()
        lists[f"long_{name}"] = last_clicked(
            lambda item, field=field, cuts=cuts: field.codes[cuts[item] : cuts[item + 1]].tolist()
        )
    shown = [code[one] for one in user.unclicked]
    unclicked = list(dict.fromkeys(reversed(shown)))[::-1][-config.data.unclicked.max_length :]
    lists["unclicked"] = unclicked
    lists["unclicked_counts"] = [shown.count(one) for one in unclicked]
    return {name: lists[name] for name in names if name != "profile"}


def users(run: Run, count: int) -> list[Request]:
    rng = np.random.default_rng(11)
    ids = run.catalogue.items.values.to_pylist()
    made = []
    for number in range(count):
        clicked = rng.choice(ids, int(rng.integers(1, 20))).tolist()
        left = [one for one in rng.choice(ids, 3 * (number % 5)).tolist() if one not in clicked]
        profile = {
            name: str(words.values[number % len(words)])
            for name, words in run.profile_vocabularies.items()
            if number % 2
        }
        made.append(Request(clicked, left, profile))
    return made


def vectors(run: Run, asked: list[Request]) -> np.ndarray[Any, Any]:
    """User vectors one by one, the way every list is made."""
    inputs, found = Answerer(run).inputs, []
    for one in inputs.known(asked):
        batch = to_tensors(inputs.builder([one]).build(np.arange(1)), torch.device("cpu"))
        with torch.no_grad():
            found.append(run.model.user_vectors(batch)[0].numpy())
    return np.array(found)


def session_of(folder: Path) -> Any:
    path = str(folder / "user_tower.onnx")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run_file(folder: Path, run: Run, asked: list[Request]) -> np.ndarray[Any, Any]:
    facts = json.loads((folder / "user_tower.json").read_text())
    feed = {
        name: np.zeros((len(asked), one["shape"][1]), dtype=np.int64)
        for name, one in facts["inputs"].items()
    }
    for row, user in enumerate(asked):
        lists = naive_inputs(run.config, run.catalogue, list(facts["inputs"]), user)
        for name, values in lists.items():
            feed[name][row, : len(values)] = values
        for column, name in enumerate(facts["profile"]):
            if name in user.profile:
                words = run.profile_vocabularies[name].values.to_pylist()
                feed["profile"][row, column] = words.index(user.profile[name]) + 1
    session = session_of(folder)
    assert {one.name for one in session.get_inputs()} == set(feed)
    assert [one.name for one in session.get_outputs()] == ["user"]
    found: np.ndarray[Any, Any] = session.run(["user"], feed)[0]
    return found


def agrees(run: Run, folder: Path) -> None:
    asked = users(run, 23)
    found, wanted = run_file(folder, run, asked), vectors(run, asked)
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-3
    assert np.abs(run_file(folder, run, asked[4:5]) - wanted[4]).max() <= 1e-5


def test_it_gives_the_model_s_vectors(dnn: tuple[Run, Exported]) -> None:
    agrees(dnn[0], dnn[1].path)
    facts = json.loads((dnn[1].path / "user_tower.json").read_text())
    assert facts["largest_difference"]["relative"] <= 1e-4
    assert facts["unknown_item"] == 121
    assert facts["compared"] == {"users": [1, 3, 17], "lengths": [1, 3, 6]}
    assert facts["inputs"]["clicked"]["shape"] == ["batch", 6]
    assert open_bundle(dnn[1].path).card["parity"]["user_tower"]["opset"] == facts["opset"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "options", "others"),
    [
        ("sdm", {}, {"fusion": "subtract"}),
        ("gru4rec", {}, {}),
        ("gru4rec", {"cell": "reset_after"}, {"fusion": "none"}),
        ("narm", {}, {}),
        ("shan", {}, {"exposures": True}),
        ("shan", {"long": "paper"}, {"use_user_id": True}),
        ("shan", {"session": "code"}, {}),
        ("binn", {}, {}),
        ("binn", {"peephole": True, "use_profile": True}, {}),
        ("dnn", {"mean_of": "history"}, {"tie_item_vectors": True}),
        ("sasrec", {}, {"use_user_id": True}),
        ("sasrec", {"sequence": "session", "num_heads": 2}, {}),
        ("sasrec", {"reads_unclicked": True}, {"fusion": "none"}),
        ("sasrec", {"reads_unclicked": True, "num_layers": 2}, {"exposures": True}),
    ],
)
def test_every_encoder_can_be_exported(
    variant: Variant,
    tmp_path: Path,
    encoder: str,
    options: dict[str, Any],
    others: dict[str, Any],
) -> None:
    run = variant(encoder=encoder, encoder_options=options, **others)
    with torch.no_grad():
        # Fresh weights are small: gates and attention should be far from flat.
        for weight in run.model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    made = exported(run, tmp_path / "bundle")
    served = replace(run, model=open_bundle(made.path).model)
    agrees(served, made.path)


@pytest.mark.slow
class Own(nn.Module):
    """An encoder as a user brings it: one vector for each position."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.gru = nn.GRU(shape.dim, shape.dim, batch_first=True)

    def forward(
        self, items: torch.Tensor, mask: torch.Tensor, context: EncoderContext
    ) -> torch.Tensor:
        out: torch.Tensor = self.gru(items)[0]
        return out


def test_an_encoder_of_one_s_own_can_be_exported(variant: Variant, tmp_path: Path) -> None:
    run = variant(encoder="dnn")
    words = run.profile_vocabularies
    torch.manual_seed(5)
    model = build_model(run.config, run.catalogue, words, 0, Own).eval()
    run = replace(run, facts=replace(run.facts, own_encoder="Own"), model=model)
    made = export_bundle(run, tmp_path / "bundle", extras={"user_tower": onnx_extra()}, encoder=Own)
    agrees(run, made.path)


def test_without_unclicked_items_the_vector_is_exactly_h(
    variant: Variant, dnn: tuple[Run, Exported], tmp_path: Path
) -> None:
    run, made = dnn
    plain = variant(encoder="dnn", fusion="none")
    own = dict(run.model.named_parameters())
    with torch.no_grad():
        for name, weight in plain.model.named_parameters():
            weight.copy_(own[name])
    alone = exported(plain, tmp_path / "bundle").path
    asked = users(run, 23)
    none = [replace(one, unclicked=()) for one in asked]
    h = run_file(alone, plain, none)
    assert run_file(made.path, run, none).tobytes() == h.tobytes()
    assert np.abs(run_file(made.path, run, asked) - h).max() > 1e-4


@pytest.mark.slow
def test_the_same_run_gives_the_same_file_without_paths(
    dnn: tuple[Run, Exported], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    again = exported(dnn[0], tmp_path / "bundle").path
    for name in ("user_tower.onnx", "user_tower.json", "manifest.json"):
        assert (again / name).read_bytes() == (dnn[1].path / name).read_bytes()
    content = (again / "user_tower.onnx").read_bytes()
    assert str(Path(onnx_tower.__file__).parent).encode() not in content
    assert b".py" not in content
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_file_that_is_another_model_is_refused(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = onnx_tower.UserTower

    def wrong(model: Any, config: Any) -> Any:
        tower = plain(model, config)
        tower.get_buffer("items")[1:].mul_(1.01)
        return tower

    monkeypatch.setattr(onnx_tower, "UserTower", wrong)
    with pytest.raises(ArtefactError, match="user vectors that differ by .*e-0"):
        exported(variant(encoder="dnn", fusion="none"), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
def test_what_is_too_large_for_one_file_lies_beside_it(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_tower, "LARGEST", 0)
    run = variant(encoder="dnn")
    out = exported(run, tmp_path / "bundle").path
    assert (out / "user_tower.onnx.data").stat().st_size > 0
    agrees(run, Path((tmp_path / "bundle").rename(tmp_path / "moved")))
    open_bundle(tmp_path / "moved")


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r"\.\[onnx\]"):
        onnx_extra()
