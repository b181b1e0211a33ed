"""Table 1: a prepared data set in the rows of the paper's."""

from __future__ import annotations

from unclicked.data.dataset import PreparedDataset
from unclicked.reproduce import paper_numbers
from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.study import Study, Tables
from unclicked.reproduce.table import Table
from unclicked.reproduce.workplace import Workplace

NAME = "table1"
LONGEST_WHOLE = 1e15


def _run(place: Workplace) -> list[Result]:
    return [
        Result(NAME, dataset.path.name, dataset.path.name, row, value)
        for dataset in place.datasets
        for row, value in statistics_of(dataset).items()
    ]


def statistics_of(dataset: PreparedDataset) -> dict[str, float]:
    """A data set in the rows of Table 1.

    Args:
        dataset: The data set.

    Returns:
        Value by name of the row; the length of unclicked lists is that at the session's first
        click or at each click, as the data set's cut says.

    Source: Table 1.
    """
    card = dataset.card
    lengths = card["mean_length"]
    now = dataset.config.unclicked.cut == "now"
    values = (
        card["users"],
        card["items"],
        card["samples"]["train"],
        card["samples"]["test"],
        lengths["short"],
        lengths["long"],
        lengths["unclicked" if now else "unclicked_at_session_start"],
    )
    return dict(zip(paper_numbers.STATISTICS["Taobao"], map(float, values), strict=True))


def _tables(results: Results) -> Tables:
    ours = results.distinct("data")
    rows = []
    for name, printed in paper_numbers.STATISTICS["Taobao"].items():
        row = [name]
        for data in ours:
            found = results.where(data=data, metric=name).rows
            row.append(_shown(found[0].value) if found else "-")
        row += [_shown(printed), _shown(paper_numbers.STATISTICS["Tmall"][name])]
        rows.append(row)
    columns = ["", *ours, "paper: Taobao", "paper: Tmall"]
    return [Table("Table 1", columns, rows, numbers=set(range(1, len(columns))))]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and value < LONGEST_WHOLE else f"{value:.2f}"


STUDY = Study(NAME, "Table 1: data sets", "Which data is this?", _run, _tables, trains=False)
