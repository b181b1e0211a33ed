"""Items of a served catalogue: found by text or field, one by one, and those like another."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from unclicked.errors import UserError
from unclicked.serving.served import Served


class CataloguePages:
    """Answers questions about the items of one served model.

    Args:
        served: The model.
    """

    def __init__(self, served: Served) -> None:
        self.served = served
        self._bundle = served.bundle
        self._ids = served.answerer.inputs.items.ids
        self._words = {
            name: one.vocabulary.values.to_pylist()
            for name, one in served.bundle.catalogue.fields.items()
        }

    def code(self, text: str) -> int | None:
        """Index of an item.

        Args:
            text: Its id as text.

        Returns:
            Its index; None where there is none.
        """
        lookup = self.served.answerer.inputs.items
        try:
            code = lookup.code(text, "item_id")
        except UserError:
            return None
        return None if code == lookup.unknown else code

    def facts(self, code: int) -> dict[str, Any]:
        """What is known of an item.

        Args:
            code: Its index.

        Returns:
            Keys "item_id", "fields", "clicks" and, where items have names, "name".
        """
        catalogue = self._bundle.catalogue
        fields = {}
        for name, field in catalogue.fields.items():
            codes = field.codes[int(field.offsets[code]) : int(field.offsets[code + 1])].tolist()
            words = self._words[name]
            fields[name] = [words[one - 1] for one in codes if 0 < one <= len(words)]
        found: dict[str, Any] = {"item_id": self._ids[code - 1]}
        if self._bundle.names:
            found["name"] = self._bundle.names[code - 1]
        return found | {"fields": fields, "clicks": int(catalogue.clicks[code - 1])}

    @cached_property
    def _texts(self) -> list[str]:
        """What each item is searched by: id, name and field values."""
        return [
            " ".join(
                [str(one["item_id"]), one.get("name", ""), *sum(one["fields"].values(), [])]
            ).lower()
            for one in map(self.facts, range(1, len(self._ids) + 1))
        ]

    def find(self, query: str, field: str, value: str, limit: int) -> list[dict[str, Any]]:
        """Items by text, the most clicked first.

        Args:
            query: Words that must all stand in id, name or field values.
            field: A field to narrow by; empty for none.
            value: The value it must have.
            limit: Items at most.

        Returns:
            Their facts.

        Raises:
            UserError: If the field does not exist.
        """
        codes: list[int] | range = range(1, len(self._ids) + 1)
        if field:
            codes = self.served.answerer.filter.codes({field: [value]}).tolist()
        words = query.lower().split()
        found: list[dict[str, Any]] = []
        for code in codes:
            if len(found) == limit:
                break
            if all(word in self._texts[code - 1] for word in words):
                found.append(self.facts(code))
        return found


def made_up_examples(served: Served, count: int = 6) -> list[dict[str, Any]]:
    """Users that nobody is: clicks in one category, skips in another.

    Args:
        served: The model.
        count: How many.

    Returns:
        Mappings with "label", "clicked", "long_term", "unclicked" and "profile".
    """
    catalogue = served.bundle.catalogue
    ids = served.answerer.inputs.items.ids
    # The field with the fewest values but more than one tells categories best.
    sizes = {name: len(one.vocabulary) for name, one in catalogue.fields.items()}
    names = sorted((name for name, size in sizes.items() if size > 1), key=lambda n: sizes[n])
    if not names:
        few = ids[: min(8, len(ids))]
        return [_example("somebody", few[:4], few[4:])]
    name = names[0]
    words = [str(one) for one in catalogue.fields[name].vocabulary.values.to_pylist()]
    rng = np.random.default_rng(3)
    examples = []
    for _ in range(min(count, len(words))):
        likes, leaves = rng.permutation(len(words))[:2].tolist()
        parts = [served.answerer.filter.codes({name: [words[one]]}) for one in (likes, leaves)]
        clicked, unclicked = (
            [ids[code - 1] for code in rng.choice(part[:40], min(6, len(part[:40])), replace=False)]
            for part in parts
        )
        label = f"made up: clicks {name} {words[likes]}, passes over {words[leaves]}"
        examples.append(_example(label, clicked, unclicked))
    return examples


def _example(label: str, clicked: list[Any], unclicked: list[Any]) -> dict[str, Any]:
    """A user whose last two clicks are the session."""
    return {
        "label": label,
        "clicked": clicked[-2:],
        "long_term": clicked[:-2],
        "unclicked": unclicked,
        "profile": {},
    }
