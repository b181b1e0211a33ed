"""Whether the machine and the installed packages are fit for the work."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from unclicked.doctor.finding import Diagnosis, Finding
from unclicked.doctor.machine import GIB, free_memory_bytes, readable_bytes, usable_cores
from unclicked.errors import UserError

PACKAGE = "unclicked"
LEAST_MEMORY = 2 * GIB
LEAST_DISK = 1 * GIB
_REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?\s*(?:\(?(>=|==)\s*([\d.]+))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")


def examine_environment(folder: Path) -> Diagnosis:
    """Check Python, packages, cores, memory and disk.

    Args:
        folder: Where files would be written.

    Returns:
        The diagnosis.
    """
    findings = [
        python_finding(tuple(sys.version_info[:3])),
        packages_finding(requirements()),
        *_torch_findings(),
        _waiting_finding(os.environ.get("OMP_WAIT_POLICY", "")),
        memory_finding(free_memory_bytes()),
        *_disk_findings(folder),
        _compiled_finding(),
        pairs_finding(_version),
        *_extras_findings(),
    ]
    return Diagnosis("", "environment", findings, "unclicked quickstart")


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to be compared.

    Args:
        version: Such as `2.13.0+cpu`.

    Returns:
        The numbers.

    Example:
        >>> numbers("2.13.0+cpu") >= numbers("2.10"), numbers("3.0rc1")
        (True, (3, 0))
    """
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def requirements(extra: str = "") -> dict[str, str]:
    """What the package asks for, as it is installed.

    Args:
        extra: Name of a group of optional packages; those that are always needed without.

    Returns:
        Name of each package to the least version, to `==` and the only one, or to nothing where
        any will do.
    """
    wanted = {}
    for text in metadata.requires(PACKAGE) or []:
        requirement, _, marker = text.partition(";")
        group = _EXTRA.search(marker)
        found = _REQUIREMENT.match(requirement.strip())
        if found and (group[1] if group else "") == extra:
            wanted[found[1]] = f"{'==' if found[2] == '==' else ''}{found[3] or ''}"
    return wanted


def python_finding(version: tuple[int, ...]) -> Finding:
    """Whether Python is new enough.

    Args:
        version: Its numbers.

    Returns:
        The finding.
    """
    floor = (metadata.metadata(PACKAGE)["Requires-Python"] or "").removeprefix(">=")
    text = ".".join(map(str, version))
    if version < numbers(floor):
        return Finding("python", "fail", f"{text}, needs {floor}", "Use a newer Python.")
    return Finding("python", "ok", f"{text} (needs {floor})")


def packages_finding(wanted: dict[str, str]) -> Finding:
    """Whether every package is there and new enough.

    Args:
        wanted: Name to version, as `requirements` gives them.

    Returns:
        The finding, with the versions that are there.
    """
    faults = [fault for one in wanted.items() if (fault := _fault(*one))]
    there = [f"{name} {_version(name)}" for name in wanted]
    if faults:
        return Finding("packages", "fail", "; ".join(faults), "Install the package anew.")
    return Finding("packages", "ok", ", ".join(there))


def _fault(name: str, wanted: str) -> str:
    found = _version(name)
    if found is None:
        return f"{name} is missing"
    if wanted.startswith("==") and numbers(found) != numbers(wanted.removeprefix("==")):
        return f"{name} {found} is not {wanted.removeprefix('==')}"
    if not wanted.startswith("==") and numbers(found) < numbers(wanted):
        return f"{name} {found} is older than {wanted}"
    return ""


