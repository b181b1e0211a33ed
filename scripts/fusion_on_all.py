"""Does the fusion help whichever base it is put on? A part of the study `plugin`.

Each base, with the fusion, and with the fusion and other users' lists, all without metric loss: a
third of the study's trainings. In the same folder the study takes up what was trained here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset
from unclicked.dotted import flat
from unclicked.errors import UnclickedError, UserError
from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import choices, differences, reached
from unclicked.reproduce.methods import BASES, Method
from unclicked.reproduce.results import FINAL, Results, write_results
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace
from unclicked.settings import parse_set

MEASURES = ("HR@50", "MRR@50", "R@50")


def main() -> None:
    """Train and judge, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--seeds", type=int, default=3, help="model seeds of what is judged")
    parser.add_argument("--bases", default=",".join(BASES), help="names, with commas between them")
    parser.add_argument("--at-once", type=int, default=2, help="trainings side by side")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with artefact.lock(options.out):
            judge_all(options)
    except UnclickedError as error:
        sys.exit(f"{error}")


def judge_all(options: argparse.Namespace) -> None:
    """Every base three times, and the tables."""
    unknown = set(options.bases.split(",")) - set(BASES)
    if unknown:
        names = f"found {', '.join(sorted(unknown))}, expected some of {', '.join(BASES)}."
        raise UserError("BASES", "--bases", names)
    bases = {name: BASES[name] for name in options.bases.split(",")}
    place = Workplace(
        options.out,
        [PreparedDataset.open(options.data.resolve())],
        range(1, options.seeds + 1),
        settings=flat(parse_set(options.set)),
        at_once=options.at_once,
        say=lambda line: print(line, flush=True),
    )
    fused = {
        name: Method(f"{name} + fusion", one.encoder, "confidence") for name, one in bases.items()
    }
    controls = {
        name: one.with_extra(f"{one.name}, shuffled", data__unclicked__source="shuffled")
        for name, one in fused.items()
    }
    methods = [one for name in bases for one in (bases[name], fused[name], controls[name])]
    tuner = Tuner(place, "fusion_on_all")
    tuner.choose(methods)
    rows = judge(tuner, [Entry(method) for method in methods])
    write_results(place.out, tuner.study, [*tuner.rows, *rows])
    final = Results(rows).where(role=FINAL)
    names = [method.name for method in methods]
    to_base = [(name, one[name].name) for name in bases for one in (fused, controls)]
    to_control = [(controls[name].name, fused[name].name) for name in bases]
    tables = [
        reached("The fusion on base recommenders", final, names),
        differences("Each against its own base", final, to_base, MEASURES),
        differences("True lists against shuffled ones", final, to_control, MEASURES),
        choices("Settings chosen on validation", Results(tuner.rows)),
    ]
    for table in tables:
        if table is not None:
            print(f"\n{table.as_markdown()}", flush=True)


if __name__ == "__main__":
    main()
