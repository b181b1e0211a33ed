"""Display ads on Taobao: small files in the published format, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import IMPORTERS
from unclicked.sources.alidisplay import USER_FIELDS, import_alidisplay

FIRST = 1_494_000_000  # 2017-05-06 00:00 China time
LOG = f"""user,time_stamp,adgroup_id,pid,nonclk,clk
581738,{FIRST},1,430548_1007,1,0
581738,{FIRST},1,430548_1007,1,0
449818,{FIRST + 7},3,430539_1007,0,1
914836,{FIRST + 9},4,430539_1007,1,0
914836,{FIRST + 9},4,430548_1007,0,1
914836,{FIRST + 10},9,430548_1007,1,0
"""
ADS = """adgroup_id,cate_id,campaign_id,customer,brand,price
1,9025,108570,1,95471,170.0
3,6421,83237,1,NULL,38.5
4,6421,39292,7,88,
"""
# The published header has a blank behind its last name.
USERS = """userid,cms_segid,cms_group_id,final_gender_code,age_level,pvalue_level,shopping_level,\
occupation,new_user_class_level\x20
581738,0,5,2,5,,3,0,3
449818,5,2,2,2,2,3,0,
"""


def write_data(folder: Path) -> Path:
    """The published files in miniature."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "raw_sample.csv").write_text(LOG)
    (folder / "ad_feature.csv").write_text(ADS)
    (folder / "user_profile.csv").write_text(USERS)
    # Read, it would stop the import at once.
    (folder / "behavior_log.csv").write_bytes(b"\xff no table")
    return folder


def test_small_log(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in" / "data")
    facts = import_alidisplay(tmp_path / "in", tmp_path / "out")
    schema = pq.read_schema(tmp_path / "out" / "impressions.parquet")
    assert schema.names == ["user_id", "item_id", "timestamp", "clicked"]
    assert schema.field("timestamp").type == pa.timestamp("us", "UTC")
    got = [
        (row["user_id"], row["item_id"], int(row["timestamp"].timestamp()) - FIRST, row["clicked"])
        for row in rows_of(tmp_path / "out")
    ]
    assert got == [
        (581738, 1, 0, False),
        (581738, 1, 0, False),
        (449818, 3, 7, True),
        (914836, 4, 9, False),
        (914836, 4, 9, True),
        (914836, 9, 10, False),
    ]
    assert (facts["rows"], facts["users"], facts["items"]) == (6, 3, 4)
    assert (facts["repeated_lines"], facts["exact_copies"]) == (2, 1)
    assert facts["clicked_share"] == pytest.approx(2 / 6)
    assert (facts["items_without_fields"], facts["users_without_profile"]) == (1, 1)
    assert facts["label"] == "clk"
    assert facts["files"] == ["raw_sample.csv", "ad_feature.csv", "user_profile.csv"]
    assert source.is_dir()


def test_side_tables(tmp_path: Path) -> None:
    import_alidisplay(write_data(tmp_path / "in"), tmp_path / "out")
    assert rows_of(tmp_path / "out", "items")[:2] == [
        {
            "item_id": 1,
            "cate_id": 9025,
            "campaign_id": 108570,
            "customer": 1,
            "brand": 95471,
            "price": 170.0,
        },
        {
            "item_id": 3,
            "cate_id": 6421,
            "campaign_id": 83237,
            "customer": 1,
            "brand": None,
            "price": 38.5,
        },
    ]
    assert rows_of(tmp_path / "out", "items")[2]["price"] is None
    users = rows_of(tmp_path / "out", "users")
    assert list(users[0]) == ["user_id", *USER_FIELDS]
    assert [row["user_id"] for row in users] == [581738, 449818]
    assert [row["pvalue_level"] for row in users] == [None, 2]
    assert [row["new_user_class_level"] for row in users] == [3, None]


def test_notes(tmp_path: Path) -> None:
    assert IMPORTERS["alidisplay"] is import_alidisplay
    facts = import_alidisplay(write_data(tmp_path / "in"), tmp_path / "out")
    text = check_notes(tmp_path / "out", facts)
    assert "behavior_log.csv" in text
    config = (tmp_path / "out" / "config.toml").read_text()
    assert 'missing_item = "unknown"' in config and "[data.item_bins]" in config


def test_import_then_prepare(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in")
    rows = [
        f"{user},{FIRST + 86400 * day + 3600 * 12 + 60 * place + user},"
        f"{1 + (user + day + place) % 4},430548_1007,{place % 2},{1 - place % 2}"
        for day in range(8)
        for user in range(1, 9)
        for place in range(4)
    ]
    (source / "raw_sample.csv").write_text("\n".join([LOG.splitlines()[0], *rows]) + "\n")
    (source / "ad_feature.csv").write_text(ADS + "2,6421,39292,7,88,99999999.0\n")
    facts = import_and_prepare("alidisplay", source, tmp_path / "out")
    assert (facts["rows"]["kept"], facts["users"], facts["items"]) == (256, 8, 4)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("raw_sample.csv", "time_stamp", "time", "column 'time_stamp'.*missing"),
        ("raw_sample.csv", "449818,", "x,", "raw_sample.csv:4: .*'x'"),
        ("raw_sample.csv", "7,3,", "7,,", ":4 column 'adgroup_id': found nothing"),
        ("raw_sample.csv", ",0,1\n914836", ",1,1\n914836", ":4 column 'clk'.*opposite of nonclk"),
        ("raw_sample.csv", ",0,1\n914836", ",0,2\n914836", ":4 column 'clk': found 2"),
        ("raw_sample.csv", f"{FIRST + 7}", f"{FIRST + 7}000", ":4 column 'time_stamp'.*seconds"),
        ("raw_sample.csv", LOG[LOG.index("\n") + 1 :], "", "raw_sample.csv: found no line"),
        ("ad_feature.csv", "brand", "mark", "column 'brand'.*missing"),
        ("ad_feature.csv", "38.5", "cheap", "ad_feature.csv:3: .*'cheap'"),
        ("user_profile.csv", "age_level", "age", "column 'age_level'.*missing"),
        ("user_profile.csv", "449818,", ",", ":3 column 'userid': found nothing"),
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
        import_alidisplay(source, tmp_path / "out")
    assert name in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_missing_file_and_wrong_label(tmp_path: Path) -> None:
    source = write_data(tmp_path / "in")
    with pytest.raises(UserError, match="found 'buy', expected clk"):
        import_alidisplay(source, tmp_path / "out", label="buy")
    assert import_alidisplay(source, tmp_path / "named", label="clk")["rows"] == 6
    (source / "ad_feature.csv").unlink()
    with pytest.raises(UserError, match="found no ad_feature.csv"):
        import_alidisplay(source, tmp_path / "out")
    with pytest.raises(UserError, match="no such folder"):
        import_alidisplay(tmp_path / "nowhere", tmp_path / "out")
