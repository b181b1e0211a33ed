"""Broken Parquet and CSV files through the real reader: nothing dies, nothing wrong is read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from torture.figures import Figure, none, told
from torture.logs import DAY, START
from torture.mutations import MUTATIONS, Mutation
from unclicked.data.reader_limits import ReadLimits
from unclicked.data.reader_process import READER
from unclicked.data.reading import read_log
from unclicked.data.schema import ReadOptions
from unclicked.errors import UnclickedError

NUM_FILES = {False: 400, True: 10_000}
MEMORY_GIB = 2.0
OPTIONS = ReadOptions(time_unit="s", limits=ReadLimits(memory_gib=MEMORY_GIB))
ASIDE = ReadOptions(time_unit="s", on_bad_row="quarantine", limits=OPTIONS.limits)
NUM_ROWS = 1500


@dataclass
class _Seen:
    """Outcomes, and what must not happen with an example of each."""

    outcomes: Counter[str] = field(default_factory=Counter)
    escaped: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    changed: int = 0
    deaths: int = 0
    peak_bytes: int = 0
    slowest: float = 0.0


def run(long: bool, folder: Path) -> list[Figure]:
    """Read broken files.

    Args:
        long: 10,000 of each format instead of 400.
        folder: Where to work.

    Returns:
        What was found.
    """
    figures = []
    for form, files in (("Parquet", _parquet_files(folder)), ("CSV", _csv_files(folder))):
        rng, seen = np.random.default_rng(20240101), _Seen()
        sources = [(path.name, path.read_bytes()) for path in files]
        begun = time.perf_counter()
        for number in range(NUM_FILES[long]):
            name, content = sources[number % len(sources)]
            mutation = _MUTATIONS[number // len(sources) % len(_MUTATIONS)]
            broken = mutation(content, rng)
            path = folder / f"broken.{'parquet' if form == 'Parquet' else 'csv'}"
            path.write_bytes(b"" if broken is None else broken)
            _read(path, f"{number} {name} {mutation.__name__}", seen, folder / name)
        figures += _figures(form, seen, NUM_FILES[long], time.perf_counter() - begun)
    return figures


def _figures(form: str, seen: _Seen, num_files: int, seconds: float) -> list[Figure]:
    reader_mib = seen.peak_bytes >> 20
    limit = int(MEMORY_GIB * 1024)
    outcomes = ", ".join(f"{number} {name}" for name, number in seen.outcomes.most_common())
    held = f"{reader_mib} MiB"
    memory = Figure(
        f"fuzz: {form}: most memory of the reader", held, f"<= {limit} MiB", reader_mib <= limit
    )
    found = [
        Figure(f"fuzz: {form}: files, this process alive", str(num_files), "", True, seconds),
        none(f"fuzz: {form}: errors that are none of ours", len(seen.escaped)),
        memory,
        told(f"fuzz: {form}: outcomes", outcomes),
        told(f"fuzz: {form}: deaths of the reader", f"{seen.deaths}"),
        told(f"fuzz: {form}: slowest file", f"{seen.slowest:.2f} s"),
    ]
    if form == "Parquet":
        found.insert(2, none("fuzz: wrong tables in spite of page checksums", len(seen.wrong)))
        found.append(told("fuzz: other tables without checksums", str(seen.changed)))
    return found + [told("fuzz: example", text) for text in (*seen.escaped, *seen.wrong)[:10]]


def _read(path: Path, name: str, seen: _Seen, source: Path) -> None:
    """Read one broken file and sort what happened."""
    begun = time.perf_counter()
    try:
        table = read_log([path], OPTIONS).table
        is_csv = path.suffix == ".csv"
        same = is_csv or table.equals(_clean(source))
        seen.outcomes["read" if is_csv else "read, equal" if same else "read, other"] += 1
        if not same and "checksums" in source.name:
            seen.wrong.append(name)
        seen.changed += not same
    except UnclickedError as error:
        seen.outcomes[f"{error.name} ({error.exit_code})"] += 1
        seen.deaths += error.name.startswith(("DATA-READER", "READER"))
        if str(path) not in str(error) and error.name != "DATA-TIME-UNIT":
            seen.escaped.append(f"{name}: does not name the file: {error}"[:400])
        if path.suffix == ".csv" and error.exit_code == 2:
            _account(path, name, seen)
    except Exception as error:
        seen.outcomes["none of ours"] += 1
        seen.escaped.append(f"{name}: {type(error).__name__}: {error}"[:400])
    seen.slowest = max(seen.slowest, time.perf_counter() - begun)
    seen.peak_bytes = max(seen.peak_bytes, _peak_bytes())


def _account(path: Path, name: str, seen: _Seen) -> None:
    """With bad rows put aside, every row of the file is accounted for."""
    try:
        log = read_log([path], ASIDE)
    except UnclickedError:
        return
    except Exception as error:
        seen.escaped.append(f"{name}, aside: {type(error).__name__}: {error}"[:400])
        return
    seen.outcomes["of these: read with rows put aside"] += 1
    if log.rows_read != log.table.num_rows + log.num_rejected + log.duplicates:
        seen.escaped.append(f"{name}: the rows do not add up")


_TABLES: dict[str, pa.Table] = {}


def _clean(source: Path) -> pa.Table:
    if source.name not in _TABLES:
        _TABLES[source.name] = read_log([source], OPTIONS).table
    return _TABLES[source.name]


def _peak_bytes() -> int:
    """Most memory that the reader held so far."""
    try:
        status = Path(f"/proc/{READER.pid}/status").read_text()
    except OSError:
        return 0
    return next((int(s.split()[1]) * 1024 for s in status.splitlines() if "VmHWM" in s), 0)


def _swap(content: bytes, rng: np.random.Generator) -> bytes:
    """Two blocks in each other's place."""
    size = int(rng.integers(1, 300))
    first, second = sorted(int(place) for place in rng.integers(0, max(1, len(content) - size), 2))
    second = max(second, first + size)
    a, b = content[first : first + size], content[second : second + size]
    return content[:first] + b + content[first + size : second] + a + content[second + size :]


