"""Lists of some items only: those that have a wanted value in every named field."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.data.catalogue import Catalogue
from unclicked.errors import UserError
from unclicked.recommendation.lookup import Lookup
from unclicked.recommendation.request import key_path
from unclicked.retrieval import ExactIndex

Ints = NDArray[np.int64]
Key = tuple[tuple[str, tuple[str, ...]], ...]
# Filters kept ready, and the share of the catalogue up to which one is.
KEPT, SHARE = 8, 0.25


class Part:
    """Some items of a catalogue with an index of their own.

    Args:
        codes: int64 [n], item indices, ascending; the most clicked items come first.
        vectors: float [V + 1, D], of all items.
        tie_rank: int64 [V + 1], ranks of all items' ids.
    """

    def __init__(self, codes: Ints, vectors: Tensor, tie_rank: Ints) -> None:
        self.codes = codes
        self._index = None
        if len(codes):
            rows = np.concatenate(([0], codes))
            self._index = ExactIndex(vectors[torch.from_numpy(rows)], tie_rank=tie_rank[rows])

    def search(
        self, user: Tensor, top_k: int, exclude: Sequence[int]
    ) -> tuple[list[int], list[float]]:
        """The best of these items for one user.

        Args:
            user: float [1, D].
            top_k: Length of the list.
            exclude: Item indices that must not be in it.

        Returns:
            Item indices and scores, best first.
        """
        if self._index is None:
            return [], []
        place = np.searchsorted(self.codes, exclude)
        inside = place < len(self.codes)
        place = place[inside][self.codes[place[inside]] == np.asarray(exclude)[inside]]
        scores, items = self._index.search(
            user, top_k, (np.array([0, len(place)]), (place + 1).astype(np.int64))
        )
        found = items[0].numpy()
        found = found[found > 0]
        return self.codes[found - 1].tolist(), scores[0, : len(found)].tolist()


class CatalogueFilter:
    """Parts of a catalogue by the values of its fields; the last few asked for are kept.

    Args:
        catalogue: The items and their fields.
        vectors: float [V + 1, D], what users are scored against.
    """

    def __init__(self, catalogue: Catalogue, vectors: Tensor) -> None:
        self._catalogue = catalogue
        self._vectors = vectors
        self._tie_rank = np.array(catalogue.id_rank)
        self._kept: OrderedDict[Key, Part] = OrderedDict()

    @cached_property
    def _lookups(self) -> dict[str, Lookup]:
        """Numbers of each field's values; made when a list is first filtered."""
        return {name: Lookup(one.vocabulary) for name, one in self._catalogue.fields.items()}

    def part(self, only: Mapping[str, Sequence[str]]) -> Part:
        """The items that have one of the values in every field named.

        Args:
            only: Field to values.

        Returns:
            The part; without items where none fits.

        Raises:
            UserError: If a field does not exist.
        """
        key = tuple((name, tuple(sorted(set(only[name])))) for name in sorted(only))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        part = Part(self.codes(only), self._vectors, self._tie_rank)
        if len(part.codes) <= SHARE * len(self._catalogue.items):
            self._kept[key] = part
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return part

    def unknown(self, only: Mapping[str, Sequence[str]]) -> list[str]:
        """Wanted values that no item can have, because the catalogue does not know them.

        Args:
            only: Field to values.

        Returns:
            Texts `NAME=VALUE`, each once.

        Raises:
            UserError: If a value is no text.
        """
        lost = []
        for name, values in only.items():
            lookup = self._lookups[name]
            codes = lookup.codes(values, key_path("filter", name))
            pairs = zip(values, codes, strict=True)
            lost += [f"{name}={value}" for value, code in pairs if code == lookup.unknown]
        return list(dict.fromkeys(lost))

    def codes(self, only: Mapping[str, Sequence[str]]) -> Ints:
        """Numbers of these items.

        Args:
            only: Field to values.

        Returns:
            int64 [n], ascending.

        Raises:
            UserError: If a field does not exist.
        """
        count = len(self._catalogue.items)
        allowed = np.ones(count, dtype=np.bool_)
        for name, values in only.items():
            if name not in self._lookups:
                names = ", ".join(self._lookups) or "none"
                where = key_path("filter", name)
                raise UserError("FILTER", where, f"is no item field; there are: {names}.")
            lookup, field = self._lookups[name], self._catalogue.fields[name]
            found = lookup.codes(values, key_path("filter", name))
            wanted = [code for code in found if code != lookup.unknown]
            hit = np.concatenate(([0], np.cumsum(np.isin(field.codes, wanted))))
            # Row 0 is padding; items are rows 1..V.
            allowed &= (hit[field.offsets[2 : count + 2]] - hit[field.offsets[1 : count + 1]]) > 0
        return np.flatnonzero(allowed) + 1
