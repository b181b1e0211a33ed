"""Does the metric loss earn its place? Attempts chosen on validation, finalists with controls.

Every attempt is the full method with another form of the metric loss, against the fusion alone.
On each data set all of them are compared by validation (one seed); the best are trained with all
seeds and judged once on the test, each beside two controls: its labels permuted across rows, and
unclicked lists of other users.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unclicked.data.dataset import PreparedDataset
from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import differences, reached
from unclicked.reproduce.methods import BASES, FUSION, SDM, VARIANTS, Method
from unclicked.reproduce.results import FINAL, Results, write_results
from unclicked.reproduce.table import Table
from unclicked.reproduce.tuning import PRESET, Tuner
from unclicked.reproduce.workplace import Workplace

Settings = Mapping[str, Any]
CAPPED: Settings = {"model.metric_weight": 1.0, "model.metric_grad_cap": 0.1}
PLAIN: Settings = {"model.metric_weight": 0.1, "model.metric_grad_cap": 0.0}
SIGNED: Settings = {"model.gate_activation": "tanh"}
OUTPUT: Settings = {"model.label_source": "output", "model.label_encoder": "separate"}

# Name of an attempt: metric, fusion's and metric's further settings.
ATTEMPTS: dict[str, tuple[str, Settings]] = {
    "weight 0.01": ("symmetric", {**PLAIN, "model.metric_weight": 0.01}),
    "weight 0.1": ("symmetric", PLAIN),
    "cap 0.1": ("symmetric", CAPPED),
    "cap 0.3": ("symmetric", {**CAPPED, "model.metric_grad_cap": 0.3}),
    "cap 0.03": ("symmetric", {**CAPPED, "model.metric_grad_cap": 0.03}),
    "warm-up of weight 0.1": ("symmetric", {**PLAIN, "model.metric_warmup_steps": 200}),
    "unit length and margin 0.5": (
        "symmetric",
        {**PLAIN, "model.metric_norm": "l2", "model.margin": 0.5},
    ),
    "tanh of h": ("symmetric", {**CAPPED, "model.metric_input": "tanh"}),
    "layer norm of h": ("symmetric", {**CAPPED, "model.metric_input": "layer_norm"}),
    "no gradient through c": ("symmetric", {**CAPPED, "model.stop_gradient_labels": True}),
    "on the user vector": ("symmetric", {**CAPPED, "model.metric_on": "user"}),
    "labels by scoring vectors": ("symmetric", {**CAPPED, **OUTPUT}),
    "two hinges": ("symmetric", {**CAPPED, "model.symmetric_form": "two_hinges"}),
    "asymmetric": ("asymmetric", CAPPED),
    "labels pulled alone": ("clicked_label", CAPPED),
    "unclicked pushed alone": ("clicked_unclicked", CAPPED),
    "contrast": ("infonce", PLAIN),
    "contrast on the user vector": (
        "infonce",
        {**PLAIN, **OUTPUT, "model.metric_on": "user"},
    ),
    "random items farther": ("symmetric", {**CAPPED, "model.intermediate_margin": 1.0}),
    "signed gate alone": ("none", SIGNED),
    "signed gate and cap 0.1": ("symmetric", {**CAPPED, **SIGNED}),
    "signed gate and labels pulled": ("clicked_label", {**CAPPED, **SIGNED}),
    "signed gate and contrast": ("infonce", {**PLAIN, **SIGNED}),
}


def main() -> None:
    """Screen on validation, judge the best, print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--best", type=int, default=2, help="attempts to judge on each data set")
    parser.add_argument("--seeds", type=int, default=5, help="model seeds of what is judged")
    parser.add_argument("--at-once", type=int, default=2, help="trainings side by side")
    parser.add_argument("--only", help="attempts to make, with commas; all of them without")
    parser.add_argument("--screen-only", action="store_true", help="leave the test alone")
    options = parser.parse_args()
    for data in options.data:
        place = Workplace(
            options.out,
            [PreparedDataset.open(data)],
            range(options.seeds),
            at_once=options.at_once,
            say=lambda line: print(line, flush=True),
        )
        print(f"\n== {data.name}", flush=True)
        ranking, rate = screen(place, options.only.split(",") if options.only else list(ATTEMPTS))
        if not options.screen_only:
            confirm(place, ranking[: options.best], rate)


def screen(place: Workplace, names: list[str]) -> tuple[list[str], Settings]:
    """Attempts by validation, the best first, and the base's learning rate."""
    tuner = Tuner(place, "metric")
    tuner.choose([BASES[SDM], VARIANTS[FUSION]])
    rate = tuner.chosen(BASES[SDM])
    named = {"fusion alone": ("none", {})} | {name: ATTEMPTS[name] for name in names}
    cells = {
        name: place.cell(
            place.datasets[0], PRESET, method_of(name, metric, rate, extra).settings, 0
        )
        for name, (metric, extra) in named.items()
    }
    outcomes = place.train(list(cells.items()))
    values = {name: outcomes[cell.key].validation for name, cell in cells.items()}
    ranking = sorted(values, key=lambda name: -values[name])
    alone = values["fusion alone"]
    rows = [
        [name, f"{100 * values[name]:.2f}", f"{100 * (values[name] - alone):+.2f}"]
        for name in ranking
    ]
    title = f"Attempts by validation HR@50, seed 0, {json.dumps(rate)}"
    table = Table(title, ["attempt", "HR@50", "to fusion alone"], rows, numbers={1, 2})
    print(f"\n{table.as_markdown()}\n", flush=True)
    return [name for name in ranking if name in ATTEMPTS], rate


def method_of(name: str, metric: str, rate: Settings, extra: Settings) -> Method:
    """The full method with one form of the metric loss."""
    return Method(name, "sdm", "confidence", metric, {**rate, **extra})


def confirm(place: Workplace, best: list[str], rate: Settings) -> None:
    """Judge the fusion alone, the best attempts and their controls on the test."""
    alone = Method(FUSION, "sdm", "confidence", "none", rate)
    methods, pairs = [alone], []
    for name in best:
        metric, extra = ATTEMPTS[name]
        own = method_of(name, metric, rate, extra)
        permuted = own.with_extra(f"{name}, labels permuted", model__metric_labels="permuted")
        shuffled = own.with_extra(f"{name}, shuffled", data__unclicked__source="shuffled")
        lists = alone.with_extra(f"{FUSION}, shuffled", data__unclicked__source="shuffled")
        methods += [own, shuffled, lists]
        pairs += [(FUSION, name), (lists.name, shuffled.name)]
        if metric != "none":
            methods.append(permuted)
            pairs += [(permuted.name, name), (FUSION, permuted.name)]
    methods = list({one.name: one for one in methods}.values())
    tuner = Tuner(place, f"metric {place.datasets[0].path.name}")
    tuner.choose([BASES[SDM], alone])
    rows = Results(judge(Fixed(tuner), [Entry(method) for method in methods]))
    write_results(place.out, tuner.study, rows.rows)
    final = rows.where(role=FINAL)
    names = [method.name for method in methods]
    for table in (
        reached("Finalists on the test", final, names),
        differences("What the metric loss adds", final, pairs, ("HR@50", "MRR@50", "R@50")),
    ):
        print(f"\n{table.as_markdown()}", flush=True)


class Fixed(Tuner):
    """A tuner of methods that carry their own settings."""

    def __init__(self, tuner: Tuner) -> None:
        super().__init__(tuner.place, tuner.study)

    def chosen(self, method: Method) -> dict[str, Any]:
        """Nothing beside what the method carries."""
        return {}


if __name__ == "__main__":
    main()
