"""KuaiRand-Pure as published becomes an impression log, faithfully and without the future."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.config import Config
from unclicked.errors import UserError
from unclicked.settings import resolve
from unclicked.sources import IMPORTERS, import_kuairand
from unclicked.sources.kuairand_history import START_MS
from unclicked.sources.kuairand_notes import config_text
from unclicked.sources.kuairand_tables import USER_FIELDS

FIRST_MS = 1_650_900_000_123
DAY_MS = 86_400_000
LOG = f"""user_id,video_id,time_ms,is_click,long_view,tab
1,10,{FIRST_MS},1,1,0
1,10,{FIRST_MS},1,1,0
2,11,{FIRST_MS + 5},1,0,1
2,11,{FIRST_MS + 5},0,0,1
1,12,{FIRST_MS + 9},0,0,1
"""
ITEMS = """video_id,author_id,video_type,upload_type,video_duration,music_id,tag
10,100,NORMAL,Web,9233.0,5,"20,43"
11,101,AD,Web,,6,39
12,102,NORMAL,Kmovie,16000.0,7,
13,103,NORMAL,Kmovie,500.0,8,2
"""
LAST_MS = START_MS + 4 * DAY_MS


def write_data(folder: Path) -> Path:
    """The published files in miniature."""
    data = folder / "KuaiRand-Pure" / "data"
    data.mkdir(parents=True)
    (data / "log_standard_4_22_to_5_08_pure.csv").write_text(LOG)
    (data / "video_features_basic_pure.csv").write_text(ITEMS)
    header = ["user_id", "follow_user_num", *USER_FIELDS]
    codes = [",".join("1.0" if name == "onehot_feat4" else "0" for name in USER_FIELDS)] * 2
    codes[1] = codes[1].replace("1.0", "")
    rows = [",".join(header), f"1,514,{codes[0]}", f"2,8,{codes[1]}"]
    (data / "user_features_pure.csv").write_text("\n".join(rows) + "\n")
    # Read, it would stop the import at once.
    (data / "video_features_statistic_pure.csv").write_bytes(b"\xff\xfe no table")
    return data


def write_history(folder: Path) -> None:
    """The history in miniature: user 2 was shown 4, of which the last 3 are known."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "user_id": [1, 2],
        "history_len": [4, 6],
        "last_time_ms": [LAST_MS, LAST_MS],
        "watch_seq": [[10, 13, 13, 10], [11, 12, 13]],
        "like_seq": [[], []],
        "long_watch_seq": [[10], [12, 13]],
    }
    pq.write_table(pa.table(columns), folder / "user_sequences.parquet")


def rows_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """A table as plain rows."""
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def test_log_alone(tmp_path: Path) -> None:
    write_data(tmp_path / "in")
    facts = import_kuairand(tmp_path / "in", tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "impressions.parquet")
    assert table.column_names == ["user_id", "item_id", "timestamp", "clicked"]
    assert table.schema.field("timestamp").type == pa.timestamp("ms", "UTC")
    assert table.schema.field("item_id").type == pa.int64()
    times = table["timestamp"].cast(pa.int64()).to_pylist()
    got = zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), times, strict=True)
    assert [(user, item, time - FIRST_MS) for user, item, time in got] == [
        (1, 10, 0),
        (1, 10, 0),
        (2, 11, 5),
        (2, 11, 5),
        (1, 12, 9),
    ]
    assert table["clicked"].to_pylist() == [True, True, True, False, False]
    assert (facts["rows"], facts["repeated_lines"], facts["exact_copies"]) == (5, 2, 1)
    assert (facts["label"], facts["history_rows"]) == ("is_click", 0)
    assert facts["clicked_share"] == pytest.approx(0.6)
    long_view = import_kuairand(tmp_path / "in", tmp_path / "long", label="long_view")
    assert long_view["clicked_share"] == pytest.approx(0.4)


