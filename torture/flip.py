"""Files of every kind, mutated one at a time: none may load with other content."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torture.figures import Figure, count, none, told
from torture.mutations import MUTATIONS, flip_bit
from torture.world import small_config, small_dataset, small_run
from unclicked.bundle import export_bundle, open_bundle
from unclicked.cli.main import run as command_line
from unclicked.comparison import load_per_user
from unclicked.data.dataset import PreparedDataset
from unclicked.data.stored_log import load_log
from unclicked.errors import UnclickedError
from unclicked.run import open_run
from unclicked.start import train
from unclicked.training import checkpoint as store
from unclicked.training.log import read_log_lines
from unclicked.training.loop import Training


@dataclass
class Tally:
    """What the mutated files did, and the first few that did what they must not."""

    tried: Counter[str] = field(default_factory=Counter)
    silent: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    no_fallback: list[str] = field(default_factory=list)
    fallbacks: int = 0
    harmless: int = 0


@dataclass(frozen=True)
class Kind:
    """One kind of artefact: its files, and how its content is read as one comparable value."""

    name: str
    files: list[Path]
    read: Callable[[], Any]


class World:
    """A data set, a run, and what they hold while they are whole."""

    def __init__(self, folder: Path) -> None:
        self.dataset = small_dataset(folder)
        self.run = small_run(self.dataset, folder / "run")
        self.folder = folder
        config = small_config(self.dataset)
        opened = open_run(self.run)
        self.bundle = export_bundle(opened, folder / "bundle").path
        no_batches: Any = None
        self.training = Training(
            run=self.run,
            config=config,
            model=opened.model,
            builder=no_batches,
            validate=None,
            warn=lambda text: None,
            device=torch.device("cpu"),
        )
        run = self.run
        newest, older = store.list_checkpoints(run)
        self.newest, self.older = newest, older
        self.kinds = [
            Kind("data set", inside(self.dataset.path), self.read_dataset),
            Kind("vocabulary", inside(run / "vocabulary"), self.read_run),
            Kind("run.json", [run / "run.json"], self.read_run),
            Kind("newest checkpoint", inside(newest), self.read_resumed),
            Kind("best checkpoint", inside(older), self.read_run),
            Kind("evaluation", inside(run / "evaluation"), self.read_evaluation),
            Kind("log", [run / "log.jsonl"], self.read_log),
            Kind("bundle", inside(self.bundle), self.read_bundle),
        ]

    def read_dataset(self) -> str:
        data = PreparedDataset.open(self.dataset.path)
        hashed = hashlib.sha256(data.sha256.encode())
        hashed.update(repr(data.config).encode())
        for samples in data.splits.values():
            for name, values in vars(samples).items():
                hashed.update(name.encode() + repr(np.asarray(values).tobytes()).encode())
        hashed.update(repr(load_log(data).to_pydict()).encode())
        return hashed.hexdigest()

    def read_run(self) -> str:
        opened = open_run(self.run)
        hashed = hashlib.sha256(repr((opened.facts, opened.progress)).encode())
        hashed.update(repr(opened.catalogue.items.values.to_pylist()).encode())
        for weight in opened.model.parameters():
            hashed.update(weight.detach().numpy().tobytes())
        return hashed.hexdigest()

    def read_resumed(self) -> tuple[str, tuple[str, ...]]:
        said: list[str] = []
        self.training.warn = said.append
        self.training.resume()
        hashed = hashlib.sha256(repr(self.training.progress).encode())
        for tensor in (*self.training.model.parameters(), *self.training.optimiser.state.values()):
            hashed.update(tensor.detach().numpy().tobytes())
        return hashed.hexdigest(), tuple(said)

    def read_evaluation(self) -> str:
        found = [load_per_user(self.run, split) for split in ("validation", "test")]
        parts = []
        for one in found:
            metrics = {name: values.tolist() for name, values in one.metrics.items()}
            parts.append((one.user_ids.tolist(), one.dataset_sha256, metrics))
        return json.dumps(parts)

    def read_bundle(self) -> str:
        bundle = open_bundle(self.bundle)
        told = (bundle.sha256, bundle.name, bundle.config, bundle.card, bundle.golden, bundle.names)
        hashed = hashlib.sha256(repr(told).encode())
        hashed.update(repr(bundle.catalogue.items.values.to_pylist()).encode())
        for weight in bundle.model.parameters():
            hashed.update(weight.detach().numpy().tobytes())
        return hashed.hexdigest()

    def read_log(self) -> list[dict[str, Any]]:
        return read_log_lines(self.run / "log.jsonl")


def inside(folder: Path) -> list[Path]:
    """All files of a folder, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def one_trial(world: World, kind: Kind, whole: Any, tally: Tally, rng: np.random.Generator) -> None:
    """Mutate one file, read the artefact, and put the file back."""
    path = kind.files[int(rng.integers(len(kind.files)))]
    mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
    content = path.read_bytes()
    changed = mutation(content, rng)
    if changed == content:
        changed = flip_bit(content, rng)
    place = f"{mutation.__name__} of {path.relative_to(world.folder)}"
    tally.tried[kind.name] += 1
    try:
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        judge(world, kind, whole, tally, path, place)
        if sum(tally.tried.values()) % 25 == 0 and kind.name != "log":
            judge_command(world, kind, tally, path, place)
    finally:
        path.write_bytes(content)


