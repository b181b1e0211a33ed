"""What a bundle holds, and the names of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.data.vocabulary import Vocabulary
from unclicked.model import UnclickedRecommender
from unclicked.ranker import Ranker
from unclicked.recommendation.answerer import Searcher

FORMAT = 1
FACTS, WEIGHTS, ITEMS = "bundle.json", "model.safetensors", "items.parquet"
GOLDEN, CARD, CARD_TEXT = "golden.json", "card.json", "card.md"
CATALOGUE, PROFILES = "catalogue", "profiles"
INDEX, INDEX_FACTS = "index.faiss", "index.json"
TOWER, TOWER_FACTS = "user_tower.onnx", "user_tower.json"
# The second is there where one file would be too large.
TOWER_FILES = (TOWER, f"{TOWER}.data", TOWER_FACTS)


def users_kept(config: Config) -> int:
    """Rows of a user table in a bundle: none, or one that stands for nobody.

    Args:
        config: The run's configuration.

    Returns:
        1 where the model has a table of users, whose only row is then 0; else 0.
    """
    return int(config.model.use_user_id)


@dataclass(frozen=True)
class Bundle:
    """A model ready to be asked, opened from its folder.

    Attributes:
        path: Its folder.
        sha256: Hash of its manifest, which holds the hash of every file: the model's identity.
        name: Name of the run it was exported from.
        config: The resolved configuration.
        catalogue: The items.
        names: Names of the items for people, in the catalogue's order; empty where there are none.
        profile_vocabularies: Values of each profile field.
        model: The model, in evaluation mode.
        index: What searches the items instead of an exact search; None for the exact one.
        golden: Queries with the answers that this model gives.
        card: The model card.
    """

    path: Path
    sha256: str
    name: str
    config: Config
    catalogue: Catalogue
    names: list[str]
    profile_vocabularies: dict[str, Vocabulary]
    model: UnclickedRecommender
    index: Searcher | None
    golden: list[dict[str, Any]]
    card: dict[str, Any]

    @property
    def ranker(self) -> Ranker:
        """The model, as lists for everybody ask it; the bundle's hash stands for its weights."""
        trained_on = str(self.card["data"]["sha256"])
        return Ranker(self.path, self.config, self.model, trained_on, self.sha256)
