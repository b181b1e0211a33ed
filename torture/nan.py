"""NaN and infinity put into a training at many places: stopped before anything moves."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torture.figures import Figure, count, none, told
from torture.world import small_config, small_dataset
from unclicked.cli.main import run as command_line
from unclicked.data.batching import bucketed_order
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import NumericError
from unclicked.model import UnclickedRecommender
from unclicked.run import build_model
from unclicked.start import training_builder
from unclicked.training import checkpoint as store
from unclicked.training import loop, ranking
from unclicked.training.loop import Training

PLACES = ("row of a table", "weight", "ranking loss", "metric loss", "gradient", "row gradient")
BAD = (float("nan"), float("inf"), float("-inf"))
LOSS = "fused_sampled_softmax"


@dataclass
class Tally:
    """How the injected numbers ended."""

    tried: int = 0
    stopped: int = 0
    moved: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def make_training(dataset: PreparedDataset, run: Path, **tables: Any) -> Training:
    """A training that has not begun."""
    config = small_config(dataset, **tables)
    users = len(dataset.users)
    model = build_model(config, dataset.catalogue, dataset.profile_vocabularies, users)
    run.mkdir(parents=True, exist_ok=True)
    return Training(
        run=run,
        config=config,
        model=model,
        builder=training_builder(dataset, config, last_only=False),
        validate=lambda: 0.5,
        warn=lambda text: None,
        device=torch.device("cpu"),
    )


def state_of(training: Training) -> str:
    """Hash of weights, optimiser state and counters."""
    hashed = hashlib.sha256(repr((training.progress, training.optimiser.num_steps)).encode())
    for one in (*training.model.parameters(), *training.optimiser.state.values()):
        hashed.update(one.detach().numpy().tobytes())
    return hashed.hexdigest()


def files_of(run: Path) -> str:
    """Hash of all checkpoints' bytes."""
    hashed = hashlib.sha256()
    for path in sorted((run / "checkpoints").rglob("*")):
        if path.is_file():
            hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()


@contextlib.contextmanager
def poisoned(
    training: Training, place: str, bad: float, chosen: np.ndarray, rng: np.random.Generator
) -> Iterator[list[str]]:
    """Put a bad number somewhere; gives the words of which the message must hold one."""
    model = training.model
    with contextlib.ExitStack() as undo:
        if place == "row of a table":
            yield _poison_row(training, bad, chosen, rng)
        elif place == "weight":
            dense = [one for name, one in model.named_parameters() if _is_dense(model, name)]
            weight = dense[int(rng.integers(len(dense)))]
            weight.data.view(-1)[int(rng.integers(weight.numel()))] = bad
            yield ["loss is NaN", *_names(model)]
        elif place == "ranking loss":
            undo.enter_context(_replaced(ranking, LOSS, _spoil_rows(vars(ranking)[LOSS], bad)))
            yield ["ranking loss"]
        elif place == "metric loss":
            metric = model.plugin.metric
            undo.enter_context(_replaced(model.plugin, "metric", _spoil(metric, bad)))
            yield ["metric loss"]
        elif place == "gradient":
            names = [name for name, _ in model.named_parameters() if _is_dense(model, name)]
            name = names[int(rng.integers(len(names)))]
            hook = dict(model.named_parameters())[name].register_hook(_bad_gradient(bad))
            undo.callback(hook.remove)
            yield [name]
        else:
            names = sorted(model.tables())
            name = names[int(rng.integers(len(names)))]
            table = model.tables()[name]
            undo.enter_context(_replaced(table, "rows", _bad_rows(table.rows, bad)))
            yield [f"{name} rows "]


def _names(model: UnclickedRecommender) -> list[str]:
    return [name for name, _ in model.named_parameters()]


def _is_dense(model: UnclickedRecommender, name: str) -> bool:
    return name not in model.tables()


def _poison_row(
    training: Training, bad: float, chosen: np.ndarray, rng: np.random.Generator
) -> list[str]:
    items = training.builder.build(chosen).items
    table = training.model.tower.table("item_id").weight
    table.data[int(rng.choice(items[1:]))] = bad
    return ["loss is NaN", *_names(training.model)]


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    had, old = name in vars(owner), getattr(owner, name)
    # Past nn.Module's own rules for attributes.
    object.__setattr__(owner, name, value)
    try:
        yield
    finally:
        if had:
            object.__setattr__(owner, name, old)
        else:
            object.__delattr__(owner, name)


def _spoil(function: Callable[..., Tensor], bad: float) -> Callable[..., Tensor]:
    def spoiled(*given: Any, **more: Any) -> Tensor:
        loss = function(*given, **more)
        return torch.cat([loss[:-1], loss[-1:] + bad])

    return spoiled


def _spoil_rows(
    function: Callable[..., tuple[Tensor, Tensor]], bad: float
) -> Callable[..., tuple[Tensor, Tensor]]:
    def spoiled(*given: Any, **more: Any) -> tuple[Tensor, Tensor]:
        mean, rows = function(*given, **more)
        return mean, torch.cat([rows[:-1], rows[-1:] + bad])

    return spoiled


def _bad_gradient(bad: float) -> Callable[[Tensor], Tensor]:
    def hook(gradient: Tensor) -> Tensor:
        changed = gradient.clone()
        changed.view(-1)[0] = bad
        return changed

    return hook


