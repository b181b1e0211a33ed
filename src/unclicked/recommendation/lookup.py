"""Ids as numbers, one at a time: a dict, where a table would be made anew for every question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError

Code = int
_MOST_SHOWN = 60


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

    def codes(self, ids: Sequence[Any], where: str, part: str = "") -> list[Code]:
        """Numbers of ids; `unknown` for one that is not listed.

        Args:
            ids: Ids in the vocabulary's type, or integers as text.
            where: Path of the list, for the error: `clicked` becomes `clicked[2]`.
            part: What the id is of its entry, such as `.item_id`.

        Returns:
            Their numbers.

        Raises:
            UserError: If an id is of another type; the first one is named by its path.
        """
        return self._codes(ids, lambda place: f"{where}[{place}]{part}")

    def code(self, one: Any, where: str) -> Code:
        """Number of one id; `unknown` if it is not listed.

        Args:
            one: The id.
            where: Its path, for the error.

        Returns:
            Its number.

        Raises:
            UserError: If it is of another type.
        """
        return self._codes([one], lambda place: where)[0]

    def _codes(self, ids: Sequence[Any], path: Callable[[int], str]) -> list[Code]:
        if self._integers and ids and all(isinstance(one, str) for one in ids):
            ids = self._parsed(ids, path)
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
            fits = (type(one) is wanted and self._fits(one) for one in ids)
            place = next(place for place, well in enumerate(fits) if not well)
            kind = self.vocabulary.values.type
            raise UserError(
                "ID", path(place), f"found {_shown(ids[place])}, expected an id of type {kind}."
            )
        return codes

    def _parsed(self, ids: Sequence[str], path: Callable[[int], str]) -> list[Any]:
        """Integers that are spelled as text."""
        try:
            return self.vocabulary.parse(ids, "")
        except UserError:
            for place, one in enumerate(ids):
                try:
                    self.vocabulary.parse([one], "")
                except UserError:
                    found = f"found {_shown(one)}, expected an id that is a 64-bit integer."
                    raise UserError("ID", path(place), found) from None
            raise

    def _fits(self, one: Any) -> bool:
        if self._integers:
            return bool(-(2**63) <= one < 2**63)
        return one.isascii() or _is_text(one)


def _shown(one: Any) -> str:
    text = repr(one[:_MOST_SHOWN] if isinstance(one, str) else one)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def _is_text(one: str) -> bool:
    """Half of a surrogate pair, which JSON can spell, is no text."""
    try:
        one.encode()
    except UnicodeEncodeError:
        return False
    return True
