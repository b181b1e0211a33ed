"""What an item is called on a page: its name and id, or its id and a category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unclicked.data.catalogue import Catalogue
from unclicked.data.dataset import PreparedDataset

USUAL_FIELD = "leaf_category"


@dataclass(frozen=True)
class Labels:
    """Names of some items.

    Attributes:
        ids: Item index to its id.
        names: Item index to its name for people; empty where the log has none.
        values: Item index to its value of one field; empty where there is none.
        field: Name of that field.
    """

    ids: dict[int, Any]
    names: dict[int, str]
    values: dict[int, str]
    field: str

    @staticmethod
    def of(dataset: PreparedDataset, codes: Sequence[int]) -> Labels:
        """Labels of items.

        Args:
            dataset: The data set.
            codes: Item indices.

        Returns:
            The labels.
        """
        ids = dict(zip(codes, dataset.catalogue.items.decode(list(codes)), strict=True))
        field = label_field(dataset.catalogue)
        values = {code: value_of(dataset.catalogue, field, code) for code in codes} if field else {}
        every = dataset.item_names
        names = {} if every is None else {code: every[code - 1] for code in codes}
        return Labels(ids, names, values, field)

    def parts(self, code: int) -> tuple[str, str]:
        """How an item is shown.

        Args:
            code: Item index.

        Returns:
            What stands first, and what stands quietly beside it: name and id, or id and category.
        """
        item_id = str(self.ids[code])
        if self.names.get(code):
            return self.names[code], item_id
        return item_id, self.values.get(code, "")

    def text(self, code: int) -> str:
        """An item in one line.

        Args:
            code: Item index.

        Returns:
            Its parts with a dot between them.
        """
        return " \N{MIDDLE DOT} ".join(part for part in self.parts(code) if part)


def label_field(catalogue: Catalogue) -> str:
    """The field that says best what an item is.

    Args:
        catalogue: The items.

    Returns:
        `leaf_category` where there is such a field, else the first by name; empty without fields.
    """
    if USUAL_FIELD in catalogue.fields:
        return USUAL_FIELD
    return next(iter(catalogue.fields), "")


def value_of(catalogue: Catalogue, name: str, code: int) -> str:
    """Values of one field of an item.

    Args:
        catalogue: The items.
        name: Name of the field.
        code: Item index.

    Returns:
        The values with commas; empty where it has none.
    """
    field = catalogue.fields[name]
    values = field.codes[field.offsets[code] : field.offsets[code + 1]]
    known = [value for value in values.tolist() if 0 < value < field.vocabulary.unknown]
    return ", ".join(map(str, field.vocabulary.decode(known))) if known else ""
