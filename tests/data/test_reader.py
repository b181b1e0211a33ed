"""A decoder that dies, hangs on to memory or talks nonsense harms nobody but itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.data.log_columns import ColumnPlan
from unclicked.data.reader import column_types, read_file
from unclicked.data.reader_limits import ReadLimits
from unclicked.data.reader_process import READER
from unclicked.errors import ArtefactError, ResourceError, UnclickedError, UserError

LIMITS = ReadLimits()
CODE = "unclicked.data.reader_process._CODE"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three rows in two row groups, one text a dictionary."""
    path = tmp_path / "log.parquet"
    names = pa.array(["a", "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({"who": names, "n": [1, 2, 3]}), path, row_group_size=2)
    return path


@pytest.fixture
def fresh_reader() -> Iterator[None]:
    """A reader of this test alone."""
    READER.end(kill=True)
    yield
    READER.end(kill=True)


def plan(path: Path) -> ColumnPlan:
    return ColumnPlan(path, column_types(path, LIMITS), {"user_id": "who", "count": "n"})


def test_columns_and_their_places(log: Path) -> None:
    raw = read_file(plan(log), LIMITS)
    assert raw.table.to_pydict() == {"user_id": ["a", "b", "a"], "count": [1, 2, 3]}
    assert raw.table.schema.types == [pa.string(), pa.int64()]
    assert raw.rows.tolist() == [0, 1, 2]
    assert raw.row_groups is not None
    assert raw.row_groups.tolist() == [0, 2]


def test_csv_keeps_lines_and_bad_ones(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('who,n\na,1\noops\n\n"b,c",2\n')
    raw = read_file(plan(path), LIMITS)
    assert raw.table["user_id"].to_pylist() == ["a", "b,c"]
    assert raw.rows.tolist() == [2, 5]
    assert [bad.row for bad in raw.bad] == [3]
    assert raw.num_rows == 3


def test_empty_files_have_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"who": pa.array([], pa.string()), "n": pa.array([], pa.int8())}), path)
    assert read_file(plan(path), LIMITS).table.schema.types == [pa.string(), pa.int8()]
    csv = tmp_path / "a.csv"
    csv.write_text("who,n\n")
    assert read_file(plan(csv), LIMITS).table.num_rows == 0


@pytest.mark.parametrize("name", ["a b.csv", "ü'\".csv", "a\nb.csv", "*.csv"])
def test_odd_names_and_relative_paths(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text("who,n\na,1\n")
    monkeypatch.chdir(tmp_path)
    assert read_file(plan(Path(name)), LIMITS).table.num_rows == 1


@pytest.mark.parametrize(
    ("ends", "error", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", ArtefactError, "crashed on this file.*SIGSEGV"),
        ("os.abort()", ArtefactError, "crashed on this file.*SIGABRT"),
        ("sys.exit(7)", ArtefactError, "crashed on this file.*exit code 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", ResourceError, "data.reader_memory_gib"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", ResourceError, "more than 300 seconds"),
        (
            "os.write(1, bytes([255] * 4 + [8, 0, 0, 0] + [255] * 8)); time.sleep(60)",
            ArtefactError,
            "nonsense",
        ),
        ("os.write(1, b'{}'); sys.exit(0)", ArtefactError, "left twice"),
    ],
)
def test_death_of_the_reader_is_one_error(
    log: Path,
    ends: str,
    error: type[UnclickedError],
    words: str,
    fresh_reader: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unclicked.data.reader_process.STOP_SECONDS", 0.3)
    with monkeypatch.context() as context:
        context.setattr(CODE, f"import os, signal, sys, time; sys.stdin.readline(); {ends}")
        with pytest.raises(error, match=words) as caught:
            column_types(log, LIMITS)
    assert caught.value.where == str(log)
    # The next file is read by a new child.
    assert list(column_types(log, LIMITS)) == ["who", "n"]


def test_a_reader_that_left_is_replaced_without_a_word(
    log: Path, fresh_reader: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = "import unclicked.data.reader_child as c; c.IDLE_SECONDS = 0.1; c.main()"
    monkeypatch.setattr(CODE, idle)
    column_types(log, LIMITS)
    first = READER.pid
    time.sleep(0.5)
    assert list(column_types(log, LIMITS)) == ["who", "n"]
    assert READER.pid != first


def test_memory_that_a_text_needs_is_limited(tmp_path: Path, fresh_reader: None) -> None:
    path = tmp_path / "big.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), ["x" * (1 << 20)])
    pq.write_table(pa.table({"who": texts, "n": [1] * 3000}), path)
    small = ReadLimits(memory_gib=0.6, max_expansion=1e6)
    with pytest.raises(ResourceError, match=r"row group 0.*644245094 bytes.*reader_memory_gib"):
        read_file(plan(path), small)
    # That child has gone, and what it lacked is forgotten.
    assert list(column_types(path, LIMITS)) == ["who", "n"]


def test_a_claim_of_the_footer_is_weighed_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    block = pa.table({"who": pa.array([0] * (1 << 20)), "n": pa.array([0] * (1 << 20))})
    with pq.ParquetWriter(path, block.schema) as writer:
        for _ in range(17):
            writer.write_table(block)
    size = path.stat().st_size
    rows, needed = 17 << 20, (17 << 20) * 16
    words = rf"claims {rows} rows, at least {needed} bytes, {needed // size} times.*max_expansion"
    with pytest.raises(ResourceError, match=words):
        read_file(plan(path), ReadLimits(max_expansion=0.001))


def test_a_file_that_vanished(log: Path) -> None:
    found = plan(log)
    log.unlink()
    with pytest.raises(FileNotFoundError):
        read_file(found, LIMITS)


def test_a_column_that_vanished_while_reading(log: Path) -> None:
    found = plan(log)
    pq.write_table(pa.table({"who": [1.5], "n": [2]}), log)
    with pytest.raises(ArtefactError, match="changed while it was read"):
        read_file(found, LIMITS)


def test_header_twice_keeps_its_kind_of_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,a\n1,2\n")
    with pytest.raises(UserError, match='"a" twice'):
        column_types(path, LIMITS)


def test_children_of_a_fork_have_readers_of_their_own(log: Path) -> None:
    column_types(log, LIMITS)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from unclicked.data.reader import column_types\n"
        "from unclicked.data.reader_limits import ReadLimits\n"
        "from unclicked.data.reader_process import READER\n"
        "path = Path(sys.argv[1])\n"
        "column_types(path, ReadLimits())\n"
        "first = READER.pid\n"
        "if (child := os.fork()) == 0:\n"
        "    fits = list(column_types(path, ReadLimits())) == ['who', 'n']\n"
        "    fits = fits and READER.pid != first\n"
        "    READER.end(kill=True)\n"
        "    os._exit(0 if fits else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert list(column_types(path, ReadLimits())) == ['who', 'n']\n"
        "assert READER.pid == first\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(log)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_reader_ends_with_its_parent(log: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from unclicked.data.reader import column_types\n"
        "from unclicked.data.reader_limits import ReadLimits\n"
        "from unclicked.data.reader_process import READER\n"
        "column_types(Path(sys.argv[1]), ReadLimits())\n"
        "print(READER.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(log)], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "Z" in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]:
            return
        time.sleep(0.05)
    raise AssertionError("the reader lives on")
