"""TencentGR in both published layouts: small files, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import IMPORTERS, tencentgr_events, tencentgr_json
from unclicked.sources.tencentgr import import_tencentgr

FIRST = 1_746_028_800  # 2025-05-01 00:00 China time
PROFILE = {"103": 7, "104": 1, "106": [3, 4], "110": [2]}
Record = list[Any]
SEQUENCES: list[list[Record]] = [
    [
        [480, 11, None, {"100": 2, "121": 5}, 0, FIRST],
        [480, None, PROFILE, None, None, FIRST + 1],
        [480, 12, None, {"100": 6}, 1, FIRST + 9],
        [480, 12, None, {"100": 6}, 1, FIRST + 9],
        [480, 12, None, {"100": 6}, 0, FIRST + 9],
    ],
    [
        [481, None, {"109": 3}, None, None, FIRST],
        [481, 13, None, None, None, FIRST + 4],
        [481, 13, None, None, 2, FIRST + 5],
    ],
    # A user without a profile.
    [[482, 11, None, {}, 0, FIRST + 6]],
]
ITEMS = {"11": {"100": 2, "121": 5}, "12": {"100": 6, "122": None, "111": 9}}
EXPECTED = [
    (480, 11, 0, False),
    (480, 12, 9, True),
    (480, 12, 9, True),
    (480, 12, 9, False),
    (481, 13, 5, True),
    (482, 11, 6, False),
]


def write_json(folder: Path) -> Path:
    """The competition's files in miniature."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(records) for records in SEQUENCES]
    (folder / "seq.jsonl").write_text("\n".join(lines) + "\n\n")
    (folder / "item_feat_dict.json").write_text(json.dumps(ITEMS))
    # A pickle that would delete nothing, but must not be looked at either.
    (folder / "indexer.pkl").write_bytes(b"\x80\x04never read")
    return folder


def write_parquet(folder: Path) -> Path:
    """The same as republished in Parquet."""
    for name in ("seq", "user_feat", "item_feat"):
        (folder / name).mkdir(parents=True)
    rows: dict[str, list[Any]] = {"user_id": [], "seq": []}
    for records in SEQUENCES:
        rows["user_id"].append(records[0][0])
        events = [record for record in records if record[1] is not None]
        names = {"item_id": 1, "action_type": 4, "timestamp": 5}
        rows["seq"].append([{name: row[at] for name, at in names.items()} for row in events])
    table = pa.table(rows)
    pq.write_table(table.slice(0, 1), folder / "seq" / "part-0.parquet")
    pq.write_table(table.slice(1), folder / "seq" / "part-1.parquet")
    users: dict[str, list[Any]] = {"user_id": [480, 481], "103": [7, None], "104": [1, None]}
    users |= {"109": [None, 3], "106": [[3, 4], None]}
    pq.write_table(pa.table(users), folder / "user_feat" / "part-0.parquet")
    items = {"item_id": [11, 12], "100": [2, 6], "121": [5, None], "111": [None, 9]}
    pq.write_table(pa.table(items), folder / "item_feat" / "part-0.parquet")
    return folder


def shown_rows(folder: Path) -> list[tuple[int, int, int, bool]]:
    """Impressions as plain rows, times from the first one."""
    return [
        (row["user_id"], row["item_id"], int(row["timestamp"].timestamp()) - FIRST, row["clicked"])
        for row in rows_of(folder)
    ]


@pytest.mark.parametrize("write", [write_json, write_parquet])
def test_both_layouts_say_the_same(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "in" / "TencentGR")
    facts = import_tencentgr(tmp_path / "in", tmp_path / "out")
    assert shown_rows(tmp_path / "out") == EXPECTED
    assert (facts["rows"], facts["users"], facts["items"]) == (6, 3, 3)
    assert (facts["repeated_lines"], facts["exact_copies"]) == (2, 1)
    assert (facts["conversions"], facts["unknown_actions"]) == (1, 1)
    assert facts["clicked_share"] == pytest.approx(3 / 6)
    assert (facts["items_without_fields"], facts["users_without_profile"]) == (1, 1)
    users = rows_of(tmp_path / "out", "users")
    assert list(users[0]) == ["user_id", "feature_103", "feature_104", "feature_105", "feature_109"]
    assert [list(row.values()) for row in users] == [[480, 7, 1, None, None], [481, *[None] * 3, 3]]
    items = rows_of(tmp_path / "out", "items")
    assert len(items[0]) == 15
    named = [{name: value for name, value in row.items() if value is not None} for row in items]
    assert named == [
        {"item_id": 11, "feature_100": 2, "feature_121": 5},
        {"item_id": 12, "feature_100": 6, "feature_111": 9},
    ]


