"""What is exported: the same bytes, the same answers, nothing of users, whole or not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from unclicked import artefact
from unclicked.bundle import export_bundle, open_bundle
from unclicked.data.dataset import PreparedDataset
from unclicked.encoders.base import EncoderContext, EncoderShape, LastPositionEncoder
from unclicked.errors import ArtefactError, ResourceError, UserError
from unclicked.recommendation import Request, recommend
from unclicked.run import Run, build_model
from unclicked.sealed import BUNDLE_KIND

Variant = Callable[..., Run]


def contents_of(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def requests(run: Run, count: int) -> list[Request]:
    """Users drawn at random, with every field of a request that the model reads."""
    rng = np.random.default_rng(3)
    ids = run.catalogue.items.values.to_pylist()
    made = []
    for number in range(count):
        clicked = rng.choice(ids, int(rng.integers(0, 90))).tolist() + ["ghost"] * (number % 2)
        unclicked = rng.choice(ids, int(rng.integers(0, 30))).tolist()
        profile = {
            name: str(rng.choice(words.values.to_pylist()))
            for name, words in run.profile_vocabularies.items()
            if rng.random() < 0.7
        }
        exclude = rng.choice(ids, number % 5).tolist()
        made.append(
            Request(
                clicked,
                unclicked,
                profile,
                exclude,
                top_k=1 + number,
                exclude_seen=number % 3 == 0,
                explain=number % 4 == 0,
            )
        )
    return made


def test_the_same_run_gives_the_same_bytes(
    judged_run: Run, bundle_folder: Path, tmp_path: Path
) -> None:
    again = export_bundle(judged_run, tmp_path / "elsewhere")
    assert contents_of(again.path) == contents_of(bundle_folder)
    assert again.bytes == sum(map(len, contents_of(bundle_folder).values()))
    assert again.items == len(judged_run.catalogue.items)


def test_a_bundle_answers_as_its_run(judged_run: Run, bundle_folder: Path) -> None:
    asked = requests(judged_run, 50)
    wanted = recommend(judged_run, asked)
    assert recommend(open_bundle(bundle_folder), asked) == wanted
    assert {answer["fallback"] for answer in wanted} == {False, True}
    assert any("explain" in answer for answer in wanted)


def test_weights_and_vectors_are_the_checkpoint_s_bits(
    judged_run: Run, bundle_folder: Path
) -> None:
    step = f"{judged_run.progress.best_step:09d}"
    stored = load_file(judged_run.path / "checkpoints" / step / "model.safetensors")
    exported = load_file(bundle_folder / "model.safetensors")
    assert exported.keys() == stored.keys()
    for name, weight in stored.items():
        assert torch.equal(weight.view(torch.int32), exported[name].view(torch.int32)), name
    column = pq.read_table(bundle_folder / "items.parquet")["vector"].combine_chunks()
    vectors = column.flatten().to_numpy().reshape(len(column), -1)
    assert vectors.tobytes() == stored["output.weight"][1:-1].numpy().tobytes()


def test_nothing_of_users_is_in_a_bundle(
    judged_run: Run, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    config = judged_run.config.model_copy(
        update={"model": judged_run.config.model.model_copy(update={"use_user_id": True})}
    )
    count = len(tiny_data.users)
    model = build_model(config, judged_run.catalogue, judged_run.profile_vocabularies, count)
    run = replace(judged_run, facts=replace(judged_run.facts, config=config), model=model.eval())
    assert run.model.profile is not None
    assert run.model.profile.user_table is not None
    run.model.profile.user_table.weight.data[1:] = 5.0
    out = export_bundle(run, tmp_path / "bundle").path
    weights = load_file(out / "model.safetensors")
    # Padding, one user who is nobody, and the unknown one: 1 + 2 rows, none of them anybody's.
    assert weights["profile.user_table.weight"].shape == (3, 64)
    assert not weights["profile.user_table.weight"].any()
    for name, weight in weights.items():
        assert count + 2 not in weight.shape, name
    bundle = open_bundle(out)
    plain = [replace(one, explain=False) for one in requests(run, 9)]
    assert recommend(bundle, plain) == recommend(run, plain)
    users = [str(user) for user in tiny_data.users.values.to_pylist()]
    assert len(users) > 20
    files = contents_of(out)
    readable = {name: _plain(out / name, content) for name, content in files.items()}
    for user in users:
        found = [name for name, content in readable.items() if user.encode() in content]
        assert found == [], user
    # The search would find an id: items' ids are there.
    item = str(run.catalogue.items.values[0]).encode()
    assert item in readable["items.parquet"]


def _plain(path: Path, content: bytes) -> bytes:
    """What Parquet hides in compressed pages beside the bytes themselves."""
    if path.suffix != ".parquet":
        return content
    return content + str(pq.read_table(path).to_pydict()).encode()


def test_a_foreign_folder_is_left_alone(judged_run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(UserError, match="holds something else"):
        export_bundle(judged_run, tmp_path / "mine")
    assert contents_of(tmp_path / "mine") == {"thesis.txt": b"years"}


def test_an_export_that_fails_leaves_the_old_bundle(
    judged_run: Run, bundle_folder: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))

    def full(*_: object) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    def bad(*_: object) -> dict[str, Any]:
        raise ArtefactError("INDEX-RECALL", "index", "too low.")

    for extra, error in ((full, ResourceError), (bad, ArtefactError)):
        with pytest.raises(error):
            export_bundle(judged_run, out, extras={"index": extra})
        assert contents_of(out) == contents_of(bundle_folder)
        assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


KILLED = """
import os, signal, sys
from pathlib import Path
from unclicked.bundle import export_bundle
from unclicked.run import open_run
def die(folder, answerer):
    assert (folder / "model.safetensors").is_file()
    os.kill(os.getpid(), signal.SIGKILL)
