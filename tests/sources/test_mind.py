"""MIND as published becomes an impression log; what has no time is not given one in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import import_mind

TRAIN = [
    "1\tU1\t11/9/2019 8:55:22 AM\tN9 N8 N9\tN1-1 N2-0 N1-1",
    "2\tU2\t11/9/2019 12:00:01 AM\t\tN2-0 N77-0",
    "3\tU1\t11/14/2019 12:30:00 PM\tN9 N8 N9\tN3-0 N1-0",
]
DEV = ["1\tU2\t11/15/2019 11:59:59 PM\tN3\tN1-0 N2-1"]
NEWS = [
    'N1\tsports\tsoccer\t"Goal" said the "keeper\tTwo.\thttps://a\t[]\t[]',
    'N2\tnews\tnewsworld\tQuiet day\t\thttps://b\t[{"Label": "Q"}]\t[]',
    "N3\tnews\tnewsus\tLoud day\tIt's \"loud\t\t\t",
]
DEV_NEWS = ["N3\tnews\tnewscrime\tLoud day\t\t\t\t", "N8\thealth\tdiet\tEat\t\t\t\t"]


def write_part(folder: Path, lines: list[str], news: list[str]) -> Path:
    """One folder of a release."""
    folder.mkdir(parents=True)
    (folder / "behaviors.tsv").write_text("".join(f"{line}\n" for line in lines))
    (folder / "news.tsv").write_text("".join(f"{line}\n" for line in news))
    (folder / "entity_embedding.vec").write_bytes(b"\xff not read")
    return folder


def write_release(source: Path) -> Path:
    """Training, dev and test folders, as MIND-large is unpacked."""
    write_part(source / "MINDlarge_train", TRAIN, NEWS)
    write_part(source / "MINDlarge_dev", DEV, DEV_NEWS)
    write_part(source / "MINDlarge_test", ["1\tU1\t11/16/2019 1:00:00 AM\tN1\tN2 N3"], NEWS)
    return source


def plain(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, bool]]:
    """Rows as tuples with readable times."""
    return [
        (row["user_id"], row["item_id"], f"{row['timestamp']:%m-%d %H:%M:%S}", row["clicked"])
        for row in rows
    ]


def test_lists_become_rows(tmp_path: Path) -> None:
    facts = import_mind(write_release(tmp_path / "in"), tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "impressions.parquet")
    assert table.schema.names == ["user_id", "item_id", "timestamp", "clicked"]
    assert table.schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert plain(rows_of(tmp_path / "out")) == [
        ("U1", "N1", "11-09 08:55:22", True),
        ("U1", "N2", "11-09 08:55:22", False),
        ("U1", "N1", "11-09 08:55:22", True),
        ("U2", "N2", "11-09 00:00:01", False),
        ("U2", "N77", "11-09 00:00:01", False),
        ("U1", "N3", "11-14 12:30:00", False),
        ("U1", "N1", "11-14 12:30:00", False),
        ("U2", "N1", "11-15 23:59:59", False),
        ("U2", "N2", "11-15 23:59:59", True),
    ]
    assert (facts["rows"], facts["log_rows"], facts["history_rows"]) == (9, 9, 0)
    assert (facts["users"], facts["items"], facts["items_without_fields"]) == (2, 4, 1)
    assert (facts["repeated_lines"], facts["exact_copies"]) == (1, 1)
    assert facts["clicked_share"] == pytest.approx(3 / 9)
    assert (facts["left_out"], facts["news_that_differ"]) == (["MINDlarge_test"], 1)


def test_side_tables(tmp_path: Path) -> None:
    import_mind(write_release(tmp_path / "in"), tmp_path / "out")
    items = rows_of(tmp_path / "out", "items")
    assert [(row["item_id"], row["category"], row["subcategory"]) for row in items] == [
        ("N1", "sports", "soccer"),
        ("N2", "news", "newsworld"),
        ("N3", "news", "newsus"),
        ("N8", "health", "diet"),
    ]
    assert items[0]["name"] == '"Goal" said the "keeper'
    assert all(set(row) == {"item_id", "category", "subcategory", "name"} for row in items)
    assert rows_of(tmp_path / "out", "users") == [{"user_id": "U1"}, {"user_id": "U2"}]


def test_history_is_placed_only_when_asked_and_says_so(tmp_path: Path) -> None:
    source = write_release(tmp_path / "in")
    facts = import_mind(source, tmp_path / "out", history=True)
    rows = rows_of(tmp_path / "out")
    assert [row["order_only"] for row in rows] == [False] * 9 + [True] * 4
    # From 12 October to 9 November are 28 days: three clicks stand 7 days apart, one in the middle.
    assert plain(rows[9:]) == [
        ("U1", "N9", "10-19 00:00:00", True),
        ("U1", "N8", "10-26 00:00:00", True),
        ("U1", "N9", "11-02 00:00:00", True),
        ("U2", "N3", "10-26 00:00:00", True),
    ]
    assert (facts["rows"], facts["log_rows"], facts["history_rows"]) == (13, 9, 4)
    assert "order but no times" in check_notes(tmp_path / "out", facts)


def test_notes(tmp_path: Path) -> None:
    facts = import_mind(write_release(tmp_path / "in"), tmp_path / "out")
    text = check_notes(tmp_path / "out", facts)
    for words in ("Wu et al.", "non-commercial", "no zone", "test folder", "no times were made up"):
        assert words in text
    assert 'missing_item = "unknown"' in (tmp_path / "out" / "config.toml").read_text()


def test_one_folder_alone(tmp_path: Path) -> None:
    part = write_part(tmp_path / "anything", TRAIN, NEWS)
    facts = import_mind(part, tmp_path / "out", label="click")
    assert (facts["rows"], facts["files"]) == (7, ["log/behaviors.tsv", "log/news.tsv"])


def test_the_verbs_take_it(tmp_path: Path) -> None:
    train, dev = [], []
    for day in range(9, 16):
        for user in range(1, 6):
            for hour in (8, 9, 10):
                shown = f"N{1 + (user + hour) % 3}-1 N{1 + (user + hour + 1) % 3}-0"
                line = f"{day}\tU{user}\t11/{day}/2019 {hour}:00:00 AM\t\t{shown}"
                (dev if day == 15 else train).append(line)
    write_part(tmp_path / "in" / "MINDsmall_train", train, NEWS)
    write_part(tmp_path / "in" / "MINDsmall_dev", dev, NEWS)
    facts = import_and_prepare("mind", tmp_path / "in", tmp_path / "out")
    assert (facts["rows"]["read"], facts["rows"]["kept"]) == (210, 210)
    assert (facts["users"], facts["items"]) == (5, 3)
    assert facts["samples"]["test"] == 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("N2-0 N77-0", "N2-0 N77-2", r"behaviors.tsv:2 column 'impressions': found 'N77-2'"),
        ("N2-0 N77-0", "N2-0 N77", r"behaviors.tsv:2 .*found 'N77'.*test set has no labels"),
        ("N2-0 N77-0", "-0", r"behaviors.tsv:2 .*found '-0'"),
        ("N2-0 N77-0", "", r"behaviors.tsv:2 .*found ''"),
        ("11/9/2019 12", "11/31/2019 12", r"behaviors.tsv:2 column 'time': found '11/31/2019"),
        ("11/9/2019 12", "11/9/2019 13", r"column 'time': found '11/9/2019 13:00:01 AM'"),
        ("2\tU2\t", "2\t\t", r"behaviors.tsv:2 column 'user': found ''"),
        ("2\tU2\t", "2\t", r"behaviors.tsv: cannot be read as lines of 5 fields.*Row #2"),
    ],
)
def test_broken_behaviours_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    source = write_release(tmp_path / "in")
    path = source / "MINDlarge_train" / "behaviors.tsv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        import_mind(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_calls_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        import_mind(tmp_path / "nowhere", tmp_path / "out")
    source = write_release(tmp_path / "in")
    with pytest.raises(UserError, match="label: found 'long_view', expected click"):
        import_mind(source, tmp_path / "out", label="long_view")
    with pytest.raises(UserError, match="only 'MINDlarge_test', whose lists have no labels"):
        import_mind(source / "MINDlarge_test", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="found none"):
        import_mind(tmp_path / "empty", tmp_path / "out")
    write_part(source / "MINDsmall_train", TRAIN, NEWS)
    with pytest.raises(UserError, match="small and large hold the same rows"):
        import_mind(source, tmp_path / "out")
    (source / "MINDlarge_dev" / "news.tsv").unlink()
    with pytest.raises(UserError, match=r"news.tsv: the file is missing beside behaviors.tsv"):
        import_mind(source / "MINDlarge_dev", tmp_path / "out")
    (source / "MINDlarge_train" / "news.tsv").write_text("N1\tnews\n")
    with pytest.raises(UserError, match=r"news.tsv: .*lines of 8 fields"):
        import_mind(source / "MINDlarge_train", tmp_path / "out")
