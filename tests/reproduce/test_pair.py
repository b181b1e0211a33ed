"""The two runs of a picture are finalists: of a seed that is judged, with the chosen settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unclicked.errors import UserError
from unclicked.reproduce import tuning
from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.methods import BASES, FULL, SDM, VARIANTS
from unclicked.reproduce.pair import trained_pair
from unclicked.reproduce.tuning import SCREEN_SEED
from unclicked.reproduce.workplace import Workplace
from unclicked.run import read_facts

METHODS = (BASES[SDM], VARIANTS[FULL])


@pytest.fixture
def quick(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A place with two candidates for the metric loss alone, and two seeds to judge."""
    monkeypatch.setattr(tuning, "OPTIMISERS", tuning.OPTIMISERS[:1])
    monkeypatch.setattr(tuning, "METRIC_STRENGTHS", tuning.METRIC_STRENGTHS[:2])
    return replace(place, seeds=(3, 4))


def test_the_pair_is_of_the_first_judged_seed(quick: Workplace, in_process: list[str]) -> None:
    tuner, *runs = trained_pair(quick, "s", *METHODS)
    facts = [read_facts(run) for run in runs]
    assert [one.config.train.seed for one in facts] == [3, 3]
    assert {row.seed for row in tuner.rows} == {SCREEN_SEED}
    assert [one.config.model.metric for one in facts] == ["none", "symmetric"]
    # The candidates under the choosing seed, and the pair.
    assert len(in_process) == 2 + 2
    # What a study judges are these very trainings.
    tuner.place = replace(quick, seeds=(3,))
    rows = judge(tuner, [Entry(method) for method in METHODS])
    assert {row.cell for row in rows if row.cell} == {run.parent.name for run in runs}


def test_a_pair_whose_numbers_broke_is_refused(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = replace(place, tuning="printed")
    train = Workplace.train

    def broken(self: Workplace, work: list, *, judge: str = "", part: str = "") -> dict:
        outcomes = train(self, work[:1])
        return {cell.key: replace(*outcomes.values(), failed="error[X] nan") for _, cell in work}

    monkeypatch.setattr(Workplace, "train", broken)
    with pytest.raises(UserError, match=r"SDM of tiny, seed 1: error\[X\] nan"):
        trained_pair(printed, "s", *METHODS)
