"""The system calls by which a process changes a folder, counted and made to fail by `strace`."""

from __future__ import annotations

import re
import select
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torture.forks import Ended, Fork

CHANGING = (
    "openat,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,rename,renameat,"
    "renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,truncate,ftruncate,fallocate,link,linkat,"
    "symlink,symlinkat,copy_file_range,sendfile,chmod,fchmod,fchmodat"
)
# "123 write(5</a/b>, ..." and not "123 <... write resumed>".
LINE = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
FAULTS = {"SIGKILL": "signal=SIGKILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}


@dataclass(frozen=True)
class Call:
    """One system call of an unbroken run.

    Args:
        name: Its name.
        number: How many of that name its thread had made, with this one.
        text: How `strace` shows it.
    """

    name: str
    number: int
    text: str


def is_there() -> bool:
    """Whether this system has `strace`."""
    return shutil.which("strace") is not None


def changing_calls(arguments: Sequence[str], said: Path, folder: Path) -> list[Call]:
    """Calls by which an unbroken run changes a folder, in order.

    Args:
        arguments: What comes after `unclicked`.
        said: File for what it prints.
        folder: The folder.

    Returns:
        The calls of the thread that does the work.

    Raises:
        RuntimeError: If the run fails, or another thread changes the folder too.
    """
    log = said.with_suffix(".trace")
    fork, ended = _traced(arguments, said, log, ["-e", f"trace={CHANGING}"])
    if ended.code != 0:
        raise RuntimeError(f"{arguments} ended with {ended.code}: {ended.said}")
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for line in log.read_text("utf-8", errors="replace").splitlines():
        if match := LINE.match(line):
            pid, name, rest = match["pid"], match["name"], match["rest"]
            seen[pid, name] += 1
            if not _changes(name, rest, folder):
                continue
            if int(pid) != fork.pid:
                raise RuntimeError(f"another thread changes the folder: {line}")
            found.append(Call(name, seen[pid, name], line))
    return found


def _changes(name: str, rest: str, folder: Path) -> bool:
    return f"{folder}/" in rest and (name != "openat" or "O_CREAT" in rest)


def hurt(
    arguments: Sequence[str], said: Path, folder: Path, call: Call, fault: str
) -> tuple[Ended, bool]:
    """Run with one call that fails.

    Args:
        arguments: What comes after `unclicked`.
        said: File for what it prints.
        folder: The folder.
        call: The call.
        fault: A key of `FAULTS`.

    Returns:
        How the run ended, and whether the call that failed was one on the folder.
    """
    log = said.with_suffix(".trace")
    inject = f"inject={call.name}:{FAULTS[fault]}:when={call.number}"
    fork, ended = _traced(arguments, said, log, ["-e", f"trace={call.name}", "-e", inject])
    last, failed = "", []
    for line in log.read_text("utf-8", errors="replace").splitlines():
        match = LINE.match(line)
        if match and int(match["pid"]) == fork.pid:
            last = line
        if "(INJECTED)" in line and line.startswith(f"{fork.pid} "):
            failed.append(last)
    if fault == "SIGKILL":
        failed = [last] if ended.code == -9 else []
    return ended, len(failed) == 1 and f"{folder}/" in failed[0]


def _traced(
    arguments: Sequence[str], said: Path, log: Path, options: Sequence[str]
) -> tuple[Fork, Ended]:
    fork = Fork(arguments, said, waits=True)
    command = ["strace", "-f", "-y", "-s", "8", "-o", str(log), *options, "-p", str(fork.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    if tracer.stderr is None or not select.select([tracer.stderr], [], [], 10.0)[0]:
        tracer.kill()
        raise RuntimeError("strace cannot follow a process here")
    line = tracer.stderr.readline()
    if "attached" not in line:
        fork.end(0.0)
        raise RuntimeError(f"strace cannot follow a process here: {line.strip()}")
    fork.go()
    ended = fork.end()
    tracer.communicate()
    return fork, ended
