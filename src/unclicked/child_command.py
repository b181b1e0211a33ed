"""The command of a child process that runs with the modules of its parent."""

from __future__ import annotations

import json
import sys

_MODULES = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "


def child_command(code: str, *arguments: str) -> list[str]:
    """How a child of this interpreter is started, without a look at the current folder.

    Args:
        code: What the child runs; `sys` is imported, and `sys.argv[1:]` are the arguments.
        *arguments: Its arguments.

    Returns:
        The command.

    Example:
        >>> import subprocess
        >>> subprocess.check_output(child_command("print(sys.argv[1])", "hello"), text=True)
        'hello\\n'
    """
    return [sys.executable, "-P", "-c", _MODULES + code, json.dumps(sys.path), *arguments]
