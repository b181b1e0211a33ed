"""Numbers of ids against a dict."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from unclicked.data.id_codes import IdCodes

EXTREMES = [-(2**63), 2**63 - 1, 0, -1, 1]


def naive(parts: list[list[int | str | None]]) -> list[list[int]]:
    known: dict[int | str, int] = {}
    return [
        [-1 if one is None else known.setdefault(one, len(known)) for one in part] for part in parts
    ]


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_those_of_a_dict(text: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts: list[list[int | str | None]] = []
    for size in (0, 10, 20_000, 3, 50_000):
        numbers = rng.integers(-30_000, 30_000, size).tolist() + EXTREMES
        parts.append([f"é{one}" * (one % 3) for one in numbers] if text else numbers)
    kind = pa.string() if text else pa.int64()
    codes = IdCodes(kind)
    found = [codes.encode(pa.chunked_array([part], kind)).tolist() for part in parts]
    assert found == naive(parts)
    in_order = codes.in_order()
    distinct = {one for part in parts for one in part}
    key = (lambda one: str(one).encode()) if text else (lambda one: one)
    assert in_order.ids.to_pylist() == sorted(distinct, key=key)
    ranked = in_order.ids.take(pa.array(in_order.rank[found[2]])).to_pylist()
    assert ranked == parts[2]


def test_chunks_slices_and_nulls() -> None:
    parts: list[list[int | str | None]] = [["b", None, "", "b"], ["a"], [None], []]
    column = pa.chunked_array([["x", *parts[0]], *parts[1:]], pa.string()).slice(1)
    joined: list[int | str | None] = [one for part in parts for one in part]
    assert IdCodes(pa.string()).encode(column).tolist() == naive([joined])[0]


def test_ids_that_fall_on_one_another() -> None:
    # Multiples of a large power of two share their low bits.
    ids = [number << 44 for number in range(5000)]
    codes = IdCodes(pa.int64())
    assert codes.encode(pa.chunked_array([ids])).tolist() == list(range(5000))
