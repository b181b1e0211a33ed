"""Validation chooses, on the first data set and seed alone; printed numbers need no choice."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from unclicked.errors import UserError
from unclicked.reproduce import tuning
from unclicked.reproduce.cell import Cell, Outcome
from unclicked.reproduce.choices import Choices, read_choices
from unclicked.reproduce.methods import BASES, VARIANTS, Method
from unclicked.reproduce.results import CHOSEN, SCREEN
from unclicked.reproduce.tuning import METRIC_STRENGTHS, OPTIMISERS, SCREEN_SEED, Tuner
from unclicked.reproduce.workplace import Workplace

FULL = VARIANTS["SRU2B"]
BEST = {"train.optimizer": "adagrad", "train.learning_rate": 0.05}


@pytest.fixture
def rigged(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> tuple[Workplace, list[Cell]]:
    """A place in which a training's validation is known: best at AdaGrad 0.05 and weight 0.1."""
    trained: list[Cell] = []

    def train(
        self: Workplace, work: list[tuple[str, Cell]], *, judge: str = "", part: str = ""
    ) -> dict[str, Outcome]:
        outcomes = {}
        for _, cell in work:
            trained.append(cell)
            config = cell.config
            value = 0.5 - abs(config.train.learning_rate - 0.05)
            value -= abs(config.model.metric_weight - 0.1) + config.model.metric_grad_cap
            outcomes[cell.key] = Outcome(cell, self.folder(cell), value, 1, 1.0, "")
        assert judge == ""
        return outcomes

    monkeypatch.setattr(Workplace, "train", train)
    return place, trained


def test_the_rate_is_chosen_for_the_base_and_the_strength_on_top(
    rigged: tuple[Workplace, list[Cell]],
) -> None:
    place, trained = rigged
    tuner = Tuner(place, "s")
    tuner.choose([BASES["SDM"], FULL])
    assert tuner.chosen(BASES["SDM"]) == BEST
    assert tuner.chosen(FULL) == {
        **BEST,
        "model.metric_weight": 0.1,
        "model.metric_grad_cap": 0.0,
    }
    assert len(trained) == len(OPTIMISERS) + len(METRIC_STRENGTHS)
    assert {cell.seed for cell in trained} == {SCREEN_SEED}
    roles = [row.role for row in tuner.rows]
    assert (roles.count(CHOSEN), roles.count(SCREEN)) == (2, len(trained) - 2)


def test_one_candidate_is_taken_without_a_training(rigged: tuple[Workplace, list[Cell]]) -> None:
    place, trained = rigged
    tuner = Tuner(place, "s")
    tuner.choose([VARIANTS["SRU2B (w/o metric)"]])
    assert len(trained) == len(OPTIMISERS)
    assert tuner.chosen(VARIANTS["SRU2B (w/o metric)"]) == BEST


def test_a_control_takes_what_its_method_was_given(
    rigged: tuple[Workplace, list[Cell]],
) -> None:
    place, trained = rigged
    control = FULL.with_extra("control", data__unclicked__source="shuffled")
    tuner = Tuner(place, "s")
    tuner.choose([FULL, control])
    assert tuner.chosen(control) == tuner.chosen(FULL)
    cell = tuner.cell(control, seed=5)
    assert cell.config.data.unclicked.source == "shuffled"
    assert (cell.config.model.metric_weight, cell.config.train.learning_rate) == (0.1, 0.05)
    assert all(one.config.data.unclicked.source == "own" for one in trained)