def _footer(content: bytes, rng: np.random.Generator) -> bytes:
    """One byte of the footer, or its length, changed."""
    size = min(int.from_bytes(content[-8:-4], "little") + 8, len(content))
    place = len(content) - int(rng.integers(1, size + 1))
    return content[:place] + bytes([int(rng.integers(256))]) + content[place + 1 :]


def _start(content: bytes, rng: np.random.Generator) -> bytes:
    """One byte of the first page's header changed."""
    place = int(rng.integers(0, min(64, len(content))))
    return content[:place] + bytes([int(rng.integers(256))]) + content[place + 1 :]


# The footer decides most, so it comes more often.
_MUTATIONS: list[Mutation] = [*MUTATIONS[:-1], _swap, _footer, _footer, _footer, _start]


def _rows() -> pa.Table:
    number = np.arange(NUM_ROWS)
    return pa.table(
        {
            "user_id": pa.array([f"u{n % 40}" for n in number]),
            "item_id": pa.array(number * 7919 % 500),
            "timestamp": pa.array(START + number * 9 * DAY // NUM_ROWS),
            "clicked": pa.array(number % 3 == 0),
        }
    )


def _parquet_files(folder: Path) -> Iterator[Path]:
    """Files of several encodings, with page checksums and without."""
    table = _rows()
    kinds: dict[str, dict[str, object]] = {
        "snappy": {"compression": "snappy"},
        "plain": {"compression": "none", "use_dictionary": False},
        "zstd": {"compression": "zstd", "data_page_version": "2.0"},
        "gzip": {"compression": "gzip"},
    }
    for name, options in kinds.items():
        for checksums in (True, False):
            path = folder / f"{name}{'-checksums' if checksums else ''}.parquet"
            settings = options | {"write_page_checksum": checksums, "row_group_size": 600}
            pq.write_table(table, path, data_page_size=2048, **settings)
            yield path


def _csv_files(folder: Path) -> Iterator[Path]:
    rows = list(zip(*_rows().slice(0, 300).to_pydict().values(), strict=True))
    plain = "".join(f"{u},{i},{t},{int(c)}\n" for u, i, t, c in rows)
    quoted = "".join(f'"{u}","{i}",{t},{int(c)}\n' for u, i, t, c in rows)
    for name, body in {"plain": plain, "quoted": quoted, "crlf": plain}.items():
        text = "user_id,item_id,timestamp,clicked\n" + body
        path = folder / f"{name}.csv"
        path.write_bytes((text.replace("\n", "\r\n") if name == "crlf" else text).encode())
        yield path
