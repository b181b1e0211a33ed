"""From files to a prepared data set: the same bytes for the same log, and every edge named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from unclicked import artefact
from unclicked.artefact import sha256_file
from unclicked.config import DataConfig
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.errors import BusyError, UserError
from unclicked.settings import resolve

DAY = 86_400
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
Row = tuple[str, str, int, int]


def hashes(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): sha256_file(path) for path in paths}


def write(path: Path, rows: list[Row], **more: list[Any]) -> Path:
    user, item, time, clicked = zip(*rows, strict=True)
    columns = {"user_id": user, "item_id": item, "timestamp": time, "clicked": clicked}
    pq.write_table(pa.table({**{k: list(v) for k, v in columns.items()}, **more}), path)
    return path


def visit(user: str, day: int, items: str, clicked: str) -> list[Row]:
    """One showing of each item, a minute apart from 10:00 on a day from 0."""
    begin = START + day * DAY + 10 * 3600
    return [(user, item, begin + 60 * k, int(item in clicked)) for k, item in enumerate(items)]


def small_log() -> list[Row]:
    """Two users over four days; every item is shown on two days."""
    rows = []
    for user in ("ann", "bob"):
        for day in range(4):
            rows += visit(user, day, "abcdefgh", "abce"[day:] + "dfgh"[: day + 1])
    return rows


def made(tmp_path: Path, rows: list[Row], name: str = "data", **config: Any) -> PreparedDataset:
    tmp_path.mkdir(exist_ok=True)
    log = write(tmp_path / f"{name}.parquet", rows)
    settings = {"time_unit": "s"} | config
    return prepare([log], tmp_path / name, config=resolve({"data": settings}).data)


def unclicked_of(data: PreparedDataset, split: str, user: str) -> list[list[str]]:
    """The list as of the last position of each of a user's samples."""
    samples = data.splits[split]
    number = data.users.values.to_pylist().index(user)
    rows = samples.row_now[samples.position_offsets[1:] - 1][samples.user == number]
    return [
        data.catalogue.items.decode(
            samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]]
        )
        for row in rows
    ]


