"""Figure 7: one user's lists, and how much of all lists is of categories passed over."""

from __future__ import annotations

from dataclasses import replace

from unclicked.page.digits import interval, p_equals, percent, points
from unclicked.reproduce.draw_case import draw_case
from unclicked.reproduce.figure7 import ABLE, ITEM, PARTS, SHARE, USER, case_rows
from unclicked.reproduce.methods import BASES, FULL, SDM, VARIANTS
from unclicked.reproduce.pair import trained_pair
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.table import Table
from unclicked.reproduce.workplace import Workplace
from unclicked.run import open_run
from unclicked.statistics import paired_comparison

NAME = "figure7"
SHARE_AT_50 = f"{SHARE}@50"
SHOWN_ITEMS = 10


def _run(place: Workplace) -> list[Result]:
    tuner, base, full = trained_pair(place, NAME, BASES[SDM], VARIANTS[FULL])
    dataset = place.datasets[0]
    base_run, full_run = (open_run(path, device=place.device) for path in (base, full))
    rows = case_rows(NAME, dataset.path.name, base_run, full_run, dataset, names=(SDM, FULL))
    return [*tuner.rows, *(replace(row, seed=place.seeds[0]) for row in rows)]


def _tables(results: Results) -> Tables:
    final = results.where(role=FINAL)
    return [_shares(final), _items(final)]


def _shares(final: Results) -> Table:
    able = final.where(metric=ABLE).rows[0].values > 0
    base, full = (final.where(metric=SHARE_AT_50, method=name).rows[0] for name in (SDM, FULL))
    before, after = base.values[able], full.values[able]
    notes = [
        "Categories frequent among a user's unclicked items that she does not click later; "
        f"models of seed {base.seed}."
    ]
    if len(before) > 1:
        paired = paired_comparison(before, after)
        notes.append(
            f"{FULL} minus {SDM}: {points(paired.difference)} points "
            f"({interval(paired.ci95)}), {p_equals(paired.p)}, {paired.users:,} users."
        )
    means = [float(one.mean()) if len(one) else 0.0 for one in (before, after)]
    return Table(
        f"Share of the first 50 items that is of categories passed over ({base.text})",
        ["method", "share"],
        [[SDM, percent(means[0])], [FULL, percent(means[1])]],
        notes=notes,
        numbers={1},
    )


def _items(final: Results) -> Table:
    told = [row.text for row in final.where(metric=USER).rows]
    rows = []
    for part in PARTS:
        found = final.where(metric=ITEM, method=part).rows
        for row in found[:SHOWN_ITEMS]:
            rows.append([part, f"{row.x:.0f}", row.text, "yes" if row.value else ""])
        if len(found) > SHOWN_ITEMS:
            rows.append([part, "", f"and {len(found) - SHOWN_ITEMS} more", ""])
    return Table(
        "Figure 7: one user",
        ["part", "place", "item", "clicked later"],
        rows,
        notes=told or ["No test user passes a category over."],
        numbers={1},
    )


def _figures(results: Results) -> Figures:
    return {"": draw_case(results.where(role=FINAL))}


STUDY = Study(
    NAME,
    "Figure 7: one user, and the categories passed over",
    "Are items of categories that a user passes over recommended less?",
    _run,
    _tables,
    _figures,
)
