"""Names for people: kept beside the catalogue, in its order, and never a field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.data.test_prepare import hashes, small_log, write
from unclicked.data.dataset import PreparedDataset
from unclicked.data.item_names import load_names, save_names
from unclicked.data.prepare import prepare
from unclicked.errors import ArtefactError, UserError
from unclicked.settings import resolve

TITLES = {letter: f"Thing <{letter}>" for letter in "abcdefgh"} | {"c": None}
ITEMS = pa.table(
    {"item_id": list(TITLES), "title": list(TITLES.values()), "brand": list("xyxyxyxy")}
)


def made(tmp_path: Path, items: Path | None, **config: Any) -> PreparedDataset:
    log = write(tmp_path / "log.parquet", small_log())
    settings = resolve({"data": {"time_unit": "s"} | config}).data
    return prepare([log], tmp_path / "data", items=items, config=settings, overwrite=True)


@pytest.fixture
def items(tmp_path: Path) -> Path:
    pq.write_table(ITEMS, tmp_path / "items.parquet")
    return tmp_path / "items.parquet"


def test_names_follow_the_catalogue(tmp_path: Path, items: Path) -> None:
    data = made(tmp_path, items, item_name="title")
    ids = data.catalogue.items.values.to_pylist()
    assert ids != sorted(ids)
    assert data.item_names == [TITLES[one] or "" for one in ids]
    assert list(data.catalogue.fields) == ["brand"]


def test_without_the_setting_the_column_is_a_field(tmp_path: Path, items: Path) -> None:
    data = made(tmp_path, items)
    assert data.item_names is None
    assert list(data.catalogue.fields) == ["brand", "title"]


def test_csv_and_parquet_give_the_same_bytes(tmp_path: Path, items: Path) -> None:
    first = hashes(made(tmp_path, items, item_name="title").path)
    pa.csv.write_csv(ITEMS.take(pa.array(range(7, -1, -1))), tmp_path / "items.csv")
    second = hashes(made(tmp_path, tmp_path / "items.csv", item_name="title").path)
    assert first == second
    assert "catalogue/names.parquet" in first


@pytest.mark.parametrize(
    ("name", "bins"), [("nothing", {}), ("item_id", {}), ("price", {"price": [1.0]})]
)
def test_a_column_that_cannot_hold_names(
    tmp_path: Path, name: str, bins: dict[str, list[float]]
) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(ITEMS.append_column("price", pa.array([0.5] * 8)), path)
    with pytest.raises(UserError, match=rf'data.item_name: "{name}" is no column'):
        made(tmp_path, path, item_name=name, item_bins=bins or {"price": [1.0]})


def test_names_are_text(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(ITEMS.append_column("many", pa.array([["a"]] * 8)), path)
    with pytest.raises(UserError, match="expected text as data.item_name"):
        made(tmp_path, path, item_name="many")


def test_no_table_no_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no item table"):
        made(tmp_path, None, item_name="title")


def test_an_item_the_table_lacks_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(ITEMS[:2], path)
    data = made(tmp_path, path, item_name="title", missing_item="unknown")
    names = dict(zip(data.catalogue.items.values.to_pylist(), data.item_names or [], strict=True))
    assert {one for one, name in names.items() if name} == {"a", "b"}


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    save_names(pa.array(["a", None]), tmp_path)
    assert load_names(tmp_path, 2) == ["a", ""]
    with pytest.raises(ArtefactError, match="holds 2 names, expected 3"):
        load_names(tmp_path, 3)
    (tmp_path / "names.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_names(tmp_path, 2)
