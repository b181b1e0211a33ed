"""Figure 7 is drawn from models of the first judged seed, and says so."""

from __future__ import annotations

from dataclasses import replace

from unclicked.reproduce.results import FINAL, Results
from unclicked.reproduce.studies.figure7 import STUDY
from unclicked.reproduce.workplace import Workplace


def test_the_models_are_of_the_first_judged_seed(place: Workplace) -> None:
    rows = STUDY.run(replace(place, tuning="printed", seeds=(3, 4)))
    assert {row.seed for row in rows if row.role == FINAL} == {3}
    shares, _ = STUDY.tables(Results(rows))
    assert "models of seed 3." in shares.notes[0]
