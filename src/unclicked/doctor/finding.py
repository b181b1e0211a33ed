"""What the doctor finds: one check, how it went, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        name: Short name of what was looked at.
        level: "ok", "warn" (it works, but look) or "fail" (it must not be used as it is).
        found: What was found.
        advice: What to do; empty where nothing is to be done.
    """

    name: str
    level: Level
    found: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as JSON holds it.

        Returns:
            Keys "name", "level", "found" and "advice".
        """
        return asdict(self)


@dataclass(frozen=True)
class Diagnosis:
    """All that was found at one target.

    Attributes:
        target: Path of the data set, run or bundle; empty for the environment.
        kind: "environment", "data set", "run" or "bundle".
        findings: The checks in the order in which they were made.
        next_step: A command to go on with.
        skip_signal: The skip signal of a data set, where it could be told.
    """

    target: str
    kind: str
    findings: list[Finding]
    next_step: str
    skip_signal: dict[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether something failed."""
        return any(one.level == "fail" for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as JSON holds it.

        Returns:
            Keys "target", "kind", "findings" and, for a data set, "skip_signal".
        """
        facts: dict[str, Any] = {
            "target": self.target,
            "kind": self.kind,
            "findings": [one.as_json() for one in self.findings],
        }
        if self.skip_signal is not None:
            facts["skip_signal"] = self.skip_signal
        return facts


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Findings as aligned lines of a terminal.

    Args:
        findings: The findings.

    Returns:
        One line for each, and one below it where there is something to do.

    Example:
        >>> for line in finding_lines([Finding("disk", "ok", "9 GiB free"),
        ...                            Finding("threads", "warn", "8 of 2 cores", "Set 2.")]):
        ...     print(line)
        ok    disk     9 GiB free
        warn  threads  8 of 2 cores
                       -> Set 2.
    """
    told = list(findings)
    width = max((len(one.name) for one in told), default=0)
    lines = []
    for one in told:
        lines.append(f"{one.level:<4}  {one.name:<{width}}  {one.found}")
        if one.advice:
            lines.append(f"{'':<{width + 8}}-> {one.advice}")
    return lines
