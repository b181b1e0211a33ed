"""Settings chosen on validation, with the grid written down; the test has no part in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from unclicked.errors import UserError
from unclicked.quickstart.children import assignments
from unclicked.reproduce.cell import Cell, Outcome
from unclicked.reproduce.choices import file_of, write_choices
from unclicked.reproduce.methods import BASES, Method, Settings
from unclicked.reproduce.results import CHOSEN, SCREEN, Result
from unclicked.reproduce.workplace import Workplace

# Never a seed of what is judged: a choice made on one model's luck would carry it to the test.
SCREEN_SEED = 0
# Of a base recommender: each starts at a scale of its own, and no optimiser suits all six.
OPTIMISERS = (
    {"train.optimizer": "adagrad", "train.learning_rate": 0.02},
    {"train.optimizer": "adagrad", "train.learning_rate": 0.05},
    {"train.optimizer": "adagrad", "train.learning_rate": 0.1},
    {"train.optimizer": "adam", "train.learning_rate": 0.002},
    {"train.optimizer": "adam", "train.learning_rate": 0.005},
)
# Of the metric loss: a weight alone, or a weight whose gradient is capped against the ranking's.
METRIC_STRENGTHS = (
    {"model.metric_weight": 0.01, "model.metric_grad_cap": 0.0},
    {"model.metric_weight": 0.1, "model.metric_grad_cap": 0.0},
    {"model.metric_weight": 1.0, "model.metric_grad_cap": 0.0},
    {"model.metric_weight": 1.0, "model.metric_grad_cap": 0.1},
)
# Settings under which a method is another one to validation, although it is a control.
CHOOSES_FOR_ITSELF = ("model.metric_labels",)
VALIDATION = "validation HR@50"
PRESET = "recommended"
Candidate = tuple[dict[str, Any], Cell]
Tried = dict[str, list[Candidate]]


def grid_of(method: Method) -> list[dict[str, Any]]:
    """What validation may choose between for a method, once its base's optimiser is chosen.

    Args:
        method: The method.

    Returns:
        Settings by dotted key, one for each candidate.

    Example:
        >>> len(grid_of(BASES["SDM"])), len(grid_of(Method("x", metric="symmetric")))
        (5, 4)
    """
    if method.metric != "none":
        return [dict(one) for one in METRIC_STRENGTHS]
    if method.fusion != "none":
        return [{}]
    return [dict(one) for one in OPTIMISERS]


def beyond(candidates: Sequence[Settings], best: Settings) -> dict[str, Any] | None:
    """The next rate where the best one lies at the edge of its optimiser's rates.

    Args:
        candidates: All that were compared, by dotted key.
        best: The best of them.

    Returns:
        `best` with twice the highest rate, or half the lowest one; None where the best one lies
        between others, or where its optimiser was tried with one rate alone.

    Example:
        >>> beyond(OPTIMISERS, OPTIMISERS[2])
        {'train.optimizer': 'adagrad', 'train.learning_rate': 0.2}
        >>> beyond(OPTIMISERS, OPTIMISERS[1]) is None
        True
    """
    optimiser, rate = "train.optimizer", "train.learning_rate"
    rates = [one[rate] for one in candidates if one.get(optimiser) == best.get(optimiser)]
    if len(set(rates)) < 2:
        return None
    factors = {max(rates): 2.0, min(rates): 0.5}
    return {**best, rate: best[rate] * factors[best[rate]]} if best[rate] in factors else None


class Tuner:
    """Chooses the settings of methods, each choice made once.

    The optimiser and its rate are chosen for each base; a method with the plug-in takes its base's
    and chooses the strength of its metric loss. All candidates are trained with one seed, which is
    never judged, on the first data set, and compared by validation HR@50; the first of equal ones
    wins. Where that is a base's highest or lowest rate and the workplace widens grids, rates beyond
    it are tried too, each twice as far as the one before. A control of the unclicked lists takes
    what was chosen for the method that it controls; with permuted labels the strength of the metric
    loss is chosen anew, among the same candidates. What the workplace's choices name is taken from
    there, and nothing is trained for it; what a table lacks there is the preset's. All choices are
    left in the study's folder.

    Args:
        place: Where to train.
        study: Name of the study that asks.

    Raises:
        UserError: The seed that chooses is to be judged too.

    Differs: the paper gives its chosen values and not how they were chosen.
    """

    def __init__(self, place: Workplace, study: str) -> None:
        if place.tuning == "validation" and SCREEN_SEED in place.seeds:
            found = f"found {SCREEN_SEED} among the seeds to judge, which chooses the settings."
            raise UserError("REPRODUCE-SEED", "seeds", f"{found} Begin with 1.")
        self.place = place
        self.study = study
        self.rows: list[Result] = []
        self._chosen: dict[str, dict[str, Any]] = {}

    def choose(self, methods: Sequence[Method]) -> None:
        """Choose for some methods at once.

        Args:
            methods: The methods; controls take what their own method was given, see `cell`.

        Raises:
            ChildError: A training ended badly.
        """
        if self.place.tuning == "printed":
            return
        bases = {method.encoder: _base_of(method) for method in methods}
        part = "trainings that choose the settings of base recommenders"
        self._choose({name: (base, {}) for name, base in bases.items()}, part)
        joined: dict[str, tuple[Method, dict[str, Any]]] = {}
        # Controls come after the method whose choice they share, and which gives it its name.
        for method in sorted(methods, key=lambda one: len(one.extra)):
            if _name(method) != method.encoder:
                joined.setdefault(_name(method), (method, self._chosen[method.encoder]))
        self._choose(joined, "trainings that choose the strength of the metric loss")
        unused = [name for name in self.place.choices.settings if name not in self._chosen]
        if unused:
            source = self.place.choices.source
            self.place.warn(f"{source} has choices for what {self.study} does not train: {unused}")
        write_choices(self.place.out / file_of(self.study), self._chosen, self._how())

    def cell(
        self, method: Method, seed: int, data: int = 0, over: Mapping[str, Any] | None = None
    ) -> Cell:
        """The cell of a method with the settings that were chosen for it.

        Args:
            method: The method.
            seed: Seed of the run.
            data: Place of the data set.
            over: Further settings that win, by dotted key.

        Returns:
            The cell.
        """
        return self.place.cell(
            self.place.datasets[data],
            self._preset(method),
            {**method.settings, **self.chosen(method), **method.extra, **(over or {})},
            seed,
        )

    def chosen(self, method: Method) -> dict[str, Any]:
        """What was chosen for a method.

        Args:
            method: The method.

        Returns:
            Settings by dotted key; empty with the printed numbers.
        """
        return {} if self.place.tuning == "printed" else self._chosen[_name(method)]

    def _preset(self, method: Method) -> str:
        return method.printed_preset if self.place.tuning == "printed" else PRESET

    def _choose(self, wanted: Mapping[str, tuple[Method, dict[str, Any]]], part: str) -> None:
        tried: Tried = {}
        for name, (method, given) in wanted.items():
            if name in self._chosen:
                continue
            if name in self.place.choices.settings:
                taken = {**given, **self.place.choices.settings[name]}
                [(self._chosen[name], cell)] = self._cells(method, [taken])
                self._note(method, taken, cell, math.nan, chosen=True)
            else:
                tried[name] = self._cells(method, [{**given, **one} for one in grid_of(method)])
        # A single candidate needs no training to be chosen.
        several = {name: pairs for name, pairs in tried.items() if len(pairs) > 1}
        outcomes = self._train(wanted, several, part)
        for name, pairs in several.items():
            if all(outcomes[cell.key].failed for _, cell in pairs):
                failed = outcomes[pairs[0][1].key].failed
                raise UserError(
                    "REPRODUCE-BROKE", wanted[name][0].name, f"every candidate broke: {failed}"
                )
        for _ in range(self.place.widen):
            outcomes |= self._widen(wanted, several, outcomes)
        for name, pairs in tried.items():
            best = _best(pairs, outcomes)
            self._chosen[name] = pairs[best][0]
            for number, (one, cell) in enumerate(pairs):
                outcome = outcomes.get(cell.key)
                value = math.nan if outcome is None or outcome.failed else outcome.validation
                self._note(wanted[name][0], one, cell, value, chosen=number == best)

    def _widen(
        self,
        wanted: Mapping[str, tuple[Method, dict[str, Any]]],
        tried: Tried,
        outcomes: Mapping[str, Outcome],
    ) -> dict[str, Outcome]:
        """One rate more for each base whose best one is at the edge; it joins the candidates."""
        further: Tried = {}
        for name, pairs in tried.items():
            best = pairs[_best(pairs, outcomes)][0]
            if (one := beyond([settings for settings, _ in pairs], best)) is not None:
                further[name] = self._cells(wanted[name][0], [one])
                pairs += further[name]
        return self._train(wanted, further, "trainings beyond the edge of a grid")

    def _cells(self, method: Method, candidates: Sequence[dict[str, Any]]) -> list[Candidate]:
        plain = replace(method, extra=_own(method)).settings
        data = self.place.datasets[0]
        return [
            (one, self.place.cell(data, PRESET, plain | one, SCREEN_SEED)) for one in candidates
        ]

    def _train(
        self, wanted: Mapping[str, tuple[Method, dict[str, Any]]], tried: Tried, part: str
    ) -> dict[str, Outcome]:
        work = [
            (f"{wanted[name][0].name} ({_told(one)})", cell)
            for name, pairs in tried.items()
            for one, cell in pairs
        ]
        return self.place.train(work, part=part)

    def _how(self) -> str:
        given = ", ".join([f"preset {PRESET}", *assignments(self.place.settings)])
        source = self.place.choices.source
        more = f"; some taken from {source}" if source else ""
        return f"On {self.place.datasets[0].path.name}, seed {SCREEN_SEED}, {given}{more}."

    def _note(
        self, method: Method, one: dict[str, Any], cell: Cell, value: float, *, chosen: bool
    ) -> None:
        self.rows.append(
            Result(
                self.study,
                self.place.datasets[0].path.name,
                method.name,
                VALIDATION,
                value,
                role=CHOSEN if chosen else SCREEN,
                seed=cell.seed,
                text=_told(one),
                cell=cell.key,
            )
        )


def _best(pairs: Sequence[Candidate], outcomes: Mapping[str, Outcome]) -> int:
    """Place of the best candidate, the first of equal ones; one that broke is worth nothing."""
    values = [outcomes[cell.key].validation if cell.key in outcomes else 0.0 for _, cell in pairs]
    return max(range(len(pairs)), key=lambda number: (values[number], -number))


def _told(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def _base_of(method: Method) -> Method:
    """The base recommender under a method."""
    for base in BASES.values():
        if base.encoder == method.encoder:
            return base
    return Method(method.encoder, method.encoder)


def _name(method: Method) -> str:
    """Methods that share a choice share this name; a plain base's is its encoder's."""
    parts = [method.encoder, method.fusion, method.metric]
    parts += [f"{key}={value}" for key, value in _own(method).items()]
    return method.encoder if parts[1:] == ["none", "none"] else " ".join(parts)


def _own(method: Method) -> dict[str, Any]:
    """Settings with which a method with a metric loss is not just a control of another one."""
    if method.metric == "none":
        return {}
    return {key: value for key, value in method.extra.items() if key in CHOOSES_FOR_ITSELF}
