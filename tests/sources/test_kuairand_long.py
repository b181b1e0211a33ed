"""KuaiRand-1K and -27K in miniature, and the full release of KuaiRand-Pure."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from tests.sources.imported_twin import import_and_prepare, rows_of

from unclicked.errors import UserError
from unclicked.settings import resolve
from unclicked.sources import import_kuairand, published_csv
from unclicked.sources.kuairand_releases import RELEASES, Release
from unclicked.sources.kuairand_tables import USER_FIELDS

FIRST_MS = 1_649_390_400_000  # 2022-04-08 12:00 China time
DAY_MS = 86_400_000
HEADER = "user_id,video_id,date,hourmin,time_ms,is_click,is_like,long_view,is_rand,tab"
ITEMS = """video_id,author_id,video_type,upload_dt,upload_type,video_duration,music_id,tag
10,100,NORMAL,2022-04-01,Web,9233.0,5,"20,43"
11,101,AD,2022-04-01,Web,,,39
12,102,NORMAL,2022-04-01,Kmovie,500.0,7,
"""
PURE, ONE, TWENTY_SEVEN = RELEASES


def line(user: int, item: int, time_ms: int, click: int, view: int) -> str:
    return f"{user},{item},20220408,1200,{time_ms},{click},0,{view},0,1"


def write_data(folder: Path, release: Release) -> Path:
    """A release in miniature: two lines in each log, the last log repeats lines of the first."""
    data = folder / release.name / "data"
    data.mkdir(parents=True)
    for number, name in enumerate(release.logs):
        day = FIRST_MS + DAY_MS * number
        rows = [line(number, 10, day, 1, 1), line(number, 11, day + 7, 0, 0)]
        if number == len(release.logs) - 1:
            rows += [line(0, 10, FIRST_MS, 1, 1), line(0, 11, FIRST_MS + 7, 1, 0)]
        (data / name).write_text("\n".join([HEADER, *rows]) + "\n")
    items, users = release.tables
    (data / items).write_text(ITEMS)
    codes = ",".join("0" for _ in USER_FIELDS)
    (data / users).write_text(f"user_id,{','.join(USER_FIELDS)}\n0,{codes}\n1,{codes}\n")
    # Read, these would stop the import at once.
    tag = items.removeprefix("video_features_basic_").removesuffix(".csv")
    for name in (f"log_random_4_22_to_5_08_{tag}", f"video_features_statistic_{tag}"):
        (data / f"{name}.csv").write_bytes(b"\xff no table")
    return data


def times_of(folder: Path) -> list[int]:
    """Times in milliseconds from the first one."""
    return [round(row["timestamp"].timestamp() * 1000) - FIRST_MS for row in rows_of(folder)]


def test_files_of_the_releases() -> None:
    assert ONE.logs == ("log_standard_4_08_to_4_21_1k.csv", "log_standard_4_22_to_5_08_1k.csv")
    assert TWENTY_SEVEN.logs == (
        "log_standard_4_08_to_4_21_27k_part1.csv",
        "log_standard_4_08_to_4_21_27k_part2.csv",
        "log_standard_4_22_to_5_08_27k_part1.csv",
        "log_standard_4_22_to_5_08_27k_part2.csv",
    )
    assert TWENTY_SEVEN.tables == ("video_features_basic_27k.csv", "user_features_27k.csv")
    assert PURE.main == "log_standard_4_22_to_5_08_pure.csv"


@pytest.mark.parametrize("release", [ONE, TWENTY_SEVEN], ids=["1k", "27k"])
def test_long_releases(tmp_path: Path, release: Release) -> None:
    write_data(tmp_path / "in", release)
    facts = import_kuairand(tmp_path / "in", tmp_path / "out")
    count = len(release.logs)
    assert (facts["source"], facts["label"]) == (release.name, "is_click")
    assert (facts["rows"], facts["log_rows"], facts["history_rows"]) == (2 * count + 2,) * 2 + (0,)
    # Of the last two lines one repeats all of another, one all but the label.
    assert (facts["repeated_lines"], facts["exact_copies"]) == (2, 1)
    assert (facts["users"], facts["items"], facts["items_without_fields"]) == (count, 2, 0)
    assert facts["clicked_share"] == pytest.approx((count + 2) / (2 * count + 2))
    assert facts["files"] == [*release.logs, *release.tables]
    expected = [DAY_MS * log + more for log in range(count) for more in (0, 7)] + [0, 7]
    assert times_of(tmp_path / "out") == expected
    items = rows_of(tmp_path / "out", "items")
    assert [row["duration_bin"] for row in items] == ["8-16s", None, "0-1s"]
    assert [row["tag"] for row in items] == [["20", "43"], ["39"], []]
    assert [row["music_id"] for row in items] == [5, None, 7]
    assert len(rows_of(tmp_path / "out", "users")) == 2
    views = import_kuairand(tmp_path / "in", tmp_path / "views", label="long_view")
    assert views["clicked_share"] == pytest.approx((count + 1) / (2 * count + 2))


def test_notes_of_a_long_release(tmp_path: Path) -> None:
    data = write_data(tmp_path / "in", ONE)
    facts = import_kuairand(data, tmp_path / "out")
    step = facts.pop("next")
    assert json.loads((tmp_path / "out" / "source.json").read_text()) == facts
    assert step.startswith("unclicked prepare ")
    text = (tmp_path / "out" / "SOURCE.md").read_text()
    for words in (
        facts["licence_line"],
        "KuaiRand-1K",
        *ONE.logs,
        "randomly shown",
        "Only KuaiRand-",
    ):
        assert words in text
    config = resolve(tomllib.loads((tmp_path / "out" / "config.toml").read_text()))
    assert (config.data.timezone, config.data.unclicked.min_exposures) == ("Asia/Shanghai", 1)
    assert config.data.missing_item == "fail"
    (data / ONE.tables[0]).write_text(ITEMS.replace("\n11,", "\n13,"))
    lacking = import_kuairand(data, tmp_path / "lacking")
    assert lacking["items_without_fields"] == 1
    config = resolve(tomllib.loads((tmp_path / "lacking" / "config.toml").read_text()))
    assert config.data.missing_item == "unknown"


def test_small_batches_make_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_data(tmp_path / "in", TWENTY_SEVEN)
    whole = import_kuairand(data, tmp_path / "whole")
    monkeypatch.setattr(published_csv, "BLOCK_BYTES", 128)
    with pytest.raises(UserError, match=r"user_features_27k.csv: cannot be read.*block"):
        import_kuairand(data, tmp_path / "short")
    monkeypatch.setattr(published_csv, "BLOCK_BYTES", 500)
    pieces = import_kuairand(data, tmp_path / "pieces")
    assert {**pieces, "next": 0} == {**whole, "next": 0}
    for name in ("impressions", "items", "users"):
        assert rows_of(tmp_path / "pieces", name) == rows_of(tmp_path / "whole", name)


def test_import_then_prepare(tmp_path: Path) -> None:
    data = write_data(tmp_path / "in", ONE)
    for number, name in enumerate(ONE.logs):
        rows = [
            line(user, 10 + (user + day + place) % 3, time, place % 2, 0)
            for day in range(14 * number, 14 * number + 6)
            for user in range(5)
            for place in range(4)
            for time in [FIRST_MS + DAY_MS * day + 60_000 * place + user]
        ]
        (data / name).write_text("\n".join([HEADER, *rows]) + "\n")
    facts = import_and_prepare("kuairand", data, tmp_path / "out")
    assert (facts["rows"]["kept"], facts["users"], facts["items"]) == (240, 5, 3)


def test_pure_with_both_logs(tmp_path: Path) -> None:
    data = write_data(tmp_path / "in", PURE)
    facts = import_kuairand(tmp_path / "in", tmp_path / "out")
    assert (facts["rows"], facts["log_rows"], facts["users"]) == (6, 6, 2)
    assert times_of(tmp_path / "out") == [0, 0, 7, 7, DAY_MS, DAY_MS + 7]
    text = (tmp_path / "out" / "SOURCE.md").read_text()
    assert ", ".join(PURE.logs) in text and "randomly shown" in text
    # The untimed history holds the days of the first log once more.
    (data / "user_sequences.parquet").write_bytes(b"never read")
    again = import_kuairand(tmp_path / "in", tmp_path / "again")
    assert again["rows"] == 6
    with pytest.raises(UserError, match="which holds those days with their times"):
        import_kuairand(tmp_path / "in", tmp_path / "never", history=True)


def test_missing_and_mixed_files(tmp_path: Path) -> None:
    data = write_data(tmp_path / "in", TWENTY_SEVEN)
    (data / TWENTY_SEVEN.logs[1]).unlink()
    with pytest.raises(UserError, match=r"4_21_27k_part2.csv: the file is missing beside log_sta"):
        import_kuairand(tmp_path / "in", tmp_path / "out")
    one = write_data(tmp_path / "in", ONE)
    with pytest.raises(UserError, match="found KuaiRand-1K and KuaiRand-27K, expected one release"):
        import_kuairand(tmp_path / "in", tmp_path / "out")
    for name in ONE.tables:
        content = (one / name).read_text()
        (one / name).unlink()
        with pytest.raises(UserError, match=f"{name}: the file is missing"):
            import_kuairand(one, tmp_path / "out")
        (one / name).write_text(content)
    with pytest.raises(UserError, match="found 'like', expected is_click or long_view"):
        import_kuairand(one, tmp_path / "out", label="like")
    for name in ONE.logs:
        (one / name).write_text(HEADER + "\n")
    with pytest.raises(UserError, match="found no line"):
        import_kuairand(one, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (ONE.logs[1], "time_ms", "time", "column 'time_ms'.*missing"),
        (ONE.logs[1], "1,11,", "1,x,", ":3: .*published CSV.*'x'"),
        (ONE.logs[1], "1,11,", "1,,", ":3 column 'video_id': found nothing"),
        (ONE.logs[0], ",1,0,1,0,1\n", ",3,0,1,0,1\n", ":2 column 'is_click': found 3"),
        (ONE.tables[0], "500.0", "long", ":4: .*'long'"),
        (ONE.tables[0], "12,102", ",102", ":4 column 'video_id': found nothing"),
        (ONE.tables[1], "onehot_feat4", "feat4", "column 'onehot_feat4'.*missing"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    data = write_data(tmp_path / "in", ONE)
    text = (data / name).read_text()
    assert old in text
    (data / name).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        import_kuairand(tmp_path / "in", tmp_path / "out")
    assert name in str(caught.value)
    assert not (tmp_path / "out").exists()
