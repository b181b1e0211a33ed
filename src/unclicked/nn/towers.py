"""From an item's fields, or a user's profile, to one vector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from unclicked.errors import UserError
from unclicked.nn.initialise import dense
from unclicked.nn.tables import Table, distinct_of

PROFILE_WIDTH = 4
USER_ID_WIDTH = 64


@dataclass(frozen=True)
class ItemField:
    """Value numbers of one field for padding, every item and the unknown item.

    Attributes:
        num_values: Number of distinct values.
        offsets: int64 [V + 3], where each item's values begin.
        codes: int64, value numbers.
    """

    num_values: int
    offsets: Tensor
    codes: Tensor


def field_widths(dim: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """Width of each item field's embedding.

    The item id takes half of the width; the others share the rest by the logarithm of their
    number of values, in steps of four and at least four each; what is left goes to the largest, so
    that the widths sum to `dim` wherever there is room for four each. Where they do not, the item
    tower ends in a layer.

    Args:
        dim: Width of an item vector.
        sizes: Number of values of each field besides the item id.

    Returns:
        Widths with "item_id" first.

    Source: section 4.3; the official code takes 64, 32, 16 and 16 for its four fields.
    Differs: computed, so that it covers any fields.

    Example:
        >>> field_widths(64, {"brand": 12, "category": 6, "leaf": 30, "shop": 72})
        {'item_id': 32, 'brand': 4, 'category': 4, 'leaf': 8, 'shop': 16}
    """
    if not sizes:
        return {"item_id": dim}
    rest = dim - dim // 2
    weights = {name: math.log2(size + 1) + 1 for name, size in sizes.items()}
    total = sum(weights.values())
    widths = {name: max(4, 4 * int(rest * weight / total / 4)) for name, weight in weights.items()}
    largest = max(widths, key=lambda name: (weights[name], name))
    # Fields lifted to four may have taken more than their share: the wide ones give it back.
    while sum(widths.values()) > rest and max(widths.values()) > 4:
        widths[max(widths, key=lambda name: widths[name])] -= 4
    widths[largest] += max(rest - sum(widths.values()), 0)
    return {"item_id": dim // 2} | widths


class ItemTower(nn.Module):
    """One vector for an item: its fields' embeddings side by side.

    Args:
        num_items: V.
        fields: The fields besides the item id, any number; several values are averaged.
        dim: Width of the vector.
        widths: Width of each field's embedding, "item_id" included.
        init: Initialiser of the tables.

    Raises:
        UserError: If a width is missing, too small, or named for a field that does not exist.

    Source: section 3.3 and 4.3; the official SDM code concatenates field embeddings.
    Differs: where widths do not sum to `dim` a tanh layer follows, as the official code offers.
    """

    def __init__(
        self,
        num_items: int,
        fields: Mapping[str, ItemField],
        dim: int,
        widths: Mapping[str, int],
        init: str,
    ) -> None:
        super().__init__()
        names = ["item_id", *fields]
        if set(widths) != set(names) or min(widths.values()) < 1:
            raise UserError(
                "MODEL-FIELDS",
                "model.field_dims",
                f"found {dict(widths)}, expected a width of at least 1 for each of {names}.",
            )
        self.fields = list(fields)
        for number, field in enumerate(fields.values()):
            # Buffers, so that they follow the model to its device; they are no weights.
            field = _single_values(field)
            self.register_buffer(f"offsets{number}", field.offsets, persistent=False)
            self.register_buffer(f"codes{number}", field.codes, persistent=False)
        self.widths = {name: widths[name] for name in names}
        sizes = {"item_id": num_items} | {n: f.num_values for n, f in fields.items()}
        self.tables = nn.ModuleList(Table(sizes[name], widths[name], init) for name in names)
        total = sum(widths.values())
        self.join = None if total == dim else dense(total, dim, orthogonal=True)

    def table(self, name: str) -> Table:
        """Table of a field.

        Args:
            name: Name of the field, or "item_id".

        Returns:
            The table.
        """
        table = self.tables[list(self.widths).index(name)]
        if not isinstance(table, Table):
            raise TypeError(name)
        return table

    def forward(self, items: Tensor) -> Tensor:
        """Vectors of distinct items.

        Args:
            items: int64 [n], distinct item indices, ascending; V + 1 is the unknown item.

        Returns:
            float [n, dim]; zero for padding unless a layer follows.
        """
        parts = [self.table("item_id").rows(items)]
        parts.extend(self._field(number, items) for number in range(len(self.fields)))
        joined = torch.cat(parts, dim=1)
        return joined if self.join is None else torch.tanh(self.join(joined))

    def first_values(self, name: str, items: Tensor) -> Tensor:
        """First value of a field that each item has.

        Args:
            name: Name of the field.
            items: int64 [n], item indices.

        Returns:
            int64 [n], value numbers; 0 where an item has none.
        """
        number = self.fields.index(name)
        offsets, codes = self.get_buffer(f"offsets{number}"), self.get_buffer(f"codes{number}")
        if not len(offsets):
            return codes.index_select(0, items)
        # An item without a value is given the number 0 that is put behind all.
        begin = offsets.index_select(0, items)
        none = offsets.index_select(0, items + 1) == begin
        padded = torch.cat([codes, codes.new_zeros(1)])
        return padded.index_select(0, begin.masked_fill(none, len(codes)))

    def _field(self, number: int, items: Tensor) -> Tensor:
        table = self.table(self.fields[number])
        offsets, codes = self.get_buffer(f"offsets{number}"), self.get_buffer(f"codes{number}")
        if not len(offsets):
            return table.forward(codes.index_select(0, items))
        begin = offsets.index_select(0, items)
        length = offsets.index_select(0, items + 1) - begin
        ends = length.cumsum(0)
        place = torch.arange(int(ends[-1]), device=items.device)
        place = place + torch.repeat_interleave(begin - (ends - length), length)
        distinct, where = distinct_of(codes.index_select(0, place), table.num_rows)
        return functional.embedding_bag(
            where, table.rows(distinct), offsets=ends - length, mode="mean"
        )

    def long_term(self, name: str, values: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of a field's long-term values, from the same table as the items'.

        Args:
            name: Name of the field.
            values: int64 [B, M], value numbers, 0 is padding.

        Returns:
            float [B, M, width] and bool [B, M].
        """
        return self.table(name).forward(values), values > 0