def _bad_rows(rows: Callable[[Tensor], Tensor], bad: float) -> Callable[[Tensor], Tensor]:
    def handed_out(ids: Tensor) -> Tensor:
        found = rows(ids)
        if found.requires_grad:
            # The last row: padding, which is thrown away, comes first.
            found.register_hook(lambda gradient: _last_bad(gradient, bad))
        return found

    return handed_out


def _last_bad(gradient: Tensor, bad: float) -> Tensor:
    changed = gradient.clone()
    changed[-1] = bad
    return changed


def inject(training: Training, batches: list[np.ndarray], number: int, tally: Tally) -> None:
    """Some good steps, a checkpoint, then one bad number."""
    rng = np.random.default_rng([13, number])
    place, bad = PLACES[number % len(PLACES)], BAD[number // len(PLACES) % len(BAD)]
    text = f"{place} {bad} after step {training.progress.step}"
    training.model.train()
    chosen = batches[int(rng.integers(len(batches)))]
    training.resume()
    training._step(training._ready((training.progress.step, chosen)))
    training.resume()
    saved, tally.tried = files_of(training.run), tally.tried + 1
    with poisoned(training, place, bad, chosen, rng) as words:
        before = state_of(training)
        try:
            training._step(training._ready((training.progress.step, chosen)))
        except NumericError as error:
            tally.stopped += error.exit_code == 5
            wrong = missing(str(error), place, words, training.progress.step + 1, chosen)
            if wrong:
                tally.unsaid.append(f"{text}: {error} (missing {wrong})")
    if state_of(training) != before:
        tally.moved.append(text)
    if files_of(training.run) != saved:
        tally.damaged.append(text)


def missing(said: str, place: str, words: list[str], number: int, chosen: np.ndarray) -> list[str]:
    """What a message should say and does not."""
    wrong = [] if any(word in said for word in words) else words
    wrong += [f"step {number},"] if f"step {number}," not in said else []
    named = re.search(r"The samples are \[([0-9, ]+)\]", said)
    samples = set() if named is None else {int(one) for one in named[1].split(",")}
    if place.endswith("loss"):
        wrong += [] if samples == {int(chosen[-1])} and ", rows " in said else ["the sample"]
    elif not samples or not samples <= set(chosen.tolist()):
        wrong.append("samples of the batch")
    return wrong + ([] if "\n" not in said else ["one line"])


def through_the_command(dataset: PreparedDataset, folder: Path, number: int) -> bool:
    """A whole `train` that meets NaN: exit code 5 and one line; `--resume` then ends well."""
    run, plain, calls = folder / f"whole-{number}", vars(loop)["training_step"], [0]
    at = 12 + number

    def poisoning(model: UnclickedRecommender, *given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            name, weight = list(model.named_parameters())[number % 7]
            weight.data.view(-1)[-weight.shape[-1] - 1 if weight.dim() > 1 else 0] = float("nan")
            model.tower.table("item_id").weight.data[1:] = float("nan")
        return plain(model, *given, **named)

    settings = [
        "--set",
        "model.dim=16",
        "--set",
        "train.max_epochs=3",
        "--set",
        "train.num_buckets=2",
    ]
    verb = [
        "train",
        str(dataset.path),
        "--out",
        str(run),
        *settings,
        "--set",
        "train.batch_size=32",
    ]
    with _replaced(loop, "training_step", poisoning):
        code, errors = _command(verb)
    good = code == 5 and len(errors.splitlines()) == 1 and f"step {at}," in errors
    again, _ = _command([*verb, "--resume"])
    newest = store.newest_valid(run)[0]
    return good and again == 0 and store.read_progress(newest)[0].epoch == 3


def _command(arguments: list[str]) -> tuple[int, str]:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = command_line(arguments)
    return code, errors.getvalue()


def run(long: bool, folder: Path) -> list[Figure]:
    """Inject bad numbers.

    Args:
        long: 1,000 places and 12 whole trainings instead of 100 and 3.
        folder: Where to work.

    Returns:
        The figures.
    """
    torch.set_num_threads(1)
    started, tally = time.perf_counter(), Tally()
    dataset = small_dataset(folder)
    trials, wholes = (1000, 12) if long else (100, 3)
    for optimizer in ("adagrad", "adam"):
        tables = {"train": {"optimizer": optimizer}, "model": {"intermediate_margin": 1.0}}
        training = make_training(dataset, folder / optimizer, **tables)
        lengths = np.diff(training.builder.samples.position_offsets)
        batches = bucketed_order(lengths, 2, 32, 0)
        for chosen in batches[:4]:
            training._step(training._ready((training.progress.step, chosen)))
            training.progress.step += 1
        store.save_checkpoint(training.run, training.model, training.optimiser, training.progress)
        for number in range(trials // 2):
            inject(training, batches, number, tally)
    ended = sum(through_the_command(dataset, folder, number) for number in range(wholes))
    for name in ("moved", "unsaid", "damaged"):
        for text in getattr(tally, name)[:5]:
            print(f"  {name}: {text}")
    return [
        told("places", ", ".join(PLACES)),
        count(
            "nan: stopped with exit code 5",
            tally.stopped,
            tally.tried,
            seconds=time.perf_counter() - started,
        ),
        none("nan: weights or optimiser state that moved", len(tally.moved)),
        none("nan: messages without step, samples, or the loss or parameter", len(tally.unsaid)),
        none("nan: checkpoints that were touched", len(tally.damaged)),
        count("nan: whole trainings that stopped, and went on with --resume", ended, wholes),
    ]
