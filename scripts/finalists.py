"""Do the finalists hold on other logs? Table 2's methods on SDM and their controls, log by log.

Settings are chosen on the first log's validation and taken to all of them. Every log is judged
for itself, and all users of all logs together.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UnclickedError
from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import differences, reached
from unclicked.reproduce.methods import BASES, FULL, FUSION, SDM, VARIANTS
from unclicked.reproduce.results import FINAL, Results, write_results
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace

PERMUTED = f"{FULL}, labels permuted"
SUBTRACT, ALONE, ASYMMETRIC = "SRU2B (w/o conf+metric)", "SRU2B (w/o fusion+sym)", "SRU2B (w/o sym)"
CONTROLS = [
    VARIANTS[FUSION].with_extra(f"{FUSION}, {source}", data__unclicked__source=source)
    for source in ("shuffled", "random")
]
CONTROLS.append(VARIANTS[FULL].with_extra(PERMUTED, model__metric_labels="permuted"))
FINALISTS = [{**BASES, **VARIANTS}[one] for one in (SDM, SUBTRACT, FUSION, ALONE, ASYMMETRIC, FULL)]
FINALISTS += CONTROLS
PAIRS = [(SDM, method.name) for method in FINALISTS[1:]]
PAIRS += [(SUBTRACT, FUSION), (FUSION, FULL), (ASYMMETRIC, FULL), (FUSION, PERMUTED)]
PAIRS += [(PERMUTED, FULL), *((control.name, FUSION) for control in CONTROLS[:2])]
MEASURES = ("HR@50", "MRR@50", "R@50")


def main() -> None:
    """Train and judge the finalists on all logs, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--seeds", type=int, default=5, help="model seeds of what is judged")
    parser.add_argument("--at-once", type=int, default=2, help="trainings side by side")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with artefact.lock(options.out):
            confirm(options)
    except UnclickedError as error:
        sys.exit(f"{error}")


def confirm(options: argparse.Namespace) -> None:
    """The finalists on every log, and the tables of each and of all."""
    place = Workplace(
        options.out,
        [PreparedDataset.open(data.resolve()) for data in options.data],
        range(1, options.seeds + 1),
        at_once=options.at_once,
        say=lambda line: print(line, flush=True),
    )
    tuner = Tuner(place, "finalists")
    tuner.choose(FINALISTS)
    rows = judge(tuner, [Entry(method) for method in FINALISTS])
    write_results(place.out, tuner.study, [*tuner.rows, *rows])
    final = Results(rows).where(role=FINAL)
    names = [method.name for method in FINALISTS]
    for data in final.distinct("data"):
        one = final.where(data=data)
        print(f"\n{reached(data, one, names).as_markdown()}")
        print(f"\n{differences(f'{data}: differences', one, PAIRS, MEASURES).as_markdown()}")
    title = "Users of all logs together"
    print(f"\n{differences(title, final, PAIRS, MEASURES).as_markdown()}", flush=True)


if __name__ == "__main__":
    main()
