"""The studies by name; a new one is one file and one line here."""

from __future__ import annotations

from unclicked.reproduce.studies import (
    controls,
    figure4,
    figure5,
    figure6,
    figure7,
    plugin,
    table1,
    table2,
    table3,
)
from unclicked.reproduce.study import Study

STUDIES: dict[str, Study] = {
    "table1": table1.STUDY,
    "table2": table2.STUDY,
    "table3": table3.STUDY,
    "figure4": figure4.STUDY,
    "figure5": figure5.STUDY,
    "figure6": figure6.STUDY,
    "figure7": figure7.STUDY,
    "plugin": plugin.STUDY,
    "controls": controls.STUDY,
}
"""What `reproduce --list` shows, in its order."""
