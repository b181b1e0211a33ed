"""Lists for everybody: against brute force user by user, in blocks, stopped and gone on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from unclicked import recommend_all as everybody
from unclicked.bundle import export_bundle, open_bundle
from unclicked.data.batching import BatchBuilder
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.data.rules import Rules, latest_samples
from unclicked.data.stored_log import stored_timelines
from unclicked.errors import ArtefactError, UserError
from unclicked.recommend_all import recommend_all
from unclicked.run import Run, open_run
from unclicked.tensors import to_tensors


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


def brute_force(run: Run, data: PreparedDataset, k: int, *, seen: bool) -> dict[str, list]:
    """For each user with a click, the best ids by score and id, one user at a time."""
    lines = stored_timelines(data)
    now = int(lines.impression_time_us.max()) + 1
    samples = latest_samples(lines, Rules.from_config(data.config), now_us=now)
    vectors = run.model.all_item_vectors().numpy().astype(np.float64)
    ids = data.catalogue.items.values.to_pylist()
    lists = {}
    for number in range(len(samples)):
        user = int(samples.user[number])
        builder = BatchBuilder(
            samples.select(np.array([number])),
            lines.click_item,
            data.catalogue,
            data.profiles,
            run.config.data.clicked.max_long,
            1,
            "now",
            "query",
        )
        batch = to_tensors(builder.build(np.array([0])), torch.device("cpu"))
        with torch.no_grad():
            vector = run.model.user_vectors(batch)[0].numpy().astype(np.float64)
        scores = vectors[1:] @ vector
        left_out = set()
        if seen:
            left_out = set(lines.click_item[slice(*lines.click_offsets[user : user + 2])].tolist())
            left_out |= set(_unclicked(samples, number))
        allowed = [i for i in range(len(ids)) if i + 1 not in left_out]
        order = sorted(allowed, key=lambda i: (-round(scores[i], 5), ids[i]))
        lists[data.users.values[user].as_py()] = [ids[i] for i in order[:k]]
    return lists


def _unclicked(samples, number: int) -> list[int]:
    row = samples.row_now[samples.position_offsets[number + 1] - 1]
    return samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]].tolist()


def lists_of(path: Path) -> dict[str, list]:
    lists: dict[str, list] = {}
    for line in pq.read_table(path).to_pylist():
        lists.setdefault(line["user_id"], []).append(line["item_id"])
        assert line["rank"] == len(lists[line["user_id"]])
    return lists


@pytest.mark.parametrize("seen", [False, True])
def test_equal_to_brute_force(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path, seen: bool
) -> None:
    facts = recommend_all(
        run, tiny_data, tmp_path / "all.parquet", top_k=7, exclude_seen=seen, block_users=16
    )
    found, expected = lists_of(tmp_path / "all.parquet"), brute_force(run, tiny_data, 7, seen=seen)
    assert facts["users"] == len(tiny_data.users) == len(found)
    assert len(expected) == len(found) - facts["fallback_users"]
    for user, items in expected.items():
        # Scores that differ by less than float32 can tell may stand in either order.
        assert sorted(found[user]) == sorted(items)
    assert not (tmp_path / "all.parquet.parts").exists()


def test_a_bundle_gives_its_run_s_lists(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    bundle = open_bundle(export_bundle(run, tmp_path / "bundle").path).ranker
    for source, name in ((run, "run"), (bundle, "bundle")):
        recommend_all(source, tiny_data, tmp_path / f"{name}.parquet", top_k=5)
    first, second = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("run", "bundle"))
    assert first.equals(second)
    with pytest.raises(ArtefactError, match="items were added to this bundle"):
        recommend_all(
            replace(bundle, model=SimpleNamespace(num_items=121)), tiny_data, tmp_path / "a.parquet"
        )


def test_excluded_items_come_to_nobody(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    best = tiny_data.catalogue.items.values[0].as_py()
    recommend_all(run, tiny_data, tmp_path / "all.parquet", top_k=5, exclude=[best])
    assert all(best not in items for items in lists_of(tmp_path / "all.parquet").values())
    odd = recommend_all(run, tiny_data, tmp_path / "b.parquet", top_k=5, exclude=[best, "ghost"])
    assert odd["ignored"] == {"exclude": ["ghost"]}
    assert lists_of(tmp_path / "b.parquet") == lists_of(tmp_path / "all.parquet")
    plain = recommend_all(run, tiny_data, tmp_path / "b.parquet", top_k=5, exclude=[best])
    assert "ignored" not in plain


def test_a_stopped_call_goes_on_after_its_blocks(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole.parquet"
    recommend_all(run, tiny_data, whole, top_k=3, block_users=16)
    written = []
    real = everybody._write_block

    def stop_at_third(asked, users, path):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(users)
        real(asked, users, path)

    monkeypatch.setattr(everybody, "_write_block", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        recommend_all(run, tiny_data, tmp_path / "all.parquet", top_k=3, block_users=16)
    assert not (tmp_path / "all.parquet").exists()

    def count(asked, users, path):
        written.append(users)
        real(asked, users, path)

    monkeypatch.setattr(everybody, "_write_block", count)
    recommend_all(run, tiny_data, tmp_path / "all.parquet", top_k=3, block_users=16)
    assert written == [(0, 16), (16, 32), (32, 48), (48, 60)]
    assert (tmp_path / "all.parquet").read_bytes() == whole.read_bytes()


def test_blocks_of_another_question_are_not_used(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "all.parquet"
    real = everybody.join_blocks

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(everybody, "join_blocks", stop)
    with pytest.raises(KeyboardInterrupt):
        recommend_all(run, tiny_data, out, top_k=3, block_users=16)
    monkeypatch.setattr(everybody, "join_blocks", real)
    recommend_all(run, tiny_data, out, top_k=4, block_users=16)
    assert all(len(items) == 4 for items in lists_of(out).values())


def test_users_without_a_click_get_what_is_popular(
    tiny_log: Path, tmp_path: Path, run: Run
) -> None:
    log = pq.read_table(tiny_log / "impressions.parquet")
    last = max(log["timestamp"].to_pylist())
    shown = ["i00000", "i00000", "i00001"]
    extra = pa.table(
        {
            "user_id": ["nobody"] * 3,
            "item_id": shown,
            "timestamp": pa.array([last.replace(hour=n) for n in (1, 2, 3)], log["timestamp"].type),
            "clicked": pa.array([False] * 3, log["clicked"].type),
        }
    )
    pq.write_table(
        pa.concat_tables([log, extra.select(log.column_names)]), tmp_path / "log.parquet"
    )
    data = prepare(
        [tmp_path / "log.parquet"],
        tmp_path / "data",
        items=tiny_log / "items.parquet",
        users=tiny_log / "users.parquet",
    )
    facts = type(run.facts)(**{**vars(run.facts), "dataset_sha256": data.sha256})
    other = type(run)(**{**vars(run), "facts": facts})
    result = recommend_all(other, data, tmp_path / "all.parquet", top_k=4)
    assert result["fallback_users"] == 1
    popular = [one for one in data.catalogue.items.values.to_pylist() if one != "i00000"]
    assert lists_of(tmp_path / "all.parquet")["nobody"] == popular[:4]


def test_another_data_set_and_foreign_files_are_refused(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    (tmp_path / "notes.parquet").write_text("mine")
    with pytest.raises(UserError, match="is something else"):
        recommend_all(run, tiny_data, tmp_path / "notes.parquet")
    facts = type(run.facts)(**{**vars(run.facts), "dataset_sha256": "0" * 64})
    with pytest.raises(ArtefactError, match="--warm-start"):
        recommend_all(
            type(run)(**{**vars(run), "facts": facts}), tiny_data, tmp_path / "all.parquet"
        )


def test_an_older_file_of_this_kind_is_replaced_and_what_differs_is_said(
    run: Run, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    out, said = tmp_path / "all.parquet", list[str]()
    recommend_all(run, tiny_data, out, top_k=2, warn=said.append)
    before = shutil.copy(out, tmp_path / "before.parquet")
    recommend_all(run, tiny_data, out, top_k=2, exclude=["ghost"], warn=said.append)
    assert said == []
    best = tiny_data.catalogue.items.values[0].as_py()
    recommend_all(run, tiny_data, out, top_k=3, exclude=[best], exclude_seen=True, warn=said.append)
    assert len(pq.read_table(out)) > len(pq.read_table(before))
    assert len(said) == 1
    assert said[0].startswith(f"{out} holds lists that were made otherwise, and is replaced: ")
    assert "--top-k 2 there, 3 now; --exclude nothing there, 1 ids (hash " in said[0]
    assert said[0].endswith("; --exclude-seen no there, yes now.")
