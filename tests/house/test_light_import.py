"""Neither `import unclicked` nor `unclicked --help` waits for torch."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

# The promise is half a second on a quiet machine; a busy one gets three times as long.
SLOWEST_SECONDS = 1.5
HELP = "import sys\nfrom unclicked.cli.main import main, run\nsys.argv = ['unclicked', '--help']\n"
LOADED = "print('torch' in sys.modules, file=sys.stderr)\n"


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_import_without_torch() -> None:
    done = python("import sys, unclicked\n" + LOADED)
    assert (done.returncode, done.stderr.strip()) == (0, "False")


def test_plugin_without_data_layer() -> None:
    done = python(
        "import sys, unclicked.plugin\n"
        "mine = [name for name in sys.modules if name.startswith(('unclicked.data', 'pyarrow'))]\n"
        "print(mine, file=sys.stderr)"
    )
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_help_without_torch() -> None:
    done = python(f"{HELP}run()\n{LOADED}")
    assert (done.returncode, done.stderr.strip()) == (0, "False")
    assert "quickstart" in done.stdout


def test_help_is_quick() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = python(HELP + "main()")
        seconds.append(time.perf_counter() - start)
        assert done.returncode == 0, done.stderr
    median = statistics.median(seconds)
    print(f"unclicked --help: {median:.2f} s")
    assert median < SLOWEST_SECONDS
