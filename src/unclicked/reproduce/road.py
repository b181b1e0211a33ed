"""One study from the first training to the last picture."""

from __future__ import annotations

import difflib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import unclicked
from unclicked import artefact, disk
from unclicked.errors import UserError
from unclicked.quickstart.children import assignments
from unclicked.reproduce.choices import file_of
from unclicked.reproduce.projection import figures_module
from unclicked.reproduce.results import (
    FILE,
    SETTINGS,
    Result,
    read_names,
    read_results,
    write_results,
)
from unclicked.reproduce.show import show
from unclicked.reproduce.studies import STUDIES
from unclicked.reproduce.study import Study
from unclicked.reproduce.table import Table
from unclicked.reproduce.tuning import PRESET
from unclicked.reproduce.workplace import CELLS, Workplace
from unclicked.sealed import DATASET, RUN, holds


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
        Keys "study", "out", "results", "files", "tables" (as texts for a terminal) and "next", the
        first study of which the folder has no results yet.

    Raises:
        UserError: There is no such study, or a setting is wrong.
        ChildError: A training ended badly.
        BusyError: Another process works in the folder.
        ResourceError: The disk refuses to write.
    """
    study = study_of(name)
    _refuse_foreign(place.out)
    if study.extra:
        figures_module("openTSNE")
    for dataset in place.datasets:
        # A setting that does not exist is said before anything is made.
        place.cell(dataset, PRESET, {}, place.seeds[0])
    _check_choices(name, place)
    with disk.told(place.out):
        disk.make_folder(place.out)
    with artefact.lock(place.out):
        settings = _settings(study, place)
        # Before the work, which a broken file of results or a second thought would make vain.
        _say_what_goes(settings, place)
        write_results(place.out, study.name, [*study.run(place), settings])
        tables, files = show(study, place.out)
        left = place.out / file_of(name)
        files += [left] if place.tuning == "validation" and left.exists() else []
        done = read_names(place.out)
    return {
        "study": study.name,
        "out": str(place.out),
        "results": str(place.out / FILE),
        "files": [str(path) for path in files],
        "tables": [Table.as_text(table) for table in tables],
        "next": next((one for one in STUDIES if one not in done), ""),
    }


def _check_choices(name: str, place: Workplace) -> None:
    """Whether each choice from a file has a value that its setting may have."""
    path = place.choices.path
    if path is not None and path.resolve() == (place.out / file_of(name)).resolve():
        found = f"is the file in which {name} leaves its own choices. Copy it, and give the copy."
        raise UserError("REPRODUCE-CHOICES", f"--choices {path}", found)
    for one, settings in place.choices.settings.items():
        try:
            place.cell(place.datasets[0], PRESET, settings, place.seeds[0])
        except UserError as error:
            where = f"{place.choices.source} [{json.dumps(one)}] {error.where}"
            raise UserError(error.name, where, error.message) from None


def _say_what_goes(settings: Result, place: Workplace) -> None:
    """Rows of other settings are replaced, and so are their tables; the trainings stay."""
    if not (place.out / FILE).exists():
        return
    for row in read_results(place.out, settings.study).where(role=SETTINGS).rows:
        if row.text != settings.text:
            told = f"takes the place of an earlier one in {place.out}, whose trainings stay"
            place.warn(f"{settings.study}: {told}: {row.text}")


def _settings(study: Study, place: Workplace) -> Result:
    """Under which settings the rows of a study were made."""
    versions = f"unclicked {unclicked.__version__}, torch {version('torch')}."
    if not study.trains:
        return Result(study.name, "", "", SETTINGS, role=SETTINGS, text=f"By {versions}")
    seeds = ", ".join(str(seed) for seed in place.seeds)
    given = ", ".join(assignments(place.settings))
    wider = f"grids widened up to {place.widen} times, " if place.widen else ""
    source = "chosen on validation" if place.tuning == "validation" else "as the paper prints them"
    source += f", those in {place.choices.source} taken from it" if place.choices.source else ""
    preset = f"preset {PRESET}, " if place.tuning == "validation" else ""
    more = f", {given}" if given else ""
    text = f"Settings {source} ({preset}{wider}seeds {seeds}{more}); "
    return Result(study.name, "", "", SETTINGS, role=SETTINGS, text=text + versions)


def _refuse_foreign(out: Path) -> None:
    for folder in (out, *out.resolve().parents):
        for kind in (DATASET, RUN):
            if holds(folder, kind):
                where = "is" if folder == out else f"lies in {folder}, which is"
                message = f"{where} a {kind}. Name a folder outside of it."
                raise UserError("REPRODUCE-OUT", str(out), message)
    for path in (out, out / CELLS):
        if path.exists() and not path.is_dir():
            raise UserError("REPRODUCE-OUT", str(path), "is no folder.")
    # A hidden file is a lock of ours, or what systems leave everywhere.
    inside = sorted(one.name for one in out.iterdir() if one.name[0] != ".") if out.exists() else []
    # Choices are left before the first training; others' files beside them are nobody's studies.
    begun = set(inside) <= {*map(file_of, STUDIES)}
    if not begun and CELLS not in inside and FILE not in inside:
        found = (
            f"holds {inside[0]} and no studies, expected a new folder or one of earlier studies."
        )
        raise UserError("REPRODUCE-OUT", str(out), f"{found} Choose another name.")
