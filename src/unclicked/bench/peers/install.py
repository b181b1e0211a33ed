"""One virtual environment for each peer, made by venv and pip with pinned versions."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from unclicked.bench.peers.known import LIBRARIES, Library
from unclicked.disk import hold, make_folder
from unclicked.errors import ResourceError, UserError

FOLDER_VARIABLE = "UNCLICKED_PEERS"
TORCH_VARIABLE = "UNCLICKED_PEERS_TORCH"
MARK = "peer.json"
# Builds of torch for CUDA need it, those for processors do not: pip refuses before it downloads.
NO_CUDA = "triton<0\n"
Run = Callable[[list[str], Path], int]


def peers_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Where the environments lie.

    Args:
        environment: Variables; those of the process without.

    Returns:
        The folder; it need not exist.

    Example:
        >>> peers_folder({"UNCLICKED_PEERS": "/tmp/peers"}).as_posix()
        '/tmp/peers'
    """
    told = (os.environ if environment is None else environment).get(FOLDER_VARIABLE, "")
    return Path(told) if told else Path.home() / ".cache" / "unclicked" / "peers"


def python_of(folder: Path, library: Library) -> Path | None:
    """The interpreter of a peer's environment.

    Args:
        folder: Where the environments lie.
        library: The peer's library.

    Returns:
        Its path; None where the peer, in these versions, is not installed.
    """
    python = folder / library.name / "env" / "bin" / "python"
    mark = _mark(folder / library.name)
    whole = mark.get("whole") is True and mark.get("requirements") == list(library.requirements)
    return python if whole and python.exists() else None


def install(folder: Path, say: Callable[[str], None], run: Run | None = None) -> list[str]:
    """Make the environments that are missing.

    Args:
        folder: Where they lie.
        say: Called with lines that tell how far it is.
        run: Runs a command with its output in a file, and returns the exit code; for tests.

    Returns:
        Names of the peers' libraries that were installed now.

    Raises:
        UserError: If pip does not find what is wanted, or something else lies there.
        BusyError: If another process installs there.
    """
    make_folder(folder)
    made = []
    with hold(folder / ".lock", folder):
        for number, library in enumerate(LIBRARIES.values(), 1):
            place = f"{number} of {len(LIBRARIES)}: {library.title}"
            if python_of(folder, library) is not None:
                say(f"{place} is there")
                continue
            say(f"{place}, {library.size}")
            _install(folder / library.name, library, say, run or _run)
            made.append(library.name)
    return made


def _install(place: Path, library: Library, say: Callable[[str], None], run: Run) -> None:
    """Make one environment; without its mark it is not there."""
    if place.exists():
        if not _mark(place):
            raise UserError(
                "BENCH-INSTALL",
                str(place),
                f"found a folder that is no peer's; move it away, or set {FOLDER_VARIABLE}.",
            )
        shutil.rmtree(place)
    place.mkdir()
    mark = {"requirements": list(library.requirements), "python": platform.python_version()}
    _write(place, mark | {"whole": False})
    (place / "constraints.txt").write_text(NO_CUDA, encoding="utf-8")
    log = place / "pip.log"
    if run([sys.executable, "-m", "venv", str(place / "env")], log):
        raise _failed(place, library, "venv", log)
    torch = os.environ.get(TORCH_VARIABLE, "").split()
    wanted = [
        part
        for one in library.requirements
        for part in (torch if torch and one.startswith("torch==") else [one])
    ]
    say(f"  pip install {' '.join(wanted)}")
    python = str(place / "env" / "bin" / "python")
    quiet = ["--disable-pip-version-check", "--progress-bar", "off", "--no-input"]
    limits = ["--constraint", str(place / "constraints.txt")]
    if run([python, "-m", "pip", "install", *quiet, *limits, *wanted], log):
        raise _failed(place, library, "pip", log)
    _write(place, mark | {"whole": True})


def _run(command: list[str], log: Path) -> int:
    """Run a command; all that it says goes to the end of a file."""
    try:
        with log.open("ab") as said:
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
            ).returncode
    except OSError as error:
        raise ResourceError(
            "BENCH-INSTALL", command[0], f"cannot be run: {error.strerror}."
        ) from error


def _failed(place: Path, library: Library, what: str, log: Path) -> UserError:
    """The error of a failed installation, with the first error that pip told."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["nothing"]
    advice = f"{library.advice} " if library.advice else ""
    if "triton" in told[0]:
        advice += (
            "pip found a CUDA build of torch alone, which takes gigabytes and is not used here: "
            f"set {TORCH_VARIABLE} to the arguments by which pip finds one for processors. "
        )
    return UserError(
        "BENCH-INSTALL",
        str(place),
        f"{what} could not install {library.title}: {told[0][:300]} {advice}"
        f"All of it is in {log}; run the same command to try again.",
    )


def _mark(place: Path) -> dict[str, object]:
    """What the installation wrote beside an environment; empty without."""
    try:
        found = json.loads((place / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(place: Path, mark: dict[str, object]) -> None:
    (place / MARK).write_text(json.dumps(mark) + "\n", encoding="utf-8")
