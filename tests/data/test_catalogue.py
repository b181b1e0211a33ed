"""Items numbered for the sampler, and their fields, against loops."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.model_twin import item_table, side_table
from unclicked.data.catalogue import all_item_ids, build_catalogue, build_profiles
from unclicked.errors import UserError


def test_numbers_descend_in_clicks_then_ascend_in_id() -> None:
    ids, clicks = pa.array(["a", "b", "c", "d", "e"]), np.array([0, 3, 0, 5, 3])
    catalogue = build_catalogue(ids, clicks, None)
    assert catalogue.items.values.to_pylist() == ["d", "b", "e", "a", "c"]
    assert catalogue.clicks.tolist() == [5, 3, 3, 0, 0]
    # Rank of d, b, e, a, c in id order.
    assert catalogue.id_rank.tolist() == [0, 3, 1, 4, 0, 2]


@pytest.mark.parametrize("seed", range(5))
def test_field_codes_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = item_table()
    lacking = pa.array(["i90", "i91"])
    ids = pa.concat_arrays([table.ids, lacking])
    catalogue = build_catalogue(ids, rng.integers(0, 4, size=len(ids)), table)
    rows = table.ids.to_pylist()
    for name, codes in catalogue.fields.items():
        words = codes.vocabulary.values.to_pylist()
        assert words == sorted(set(words))
        found = [
            codes.codes[codes.offsets[item] : codes.offsets[item + 1]].tolist()
            for item in range(len(ids) + 2)
        ]
        assert found[0] == []
        assert found[-1] == [codes.vocabulary.unknown]
        for item, item_id in enumerate(catalogue.items.values.to_pylist(), start=1):
            if item_id not in rows:
                assert found[item] == [codes.vocabulary.unknown]
                continue
            values = table.fields[name].row(rows.index(item_id))
            assert [words[code - 1] for code in found[item]] == values


def test_items_of_the_table_and_of_the_log_are_both_there() -> None:
    table = side_table(["b", "z"], {"brand": [["x"], ["y"]]})
    log = pa.array(["c", "a", "b"])
    assert all_item_ids(log, None, "fail").to_pylist() == ["a", "b", "c"]
    assert all_item_ids(log, table, "unknown").to_pylist() == ["a", "b", "c", "z"]
    with pytest.raises(UserError, match=r"lacks 2 items of the log \(c, a\).*missing_item"):
        all_item_ids(log, table, "fail")


def test_profiles_are_zero_where_nothing_is_known() -> None:
    table = side_table(["u1", "u2", "u3"], {"age": [["old"], [], ["young"]]})
    users = pa.array(["u0", "u1", "u2", "u3"])
    words, profiles = build_profiles(users, table)
    assert words["age"].values.to_pylist() == ["old", "young"]
    assert profiles.tolist() == [[0], [1], [0], [2]]
    assert build_profiles(users, None)[1].shape == (4, 0)


def test_a_profile_of_several_values_is_refused() -> None:
    table = side_table(["u1"], {"age": [["old", "young"]]})
    with pytest.raises(UserError, match="column 'age': holds several values"):
        build_profiles(pa.array(["u1"]), table)
