"""The plug-in: give any sequential recommender the items that its users passed over.

It needs tensors only, and nothing else of this package: no data set, no trainer, no configuration.
"""

from __future__ import annotations

from unclicked.plugin.module import UnclickedPlugin
from unclicked.plugin.options import PluginOptions
from unclicked.plugin.output import Distances, PluginOutput

__all__ = ["Distances", "PluginOptions", "PluginOutput", "UnclickedPlugin"]