def test_side_tables(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    import_kuairand(data, tmp_path / "out")
    items = rows_of(tmp_path / "out", "items")
    assert [row["tag"] for row in items] == [["20", "43"], ["39"], [], ["2"]]
    assert [row["duration_bin"] for row in items] == ["8-16s", None, "16-32s", "0-1s"]
    assert items[1] | {"tag": 0, "duration_bin": 0} == {
        "item_id": 11,
        "author_id": 101,
        "music_id": 6,
        "video_type": "AD",
        "upload_type": "Web",
        "tag": 0,
        "duration_bin": 0,
    }
    users = rows_of(tmp_path / "out", "users")
    assert list(users[0]) == ["user_id", *USER_FIELDS]
    assert [row["onehot_feat4"] for row in users] == [1, None]
    assert users[0]["fans_user_num_range"] == "0"


def test_history_stands_in_front(tmp_path: Path) -> None:
    write_data(tmp_path / "in" / "log")
    write_history(tmp_path / "in" / "history")
    facts = import_kuairand(tmp_path / "in", tmp_path / "out")
    assert (facts["label"], facts["log_rows"], facts["history_rows"]) == ("long_view", 5, 7)
    rows = rows_of(tmp_path / "out", "impressions")
    assert [row["order_only"] for row in rows] == [True] * 7 + [False] * 5
    table = pq.read_table(tmp_path / "out" / "impressions.parquet")
    days = [(time - START_MS) / DAY_MS for time in table["timestamp"].cast(pa.int64()).to_pylist()]
    made = [
        (row["user_id"], row["item_id"], day, row["clicked"])
        for row, day in zip(rows[:7], days[:7], strict=True)
    ]
    # User 1: 3 steps over 4 days. User 2: the known half fills the second half of the 4 days.
    third = pytest.approx(4 / 3, abs=1e-6)
    assert sorted(made[:1]) == [(1, 10, third, False)]
    by_user = {user: [row[1:] for row in made if row[0] == user] for user in (1, 2)}
    assert by_user[1] == [
        (10, third, False),
        (13, pytest.approx(8 / 3, abs=1e-6), False),
        (13, pytest.approx(8 / 3, abs=1e-6), False),
        (10, 4.0, True),
    ]
    assert by_user[2] == [
        (11, pytest.approx(2 + 2 / 3, abs=1e-6), False),
        (12, pytest.approx(2 + 4 / 3, abs=1e-6), True),
        (13, 4.0, True),
    ]
    # The neighbours 13, 13 are one repeated line more.
    assert (facts["repeated_lines"], facts["exact_copies"]) == (3, 3)


def test_history_alone(tmp_path: Path) -> None:
    write_history(tmp_path / "in")
    facts = import_kuairand(tmp_path / "in", tmp_path / "out")
    assert facts["rows"] == facts["history_rows"] == 7
    assert {row["item_id"] for row in rows_of(tmp_path / "out", "items")} == {10, 11, 12, 13}
    assert {row["user_id"] for row in rows_of(tmp_path / "out", "users")} == {1, 2}


def test_notes(tmp_path: Path) -> None:
    write_data(tmp_path / "in")
    write_history(tmp_path / "in")
    assert IMPORTERS["kuairand"] is import_kuairand
    facts = import_kuairand(tmp_path / "in", tmp_path / "out")
    step = facts.pop("next")
    assert json.loads((tmp_path / "out" / "source.json").read_text()) == facts
    assert step.startswith("unclicked prepare ") and "config.toml" in step
    text = (tmp_path / "out" / "SOURCE.md").read_text()
    for words in ("CC BY-SA 4.0", "Gao et al.", "CIKM 2022", "order_only", facts["licence_line"]):
        assert words in text
    settings = tomllib.loads((tmp_path / "out" / "config.toml").read_text())
    config: Config = resolve(settings)
    assert config.data.timezone == "Asia/Shanghai"
    assert (config.data.unclicked.window_days, config.data.unclicked.min_exposures) == (60, 1)
    assert (config.data.split.test_days, config.data.split.validation_days) == (2, 1)
    assert config.data.clicked.min_session_length == 1


@pytest.mark.parametrize("history", [True, False])
def test_every_setting_has_its_reason(history: bool) -> None:
    lines = [line for line in config_text(history).splitlines() if line]
    settings = [number for number, line in enumerate(lines) if " = " in line]
    assert len(settings) == 7
    assert all(lines[number - 1].startswith("# ") for number in settings)


def test_label_and_history_exclude_each_other(tmp_path: Path) -> None:
    write_data(tmp_path / "in")
    write_history(tmp_path / "in")
    with pytest.raises(UserError, match="the history knows no other label"):
        import_kuairand(tmp_path / "in", tmp_path / "out", history=True, label="is_click")
    facts = import_kuairand(tmp_path / "in", tmp_path / "auto", label="is_click")
    assert facts["history_rows"] == 0
    facts = import_kuairand(tmp_path / "in", tmp_path / "off", history=False)
    assert (facts["history_rows"], facts["label"]) == (0, "is_click")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        import_kuairand(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match=r"neither log_standard.* nor user_sequences.parquet"):
        import_kuairand(tmp_path / "in", tmp_path / "out")
    data = write_data(tmp_path / "in")
    with pytest.raises(UserError, match=r"found no user_sequences.parquet"):
        import_kuairand(tmp_path / "in", tmp_path / "out", history=True)
    (data / "user_features_pure.csv").unlink()
    with pytest.raises(UserError, match=r"user_features_pure.csv: the file is missing"):
        import_kuairand(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_two_logs_are_one_too_many(tmp_path: Path) -> None:
    write_data(tmp_path / "in" / "a")
    write_data(tmp_path / "in" / "b")
    with pytest.raises(UserError, match="no.* up to three folders down"):
        import_kuairand(tmp_path / "in" / "a" / ".." / "..", tmp_path / "out")
    write_data(tmp_path / "twice" / "a")
    with pytest.raises(UserError, match="found 2 files named log_standard"):
        write_data(tmp_path / "twice" / "b")
        import_kuairand(tmp_path / "twice", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("log_standard_4_22_to_5_08_pure.csv", "time_ms", "time", "column 'time_ms'.*missing"),
        ("log_standard_4_22_to_5_08_pure.csv", "1,12,", "1,x,", "published CSV.*'x'"),
        ("log_standard_4_22_to_5_08_pure.csv", "1,12,", "1,,", ":6 column 'video_id'"),
        ("log_standard_4_22_to_5_08_pure.csv", "128,0,0,1", "128,2,0,1", ":5 column 'is_click'"),
        ("video_features_basic_pure.csv", "author_id", "author", "column 'author_id'.*missing"),
        ("user_features_pure.csv", "1.0", "1.5", "onehot_feat4.*whole numbers"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    data = write_data(tmp_path / "in")
    text = (data / name).read_text()
    assert old in text
    (data / name).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        import_kuairand(tmp_path / "in", tmp_path / "out")
    assert name in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_broken_history_is_named(tmp_path: Path) -> None:
    write_history(tmp_path)
    path = tmp_path / "user_sequences.parquet"
    good = pq.read_table(path)
    pq.write_table(good.drop_columns(["watch_seq"]), path)
    with pytest.raises(UserError, match="column 'watch_seq': found no such column"):
        import_kuairand(tmp_path, tmp_path / "out")
    late = pa.array([LAST_MS, FIRST_MS])
    pq.write_table(good.set_column(2, "last_time_ms", late), path)
    with pytest.raises(UserError, match=r"row 1 \(user 2\).*last_time_ms"):
        import_kuairand(tmp_path, tmp_path / "out")
    path.write_bytes(b"PAR1 not at all")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        import_kuairand(tmp_path, tmp_path / "out")


def real_data() -> Path | None:
    """The published files, where they can be had."""
    named = os.environ.get("UNCLICKED_DATA")
    root = Path(__file__).resolve().parents[2]
    near = [base / "shared" / "data" for base in (root, root.parent, root.parent.parent)]
    for folder in [Path(named)] if named else near:
        if (folder / "kuairand_pure").is_dir() and (folder / "kuairand_pure_history").is_dir():
            return folder
    return None


@pytest.mark.skipif(real_data() is None, reason="the published files are not here")
def test_real_files_hold_what_is_known_of_them(tmp_path: Path) -> None:
    data = real_data()
    assert data is not None
    log = import_kuairand(data / "kuairand_pure", tmp_path / "log")
    assert (log["rows"], log["repeated_lines"]) == (199_011, 5_316)
    assert (log["users"], log["items_without_fields"]) == (24_718, 0)
    both = import_kuairand(data, tmp_path / "both")
    assert (both["history_rows"], both["log_rows"]) == (817_187, 199_011)
    assert both["rows"] - both["repeated_lines"] == 992_876
    assert (both["users"], both["items"]) == (27_036, 7_500)
    table = pq.read_table(tmp_path / "both" / "impressions.parquet")
    past = table.filter(table["order_only"])
    assert len(past["user_id"].unique()) == 26_469
    assert len(past["item_id"].unique()) == 7_462
    assert sum(past["clicked"].to_pylist()) / past.num_rows == pytest.approx(0.3567, abs=5e-5)
    # Without neighbours that show the same video again 799,181 rows remain.
    assert both["repeated_lines"] - 5_316 == 817_187 - 799_181
