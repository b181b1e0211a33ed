"""Ids as numbers, one at a time: a dict, where a table would be made anew for every question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError

Code = int


class Lookup:
    """Numbers of ids.

    Args:
        vocabulary: Exact ids, numbered from 1.

    Example:
        >>> lookup = Lookup(Vocabulary(pa.array([7, 5])))
        >>> lookup.codes([5, 7, 9], "clicked"), lookup.codes(["7"], "clicked")
        ([2, 1, 3], [1])
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.unknown: Code = vocabulary.unknown
        self.ids: list[Any] = vocabulary.values.to_pylist()
        self._code = {value: code for code, value in enumerate(self.ids, start=1)}
        self._integers = pa.types.is_integer(vocabulary.values.type)

    def codes(self, ids: Sequence[Any], where: str) -> list[Code]:
        """Numbers of ids; `unknown` for one that is not listed.

        Args:
            ids: Ids in the vocabulary's type, or integers as text.
            where: What they are called, for the error.

        Returns:
            Their numbers.

        Raises:
            UserError: If an id is of another type.
        """
        if self._integers and ids and all(isinstance(one, str) for one in ids):
            ids = self.vocabulary.parse(ids, where)
        # One look at the types, and a second one only at ids that are not listed: this is asked for
        # every item of every request.
        wanted, unknown = int if self._integers else str, self.unknown
        alike = set(map(type, ids)) <= {wanted}
        if not alike:
            # From Python ids often come out of arrays.
            ids = [one.item() if isinstance(one, np.generic) else one for one in ids]
            alike = set(map(type, ids)) <= {wanted}
        codes = [self._code.get(one, unknown) for one in ids] if alike else []
        lost = [one for one, code in zip(ids, codes, strict=False) if code == unknown]
        if not alike or not all(map(self._fits, lost)):
            raise UserError(
                "ID",
                where,
                f"found {list(ids)[:3]!r}, expected ids of type {self.vocabulary.values.type}.",
            )
        return codes

    def _fits(self, one: Any) -> bool:
        if self._integers:
            return bool(-(2**63) <= one < 2**63)
        return one.isascii() or _is_text(one)


def _is_text(one: str) -> bool:
    """Half of a surrogate pair, which JSON can spell, is no text."""
    try:
        one.encode()
    except UnicodeEncodeError:
        return False
    return True
