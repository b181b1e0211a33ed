"""Do the finalists hold on other logs? The methods of the README on several logs, seed by seed.

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

SUBTRACT = "SRU2B (w/o conf+metric)"
METHODS = {**BASES, **VARIANTS}
PAIRS = [(SDM, SUBTRACT), (SDM, FUSION), (SDM, FULL), (SUBTRACT, FUSION), (FUSION, FULL)]
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
    finalists = [METHODS[name] for name in (SDM, SUBTRACT, FUSION, FULL)]
    tuner.choose(finalists)
    rows = judge(tuner, [Entry(method) for method in finalists])
    write_results(place.out, tuner.study, [*tuner.rows, *rows])
    final = Results(rows).where(role=FINAL)
    names = [method.name for method in finalists]
    for data in final.distinct("data"):
        one = final.where(data=data)
        print(f"\n{reached(data, one, names).as_markdown()}")
        print(f"\n{differences(f'{data}: differences', one, PAIRS, MEASURES).as_markdown()}")
    title = "Users of all logs together"
    print(f"\n{differences(title, final, PAIRS, MEASURES).as_markdown()}", flush=True)


if __name__ == "__main__":
    main()