def pairs_finding(version: Callable[[str], str | None]) -> Finding:
    """Whether packages that must be of one making are: torch, TorchRec and FBGEMM.

    Args:
        version: Gives the version of a package, or None.

    Returns:
        The finding.
    """
    names = ("torch", "torchrec", "fbgemm-gpu", "fbgemm-gpu-cpu")
    there = {name: found for name in names if (found := version(name)) is not None}
    told = ", ".join(f"{name} {found}" for name, found in there.items())
    if set(there) <= {"torch"}:
        return Finding("version pairs", "ok", f"{told}; torchrec, which must fit it, is not there")
    # Not before: it loads torch, which another line says where it cannot be.
    from unclicked.training.sharded_packages import refuse_versions

    try:
        refuse_versions(version)
    except UserError as error:
        return Finding(
            "version pairs", "warn", told, f"For train.tables = sharded: {error.message}"
        )
    return Finding("version pairs", "ok", told)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _torch_findings() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        yield Finding("torch", "fail", f"cannot be loaded ({reason})", "Install torch anew.")
        return
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("torch", "ok", f"{torch.__version__}, arithmetic for {capability}")
    yield threads_finding(torch.get_num_threads(), usable_cores())
    from unclicked.processor import fast_bfloat16

    fast = "fast" if fast_bfloat16() else "slow: leave train.logits at float32"
    yield Finding("bfloat16", "ok", f"products on the processor are {fast}")
    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())}
        yield Finding("cuda", "ok", f"{torch.cuda.device_count()}: {', '.join(sorted(names))}")
    else:
        yield Finding("cuda", "ok", "none; everything runs on the processor")


def threads_finding(threads: int, cores: int) -> Finding:
    """Whether more threads than cores would get in each other's way.

    Args:
        threads: Threads for arithmetic.
        cores: Cores that may be used.

    Returns:
        The finding.
    """
    found = f"{threads} on {cores} usable cores"
    if threads > cores:
        return Finding(
            "threads", "warn", found, f"Give --threads {cores}, or set OMP_NUM_THREADS={cores}."
        )
    return Finding("threads", "ok", found)


def _waiting_finding(policy: str) -> Finding:
    found = f"OMP_WAIT_POLICY={policy or 'not set'}"
    if policy.upper() == "PASSIVE":
        return Finding("idle threads", "ok", found)
    return Finding(
        "idle threads",
        "warn",
        found,
        "Set OMP_WAIT_POLICY=PASSIVE: on busy cores waiting threads slow down the others.",
    )


def memory_finding(free: int | None) -> Finding:
    """Whether there is memory to work with.

    Args:
        free: Bytes that can still be taken; None where nobody tells.

    Returns:
        The finding.
    """
    if free is None:
        return Finding("memory", "ok", "the system does not tell how much is free")
    found = f"{readable_bytes(free)} free"
    if free < LEAST_MEMORY:
        return Finding("memory", "warn", found, "Free some; unclicked doctor DATASET says how much")
    return Finding("memory", "ok", found)


def _disk_findings(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    found = f"{readable_bytes(free)} free"
    if free < LEAST_DISK:
        yield Finding("disk", "warn", found, "Free some, or write elsewhere.")
    else:
        yield Finding("disk", "ok", found)
    try:
        with tempfile.TemporaryFile(dir=folder):
            yield Finding("writing", "ok", "files can be written here")
    except OSError as error:
        advice = "Go to a folder of yours, or give --out one."
        yield Finding("writing", "warn", f"not here ({error.strerror})", advice)


def _compiled_finding() -> Finding:
    from unclicked.data.rules_kernel import session_ends

    return cache_finding(Path(str(session_ends.stats.cache_path)))


def cache_finding(cache: Path) -> Finding:
    """Whether compiled code is kept between calls.

    Args:
        cache: Folder of the compiled code; it may not be there yet.

    Returns:
        The finding.
    """
    there = next(path for path in (cache, *cache.parents) if path.exists())
    if os.access(there, os.W_OK):
        return Finding("compiled code", "ok", "is kept between calls")
    return Finding(
        "compiled code",
        "warn",
        "cannot be kept, so that every call compiles it anew (some ten seconds)",
        "Set NUMBA_CACHE_DIR to a folder of yours.",
    )


def _extras_findings() -> Iterator[Finding]:
    for extra in metadata.metadata(PACKAGE).get_all("Provides-Extra") or []:
        wanted = requirements(extra)
        lacking = [name for name in wanted if _version(name) is None]
        faults = [_fault(*one) for one in wanted.items() if one[0] not in lacking]
        others = [fault for fault in faults if fault]
        found = "; ".join([f"lacks {', '.join(lacking)}"] * bool(lacking) + others)
        advice = f'Where it is needed: pip install "{PACKAGE}[{extra}]".' if found else ""
        yield Finding(f"extra {extra}", "warn" if others else "ok", found or "there", advice)
