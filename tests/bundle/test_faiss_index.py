"""An approximate index is served only where it finds what the exact search finds."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch

from unclicked.bundle import Exported, export_bundle, faiss_index, open_bundle
from unclicked.bundle.faiss_index import faiss_extra, load_index
from unclicked.bundle.faiss_search import FaissSearcher
from unclicked.bundle.golden import SEED as GOLDEN_SEED
from unclicked.bundle.made_up import made_up_users
from unclicked.data.catalogue import Catalogue
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import ArtefactError, UserError
from unclicked.recommendation import Answerer, Request
from unclicked.run import Run

KINDS = ["ivf", "hnsw"]


@pytest.fixture(scope="module", params=KINDS)
def indexed(request: pytest.FixtureRequest, judged_run: Run) -> tuple[str, Exported]:
    kind = request.param
    out = judged_run.path.parent / f"bundle-{kind}"
    return kind, export_bundle(judged_run, out, extras={"index": faiss_extra(kind, top_k=20)})


def test_what_is_told_was_measured(indexed: tuple[str, Exported], judged_run: Run) -> None:
    kind, exported = indexed
    facts = json.loads((exported.path / "index.json").read_text())
    assert facts["kind"] == kind
    assert facts["queries"] >= 256
    assert facts["seed"] != GOLDEN_SEED
    assert (facts["items"], facts["dim"]) == (120, judged_run.config.model.dim)
    bundle = open_bundle(exported.path)
    assert bundle.card["parity"]["index"]["recall"] == facts["recall"]
    assert exported.parity["index"]["recall"] == facts["recall"]
    # The recall by plain loops over a plain product.
    users = made_up_users(Answerer(judged_run), facts["seed"], facts["queries"]).double().numpy()
    vectors = judged_run.model.all_item_vectors()[1:].double().numpy()
    offsets = np.zeros(len(users) + 1, dtype=np.int64)
    assert bundle.index is not None
    found = bundle.index.search(
        torch.from_numpy(users), 20, (offsets, np.zeros(0, dtype=np.int64))
    )[1]
    hits = 0
    for user, row in zip(users, found.tolist(), strict=True):
        best = sorted(range(120), key=lambda item: -float(vectors[item] @ user))[:20]
        hits += len({item + 1 for item in best} & set(row))
    assert facts["recall"] == pytest.approx(hits / (20 * len(users)), abs=1e-3)
    assert facts["recall"] >= 0.95


def test_the_same_run_gives_the_same_index(
    indexed: tuple[str, Exported], judged_run: Run, tmp_path: Path
) -> None:
    kind, exported = indexed
    threads = faiss.omp_get_max_threads()
    again = export_bundle(
        judged_run, tmp_path / "again", extras={"index": faiss_extra(kind, top_k=20)}
    )
    assert faiss.omp_get_max_threads() == threads
    for name in ("index.faiss", "index.json", "manifest.json"):
        assert (again.path / name).read_bytes() == (exported.path / name).read_bytes()


def test_a_bundle_answers_through_its_index(indexed: tuple[str, Exported], judged_run: Run) -> None:
    bundle = open_bundle(indexed[1].path)
    ids = judged_run.catalogue.items.values.to_pylist()
    asked = [Request(ids[k : k + 4], ids[60 : 60 + k], exclude=ids[:9]) for k in range(12)]
    through, plain = Answerer(bundle, bundle.index).answer(asked), Answerer(bundle).answer(asked)
    same = [
        one["item_id"] == other["item_id"]
        for found, wanted in zip(through, plain, strict=True)
        for one, other in zip(found["items"], wanted["items"], strict=True)
    ]
    assert np.mean(same) > 0.9


def test_an_index_that_finds_too_little_is_refused(
    judged_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = FaissSearcher.found

    def worse(self: FaissSearcher, users: torch.Tensor, count: int) -> Any:
        found = plain(self, users, count)
        found[:, ::2] = 0
        return found

    monkeypatch.setattr(FaissSearcher, "found", worse)
    with pytest.raises(ArtefactError, match=r"finds 0\.\d+ of the exact lists of 20 items"):
        export_bundle(
            judged_run, tmp_path / "bundle", extras={"index": faiss_extra("ivf", top_k=20)}
        )
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "flat"}, "expected ivf or hnsw"),
        ({"kind": "ivf", "least_recall": 0.0}, "least_recall"),
        ({"kind": "ivf", "least_recall": 1.5}, "least_recall"),
        ({"kind": "ivf", "top_k": 0}, "expected at least 1"),
    ],
)
def test_settings_are_checked_before_any_work(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        faiss_extra(**arguments)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UserError, match=r"\.\[faiss\]"):
        faiss_extra("ivf")


def catalogue(count: int) -> Catalogue:
    import pyarrow as pa

    rank = np.concatenate([[0], np.arange(count)])
    return Catalogue(Vocabulary(pa.array(np.arange(count))), np.zeros(count, np.int64), rank, {})


def write(folder: Path, index: Any, **facts: Any) -> Path:
    faiss.write_index(index, str(folder / "index.faiss"))
    kept = {"format": 1, "kind": "ivf", "parameters": {"nprobe": 2}, "top_k": 5} | facts
    (folder / "index.json").write_text(json.dumps(kept))
    return folder


def ivf(count: int = 40, dim: int = 8, metric: int = faiss.METRIC_INNER_PRODUCT) -> Any:
    index = faiss.IndexIVFFlat(faiss.IndexFlat(dim, metric), dim, 1, metric)
    rows = np.random.default_rng(0).standard_normal((count, dim)).astype(np.float32)
    index.train(rows)
    index.add(rows)
    return index


@pytest.mark.parametrize(
    "make",
    [
        lambda: ivf(count=39),
        lambda: ivf(dim=4),
        lambda: ivf(metric=faiss.METRIC_L2),
        lambda: faiss.IndexFlatIP(8),
        lambda: faiss.IndexHNSWFlat(8, 4, faiss.METRIC_INNER_PRODUCT),
    ],
)
def test_an_index_of_something_else_is_refused(tmp_path: Path, make: Callable[[], Any]) -> None:
    vectors = torch.randn(41, 8)
    load_index(write(tmp_path, ivf()), vectors, catalogue(40))
    with pytest.raises(ArtefactError, match="expected IndexIVFFlat of 40 of 8"):
        load_index(write(tmp_path, make()), vectors, catalogue(40))


@pytest.mark.parametrize(
    "facts",
    [
        {"format": 2},
        {"kind": "flat"},
        {"kind": ["ivf"]},
        {"parameters": {"efSearch": 5}},
        {"parameters": {"nprobe": 0}},
        {"parameters": {"nprobe": True}},
        {"parameters": {"nprobe": 2.5}},
        {"parameters": 7},
        {"top_k": "5"},
    ],
)
def test_facts_that_describe_no_index_are_refused(tmp_path: Path, facts: dict[str, Any]) -> None:
    with pytest.raises(ArtefactError, match="does not describe an index"):
        load_index(write(tmp_path, ivf(), **facts), torch.randn(41, 8), catalogue(40))


def test_broken_files_are_refused_and_limits_are_put_back(tmp_path: Path) -> None:
    folder = write(tmp_path, ivf())
    whole = (folder / "index.faiss").read_bytes()
    before = faiss.get_deserialization_vector_byte_limit()
    rng = np.random.default_rng(4)
    # Past the head, where counts stand; wrong vectors are what the hash is for.
    for at in [0, 3, 4, 10, 40, 90, *rng.integers(4, len(whole), 20).tolist()]:
        (folder / "index.faiss").write_bytes(whole[:at])
        with pytest.raises(ArtefactError, match="cannot be read"):
            load_index(folder, torch.randn(41, 8), catalogue(40))
    assert faiss.get_deserialization_vector_byte_limit() == before
    # The number of vectors of the first list, made enormous.
    at = whole.index((40).to_bytes(8, "little"), 30)
    huge = whole[:at] + (2**40).to_bytes(8, "little") + whole[at + 8 :]
    (folder / "index.faiss").write_bytes(huge)
    with pytest.raises(ArtefactError):
        load_index(folder, torch.randn(41, 8), catalogue(40))


def test_a_large_enough_catalogue_is_not_searched_whole(
    judged_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(6)
    centres = rng.standard_normal((30, 16))
    rows = centres[rng.integers(0, 30, 3001)] + 0.2 * rng.standard_normal((3001, 16))
    vectors = torch.from_numpy(rows.astype(np.float32))
    users = torch.from_numpy((centres[rng.integers(0, 30, 512)]).astype(np.float32))
    model = type("Model", (), {"all_item_vectors": lambda self: vectors})()
    source = type("Source", (), {"model": model, "catalogue": catalogue(3000)})()
    monkeypatch.setattr(faiss_index, "made_up_users", lambda *_: users)
    told = faiss_extra("ivf", 0.95)(tmp_path, type("Answerer", (), {"source": source})())
    assert told["parameters"]["nlist"] == 55
    effort = told["parameters"]["nprobe"]
    assert effort in (1, 2, 4, 8, 16)
    less = FaissSearcher(
        faiss.read_index(str(tmp_path / "index.faiss")), vectors, np.arange(3001), effort // 2, 100
    )
    if effort > 1:
        exact = (users @ vectors[1:].T).topk(100).indices + 1
        found = less.found(users, 100)
        share = np.mean([np.isin(a, b).mean() for a, b in zip(exact.numpy(), found, strict=True)])
        assert share < 0.95 <= told["recall"]
    shutil.rmtree(tmp_path)
