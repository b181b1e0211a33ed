"""ContentWise Impressions becomes an impression log of series; what has no time stays out."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.sources import import_contentwise
from unclicked.sources.contentwise_files import read_lists

BEGIN = 1_546_851_604_000
EVENT_NAMES = (
    "utc_ts_milliseconds,user_id,item_id,series_id,episode_number,series_length,item_type,"
    "recommendation_id,interaction_type,vision_factor,explicit_rating"
)
# Seconds after the begin, user, series, series_length, item_type, list, kind; not in order of time.
EVENTS = [
    (60, 1, 50, 8, 3, 7, 0),
    (0, 1, 50, 8, 1, 7, 1),
    (90, 1, 51, 1, 0, 7, 0),
    (95, 1, 99, 1, 0, 7, 0),
    (100, 1, 60, 1, 0, -1, 3),
    (5, 2, 52, 5, 2, 7, 1),
    (6, 2, 52, 5, 2, 8, 0),
]
LISTS = "recommendation_id,row_position,recommendation_list_length,recommended_series_list\n"
LIST_ROWS = '9,0,1,[53]\n7,2,4,"[50 51\n  52 50]"\n'


def event_lines(events: list[tuple[int, ...]]) -> list[str]:
    """Lines of the interactions, without the header."""
    return [
        f"{BEGIN + 1000 * second},{user},{series + 1000},{series},0,{length},{kind},{list_id},"
        f"{action},-1.0,-1.0"
        for second, user, series, length, kind, list_id, action in events
    ]


def write_csv(folder: Path, events: list[tuple[int, ...]], lists: str = LIST_ROWS) -> Path:
    """CW10M-CSV in miniature: interactions in two packed parts, lists in one."""
    for name in ("interactions", "impressions-direct-link", "impressions-non-direct-link"):
        (folder / "CW10M-CSV" / name).mkdir(parents=True, exist_ok=True)
    lines = event_lines(events)
    for number, part in enumerate((lines[:3], lines[3:])):
        text = "\n".join([EVENT_NAMES, *part]) + "\n"
        path = folder / "CW10M-CSV" / "interactions" / f"part-{number}.csv.gz"
        path.write_bytes(gzip.compress(text.encode()))
    path = folder / "CW10M-CSV" / "impressions-direct-link" / "part-0.csv"
    path.write_text(LISTS + lists)
    # Read, it would stop the import at once.
    (folder / "CW10M-CSV" / "impressions-non-direct-link" / "part-0.csv").write_bytes(b"\xff")
    return folder


def write_parquet(folder: Path) -> Path:
    """The same as Parquet, where lists are lists and the index stands last."""
    columns = [line.split(",") for line in event_lines(EVENTS)]
    names = EVENT_NAMES.split(",")
    values = {
        name: pa.array([int(float(row[place])) for row in columns], pa.int64())
        for place, name in enumerate(names)
    }
    values["interaction_type"] = values["interaction_type"].cast(pa.int8())
    lists = {
        "row_position": pa.array([0, 2], pa.int32()),
        "recommendation_list_length": pa.array([1, 4], pa.int32()),
        "recommended_series_list": pa.array([[53], [50, 51, 52, 50]], pa.list_(pa.int32())),
        "recommendation_id": pa.array([9, 7], pa.int32()),
    }
    for name, table in (("interactions", values), ("impressions-direct-link", lists)):
        (folder / "CW10M" / name).mkdir(parents=True)
        pq.write_table(pa.table(table), folder / "CW10M" / name / "part.0.parquet")
    return folder


def plain(folder: Path) -> list[tuple[int, int, int, bool, int | None]]:
    """Rows as tuples, times in seconds after the begin."""
    rows = []
    for row in rows_of(folder):
        shown, clicked = (
            None if time is None else round(time.timestamp() - BEGIN / 1000)
            for time in (row["timestamp"], row["clicked_at"])
        )
        assert shown is not None
        rows.append((row["user_id"], row["item_id"], shown, row["clicked"], clicked))
    return sorted(rows, key=str)


ANY = [
    (1, 50, 0, True, 0),
    (1, 50, 60, True, None),
    (1, 51, 0, True, 90),
    (1, 52, 0, False, None),
    (1, 60, 100, True, None),
    (1, 99, 95, True, None),
    (2, 50, 5, False, None),
    (2, 51, 5, False, None),
    (2, 52, 5, True, 5),
    (2, 52, 6, True, None),
]


@pytest.mark.parametrize("write", [lambda folder: write_csv(folder, EVENTS), write_parquet])
def test_lists_and_interactions_become_rows(tmp_path: Path, write: object) -> None:
    assert callable(write)
    facts = import_contentwise(write(tmp_path / "in"), tmp_path / "out")
    assert plain(tmp_path / "out") == sorted(ANY, key=str)
    assert (facts["label"], facts["rows"], facts["interactions"], facts["lists"]) == (
        "any",
        10,
        7,
        2,
    )
    assert (facts["clicks_in_lists"], facts["clicks_alone"]) == (3, 4)
    assert (facts["repeated_lines"], facts["items_without_fields"]) == (0, 0)
    assert (facts["users"], facts["items"]) == (2, 5)
    assert rows_of(tmp_path / "out", "items") == [
        {
            "item_id": 50,
            "item_type": ["film or clip of a series", "episode"],
            "num_episodes": "8-15",
        },
        {"item_id": 51, "item_type": ["film"], "num_episodes": "1"},
        {"item_id": 52, "item_type": ["television film or show"], "num_episodes": "4-7"},
        {"item_id": 60, "item_type": ["film"], "num_episodes": "1"},
        {"item_id": 99, "item_type": ["film"], "num_episodes": "1"},
    ]
    assert rows_of(tmp_path / "out", "users") == [{"user_id": 1}, {"user_id": 2}]


def test_labels_choose_the_interaction(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in", EVENTS)
    import_contentwise(source, tmp_path / "view", label="view")
    # The look at the details still says when the list was shown, and is no click.
    assert plain(tmp_path / "view") == [
        (1, 50, 0, True, 60),
        (1, 51, 0, True, 90),
        (1, 52, 0, False, None),
        (1, 99, 95, True, None),
        (2, 50, 5, False, None),
        (2, 51, 5, False, None),
        (2, 52, 5, False, None),
        (2, 52, 6, True, None),
    ]
    facts = import_contentwise(source, tmp_path / "bought", label="purchase")
    assert facts["clicked_share"] == pytest.approx(1 / 7)
    with pytest.raises(UserError, match="found 'click', expected any or view or details or purch"):
        import_contentwise(source, tmp_path / "out", label="click")


def test_series_that_nobody_acted_on_has_no_fields(tmp_path: Path) -> None:
    lists = '7,0,3,"[50, 51, 53]"\n'
    import_contentwise(write_csv(tmp_path / "in", EVENTS, lists), tmp_path / "out")
    items = {row["item_id"]: row for row in rows_of(tmp_path / "out", "items")}
    assert items[53] == {"item_id": 53, "item_type": [], "num_episodes": None}
    assert (1, 53, 0, False, None) in plain(tmp_path / "out")
    assert (2, 52, 5, True, None) in plain(tmp_path / "out")


def test_no_list_at_all(tmp_path: Path) -> None:
    facts = import_contentwise(write_csv(tmp_path / "in", EVENTS, "5,0,0,[]\n"), tmp_path / "out")
    assert (facts["rows"], facts["lists"], facts["clicks_alone"]) == (7, 0, 7)


@pytest.mark.parametrize("text", ["[3 4]", "[3, 4]", "[ 3  4 ]", "[3,4]", " [3\n 4]"])
def test_lists_as_they_are_written(tmp_path: Path, text: str) -> None:
    source = write_csv(tmp_path, EVENTS, f'1,0,2,"{text}"\n')
    lists, files = read_lists(source)
    assert (lists.series.tolist(), lists.offsets.tolist(), files) == (
        [3, 4],
        [0, 2],
        ["part-0.csv"],
    )


def test_notes(tmp_path: Path) -> None:
    facts = import_contentwise(write_csv(tmp_path / "in", EVENTS), tmp_path / "out")
    text = check_notes(tmp_path / "out", facts)
    for words in ("CC BY-NC-SA 4.0", "Pérez Maurera", "non-direct-link", "`series_id`"):
        assert words in text
    assert facts["files"] == ["part-0.csv.gz", "part-1.csv.gz", "part-0.csv"]


def test_the_verbs_take_it(tmp_path: Path) -> None:
    day, events, lists = 86_400, [], []
    for user in range(1, 6):
        for number in range(60):
            second = day * (number // 2) + 3600 * (number % 2)
            series, list_id = 50 + number % 20, 100 * user + number
            events.append((second, user, series, 3, 3, list_id, 0))
            lists.append(f"{list_id},0,3,[{series} {series + 1} {series + 2}]\n")
    source = write_csv(tmp_path / "in", events, "".join(lists))
    facts = import_and_prepare("contentwise", source, tmp_path / "out")
    assert (facts["rows"]["read"], facts["rows"]["kept"]) == (900, 900)
    assert (facts["users"], facts["items"], facts["samples"]["test"]) == (5, 22, 5)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ("7,0,3,[50 51]\n", r"row 0 column 'recommended_series_list': found 2 series, expected 3"),
        ("7,0,2,[50 ... 51]\n", r"found '\[50 ... 51\]', expected series such as"),
        ("7,0,2,50 51\n", r"found '50 51', expected series such as"),
        ("7,0,1,\n", r"found '', expected series such as"),
        ("7,0,1,[5]\n7,1,1,[6]\n", r"column 'recommendation_id': found 7 twice"),
        ("-1,0,1,[5]\n", r"column 'recommendation_id': found -1, expected 0 or more"),
        ("x,0,1,[5]\n", r"part-0.csv: cannot be read as the published CSV"),
        (",0,1,[5]\n", r"row 0 column 'recommendation_id': found nothing"),
        ("7,0,1,[99999999999999999999]\n", r"part-0.csv: cannot be read as the published CSV"),
    ],
)
def test_broken_lists_are_named(tmp_path: Path, lists: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        import_contentwise(write_csv(tmp_path / "in", EVENTS, lists), tmp_path / "out")
    assert "impressions-direct-link" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_broken_interactions_are_named(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    with pytest.raises(UserError, match=r"row 1 column 'interaction_type': found 4, expected 0 to"):
        import_contentwise(write_csv(source, [EVENTS[0], (0, 1, 5, 1, 0, 7, 4)]), out)
    path = source / "CW10M-CSV" / "interactions" / "part-0.csv.gz"
    text = "\n".join([EVENT_NAMES.replace("series_id", "series"), *event_lines(EVENTS)])
    path.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(UserError, match=r"part-0.csv.gz column 'series_id': found no such column"):
        import_contentwise(source, out)
    path.write_bytes(gzip.compress(text.encode())[:-30])
    with pytest.raises(UserError, match=r"part-0.csv.gz: cannot be read as the published CSV"):
        import_contentwise(source, out)
    path.write_bytes(b"no gzip")
    with pytest.raises(UserError, match=r"part-0.csv.gz: cannot be read as the published CSV"):
        import_contentwise(source, out)


def test_missing_tables_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match="no such folder"):
        import_contentwise(tmp_path / "nowhere", out)
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="interactions: found none up to three folders down"):
        import_contentwise(tmp_path / "in", out)
    write_csv(tmp_path / "in", EVENTS)
    write_parquet(tmp_path / "in")
    with pytest.raises(UserError, match="interactions: found 2 of them"):
        import_contentwise(tmp_path / "in", out)
    path = tmp_path / "in" / "CW10M" / "interactions" / "part.0.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"part.0.parquet: cannot be read as Parquet"):
        import_contentwise(tmp_path / "in" / "CW10M", out)


def test_tables_as_single_files(tmp_path: Path) -> None:
    lines = "\n".join([EVENT_NAMES, *event_lines(EVENTS)])
    (tmp_path / "interactions.csv.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "impressions-direct-link.csv").write_text(LISTS + LIST_ROWS)
    import_contentwise(tmp_path, tmp_path / "out")
    assert plain(tmp_path / "out") == sorted(ANY, key=str)
