"""EB-NeRD as published becomes an impression log; nothing that knows the future is read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import import_ebnerd

Row = dict[str, Any]
START = datetime(2023, 5, 18, 7, 0, 3)
TYPES = {
    "impression_id": pa.uint32(),
    "article_id": pa.int32(),
    "impression_time": pa.timestamp("us"),
    "read_time": pa.float32(),
    "scroll_percentage": pa.float32(),
    "device_type": pa.int8(),
    "article_ids_inview": pa.large_list(pa.int32()),
    "article_ids_clicked": pa.large_list(pa.int32()),
    "user_id": pa.uint32(),
    "is_sso_user": pa.bool_(),
    "gender": pa.int8(),
    "postcode": pa.int8(),
    "age": pa.int8(),
    "is_subscriber": pa.bool_(),
    "session_id": pa.uint32(),
    "next_read_time": pa.float32(),
    "next_scroll_percentage": pa.float32(),
}
PAST_TYPES = {
    "user_id": pa.uint32(),
    "impression_time_fixed": pa.large_list(pa.timestamp("us")),
    "scroll_percentage_fixed": pa.large_list(pa.float32()),
    "article_id_fixed": pa.large_list(pa.int32()),
    "read_time_fixed": pa.large_list(pa.float32()),
}
ARTICLES = {
    "article_id": pa.array([10, 11, 12], pa.int32()),
    "title": pa.array(['Se "billederne"', "To", None], pa.large_string()),
    "body": ["a", "b", "c"],
    "premium": [False, True, None],
    "article_type": ["article_default", "video", "video"],
    "topics": pa.array([["Sport"], [], None], pa.large_list(pa.large_string())),
    "category": pa.array([142, 118, 118], pa.int16()),
    "subcategory": pa.array([[196, 271], [], [1]], pa.large_list(pa.int16())),
    "category_str": ["sport", "nyheder", "nyheder"],
    "total_inviews": pa.array([9, None, 1], pa.int32()),
    "total_pageviews": pa.array([9, None, 1], pa.int32()),
    "total_read_time": pa.array([9.0, None, 1.0], pa.float32()),
    "sentiment_score": pa.array([0.5, 0.6, 0.7], pa.float32()),
    "sentiment_label": ["Neutral", "Negative", "Positive"],
}


def seen(user: int, time: datetime, view: list[int], clicks: list[int], **more: Any) -> Row:
    """One row of behaviors.parquet."""
    row = dict.fromkeys(TYPES) | {"user_id": user, "impression_time": time, "session_id": 21}
    row |= {"is_sso_user": False, "is_subscriber": True, "next_read_time": 16.0}
    return row | {"article_ids_inview": view, "article_ids_clicked": clicks} | more


def write(path: Path, rows: list[Row], types: dict[str, pa.DataType]) -> None:
    """A Parquet file of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    pq.write_table(pa.table(columns), path)


def past(user: int, times: list[datetime], items: list[int]) -> Row:
    """One row of history.parquet."""
    row = dict.fromkeys(PAST_TYPES, []) | {"user_id": user}
    return row | {"impression_time_fixed": times, "article_id_fixed": items}


def write_bundle(folder: Path) -> Path:
    """A bundle of two parts and the test set beside it, in miniature."""
    hour, week = timedelta(hours=1), timedelta(days=7)
    train = [
        seen(7, START + hour, [11, 10, 12, 11], [10], gender=1, age=50, session_id=22),
        seen(7, START, [10, 11], [99], gender=None, postcode=2),
        seen(8, START + 2 * hour, [], [10], is_sso_user=True),
    ]
    later = [seen(7, START + week, [12], [12, 12], gender=0)]
    write(folder / "bundle" / "train" / "behaviors.parquet", train, TYPES)
    write(folder / "bundle" / "validation" / "behaviors.parquet", later, TYPES)
    earlier = [past(7, [START - week, START - hour], [11, 10]), past(9, [], [])]
    write(folder / "bundle" / "train" / "history.parquet", earlier, PAST_TYPES)
    again = [
        past(7, [START - hour, START + hour], [10, 10]),
        past(8, [START - hour, START + hour], [12, 10]),
    ]
    write(folder / "bundle" / "validation" / "history.parquet", again, PAST_TYPES)
    pq.write_table(pa.table(ARTICLES), folder / "bundle" / "articles.parquet")
    unlabelled = {name: kind for name, kind in TYPES.items() if name != "article_ids_clicked"}
    write(folder / "bundle" / "test" / "behaviors.parquet", later, unlabelled)
    return folder


