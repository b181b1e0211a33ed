"""Where logs come from: simulated ones, and public ones as downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from unclicked.sources.kuairand import import_kuairand
from unclicked.sources.simulate import simulate
from unclicked.sources.simulate_knobs import PRESETS_SIMULATION, SimulationKnobs, knob_meanings

IMPORTERS: Final[dict[str, Callable[..., dict[str, Any]]]] = {"kuairand": import_kuairand}

__all__ = [
    "IMPORTERS",
    "PRESETS_SIMULATION",
    "SimulationKnobs",
    "import_kuairand",
    "knob_meanings",
    "simulate",
]
