"""The command that a verb prints last can be pasted into a shell, whatever its paths hold."""

from __future__ import annotations

import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.main import get_command

from unclicked.cli import shared
from unclicked.cli.main import app, run
from unclicked.errors import command

# Each verb with words of which one must stand whole in the command that comes next.
ROAD = [
    ("simulate 'my log' --preset tiny --users 40 --items 80", "my log-data"),
    (
        "prepare 'my log/impressions.parquet' --items 'my log/items.parquet' "
        "--users 'my log/users.parquet' --out 'ü data'",
        "ü data",
    ),
    ("train 'ü data' --out 'r $x/b c' --set model.dim=16 --set train.max_epochs=1", "r $x/b c"),
    ("evaluate 'r $x/b c'", "r $x/b c"),
    ("compare popularity 'r $x/b c'", "r $x/b c"),
    ("recommend 'r $x/b c' --clicked a", "r $x/b c"),
    ("recommend 'r $x/b c' --all-users --out all.parquet", "r $x/b c"),
    ("export 'r $x/b c' --out 'a bundle'", "a bundle"),
    ("recommend 'a bundle' --clicked a", "a bundle"),
    ("items add 'a bundle' new.parquet --by-neighbours", "a bundle"),
    ("doctor 'ü data'", "ü data"),
    ("doctor 'r $x/b c'", "r $x/b c"),
    ("doctor 'a bundle'", "a bundle"),
]


def parsed(line: str) -> list[str]:
    """Words of a command line that the command line takes."""
    words = shlex.split(line)
    assert words[0] == "unclicked"
    verb, rest = get_command(app), words[1:]
    while hasattr(verb, "commands"):
        verb = verb.commands[rest.pop(0)]
    verb.make_context("unclicked", list(rest))
    return words


def test_every_verb_s_next_line_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line, whole in ROAD:
        if line.startswith("items"):
            table = pq.read_table("my log/items.parquet").slice(0, 1)
            ids = pa.array(["brand new"])
            place = table.column_names.index("item_id")
            pq.write_table(table.set_column(place, "item_id", ids), "new.parquet")
        assert run(shlex.split(line)) == 0, (line, capsys.readouterr().err)
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("next: "), line
        assert whole in parsed(last.removeprefix("next: ")), line


def test_the_next_preparation_names_what_lies_there(tmp_path: Path) -> None:
    log = tmp_path / "a b"
    log.mkdir()
    words = parsed(shared.prepare_command(log))
    assert "--config" not in words
    (log / "config.toml").write_text("")
    words = parsed(shared.prepare_command(log))
    assert words[words.index("--config") + 1] == str(log / "config.toml")
    assert words[2] == str(log / "impressions.parquet")


@pytest.mark.parametrize("path", ["a b", "ü", "it's", "$HOME", "a;b", "", "*"])
def test_a_shell_reads_back_what_was_meant(path: str) -> None:
    assert shlex.split(command("train", path, "--out", 7)) == [
        "unclicked",
        "train",
        path,
        "--out",
        "7",
    ]
