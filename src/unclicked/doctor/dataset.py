"""Whether a prepared data set is whole, honest and worth training on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unclicked import artefact
from unclicked.config import Config
from unclicked.data.dataset import KIND, PreparedDataset
from unclicked.data.skip_signal import skip_signal_of
from unclicked.data.skip_verdict import says_nothing, signal_line
from unclicked.data.stored_log import LOG_FILE
from unclicked.dataset_settings import resolve_for
from unclicked.doctor.finding import Diagnosis, Finding
from unclicked.doctor.leakage import order_faults, recheck, same_clicks
from unclicked.doctor.machine import free_memory_bytes, readable_bytes
from unclicked.doctor.memory import training_memory
from unclicked.errors import ArtefactError, command

PRESET = "recommended"
# More repeated lines than this share of a log are hardly an accident of an export.
MANY_REPEATS = 0.01


def examine_dataset(path: Path) -> Diagnosis:
    """Check a prepared data set.

    Args:
        path: Its folder.

    Returns:
        The diagnosis, with the skip signal where the data set is whole.
    """
    try:
        dataset = PreparedDataset.open(path)
    except ArtefactError as error:
        broken = Finding("integrity", "fail", str(error), "Prepare the log anew.")
        return Diagnosis(str(path), "data set", [broken], "unclicked prepare --help")
    signal = skip_signal_of(dataset)
    findings = [
        _integrity_finding(dataset),
        *_leakage_findings(dataset),
        *card_findings(dataset.card),
        signal_finding(signal),
        memory_finding(dataset, resolve_for(dataset.config, PRESET), free_memory_bytes()),
    ]
    following = command("train", path, "--out", "runs/unclicked")
    return Diagnosis(str(path), "data set", findings, following, signal)


def _integrity_finding(dataset: PreparedDataset) -> Finding:
    manifest = artefact.verify(dataset.path, KIND, only=())
    sizes = [int(one["bytes"]) for one in manifest["files"].values()]
    found = f"{len(sizes)} files, {readable_bytes(sum(sizes))}, all hashes as stored"
    return Finding("integrity", "ok", found)


def _leakage_findings(dataset: PreparedDataset) -> Iterator[Finding]:
    again = "Prepare the log anew, and report it if it happens again."
    faults = order_faults(dataset)
    count = sum(len(samples) for samples in dataset.splits.values())
    if faults:
        yield Finding("order in time", "fail", "; ".join(faults), again)
    else:
        found = f"inputs end before labels begin in all of {count:,} samples"
        yield Finding("order in time", "ok", found)
    if not (dataset.path / LOG_FILE).is_file():
        found = "not checked further: the data set holds no log"
        yield Finding("leakage", "warn", found, "Prepare the log anew with this version.")
        return
    try:
        if not same_clicks(dataset):
            yield Finding("leakage", "fail", "the clicks are not those of the stored log", again)
            return
        seen = recheck(dataset)
    except ArtefactError as error:
        yield Finding("leakage", "fail", str(error), "Prepare the log anew.")
        return
    found = (
        f"inputs do not depend on what comes after: {seen.differ} of {seen.moments} moments of "
        f"{seen.users} users differ when all later rows are removed"
    )
    if seen.differ:
        yield Finding("leakage", "fail", found, again)
    else:
        yield Finding("leakage", "ok", found)


def card_findings(card: dict[str, Any]) -> Iterator[Finding]:
    """What the data card tells of the log.

    Args:
        card: The card.

    Yields:
        Findings on thin lists, repeated rows, unused columns and users that cannot be judged.
    """
    for text in card["warnings"]:
        # The card's own sentences end with what to try.
        found, _, advice = text.partition(". ")
        yield Finding("data card", "warn", found.rstrip("."), advice)
    if not card["warnings"]:
        lengths = card["mean_length"]
        found = f"{lengths['unclicked']:.1f} unclicked items a sample; nothing to warn of"
        yield Finding("data card", "ok", found)
    yield _rows_finding(card["rows"])
    if card["unused_columns"]:
        found = f"not used: {', '.join(card['unused_columns'])}"
        advice = "Map one with [data.columns], or put fields into --items and --users."
        yield Finding("columns", "warn", found, advice)
    yield _judged_finding(card)


def _rows_finding(rows: dict[str, int]) -> Finding:
    found = (
        f"{rows['duplicates']:,} of {rows['read']:,} lines repeat user, item and time of another "
        f"and count once; {rows['rejected']:,} rejected"
    )
    if rows["duplicates"] > MANY_REPEATS * max(rows["read"], 1):
        advice = "Showings of one item at other times count each; look whether the export doubles."
        return Finding("rows", "warn", found, advice)
    return Finding("rows", "ok", found)


def _judged_finding(card: dict[str, Any]) -> Finding:
    rules, judged = card["rules"]["test"], card["samples"]["test"]
    found = (
        f"{judged:,} of {rules['users_with_clicks']:,} users of the test days; left out "
        f"{rules['users_with_one_click']:,} with a single click, "
        f"{rules['users_with_nothing_new']:,} who clicked nothing new afterwards"
    )
    return Finding("judged users", "ok", found)


def signal_finding(signal: dict[str, Any]) -> Finding:
    """What the skip signal says of training with unclicked items.

    Args:
        signal: The skip signal.

    Returns:
        The finding.
    """
    if signal["nats"] is None:
        return Finding("skip signal", "warn", signal["verdict"])
    line, sentence = signal_line(signal), str(signal["verdict"])
    return Finding("skip signal", "warn" if says_nothing(signal) else "ok", line, sentence)


def memory_finding(dataset: PreparedDataset, config: Config, free: int | None) -> Finding:
    """Whether a training would find the memory that it needs.

    Args:
        dataset: What would be trained on.
        config: The resolved configuration.
        free: Bytes that can still be taken; None where nobody tells.

    Returns:
        The finding.
    """
    need = training_memory(dataset, config)
    found = (
        f"training takes about {readable_bytes(need.total)} (weights "
        f"{readable_bytes(need.weights)}, a batch {readable_bytes(need.batch)})"
    )
    if free is None:
        return Finding("memory", "ok", found)
    found += f"; {readable_bytes(free)} free"
    if need.total > free:
        lower = "train.batch_size" if need.batch > need.weights else "model.dim"
        return Finding("memory", "warn", found, f"Lower {lower}, or free memory.")
    return Finding("memory", "ok", found)
