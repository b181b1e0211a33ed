"""The Python interface of a model: fit, evaluate, recommend, save and load."""

from __future__ import annotations

import copy
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from unclicked import evaluation, recommendation
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.dotted import merge
from unclicked.encoders import ENCODERS
from unclicked.encoders.base import EncoderShape
from unclicked.encoders.options import unknown_name
from unclicked.errors import UnclickedWarning, UserError
from unclicked.refit import train_and_refit
from unclicked.run import EncoderMaker, Run, open_run
from unclicked.settings import parse_set, preset_settings, resolve
from unclicked.start import train

# Unknown ids of each list that a warning names.
_NAMED = 10


class Recommender:
    """A retrieval model that also reads what a user was shown and passed over.

    Args:
        encoder: Name of the base encoder, or a module of your own with
            `forward(items [B, T, D], mask [B, T], context) -> [B, T, D]`.
        fusion: "none", "subtract" or "confidence"; the preset's without.
        metric: Form of the metric loss, or "none"; the preset's without.
        preset: Settings to start from.
        seed: Seed of weights, order, negatives and dropout.
        settings: Further settings, as {"model.dim": 64}.

    Raises:
        UserError: If a setting is unknown or wrong, or there is no encoder of that name.
    """

    def __init__(
        self,
        encoder: str | nn.Module = "sdm",
        fusion: str | None = None,
        metric: str | None = None,
        *,
        preset: str = "recommended",
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        model = {"fusion": fusion, "metric": metric}
        if isinstance(encoder, str):
            model["encoder"] = encoder
        given = {name: value for name, value in model.items() if value is not None}
        self._module = None if isinstance(encoder, str) else encoder
        self._preset = preset
        self._settings: dict[str, Any] = {"model": given, "train": {"seed": seed}}
        for key, value in (settings or {}).items():
            nested: Any = value
            for part in reversed(key.split(".")):
                nested = {part: nested}
            self._settings = merge(self._settings, nested)
        named = resolve(preset_settings(preset), self._settings).model.encoder
        if self._module is None and named not in ENCODERS:
            raise unknown_name("ENCODER-NAME", named, ENCODERS)
        self._run: Run | None = None
        self._answerer: recommendation.Answerer | None = None

    @property
    def run(self) -> Run:
        """The trained run.

        Raises:
            UserError: If nothing was fitted or loaded yet.
        """
        if self._run is None:
            raise UserError("NOT-FITTED", "Recommender", "call fit(data) or load(run) first.")
        return self._run

    def fit(
        self,
        data: PreparedDataset,
        out: str | Path | None = None,
        *,
        refit: bool = False,
        warm_start: str | Path | None = None,
    ) -> Recommender:
        """Train on a prepared data set.

        Args:
            data: The data set.
            out: Folder of the run; without, a temporary one that goes with this object.
            refit: Whether to train once more on the validation days too, as long as was best.
            warm_start: A run whose weights to start from.

        Returns:
            This recommender.

        Raises:
            UserError: If `data` is no data set, or a setting does not fit it.
        """
        if not isinstance(data, PreparedDataset):
            raise UserError(
                "DATASET",
                f"{data!r:.80}",
                f"found {type(data).__name__}, expected a PreparedDataset: unclicked.prepare(...) "
                "makes one, PreparedDataset.open(FOLDER) opens one.",
            )
        folder = self._temporary_folder() if out is None else Path(out)
        config = resolve_for(data.config, self._preset, self._settings)
        maker, name = self._maker()
        start = train_and_refit if refit else train
        start(
            data,
            folder,
            config,
            preset=self._preset,
            encoder=maker,
            encoder_name=name,
            warm_from=None if warm_start is None else Path(warm_start),
        )
        self._run = open_run(folder, maker)
        return self

    def evaluate(
        self, data: PreparedDataset, split: str = "test", top_k: tuple[int, ...] = (50, 80)
    ) -> dict[str, Any]:
        """Judge on a held-out split.

        Args:
            data: The data set of the run.
            split: "validation" or "test".
            top_k: Lengths of the lists.

        Returns:
            Keys as `unclicked evaluate --json`.
        """
        return evaluation.evaluate(self.run, data, split=split, top_k=tuple(top_k))

    def recommend(
        self,
        clicked: Sequence[Any] = (),
        unclicked: Sequence[Any] = (),
        *,
        profile: Mapping[str, str] | None = None,
        top_k: int = 10,
        exclude: Sequence[Any] = (),
        long_term: Sequence[Any] = (),
    ) -> list[dict[str, Any]]:
        """A list for one user, from events alone.

        A user without a known clicked item gets the most clicked items of the training days, less
        the ones just passed over. Ids and profile values that the model does not know are left
        out, and a warning names them; `unclicked.recommendation.recommend(model.run, requests)`
        returns them with the list, and tells by `fallback` which of the two lists it is.

        Args:
            clicked: Ids of the items clicked in this session, the last click last.
            unclicked: Ids of items shown and left, the last shown last.
            profile: Profile field to value.
            top_k: Length of the list.
            exclude: Ids that must not be recommended.
            long_term: Ids of the items clicked in earlier sessions, the last click last; most
                encoders lean on them, so leave them out only where there are none.

        Returns:
            Mappings with "item_id", "score" and "rank"; of the most clicked items the score is the
            number of clicks.

        Warns:
            UnclickedWarning: If an id or a profile value is unknown.
        """
        request = recommendation.Request(
            clicked,
            unclicked,
            dict(profile or {}),
            exclude,
            top_k=top_k,
            long_term=long_term,
        )
        # Made once: it holds every item's number and vector.
        if self._answerer is None or self._answerer.source is not self.run:
            self._answerer = recommendation.Answerer(self.run)
        answer = self._answerer.answer([request])[0]
        if text := _unknown(answer):
            warnings.warn(text, UnclickedWarning, stacklevel=2)
        items: list[dict[str, Any]] = answer["items"]
        return items

    def save(self, path: str | Path) -> None:
        """Copy the run to a folder.

        Args:
            path: Folder to make; it may exist if it is empty.

        Raises:
            UserError: If it exists and is not empty.
        """
        # A link to a folder is that folder.
        target = Path(path).resolve()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UserError("OUT", str(target), "exists and is not empty. Choose another folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not there, whatever stops it.
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as beside:
            shutil.copytree(self.run.path, Path(beside) / "run")
            (Path(beside) / "run").replace(target)

    @staticmethod
    def load(path: str | Path, encoder: nn.Module | None = None) -> Recommender:
        """Load a trained run; nothing that is loaded can run code.

        Args:
            path: Folder of the run.
            encoder: The module it was trained with, where that was one of your own.

        Returns:
            A recommender ready to be asked.
        """
        run = open_run(Path(path), None if encoder is None else lambda shape: encoder)
        named = run.config.model.encoder if encoder is None else encoder
        recommender = Recommender(named, preset=run.facts.preset)
        recommender._run = run
        return recommender

    def _temporary_folder(self) -> Path:
        """A folder that goes when this recommender does."""
        folder = Path(tempfile.mkdtemp(prefix="unclicked-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _maker(self) -> tuple[EncoderMaker | None, str]:
        module = self._module
        if module is None:
            return None, ""

        def make(shape: EncoderShape) -> nn.Module:
            # A copy, so that a second fit starts from the same weights as the first.
            return copy.deepcopy(module)

        return make, type(module).__name__


def _unknown(answer: dict[str, Any]) -> str:
    """What of a request the model does not know; empty if nothing."""
    named = [
        f"{name} {', '.join(map(repr, values[:_NAMED]))}"
        + (f" and {len(values) - _NAMED} more" if len(values) > _NAMED else "")
        for name, values in answer["ignored"].items()
        if values and name != "also_clicked"
    ]
    instead = " No clicked item is known: these are the most clicked items of the training days."
    told = [f"unknown and left out: {'; '.join(named)}."] if named else []
    if also := answer["ignored"].get("also_clicked"):
        some = ", ".join(map(repr, also[:_NAMED])) + (" and more" if len(also) > _NAMED else "")
        told.append(f"not taken for unclicked, since the session clicked them: {some}.")
    return " ".join(told) + (instead if named and answer["fallback"] else "")


__all__ = ["Recommender", "parse_set", "resolve_for"]