def plain(rows: list[Row]) -> list[tuple[int, int, float, bool, str | None]]:
    """Rows as tuples, times in hours after the first list."""
    return [
        (
            row["user_id"],
            row["item_id"],
            (row["timestamp"].replace(tzinfo=None) - START) / timedelta(hours=1),
            row["clicked"],
            row["session_id"],
        )
        for row in rows
    ]


def test_lists_and_histories_become_rows(tmp_path: Path) -> None:
    facts = import_ebnerd(write_bundle(tmp_path / "in"), tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "impressions.parquet")
    assert table.schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert plain(table.to_pylist()) == [
        (7, 11, 1, False, "train-22"),
        (7, 10, 1, True, "train-22"),
        (7, 12, 1, False, "train-22"),
        (7, 11, 1, False, "train-22"),
        (7, 10, 0, False, "train-21"),
        (7, 11, 0, False, "train-21"),
        (7, 99, 0, True, "train-21"),
        (8, 10, 2, True, "train-21"),
        (7, 12, 168, True, "validation-21"),
        (7, 11, -168, True, None),
        (7, 10, -1, True, None),
        (8, 12, -1, True, None),
    ]
    assert (facts["rows"], facts["log_rows"], facts["history_rows"]) == (12, 9, 3)
    # User 8's click after the first list is among the lists; user 7 has a history already.
    assert (facts["history_rows_left_out"], facts["clicks_not_in_view"]) == (1, 2)
    assert (facts["repeated_lines"], facts["exact_copies"]) == (1, 1)
    assert (facts["users"], facts["items"], facts["items_without_fields"]) == (2, 4, 1)
    assert facts["clicked_share"] == pytest.approx(7 / 12)


def test_without_history(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "in") / "bundle"
    (bundle / "train" / "history.parquet").unlink()
    facts = import_ebnerd(bundle, tmp_path / "out", history=False)
    assert (facts["rows"], facts["history_rows"], facts["history_rows_left_out"]) == (9, 0, 0)
    with pytest.raises(UserError, match=r"history.parquet: the file is missing beside"):
        import_ebnerd(bundle, tmp_path / "other")


def test_side_tables_know_no_future(tmp_path: Path) -> None:
    import_ebnerd(write_bundle(tmp_path / "in"), tmp_path / "out")
    items = rows_of(tmp_path / "out", "items")
    assert items[0] == {
        "item_id": 10,
        "category": "sport",
        "subcategory": [196, 271],
        "article_type": "article_default",
        "premium": False,
        "topics": ["Sport"],
        "sentiment_label": "Neutral",
        "name": 'Se "billederne"',
    }
    assert [row["topics"] for row in items[1:]] == [[], None]
    names = [row["name"] for row in rows_of(tmp_path / "out", "items")]
    assert names == ['Se "billederne"', "To", None]
    # The first list of user 7 in time stands second in the file and knows no gender.
    assert rows_of(tmp_path / "out", "users") == [
        {"user_id": 7, "is_sso_user": False, "gender": None, "postcode": 2, "age": None},
        {"user_id": 8, "is_sso_user": True, "gender": None, "postcode": None, "age": None},
    ]


def test_notes(tmp_path: Path) -> None:
    facts = import_ebnerd(write_bundle(tmp_path / "in"), tmp_path / "out")
    text = check_notes(tmp_path / "out", facts)
    for words in ("Kruse et al.", "no zone", "know the future", "is_subscriber", "history.parquet"):
        assert words in text
    assert facts["user_fields"] == ["is_sso_user", "gender", "postcode", "age"]
    assert facts["files"] == [
        "train/behaviors.parquet",
        "validation/behaviors.parquet",
        "articles.parquet",
        "train/history.parquet",
        "validation/history.parquet",
    ]