def judge(world: World, kind: Kind, whole: Any, tally: Tally, path: Path, place: str) -> None:
    """Sort what reading a mutated artefact gave."""
    try:
        found = kind.read()
    except UnclickedError as error:
        text = str(error)
        if not is_named(path, text) or "\n" in text:
            tally.unnamed.append(f"{place}: {text}")
        if kind.name == "newest checkpoint":
            tally.no_fallback.append(f"{place}: {text}")
        return
    except Exception as error:
        tally.defects.append(f"{place}: {type(error).__name__}: {error}")
        return
    if kind.name == "newest checkpoint":
        judge_fallback(world, whole, found, tally, path, place)
    elif kind.name == "log" and found == whole[: len(found)]:
        # A log that ends early is what a crash leaves; a checkpoint knows how far it must reach.
        tally.harmless += 1
    elif found == whole:
        tally.harmless += 1
    else:
        tally.silent.append(place)


def is_named(path: Path, text: str) -> bool:
    """Whether a file is named; where an evaluation's is gone there is none of its split."""
    return path.name in text or (not path.exists() and path.stem in text)


def judge_fallback(
    world: World, whole: Any, found: Any, tally: Tally, path: Path, place: str
) -> None:
    """A broken newest checkpoint: the older one must be there, and it must be said."""
    (newest, older), (hashed, said) = whole, found
    if hashed == newest and not said:
        tally.harmless += 1
    elif hashed != older:
        tally.silent.append(place)
    else:
        tally.fallbacks += 1
        told_so = len(said) == 1 and path.name in said[0] and world.newest.name in said[0]
        if not told_so or "older" not in said[0] or said[0].count("error[") > 0:
            tally.unnamed.append(f"{place}: {said}")


def judge_command(world: World, kind: Kind, tally: Tally, path: Path, place: str) -> None:
    """The command line on the same file: exit code 2 or 3, and one line that names it."""
    run, data = str(world.run), str(world.dataset.path)
    verbs = {
        "data set": ["evaluate", run, "--dataset", data],
        "evaluation": ["compare", run, run],
        "newest checkpoint": ["recommend", run, "--clicked", "i1"],
        "bundle": ["recommend", str(world.bundle), "--clicked", "i1"],
    }
    code, errors = command(verbs.get(kind.name, ["recommend", run, "--clicked", "i1"]))
    lines = errors.splitlines()
    if code == 0 and kind.name in ("newest checkpoint", "data set", "evaluation"):
        return
    if code not in (0, 2, 3) or (code and (len(lines) != 1 or "DEFECT" in errors)):
        tally.defects.append(f"{place}: exit {code}: {errors[:300]}")
    elif code and not is_named(path, errors):
        tally.unnamed.append(f"{place}: {errors[:300]}")


def command(arguments: list[str]) -> tuple[int, str]:
    """Exit code and standard error of the command line, in this process."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = command_line(arguments)
    return code, errors.getvalue()


def resumes_for_real(world: World, trials: int, tally: Tally) -> int:
    """Whole trainings with `resume` over a broken newest checkpoint: how many ended as unbroken."""
    rng = np.random.default_rng(5)
    good = 0
    for number in range(trials):
        run = world.folder / f"again-{number}"
        copy_folder(world.run, run)
        newest = run / "checkpoints" / world.newest.name
        files = inside(newest)
        path = files[int(rng.integers(len(files)))]
        path.write_bytes(flip_bit(path.read_bytes(), rng))
        said: list[str] = []
        config = open_run(world.run).config
        train(world.dataset, run, config, resume=True, warn=said.append)
        same = (newest / "model.safetensors").read_bytes() == (
            world.newest / "model.safetensors"
        ).read_bytes()
        good += same and any("older" in text and path.name in text for text in said)
    return good


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder without its lock files."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".lock"))


def run(long: bool, folder: Path) -> list[Figure]:
    """Mutate files of every kind of artefact.

    Args:
        long: 10,000 files instead of 400.
        folder: Where to work.

    Returns:
        The figures.
    """
    torch.set_num_threads(1)
    started = time.perf_counter()
    trials = 10_000 if long else 400
    world, rng, tally = World(folder), np.random.default_rng(11), Tally()
    wholes: dict[str, Any] = {}
    for kind in world.kinds:
        wholes[kind.name] = kind.read()
    newest = wholes["newest checkpoint"][0]
    broken = world.newest / "state.json"
    content = broken.read_bytes()
    broken.unlink()
    older = world.read_resumed()[0]
    broken.write_bytes(content)
    wholes["newest checkpoint"] = (newest, older)
    for number in range(trials):
        kind = world.kinds[number % len(world.kinds)]
        one_trial(world, kind, wholes[kind.name], tally, rng)
    again = resumes_for_real(world, 20 if long else 2, tally)
    seconds = time.perf_counter() - started
    for name in ("silent", "defects", "unnamed", "no_fallback"):
        for text in getattr(tally, name)[:5]:
            print(f"  {name}: {text}")
    kinds = ", ".join(f"{name} {number}" for name, number in tally.tried.items())
    return [
        told("mutated files", f"{trials} ({kinds}); {tally.harmless} read as before"),
        none("flip: loaded with other content", len(tally.silent), seconds=seconds),
        none("flip: tracebacks or defects", len(tally.defects)),
        none("flip: errors that do not name the file in one line", len(tally.unnamed)),
        count(
            "flip: broken newest checkpoints that fell back to the older one, said",
            tally.fallbacks,
            tally.fallbacks + len(tally.no_fallback),
        ),
        count("flip: resumed trainings that ended bit-equal", again, 20 if long else 2),
    ]
