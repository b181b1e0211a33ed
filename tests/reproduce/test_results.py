"""Rows go through their file unchanged, and are averaged as they should be."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.errors import ArtefactError
from unclicked.reproduce.results import SCHEMA, Result, Results, read_results, write_results


def row(study: str = "s", **fields: object) -> Result:
    given: dict[str, object] = {"data": "d", "method": "m", "metric": "HR@50", "value": 0.5}
    return Result(study, **(given | fields))


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [
        row(values=np.array([0.25, 0.75]), seed=3, x=0.1, text="a=1", cell="k", role="screen"),
        row(value=math.nan, method="other"),
    ]
    write_results(tmp_path, "s", rows)
    back = read_results(tmp_path).rows
    assert [
        (r.study, r.data, r.method, r.metric, r.role, r.seed, r.text, r.cell) for r in back
    ] == [
        ("s", "d", "m", "HR@50", "screen", 3, "a=1", "k"),
        ("s", "d", "other", "HR@50", "final", -1, "", ""),
    ]
    assert (back[0].x, back[0].value, back[0].values.tolist()) == (0.1, 0.5, [0.25, 0.75])
    assert math.isnan(back[1].value)
    assert math.isnan(back[1].x)


def test_a_study_replaces_its_own_rows_alone(tmp_path: Path) -> None:
    write_results(tmp_path, "a", [row("a")])
    write_results(tmp_path, "b", [row("b"), row("b")])
    write_results(tmp_path, "b", [row("b", value=0.1)])
    assert [(r.study, r.value) for r in read_results(tmp_path).rows] == [("a", 0.5), ("b", 0.1)]


def test_seeds_are_averaged_for_each_user_and_data_sets_follow_each_other() -> None:
    rows = [
        row(values=np.array([0.0, 1.0]), seed=0),
        row(values=np.array([1.0, 1.0]), seed=1),
        row(data="e", values=np.array([0.0])),
    ]
    assert Results(rows).per_user().tolist() == [0.5, 1.0, 0.0]


def test_rows_of_other_users_are_refused() -> None:
    rows = [row(values=np.zeros(2), seed=0), row(values=np.zeros(3), seed=1)]
    with pytest.raises(ArtefactError, match="differ in their users"):
        Results(rows).per_user()


def test_a_broken_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="is not there"):
        read_results(tmp_path)
    (tmp_path / "results.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(ArtefactError, match=r"cannot be read: .*[^.]\. Move it away and start"):
        read_results(tmp_path)


def test_swept_values_are_found_in_order() -> None:
    rows = [row(x=5.0, value=0.1), row(x=0.1, value=0.2), row()]
    results = Results(rows)
    assert results.xs() == [0.1, 5.0]
    assert results.at(0.1).seed_values().tolist() == [0.2]


def test_one_study_of_many_rows_is_read_alone(tmp_path: Path) -> None:
    # More rows than are kept together, each with a length and values of its own.
    many = [row("b", seed=n, values=np.arange(n % 5) + n / 1000) for n in range(3 * 64 + 5)]
    write_results(tmp_path, "b", many)
    write_results(tmp_path, "a", [row("a", values=np.array([7.0]))])
    assert [one.study for one in read_results(tmp_path, "a").rows] == ["a"]
    back = read_results(tmp_path, "b").rows
    assert [one.seed for one in back] == [one.seed for one in many]
    assert [one.values.tolist() for one in back] == [one.values.tolist() for one in many]
    assert read_results(tmp_path, "c").rows == []


def test_many_rows_are_parts_of_few_arrays(tmp_path: Path) -> None:
    write_results(tmp_path, "s", [row(values=np.zeros(9)) for _ in range(64)])
    owners = {id(one.values.base) for one in read_results(tmp_path, "s").rows}
    assert len(owners) == 1


def test_a_file_with_other_columns_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"study": ["s"]}), tmp_path / "results.parquet")
    with pytest.raises(ArtefactError, match="not ours"):
        read_results(tmp_path, "s")


def test_every_column_is_on_the_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "data-formats.md"
    part = page.read_text(encoding="utf-8").split("## The results of studies")[1].split("\n## ")[0]
    named = [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")]
    assert named == SCHEMA.names
