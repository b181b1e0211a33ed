"""Where logs come from: simulated ones, and public ones as downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from unclicked.sources.alidisplay import import_alidisplay
from unclicked.sources.contentwise import import_contentwise
from unclicked.sources.ebnerd import import_ebnerd
from unclicked.sources.finn import import_finn
from unclicked.sources.kuairand import import_kuairand
from unclicked.sources.mind import import_mind
from unclicked.sources.simulate import simulate
from unclicked.sources.simulate_knobs import SimulationKnobs, knob_meanings
from unclicked.sources.simulate_presets import PRESETS_SIMULATION
from unclicked.sources.tencentgr import import_tencentgr
from unclicked.sources.zhihurec import import_zhihurec

IMPORTERS: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "kuairand": import_kuairand,
    "mind": import_mind,
    "ebnerd": import_ebnerd,
    "finn": import_finn,
    "contentwise": import_contentwise,
    "alidisplay": import_alidisplay,
    "tencentgr": import_tencentgr,
    "zhihurec": import_zhihurec,
}

__all__ = [
    "IMPORTERS",
    "PRESETS_SIMULATION",
    "SimulationKnobs",
    "import_alidisplay",
    "import_contentwise",
    "import_ebnerd",
    "import_finn",
    "import_kuairand",
    "import_mind",
    "import_tencentgr",
    "import_zhihurec",
    "knob_meanings",
    "simulate",
]