export_bundle(open_run(Path(sys.argv[1])), Path(sys.argv[2]), extras={"index": die})
"""


@pytest.mark.slow
def test_an_export_that_is_killed_leaves_the_old_bundle(
    judged_run: Run, bundle_folder: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    command = [sys.executable, "-c", KILLED, str(judged_run.path), str(out)]
    assert subprocess.run(command, check=False).returncode == -9
    artefact.verify(out, BUNDLE_KIND)
    assert contents_of(out) == contents_of(bundle_folder)
    export_bundle(judged_run, out)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert contents_of(out) == contents_of(bundle_folder)


class Mean(nn.Module):
    """An encoder of a user's own, with a weight."""

    long_input = "none"

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((shape.dim,), 2.0))

    def forward(
        self, items: torch.Tensor, mask: torch.Tensor, context: EncoderContext
    ) -> torch.Tensor:
        total = items.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1)
        return self.scale * total / mask.sum(dim=1, keepdim=True)


def own(shape: EncoderShape) -> nn.Module:
    return LastPositionEncoder(Mean(shape))


def test_an_encoder_of_one_s_own_is_given_again(judged_run: Run, tmp_path: Path) -> None:
    words = judged_run.profile_vocabularies
    model = build_model(judged_run.config, judged_run.catalogue, words, 0, own).eval()
    facts = replace(judged_run.facts, own_encoder="Mean")
    run = replace(judged_run, facts=facts, model=model)
    out = export_bundle(run, tmp_path / "bundle", encoder=own).path
    with pytest.raises(UserError, match="encoder Mean given from Python"):
        open_bundle(out)
    asked = requests(run, 8)
    assert recommend(open_bundle(out, encoder=own), asked) == recommend(run, asked)


def test_without_its_data_set_a_bundle_can_be_made_and_that_is_said(
    judged_run: Run, bundle_folder: Path, tmp_path: Path
) -> None:
    facts = replace(judged_run.facts, dataset=tmp_path / "gone")
    said: list[str] = []
    out = export_bundle(replace(judged_run, facts=facts), tmp_path / "bundle", warn=said.append)
    assert len(said) == 1
    assert "no counts of the log" in said[0]
    assert "users" not in open_bundle(out.path).card["data"]
    assert "users" in open_bundle(bundle_folder).card["data"]


def test_a_data_set_is_never_replaced(judged_run: Run, tmp_path: Path) -> None:
    shutil.copytree(judged_run.facts.dataset, tmp_path / "data")
    with pytest.raises(UserError, match="something else than a bundle"):
        export_bundle(judged_run, tmp_path / "data")
    assert (tmp_path / "data" / "card.json").is_file()