def test_permuted_labels_choose_their_own_strength(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """True labels are best at weight 0.1, permuted ones at 0.01; both have the base's rate."""

    def train(
        self: Workplace, work: list[tuple[str, Cell]], *, judge: str = "", part: str = ""
    ) -> dict[str, Outcome]:
        values = {}
        for _, cell in work:
            model = cell.config.model
            best = 0.01 if model.metric_labels == "permuted" else 0.1
            value = 0.5 - abs(model.metric_weight - best) - model.metric_grad_cap
            value -= abs(cell.config.train.learning_rate - 0.05)
            values[cell.key] = Outcome(cell, self.folder(cell), value, 1, 1.0, "")
        return values

    monkeypatch.setattr(Workplace, "train", train)
    permuted = FULL.with_extra("permuted", model__metric_labels="permuted")
    both = permuted.with_extra("both", data__unclicked__source="shuffled")
    tuner = Tuner(place, "s")
    tuner.choose([both, FULL, permuted])
    assert tuner.chosen(FULL)["model.metric_weight"] == 0.1
    assert tuner.chosen(permuted)["model.metric_weight"] == 0.01
    assert tuner.chosen(both) == tuner.chosen(permuted)
    assert {tuner.chosen(one)["train.learning_rate"] for one in (FULL, permuted)} == {0.05}
    cell = tuner.cell(permuted, seed=5)
    assert (cell.config.model.metric_labels, cell.config.model.metric_weight) == ("permuted", 0.01)
    told = [row.method for row in tuner.rows]
    assert told.count("permuted") == told.count("SRU2B") == len(METRIC_STRENGTHS)


def test_without_a_metric_loss_permuted_labels_are_nothing_to_choose_for(
    rigged: tuple[Workplace, list[Cell]],
) -> None:
    place, trained = rigged
    fusion = VARIANTS["SRU2B (w/o metric)"]
    permuted = fusion.with_extra("permuted", model__metric_labels="permuted")
    tuner = Tuner(place, "s")
    tuner.choose([fusion, permuted])
    assert tuner.chosen(permuted) == tuner.chosen(fusion)
    assert len(trained) == len(OPTIMISERS)


def test_nothing_is_chosen_twice(rigged: tuple[Workplace, list[Cell]]) -> None:
    place, trained = rigged
    tuner = Tuner(place, "s")
    tuner.choose([FULL])
    before = len(trained)
    tuner.choose([FULL, BASES["SDM"]])
    assert len(trained) == before


def test_what_a_sweep_gives_wins(rigged: tuple[Workplace, list[Cell]]) -> None:
    place, _ = rigged
    tuner = Tuner(place, "s")
    tuner.choose([FULL])
    cell = tuner.cell(FULL, 1, 0, {"model.metric_weight": 7.0})
    assert cell.config.model.metric_weight == 7.0


def test_printed_numbers_are_the_papers(rigged: tuple[Workplace, list[Cell]]) -> None:
    place, trained = rigged
    tuner = Tuner(replace(place, tuning="printed", settings={}), "s")
    tuner.choose([FULL, BASES["DNN"]])
    assert trained == []
    cell = tuner.cell(FULL, 0)
    assert (cell.config.model.metric_weight, cell.config.train.num_negatives) == (10.0, 20000)
    base = tuner.cell(BASES["DNN"], 0).config
    assert (base.model.encoder, base.model.fusion, base.train.batch_size) == ("dnn", "none", 256)


def test_equal_candidates_leave_the_first(
    rigged: tuple[Workplace, list[Cell]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = rigged
    # Both are 0.02 away from the rigged best.
    both = ({"train.learning_rate": 0.07}, {"train.learning_rate": 0.03})
    monkeypatch.setattr(tuning, "OPTIMISERS", both)
    tuner = Tuner(place, "s")
    tuner.choose([Method("SDM", "sdm")])
    assert tuner.chosen(BASES["SDM"]) == both[0]


def test_the_choice_has_the_name_of_the_method_and_not_of_its_control(
    rigged: tuple[Workplace, list[Cell]],
) -> None:
    place, _ = rigged
    control = FULL.with_extra("control", data__unclicked__source="shuffled")
    tuner = Tuner(place, "s")
    tuner.choose([control, FULL])
    assert {row.method for row in tuner.rows} == {"SDM", "SRU2B"}


def test_the_seed_that_chooses_is_not_judged(place: Workplace) -> None:
    seeds = (SCREEN_SEED, 1)
    with pytest.raises(UserError, match="found 0 among the seeds to judge"):
        Tuner(replace(place, seeds=seeds), "s")
    assert Tuner(replace(place, seeds=seeds, tuning="printed"), "s").place.seeds == seeds


def test_nothing_is_chosen_where_everything_broke(
    rigged: tuple[Workplace, list[Cell]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = rigged

    def train(
        self: Workplace, work: list[tuple[str, Cell]], *, judge: str = "", part: str = ""
    ) -> dict[str, Outcome]:
        return {c.key: Outcome(c, self.out, 0.0, 0, 1.0, "error[NAN] x") for _, c in work}

    monkeypatch.setattr(Workplace, "train", train)
    with pytest.raises(UserError, match=r"SDM: every candidate broke: error\[NAN\]"):
        Tuner(place, "s").choose([BASES["SDM"]])


def trained_as(
    outcome: Callable[[str, float], tuple[float, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let optimiser and rate alone decide a training's validation, and how it failed."""

    def train(
        self: Workplace, work: list[tuple[str, Cell]], *, judge: str = "", part: str = ""
    ) -> dict[str, Outcome]:
        found = {}
        for _, cell in work:
            value, failed = outcome(cell.config.train.optimizer, cell.config.train.learning_rate)
            found[cell.key] = Outcome(cell, self.folder(cell), value, 1, 1.0, failed)
        return found

    monkeypatch.setattr(Workplace, "train", train)


@pytest.mark.parametrize(
    ("best", "widen", "tried", "chosen"),
    [
        (0.2, 0, [], 0.1),
        (0.2, 1, [0.2], 0.2),
        # The one after the best is looked at too: only then is the best one between others.
        (0.2, 3, [0.2, 0.4], 0.2),
        (1.6, 3, [0.2, 0.4, 0.8], 0.8),
        (0.012, 3, [0.01, 0.005], 0.01),
        (0.05, 3, [], 0.05),
    ],
)
def test_a_grid_is_widened_while_its_edge_is_best(
    best: float,
    widen: int,
    tried: list[float],
    chosen: float,
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained: list[float] = []

    def outcome(optimizer: str, rate: float) -> tuple[float, str]:
        trained.append(rate)
        return (1 / (1 + abs(rate - best)) if optimizer == "adagrad" else 0.1), ""

    trained_as(outcome, monkeypatch)
    tuner = Tuner(replace(place, widen=widen), "s")
    tuner.choose([BASES["SDM"], VARIANTS["SRU2B (w/o metric)"]])
    assert trained[len(OPTIMISERS) :] == pytest.approx(tried)
    assert tuner.chosen(BASES["SDM"])["train.learning_rate"] == pytest.approx(chosen)
    assert tuner.chosen(VARIANTS["SRU2B (w/o metric)"]) == tuner.chosen(BASES["SDM"])
    assert [row.role for row in tuner.rows if row.method == "SDM"].count(CHOSEN) == 1
    assert len([row for row in tuner.rows if row.method == "SDM"]) == len(trained)


def test_the_metric_losss_strength_is_not_widened(rigged: tuple[Workplace, list[Cell]]) -> None:
    place, trained = rigged
    Tuner(replace(place, widen=2), "s").choose([FULL])
    assert len(trained) == len(OPTIMISERS) + len(METRIC_STRENGTHS)


def test_a_rate_beyond_the_edge_that_breaks_is_not_chosen(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_as(lambda _, rate: (0.0, "broke") if rate > 0.1 else (rate, ""), monkeypatch)
    tuner = Tuner(replace(place, widen=3), "s")
    tuner.choose([BASES["SDM"]])
    assert tuner.chosen(BASES["SDM"])["train.learning_rate"] == 0.1
    assert math.isnan(tuner.rows[-1].value)


def test_printed_numbers_are_not_widened(place: Workplace) -> None:
    with pytest.raises(UserError, match="expected 0 or --tuning validation"):
        replace(place, tuning="printed", widen=1)
    with pytest.raises(UserError, match="found -1, expected at least 0"):
        replace(place, widen=-1)


def test_what_a_study_chose_another_one_takes_without_a_training(
    rigged: tuple[Workplace, list[Cell]],
) -> None:
    place, trained = rigged
    first = Tuner(place, "first")
    first.choose([BASES["SDM"], FULL])
    spent = len(trained)
    taken = replace(place, choices=read_choices(place.out / "first-choices.toml"))
    second = Tuner(taken, "second")
    second.choose([BASES["SDM"], FULL, BASES["DNN"]])
    assert second.chosen(FULL) == first.chosen(FULL)
    assert second.chosen(BASES["SDM"]) == BEST
    assert second.cell(FULL, seed=3).key == first.cell(FULL, seed=3).key
    # The one that the file does not name is chosen as ever.
    assert {cell.config.model.encoder for cell in trained[spent:]} == {"dnn"}
    told = {row.method: (row.role, row.value) for row in second.rows if row.method != "DNN"}
    assert {name: role for name, (role, _) in told.items()} == {"SDM": CHOSEN, "SRU2B": CHOSEN}
    assert all(math.isnan(value) for _, value in told.values())
    left = read_choices(place.out / "second-choices.toml")
    assert set(left.settings) == {"sdm", "dnn", "sdm confidence symmetric"}


def test_a_choice_of_a_strength_alone_keeps_the_bases_optimiser(
    rigged: tuple[Workplace, list[Cell]],
) -> None:
    place, trained = rigged
    given = Choices("own.toml", {"sdm confidence symmetric": {"model.metric_weight": 7.0}})
    tuner = Tuner(replace(place, choices=given), "s")
    tuner.choose([FULL])
    assert tuner.chosen(FULL) == {**BEST, "model.metric_weight": 7.0}
    assert len(trained) == len(OPTIMISERS)


def test_printed_numbers_take_no_choices(place: Workplace) -> None:
    given = Choices("own.toml", {"sdm": {"train.learning_rate": 0.1}})
    with pytest.raises(UserError, match=r"--choices own.toml.*expected --tuning validation"):
        replace(place, tuning="printed", choices=given)
