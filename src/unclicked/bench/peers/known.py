"""The peers: their libraries in pinned versions, their models, and what these do not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PAPER_ITEMS: Final = 1_078_723
FEWER_ITEMS: Final = 100_000
TORCH: Final = "torch==2.13.0"


@dataclass(frozen=True)
class Library:
    """A library in an environment of its own.

    Attributes:
        name: Name of the environment's folder.
        title: Name and version for people.
        requirements: What pip is given; whatever needs torch names it with its version.
        script: Name of the file beside this one that builds its models.
        size: What a person should know before it is installed.
        advice: A sentence for an installation that fails; may be empty.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    script: str
    size: str
    advice: str = ""

    @property
    def path(self) -> Path:
        """The file that builds its models."""
        return Path(__file__).with_name(self.script)


@dataclass(frozen=True)
class Peer:
    """A model of a library, as it is measured.

    Attributes:
        name: For people.
        library: Key of `LIBRARIES`.
        lacks: What it does not do, or does otherwise, beside a step of ours.
        memory: What both sides took together at these sizes, rounded up, in GiB.
        num_items: V for both sides.
        last: Whether our side trains the last position of each session; else all, as the peer does.
        order: What its script is told beside the sizes.
    """

    name: str
    library: str
    lacks: str
    memory: int
    num_items: int = PAPER_ITEMS
    last: bool = True
    order: Mapping[str, Any] = field(default_factory=dict)


LIBRARIES: Final = {
    one.name: one
    for one in (
        Library(
            "recbole",
            "RecBole 1.2.1",
            # It names types that numpy 2 no longer has.
            (TORCH, "numpy==1.26.4", "recbole==1.2.1"),
            "with_recbole.py",
            "about 2 GB on the disk",
        ),
        Library(
            "deepmatch",
            "DeepMatch 0.3.2",
            # The last TensorFlow that comes with the Keras it was written for.
            ("tensorflow==2.15.1", "keras==2.15.0", "numpy==1.26.4", "deepmatch==0.3.2"),
            "with_deepmatch.py",
            "about 2 GB on the disk",
            "TensorFlow 2.15 is there for Python 3.9 to 3.11 only.",
        ),
        Library(
            "torch-rechub",
            "torch-rechub 0.9.0",
            (TORCH, "torch-rechub==0.9.0"),
            "with_rechub.py",
            "about 1.5 GB on the disk",
        ),
        Library(
            "rectools",
            "RecTools 0.19.0",
            (TORCH, "rectools[torch]==0.19.0"),
            "with_rectools.py",
            "about 2 GB on the disk",
        ),
    )
}
_BARE: Final = "no unclicked items, no item fields"
_RECBOLE: Final = f"{_BARE}, no long-term list, no profile, 1 label; full softmax, dense AdaGrad"
PEERS: Final = (
    Peer("RecBole GRU4Rec", "recbole", _RECBOLE, 9, order={"model": "GRU4Rec"}),
    Peer("RecBole SASRec", "recbole", _RECBOLE, 9, order={"model": "SASRec"}),
    Peer("RecBole NARM", "recbole", _RECBOLE, 9, order={"model": "NARM"}),
    Peer(
        "DeepMatch SDM",
        "deepmatch",
        f"{_BARE}, 1 label; uniform negatives, all item vectors normalised, dense AdaGrad",
        11,
    ),
    Peer(
        "torch-rechub GRU4Rec",
        "torch-rechub",
        f"{_BARE}, no long-term list, 1 label; 20 negatives a sample, dense AdaGrad",
        7,
    ),
    Peer(
        "RecTools SASRec",
        "rectools",
        f"{_BARE}, no long-term list, no profile, 1 label; full softmax, dense Adam",
        8,
        num_items=FEWER_ITEMS,
        last=False,
    ),
)
