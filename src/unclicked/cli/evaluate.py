"""The verb `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unclicked.cli import shared
from unclicked.errors import UnclickedError, command
from unclicked.sealed import read_json


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    top_k: Annotated[
        list[str] | None,
        typer.Option(
            "--top-k",
            metavar="LENGTHS",
            help="Lengths of the lists; the run's own without. Repeatable.",
        ),
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="The data set, where it was moved.")] = None,
    threads: shared.Threads = 0,
    device: shared.Device = "cpu",
    as_json: shared.AsJson = False,
) -> None:
    """Judge a run on held-out users.

    Ranks the whole catalogue exactly and keeps each user's metrics in the run.

    Example: unclicked evaluate runs/unclicked --split test --top-k 50,80
    """
    asked = shared.parse_top_k(",".join(top_k)) if top_k else None
    from unclicked.evaluation import evaluate as judge
    from unclicked.run import open_run

    shared.set_threads(threads)
    shared.check_device(device)
    data = shared.open_dataset_of(run, dataset)
    opened = open_run(run, device=device, warn=shared.warn)
    lengths = asked or tuple(opened.config.evaluate.top_k)
    result = judge(opened, data, split=split, top_k=lengths, warn=shared.warn)
    if as_json:
        shared.print_json(result)
        return
    print_metrics(result)
    base = run.parent / "base"
    step = command("recommend", run, "--clicked", "IDS", "--unclicked", "IDS")
    if run.name != "base" and _is_comparable(base, split, opened.facts.dataset_sha256):
        step = command("compare", base, run)
    shared.say_next(step, as_json)


def _is_comparable(base: Path, split: str, dataset_sha256: str) -> bool:
    """Whether a run was judged on the same split of the same data set."""
    try:
        judged = read_json(base / "evaluation" / f"{split}.json")
    except UnclickedError:
        return False
    return isinstance(judged, dict) and bool(judged.get("dataset_sha256") == dataset_sha256)


def print_metrics(result: dict[str, Any]) -> None:
    """Print metrics beside those of the popularity ranking.

    Args:
        result: What `evaluate` gave.
    """
    typer.echo(
        f"{result['run']}: {result['split']}, {result['users']:,} users, "
        f"{result['items']:,} items ranked"
    )
    typer.echo(f"{'':>12}{'this run':>12}{'popularity':>12}")
    for name, value in result["metrics"].items():
        typer.echo(f"{name:>12}{value:>12.2%}{result['popularity'][name]:>12.2%}")
    # A list of the whole catalogue hits whatever the order.
    below = [
        name
        for name, value in result["metrics"].items()
        if name.startswith("HR@") and int(name[3:]) < result["items"]
        if value <= result["popularity"][name]
    ]
    if below:
        typer.echo(
            f"{' and '.join(below)} {'is' if len(below) == 1 else 'are'} not above popularity's: "
            "what this run learned of users is of no use yet. Train longer (train.max_epochs), or "
            "try another train.learning_rate or model.encoder."
        )
    unseen = result["truth_items_without_training_click"]
    if unseen > 0:
        typer.echo(f"{unseen:.1%} of the true items were never clicked in training.")
    one, nothing = result["not_judged"].values()
    if one or nothing:
        typer.echo(
            f"not judged: {one:,} users with a single click in these days, {nothing:,} whose later "
            "clicks repeat earlier ones."
        )
