"""Runs experiments by name and prints one line per figure.

Example: python -m torture rows fuzz --json figures.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from torture.figures import Figure

# Imported only when run; each has `run(long: bool, folder: Path) -> list[Figure]`.
EXPERIMENTS = {
    "rows": "torture.rows",
    "fuzz": "torture.fuzz",
    "kill": "torture.kill",
    "inject": "torture.inject",
    "lock": "torture.lock",
    "resume": "torture.resume",
    "flip": "torture.flip",
    "hostile": "torture.hostile",
    "numbers": "torture.numbers",
    "nan": "torture.nan",
    "features": "torture.service_features",
    "swap": "torture.service_swap",
    "sigterm": "torture.service_end",
    "overload": "torture.service_overload",
    "slow": "torture.service_slow",
    "bodies": "torture.service_bodies",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run experiments.

    Args:
        arguments: Names and options; those of the process without.

    Returns:
        0 where every bar holds, else 1.
    """
    options = _parse(arguments)
    figures: dict[str, list[Figure]] = {}
    for name in options.names or EXPERIMENTS:
        figures[name] = _run(name, options.long, options.keep)
    if options.json is not None:
        _write_json(options.json, options.long, figures)
    failed = [figure for found in figures.values() for figure in found if not figure.ok]
    for figure in failed:
        print(figure.line, file=sys.stderr)
    return 1 if failed else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m torture",
        description="Experiments that hurt the software on purpose; all of them without a name.",
        epilog=__doc__.split("\n\n")[1] if __doc__ else None,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--long", action="store_true", help="many more trials: minutes to hours")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work there, and leave it behind")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in EXPERIMENTS:
            parser.error(f"no experiment {name!r}; there are: {', '.join(EXPERIMENTS)}")
    return options


def _run(name: str, long: bool, keep: Path | None) -> list[Figure]:
    print(f"== {name}", flush=True)
    experiment = importlib.import_module(EXPERIMENTS[name])
    started = time.perf_counter()
    if keep is not None:
        if (keep / name).exists():
            sys.exit(f"{keep / name} is there already. Name a new folder.")
        (keep / name).mkdir(parents=True)
        figures: list[Figure] = experiment.run(long, keep / name)
    else:
        with tempfile.TemporaryDirectory(
            prefix=f"torture-{name}-", ignore_cleanup_errors=True
        ) as folder:
            figures = experiment.run(long, Path(folder))
    for figure in figures:
        print(figure.line, flush=True)
    print(f"   {name} took {time.perf_counter() - started:.1f} s", flush=True)
    return figures


def _write_json(path: Path, long: bool, figures: dict[str, list[Figure]]) -> None:
    content = {
        "long": long,
        "experiments": {name: [asdict(one) for one in found] for name, found in figures.items()},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
