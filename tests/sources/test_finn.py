"""The FINN.no slates become an impression log whose times say that they are made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import finn, import_finn

# Three users, three steps, slates of four places; 0 pads, 1 is no click, 2 an unknown item.
ARRAYS = {
    "userId": np.array([30, 10, 20], np.int32),
    "click": np.array([[5, 1, 0], [2, 9, 7], [0, 0, 0]], np.int32),
    "click_idx": np.array([[1, 0, 0], [1, 0, 2], [0, 0, 0]], np.int32),
    "slate_lengths": np.array([[3, 2, 0], [3, 2, 4], [0, 0, 0]], np.int32),
    "slate": np.array(
        [
            [[1, 5, 6, 0], [1, 5, 0, 0], [0, 0, 0, 0]],
            [[1, 2, 6, 0], [1, 6, 0, 0], [1, 7, 8, 7]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        ],
        np.int32,
    ),
    "interaction_type": np.array([[1, 2, 0], [0, 1, 2], [0, 0, 0]], np.int32),
}
CATEGORY = np.array([0, 0, 0, 4, 4, 5, 6, 5, 4], np.int16)
NAMES = {"category": {"4": "JOB, Rogaland", "5": "BAP, Oslo"}, "interaction_type": {"1": "search"}}


def write_data(folder: Path, **arrays: Any) -> Path:
    """The published files in miniature."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    kept = {name: array for name, array in (ARRAYS | arrays).items() if array is not None}
    np.savez_compressed(data / "data.npz", **kept)
    np.savez_compressed(data / "itemattr.npz", category=CATEGORY)
    (data / "ind2val.json").write_text(json.dumps(NAMES))
    return folder


@pytest.mark.parametrize("users_at_once", [1, 4096])
def test_slates_become_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, users_at_once: int
) -> None:
    monkeypatch.setattr(finn, "USERS_AT_ONCE", users_at_once)
    facts = import_finn(write_data(tmp_path / "in"), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert {row["order_only"] for row in rows} == {True}
    got = [
        (row["user_id"], row["item_id"], f"{row['timestamp']:%m-%d %H}", row["clicked"])
        for row in rows
    ]
    # User 30 has two steps, the last one on the last day; user 10 has three.
    assert sorted(got) == [
        (10, 6, "01-26 12", False),
        (10, 6, "01-27 12", False),
        (10, 7, "01-28 12", True),
        (10, 7, "01-28 12", True),
        (10, 8, "01-28 12", False),
        (10, 9, "01-27 12", True),
        (30, 5, "01-27 12", True),
        (30, 5, "01-28 12", False),
        (30, 6, "01-27 12", False),
    ]
    types = {(row["user_id"], row["timestamp"].day): row["interaction_type"] for row in rows}
    assert types == {(30, 27): 1, (30, 28): 2, (10, 26): 0, (10, 27): 1, (10, 28): 2}
    assert {row["timestamp"].year for row in rows} == {2000}
    assert (facts["rows"], facts["steps"], facts["repeated_lines"]) == (9, 5, 1)
    assert (facts["clicks_not_in_slate"], facts["clicks_on_unknown"], facts["unknown"]) == (1, 1, 1)
    assert (facts["users"], facts["items"], facts["items_without_fields"]) == (2, 5, 1)


def test_side_tables(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in")
    import_finn(source, tmp_path / "out")
    named = ["JOB, Rogaland", "JOB, Rogaland", "BAP, Oslo", "6", "BAP, Oslo", "JOB, Rogaland"]
    items = rows_of(tmp_path / "out", "items")
    assert [row["item_id"] for row in items] == [3, 4, 5, 6, 7, 8]
    assert [row["category"] for row in items] == named
    assert rows_of(tmp_path / "out", "users") == [{"user_id": 10}, {"user_id": 30}]
    (source / "data" / "ind2val.json").unlink()
    facts = import_finn(source, tmp_path / "bare")
    assert [row["category"] for row in rows_of(tmp_path / "bare", "items")] == list("445654")
    assert facts["files"] == ["data.npz", "itemattr.npz"]


def test_notes(tmp_path: Path) -> None:
    facts = import_finn(write_data(tmp_path / "in"), tmp_path / "out")
    text = check_notes(tmp_path / "out", facts)
    for words in ("Eide et al.", "attribution", "order but no times", "order_only"):
        assert words in text


def test_the_verbs_take_it(tmp_path: Path) -> None:
    users, steps = 6, 20
    slate = np.zeros((users, steps, 25), np.int64)
    slate[:, :, 0] = 1
    slate[:, :, 1:4] = 3 + (np.arange(steps)[:, None] + np.arange(3)) % 6
    grown = {
        "userId": np.arange(users),
        "slate": slate,
        "click": slate[:, :, 2],
        "interaction_type": np.ones((users, steps), np.int64),
    }
    source = write_data(tmp_path / "in", **grown, click_idx=None, slate_lengths=None)
    facts = import_and_prepare("finn", source, tmp_path / "out")
    assert (facts["rows"]["read"], facts["rows"]["kept"]) == (360, 360)
    assert (facts["users"], facts["items"], facts["samples"]["test"]) == (6, 6, 6)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"interaction_type": None}, r"data.npz array 'interaction_type': there is none; found"),
        ({"click": ARRAYS["click"][:, :2]}, r"array 'click': found the shape \(3, 2\)"),
        ({"click": -ARRAYS["click"]}, r"array 'click' user 30: found a negative number"),
        ({"slate": ARRAYS["slate"].astype(object)}, r"array 'slate': found object"),
        ({"userId": np.array([3, 3, 4])}, r"array 'userId': found a user twice"),
        ({"click": 0 * ARRAYS["click"], "slate": 0 * ARRAYS["slate"]}, r"found no row that can"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        import_finn(write_data(tmp_path / "in", **arrays), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_files_are_named(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in")
    with pytest.raises(UserError, match="label: found 'search', expected click"):
        import_finn(source, tmp_path / "out", label="search")
    for text in ("{", '{"category": 3}', '{"category": {"4": 5}}', "[]"):
        (source / "data" / "ind2val.json").write_text(text)
        with pytest.raises(UserError, match=r"ind2val.json: expected"):
            import_finn(source, tmp_path / "out")
    (source / "data" / "itemattr.npz").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"itemattr.npz: cannot be read as an .npz file"):
        import_finn(source, tmp_path / "out")
    (source / "data" / "itemattr.npz").unlink()
    with pytest.raises(UserError, match=r"found no itemattr.npz up to three folders down"):
        import_finn(source, tmp_path / "out")
    (source / "data" / "data.npz").unlink()
    with pytest.raises(UserError, match=r"found no data.npz up to three folders down"):
        import_finn(source, tmp_path / "out")
