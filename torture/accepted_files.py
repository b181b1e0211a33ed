"""Odd files that must be read like plain ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from torture.cases import FileCase, write_bytes
from torture.logs import clean_rows, write_csv, write_parquet

NUM_ROWS = len(clean_rows())


def accepted_files(folder: Path) -> Iterator[FileCase]:
    """Every case, its files written just before it is given out.

    Args:
        folder: Where to write them.

    Yields:
        The next case.
    """
    for maker in (_accepted_csv, _accepted_parquet):
        place = folder / maker.__name__
        place.mkdir(parents=True)
        yield from maker(place)


def _accepted_csv(folder: Path) -> Iterator[FileCase]:
    rows = clean_rows()
    plain = write_csv(folder / "plain", rows).read_bytes()
    lines = plain.splitlines(keepends=True)
    quoted = [b",".join(b'"%s"' % part for part in line[:-1].split(b",")) + b"\n" for line in lines]
    variants = {
        "BOM": b"\xef\xbb\xbf" + plain,
        "CRLF": plain.replace(b"\n", b"\r\n"),
        "CRLF at some lines": plain.replace(b"\n", b"\r\n", 20),
        "no last line end": plain[:-1],
        "all quoted": b"".join(quoted),
        "some quoted": b"".join([*lines[:9], *quoted[9:30], *lines[30:]]),
        "blank lines": b"\n".join(lines),
        "backwards": b"".join([lines[0], *lines[:0:-1]]),
        "true and false": plain.replace(b",1\n", b",true\n").replace(b",0\n", b",false\n"),
        "one more column": b"".join(
            [lines[0][:-1] + b",z\n", *(n[:-1] + b",\n" for n in lines[1:])]
        ),
    }
    for name, content in variants.items():
        path = write_bytes(folder / f"{name.replace(' ', '-')}.csv", content)
        yield FileCase(f"accepted {name}", [str(path)], rows={"read": NUM_ROWS, "kept": NUM_ROWS})
    path = write_bytes(folder / "UPPER.CSV", plain)
    yield FileCase("accepted .CSV", [str(path)], rows={"kept": NUM_ROWS})
    path = write_bytes(folder / "twice.csv", plain + b"".join(lines[1:31]))
    twice = {"read": NUM_ROWS + 30, "kept": NUM_ROWS, "duplicates": 30}
    yield FileCase("A11 30 rows twice", [str(path)], rows=twice)
    other = [row | {"clicked": 1 - int(str(row["clicked"]))} for row in rows[:7]]
    path = write_csv(folder / "conflict", [*rows, *other])
    conflict = {"kept": NUM_ROWS, "duplicates": 7, "clicked_and_unclicked": 7}
    yield FileCase("A11 clicked and unclicked", [str(path)], rows=conflict)


def _accepted_parquet(folder: Path) -> Iterator[FileCase]:
    rows = clean_rows()
    table = pq.read_table(write_parquet(folder / "plain", rows))
    texts = table.column("user_id")
    times = table.column("timestamp")
    variants = {
        "dictionaries": table.set_column(0, "user_id", texts.combine_chunks().dictionary_encode()),
        "large text": table.set_column(0, "user_id", texts.cast(pa.large_string())),
        "timestamps": table.set_column(2, "timestamp", times.cast(pa.timestamp("s"))),
        "ns with a zone": table.set_column(
            2, "timestamp", times.cast(pa.timestamp("s")).cast(pa.timestamp("ns", "Asia/Tokyo"))
        ),
        "boolean clicks": table.set_column(3, "clicked", table.column("clicked").cast(pa.bool_())),
        "small integers": table.set_column(3, "clicked", table.column("clicked").cast(pa.uint8())),
        "nested column": table.append_column("x", pa.array([{"a": [n]} for n in range(NUM_ROWS)])),
    }
    for name, changed in variants.items():
        path = folder / f"{name.replace(' ', '-')}.parquet"
        pq.write_table(changed, path)
        yield FileCase(f"accepted {name}", [str(path)], rows={"read": NUM_ROWS, "kept": NUM_ROWS})
    halves = folder / "halves"
    halves.mkdir()
    write_csv(halves / "b", rows[40:])
    write_parquet(halves / "a", rows[:40])
    write_bytes(halves / ".hidden.csv", b"x")
    yield FileCase("A10 a folder of both kinds", [str(halves)], rows={"kept": NUM_ROWS})