class ProfileTower(nn.Module):
    """One vector for a user's profile: fields' embeddings side by side, then a tanh layer.

    Args:
        sizes: Number of values of each profile field.
        num_users: Number of users whose id gets an embedding; 0 for none.
        dim: Width of the vector.
        init: Initialiser of the tables.

    Source: section 3.2; widths of the official SDM code (4 for a field, 64 for the user id).
    Differs: the tanh layer is always there, so that the vector has the width of the others.
    """

    def __init__(self, sizes: Mapping[str, int], num_users: int, dim: int, init: str) -> None:
        super().__init__()
        self.tables = nn.ModuleList(Table(size, PROFILE_WIDTH, init) for size in sizes.values())
        self.user_table = Table(num_users, USER_ID_WIDTH, init) if num_users else None
        # Row of each field's first value if the tables lay one below the other, and the end.
        begin = torch.tensor([0, *(size + 2 for size in sizes.values())]).cumsum(0)
        self.register_buffer("begin", begin, persistent=False)
        width = PROFILE_WIDTH * len(sizes) + (USER_ID_WIDTH if num_users else 0)
        self.join = dense(width, dim, orthogonal=True)

    def forward(self, user: Tensor, profile: Tensor) -> Tensor:
        """Vectors of users.

        Args:
            user: int64 [B], number of the user, 0 where unknown.
            profile: int64 [B, P], value numbers, 0 where unknown.

        Returns:
            float [B, dim].
        """
        parts = [self._fields(profile)] if len(self.tables) else []
        if self.user_table is not None:
            parts.append(self.user_table(user))
        return torch.tanh(self.join(torch.cat(parts, dim=1)))

    def _fields(self, profile: Tensor) -> Tensor:
        """All fields' rows side by side; distinct values of all fields are found in one go."""
        tables = [table for table in self.tables if isinstance(table, Table)]
        begin = self.get_buffer("begin")
        if bool((profile >= begin.diff()).any()):
            # It would be a row of the next field's table.
            raise IndexError("profile: a value number lies beyond its field's table")
        num_rows = sum(table.num_rows for table in tables)
        distinct, place = distinct_of(profile + begin[:-1], num_rows)
        count = torch.searchsorted(distinct, begin).diff()
        own = distinct - begin[:-1].repeat_interleave(count)
        parts = zip(tables, own.split(count.tolist()), strict=True)
        rows = torch.cat([table.rows(values) for table, values in parts])
        return rows.index_select(0, place.reshape(-1)).reshape(len(profile), -1)


def _single_values(field: ItemField) -> ItemField:
    """The field itself where an item has several values; else no offsets, one value an item."""
    length = field.offsets.diff()
    if int(length.max()) > 1:
        return field
    # An item without a value gets row 0 of the table, which is zero and stays so.
    codes = field.codes.new_zeros(len(length)).masked_scatter(length > 0, field.codes)
    return ItemField(field.num_values, field.offsets[:0], codes)
