"""ZhihuRec: small files in the published format, counted by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import IMPORTERS
from unclicked.sources.zhihurec import (
    ANSWER_COLUMNS,
    USER_COLUMNS,
    USER_FIELDS,
    import_zhihurec,
)

FIRST = 1_525_276_800  # 2018-05-03 00:00 China time
LOG = f"""0,0,{FIRST},0
0,1,{FIRST},{FIRST + 9}
0,1,{FIRST},{FIRST + 9}
0,1,{FIRST},0
1,2,{FIRST + 5},{FIRST + 2}
1,7,{FIRST + 5},{FIRST + 5}
"""
# answer, question, anonymous, author, high value, editor, created, pictures, videos, 7 counts,
# tokens, topics
ANSWERS = """0,10,0,100,0,0,1525000000,1,0,1,2,3,4,5,6,7,3 4,20 21
1,,1,,0,0,0,0,1,1,2,3,4,5,6,7,,
2,11,0,101,1,1,1525000000,0,0,1,2,3,4,5,6,7,9,22
"""
# user, registered, gender, login frequency, 10 counts, type, platform, 5 flags, model, brand,
# platform, province, city, topics
USERS = """0,1400000000,1,3,1,2,3,4,5,6,7,8,9,10,1,2,1,0,0,0,1,30,40,2,11,12,5 6
1,1400000001,0,4,1,2,3,4,5,6,7,8,9,10,,2,0,1,0,0,0,31,41,3,13,14,
"""


def write_data(folder: Path) -> Path:
    """The published files in miniature."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inter_impression.csv").write_text(LOG)
    (folder / "info_answer.csv").write_text(ANSWERS)
    (folder / "info_user.csv").write_text(USERS)
    (folder / "info_token.csv").write_bytes(b"\xff never read")
    return folder


def test_columns_are_those_of_the_release() -> None:
    assert (len(ANSWER_COLUMNS), len(USER_COLUMNS)) == (18, 27)
    assert len(set(ANSWER_COLUMNS)) == 18 and len(set(USER_COLUMNS)) == 27
    assert USER_FIELDS[0] == "gender" and USER_FIELDS[1] == "register_type"
    assert USER_FIELDS[-1] == "city"


def test_small_log(tmp_path: Path) -> None:
    write_data(tmp_path / "in" / "raw")
    facts = import_zhihurec(tmp_path / "in", tmp_path / "out")
    schema = pq.read_schema(tmp_path / "out" / "impressions.parquet")
    assert schema.names == ["user_id", "item_id", "timestamp", "clicked", "clicked_at"]
    assert schema.field("clicked_at").type == pa.timestamp("us", "UTC")
    got = []
    for row in rows_of(tmp_path / "out"):
        times = [row["timestamp"], row["clicked_at"]]
        shown, clicked_at = (time and int(time.timestamp()) - FIRST for time in times)
        got.append((row["user_id"], row["item_id"], shown, row["clicked"], clicked_at))
    assert got == [
        (0, 0, 0, False, None),
        (0, 1, 0, True, 9),
        (0, 1, 0, True, 9),
        (0, 1, 0, False, None),
        # Told as clicked three seconds before it was shown.
        (1, 2, 5, True, 5),
        (1, 7, 5, True, 5),
    ]
    assert (facts["rows"], facts["users"], facts["items"]) == (6, 2, 4)
    assert (facts["repeated_lines"], facts["exact_copies"], facts["clicks_moved"]) == (2, 1, 1)
    assert facts["clicked_share"] == pytest.approx(4 / 6)
    assert (facts["items_without_fields"], facts["users_without_profile"]) == (1, 0)


