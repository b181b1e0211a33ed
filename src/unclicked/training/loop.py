"""The training loop, on one screen."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch

from unclicked.config import Config
from unclicked.data.batching import BatchBuilder, bucketed_order
from unclicked.errors import NumericError, ResourceError, enough_memory
from unclicked.in_turn import in_turn
from unclicked.model import UnclickedRecommender
from unclicked.progress import bar, silent
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch, to_tensors
from unclicked.training import checkpoint as store
from unclicked.training.alarms import MetricAlarms
from unclicked.training.alignment import category_alignment
from unclicked.training.exchange import part_of
from unclicked.training.log import NoLog, RunLog
from unclicked.training.optimiser import Optimiser
from unclicked.training.randomness import generator_for, seed_dropout, step_seed
from unclicked.training.ranks import ALONE, Ranks
from unclicked.training.sharded import shard_tables
from unclicked.training.sharded_packages import wanted
from unclicked.training.step import BrokenRows, training_step
from unclicked.training.step_report import StepReport

ORDER, NEGATIVES, DROPOUT, RANDOM_ITEMS = STREAMS = range(4)
# One batch is in use, one lies ready, one is under way: more would only hold memory.
AHEAD = 2
ADVICE = "Lower train.batch_size, train.num_negatives or model.dim."
# Samples of this rank, their batch, the step's negatives, and whether the samples do not count.
Ready = tuple[np.ndarray, TensorBatch, SampledNegatives | None, bool]


class Stopped(Exception):
    """Training was asked to stop and has saved a checkpoint.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(f"stopped by signal {number} after saving; go on with --resume")


