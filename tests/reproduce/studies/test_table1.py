"""Table 1 in the paper's rows."""

from __future__ import annotations

from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.studies.table1 import STUDY


def test_ours_stands_beside_the_papers() -> None:
    rows = [Result("table1", "shop", "shop", name, value) for name, value in
            {"users": 120.0, "short-term clicks": 9.474}.items()]  # fmt: skip
    (table,) = STUDY.tables(Results(rows))
    by_name = {row[0]: list(row[1:]) for row in table.rows}
    assert by_name["users"] == ["120", "358,978", "446,464"]
    assert by_name["short-term clicks"] == ["9.47", "13.49", "12.30"]
    assert by_name["items"] == ["-", "1,078,723", "908,214"]
    assert list(table.columns) == ["", "shop", "paper: Taobao", "paper: Tmall"]
