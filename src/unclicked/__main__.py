"""`python -m unclicked` is the command line."""

from __future__ import annotations

from unclicked.cli.main import main

if __name__ == "__main__":
    main()
