"""Candidate retrieval that also reads what a user was shown and passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unclicked.data.dataset import PreparedDataset
    from unclicked.preparing import prepare
    from unclicked.recommender import Recommender

__version__ = "0.1.0"
__all__ = ["PreparedDataset", "Recommender", "__version__", "prepare"]

_HOMES = {
    "PreparedDataset": "unclicked.data.dataset",
    "Recommender": "unclicked.recommender",
    "prepare": "unclicked.preparing",
}


def __dir__() -> list[str]:
    """The public names, for whoever lists or completes them."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import public names when they are asked for, so that the plug-in alone stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'unclicked' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
