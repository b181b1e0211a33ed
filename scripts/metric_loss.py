"""Does the metric loss earn its place? Attempts chosen on validation, finalists with controls.

Every attempt is the full method with another form of the metric loss, against the fusion alone.
On each data set all of them are compared by validation, with a seed that is never judged. The
best are trained with all seeds and judged once on the test, each beside controls: unclicked lists
of other users and, where there is a metric loss, its labels permuted across rows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset
from unclicked.dotted import flat
from unclicked.errors import UnclickedError
from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import differences, reached
from unclicked.reproduce.methods import BASES, SDM, Method
from unclicked.reproduce.results import FINAL, SCREEN, Result, Results, write_results
from unclicked.reproduce.table import Table
from unclicked.reproduce.tuning import PRESET, SCREEN_SEED, VALIDATION, Tuner
from unclicked.reproduce.workplace import Workplace
from unclicked.settings import parse_set

Settings = Mapping[str, Any]
ALONE = "fusion alone"
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
    "labels pulled alone at 0.01": ("clicked_label", {**PLAIN, "model.metric_weight": 0.01}),
    "unclicked pushed alone": ("clicked_unclicked", CAPPED),
    "unclicked pushed alone at 0.01": (
        "clicked_unclicked",
        {**PLAIN, "model.metric_weight": 0.01},
    ),
    "unclicked pushed from labels at 0.01": (
        "label_unclicked",
        {**PLAIN, "model.metric_weight": 0.01},
    ),
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
    parser.add_argument("--set", action="append", default=[], help="a setting of every training")
    parser.add_argument("--screen-only", action="store_true", help="leave the test alone")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(ATTEMPTS)
    for name in names:
        if name not in ATTEMPTS:
            parser.error(f"no attempt {name!r}; there are: {', '.join(ATTEMPTS)}")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with artefact.lock(options.out):
            for data in options.data:
                attempt(options, data, names)
    except UnclickedError as error:
        sys.exit(f"{error}")


def attempt(options: argparse.Namespace, data: Path, names: list[str]) -> None:
    """All attempts on one data set."""
    place = Workplace(
        options.out,
        [PreparedDataset.open(data.resolve())],
        range(1, options.seeds + 1),
        settings=flat(parse_set(options.set)),
        at_once=options.at_once,
        say=lambda line: print(line, flush=True),
    )
    name = place.datasets[0].path.name
    print(f"\n== {name}", flush=True)
    tuner = Tuner(place, f"metric {name}")
    tuner.choose([BASES[SDM]])
    ranking = screen(tuner, names)
    if not options.screen_only:
        confirm(tuner, ranking[: options.best])


def screen(tuner: Tuner, names: list[str]) -> list[str]:
    """Attempts by validation, the best first; a seed that is never judged."""
    place, chosen = tuner.place, tuner.chosen(BASES[SDM])
    named: dict[str, tuple[str, Settings]] = {ALONE: ("none", {})} | {
        name: ATTEMPTS[name] for name in names
    }
    cells = {
        name: place.cell(
            place.datasets[0], PRESET, method_of(name, metric, extra, chosen).settings, SCREEN_SEED
        )
        for name, (metric, extra) in named.items()
    }
    outcomes = place.train(list(cells.items()))
    values = {name: outcomes[cell.key].validation for name, cell in cells.items()}
    ranking = sorted(values, key=lambda name: -values[name])
    rows = [
        [name, f"{100 * values[name]:.2f}", f"{100 * (values[name] - values[ALONE]):+.2f}"]
        for name in ranking
    ]
    title = f"Attempts by validation HR@50, one seed, {json.dumps(chosen)}"
    table = Table(title, ["attempt", "HR@50", "to fusion alone"], rows, numbers={1, 2})
    print(f"\n{table.as_markdown()}\n", flush=True)
    data = place.datasets[0].path.name
    tuner.rows += [
        Result(
            tuner.study, data, name, VALIDATION, values[name],
            role=SCREEN, seed=SCREEN_SEED, cell=cell.key,
        )
        for name, cell in cells.items()
    ]  # fmt: skip
    return [name for name in ranking if name in ATTEMPTS]


def method_of(name: str, metric: str, extra: Settings, chosen: Settings) -> Method:
    """The full method with one form of the metric loss, and its base's optimiser."""
    return Method(name, "sdm", "confidence", metric, {**chosen, **extra})


def controlled(name: str, chosen: Settings) -> tuple[list[Method], list[tuple[str, str]]]:
    """An attempt, the same without its metric loss, the controls of both, and what to compare."""
    metric, extra = ATTEMPTS[name]
    gate = {key: value for key, value in extra.items() if key in SIGNED}
    shuffle = {"data.unclicked.source": "shuffled"}
    # What the gate does is no merit of the metric loss: both sides have the same.
    without = f"{ALONE}{', signed gate' if gate and metric != 'none' else ''}"
    own = method_of(name, metric, extra, chosen)
    alone = method_of(without, "none", gate if metric != "none" else {}, chosen)
    own_control = method_of(f"{name}, shuffled", metric, {**extra, **shuffle}, chosen)
    alone_control = method_of(f"{without}, shuffled", "none", {**alone.extra, **shuffle}, chosen)
    methods = [alone, own, own_control, alone_control]
    pairs = [(without, name), (alone_control.name, own_control.name)]
    if metric != "none":
        permuted = method_of(
            f"{name}, labels permuted", metric, {**extra, "model.metric_labels": "permuted"}, chosen
        )
        methods.append(permuted)
        pairs += [(permuted.name, name), (without, permuted.name)]
    return methods, pairs


def confirm(tuner: Tuner, best: list[str]) -> None:
    """Judge the best attempts beside base, fusion alone and their controls on the test."""
    base = Method(SDM, extra=tuner.chosen(BASES[SDM]))
    methods: dict[str, Method] = {SDM: base}
    pairs: list[tuple[str, str]] = [(SDM, ALONE)]
    for name in best:
        found, compared = controlled(name, tuner.chosen(BASES[SDM]))
        methods |= {method.name: method for method in found}
        pairs += compared
    rows = judge(Fixed(tuner.place, tuner.study), [Entry(one) for one in methods.values()])
    write_results(tuner.place.out, tuner.study, [*tuner.rows, *rows])
    final = Results(rows).where(role=FINAL)
    # Attempts against each other too, each with the one that validation ranked before it.
    pairs = list(dict.fromkeys([*pairs, *zip(best, best[1:], strict=False)]))
    for table in (
        reached("Finalists on the test", final, list(methods)),
        differences("What the metric loss adds", final, pairs, ("HR@50", "MRR@50", "R@50")),
    ):
        print(f"\n{table.as_markdown()}", flush=True)


class Fixed(Tuner):
    """A tuner of methods that carry their own settings."""

    def chosen(self, method: Method) -> dict[str, Any]:
        """Nothing beside what the method carries."""
        return {}


if __name__ == "__main__":
    main()
