"""Whether a run is whole, fits its data set, and was trained well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unclicked import artefact, stored_evaluation
from unclicked.data.dataset import KIND, PreparedDataset, content_hash
from unclicked.doctor.curves import curve_findings
from unclicked.doctor.finding import Diagnosis, Finding
from unclicked.doctor.inputs import input_findings
from unclicked.errors import ArtefactError, UserError, command
from unclicked.ignored import ignored_settings
from unclicked.run import VOCABULARY_KIND, RunFacts, machine_facts, open_run, read_facts
from unclicked.settings import flatten, preset_settings, resolve
from unclicked.training import checkpoint as store
from unclicked.training.log import read_log_lines


def examine_run(path: Path) -> Diagnosis:
    """Check a run.

    Args:
        path: Its folder.

    Returns:
        The diagnosis.
    """
    findings: list[Finding] = []
    following = command("evaluate", path)
    try:
        facts = read_facts(path)
        findings.append(Finding("settings", "ok", f"preset {facts.preset}, as they were stored"))
    except ArtefactError as error:
        findings.append(Finding("settings", "fail", str(error), "Train anew."))
        return Diagnosis(str(path), "run", findings, "unclicked train --help")
    findings += _integrity_findings(path)
    findings.append(_dataset_finding(facts))
    findings.append(_machine_finding(facts))
    findings += _ignored_findings(facts)
    if not any(one.level == "fail" for one in findings):
        findings += _training_findings(path, facts)
        findings += _input_findings(path, facts)
    if any(one.name == "evaluation" for one in findings):
        following = command("recommend", path, "--clicked", "IDS", "--unclicked", "IDS")
    return Diagnosis(str(path), "run", findings, following)


def _integrity_findings(path: Path) -> Iterator[Finding]:
    yield _verified("vocabulary", path / "vocabulary", VOCABULARY_KIND)
    folders = store.list_checkpoints(path)
    for folder in folders:
        yield _verified(f"checkpoint {int(folder.name):,}", folder, store.KIND)
    if not folders:
        yield Finding("checkpoints", "fail", "there is none", "Go on with --resume.")
    if (path / stored_evaluation.FOLDER).is_dir():
        folder = path / stored_evaluation.FOLDER
        yield _verified("evaluation", folder, stored_evaluation.KIND)


def _verified(name: str, folder: Path, kind: str) -> Finding:
    try:
        files = artefact.verify(folder, kind)["files"]
    except ArtefactError as error:
        return Finding(name, "fail", str(error), "Go on with --resume, or train anew.")
    return Finding(name, "ok", f"{len(files)} files, all hashes as stored")


def _dataset_finding(facts: RunFacts) -> Finding:
    path = facts.dataset
    if not path.is_dir():
        found = f"{path} is not there"
        return Finding(
            "data set", "warn", found, "evaluate takes where it lies now with --dataset."
        )
    try:
        manifest = artefact.verify(path, KIND, only=())
    except ArtefactError as error:
        return Finding("data set", "warn", str(error), "Prepare the log anew.")
    if content_hash(manifest) != facts.dataset_sha256:
        found = f"{path} is another one now than the run was trained on"
        advice = "Train anew, or give evaluate the old one with --dataset."
        return Finding("data set", "warn", found, advice)
    return Finding("data set", "ok", f"{path}, the same that the run was trained on")


def _machine_finding(facts: RunFacts) -> Finding:
    now = machine_facts()
    changed = [
        f"{name} {facts.machine.get(name)}, now {value}"
        for name, value in now.items()
        if facts.machine.get(name) != value
    ]
    if changed:
        advice = "A rerun may differ in its last bits."
        return Finding("versions", "warn", "; ".join(changed), advice)
    return Finding(
        "versions", "ok", f"as at training: torch {now['torch']}, {now['threads']} threads"
    )


def _ignored_findings(facts: RunFacts) -> Iterator[Finding]:
    """Settings that differ from the preset's and have no effect."""
    try:
        usual = flatten(resolve(preset_settings(facts.preset)))
    except UserError:
        # A preset of another version.
        usual = flatten(facts.config)
    chosen = [key for key, value in flatten(facts.config).items() if usual.get(key) != value]
    reasons = ignored_settings(facts.config, chosen)
    for key, reason in reasons.items():
        advice = "Leave it out, or change the other one."
        yield Finding("no effect", "warn", f"{key}: {reason}", advice)
    if not reasons:
        yield Finding("no effect", "ok", "every setting that was changed is used")


def _input_findings(path: Path, facts: RunFacts) -> Iterator[Finding]:
    """What lists depend on, where the data set is at hand to ask."""
    if facts.own_encoder:
        return
    try:
        run, dataset = open_run(path), PreparedDataset.open(facts.dataset)
    except (UserError, ArtefactError):
        # What is wrong with either was said before.
        return
    if dataset.sha256 == facts.dataset_sha256:
        yield from input_findings(run, dataset)


def _training_findings(path: Path, facts: RunFacts) -> Iterator[Finding]:
    newest, _ = store.newest_valid(path)
    progress, _ = store.read_progress(newest)
    damaged: list[str] = []
    lines = read_log_lines(path / "log.jsonl", damaged.append)
    for text in damaged[:5]:
        yield Finding("log", "warn", text)
    yield from curve_findings(facts.config, progress, lines, validated="refit" not in facts.origin)