def test_notes(tmp_path: Path) -> None:
    assert IMPORTERS["tencentgr"] is import_tencentgr
    facts = import_tencentgr(write_json(tmp_path / "in"), tmp_path / "out")
    assert facts["files"] == ["in/seq.jsonl", "in/item_feat_dict.json"]
    text = check_notes(tmp_path / "out", facts)
    assert "106, 107, 108 and 110" in text and "pickles are not read" in text
    facts = import_tencentgr(write_parquet(tmp_path / "parquet"), tmp_path / "again")
    assert facts["files"][:2] == ["seq/part-0.parquet", "seq/part-1.parquet"]


def test_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_json(tmp_path / "in")
    monkeypatch.setattr(tencentgr_events, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(tencentgr_json, "ROWS_AT_ONCE", 1)
    whole = import_tencentgr(source, tmp_path / "whole")
    for size in (64, 67, 71):
        monkeypatch.setattr(tencentgr_json, "CHUNK_CHARS", size)
        out = tmp_path / f"out{size}"
        facts = import_tencentgr(source, out)
        assert {**facts, "next": 0} == {**whole, "next": 0}
        assert shown_rows(out) == EXPECTED
        for name in ("items", "users"):
            assert rows_of(out, name) == rows_of(tmp_path / "whole", name)
    monkeypatch.setattr(tencentgr_json, "CHUNK_CHARS", 5)
    with pytest.raises(UserError, match="after the beginning: found .*a whole JSON value"):
        import_tencentgr(source, tmp_path / "tiny")


def test_item_features_in_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "item_feat_dict.json"
    path.write_text(json.dumps(ITEMS, indent=2) + "\n")
    assert tencentgr_json.read_item_features(path)["item_id"].to_pylist() == [11, 12]
    path.write_text(" { } ")
    assert tencentgr_json.read_item_features(path).num_rows == 0


def test_import_then_prepare(tmp_path: Path) -> None:
    source = write_json(tmp_path / "in")
    lines = []
    for user in range(1, 7):
        records: list[Record] = [[user, None, {"103": user % 2}, None, None, FIRST]]
        for day in range(8):
            for place in range(4):
                time = FIRST + 86_400 * day + 3_600 * 12 + 60 * place
                records.append([user, 11 + (user + day + place) % 3, None, {}, place % 2, time])
        lines.append(json.dumps(records))
    (source / "seq.jsonl").write_text("\n".join(lines))
    facts = import_and_prepare("tencentgr", source, tmp_path / "out")
    assert (facts["rows"]["kept"], facts["users"], facts["items"]) == (192, 6, 3)


LINE = json.dumps(SEQUENCES[1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LINE, LINE[:-1], r"seq.jsonl:2: cannot be read as JSON"),
        (LINE, '{"481": []}', r"seq.jsonl:2: found .*a list of records"),
        (LINE, "[" * 100_000, r"seq.jsonl:2: cannot be read as JSON"),
        ("[481, 13, null, null, 2,", "[481, 13, null, 2,", r":2 record 2: .*a list of six values"),
        ("[481, 13, null, null, 2,", '["u", 13, null, null, 2,', r":2 record 2 user_id: found 'u'"),
        ("[481, 13, null, null, 2,", "[480, 13, null, null, 2,", r":2 record 2: found 480"),
        ("[481, 13, null, null, 2,", "[481, -1, null, null, 2,", r":2 record 2 item_id: found -1"),
        ("[481, 13, null, null, 2,", "[481, true, null, null, 2,", r"record 2 item_id: found True"),
        ("null, null, 2,", "null, null, 3,", r":2 record 2 action_type: found 3, expected 0, 1, 2"),
        (f"2, {FIRST + 5}", f"2, {FIRST}000", r":2 record 2 timestamp: found .*2099"),
        (f"2, {FIRST + 5}", "2, null", r":2 record 2 timestamp: found nothing"),
        ('{"109": 3}', '{"130": 3}', r":2 record 0 user_feature: found '130', expected one of 103"),
        ('{"109": 3}', '{"109": "x"}', r":2 record 0 user_feature feature 109: found 'x'"),
        ('{"109": 3}', "null", r":2 record 0 user_feature: found nothing, expected an object"),
        (
            "[481, 13, null, null, null,",
            '[481, null, {"109": 4}, null, null,',
            r"record 1: .*one pro",
        ),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    source = write_json(tmp_path / "in")
    text = (source / "seq.jsonl").read_text()
    assert old in text
    (source / "seq.jsonl").write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        import_tencentgr(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "after the beginning: found nothing, expected '{'"),
        ("[]", "after the beginning: found '\\[\\]', expected '{'"),
        ('{"11": {"100": 2}', "after item '11': found nothing, expected ','"),
        ('{"11": {"100": 2}} x', "after item '11': found 'x', expected the end"),
        ('{"11": {"100": 2}, "12": {"100": }}', "after item '11': found .*a whole JSON value"),
        ('{"11": {"100": 2}, "12": 5}', "after item '11': found '5}', expected an object"),
        ('{"11": {"100": 2}, 12: {}}', "after item '11': found .*expected a name in quotes"),
        ('{"cat": {"100": 2}}', "item 'cat': found 'cat', expected the number of an item"),
        ('{"11": {"100": 2.5}}', "item '11' feature 100: found 2.5, expected a whole number"),
        ('{"11": {"81": 2}}', "item '11': found '81', expected one of 100"),
    ],
)
def test_broken_item_features_are_named(tmp_path: Path, text: str, message: str) -> None:
    source = write_json(tmp_path / "in")
    (source / "item_feat_dict.json").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        import_tencentgr(source, tmp_path / "out")
    assert "item_feat_dict.json" in str(caught.value)