def test_side_tables(tmp_path: Path) -> None:
    import_zhihurec(write_data(tmp_path / "in"), tmp_path / "out")
    items = rows_of(tmp_path / "out", "items")
    assert items[0] == {
        "item_id": 0,
        "question_id": 10,
        "is_anonymous": 0,
        "author_id": 100,
        "has_pictures": 1,
        "has_videos": 0,
        "topic_ids": ["20", "21"],
    }
    assert (items[1]["question_id"], items[1]["author_id"]) == (None, None)
    assert "".join(items[1]["topic_ids"]) == ""
    users = rows_of(tmp_path / "out", "users")
    assert users[0] == {
        "user_id": 0,
        "gender": 1,
        "register_type": 1,
        "register_platform": 2,
        "from_android": 1,
        "from_iphone": 0,
        "from_ipad": 0,
        "from_pc": 0,
        "from_mobile_web": 1,
        "device_model": 30,
        "device_brand": 40,
        "platform": 2,
        "province": 11,
        "city": 12,
    }
    assert users[1]["register_type"] is None


def test_notes_and_packed_files(tmp_path: Path) -> None:
    assert IMPORTERS["zhihurec"] is import_zhihurec
    source = write_data(tmp_path / "in")
    plain = import_zhihurec(source, tmp_path / "plain")
    assert "clicks_moved" in check_notes(tmp_path / "plain", plain)
    for path in list(source.glob("i*.csv")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = import_zhihurec(source, tmp_path / "packed")
    assert packed["files"] == [f"{name}.gz" for name in plain["files"]]
    assert {**packed, "files": 0, "next": 0} == {**plain, "files": 0, "next": 0}
    assert rows_of(tmp_path / "packed") == rows_of(tmp_path / "plain")


def test_import_then_prepare(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in")
    rows = []
    for day in range(8):
        for user in range(2):
            for place in range(6):
                shown = FIRST + 86400 * day + 3600 * 12 + 60 * place
                click = 0 if place % 3 == 0 else shown + 20
                rows.append(f"{user},{(user + day + place) % 3},{shown},{click}")
    (source / "inter_impression.csv").write_text("\n".join(rows) + "\n")
    facts = import_and_prepare("zhihurec", source, tmp_path / "out")
    assert (facts["rows"]["kept"], facts["users"], facts["items"]) == (96, 2, 3)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("inter_impression.csv", "1,2,", "x,2,", r"inter_impression.csv:5: .*'x'"),
        ("inter_impression.csv", "1,2,", "1,,", r":5 column 'answer': found nothing"),
        ("inter_impression.csv", "1,2,", "1,2,3,", r":5: .*Expected 4 columns, got 5"),
        ("inter_impression.csv", f"{FIRST + 2}", "-4", r":5 column 'clicked': found -4"),
        ("inter_impression.csv", f"1,2,{FIRST + 5}", "1,2,0", r":5 column 'shown': found 0"),
        ("inter_impression.csv", f"1,2,{FIRST + 5}", f"1,2,{FIRST}000", r":5 column 'shown'.*2099"),
        ("info_answer.csv", "1,,1,,0", "1,1,,0", r"info_answer.csv:2: .*18 columns, got 17"),
        ("info_answer.csv", "2,11,0,101", "2,11,0,ann", r"info_answer.csv:3: .*'ann'"),
        ("info_user.csv", "0,1400000000,1", ",1400000000,1", r":1 column 'user': found nothing"),
        ("info_user.csv", "31,41", "31,brand", r"info_user.csv:2: .*'brand'"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    source = write_data(tmp_path / "in")
    text = (source / name).read_text()
    assert old in text
    (source / name).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        import_zhihurec(source, tmp_path / "out")
    assert name in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_missing_file_and_wrong_label(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in")
    with pytest.raises(UserError, match="found 'like', expected click"):
        import_zhihurec(source, tmp_path / "out", label="like")
    (source / "info_user.csv").unlink()
    with pytest.raises(UserError, match="found no info_user.csv"):
        import_zhihurec(source, tmp_path / "out")
    (source / "inter_impression.csv").write_text("")
    (source / "info_user.csv").write_text(USERS)
    with pytest.raises(UserError, match=r"inter_impression.csv.*Empty"):
        import_zhihurec(source, tmp_path / "out")
