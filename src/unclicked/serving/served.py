"""A model that is served: opened, warmed, asked its golden queries, and only then let in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unclicked.bundle import Bundle, contents, open_bundle
from unclicked.bundle.golden import check_golden
from unclicked.errors import UnclickedError
from unclicked.nn.towers import ItemTower
from unclicked.recommendation import Answerer, Event, Request
from unclicked.serving.validation import of_user_error

WARM_BATCHES = (1, 8)
# What the encoder makes on its way stays with the process after a flood of full batches, and more
# users at once make it no faster; a search is, since the items' vectors are read once for all.
ENCODED = 32
LONGEST_LIST = 50


class ReadyTower(ItemTower):
    """The item tower with the vectors of all items made once: a look-up instead of a sum of fields.

    Args:
        tower: The tower, in evaluation mode.
        num_items: V.
    """

    def __init__(self, tower: ItemTower, num_items: int) -> None:
        # Not the tower's own: its tables are there already.
        nn.Module.__init__(self)
        self.tower = tower
        self.widths = tower.widths
        with torch.no_grad():
            every = torch.arange(num_items + 2, device=next(tower.parameters()).device)
            self.vectors = torch.cat([tower(part) for part in every.split(65_536)])

    def forward(self, items: Tensor) -> Tensor:
        """Vectors of items.

        Args:
            items: int64 [n].

        Returns:
            float [n, D].
        """
        return self.vectors.index_select(0, items)

    def long_term(self, name: str, values: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of a field's long-term values.

        Args:
            name: Name of the field.
            values: int64 [B, M], 0 is padding.

        Returns:
            float [B, M, width] and bool [B, M].
        """
        # No gradient is asked for here, so that nothing is gained by finding distinct values first.
        return functional.embedding(values, self.tower.table(name).weight), values > 0


class Served:
    """One opened bundle, ready to answer.

    Args:
        bundle: The bundle.
        batch_size: Users searched for at once.

    Attributes:
        bundle: The bundle.
        sha256: Its identity.
        vectors: Item vectors, float [V + 1, D].
        tie_rank: Ranks of the items' ids, int64 [V + 1].
        lengths: Their lengths, float [V + 1].
    """

    def __init__(self, bundle: Bundle, batch_size: int) -> None:
        model = bundle.model
        model.tower = ReadyTower(model.tower, model.num_items)
        self.bundle = bundle
        self.sha256 = bundle.sha256
        self.answerer = Answerer(
            bundle, bundle.index, batch_size=batch_size, encoded=ENCODED, ready=True
        )
        self.vectors = model.all_item_vectors()
        self.tie_rank = np.asarray(bundle.catalogue.id_rank)
        self.lengths = torch.linalg.vector_norm(self.vectors, dim=1).clamp(min=1e-12)

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        """Answers to requests; one that cannot be answered spoils no other.

        Args:
            requests: The requests.

        Returns:
            Answers, or problems in their places.
        """
        try:
            return list(self.answerer.answer(requests))
        except UnclickedError as error:
            if len(requests) == 1:
                return [of_user_error(error)]
        return [self.answer([one])[0] for one in requests]

    def similar(self, code: int, top_k: int) -> list[dict[str, Any]]:
        """Items whose vectors point the same way.

        Args:
            code: Index of an item.
            top_k: Length of the list.

        Returns:
            Mappings with "item_id", "score" (cosine) and "rank"; equal scores in the order of ids.
        """
        scores = self.vectors[1:] @ (self.vectors[code] / self.lengths[code]) / self.lengths[1:]
        scores[code - 1] = -torch.inf
        found = min(top_k, len(scores) - 1)
        least = torch.topk(scores, found).values[-1:]
        # All with the last one's score are looked at: of equal ones the smallest ids come first.
        places = torch.nonzero(scores >= least).flatten() if found else torch.empty(0).long()
        names = self.answerer.inputs.items.ids
        order = np.lexsort((self.tie_rank[places.numpy() + 1], -scores[places].numpy()))[:found]
        best = places[torch.from_numpy(order)]
        pairs = zip(best.tolist(), scores[best].tolist(), strict=True)
        return [
            {"item_id": names[place], "score": score, "rank": rank}
            for rank, (place, score) in enumerate(pairs, start=1)
        ]

    def facts(self) -> dict[str, Any]:
        """What `/model` tells."""
        bundle = self.bundle
        card = bundle.card
        return {
            "sha256": bundle.sha256,
            "name": bundle.name,
            "items": len(bundle.catalogue.items),
            "dim": bundle.config.model.dim,
            "encoder": bundle.config.model.encoder,
            "fusion": bundle.config.model.fusion,
            "reads_unclicked": bool(bundle.model.unclicked_readers()),
            "cut": bundle.config.data.unclicked.cut,
            "item_fields": list(bundle.catalogue.fields),
            "profile_fields": {
                name: [str(one) for one in words.values[:LONGEST_LIST].to_pylist()]
                for name, words in bundle.profile_vocabularies.items()
            },
            "time_unit": bundle.config.data.time_unit,
            "metrics": card.get("evaluation", {}),
            "card": str(card.get("user_data", "")),
        }


@torch.no_grad()
def load_served(folder: Path, max_batch: int) -> Served:
    """Open a bundle for service.

    Args:
        folder: The bundle.
        max_batch: Users searched for at once.

    Returns:
        The model after it gave its golden answers.

    Raises:
        UnclickedError: If the bundle cannot be used, or answers otherwise than at export.
    """
    served = Served(open_bundle(folder), max_batch)
    # By exact search, as at export; an approximate index has its own measured recall.
    exact = served.answerer if served.bundle.index is None else Answerer(served.bundle)
    check_golden(exact, served.bundle.golden, folder / contents.GOLDEN)
    # What is compiled or allocated at the first question is there before the first user.
    ids = served.answerer.inputs.items.ids
    lists = Request(ids[:5], ids[5:20], explain=True)
    rows = Request(events=[Event(one, 0, True) for one in ids[:2]], now_us=1)
    for size in WARM_BATCHES:
        served.answer([lists, rows] * min(size, max_batch))
    return served
