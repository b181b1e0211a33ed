"""Two runs to be looked at side by side: a base and the full method, of the first judged seed."""

from __future__ import annotations

from pathlib import Path

from unclicked.errors import UserError
from unclicked.reproduce.methods import Method
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace


def trained_pair(
    place: Workplace, study: str, base: Method, full: Method
) -> tuple[Tuner, Path, Path]:
    """Train two methods with the first judged seed on the first data set.

    The seed that chooses settings is none of these, so these are the very trainings that the other
    studies of the folder judge.

    Args:
        place: Where to train.
        study: Name of the study that asks.
        base: The base recommender.
        full: The full method.

    Returns:
        The tuner with what was chosen, and the folders of both runs.

    Raises:
        ChildError: A training ended badly.
        UserError: Numbers of a training broke.
    """
    tuner = Tuner(place, study)
    tuner.choose([base, full])
    cells = [tuner.cell(method, place.seeds[0]) for method in (base, full)]
    names = (base.name, full.name)
    if len(place.datasets) > 1:
        others = ", ".join(one.path.name for one in place.datasets[1:])
        taken = place.datasets[0].path.name
        place.warn(f"{study} shows one data set and takes the first, {taken}, without {others}.")
    part = "trainings that are looked at"
    outcomes = place.train(list(zip(names, cells, strict=True)), part=part)
    for name, cell in zip(names, cells, strict=True):
        if outcomes[cell.key].failed:
            where = f"{name} of {cell.dataset.path.name}, seed {cell.seed}"
            raise UserError("REPRODUCE-BROKE", where, outcomes[cell.key].failed)
    runs = [outcomes[cell.key].run for cell in cells]
    return tuner, runs[0], runs[1]
