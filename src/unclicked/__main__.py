"""`unclicked` and `python -m unclicked` are the command line."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the verbs, run the command line and leave with its exit code."""
    # There is nothing to put away yet: an interrupt ends the process, without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from unclicked.cli.main import main as run

    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