def test_the_order_of_files_and_rows_changes_no_byte(
    tiny_log: Path, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    table = pq.read_table(tiny_log / "impressions.parquet")
    table = table.take(pa.array(np.random.default_rng(1).permutation(len(table))))
    third = len(table) // 3
    logs = tmp_path / "logs"
    logs.mkdir()
    pq.write_table(table[:third], logs / "b.parquet", row_group_size=1000)
    pq.write_table(table[third : 2 * third], tmp_path / "a.parquet", compression="gzip")
    pq.write_table(table[2 * third :], logs / "z.parquet")
    for name in ("items", "users"):
        side = pq.read_table(tiny_log / f"{name}.parquet")
        side = side.take(pa.array(np.random.default_rng(2).permutation(len(side))))
        pq.write_table(side, tmp_path / f"{name}.parquet")
    prepare(
        [logs, tmp_path / "a.parquet"],
        tmp_path / "out",
        items=tmp_path / "items.parquet",
        users=tmp_path / "users.parquet",
    )
    ours, theirs = hashes(tiny_data.path), hashes(tmp_path / "out")
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set()
    assert len(ours) > 40


def test_csv_and_parquet_give_the_same_bytes(tmp_path: Path) -> None:
    rows = small_log()
    first = made(tmp_path, rows)
    write(tmp_path / "one.parquet", rows[::2])
    table = pq.read_table(write(tmp_path / "x.parquet", rows[1::2][::-1]))
    pa.csv.write_csv(table, tmp_path / "two.csv")
    second = prepare(
        [tmp_path / "two.csv", tmp_path / "one.parquet"],
        tmp_path / "both",
        config=resolve({"data": {"time_unit": "s"}}).data,
    )
    assert hashes(first.path) == hashes(second.path)
    assert first.sha256 == second.sha256


def test_items_are_numbered_by_training_clicks_alone(tmp_path: Path) -> None:
    rows = small_log()
    data = made(tmp_path, rows)
    # Days 0 and 1 train: count the clicks there.
    cut = START + 2 * DAY
    count = {item: sum(c for _, i, t, c in rows if i == item and t < cut) for item in "abcdefgh"}
    ordered = sorted(count, key=lambda item: (-count[item], item))
    assert data.catalogue.items.values.to_pylist() == ordered
    assert data.catalogue.clicks.tolist() == [count[item] for item in ordered]
    later = [(u, i, t, int(i == "h") if t >= cut and i in "gh" else c) for u, i, t, c in rows]
    other = made(tmp_path / "other", later)
    assert other.catalogue.items.values.equals(data.catalogue.items.values)


def test_clicks_count_by_the_moment_of_the_click(tmp_path: Path) -> None:
    rows = small_log()
    late = [t + 3 * DAY if c and t < START + DAY else t for _, _, t, c in rows]
    at = [moment if c else None for moment, (_, _, _, c) in zip(late, rows, strict=True)]
    log = write(tmp_path / "log.parquet", rows, clicked_at=at)
    data = prepare([log], tmp_path / "d", config=resolve({"data": {"time_unit": "s"}}).data)
    # The first day's clicks came three days later, so only the second day trains.
    assert int(data.catalogue.clicks.sum()) == sum(
        c for _, _, t, c in rows if START + DAY <= t < START + 2 * DAY
    )


def test_splits_are_cut_at_local_midnights(tmp_path: Path) -> None:
    rows = small_log()
    utc, shanghai = (
        made(tmp_path, rows, name, timezone=zone)
        for name, zone in (("utc", None), ("sh", "Asia/Shanghai"))
    )
    difference = utc.card["boundaries"]["test_us"] - shanghai.card["boundaries"]["test_us"]
    assert difference == 8 * 3600 * 1_000_000
    assert utc.card["boundaries"]["test_us"] == (START + 3 * DAY) * 1_000_000


def test_an_item_that_the_table_lacks(tmp_path: Path) -> None:
    log = write(tmp_path / "log.parquet", small_log())
    items = tmp_path / "items.parquet"
    pq.write_table(pa.table({"item_id": list("abcz"), "brand": ["x", "y", "x", "y"]}), items)
    config = resolve({"data": {"time_unit": "s"}}).data
    with pytest.raises(UserError, match=r"lacks 5 items of the log \(d, e, f, g, h\)"):
        prepare([log], tmp_path / "a", items=items, config=config)
    assert not (tmp_path / "a").exists()
    config = resolve({"data": {"time_unit": "s", "missing_item": "unknown"}}).data
    data = prepare([log], tmp_path / "a", items=items, config=config)
    assert data.num_items == 9
    brand = data.catalogue.fields["brand"]
    code = {
        item: int(brand.codes[brand.offsets[number]])
        for number, item in enumerate(data.catalogue.items.values.to_pylist(), start=1)
    }
    assert code["d"] == brand.vocabulary.unknown == 3
    assert (code["a"], code["z"]) == (1, 2)
    # An item that was only ever in the table keeps the tail.
    assert data.catalogue.clicks[data.catalogue.items.encode(["z"])[0] - 1] == 0


def test_odd_users_change_nothing_for_others(tmp_path: Path) -> None:
    rows = small_log()
    odd = [
        *visit("only shown", 1, "abcd", ""),
        *visit("only clicks", 1, "abcd", "abcd"),
        ("one event", "a", START + DAY, 1),
        ("one showing", "a", START + DAY, 0),
    ]
    plain, mixed = made(tmp_path, rows, "plain"), made(tmp_path, rows + odd, "mixed")
    for split in ("train", "validation", "test"):
        for user in ("ann", "bob"):
            found = unclicked_of(mixed, split, user)
            assert found == unclicked_of(plain, split, user)
    assert mixed.card["users"] == 6
    # Whoever clicked in training is a sample, with an empty list where everything was clicked.
    assert unclicked_of(mixed, "train", "only clicks") == [[]]
    for nobody in ("only shown", "one event", "one showing"):
        assert unclicked_of(mixed, "train", nobody) == []


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        # Nobody clicks twice in training.
        ([r for r in small_log() if r[2] >= START + 2 * DAY or not r[3]], "train"),
        # Nobody clicks in the validation day.
        ([r for r in small_log() if r[2] // DAY != START // DAY + 2 or not r[3]], "validation"),
        # Nobody clicks in the test day.
        ([(u, i, t, c * (t < START + 3 * DAY)) for u, i, t, c in small_log()], "test"),
    ],
)
def test_an_empty_split_is_named(tmp_path: Path, rows: list[Row], named: str) -> None:
    with pytest.raises(UserError, match=rf"split {named}: holds no sample between 2024-01-0"):
        made(tmp_path, rows)
    assert not (tmp_path / "data").exists()


def test_rows_add_up(tmp_path: Path) -> None:
    rows = small_log()
    table = pq.read_table(write(tmp_path / "x.parquet", [*rows, *rows[:7]]))
    bad = [str(value) for value in table["clicked"].to_pylist()]
    bad[3] = "maybe"
    table = table.set_column(3, "clicked", pa.array(bad))
    pa.csv.write_csv(table, tmp_path / "log.csv")
    config = resolve({"data": {"time_unit": "s"}}).data
    with pytest.raises(UserError, match=r"log\.csv:5"):
        prepare([tmp_path / "log.csv"], tmp_path / "d", config=config)
    data = prepare([tmp_path / "log.csv"], tmp_path / "d", config=config, on_bad_row="quarantine")
    count = data.card["rows"]
    assert count["read"] == len(rows) + 7
    # The bad row's double is good, so six doubles are left.
    assert (count["rejected"], count["duplicates"]) == (1, 6)
    assert count["read"] == count["kept"] + count["rejected"] + count["duplicates"]
    assert pq.read_table(data.path / "rejected.parquet")["value"].to_pylist() == ["maybe"]


def test_a_log_of_bad_rows_alone_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp,clicked\nu,i,1700000000,maybe\nu,j,1700000001,2\n")
    config = resolve({"data": {"time_unit": "s"}}).data
    with pytest.raises(UserError) as caught:
        prepare([path], tmp_path / "d", config=config, on_bad_row="quarantine")
    told = str(caught.value)
    assert "all 2 rows are bad; the first, " in told
    assert 'log.csv:2 column "clicked": found "maybe", expected 0' in told
    assert "quarantine" not in told


def test_another_data_set_is_kept_unless_it_is_said(tmp_path: Path) -> None:
    first = made(tmp_path, small_log())
    log = write(tmp_path / "later.parquet", small_log()[:-1])
    config = resolve({"data": {"time_unit": "s"}}).data
    other = config.model_copy(update={"timezone": "Europe/Paris"})
    for rules, message in ((config, "another one than this"), (other, "made with other rules")):
        with pytest.raises(UserError, match=f"{message}.*--overwrite"):
            prepare([log], first.path, config=rules)
    assert PreparedDataset.open(first.path).sha256 == first.sha256
    # The same log again is the same data set, as after a crash at the very end.
    assert made(tmp_path, small_log()).sha256 == first.sha256
    assert prepare([log], first.path, config=config, overwrite=True).sha256 != first.sha256
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_second_prepare_into_one_folder_is_refused_at_once(tmp_path: Path) -> None:
    with artefact.claim(tmp_path / "data"), pytest.raises(BusyError, match="is writing here"):
        prepare([tmp_path / "is not even looked at"], tmp_path / "data")


def test_foreign_files_are_not_replaced(tmp_path: Path) -> None:
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds something else"):
        made(tmp_path, small_log(), "mine")
    assert (other / "thesis.txt").read_text() == "years of work"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_validation_users_are_a_fixed_draw(tmp_path: Path, tiny_log: Path) -> None:
    found = []
    for name in ("a", "b"):
        config = resolve({"data": {"split": {"validation_users": 5}}}).data
        data = prepare([tiny_log / "impressions.parquet"], tmp_path / name, config=config)
        found.append(data.splits["validation"].user.tolist())
    assert found[0] == found[1]
    assert len(found[0]) == 5


def test_the_manifest_names_every_file(tiny_data: PreparedDataset) -> None:
    manifest = json.loads((tiny_data.path / "manifest.json").read_text())
    assert {name: one["sha256"] for name, one in manifest["files"].items()} == {
        name: found for name, found in hashes(tiny_data.path).items() if name != "manifest.json"
    }


@pytest.mark.parametrize("clicked", [False, True])
def test_a_log_without_clicks_or_without_skips_says_so(tmp_path: Path, clicked: bool) -> None:
    rows = 1200
    table = pa.table(
        {
            "user_id": [f"u{n % 5:02}" for n in range(rows)],
            "item_id": [f"i{(n * 7) % 97:02}" for n in range(rows)],
            "timestamp": pa.array(
                [1_700_000_000_000_000 + n * 600_000_000 for n in range(rows)],
                pa.timestamp("us", "UTC"),
            ),
            "clicked": [clicked] * rows,
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    rules = DataConfig.model_validate({"clicked": {"min_session_length": 1}})
    if not clicked:
        with pytest.raises(UserError, match="holds no click in 1,200 rows"):
            prepare([tmp_path / "log.parquet"], tmp_path / "data", config=rules)
        return
    data = prepare([tmp_path / "log.parquet"], tmp_path / "data", config=rules)
    assert any("Every row is a click" in text for text in data.card["warnings"])
    assert not any("log is thin" in text for text in data.card["warnings"])
