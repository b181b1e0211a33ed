"""How the quickstart was made, as commands and facts, and its recommendation as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unclicked.page.digits import duration
from unclicked.quickstart.children import Trained, training_arguments
from unclicked.report.story import Story


def commands(
    out: Path,
    seed: int,
    preset: str,
    num_users: int | None,
    settings: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """The verbs that do step by step what the quickstart did.

    Args:
        out: Its folder.
        seed: Seed of the log and the runs.
        preset: What was planted in the log.
        num_users: Users of the log; None for the preset's.
        settings: What each run sets, by name and dotted key.

    Returns:
        Command lines.
    """
    log, data, runs = out / "log", out / "data", out / "runs"
    users = [] if num_users is None else ["--users", str(num_users)]
    words = [["simulate", str(log), "--preset", preset, *users, "--seed", str(seed)]]
    tables = ["--items", str(log / "items.parquet"), "--users", str(log / "users.parquet")]
    words.append(["prepare", str(log / "impressions.parquet"), *tables, "--out", str(data)])
    for name, own in settings.items():
        words.append(training_arguments(data, runs / name, own, seed))
    words += [["evaluate", str(runs / name)] for name in settings]
    base, *others = (str(runs / name) for name in ("base", "unclicked", "shuffled"))
    metrics = ["--metric", "HR@50,MRR@50,R@50"]
    words += [["compare", base, *others, *metrics], ["compare", "popularity", base, *metrics]]
    return [shlex.join(["unclicked", *line]) for line in words]


def made(
    preset: str,
    seed: int,
    machine: Mapping[str, Any],
    trained: Mapping[str, Trained],
    seconds: float,
) -> list[tuple[str, str]]:
    """Versions, seeds and seconds.

    Args:
        preset: What was planted in the log.
        seed: Seed of the log and the runs.
        machine: Versions, as a run stores them.
        trained: How each training went.
        seconds: How long everything took.

    Returns:
        Pairs of a name and a text.
    """
    versions = [f"{name} {machine[name]}" for name in ("unclicked", "torch", "numpy", "python")]
    took = [f"{name} {duration(one.seconds)}" for name, one in trained.items()]
    return [
        ("log", f"simulated, preset {preset}"),
        ("seed", f"{seed}, of the log and of every run"),
        ("settings", "preset recommended; the runs differ only in what the commands below set"),
        ("versions", ", ".join(versions)),
        ("system", str(machine["system"])),
        ("training", f"{', '.join(took)}; one thread each"),
        ("in all", duration(seconds)),
    ]


def recommendation(story: Story) -> dict[str, Any]:
    """One user's recommendation as JSON.

    Args:
        story: Her story.

    Returns:
        Keys as `recommend --json`, and "user_id", "clicked", "long_term", "unclicked" and "before",
        the items recommended from her clicks alone.
    """
    return story.after | {
        "user_id": story.user_id,
        "clicked": story.clicked,
        "long_term": story.long_term,
        "unclicked": story.unclicked,
        "before": story.before["items"],
    }
