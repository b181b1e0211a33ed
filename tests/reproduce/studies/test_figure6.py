"""Figure 6 is drawn from models of the first judged seed, and says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unclicked.reproduce import figure6
from unclicked.reproduce.results import FINAL, Results
from unclicked.reproduce.studies.figure6 import STUDY
from unclicked.reproduce.workplace import Workplace


def test_the_models_are_of_the_first_judged_seed(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure6, "project", lambda stacked, *, seed, measure: stacked[:, :2])
    rows = STUDY.run(replace(place, tuning="printed", seeds=(3, 4)))
    assert {row.seed for row in rows if row.role == FINAL} == {3}
    table, curves = STUDY.tables(Results(rows))
    assert "models of seed 3." in table.notes[0]
    # One epoch of the full method, with all that its log has.
    assert [row[:2] for row in curves.rows] == [["SRU2B", "1"]]
    assert "-" not in curves.rows[0]
