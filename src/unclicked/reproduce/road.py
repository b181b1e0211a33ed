"""One study from the first training to the last picture."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from unclicked import artefact, disk
from unclicked.errors import UserError
from unclicked.reproduce.results import write_results
from unclicked.reproduce.show import show
from unclicked.reproduce.studies import STUDIES
from unclicked.reproduce.study import Study
from unclicked.reproduce.table import Table
from unclicked.reproduce.workplace import Workplace


def study_of(name: str) -> Study:
    """A study by its name.

    Args:
        name: A key of `STUDIES`.

    Returns:
        The study.

    Raises:
        UserError: There is none of that name.
    """
    if name not in STUDIES:
        near = difflib.get_close_matches(name, STUDIES, n=1, cutoff=0.0)[0]
        message = f"is no study, did you mean '{near}'? There are: {', '.join(STUDIES)}."
        raise UserError("REPRODUCE-STUDY", name[:80], message)
    return STUDIES[name]


def reproduce(name: str, place: Workplace) -> dict[str, Any]:
    """Do a study; what an earlier or a killed one has done already is not done again.

    Args:
        name: Name of the study.
        place: Where to work and on what.

    Returns:
        Keys "study", "out", "results", "files" and "tables", the last as texts for a terminal.

    Raises:
        UserError: There is no such study, or a setting is wrong.
        ChildError: A training ended badly.
        BusyError: Another process works in the folder.
        ResourceError: The disk refuses to write.
    """
    study = study_of(name)
    _refuse_foreign(place.out)
    with disk.told(place.out):
        disk.make_folder(place.out)
    with artefact.lock(place.out):
        rows = study.run(place)
        write_results(place.out, study.name, rows)
        tables, files = show(study, place.out)
    return {
        "study": study.name,
        "out": str(place.out),
        "results": str(place.out / "results.parquet"),
        "files": [str(path) for path in files],
        "tables": [Table.as_text(table) for table in tables],
    }


def _refuse_foreign(out: Path) -> None:
    if (out / "run.json").exists() or (out / "manifest.json").exists():
        raise UserError(
            "REPRODUCE-OUT", str(out), "is a run or a data set. Name a folder of its own."
        )
    if out.exists() and not out.is_dir():
        raise UserError("REPRODUCE-OUT", str(out), "is no folder.")
