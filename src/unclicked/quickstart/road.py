"""Simulate, prepare, train three models, judge, compare, recommend, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unclicked.bundle import export_bundle
from unclicked.data.card import card_lines
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.evaluation import evaluate
from unclicked.page.digits import duration
from unclicked.progress import bar
from unclicked.quickstart.children import (
    Job,
    Trained,
    assignments,
    run_all,
    side_by_side,
    training_arguments,
)
from unclicked.quickstart.place import REPORT, fresh_folder
from unclicked.quickstart.telling import commands, made, recommendation
from unclicked.report.facts import POPULARITY, ReportFacts
from unclicked.report.gather import Asked, gather
from unclicked.report.lines import comparison_lines, run_lines, story_lines
from unclicked.report.page import write_report
from unclicked.report.story import Story, tell_story
from unclicked.report.summary import summarise
from unclicked.run import Run, open_run
from unclicked.settings import parse_set, preset_settings, resolve
from unclicked.sources.simulate import simulate
from unclicked.training.log import read_log_lines

NUM_USERS = 2_000
MODELS: dict[str, dict[str, Any]] = {
    "unclicked": {},
    "shuffled": {"data.unclicked.source": "shuffled"},
    "base": {"model.fusion": "none", "model.metric": "none"},
}
SHOWN = ("base", "unclicked", "shuffled")
SERVED = ("unclicked", "base")
COMPARED = ("HR@50", "MRR@50", "R@50")
CARD_KEYS = ("rows", "users", "items", "samples", "mean_length", "warnings", "rules")
CARD_LINES = ("rows", "users, items", "clicks", "training", "validation", "test", "samples")
TITLE = "Do items that were shown and passed over help?"
Say = Callable[[str], None]


def quickstart(
    out: Path,
    *,
    seed: int = 0,
    preset: str = "planted",
    num_users: int | None = NUM_USERS,
    settings: Mapping[str, Any] | None = None,
    threads: int = 0,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Walk the whole road on a simulated log and write a report about it.

    The base model, the same with unclicked items, and the control that gets other users' unclicked
    items differ in nothing else: one data set, one seed, the settings of `recommended`.

    Args:
        out: Folder to make; an earlier quickstart's is replaced.
        seed: Seed of the log and of every run.
        preset: What is planted in the log.
        num_users: Users of the log; None takes the preset's.
        settings: Further settings of all three runs, by dotted key.
        threads: Trainings side by side, each with one thread; 0 takes two where there are two
            cores.
        say: Called with each line that a person should read.

    Returns:
        Keys "out", "report", "data", "runs", "bundles", "comparisons", "recommendation" and
        "seconds", as `quickstart --json` prints them.

    Raises:
        UserError: If `out` holds something else or a setting is wrong.
        ChildError: If a training fails.
    """
    started = time.monotonic()
    # A wrong setting is refused before anything is made.
    resolve(preset_settings("recommended"), parse_set(assignments(settings or {})))
    with fresh_folder(out, say):
        dataset = _data(out, seed, preset, num_users, say)
        trained = _train(out, dict(settings or {}), seed, threads or side_by_side(), say)
        runs = _judge(out, dataset)
        seconds = time.monotonic() - started
        facts = gather(
            _asked(out, dataset, trained),
            title=TITLE,
            about=f"simulated log, preset {preset}",
            warnings=[f"{name}: {text}" for name, one in trained.items() for text in one.warnings],
            made=made(preset, seed, runs["unclicked"].facts.machine, trained, seconds),
            commands=commands(out, seed, preset, num_users, _all_settings(settings)),
        )
        story = tell_story(runs["unclicked"], dataset)
        _tell(facts, story, say)
        write_report(out / REPORT, facts)
        bundles = {name: out / "bundles" / name for name in SERVED}
        for name, bundle in bundles.items():
            export_bundle(runs[name], bundle)
        seconds = time.monotonic() - started
    summary = summarise(facts)
    say(" ".join(part for part in (summary.sentence, summary.control) if part))
    say(f"report: {out / REPORT} ({duration(seconds)} in all)")
    return {
        "out": str(out),
        "report": str(out / REPORT),
        "data": {"dataset": str(dataset.path)} | {key: dataset.card[key] for key in CARD_KEYS},
        "runs": {one.name: one.evaluation for one in facts.runs},
        "bundles": {name: str(bundle) for name, bundle in bundles.items()},
        "comparisons": facts.comparisons,
        "recommendation": recommendation(story),
        "seconds": round(seconds, 3),
    }


