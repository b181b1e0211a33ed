"""An interrupt before the first verb is there ends the process, and says nothing of the inside."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# The module is looked for, and the interrupt comes instead; then again when all is loaded.
LOADING = """
import os, signal, sys
from unclicked.__main__ import main

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "unclicked.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
main()
"""
LOADED = """
import os, signal, sys
import unclicked.cli.main as cli
from unclicked.__main__ import main

def work(**_):
    os.kill(os.getpid(), signal.SIGINT)

cli.app = work
main()
"""


@pytest.mark.parametrize(
    ("program", "code", "said"), [(LOADING, -signal.SIGINT, ""), (LOADED, 130, "stopped.\n")]
)
def test_an_interrupt_shows_no_traceback(program: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)
