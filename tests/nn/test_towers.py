"""Items and profiles as vectors, against loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unclicked.errors import UserError
from unclicked.nn.towers import ItemField, ItemTower, ProfileTower, field_widths


@given(
    st.integers(4, 40).map(lambda quarter: 4 * quarter),
    st.lists(st.integers(1, 10**6), max_size=6),
)
def test_widths_sum_to_dim_where_there_is_room(dim: int, sizes: list[int]) -> None:
    named = {f"f{number}": size for number, size in enumerate(sizes)}
    widths = field_widths(dim, named)
    assert list(widths) == ["item_id", *named]
    assert min(widths.values()) >= min(4, dim)
    if dim // 2 >= 4 * len(sizes):
        assert sum(widths.values()) == dim
    if sizes and max(sizes) > min(sizes):
        big, small = max(named, key=named.__getitem__), min(named, key=named.__getitem__)
        assert widths[big] >= widths[small]


def test_widths_without_room_are_four_each() -> None:
    assert field_widths(8, {"a": 3, "b": 900}) == {"item_id": 4, "a": 4, "b": 4}


def fields() -> dict[str, ItemField]:
    """Padding, three items and the unknown one; tags: none, {1}, {1, 2}, {}, unknown."""
    brand = ItemField(2, torch.tensor([0, 0, 1, 2, 3, 4]), torch.tensor([1, 2, 1, 3]))
    tags = ItemField(2, torch.tensor([0, 0, 1, 3, 3, 4]), torch.tensor([1, 1, 2, 3]))
    return {"brand": brand, "tags": tags}


def by_loop(tower: ItemTower, items: list[int]) -> torch.Tensor:
    rows = []
    for item in items:
        parts = [tower.table("item_id").weight[item]]
        for name, field in fields().items():
            weight = tower.table(name).weight
            codes = field.codes[int(field.offsets[item]) : int(field.offsets[item + 1])]
            mean = torch.zeros(weight.shape[1])
            for code in codes.tolist():
                mean += weight[code] / len(codes)
            parts.append(mean)
        rows.append(torch.cat(parts))
    joined = torch.stack(rows)
    return joined if tower.join is None else torch.tanh(tower.join(joined))


@pytest.mark.parametrize("dim", [12, 16])
@pytest.mark.parametrize("items", [[0, 1, 2, 3, 4], [1, 2], [3], [4], [0]])
def test_several_values_are_averaged(dim: int, items: list[int]) -> None:
    widths = {"item_id": 4, "brand": 4, "tags": 4}
    tower = ItemTower(3, fields(), dim, widths, "uniform")
    assert (tower.join is None) == (dim == 12)
    # Unknown rows start at zero; give them something, so that they are seen.
    for table in tower.tables:
        table.weight.data[-1] = 0.5
    torch.testing.assert_close(tower(torch.tensor(items)), by_loop(tower, items))


def test_long_term_values_come_from_the_items_table() -> None:
    tower = ItemTower(3, fields(), 12, {"item_id": 4, "brand": 4, "tags": 4}, "uniform")
    values, mask = tower.long_term("brand", torch.tensor([[2, 0], [1, 2]]))
    assert mask.tolist() == [[True, False], [True, True]]
    assert torch.equal(values[1, 1], tower.table("brand").weight[2])
    assert not values[0, 1].any()


def test_first_values() -> None:
    tower = ItemTower(3, fields(), 12, {"item_id": 4, "brand": 4, "tags": 4}, "uniform")
    items = torch.tensor([4, 0, 3, 2, 1])
    assert tower.first_values("brand", items).tolist() == [3, 0, 1, 2, 1]
    assert tower.first_values("tags", items).tolist() == [3, 0, 0, 1, 1]


def test_a_field_of_which_some_items_have_nothing_gives_zeros_there() -> None:
    colour = ItemField(2, torch.tensor([0, 0, 1, 1, 2, 3]), torch.tensor([2, 1, 3]))
    tower = ItemTower(3, {"colour": colour}, 8, {"item_id": 4, "colour": 4}, "uniform")
    vectors, weight = tower(torch.arange(5)), tower.table("colour").weight
    expected = [torch.zeros(4), weight[2], torch.zeros(4), weight[1], weight[3]]
    assert torch.equal(vectors[:, 4:], torch.stack(expected))
    vectors.sum().backward()
    found = tower.table("colour").collect_gradients()
    assert found is not None
    assert found[0].tolist() == [1, 2, 3]


def test_value_numbers_follow_the_model_and_are_no_weights() -> None:
    tower = ItemTower(3, fields(), 12, {"item_id": 4, "brand": 4, "tags": 4}, "uniform")
    assert {name for name, _ in tower.named_buffers()} == {
        "offsets0",
        "codes0",
        "offsets1",
        "codes1",
    }
    assert not any("codes" in name for name in tower.state_dict())
    assert tower.to("meta").get_buffer("codes1").is_meta


@pytest.mark.parametrize(
    "widths",
    [
        {"item_id": 4, "brand": 4},
        {"item_id": 4, "brand": 4, "tags": 0},
        {"item_id": 4, "brand": 4, "tags": 4, "shop": 4},
    ],
)
def test_wrong_widths_are_refused(widths: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"model\.field_dims"):
        ItemTower(3, fields(), 12, widths, "uniform")


@pytest.mark.parametrize("num_users", [0, 5])
def test_a_profile_is_its_values_side_by_side(num_users: int) -> None:
    tower = ProfileTower({"age": 3, "sex": 2}, num_users, 8, "uniform")
    user, profile = torch.tensor([2, 0]), torch.tensor([[3, 1], [0, 2]])
    for row in range(2):
        parts = [tower.tables[0].weight[profile[row, 0]], tower.tables[1].weight[profile[row, 1]]]
        if tower.user_table is not None:
            parts.append(tower.user_table.weight[user[row]])
        expected = torch.tanh(tower.join(torch.cat(parts)))
        torch.testing.assert_close(tower(user, profile)[row], expected)


def test_a_profile_value_beyond_its_table_is_no_value_of_the_next_field() -> None:
    tower = ProfileTower({"age": 3, "city": 9}, 0, 8, "uniform")
    assert tower(torch.tensor([0]), torch.tensor([[4, 10]])).isfinite().all()
    with pytest.raises(IndexError, match="beyond its field's table"):
        tower(torch.tensor([0]), torch.tensor([[5, 1]]))