def test_the_verbs_take_it(tmp_path: Path) -> None:
    source = write_bundle(tmp_path / "in")
    rows = [
        seen(user, START + timedelta(days=day, hours=hour), [10, 11, 12], [10 + hour % 3])
        for day in range(6)
        for user in range(1, 6)
        for hour in range(3)
    ]
    write(source / "bundle" / "train" / "behaviors.parquet", rows, TYPES)
    write(source / "bundle" / "validation" / "behaviors.parquet", rows[:0], TYPES)
    for part in ("train", "validation"):
        write(source / "bundle" / part / "history.parquet", [past(1, [], [])], PAST_TYPES)
    with pytest.raises(UserError, match=r"validation/behaviors.parquet: found no row"):
        import_ebnerd(source, tmp_path / "no")
    write(source / "bundle" / "validation" / "behaviors.parquet", rows[-15:], TYPES)
    write(source / "bundle" / "train" / "behaviors.parquet", rows[:-15], TYPES)
    facts = import_and_prepare("ebnerd", source, tmp_path / "out")
    assert (facts["rows"]["read"], facts["rows"]["kept"]) == (270, 270)
    assert (facts["users"], facts["items"], facts["samples"]["test"]) == (5, 3, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"article_ids_clicked": None}, r"column 'article_ids_clicked': found nothing"),
        ({"article_ids_inview": [10, None]}, r"'article_ids_inview': found a list with a gap"),
        ({"impression_time": None}, r"row 1 column 'impression_time': found nothing"),
        ({"session_id": None}, r"row 1 column 'session_id': found nothing"),
    ],
)
def test_gaps_are_named(tmp_path: Path, change: Row, message: str) -> None:
    source = write_bundle(tmp_path / "in")
    rows = [seen(1, START, [10], []), seen(1, START, [10], []) | change]
    write(source / "bundle" / "train" / "behaviors.parquet", rows, TYPES)
    with pytest.raises(UserError, match=message) as caught:
        import_ebnerd(source, tmp_path / "out", history=False)
    assert "train/behaviors.parquet row 1" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_wrong_files_are_named(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "in") / "bundle"
    out = tmp_path / "out"
    with pytest.raises(UserError, match="label: found 'view', expected click"):
        import_ebnerd(bundle, out, label="view")
    with pytest.raises(UserError, match=r"found test, expected train/ or validation/"):
        import_ebnerd(bundle / "test", out)
    uneven = [past(8, [START], [10]), past(9, [START], [10, 11])]
    write(bundle / "train" / "history.parquet", uneven, PAST_TYPES)
    with pytest.raises(UserError, match=r"row 1 column 'article_id_fixed': found 2 articles and 1"):
        import_ebnerd(bundle, out)
    articles = pa.table(ARTICLES)
    pq.write_table(articles.drop_columns(["topics"]), bundle / "articles.parquet")
    with pytest.raises(UserError, match=r"articles.parquet column 'topics': found no such column"):
        import_ebnerd(bundle, out, history=False)
    pq.write_table(pa.concat_tables([articles, articles]), bundle / "articles.parquet")
    with pytest.raises(UserError, match=r"column 'article_id': found 3 ids twice"):
        import_ebnerd(bundle, out, history=False)
    text = TYPES | {"user_id": pa.string()}
    write(bundle / "train" / "behaviors.parquet", [], text)
    with pytest.raises(UserError, match=r"column 'user_id': found string, expected integer"):
        import_ebnerd(bundle, out, history=False)
    (bundle / "train" / "behaviors.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"train/behaviors.parquet: cannot be read as Parquet"):
        import_ebnerd(bundle, out, history=False)
    (bundle / "articles.parquet").unlink()
    with pytest.raises(UserError, match=r"found no articles.parquet up to three"):
        import_ebnerd(bundle, out, history=False)
    write(bundle / "again" / "train" / "behaviors.parquet", [], TYPES)
    with pytest.raises(UserError, match=r"several folders 'train'"):
        import_ebnerd(bundle, out)
