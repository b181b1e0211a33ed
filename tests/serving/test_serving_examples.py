"""The curl lines of the pages are run as they stand, but for the port."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.serving.server_running import running

BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/serving.md")


def curl_lines(text: str) -> list[str]:
    """Each curl command of a page's shell blocks, with what stands on further lines."""
    commands: list[str] = []
    for block in BLOCK.findall(text):
        waiting = ""
        for line in block.splitlines():
            waiting += line.removesuffix("\\") + ("" if line.endswith("\\") else "\n")
            if line.endswith("\\") or waiting.count("'") % 2:
                continue
            if waiting.startswith("curl "):
                commands.append(waiting.strip())
            waiting = ""
    return commands


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_they_are_answered(tiny_bundle: Path) -> None:
    lines = [line for page in PAGES for line in curl_lines((ROOT / page).read_text("utf-8"))]
    assert len(lines) >= 5
    with running(tiny_bundle, "--beside", str(tiny_bundle)) as url:
        for line in lines:
            assert "http://127.0.0.1:8000/" in line, line
            command = line.replace("http://127.0.0.1:8000", url)
            done = subprocess.run(
                ["sh", "-c", command.replace("curl ", "curl --silent --fail-with-body ", 1)],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
            assert done.returncode == 0, f"{line}: {done.stdout} {done.stderr}"
            if "/metrics" not in line:
                assert "error" not in json.loads(done.stdout), line
            if "/recommend" in line and "users" not in line:
                found = json.loads(done.stdout)
                assert found["items"], line
                assert not found["fallback"], line
                assert not any(found["ignored"].values()), line
