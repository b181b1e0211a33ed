"""Options and small printing that several verbs share."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unclicked.errors import UserError, command

if TYPE_CHECKING:
    from unclicked.data.dataset import PreparedDataset
    from unclicked.ranker import Ranker

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Threads = Annotated[
    int, typer.Option(help="Threads for arithmetic; 0 leaves the choice to torch.", min=0)
]
Device = Annotated[str, typer.Option(help="Where the model lives: cpu, cuda or cuda:1.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, as model.dim=64. Repeatable."),
]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]


def warn(text: str) -> None:
    """Say something a person should read, on stderr.

    Args:
        text: A sentence.
    """
    typer.echo(f"warning: {text}", err=True)


def warn_ignored(reasons: Mapping[str, str]) -> None:
    """Say which settings have no effect.

    Args:
        reasons: Dotted key to the reason.
    """
    for key, reason in reasons.items():
        warn(f"{key} has no effect: {reason}.")


def say_next(text: str, as_json: bool) -> None:
    """Print the last line of a verb: what to do next.

    Args:
        text: A command.
        as_json: Whether stdout belongs to a machine; then nothing is printed.
    """
    if not as_json:
        typer.echo(f"next: {text}")


def print_json(content: Any) -> None:
    """Print one JSON object on stdout.

    Args:
        content: What JSON can hold.
    """
    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False))


def print_names(told: Mapping[str, str], following: str, as_json: bool) -> None:
    """Print what `--list` shows.

    Args:
        told: Name to a sentence about it.
        following: A command for the last line.
        as_json: Whether a machine reads; it gets the names alone.
    """
    if as_json:
        print_json({"names": list(told)})
        return
    for name, sentence in told.items():
        typer.echo(f"{name:<10} {sentence}")
    say_next(following, as_json)


def prepare_command(log: Path) -> str:
    """How a log in a folder of ours is prepared.

    Args:
        log: The folder.

    Returns:
        A command.
    """
    words: list[object] = [log / "impressions.parquet"]
    for table in ("items", "users"):
        words += [f"--{table}", log / f"{table}.parquet"]
    config = log / "config.toml"
    words += ["--config", config] if config.is_file() else []
    return command("prepare", *words, "--out", f"{log}-data")


def expected(found: str, names: Iterable[str]) -> str:
    """What an error says of a name that is none.

    Args:
        found: The name.
        names: Those that there are.

    Returns:
        A sentence or two.

    Example:
        >>> expected("tabel1", ["table1", "plugin"])
        "found 'tabel1', expected one of table1, plugin. Did you mean table1?"
    """
    known = list(names)
    near = difflib.get_close_matches(found, known, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"found {found[:80]!r}, expected one of {', '.join(known)}.{meant}"


def split_list(values: Sequence[str] | None) -> list[str]:
    """Parts of options that are lists and may be repeated.

    Args:
        values: Texts with commas.

    Returns:
        The parts, without empty ones.

    Example:
        >>> split_list(["a,b", "c"])
        ['a', 'b', 'c']
    """
    return [part for text in values or [] for part in text.split(",") if part]


def distinct(values: Sequence[str]) -> list[str]:
    """Names from options that are lists and may be repeated: each once, in order, without spaces.

    Args:
        values: Texts with commas.

    Returns:
        The names.

    Example:
        >>> distinct(["HR@50, R@80", "HR@50"])
        ['HR@50', 'R@80']
    """
    return list(dict.fromkeys(part.strip() for part in split_list(values) if part.strip()))


def parse_top_k(text: str) -> tuple[int, ...]:
    """List lengths from an option.

    Args:
        text: Whole numbers with commas.

    Returns:
        The numbers, each once.

    Raises:
        UserError: If a part is no whole number of at least 1.

    Example:
        >>> parse_top_k("80,50,80")
        (80, 50)
    """
    try:
        numbers = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise UserError("TOP-K", f"--top-k {text}", "expected whole numbers, as 50,80.")
    return numbers


def set_threads(threads: int) -> None:
    """Fix the number of threads for arithmetic.

    Args:
        threads: How many; 0 changes nothing.
    """
    if threads:
        import torch

        torch.set_num_threads(threads)


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Args:
        device: Name of a device.

    Raises:
        UserError: If torch does not know or have it.
    """
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        # torch lists every kind of device that it was ever built for.
        why = str(error).partition("\n")[0]
        why = "no such kind" if why.startswith("Expected one of") else why.rstrip(".")
        advice = "Expected cpu, or cuda where torch has it: `unclicked doctor` tells."
        found = f"cannot be used ({why}). {advice}"
        raise UserError("DEVICE", f"--device {device}", found) from None


def open_ranker(folder: Path, dataset: Path | None, device: str) -> Ranker:
    """The model of a run or a bundle, to make lists for everybody.

    Args:
        folder: Folder of either.
        dataset: Where the data set lies, if that was said; a bundle does not know.
        device: Where the model is put.

    Returns:
        The model.

    Raises:
        UserError: If a bundle is asked without a data set.
    """
    from unclicked.bundle import is_bundle, open_bundle
    from unclicked.ranker import ranker_of
    from unclicked.run import open_run

    if not is_bundle(folder):
        return ranker_of(open_run(folder, device=device))
    if dataset is None:
        found = "is a bundle, which holds no log. Say where its data set lies with --dataset."
        raise UserError("RUN-DATASET", str(folder), found)
    return open_bundle(folder, device=device).ranker


def open_dataset_of(run: Path, given: Path | None) -> PreparedDataset:
    """The data set of a run.

    Args:
        run: Folder of the run.
        given: Where it lies now, if it was moved.

    Returns:
        The data set, opened.

    Raises:
        UserError: If it is not where the run says.
    """
    from unclicked.data.dataset import PreparedDataset
    from unclicked.run import read_facts

    path = given or read_facts(run).dataset
    if not path.is_dir():
        raise UserError(
            "RUN-DATASET", str(path), "is not there. Say where the data set lies with --dataset."
        )
    return PreparedDataset.open(path)
