"""The methods of the paper's tables: what each changes, and what validation may choose for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = Mapping[str, Any]
SDM, FULL, FUSION = "SDM", "SRU2B", "SRU2B (w/o metric)"
# The paper's presets by (fusion, metric).
PRINTED_PRESETS = {
    ("none", "none"): "sdm",
    ("subtract", "none"): "sru2b-without-confidence-and-metric",
    ("confidence", "none"): "sru2b-without-metric",
    ("none", "asymmetric"): "sru2b-without-fusion-and-symmetry",
    ("confidence", "asymmetric"): "sru2b-without-symmetry",
    ("confidence", "symmetric"): "sru2b",
    ("confidence", "label_unclicked"): "sru2b-unclick-lab",
    ("confidence", "clicked_label"): "sru2b-lab-clk",
    ("confidence", "clicked_unclicked"): "sru2b-unclick-clk",
}


@dataclass(frozen=True)
class Method:
    """One row of a table.

    Attributes:
        name: As the paper's tables print it.
        encoder: Name of the base encoder.
        fusion: Fusion of the plug-in.
        metric: Metric loss of the plug-in.
        extra: Further settings, such as a control's, by dotted key.
    """

    name: str
    encoder: str = "sdm"
    fusion: str = "none"
    metric: str = "none"
    extra: Settings = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What makes it this method, by dotted key."""
        return {
            "model.encoder": self.encoder,
            "model.fusion": self.fusion,
            "model.metric": self.metric,
            **self.extra,
        }

    @property
    def printed_preset(self) -> str:
        """The preset with the paper's printed numbers."""
        return PRINTED_PRESETS[self.fusion, self.metric]

    def with_extra(self, name: str, **extra: Any) -> Method:
        """The same method under another name with further settings.

        Args:
            name: The new name.
            **extra: Settings; two underscores stand for a dot.

        Returns:
            The method.

        Example:
            >>> Method("SDM").with_extra("wide", model__dim=8).extra
            {'model.dim': 8}
        """
        more = {key.replace("__", "."): value for key, value in extra.items()}
        return Method(name, self.encoder, self.fusion, self.metric, {**self.extra, **more})


BASES = {
    "DNN": Method("DNN", "dnn"),
    "GRU4REC": Method("GRU4REC", "gru4rec"),
    "NARM": Method("NARM", "narm"),
    "SHAN": Method("SHAN", "shan"),
    "BINN": Method("BINN", "binn"),
    SDM: Method(SDM, "sdm"),
}
"""The six base recommenders of Table 2, in its order."""

VARIANTS = {
    method.name: method
    for method in (
        Method("SRU2B (w/o conf+metric)", fusion="subtract"),
        Method(FUSION, fusion="confidence"),
        Method("SRU2B (w/o fusion+sym)", metric="asymmetric"),
        Method("SRU2B (w/o sym)", fusion="confidence", metric="asymmetric"),
        Method(FULL, fusion="confidence", metric="symmetric"),
    )
}
"""The five variants of Table 2, in its order."""

TRIPLETS = {
    method.name: method
    for method in (
        Method("SRU2B-unclick&lab", fusion="confidence", metric="label_unclicked"),
        Method("SRU2B-lab&clk", fusion="confidence", metric="clicked_label"),
        Method("SRU2B-unclick&clk", fusion="confidence", metric="clicked_unclicked"),
        VARIANTS["SRU2B (w/o sym)"],
        VARIANTS[FULL],
    )
}
"""The five structures of Table 3, in its order."""