@dataclass
class Training:
    """Everything a run moves and keeps.

    Attributes:
        run: Folder of the run.
        config: The resolved configuration.
        model: The model.
        builder: Where training batches come from.
        validate: Gives the validation HR@50 of the model as it is; None trains a fixed number of
            epochs and keeps the last.
        warn: Called with sentences that a person should read.
        device: Where the model lives.
        progress: How far the run is.
        ranks: Those that share every batch; the first one validates, logs and saves.
    """

    run: Path
    config: Config
    model: UnclickedRecommender
    builder: BatchBuilder
    validate: Callable[[], float] | None
    warn: Callable[[str], None]
    device: torch.device
    progress: store.Progress = field(default_factory=store.Progress)
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        self.optimiser = Optimiser(self.model, self.config.train, self.ranks)
        self.sampler = LogUniform(self.model.num_items)
        self.alarms = MetricAlarms(self.config.model)
        self._signal = 0
        self._saved_at = time.monotonic()

    def resume(self) -> None:
        """Go back to the newest whole checkpoint.

        Raises:
            ArtefactError: If there is none, or it does not fit.
        """
        folder, refused = store.newest_valid(self.run)
        for text in refused:
            self.warn(f"{text} An older checkpoint is used instead.")
        store.load_weights(folder, self.model)
        store.load_optimiser(folder, self.optimiser)
        self.progress = store.read_progress(folder)[0]

    def fit(self) -> store.Progress:
        """Train until the validation no longer improves or the epochs are used up.

        Returns:
            How the run ended.

        Raises:
            NumericError: If a loss or gradient is not finite; the last checkpoint is whole.
            Stopped: If SIGINT or SIGTERM came; a checkpoint was saved.
            ResourceError: If another rank is lost.
        """
        config = self.config.train
        self.builder = self.model.asked_of(self.builder)
        store.share(self.ranks, self.model, self.optimiser, self.progress)
        self._spread()
        log = self._open_log() if self.ranks.first else NoLog()
        lengths = np.diff(self.builder.samples.position_offsets)
        try:
            with self._signals():
                while not self.progress.finished:
                    order = step_seed(config.seed, self.progress.epoch, ORDER)
                    batches = bucketed_order(lengths, config.num_buckets, config.batch_size, order)
                    started, rows = time.monotonic(), self._epoch(batches, log)
                    self._end_epoch(log, rows, time.monotonic() - started)
        finally:
            log.close()
        return self.progress

    def _spread(self) -> None:
        if wanted(self.config.train):
            state = self.optimiser.state
            shard_tables(self.model, self.config.train, self.ranks, self.device, state=state)
            self.optimiser.tables_lie_apart(self.device)

    def _open_log(self) -> RunLog:
        done = self.progress
        return RunLog(self.run / "log.jsonl", done.step, self.warn, epochs=done.epoch)

    def _epoch(self, batches: list[np.ndarray], log: RunLog) -> int:
        """Train on what is left of an epoch; how many rows that were."""
        title = f"epoch {self.progress.epoch + 1}"
        rows, started = 0, time.monotonic()
        self.model.train()
        shows = bar(title, len(batches), self.progress.batch)
        left = enumerate(batches[self.progress.batch :], self.progress.step)
        with (
            shows if self.ranks.first else nullcontext(silent()) as shown,
            closing(in_turn(self._ready, left, threads=1, ahead=AHEAD)) as ready,
        ):
            for one in ready:
                report, norm = self._step(one)
                rows += report.num_rows
                self.progress.step += 1
                self.progress.batch += 1
                log.step(self.progress.step, self.progress.epoch + 1, report, grad_norm=norm)
                speed = rows / (time.monotonic() - started)
                has_metric = self.config.model.metric != "none"
                metric = f"metric {report.metric_loss:.3f} " if has_metric else ""
                shown.advance(note=f"ranking {report.ranking_loss:.3f} {metric}{speed:,.0f} rows/s")
                self._say(self.alarms.after_step(report))
                self._save_if_due(log)
        return rows

    def _ready(self, wanted: tuple[int, np.ndarray]) -> Ready:
        """The batch and the negatives of a step; a function of its number and the seed alone."""
        step, chosen = wanted
        with enough_memory(f"training, step {step + 1}", ADVICE):
            negatives = None
            if self.config.train.ranking_loss == "sampled_softmax":
                drawing = generator_for(self.config.train.seed, step, NEGATIVES)
                negatives = self.sampler.draw(self.config.train.num_negatives, drawing)
            part, idle = part_of(chosen, self.ranks.number, self.ranks.count)
            return part, to_tensors(self.builder.build(part), self.device), negatives, idle

    def _step(self, ready: Ready) -> tuple[StepReport, float]:
        with enough_memory(f"training, step {self.progress.step + 1}", ADVICE):
            return self._step_once(*ready)

    def _step_once(
        self, chosen: np.ndarray, batch: TensorBatch, negatives: SampledNegatives | None, idle: bool
    ) -> tuple[StepReport, float]:
        step, seed = self.progress.step, self.config.train.seed
        # Every rank drops something else, or the same places of all parts would fall together.
        seed_dropout(seed, step, DROPOUT + len(STREAMS) * self.ranks.number, self.device)
        try:
            random = generator_for(seed, step, RANDOM_ITEMS)
            given = (self.model, batch, negatives, self.sampler, random, step, self.ranks, idle)
            ways = self.config.train
            report = training_step(
                *given,
                logits=ways.logits,
                unclicked_weight=ways.unclicked_negatives,
                logq=ways.logq,
            )
            return report, self.optimiser.step()
        except NumericError as error:
            self.optimiser.forget()
            broken = chosen[error.places] if isinstance(error, BrokenRows) else chosen
            named = f" The samples are {broken[:10].tolist()}." if len(broken) else ""
            raise NumericError(
                error.name,
                f"step {step + 1}, {error.where}",
                f"{error.message}{named} Checkpoints are untouched; lower train.learning_rate.",
            ) from None

    def _end_epoch(self, log: RunLog, rows: int, seconds: float) -> None:
        progress = self.progress
        self._say(self.alarms.after_epoch())
        progress.epoch += 1
        progress.batch = 0
        judged = self._judge()
        stale = progress.bad_epochs >= self.config.train.patience
        progress.finished = stale or progress.epoch >= self.config.train.max_epochs
        line = {
            "epoch": progress.epoch,
            **judged,
            "rows_per_second": round(rows / seconds, 1),
            "seconds": round(seconds, 2),
        }
        # The rows of tables that lie apart are there for all ranks at once or for none.
        asked = self.ranks.first or bool(self.optimiser.sharded)
        found = category_alignment(self.model) if asked else {}
        alignment = {name: round(value, 4) for name, value in found.items()}
        progress.history.append(line)
        log.write({"kind": "epoch", "step": progress.step, **line, "alignment": alignment})
        self._save(log)

    def _judge(self) -> dict[str, float]:
        """Validate, and remember whether this epoch is the best."""
        progress = self.progress
        if self.validate is None:
            progress.best_step = progress.step
            return {}
        together = bool(self.optimiser.sharded)
        value = self.validate() if together else self.ranks.from_first(self.validate)
        better = value > progress.best_value
        progress.bad_epochs = 0 if better else progress.bad_epochs + 1
        if better:
            progress.best_value, progress.best_step = value, progress.step
        return {"validation_HR@50": value}

    def _save_if_due(self, log: RunLog) -> None:
        minutes = (time.monotonic() - self._saved_at) / 60
        late = minutes >= self.config.train.checkpoint_minutes
        # All ranks save and stop in the same step, whichever of them was told.
        number, due = self.ranks.most(self._signal, late)
        if number or due:
            self._save(log)
        if number:
            raise Stopped(number)

    def _save(self, log: RunLog) -> None:
        apart = store.gathered(self.optimiser)
        if self.ranks.first:
            self._write(log, apart)
        self.ranks.wait()
        self._saved_at = time.monotonic()

    def _write(self, log: RunLog, apart: store.Whole) -> None:
        """Save, and once again where the disk refuses: what was trained is still in memory."""
        for last in (False, True):
            try:
                log.flush()
                store.save_checkpoint(self.run, self.model, self.optimiser, self.progress, apart)
                break
            except ResourceError as error:
                if last:
                    raise
                self.warn(f"{error} It is tried once more.")

    def _say(self, text: str | None) -> None:
        if text is not None:
            self.warn(text)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into a stop after the step under way; a second one kills."""

        def remember(number: int, frame: FrameType | None) -> None:
            if self._signal:
                raise KeyboardInterrupt(number)
            self._signal = number

        try:
            old = {s: signal.signal(s, remember) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:
            # Only the main thread may set handlers; elsewhere the caller's stay.
            old = {}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
