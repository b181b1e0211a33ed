"""Whether a bundle is whole and answers as it did when it was exported."""

from __future__ import annotations

from pathlib import Path

from unclicked.bundle import Bundle, contents, open_bundle
from unclicked.bundle.golden import check_golden
from unclicked.doctor.finding import Diagnosis, Finding
from unclicked.errors import UnclickedError, command
from unclicked.recommendation import Answerer
from unclicked.run import machine_facts


def examine_bundle(path: Path) -> Diagnosis:
    """Check a bundle.

    Args:
        path: Its folder.

    Returns:
        The diagnosis.
    """
    try:
        bundle = open_bundle(path)
    except UnclickedError as error:
        found = [Finding("files", "fail", str(error), "Export it anew.")]
        return Diagnosis(str(path), "bundle", found, "unclicked export --help")
    size = sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    whole = f"whole, {size / 2**20:,.1f} MiB, sha256 {bundle.sha256[:12]}"
    findings = [
        Finding("files", "ok", whole),
        _golden(bundle, path),
        _versions(bundle),
        _evaluation(bundle),
        Finding("user data", "ok", "none: no ids, profiles or events of users"),
    ]
    return Diagnosis(str(path), "bundle", findings, command("serve", path))


def _golden(bundle: Bundle, path: Path) -> Finding:
    answerer = Answerer(bundle)
    try:
        check_golden(answerer, bundle.golden, path / contents.GOLDEN)
    except UnclickedError as error:
        return Finding("golden queries", "fail", str(error), "Do not serve it on this machine.")
    return Finding("golden queries", "ok", f"{len(bundle.golden)} answered as at export")


def _versions(bundle: Bundle) -> Finding:
    model = bundle.card.get("model", {})
    trained = model.get("versions", {}) if isinstance(model, dict) else {}
    here = machine_facts()
    differ = [
        f"{name} {here[name]}, trained with {trained[name]}"
        for name in ("unclicked", "torch")
        if name in trained and trained[name] != here[name]
    ]
    if differ:
        return Finding("versions", "warn", "; ".join(differ), "The golden queries decide.")
    return Finding("versions", "ok", "those it was trained with")


def _evaluation(bundle: Bundle) -> Finding:
    splits = bundle.card.get("evaluation")
    if not isinstance(splits, dict) or not splits:
        advice = "Run unclicked evaluate before unclicked export."
        return Finding("evaluation", "warn", "the card has no metrics", advice)
    return Finding("evaluation", "ok", f"the card has metrics of: {', '.join(sorted(splits))}")
