"""Items added later: encoded by their fields, everything else as before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from unclicked.bundle import export_bundle, open_bundle
from unclicked.bundle.faiss_index import faiss_extra
from unclicked.bundle.golden import check_golden
from unclicked.bundle.new_items import add_items
from unclicked.cli.main import run as run_verb
from unclicked.errors import UserError
from unclicked.recommendation import Answerer, Request, recommend
from unclicked.run import Run

Variant = Callable[..., Run]


@pytest.fixture(scope="module")
def tied(variant: Variant) -> Run:
    run = variant(tie_item_vectors=True, encoder="dnn")
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for table in run.model.tables().values():
            # Trained rows of unknown values are not zero.
            table.weight[-1] = torch.randn(table.weight.shape[1], generator=generator)
    return run


@pytest.fixture(scope="module")
def tied_bundle(tied: Run) -> Path:
    return export_bundle(tied, tied.path.parent / "bundle-tied").path


@pytest.fixture
def table(tiny_log: Path, tmp_path: Path) -> Path:
    """Two known items and three new ones, one of which has a value that was never seen."""
    rows = pq.read_table(tiny_log / "items.parquet").to_pylist()
    # Ids before, between and after the others in the order of ids.
    new = [
        rows[5] | {"item_id": "a-new"},
        rows[9] | {"item_id": rows[9]["item_id"] + "x"},
        rows[7] | {"item_id": "z-new", "brand": "never seen"},
    ]
    given = pa.Table.from_pylist([rows[0] | {"shop": "moved"}, rows[1], *new])
    pq.write_table(given, tmp_path / "new.parquet")
    return tmp_path / "new.parquet"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def code_of(source: Any, item: str) -> int:
    return int(source.catalogue.items.encode([item])[0])


def test_new_items_are_like_the_unknown_item_with_their_fields(
    tied: Run, tied_bundle: Path, table: Path, tmp_path: Path, tiny_log: Path
) -> None:
    told = add_items(tied_bundle, table, tmp_path / "grown")
    assert {name: told[name] for name in ("added", "known", "dropped", "unknown_values")} == {
        "added": 3,
        "known": 2,
        "dropped": [],
        "unknown_values": {"brand": 1},
    }
    bundle = open_bundle(told["bundle"])
    check_golden(Answerer(bundle), bundle.golden, bundle.path)
    vectors, before = bundle.model.all_item_vectors(), tied.model.all_item_vectors()
    assert torch.allclose(vectors[:121], before, atol=1e-6)
    rows = {row["item_id"]: row for row in pq.read_table(table).to_pylist()}
    for item in ("a-new", "z-new"):
        parts = []
        for name, width_table in zip(tied.model.tower.widths, tied.model.tower.tables, strict=True):
            if name == "item_id":
                parts.append(width_table.weight[-1])
                continue
            given = rows[item][name]
            texts = [str(one) for one in (given if isinstance(given, list) else [given])]
            codes = tied.catalogue.fields[name].vocabulary.encode(texts)
            parts.append(width_table.weight[torch.from_numpy(codes)].mean(dim=0))
        assert tied.model.tower.join is not None
        wanted = torch.tanh(tied.model.tower.join(torch.cat(parts)))
        assert torch.allclose(vectors[code_of(bundle, item)], wanted, atol=1e-6)
    assert not torch.equal(vectors[121], vectors[123])


def test_the_catalogue_grows_and_stays_in_order(
    tied: Run, tied_bundle: Path, table: Path, tmp_path: Path
) -> None:
    bundle = open_bundle(add_items(tied_bundle, table, tmp_path / "grown")["bundle"])
    ids = bundle.catalogue.items.values.to_pylist()
    assert ids[:120] == tied.catalogue.items.values.to_pylist()
    assert sorted(ids[120:]) == sorted({*ids} - {*ids[:120]})
    assert bundle.catalogue.clicks[120:].tolist() == [0, 0, 0]
    assert [ids[k] for k in np.argsort(bundle.catalogue.id_rank[1:])] == sorted(ids)
    stored = pq.read_table(bundle.path / "items.parquet").to_pylist()
    assert [row["item_id"] for row in stored] == ids
    assert stored[code_of(bundle, "z-new") - 1]["field_brand"] == [None]
    # A known item is left as it was, whatever the table says of it now.
    known = open_bundle(tied_bundle).catalogue.fields["shop"]
    grown = bundle.catalogue.fields["shop"]
    cut = int(known.offsets[121])
    assert grown.codes[:cut].tolist() == known.codes[:cut].tolist()
    assert grown.codes[grown.offsets[-2] :].tolist() == known.codes[known.offsets[-2] :].tolist()
    text = (bundle.path / "card.md").read_text()
    assert "Items added later" in text
    assert bundle.card["new_items"] == {"added": 3, "vectors_by": "fields"}


def test_lists_of_old_items_stay_and_new_items_can_be_asked_with(
    tied: Run, tied_bundle: Path, table: Path, tmp_path: Path
) -> None:
    bundle = open_bundle(add_items(tied_bundle, table, tmp_path / "grown")["bundle"])
    ids = tied.catalogue.items.values.to_pylist()
    new = bundle.catalogue.items.values.to_pylist()[120:]
    asked = [Request(ids[k : k + 3], ids[50 : 50 + k], top_k=120, exclude=new) for k in range(9)]
    for found, wanted in zip(recommend(bundle, asked), recommend(tied, asked), strict=True):
        assert [one["item_id"] for one in found["items"]] == [
            one["item_id"] for one in wanted["items"]
        ]
    answer = recommend(bundle, [Request(["a-new"], top_k=123)])[0]
    assert not answer["fallback"]
    assert {one["item_id"] for one in answer["items"]} == {*ids, *new}
    places = [one["item_id"] for one in answer["items"]]
    assert any(places.index(item) < 120 for item in new)


def test_adding_again_changes_nothing(tied_bundle: Path, table: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tied_bundle, tmp_path / "bundle"))
    assert add_items(folder, table)["added"] == 3
    once = bytes_of(folder)
    assert add_items(folder, table) == {
        "added": 0,
        "known": 5,
        "bundle": folder,
        "dropped": [],
        "unknown_values": {},
    }
    assert bytes_of(folder) == once
    elsewhere = add_items(folder, table, tmp_path / "copy")["bundle"]
    assert (
        load_file(elsewhere / "model.safetensors").keys()
        == load_file(folder / "model.safetensors").keys()
    )
    assert open_bundle(elsewhere).card["new_items"]["added"] == 3
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "copy", "new.parquet"}


def test_a_further_form_is_dropped_and_that_is_said(tied: Run, table: Path, tmp_path: Path) -> None:
    out = export_bundle(tied, tmp_path / "bundle", extras={"index": faiss_extra("ivf", top_k=9)})
    assert add_items(out.path, table)["dropped"] == ["index.faiss", "index.json"]
    bundle = open_bundle(out.path)
    assert bundle.index is None
    assert bundle.card["parity"] == {}
    assert not list(out.path.glob("index*"))


def test_a_table_of_trained_vectors_has_none_for_new_items(
    bundle_folder: Path, table: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    with pytest.raises(UserError, match=r"model\.tie_item_vectors=true.*--by-neighbours"):
        add_items(folder, table)
    assert bytes_of(folder) == bytes_of(bundle_folder)
    assert add_items(folder, table, by_neighbours=True)["added"] == 3
    bundle = open_bundle(folder)
    before = load_file(bundle_folder / "model.safetensors")["output.weight"]
    after = load_file(folder / "model.safetensors")["output.weight"]
    assert torch.equal(after[:121], before[:121])
    assert torch.equal(after[-1], before[-1])
    assert after[121:124].abs().sum() > 0
    assert "neighbours, untrained" in (folder / "card.md").read_text()
    check_golden(Answerer(bundle), bundle.golden, folder)


def test_random_vectors_have_no_neighbours(variant: Variant, table: Path, tmp_path: Path) -> None:
    run = variant(encoder="dnn", train={"ranking_loss": "mse"})
    out = export_bundle(run, tmp_path / "bundle").path
    with pytest.raises(UserError, match="by random vectors"):
        add_items(out, table, by_neighbours=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["brand"]), "no column brand"),
        (lambda t: t.drop_columns(["item_id"]), "no column item_id; expected item_id and every"),
        (
            lambda t: t.rename_columns({"item_id": "item", "brand": "brands"}),
            'If it is the same, rename "item" to "item_id" and rename "brands" to "brand"[.]',
        ),
        (
            lambda t: t.drop_columns(["brand", "category"]).append_column("brands", t["brand"]),
            'If it is the same, rename "brands" to "brand"[.]',
        ),
        (lambda t: t.set_column(0, "item_id", pa.array(range(len(t)))), "ids"),
        (lambda t: pa.concat_tables([t, t.set_column(1, t.column_names[1], t[0])]), "one row per"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    tied_bundle: Path,
    table: Path,
    tmp_path: Path,
    change: Callable[[pa.Table], pa.Table],
    message: str,
) -> None:
    pq.write_table(change(pq.read_table(table)), tmp_path / "wrong.parquet")
    with pytest.raises(UserError, match=message):
        add_items(tied_bundle, tmp_path / "wrong.parquet", tmp_path / "grown")
    assert not (tmp_path / "grown").exists()


def test_other_columns_are_not_looked_at(tied_bundle: Path, table: Path, tmp_path: Path) -> None:
    given = pq.read_table(table)
    pq.write_table(
        given.append_column("colour", pa.array(["red"] * len(given))), tmp_path / "more.parquet"
    )
    assert add_items(tied_bundle, tmp_path / "more.parquet", tmp_path / "grown")["added"] == 3


def test_the_verb_tells_as_json_and_of_values_that_the_model_does_not_know(
    tied_bundle: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["items", "add", str(tied_bundle), str(table), "--out"]
    assert run_verb([*words, str(tmp_path / "a"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bundle"], told["added"], told["known"]) == (str(tmp_path / "a"), 3, 2)
    assert told["unknown_values"] == {"brand": 1}
    assert run_verb([*words, str(tmp_path / "b")]) == 0
    assert "brand: 1 of the new items' values were in no item" in capsys.readouterr().err
