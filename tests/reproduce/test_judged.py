"""Judged rows are what the runs' own evaluations say, for every entry, data set and seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unclicked import stored_evaluation
from unclicked.errors import UserError
from unclicked.reproduce.judged import BROKE, LENGTH, MEASURES, POPULARITY, Entry, judge
from unclicked.reproduce.methods import BASES, Method
from unclicked.reproduce.tuning import VALIDATION, Tuner
from unclicked.reproduce.workplace import Workplace

DNN = BASES["DNN"]


def printed(place: Workplace) -> Tuner:
    return Tuner(replace(place, tuning="printed"), "s")


def test_every_seed_is_judged_and_its_users_kept(place: Workplace) -> None:
    tuner = printed(replace(place, seeds=(0, 1)))
    rows = judge(tuner, [Entry(DNN)])
    own = [row for row in rows if row.method == "DNN"]
    judged = [row for row in own if row.metric != VALIDATION]
    assert {(row.seed, row.metric) for row in judged} == {(s, m) for s in (0, 1) for m in MEASURES}
    assert {row.seed for row in own if row.metric == VALIDATION} == {0, 1}
    for row in judged:
        run = place.out / "cells" / row.cell / "run"
        summary, table = stored_evaluation.load(run, "test")
        assert row.value == pytest.approx(summary["metrics"][row.metric])
        assert np.array_equal(row.values, table.column(row.metric).to_numpy())
        assert row.data == "tiny"


def test_facts_of_the_data_come_once(place: Workplace) -> None:
    rows = judge(printed(place), [Entry(DNN), Entry(Method("other", "dnn"))])
    lengths = [row for row in rows if row.metric == LENGTH]
    assert len(lengths) == 1
    assert len(lengths[0].values) == len(place.datasets[0].splits["test"])
    assert len([row for row in rows if row.method == POPULARITY]) == len(MEASURES)


def test_swept_entries_keep_their_value(place: Workplace) -> None:
    entries = [Entry(DNN, x, (("train.learning_rate", x),)) for x in (0.01, 0.1)]
    rows = judge(printed(place), entries)
    swept = {(row.x, row.cell) for row in rows if row.method == "DNN"}
    assert {x for x, _ in swept} == {0.01, 0.1}
    assert len({cell for _, cell in swept}) == 2


def test_a_training_that_broke_is_a_row(place: Workplace) -> None:
    wild = Method("wild", "dnn", extra={"train.learning_rate": 1e30, "train.clip_norm": 0.0})
    rows = judge(printed(place), [Entry(DNN), Entry(wild)])
    broke = [row for row in rows if row.method == "wild"]
    assert [(row.metric, row.text[:6]) for row in broke] == [(BROKE, "error[")]
    with pytest.raises(UserError, match="no training ended"):
        judge(printed(place), [Entry(wild)])
