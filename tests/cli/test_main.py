"""Every verb's wrong inputs: one line on stderr, nothing on stdout, the right exit code."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FunctionType
from typing import Any

import pyarrow.parquet as pq
import pytest

from unclicked import __version__
from unclicked.cli.main import _explain, run
from unclicked.data import prepare as preparation
from unclicked.errors import (
    ArtefactError,
    BusyError,
    NumericError,
    ResourceError,
    UserError,
    command,
)

WRONG = [
    ("train DATA", 2, "ARGUMENTS"),
    ("train DATA --out X --preset nothing", 2, "CONFIG-PRESET"),
    ("train DATA --out X --set model.dmi=3", 2, "CONFIG-KEY"),
    ("train DATA --out X --set model.dim", 2, "CONFIG-SET"),
    ("train DATA --out X --set data.timezone=UTC", 2, "CONFIG-DATA"),
    ("train DATA --out X --set model.encoder=rnn", 2, "ENCODER-NAME"),
    ("train DATA --out X --set model.encoder_options={layers=2}", 2, "ENCODER"),
    ("train DATA --out X --set model.field_dims={shoe=4}", 2, "MODEL-FIELDS"),
    ("train DATA --out X --config nothing.toml", 2, "CONFIG-FILE"),
    ("train DATA --out X --device cudda", 2, "DEVICE"),
    ("train DATA --out X --seed -1", 2, "USAGE"),
    ("train DATA --out LOG", 2, "OUT"),
    ("train nothing --out X", 2, "ARTEFACT-MISSING"),
    ("train LOG --out X", 3, "ARTEFACT-MISSING"),
    ("train LOG/impressions.parquet --out X", 2, "ARTEFACT-MISSING"),
    ("train RUN --out X", 2, "ARTEFACT-KIND"),
    ("train RUN/vocabulary --out X", 3, "ARTEFACT-KIND"),
    ("train DATA --out RUN", 2, "OUT"),
    ("train DATA --out RUN --resume --set model.dim=32", 2, "RUN-CONFIG"),
    ("evaluate nothing", 2, "ARTEFACT-MISSING"),
    ("evaluate DATA", 2, "ARTEFACT-KIND"),
    ("evaluate RUN --split tset", 2, "SPLIT"),
    ("evaluate RUN --top-k 0", 2, "TOP-K"),
    ("evaluate RUN --top-k 5,x", 2, "TOP-K"),
    ("evaluate RUN --dataset nothing", 2, "RUN-DATASET"),
    ("compare nothing RUN", 2, "COMPARE"),
    ("compare RUN RUN --metric HR@7", 2, "COMPARE"),
    ("recommend RUN", 2, "ARGUMENTS"),
    ("recommend RUN --clicked a --requests r.jsonl", 2, "ARGUMENTS"),
    ("recommend RUN --requests nothing.jsonl", 2, "REQUESTS"),
    ("recommend RUN --clicked a --profile x", 2, "PROFILE"),
    ("recommend RUN --clicked ITEM --profile shoe=43", 2, "PROFILE"),
    ("recommend RUN --clicked ITEM --top-k 0", 2, "TOP-K"),
    ("recommend nothing --clicked a", 2, "ARTEFACT-MISSING"),
    ("recommend DATA --clicked a", 2, "ARTEFACT-KIND"),
    ("prepare nothing.parquet --out X", 2, "DATA"),
    ("prepare LOG/impressions.parquet", 2, "USAGE"),
    ("prepare LOG/impressions.parquet --out X --on-bad-row ignore", 2, "CONFIG-VALUE] --on-bad"),
    ("prepare LOG/impressions.parquet --out X --set data.columns.user_id=who", 2, "DATA-COLUMN"),
    ("prepare LOG/impressions.parquet --out X --set data.split.test_days=8", 2, "DATA-SPLIT"),
    ("prepare LOG/impressions.parquet --out X --items LOG/users.parquet", 2, "DATA"),
    ("prepare LOG/impressions.parquet --out LOG", 2, "OUT"),
    ("prepare LOG/truth.json --out X", 2, "DATA"),
    ("simulate LOG", 2, "OUT"),
    ("simulate X --preset nothing", 2, "SIMULATE-PRESET"),
    ("simulate X --users 0", 2, "USAGE"),
    ("import", 2, "ARGUMENTS"),
    ("import nothing LOG X", 2, "IMPORT-NAME"),
    ("import kuairand nothing X", 2, ""),
    ("nonsense", 2, "USAGE"),
    ("train --nonsense", 2, "USAGE"),
]


@pytest.fixture
def words(
    tiny_log: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    item = pq.read_table(tiny_log / "items.parquet")["item_id"][0].as_py()
    (tmp_path / "r.jsonl").write_text("{}\n")
    paths = {"DATA": tiny_run.parent / "data", "LOG": tiny_log, "RUN": tiny_run}
    return {name: str(path) for name, path in paths.items()} | {"ITEM": item, "X": "new"}


def spelled(line: str, words: dict[str, str]) -> list[str]:
    result = []
    for word in line.split():
        first, slash, rest = word.partition("/")
        result.append(words.get(first, first) + slash + rest)
    return result


@pytest.mark.parametrize(("line", "code", "name"), WRONG, ids=[one[0] for one in WRONG])
def test_wrong_input_is_one_line(
    line: str, code: int, name: str, words: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(spelled(line, words)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error[{name}")
    assert err.count("\n") == 1
    # What is wrong leaves nothing behind that a second try would trip over.
    assert not Path("new").exists()


def test_help_shows_an_example_that_starts_with_the_verb(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verbs = ["simulate", "import", "prepare", "train", "evaluate", "compare", "recommend"]
    for verb in verbs:
        assert run([verb, "--help"]) == 0
        out, err = capsys.readouterr()
        assert f"Example: unclicked {verb} " in out
        assert err == ""


def test_version_and_no_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"unclicked {__version__}\n"
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: unclicked" in out + err
    assert "error[" not in err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ArtefactError("A", "x", "y."), 3, "error[A] x: y."),
        (ResourceError("R", "", "y."), 4, "error[R]: y."),
        (NumericError("N", "x", "y."), 5, "error[N] x: y."),
        (BusyError("B", "x", "y."), 75, "error[B] x: y."),
        (MemoryError(), 4, "error[MEMORY]: not enough memory. Lower train.batch_size"),
        (OSError(errno.ENOSPC, "No space", "f"), 4, "error[DISK] f: No space."),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 2, "error[FILE] f: Permission"),
        (ZeroDivisionError("1\n2"), 1, "error[DEFECT] ZeroDivisionError: 1 2. Please report"),
    ],
)
def test_every_error_has_its_code(
    error: Exception, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _explain(error, []) == code
    err = capsys.readouterr().err
    assert err.startswith(text)
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("simulate X --users 0", "simulate: Invalid value for '--users': found '0', expected grea"),
        ("simulate X --seed ab", "Invalid value for '--seed': found 'ab', expected a valid int"),
        ("export RUN --out X --index foo", "'foo' is not one of 'exact', 'faiss'. See unclicked"),
        ("simulate", "Missing argument 'out'. See unclicked simulate --help."),
        ("train --nonsense", "No such option: --nonsense"),
        ("train DATA --out", "unclicked train: Option '--out' requires an argument. See"),
    ],
)
def test_usage_errors_tell_what_was_found(
    line: str, text: str, words: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(spelled(line, words)) == 2
    err = capsys.readouterr().err
    assert text in err
    assert re.search(r"\w\)?'?\. See unclicked \w+ --help\.\n$", err), err
    assert ".. " not in err


def test_another_data_set_comes_with_advice(
    words: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other data"
    log = words["LOG"]
    assert run(["prepare", f"{log}/impressions.parquet", "--out", str(other)]) == 0
    capsys.readouterr()
    assert run(["evaluate", words["RUN"], "--dataset", str(other)]) == 3
    err = capsys.readouterr().err
    assert f"Give that one with --dataset (it lay in {words['DATA']})" in err
    assert err.endswith(f"{command('train', other, '--out', 'RUN')}\n")
    assert run(["train", log, "--out", "new"]) == 3
    assert "Make one: unclicked prepare LOG --out FOLDER" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("recommend RUN --clicked a", 141),
        ("recommend RUN --requests r.jsonl", 141),
        ("simulate new --preset tiny --users 40 --items 80", 141),
        ("doctor DATA", 141),
        ("reproduce --list", 141),
        ("train --help", 141),
        ("--version", 141),
        ("evaluate nothing", 2),
    ],
)
def test_a_reader_that_went_away_ends_the_verb_silently(
    line: str, code: int, words: dict[str, str]
) -> None:
    asked = [sys.executable, "-m", "unclicked", *spelled(line, words)]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(asked, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert done.returncode == code
    assert code == 2 or "error" not in done.stderr.lower(), done.stderr


def test_a_broken_pipe_of_another_process_is_no_reader_that_went_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As if it were raised in a module of ours.
    ours: dict[str, Any] = {"__name__": "unclicked.doctor"}
    exec(f"def broken(*_):\n    raise BrokenPipeError({errno.EPIPE}, 'Broken pipe')", ours)  # noqa: S102
    monkeypatch.setattr("unclicked.doctor.examine", ours["broken"])
    streams = sys.stdout, sys.stderr
    assert run(["doctor"]) == 1
    assert (sys.stdout, sys.stderr) == streams
    assert capsys.readouterr().err.startswith("error[DEFECT] BrokenPipeError")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_behind_standard_output_is_named(words: dict[str, str]) -> None:
    asked = [sys.executable, "-m", "unclicked", *spelled("recommend RUN --clicked a", words)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(asked, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 4
        told = "error[DISK] standard output: No space left on device."
        assert told in done.stderr.splitlines()
        silent = subprocess.run([*asked[:3], "evaluate", "nothing"], stderr=full, check=False)
        assert silent.returncode == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_work_and_cleans_up(
    number: signal.Signals,
    code: int,
    words: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr(preparation, "_make", lambda *_: os.kill(os.getpid(), number))
    log = words["LOG"]
    assert run(["prepare", f"{log}/impressions.parquet", "--out", str(tmp_path / "d")]) == code
    assert "stopped." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupt_that_becomes_another_error_is_an_interrupt(
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(**_: object) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except KeyboardInterrupt:
            raise SystemError("returned a result with an exception set") from None

    monkeypatch.setattr("unclicked.cli.main.app", work)
    assert run(["prepare"]) == code
    assert capsys.readouterr().err == "stopped.\n"


def test_an_interrupt_that_is_swallowed_where_an_object_ends_comes_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    went: list[str] = []

    class Ends:
        def __del__(self) -> None:
            went.append("ends")
            os.kill(os.getpid(), signal.SIGTERM)
            went.append("here no exception goes further")

    def work(**_: object) -> None:
        Ends()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            pass
        went.append("too far")

    hook = sys.unraisablehook
    monkeypatch.setattr("unclicked.cli.main.app", work)
    assert run(["prepare"]) == 143
    assert went == ["ends"]
    assert capsys.readouterr().err == "stopped.\n"
    assert sys.unraisablehook is hook


@pytest.mark.parametrize(
    "module", ["numba.core.typing", "llvmlite.binding", "importlib._bootstrap"]
)
def test_no_interrupt_is_raised_where_nobody_expects_one(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[str] = []

    def inside() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        went.append("through")

    library = FunctionType(
        inside.__code__, {**globals(), "__name__": module}, closure=inside.__closure__
    )

    def work(**_: object) -> None:
        library()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            pass
        went.append("too far")

    before = signal.getsignal(signal.SIGALRM)
    monkeypatch.setattr("unclicked.cli.main.app", work)
    assert run(["prepare"]) == 143
    assert went == ["through"]
    assert signal.getsignal(signal.SIGALRM) is before


def test_the_trace_is_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNCLICKED_TRACE", "1")
    with pytest.raises(UserError):
        run(["evaluate", "nothing"])


def test_json_is_one_object(words: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "simulate sim --preset tiny --users 40 --items 80 --json",
        "prepare sim/impressions.parquet --items sim/items.parquet --out data --json",
        "train data --out runs/a --set model.dim=16 --set train.max_epochs=1 --json",
        "train data --out runs/b --preset sdm --set model.dim=16 --set train.max_epochs=1 --json",
        "evaluate runs/a --top-k 5,10 --json",
        "evaluate runs/b --top-k 5,10 --json",
        "compare runs/b runs/a --metric HR@5,MRR@10 --json",
        "recommend runs/a --clicked=-3 --unclicked x,y --top-k 3 --json",
        "import --list --json",
    ]
    found = {}
    for line in lines:
        assert run(line.split()) == 0, line
        out, _ = capsys.readouterr()
        assert out.count("\n") == 1, line
        found[" ".join(line.split()[:2])] = json.loads(out)
    prepared = found["prepare sim/impressions.parquet"]
    assert {"dataset", "rows", "users", "items", "samples", "mean_length"} <= set(prepared)
    assert set(prepared["samples"]) == {"train", "validation", "test"}
    assert {"short", "long", "unclicked"} <= set(prepared["mean_length"])
    judged = found["evaluate runs/a"]
    wanted = {"HR@5", "MRR@5", "R@5", "F1@5", "NDCG@5", "coverage@5", "HR@10"}
    assert wanted <= set(judged["metrics"])
    assert {"run", "split", "users", "items"} <= set(judged)
    compared = found["compare runs/b"]["comparisons"]
    assert [(one["run"], one["metric"]) for one in compared] == [
        ("runs/a", "HR@5"),
        ("runs/a", "MRR@10"),
    ]
    listed = found["recommend runs/a"]
    assert listed["ignored"] == {"clicked": ["-3"], "unclicked": ["x", "y"]}
    assert (listed["fallback"], len(listed["items"])) == (True, 3)
    assert found["import --list"]["names"]


def test_verbs_say_what_to_do_next(
    words: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    # Judging writes into the run, which is everybody's.
    words["RUN"] = shutil.copytree(words["RUN"], "copy")
    lines = [
        "simulate sim --preset tiny --users 40 --items 80",
        "prepare sim/impressions.parquet --items sim/items.parquet --out data",
        "evaluate RUN",
        "recommend RUN --clicked ITEM",
    ]
    for line in lines:
        assert run(spelled(line, words)) == 0, line
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("next: unclicked "), line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_with_its_own_code(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(**_: object) -> None:
        raise KeyboardInterrupt(number)

    monkeypatch.setattr("unclicked.cli.main.app", stopped)
    assert run(["train"]) == 128 + number


def test_a_process_ends_with_the_code_of_its_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unclicked", "compare", str(tmp_path / "a"), str(tmp_path / "b")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error[COMPARE-") and done.stderr.count("\n") == 1
