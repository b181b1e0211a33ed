"""How far the unclicked items moved a user, in numbers that a picture can show."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unclicked.plugin import UnclickedPlugin


def explain(
    plugin: UnclickedPlugin, clicked: Tensor, unclicked: Tensor, user: Tensor
) -> dict[str, Any]:
    """Gate and squared distances of one user.

    Args:
        plugin: The plug-in.
        clicked: Clicked vector h, float [1, D].
        unclicked: Unclicked vector n, float [1, D]; all 0 where there are no unclicked items.
        user: User vector z, float [1, D].

    Returns:
        "gate" with "mean", "min" and "max" over dimensions, and "distances" with
        "clicked_unclicked" |h - n|^2, "moved" |z - h|^2, "clicked_length" |h|^2 and
        "unclicked_length" |n|^2; both None where the plug-in has no unclicked vector.
    """
    if not bool(unclicked.any()):
        return {"gate": None, "distances": None}
    gate = plugin.gate(clicked, unclicked)
    return {
        "gate": {
            "mean": float(gate.mean()),
            "min": float(gate.min()),
            "max": float(gate.max()),
        },
        "distances": {
            "clicked_unclicked": float((clicked - unclicked).square().sum()),
            "moved": float((user - clicked).square().sum()),
            "clicked_length": float(clicked.square().sum()),
            "unclicked_length": float(unclicked.square().sum()),
        },
    }