def event(**changes: Any) -> dict[str, Any]:
    """An event of the Parquet layout."""
    return {"item_id": 11, "action_type": 0, "timestamp": FIRST, **changes}


@pytest.mark.parametrize(
    ("part", "table", "message"),
    [
        ("seq", {"user": [1], "seq": [[event()]]}, "column 'user_id': found no such column"),
        ("seq", {"user_id": [1], "seq": [[1]]}, "column 'seq': found list.*item_id"),
        ("seq", {"user_id": [1], "seq": [[event(item_id="a")]]}, "column 'seq': found list"),
        (
            "seq",
            {"user_id": [1], "seq": [[event(), None]]},
            "event 1 of column 'seq': found nothing",
        ),
        ("seq", {"user_id": [1, 2], "seq": [[event()], None]}, "row 1 column 'seq': found nothing"),
        ("seq", {"user_id": [1, 2], "seq": [[], [event(), event(item_id=None)]]}, "row 1 event 1"),
        ("seq", {"user_id": [1], "seq": [[event(timestamp=FIRST * 1000)]]}, "timestamp.*2099"),
        ("seq", {"user_id": [1, None], "seq": [[event()]] * 2}, "row 1 user_id: found nothing"),
        ("seq", {"user_id": [1], "seq": [[event(), event(action_type=7)]]}, "row 0 event 1 action"),
        ("user_feat", {"user_id": [1], "200": [1]}, "column '200'.*expected user_id and some of"),
        ("user_feat", {"user_id": [1], "103": ["x"]}, "column '103': found string"),
        ("item_feat", {"100": [1]}, "column 'item_id': found no such column"),
        ("item_feat", {"item_id": [1, None], "100": [1, 1]}, "row 1 column 'item_id': found no"),
    ],
)
def test_broken_parquet_is_named(
    tmp_path: Path, part: str, table: dict[str, list[Any]], message: str
) -> None:
    source = write_parquet(tmp_path / "in")
    path = source / part / "part-0.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(UserError, match=message) as caught:
        import_tencentgr(source, tmp_path / "out")
    assert str(path) in str(caught.value)
    path.write_bytes(b"PAR1 not at all")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        import_tencentgr(source, tmp_path / "out")


def test_missing_files_and_wrong_label(tmp_path: Path) -> None:
    source = write_json(tmp_path / "in")
    with pytest.raises(UserError, match="found 'buy', expected click"):
        import_tencentgr(source, tmp_path / "out", label="buy")
    (source / "item_feat_dict.json").unlink()
    with pytest.raises(UserError, match=r"found no item_feat_dict.json"):
        import_tencentgr(source, tmp_path / "out")
    (source / "seq.jsonl").unlink()
    with pytest.raises(UserError, match=r"neither seq.jsonl nor Parquet files in a folder seq"):
        import_tencentgr(source, tmp_path / "out")
    write_parquet(tmp_path / "in" / "b")
    write_parquet(tmp_path / "in" / "c")
    with pytest.raises(UserError, match="found several folders seq"):
        import_tencentgr(source, tmp_path / "out")
    write_json(source)
    with pytest.raises(UserError, match=r"found seq.jsonl and a folder seq"):
        import_tencentgr(source, tmp_path / "out")
    empty = write_json(tmp_path / "empty")
    (empty / "seq.jsonl").write_text("[]\n")
    with pytest.raises(UserError, match="no event with an action"):
        import_tencentgr(empty, tmp_path / "out")
