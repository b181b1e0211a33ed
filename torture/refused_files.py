"""Files and paths that must be refused as a whole."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from torture import bombs
from torture.cases import FileCase, refused, write_bytes
from torture.logs import COLUMNS, DAY, START, Row, clean_rows, write_csv, write_parquet

NUM_ROWS = len(clean_rows())


def refused_files(folder: Path) -> Iterator[FileCase]:
    """Every case, its files written just before it is given out.

    Args:
        folder: Where to write them.

    Yields:
        The next case; a few of them are accepted, to show that only the fault matters.
    """
    for maker in (_broken, _columns, _between_files, _side_tables, _thin, _paths, _bombs):
        place = folder / maker.__name__
        place.mkdir(parents=True)
        yield from maker(place)


def _broken(folder: Path) -> Iterator[FileCase]:
    good = write_parquet(folder / "good", clean_rows())
    csv = write_csv(folder / "good", clean_rows())
    for ending in ("csv", "parquet"):
        path = write_bytes(folder / f"zero.{ending}", b"")
        yield refused(f"A1 zero bytes {ending}", path, 3, "0 bytes")
    whole = good.read_bytes()
    for share in (0.01, 0.3, 0.6, 0.9, 0.999):
        path = write_bytes(folder / f"cut{share}.parquet", whole[: int(len(whole) * share)])
        yield refused(f"A1 cut at {share}", path, 3, f"{path.stat().st_size} bytes")
    for name, content in {
        "text": b"hello, world\n",
        "magic alone": b"PAR1PAR1",
        "a CSV named Parquet": csv.read_bytes(),
        "gzip named Parquet": gzip.compress(whole),
        "footer of zeros": b"PAR1" + bytes(400) + (300).to_bytes(4, "little") + b"PAR1",
        "encrypted magic": whole[:-4] + b"PARE",
    }.items():
        path = write_bytes(folder / f"{name.replace(' ', '-')}.parquet", content)
        yield refused(f"A1 {name}", path, 3, f"{len(content)} bytes")
    yield refused("A1 Parquet named CSV", write_bytes(folder / "p.csv", whole), 2, "error[DATA-")
    bad = write_bytes(folder / "bad.parquet", whole[:500])
    yield FileCase("A1 a good file and a bad one", [str(good), str(bad)], 3, (str(bad),))
    middle = bytearray(whole)
    middle[200:260] = bytes(60)
    path = write_bytes(folder / "page.parquet", bytes(middle))
    yield refused("A2 overwritten page", path, 3, "row group 0")


def _columns(folder: Path) -> Iterator[FileCase]:
    for missing in COLUMNS:
        rows = clean_rows()
        table = pq.read_table(write_parquet(folder / "whole", rows))
        path = folder / f"no-{missing}.parquet"
        pq.write_table(table.drop_columns([missing]), path)
        yield refused(f"A3 no {missing} in Parquet", path, 2, f'no column "{missing}"', "Found:")
        path = write_csv(folder / f"no-{missing}", rows)
        renamed = path.read_bytes().replace(missing.encode(), b"x" + missing.encode(), 1)
        path.write_bytes(renamed)
        hints = (f"data.columns.{missing}=x{missing}", "expected:")
        yield refused(f"A3 renamed {missing} in CSV", path, 2, *hints)
    types = {
        "timestamp": [pa.float64(), pa.date32(), pa.time64("us"), pa.decimal128(20, 0)],
        "clicked": [pa.float32(), pa.binary()],
        "user_id": [pa.float64(), pa.binary(), pa.bool_(), pa.timestamp("s")],
        "item_id": [pa.decimal128(20, 0), pa.list_(pa.int64()), pa.null()],
    }
    for column, kinds in types.items():
        for kind in kinds:
            table = pq.read_table(write_parquet(folder / "whole", clean_rows("integer")))
            place = table.schema.get_field_index(column)
            path = folder / f"{column}-{str(kind).split('[')[0]}.parquet"
            pq.write_table(table.set_column(place, column, pa.nulls(NUM_ROWS, kind)), path)
            yield refused(f"A3 {column} as {kind}", path, 2, f'column "{column}"', "expected")
    for name, content in {
        "header alone": b"user_id,item_id,timestamp,clicked\n",
        "header without an end": b"user_id,item_id,timestamp,clicked",
        "no name": b"\nu1,i1,1704103200,1\n",
        "semicolons": b"user_id;item_id;timestamp;clicked\nu;i;1;1\n",
        "a name twice": b"user_id,item_id,timestamp,clicked,clicked\nu,i,1,1,1\n",
        "UTF-16": "user_id,item_id,timestamp,clicked\n".encode("utf-16"),
        "CR alone": b"user_id,item_id,timestamp,clicked\ru,i,1704103200,1\r",
        "open quote in the header": b'user_id,"item_id,timestamp,clicked\nu,i,1704103200,1\n',
        "a header of 2 MB": b"user_id," + b"x" * (2 << 20) + b"\n",
        "a header of 200,000 names": b",".join(b"%d" % n for n in range(200_000)) + b"\n",
    }.items():
        path = write_bytes(folder / f"{name.replace(' ', '-')}.csv", content)
        yield refused(f"A3 A5 {name}", path, 2)
    path = folder / "no-row.parquet"
    pq.write_table(pq.read_table(write_parquet(folder / "whole", clean_rows())).slice(0, 0), path)
    yield refused("A3 Parquet without a row", path, 2, "no row")
    long = write_csv(folder / "long", [], {0: b"u," + b"i" * (10 << 20) + b",1,1\n"})
    yield refused("A14 a line of 10 MiB", long, 2, f"{long}:2", "1048576 bytes")
    text = write_parquet(folder / "mb", [*clean_rows(), clean_rows()[0] | {"item_id": "i" * 10**7}])
    yield refused("A14 an id of 10 MB in Parquet", text, 2, f"row {NUM_ROWS} ", "1024 bytes")


def _between_files(folder: Path) -> Iterator[FileCase]:
    rows = clean_rows()
    for form, write in (("csv", write_csv), ("parquet", write_parquet)):
        seconds = write(folder / "seconds", rows)
        milli = [row | {"timestamp": int(str(row["timestamp"])) * 1000} for row in rows]
        others = write(folder / "milli", milli)
        names = (str(seconds), str(others))
        yield FileCase(f"A8 s and ms in two files, {form}", list(names), 2, names)
    integers = write_parquet(folder / "integers", clean_rows("integer"))
    for texts in (write_parquet(folder / "texts", rows), write_csv(folder / "texts", rows)):
        names = (str(integers), str(texts))
        yield FileCase(f"A13 integers beside {texts.name}", list(names), 2, names)
    zone = ("--set", "data.timezone=Mars/Base")
    yield FileCase("A9 no such zone", [str(integers)], 2, ("Mars/Base",), options=zone)
    unit = ("--set", "data.time_unit=ms")
    yield FileCase("A8 another unit", [str(integers)], 2, (str(integers),), options=unit)


def _side_tables(folder: Path) -> Iterator[FileCase]:
    log = str(write_csv(folder / "log", clean_rows()))
    tables = {
        "lacks an item": ("item_id,shop\ni0,a\ni1,b\n", 2, ("lacks 4 items", "i2, i3, i4, i5")),
        "has an item twice": (
            "item_id,shop\n" + "".join(f"i{n},a\n" for n in range(6)) + "i2,b\n",
            2,
            ("items.csv:8", '"i2"', "row 4"),
        ),
        "has an empty id": ("item_id,shop\ni0,a\n,b\n", 2, ("items.csv:3",)),
        "has a field too many": ("item_id,shop\ni0,a\ni1,b,c\n", 2, ("items.csv:3",)),
        "has no id column": ("item,shop\ni0,a\n", 2, ("items.csv", "item_id")),
        "has fractions": ("item_id,price\ni0,1.5\ni1,2.5\n", 2, ("items.csv", "item_bins")),
        "has no byte": ("", 3, ("items.csv", "0 bytes")),
    }
    for name, (content, code, expect) in tables.items():
        path = write_bytes(folder / "items.csv", content.encode())
        given = ("--items", str(path))
        yield FileCase(f"A15 item table {name}", [log], code, expect, options=given)
    whole = "item_id,shop\n" + "".join(f"i{n},a\n" for n in range(6))
    twice = write_bytes(folder / "twice.csv", (whole + "i2,a\n").encode())
    kept = {"kept": NUM_ROWS}
    yield FileCase("A15 equal rows", [log], rows=kept, options=("--items", str(twice)))
    part = write_bytes(folder / "part.csv", b"item_id,shop\ni0,a\n")
    unknown = ("--items", str(part), "--set", "data.missing_item=unknown")
    yield FileCase("A15 unknown items", [log], rows=kept, options=unknown)


def _thin(folder: Path) -> Iterator[FileCase]:
    rows = clean_rows()
    first: list[Row] = [row for row in rows if int(str(row["timestamp"])) < START + 2 * DAY]
    none: list[Row] = [row | {"clicked": 0} for row in rows]
    quiet = [
        row | {"clicked": 0} if int(str(row["timestamp"])) >= START + 4 * DAY else row
        for row in rows
    ]
    for name, some, expect in (
        ("two days", first, ("DATA-SPLIT", "2024-01-02")),
        ("no click at all", none, ("DATA-CLICKED", f"{NUM_ROWS} rows")),
        ("no click in the test days", quiet, ("split test", f"{NUM_ROWS} rows", "2024-01-05")),
    ):
        path = write_csv(folder / name.replace(" ", "-"), some)
        yield FileCase(f"A20 {name}", [str(path)], 2, expect)
    lone = [*rows, rows[0] | {"user_id": "lone"}, rows[1] | {"user_id": "idle", "clicked": 0}]
    path = write_csv(folder / "lone", lone)
    yield FileCase("A17 users of one event", [str(path)], rows={"kept": NUM_ROWS + 2})
    path = write_parquet(folder / "same-user", [row | {"user_id": "u0"} for row in rows])
    yield FileCase("A19 one user", [str(path)], rows={"read": NUM_ROWS})
    # Whoever clicked the only item has nothing new left to find.
    path = write_parquet(folder / "same-item", [row | {"item_id": "i0"} for row in rows])
    yield FileCase("A19 one item", [str(path)], 2, ("DATA-SPLIT", f"{NUM_ROWS} rows"))


def _paths(folder: Path) -> Iterator[FileCase]:
    odd = ["a b", "a'b\"c", "*", "[x]", "; drop table", "$(id)", "ümläut", "%00", "a\nb", "-x"]
    for name in odd:
        path = write_csv(folder / name, clean_rows())
        yield FileCase(f"A23 named {name!r}", [str(path)], rows={"kept": NUM_ROWS})
        path.unlink()
    good = write_parquet(folder / "good", clean_rows())
    (folder / "in").mkdir()
    dotted = folder / "in" / ".." / good.name
    yield FileCase("A23 with ..", [str(dotted)], rows={"kept": NUM_ROWS})
    (folder / "link.parquet").symlink_to(good)
    yield FileCase("A23 a link", [str(folder / "link.parquet")], rows={"kept": NUM_ROWS})
    yield FileCase("A23 twice, by a link", [str(good), str(folder / "link.parquet")], 2, ("same",))
    os.mkfifo(folder / "fifo.csv")
    (folder / "zero.csv").symlink_to("/dev/zero")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "gone.csv").symlink_to(folder / "nothing.csv")
    for name in ("fifo.csv", "zero.csv", "loop.csv", "gone.csv", "absent.csv", "in"):
        path = folder / name
        yield FileCase(f"A23 {name}", [str(path)], 2, (str(path),), own_process=True)
        items = ("--items", str(path))
        yield FileCase(f"A23 items {name}", [str(good)], 2, (str(path),), options=items)
    yield FileCase("A23 /dev/zero", ["/dev/zero"], 2, ("/dev/zero",), own_process=True)
    yield FileCase("A23 NUL in a path", ["a\0b.csv"], 2, ("null byte",))
    yield FileCase("A24 gzip CSV", [str(write_bytes(folder / "a.csv.gz", b"x"))], 2, (".gz",))
    yield FileCase("A23 another ending", [str(write_bytes(folder / "a.txt", b"x"))], 2, (".txt",))


def _bombs(folder: Path) -> Iterator[FileCase]:
    for name, make in {
        "alike rows": bombs.constant_bomb,
        "a repeated text": bombs.dictionary_bomb,
        "one long text": bombs.long_text_bomb,
        "2^40 rows claimed": bombs.claim_bomb,
    }.items():
        path = make(folder / f"{name.replace(' ', '-')}.parquet")
        # What a dictionary becomes is in no footer: there the limit of memory ends it.
        sizes = ("times this file of", "data.max_expansion")
        expect = (str(path), *(("data.reader_memory_gib",) if "repeated" in name else sizes))
        yield FileCase(f"A24 {name}", [str(path)], 4, expect)
        path.unlink()
