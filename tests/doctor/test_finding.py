"""Findings as lines and as JSON."""

from __future__ import annotations

from unclicked.doctor.finding import Diagnosis, Finding, finding_lines


def test_lines_are_aligned() -> None:
    lines = finding_lines(
        [
            Finding("a", "ok", "one"),
            Finding("longer", "fail", "two", "Do this."),
            Finding("b", "warn", "three"),
        ]
    )
    assert lines == [
        "ok    a       one",
        "fail  longer  two",
        "              -> Do this.",
        "warn  b       three",
    ]
    assert finding_lines([]) == []


def test_json_and_failure() -> None:
    good = Diagnosis("x", "run", [Finding("a", "ok", "one")], "go on")
    bad = Diagnosis("x", "data set", [Finding("a", "fail", "one", "do")], "go on", {"nats": None})
    assert (good.failed, bad.failed) == (False, True)
    assert "skip_signal" not in good.as_json()
    assert bad.as_json() == {
        "target": "x",
        "kind": "data set",
        "findings": [{"name": "a", "level": "fail", "found": "one", "advice": "do"}],
        "skip_signal": {"nats": None},
    }