def _data(out: Path, seed: int, preset: str, num_users: int | None, say: Say) -> PreparedDataset:
    say(f"A log is simulated in which the truth is known (preset {preset}, seed {seed}).")
    log = out / "log"
    simulate(log, preset=preset, num_users=num_users, seed=seed)
    dataset = prepare(
        [log / "impressions.parquet"],
        out / "data",
        items=log / "items.parquet",
        users=log / "users.parquet",
    )
    for name, value in card_lines(dataset.card):
        if name in CARD_LINES:
            say(f"{name:>14}  {value}")
    for text in dataset.card["warnings"]:
        say(f"warning: {text}")
    return dataset


def _all_settings(settings: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """What each run sets beside the preset; what makes it that run wins."""
    return {name: {**(settings or {}), **MODELS[name]} for name in MODELS}


def _train(
    out: Path, settings: dict[str, Any], seed: int, at_once: int, say: Say
) -> dict[str, Trained]:
    jobs = [
        Job(name, training_arguments(out / "data", out / "runs" / name, own, seed))
        for name, own in _all_settings(settings).items()
    ]
    names = ", ".join(job.name for job in jobs)
    word = "one at a time" if at_once == 1 else f"{at_once} at a time"
    say(f"Three models are trained, {word}: {names}.")

    def done(job: Job, result: Trained) -> None:
        lines = read_log_lines(out / "runs" / job.name / "log.jsonl")
        epochs = [line["validation_HR@50"] for line in lines if line["kind"] == "epoch"]
        say(
            f"{job.name:>14}  {len(epochs)} epochs, best validation HR@50 {max(epochs):.2%}, "
            f"{duration(result.seconds)}"
        )
        for text in result.warnings:
            say(f"warning: {job.name}: {text}")

    total = len(jobs) * resolve(preset_settings("recommended")).train.max_epochs
    with bar("epochs", total) as shown:
        seen = 0

        def look() -> None:
            nonlocal seen
            now = sum(_epochs_done(out / "runs" / job.name / "log.jsonl") for job in jobs)
            if now > seen:
                shown.advance(now - seen)
                seen = now

        return run_all(jobs, at_once, done, look)


def _epochs_done(log: Path) -> int:
    try:
        return log.read_bytes().count(b'"kind": "epoch"')
    except FileNotFoundError:
        return 0


def _judge(out: Path, dataset: PreparedDataset) -> dict[str, Run]:
    """Judge all runs on the test."""
    runs = {name: open_run(out / "runs" / name) for name in SHOWN}
    for run in runs.values():
        evaluate(run, dataset, split="test")
    return runs


def _asked(out: Path, dataset: PreparedDataset, trained: Mapping[str, Trained]) -> Asked:
    """What the report is about: the base against popularity, the others against the base."""
    base, *others = (out / "runs" / name for name in SHOWN)
    return Asked(
        base=base,
        runs=others,
        dataset=dataset,
        pairs=[(Path(POPULARITY), base), *((base, other) for other in others)],
        metrics=COMPARED,
        seconds={str(out / "runs" / name): one.seconds for name, one in trained.items()},
    )


def _tell(facts: ReportFacts, story: Story, say: Say) -> None:
    """The result, as lines."""
    first = facts.runs[0].evaluation
    say(f"\nTest, {first['users']:,} users, all {first['items']:,} items ranked:")
    told = [*run_lines(facts.runs), "", *comparison_lines(facts.comparisons)]
    for line in (*told, "", *story_lines(story), ""):
        say(line)
